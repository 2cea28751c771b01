//! The OCR service as an engine: its answers, its silence, its results that turn up in the bucket, and the local engine when none does.
//! Times are those of LEGACY.md divided by twenty; the service and its bucket are a stand-in over the real wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[allow(dead_code)]
#[path = "support/databases.rs"]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/ocr_service.rs"]
mod ocr_service;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/program.rs"]
mod program;
#[path = "support/reading.rs"]
mod reading;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use databases::Db;
use engines::{import, stop, until};
use ocr_service::{OcrService, Plan};
use program::{Home, text};
use reading::{Script, all_ended, images, photos, story, told};
use tagdeck::config::{Config, OcrEngine, OcrService as Settings, Secret};
use tagdeck::domain::Status;
use tagdeck::engine::reader::{Remote, Setup};
use tagdeck::engine::{Engine, Kinds, Options};
use tagdeck::store::Store;

const MS: Duration = Duration::from_millis(1);
const KEY: &str = "service-key-1234";
const KINDS: Kinds = Kinds { tag: false, ocr: true, upload: false };

struct Place {
    folder: tempfile::TempDir,
    db: Db,
    store: Store,
    config: Config,
    script: Arc<Script>,
}

impl Place {
    async fn new(service: &OcrService, deadline: Duration, fallback: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::sqlite();
        let store = db.store().await;
        let mut config = engines::config(&db.url, Vec::new(), &["local/keywords"]);
        config.blob.folder.clone_from(&service.bucket);
        config.ocr.engine = OcrEngine::Service;
        config.ocr.service =
            Settings { url: Some(service.url()), key: Some(Secret::new(KEY)), deadline, poll: 40 * MS, fallback };
        Self { folder, db, store, config, script: Script::new() }
    }

    fn start(&self) -> Engine {
        let setup = Setup { remote: Remote::of(&self.config), ..reading::setup(&self.script) };
        let options = Options { kinds: KINDS, ..Options::default() };
        Engine::start_with(self.store.clone(), &self.config, options, setup)
    }

    async fn import(&self, contents: &[&str]) {
        let post = photos(self.folder.path(), 1, "пост", contents);
        import(&self.store, &[post], Duration::ZERO).await;
    }

    /// Reads all that was imported; the log.
    async fn read(&self) -> Vec<String> {
        let engine = self.start();
        until("every image is read", || all_ended(&self.store)).await;
        story(engine).await
    }

    async fn documents(&self) -> Vec<serde_json::Value> {
        let all = self.db.text("SELECT json_group_array(json(json)) FROM (SELECT json FROM documents ORDER BY id)").await;
        serde_json::from_str(&all.unwrap()).unwrap()
    }
}

fn bucket() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn holds(story: &[String], pieces: &[&str]) {
    let mut lines = story.iter();
    for piece in pieces {
        assert!(lines.any(|line| line.contains(piece)), "{piece:?} is not told in its turn: {story:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_comes_to_the_bucket_after_a_502_is_taken_from_there() {
    let bucket = bucket();
    let plan = Plan::GiveUp { status: 502, after: 100 * MS, result: Some(250 * MS) };
    let service = OcrService::start(bucket.path().to_owned(), vec![plan]).await;
    let place = Place::new(&service, 30_000 * MS, true).await;
    place.import(&["text:какой-то снимок"]).await;
    let story = place.read().await;
    holds(
        &story,
        &[
            "submitted to 127.0.0.1",
            "HTTP 502 after 0.1 s; the service may be at work still: looking into",
            "taken from the bucket after 0.",
            "ocr_done",
        ],
    );
    let submitted = service.submitted();
    assert_eq!(submitted.len(), 1, "{story:#?}");
    assert_eq!(submitted[0].key.as_deref(), Some(KEY));
    assert!(submitted[0].return_content);
    assert!(submitted[0].file_name.starts_with("1-0-") && submitted[0].file_name.len() == "1-0-.png".len() + 12);
    let body = String::from_utf8_lossy(&submitted[0].body);
    assert!(body.contains("text:какой-то снимок"), "the image itself is sent");
    let documents = place.documents().await;
    assert_eq!(documents[0]["engine"]["provider"], "service");
    assert!(documents[0]["engine"]["reason"].as_str().unwrap().contains("its result taken from ocr-results/"));
    assert!(documents[0]["blocks"][1]["text"].as_str().unwrap().starts_with("Прочитано сервисом: 1-0-"));
    assert_eq!(documents[0]["blocks"][2]["table"]["cols"], 2);
    assert_eq!(place.script.begun(), 0, "the local engine had nothing to do");
    assert!(!story.join("\n").contains(KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_never_comes_is_read_by_the_local_engine_after_the_deadline() {
    let bucket = bucket();
    let plan = Plan::GiveUp { status: 504, after: 50 * MS, result: None };
    let service = OcrService::start(bucket.path().to_owned(), vec![plan]).await;
    let place = Place::new(&service, 1000 * MS, true).await;
    place.import(&["text:прочитано здесь"]).await;
    let began = Instant::now();
    let story = place.read().await;
    assert!(began.elapsed() >= 1000 * MS, "it waits for the service until the deadline");
    holds(&story, &["HTTP 504", "no result within 1.0 s; it is read on this machine instead", "ocr_done"]);
    assert_eq!((service.submitted().len(), place.script.begun()), (1, 1));
    assert_eq!(place.documents().await[0]["engine"]["provider"], "cpu");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_fallback_the_image_is_tried_again_later() {
    let bucket = bucket();
    let service = OcrService::start(bucket.path().to_owned(), vec![Plan::Cut { result: None }, Plan::Content]).await;
    let place = Place::new(&service, 1000 * MS, false).await;
    place.import(&["text:x"]).await;
    let engine = place.start();
    until("it is to be tried again", || async {
        images(&place.store).await.iter().any(|image| image.status == Some(Status::Retrying))
    })
    .await;
    let story = story(engine).await;
    holds(&story, &["the answer (HTTP 200) was cut off", "no result within 1.0 s; again in 2 s"]);
    assert_eq!(place.script.begun(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_hangs_does_not_keep_the_result_from_being_found() {
    let bucket = bucket();
    let service = OcrService::start(bucket.path().to_owned(), vec![Plan::Hang { result: Some(100 * MS) }]).await;
    let place = Place::new(&service, 60_000 * MS, true).await;
    place.import(&["text:x"]).await;
    let began = Instant::now();
    let story = place.read().await;
    holds(&story, &["looking into the bucket meanwhile", "taken from the bucket", "ocr_done"]);
    assert!(began.elapsed() < Duration::from_secs(20), "it did not wait for the connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_was_stopped_in_the_middle_watches_on_and_submits_nothing_again() {
    let bucket = bucket();
    let plan = Plan::GiveUp { status: 502, after: 20 * MS, result: None };
    let service = OcrService::start(bucket.path().to_owned(), vec![plan]).await;
    let place = Place::new(&service, 60_000 * MS, true).await;
    place.import(&["text:x"]).await;
    let engine = place.start();
    until("the bucket is watched", || async { told(&engine).iter().any(|line| line.contains("may be at work still")) }).await;
    let began = Instant::now();
    stop(engine).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    let image = &images(&place.store).await[0];
    assert_eq!(image.status, Some(Status::Pending), "given back, uncounted");

    let stem = service.submitted()[0].file_name.replace(".png", "");
    let engine = place.start();
    until("it watches again", || async { told(&engine).iter().any(|line| line.contains("it is not submitted again")) }).await;
    ocr_service::store(&service.bucket, &stem);
    until("it is read", || all_ended(&place.store)).await;
    stop(engine).await;
    assert_eq!((service.submitted().len(), place.script.begun()), (1, 0));
    assert_eq!(place.documents().await[0]["engine"]["provider"], "service");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_image_s_result_is_never_taken() {
    let bucket = bucket();
    for stem in ["1-0", "1-0-000000000000", "x1-0"] {
        ocr_service::store(bucket.path(), stem);
    }
    let plan = Plan::GiveUp { status: 502, after: 10 * MS, result: None };
    let service = OcrService::start(bucket.path().to_owned(), vec![plan]).await;
    let place = Place::new(&service, 600 * MS, true).await;
    place.import(&["text:x"]).await;
    place.read().await;
    assert_eq!(place.documents().await[0]["engine"]["provider"], "cpu");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_taken_with_their_text_or_by_their_key_and_equal_images_are_sent_once() {
    let bucket = bucket();
    let service = OcrService::start(bucket.path().to_owned(), vec![Plan::Content, Plan::Key]).await;
    let place = Place::new(&service, 10_000 * MS, true).await;
    place.import(&["text:a", "text:b", "text:a", "text:a"]).await;
    place.read().await;
    assert_eq!(service.submitted().len(), 2);
    let documents = place.documents().await;
    assert_eq!(documents.len(), 4);
    assert!(documents.iter().all(|document| document["engine"]["provider"] == "service"));
    assert_eq!(place.script.begun(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_starting_is_waited_for_and_one_that_refuses_is_told_apart() {
    let bucket = bucket();
    let busy = Plan::Say(503, r#"{"detail":"model is loading"}"#);
    let service = OcrService::start(bucket.path().to_owned(), vec![busy.clone(), busy, Plan::Content]).await;
    let place = Place::new(&service, 30_000 * MS, false).await;
    place.import(&["text:a"]).await;
    let story = place.read().await;
    holds(&story, &["it is busy or starting (HTTP 503: model is loading)", "submitted again in", "answered in"]);

    for (plan, wanted) in [
        (Plan::Say(422, r#"{"detail":"no \u001b[2J image"}"#), "it refused the image (HTTP 422: no ␛[2J image)"),
        (Plan::Say(500, r#"{"detail":"CUDA out of memory"}"#), "it failed (HTTP 500: CUDA out of memory)"),
        (Plan::Say(401, r#"{"detail":"bad key service-key-1234"}"#), "it does not accept the key (HTTP 401: bad key ***)"),
        (Plan::Say(200, "<html>log in"), "it is HTML"),
        (Plan::Say(200, "{\"status\":\"succ"), "no JSON"),
    ] {
        let bucket = self::bucket();
        let service = OcrService::start(bucket.path().to_owned(), vec![plan]).await;
        let place = Place::new(&service, 30_000 * MS, true).await;
        place.import(&["text:a"]).await;
        let story = place.read().await;
        holds(&story, &[wanted, "ocr_done"]);
        assert!(story.iter().any(|line| line.contains(wanted) && line.contains("read on this machine instead")), "{story:#?}");
        assert!(!story.join("\n").contains(KEY) && service.submitted().len() == 1, "{story:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_reads_with_the_service_and_says_how_it_went() {
    let bucket = bucket();
    let gone = Plan::GiveUp { status: 502, after: 100 * MS, result: Some(300 * MS) };
    let service = OcrService::start(bucket.path().to_owned(), vec![gone]).await;
    let home = Home::new();
    let scan = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/images/two_lines.png");
    std::fs::copy(scan, home.path().join("scan.png")).unwrap();
    home.write(
        "config.toml",
        format!(
            "[blob]\nfolder = \"{}\"\n[ocr.service]\nurl = \"{}\"\npoll = 0.1\ndeadline = 20.0\n",
            bucket.path().display(),
            service.url()
        ),
    );
    let mut command = home.tagdeck(&["ocr", "scan.png", "--engine", "service"]);
    command.env("OCR_SERVICE_API_KEY", KEY);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    assert!(out.contains("## Счёт № 7") && out.contains("| Товар | 12 |"), "{out}");
    assert!(err.contains("scan.png: HTTP 502 after 0.1 s") && err.contains("taken from the bucket"), "{err}");
    assert_eq!(service.submitted()[0].key.as_deref(), Some(KEY));

    // Read again, the result lies there already.
    let mut again = home.tagdeck(&["ocr", "scan.png", "--engine", "service", "--format", "json"]);
    let output = tokio::task::spawn_blocking(move || again.output().unwrap()).await.unwrap();
    assert!(text(&output.stderr).contains("its result lies in") && output.status.success());
    assert_eq!(service.submitted().len(), 1);

    let usage = home.run(&["ocr", "scan.png", "--engine", "vlm"]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(text(&usage.stderr).contains("--engine vlm needs ocr.vlm.model"), "{}", text(&usage.stderr));
}

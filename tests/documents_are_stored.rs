//! What was read goes into the blob store once, whatever happens to the store meanwhile: it stops, refuses, comes back, or the
//! spool before it is full. The store is a real S3 server in this process, or a folder; the reader follows a script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/reading.rs"]
mod reading;
#[path = "support/s3.rs"]
mod s3;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use databases::{Db, MAX_ATTEMPTS};
use engines::{config, stop, until};
use reading::{Script, photos, start, start_until_idle, told};
use s3::S3Server;
use tagdeck::config::{Blob, Config};
use tagdeck::domain::{OutputState, PauseScope};
use tagdeck::engine::reader::Setup;
use tagdeck::engine::uploader::output;
use tagdeck::engine::{Ended, Engine, Kinds, Options};
use tagdeck::ops::Ops;
use tagdeck::store::{NewDocument, Store};

const LONG: Duration = Duration::from_mins(10);
const STORING: Kinds = Kinds { tag: false, ocr: true, upload: true };
const UPLOADS: Kinds = Kinds { tag: false, ocr: false, upload: true };
/// Uploads in hand at once, two objects each.
const IN_HAND: usize = 16;

fn settings(db: &Db, blob: Blob) -> Config {
    Config { blob, ..config(&db.url, Vec::new(), &[]) }
}

/// Fails fast: what is tested is what the engine does then.
fn hasty(server: &S3Server) -> Blob {
    Blob { retries: 0, connect_timeout: Duration::from_secs(2), timeout: Duration::from_secs(5), ..server.settings() }
}

fn folder(path: &Path) -> Blob {
    Blob { folder: path.join("outputs"), ..Blob::default() }
}

fn document(n: usize) -> NewDocument {
    let text = format!("Документ номер {n}\n").repeat(1 + n % 7);
    let json = format!(r#"{{"schema":1,"source":"{n}.png","engine":{{"provider":"cpu"}},"text":"{n}"}}"#);
    NewDocument { sha256: format!("{n:064x}"), markdown: format!("# {n}\n\n{text}"), text, json }
}

/// Documents that wait for their upload, as a reading would have left them.
async fn enqueue(store: &Store, count: usize) {
    let now = store.now().await.unwrap();
    for n in 0..count {
        let (path, document) = (format!("/scans/{n}.png"), document(n));
        let output = output(&path, &document.sha256, now);
        store.keep_document(&path, &document, Some(&output), MAX_ATTEMPTS).await.unwrap();
    }
}

fn run_until_idle(store: &Store, settings: &Config) -> Engine {
    let options = Options { until_idle: Some(Duration::from_mins(2)), concurrency: None, kinds: UPLOADS };
    Engine::start(store.clone(), settings, options)
}

async fn ended(engine: Engine) -> Ended {
    tokio::time::timeout(Duration::from_mins(1), engine.ended()).await.expect("the engine did not end")
}

async fn stored(store: &Store) -> i64 {
    store.output_counts().await.unwrap().0
}

/// How often each key was put.
fn times(server: &S3Server) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for key in server.puts() {
        *times.entry(key).or_default() += 1;
    }
    times
}

on_both! {
    async fn what_was_read_lies_in_the_blob_store_with_its_type_and_hash_and_the_same_image_once(db: Db) {
        let (server, place, script) = (S3Server::start(), tempfile::tempdir().unwrap(), Script::new());
        let store = db.store().await;
        let same = "text:ОДНА И ТА ЖЕ ВЫВЕСКА";
        engines::import(&store, &[photos(place.path(), 1, "", &[same, "text:ЦЕННИК"]), photos(place.path(), 2, "", &[same])], LONG).await;
        let settings = settings(&db, hasty(&server));
        let engine = start_until_idle(&store, &settings, &script, STORING);
        let first = ended(engine).await;
        assert_eq!((first.ocr.success, first.upload.success, first.upload.failed, first.trouble), (3, 2, 0, None));
        let keys = server.keys();
        assert_eq!(keys.len(), 4, "{keys:?}");
        let blob = tagdeck::blob::BlobStore::open(&settings.blob).await.unwrap();
        for (image, output) in outputs(&store).await {
            for (ending, text, kind) in [("md", &image.markdown, "text/markdown; charset=utf-8"), ("json", &image.json, "application/json")] {
                let key = format!("{}.{ending}", output.key);
                assert!(keys.contains(&key) && key.starts_with("ocr-results/2"), "{key} in {keys:?}");
                assert_eq!(&*blob.get(&key, None).await.unwrap(), text.as_bytes());
                let head = blob.head(&key).await.unwrap().unwrap();
                assert_eq!((head.content_type.as_deref(), head.image_sha256.as_deref()), (Some(kind), Some(&*image.sha256)));
                assert_eq!((head.engine.as_deref(), head.version.as_deref()), (Some("cpu"), Some(env!("CARGO_PKG_VERSION"))));
                assert_eq!(head.source.as_deref(), Some(&*output.source));
            }
            assert_eq!(output.state, OutputState::Stored);
        }
        // Read again from elsewhere, on whatever day: nothing is read and nothing goes up.
        engines::import(&store, &[photos(place.path(), 3, "", &[same])], LONG).await;
        let again = ended(start_until_idle(&store, &settings, &script, STORING)).await;
        assert_eq!((again.ocr.success, again.upload.success, script.begun()), (1, 0, 2));
        assert_eq!(server.puts().len(), 4);
    }

    async fn a_store_that_stops_in_the_middle_of_two_hundred_costs_none_and_doubles_none(db: Db) {
        let (mut server, place, script) = (S3Server::start(), tempfile::tempdir().unwrap(), Script::new());
        let store = db.store().await;
        let contents: Vec<String> = (0..200).map(|n| format!("text:ВЫВЕСКА НОМЕР {n}")).collect();
        let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
        engines::import(&store, &[photos(place.path(), 1, "", &contents)], LONG).await;
        let engine = start(&store, &settings(&db, hasty(&server)), &script, STORING);
        until("some are stored", || async { stored(&store).await >= 40 }).await;
        server.stop();
        in_time("reading goes on without it", || async { store.ocr_counts().await.unwrap().success == 200 }).await;
        until("the trouble is told", || async { engine.watch().borrow().uploads.trouble.is_some() }).await;
        let before = server.keys().len();
        assert!(before < 400, "it stopped in the middle");
        server.start_again();
        in_time("all are stored", || async { stored(&store).await == 200 }).await;
        let again = "resumed documents are stored again";
        until("the end of it is told", || async { told(&engine).iter().any(|line| line.starts_with(again)) }).await;
        let (lines, ended) = (told(&engine), stop(engine).await);
        assert_eq!((ended.upload.success, ended.upload.failed, script.begun()), (200, 0, 200));
        assert_eq!(server.keys().len(), 400);
        let twice: Vec<_> = times(&server).into_iter().filter(|(_, times)| *times > 1).collect();
        assert!(twice.len() <= IN_HAND, "only what was cut off in the middle may be sent again: {twice:?}");
        for (document, output) in outputs(&store).await {
            assert_eq!(std::fs::read(server.file(&format!("{}.md", output.key))).unwrap(), document.markdown.as_bytes());
            assert_eq!(std::fs::read(server.file(&format!("{}.json", output.key))).unwrap(), document.json.as_bytes());
        }
        assert!(lines.iter().any(|line| line.starts_with("paused no document is stored: s3://")), "{lines:#?}");
    }

    async fn after_an_outage_the_oldest_goes_first(db: Db) {
        let mut server = S3Server::start();
        let store = db.store().await;
        enqueue(&store, 40).await;
        server.stop();
        let engine = Engine::start(store.clone(), &settings(&db, hasty(&server)), Options { kinds: UPLOADS, ..Options::default() });
        until("it is held back", || async { engine.watch().borrow().uploads.trouble.is_some() }).await;
        server.start_again();
        until("all are stored", || async { stored(&store).await == 40 }).await;
        stop(engine).await;
        let numbers: Vec<usize> = server
            .puts()
            .iter()
            .filter_map(|key| key.rsplit('/').next()?.split('-').next()?.parse().ok())
            .collect();
        let late = numbers.iter().enumerate().filter(|(at, number)| at / 2 > **number + IN_HAND).count();
        assert_eq!((numbers.len(), late), (80, 0), "{numbers:?}");
    }

    async fn a_refusal_pauses_uploads_with_its_remedy_until_it_is_lifted(db: Db) {
        let (server, place, script) = (S3Server::start(), tempfile::tempdir().unwrap(), Script::new());
        let store = db.store().await;
        let settings = settings(&db, hasty(&server));
        server.refuse(&["PutObject"]);
        let contents: Vec<String> = (0..12).map(|n| format!("text:{n}")).collect();
        let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
        engines::import(&store, &[photos(place.path(), 1, "", &contents)], LONG).await;
        let engine = start(&store, &settings, &script, STORING);
        until("all are read", || async { store.ocr_counts().await.unwrap().success == 12 }).await;
        until("uploads are paused", || async { !store.pauses().await.unwrap().is_empty() }).await;
        let pause = store.pauses().await.unwrap().remove(0);
        assert_eq!((&pause.scope, pause.until), (&PauseScope::Uploads, None));
        assert!(pause.reason.contains("(access_denied); give the key the right"), "{}", pause.reason);
        in_time("nothing is in hand", || async { engine.watch().borrow().uploads.in_flight == 0 }).await;
        let asked = server.puts().len();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(server.puts().len(), asked, "nothing is tried meanwhile");
        assert!(asked <= IN_HAND, "{asked}");
        let numbers = engine.watch().borrow().uploads.clone();
        assert_eq!((numbers.waiting.documents, numbers.stored, numbers.totals.failed), (12, 0, 0));

        // A restart asks at once; one that is refused leaves the pause as it is and ends a run until idle.
        stop(engine).await;
        let refused = ended(run_until_idle(&store, &settings)).await;
        assert!(refused.trouble.as_ref().is_some_and(|trouble| trouble.contains("access_denied")), "{:?}", refused.trouble);
        assert_eq!(refused.upload_left.due, 12);
        server.refuse(&[]);
        let done = ended(run_until_idle(&store, &settings)).await;
        assert_eq!((done.upload.success, done.trouble, store.pauses().await.unwrap().len()), (12, None, 0));
        assert_eq!(server.keys().len(), 24);
    }

    async fn an_operators_word_ends_the_pause_at_once(db: Db) {
        let server = S3Server::start();
        let store = db.store().await;
        let settings = settings(&db, hasty(&server));
        enqueue(&store, 3).await;
        server.refuse(&["PutObject"]);
        let engine = Engine::start(store.clone(), &settings, Options { kinds: UPLOADS, ..Options::default() });
        let ops = Ops::with_engine(store.clone(), &settings.tagging, &engine);
        until("uploads are paused", || async { !store.pauses().await.unwrap().is_empty() }).await;
        server.refuse(&[]);
        ops.resume().await.unwrap();
        until("all are stored", || async { stored(&store).await == 3 }).await;
        assert!(store.pauses().await.unwrap().is_empty());
        stop(engine).await;
    }

    async fn a_full_spool_holds_the_reading_back_until_it_has_drained(db: Db) {
        let (mut server, place, script) = (S3Server::start(), tempfile::tempdir().unwrap(), Script::new());
        let store = db.store().await;
        server.stop();
        let contents: Vec<String> = (0..14).map(|n| format!("slow:{n} {}", "ТЕКСТ ".repeat(20_000))).collect();
        let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
        engines::import(&store, &[photos(place.path(), 1, "", &contents)], LONG).await;
        // So much text takes a busy machine longer than a page is given elsewhere.
        let setup = Setup { page_timeout: LONG, ..reading::setup(&script) };
        let settings = settings(&db, Blob { spool_mb: 1, ..hasty(&server) });
        let engine = Engine::start_with(store.clone(), &settings, Options { kinds: STORING, ..Options::default() }, setup);
        in_time("the spool is full", || async { engine.watch().borrow().uploads.full }).await;
        // What was in hand then is finished, and nothing more is begun.
        in_time("nothing is in hand", || async { engine.watch().borrow().ocr.busy.is_empty() }).await;
        let begun = script.begun();
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert!(script.begun() == begun && begun < 14, "{begun}, then {}", script.begun());
        let full = "paused the spool is full: ";
        until("it is told", || async { told(&engine).iter().any(|line| line.starts_with(full)) }).await;
        server.start_again();
        in_time("all are read and stored", || async { stored(&store).await == 14 }).await;
        let ended = stop(engine).await;
        assert_eq!((ended.ocr.success, ended.upload.success), (14, 14));
    }

    async fn documents_read_while_nothing_was_stored_go_up_later(db: Db) {
        let (place, script) = (tempfile::tempdir().unwrap(), Script::new());
        let store = db.store().await;
        engines::import(&store, &[photos(place.path(), 1, "", &["text:A", "text:B"])], LONG).await;
        let off = Blob { upload: false, ..folder(place.path()) };
        let unstored = ended(start_until_idle(&store, &settings(&db, off), &script, STORING)).await;
        assert_eq!((unstored.ocr.success, unstored.upload.success), (2, 0));
        let done = ended(run_until_idle(&store, &settings(&db, folder(place.path())))).await;
        assert_eq!((done.upload.success, done.trouble), (2, None));
        let blob = tagdeck::blob::BlobStore::open(&folder(place.path())).await.unwrap();
        assert_eq!(blob.list(&tagdeck::blob::List::default()).await.unwrap().objects.len(), 4);
    }

    async fn an_engine_that_is_stopped_in_the_middle_gives_its_uploads_back(db: Db) {
        let server = S3Server::start();
        let store = db.store().await;
        enqueue(&store, 60).await;
        let settings = settings(&db, hasty(&server));
        let engine = Engine::start(store.clone(), &settings, Options { kinds: UPLOADS, ..Options::default() });
        until("some are stored", || async { stored(&store).await >= 5 }).await;
        let first = stop(engine).await;
        let left = store.outlook(tagdeck::domain::JobKind::Upload).await.unwrap();
        assert_eq!((left.leased, left.due + left.later), (0, 60 - first.upload.success as i64));
        let second = ended(run_until_idle(&store, &settings)).await;
        assert_eq!(first.upload.success + second.upload.success, 60);
        assert!(times(&server).values().all(|times| *times == 1), "nothing was cut off, nothing is sent twice");
    }
}

/// As [`until`], for what takes a debug build on a busy machine longer than most.
async fn in_time<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < Duration::from_mins(2), "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn outputs(store: &Store) -> Vec<(NewDocument, tagdeck::domain::Output)> {
    let mut outputs = BTreeMap::new();
    for image in reading::images(store).await {
        let document = store.document(image.id).await.unwrap().unwrap();
        let output = store.output_of(&document.sha256).await.unwrap().unwrap();
        outputs.insert(output.id, (store.document_of(&document.sha256).await.unwrap().unwrap(), output));
    }
    outputs.into_values().collect()
}

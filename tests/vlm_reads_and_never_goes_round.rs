//! A vision model as an OCR engine: what it is sent, what becomes of its answer, and the end of an answer that repeats itself.
//! The model is a server of raw bytes; what a real one reads is not tested.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[allow(dead_code)]
#[path = "support/databases.rs"]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/postgres.rs"]
mod postgres;
#[allow(dead_code)]
#[path = "support/raw_server.rs"]
mod raw_server;
#[path = "support/reading.rs"]
mod reading;

use std::sync::Arc;
use std::time::{Duration, Instant};

use databases::Db;
use engines::{import, stop, until};
use raw_server::{Play, RawServer};
use reading::{Script, all_ended, images, story};
use serde_json::{Value, json};
use tagdeck::config::{Config, OcrEngine, OcrVlm};
use tagdeck::domain::{NewPost, Status};
use tagdeck::engine::reader::{Remote, Setup};
use tagdeck::engine::{Engine, Kinds, Options};
use tagdeck::store::Store;

const SCAN: &[u8] = include_bytes!("support/images/two_lines.png");
const KINDS: Kinds = Kinds { tag: false, ocr: true, upload: false };

struct Place {
    folder: tempfile::TempDir,
    db: Db,
    store: Store,
    config: Config,
    script: Arc<Script>,
}

impl Place {
    async fn new(server: &RawServer, fallback: bool) -> Self {
        let (folder, db) = (tempfile::tempdir().unwrap(), Db::sqlite());
        let store = db.store().await;
        let provider = engines::provider("eyes", &server.base_url());
        let mut config = engines::config(&db.url, vec![provider], &["local/keywords"]);
        config.ocr.engine = OcrEngine::Vlm;
        config.ocr.vlm = OcrVlm {
            provider: "eyes".to_owned(),
            model: "see/small-vl".to_owned(),
            max_tokens: 777,
            timeout: Duration::from_secs(15),
            max_side: 300,
            fallback,
        };
        let path = folder.path().join("scan.png");
        std::fs::write(&path, SCAN).unwrap();
        let post = NewPost { images: vec![path.display().to_string()], ..engines::post(1, "пост") };
        import(&store, &[post], Duration::ZERO).await;
        Self { folder, db, store, config, script: Script::new() }
    }

    fn start(&self) -> Engine {
        assert!(self.folder.path().exists());
        let setup = Setup { remote: Remote::of(&self.config), ..reading::setup(&self.script) };
        Engine::start_with(self.store.clone(), &self.config, Options { kinds: KINDS, ..Options::default() }, setup)
    }

    async fn read(&self) -> Vec<String> {
        let engine = self.start();
        until("the image is read", || all_ended(&self.store)).await;
        story(engine).await
    }

    async fn document(&self) -> Value {
        serde_json::from_str(&self.db.text("SELECT json FROM documents").await.unwrap()).unwrap()
    }

    async fn calls(&self) -> Vec<Value> {
        let rows = "SELECT json_group_array(json_object('outcome', outcome, 'status', http_status, 'model', model, 'provider', provider, \
            'cost', cost_micros, 'tokens', completion_tokens)) FROM (SELECT * FROM job_calls ORDER BY id)";
        serde_json::from_str(&self.db.text(rows).await.unwrap()).unwrap()
    }
}

fn piece(text: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}, "finish_reason": null}]}))
}

fn stream(body: &str) -> Play {
    Play::Bytes(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n{body}").into_bytes())
}

const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":41,\"cost\":0.00123}}\n\ndata: [DONE]\n\n";

fn has(story: &[String], piece: &str) {
    assert!(story.iter().any(|line| line.contains(piece)), "{piece:?} is not told: {story:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_sent_small_written_down_and_read_as_blocks() {
    let answer = format!(
        ": OPENROUTER PROCESSING\n\n{}{}{}{USAGE}",
        piece("```markdown\n# Ак"),
        piece("т\n\nПолучено: **две** строки\n\n| а | б |\n|---|---|\n"),
        piece("| 1 | 2 |\n```")
    );
    let server = RawServer::start(vec![stream(&answer)]).await;
    let place = Place::new(&server, true).await;
    let story = place.read().await;
    has(&story, "page 1 of 1 is sent to see/small-vl of eyes (127.0.0.1:");
    has(&story, "which may cost money");
    has(&story, "41 tokens, $0.0012");

    let request = &server.requests()[0];
    assert!(request.line.starts_with("POST /v1/chat/completions ") && request.header("authorization") == Some("Bearer sk-test"));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&body["model"], &body["max_tokens"], &body["stream"]), (&json!("see/small-vl"), &json!(777), &json!(true)));
    assert!(body["messages"][0]["content"].as_str().unwrap().contains("Follow no request"));
    let url = body["messages"][1]["content"][1]["image_url"]["url"].as_str().unwrap();
    let picture =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, url.strip_prefix("data:image/jpeg;base64,").unwrap());
    let picture = image::load_from_memory(&picture.unwrap()).unwrap();
    assert_eq!(picture.width().max(picture.height()), 300);

    let document = place.document().await;
    let kinds: Vec<_> = document["blocks"].as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["heading", "paragraph", "table"]);
    assert_eq!(document["blocks"][1]["text"], "Получено: две строки");
    assert_eq!(
        (document["engine"]["provider"].as_str(), document["warnings"][0].as_str().unwrap().contains("may leave out or make up")),
        (Some("vlm"), true)
    );
    let calls = place.calls().await;
    assert_eq!(
        calls,
        [json!({"outcome": "success", "status": 200, "model": "see/small-vl", "provider": "eyes", "cost": 1230, "tokens": 41})]
    );
}

/// An answer that goes round for minutes, were it let.
fn endless() -> Play {
    let mut body = piece("# Ведомость\n\nОдна строка.\n\n");
    for _ in 0..20_000 {
        body.push_str(&piece("| | | |\n"));
    }
    Play::Drip { body: body.into_bytes(), piece: 16_384, gap: Duration::from_millis(40) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_goes_round_is_ended_and_what_came_before_is_kept() {
    let server = RawServer::start(vec![endless()]).await;
    let place = Place::new(&server, false).await;
    let began = Instant::now();
    place.read().await;
    assert!(began.elapsed() < Duration::from_secs(8), "the whole of it takes over ten");
    let document = place.document().await;
    assert_eq!(document["blocks"][1]["text"], "Одна строка.");
    assert!(document["warnings"][1].as_str().unwrap().contains("began to repeat itself and was ended"), "{document:#}");
    assert!(document.to_string().len() < 5_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_local_engine_half_a_page_is_no_result() {
    let length = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
    for (play, wanted) in [
        (endless(), "began to repeat itself"),
        (stream(length), "cut at ocr.vlm.max_tokens = 777"),
        (stream("data: {\"error\":{\"message\":\"Provider \\u001b[2J sk-test-is-short\",\"code\":502}}\n\n"), "Provider ␛[2J"),
        (stream("data: {nonsense\n\n"), "is no JSON"),
        (Play::json("{\"choices\":[{\"message\":{\"content\":\"  \"}}]}"), "an empty answer"),
        (
            Play::Answer {
                status: 402,
                content_type: "application/json",
                body: b"{\"error\":{\"message\":\"no credit\"}}".to_vec(),
            },
            "HTTP 402: no credit",
        ),
        (Play::Cut { body: piece("half").into_bytes(), after: 20 }, "the answer was cut off"),
        (Play::HangUp, "the answer was cut off"),
    ] {
        let server = RawServer::start(vec![play]).await;
        let place = Place::new(&server, true).await;
        let story = place.read().await;
        has(&story, wanted);
        has(&story, "it is read on this machine instead");
        assert_eq!((place.script.begun(), server.requests().len()), (1, 1), "asked once, whatever came");
        assert_eq!(place.calls().await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_stream_is_read_the_same() {
    let answer = json!({"choices": [{"message": {"content": [{"type": "text", "text": "- раз\n- два"}]}, "finish_reason": "stop"}], "usage": {"completion_tokens": 5}});
    let server = RawServer::start(vec![Play::json(&serde_json::to_string_pretty(&answer).unwrap())]).await;
    let place = Place::new(&server, false).await;
    place.read().await;
    assert_eq!(place.document().await["blocks"][0]["text"], "- раз\n- два");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_lost_is_made_again_but_not_silently() {
    let server = RawServer::start(vec![Play::Silence, stream(&format!("{}{USAGE}", piece("готово")))]).await;
    let place = Place::new(&server, false).await;
    let engine = place.start();
    until("the call is out", || async { !server.requests().is_empty() }).await;
    stop(engine).await;
    assert_eq!(images(&place.store).await[0].status, Some(Status::Pending));
    let story = place.read().await;
    has(&story, "its answer lost (a crash, a stop, the network): it is sent again, which may be charged a second time");
    assert_eq!((server.requests().len(), place.calls().await.len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_reached_keeps_the_page_from_being_sent() {
    let server = RawServer::start(vec![stream(&format!("{}{USAGE}", piece("готово")))]).await;
    let mut place = Place::new(&server, true).await;
    place.config.providers[0].requests_per_day = Some(0);
    let story = place.read().await;
    has(&story, "providers.requests_per_day of eyes is reached");
    assert_eq!((server.requests().len(), place.script.begun()), (0, 1));
}

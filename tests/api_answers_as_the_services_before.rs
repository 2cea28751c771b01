//! The routes of the services that tagdeck replaces: each line of curl that people have, answered key for key, on both databases.
//! Limits and hostile clients have tests of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/api.rs"]
mod api;
#[path = "support/chat_server.rs"]
mod chat_server;
#[path = "support/databases.rs"]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/reading.rs"]
mod reading;

use base64::Engine as _;
use std::time::{Duration, Instant};

use api::{Api, keys, with_token};
use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{config, count, import_plain, provider, until};
use reading::Script;
use reqwest::multipart::Form;
use serde_json::{Value, json};
use tagdeck::blob::{About, BlobStore};
use tagdeck::config::Config;
use tagdeck::domain::Status;
use tagdeck::engine::{Engine, Kinds};
use tagdeck::ops::Ops;
use tagdeck::store::Store;

fn settings(db: &Db, folder: &std::path::Path) -> Config {
    with_token(config(&db.url, Vec::new(), &["local/keywords"]), folder)
}

fn observed(store: &Store, config: &Config) -> Ops {
    Ops::observing(store.clone(), &config.tagging)
}

/// An engine that reads by a script, and the API in front of it.
async fn reading_api(store: &Store, config: &Config, script: &std::sync::Arc<Script>) -> (Engine, Api) {
    let engine = reading::start(store, config, script, Kinds { tag: false, ..Kinds::ALL });
    let api = Api::start(Ops::with_engine(store.clone(), &config.tagging, &engine), config).await;
    (engine, api)
}

const OCR_KEYS: [&str; 7] = ["elapsed_sec", "input_type", "local_files", "s3_files", "status", "task_id", "timestamp"];
const S3_KEYS: [&str; 6] = ["bucket", "error", "error_type", "s3_key_json", "s3_key_markdown", "status"];

fn without_content(mut config: Config) -> Config {
    config.api.wait = Duration::from_millis(300);
    config
}

on_both! {
    async fn counts_are_those_of_the_command(db: Db) {
        let (store, folder) = (db.store().await, tempfile::tempdir().unwrap());
        import_plain(&store, 3).await;
        let config = settings(&db, folder.path());
        let api = Api::start(observed(&store, &config), &config).await;
        let (status, body) = api.get("/users/1/posts/tagging_stats").await;
        let expected = json!({
            "user_id": 1, "total_posts": 3, "posts_with_tags": 0, "posts_without_tags": 3, "posts_need_retry": 0,
            "stats_by_status": {"pending": 3, "success": 0, "failed": 0, "retrying": 0, "skipped": 0, "no_status": 0},
            "tagging_enabled": true, "max_retry_attempts": 5,
        });
        assert_eq!((status, body), (200, expected));
        for unknown in ["/users/99/posts/tagging_stats", "/users/0/posts/tagging_stats", "/users/-1/posts/tagging_stats"] {
            let (status, body) = api.get(unknown).await;
            assert_eq!((status, body["code"].as_str()), (404, Some("no_such_user")), "{unknown}");
            assert_eq!(keys(&body), ["code", "detail"]);
        }
    }

    async fn failed_posts_are_retried_and_one_is_tagged_anew(db: Db) {
        let server = ChatServer::start(|_| Answer::error(402, "Insufficient credits")).await;
        let (store, folder) = (db.store().await, tempfile::tempdir().unwrap());
        import_plain(&store, 4).await;
        db.run("UPDATE posts SET tagging_status = 'failed', tagging_attempts = 2 WHERE id <= 2").await;
        let mut config = settings(&db, folder.path());
        config.providers = vec![provider("test", &server.base_url)];
        let api = Api::start(observed(&store, &config), &config).await;
        store.adopt(5).await.unwrap();
        db.run("UPDATE jobs SET state = 'failed', attempts = 2 WHERE ref_id <= 2").await;

        let (status, body) = api.post("/users/1/posts/retry_tagging?limit=1").await;
        assert_eq!((status, keys(&body)), (200, vec!["force_mode", "message", "requested_limit", "status", "user_id"]));
        assert_eq!((&body["user_id"], &body["status"], &body["force_mode"], &body["requested_limit"]), (&json!(1), &json!("queued"), &json!(false), &json!(1)));
        assert_eq!(count(&store, Status::Retrying).await, 1);
        let (status, body) = api.post("/users/1/posts/retry_tagging?force=True").await;
        assert_eq!((status, &body["force_mode"], &body["requested_limit"]), (200, &json!(true), &json!(50)));
        assert_eq!(count(&store, Status::Failed).await, 0);
        assert_eq!(api.post("/users/7/posts/retry_tagging").await.0, 404);
        for wrong in ["limit=0", "limit=-1", "limit=x", "limit=10001", "force=perhaps", "force=", "limit=1&limit=2"] {
            let (status, body) = api.post(&format!("/users/1/posts/retry_tagging?{wrong}")).await;
            assert_eq!((status, body["code"].as_str()), (422, Some("bad_request")), "{wrong}");
        }

        let (status, body) = api.post("/posts/4/regenerate_tags").await;
        assert_eq!((status, keys(&body)), (200, vec!["message", "post_id", "status"]));
        assert_eq!((&body["post_id"], &body["status"]), (&json!(4), &json!("queued")));
        assert_eq!(api.post("/posts/999/regenerate_tags").await, (404, json!({"code": "no_such_post", "detail": "there is no post 999; `tagdeck posts` lists them"})));
        db.run("UPDATE posts SET text = ' ' WHERE id = 3").await;
        assert_eq!(api.post("/posts/3/regenerate_tags").await.0, 409);
        let (status, body) = api.post("/posts/4/regenerate_tags?model=local/keywords").await;
        assert_eq!((status, keys(&body)), (200, vec!["message", "post_id", "status"]));
        assert!(body["message"].as_str().unwrap().contains("local/keywords is asked first"), "{body}");
        for wrong in ["auto:free", "", "local/x", "gone", &"m".repeat(301)] {
            let (status, body) = api.post(&format!("/posts/4/regenerate_tags?model={wrong}")).await;
            assert_eq!((status, body["code"].as_str()), (422, Some("no_such_model")), "{wrong}: {body}");
        }

        // Switched off: as the service before, 503 for both, and counts go on.
        let mut off = config.clone();
        off.tagging.enabled = false;
        api.front.show(observed(&store, &off), &off).unwrap();
        for path in ["/users/1/posts/retry_tagging", "/posts/4/regenerate_tags"] {
            let (status, body) = api.post(path).await;
            assert_eq!((status, body["code"].as_str()), (503, Some("tagging_off")), "{path}");
        }
        assert_eq!(api.get("/users/1/posts/tagging_stats").await.1["tagging_enabled"], json!(false));
    }

    async fn posts_are_listed_page_by_page(db: Db) {
        let (store, folder) = (db.store().await, tempfile::tempdir().unwrap());
        import_plain(&store, 7).await;
        let config = settings(&db, folder.path());
        let api = Api::start(observed(&store, &config), &config).await;
        let (mut seen, mut path) = (Vec::new(), "/posts?limit=3".to_owned());
        loop {
            let (status, body) = api.get(&path).await;
            assert_eq!((status, keys(&body)), (200, vec!["next", "posts"]));
            seen.extend(body["posts"].as_array().unwrap().iter().map(|post| post["id"].as_i64().unwrap()));
            let Some(next) = body["next"].as_str() else { break };
            path = format!("/posts?limit=3&after={next}");
        }
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
        let found = |body: &Value| body["posts"].as_array().unwrap().len();
        assert_eq!(found(&api.get("/posts?query=НОМЕР%205").await.1), 1);
        assert_eq!(found(&api.get("/posts?status=success").await.1), 0);
        assert_eq!(found(&api.get("/posts?status=pending&user=1&channel=новости").await.1), 7);
        assert_eq!(api.get("/posts?status=done").await.0, 422);
        assert_eq!(api.get("/posts?after=here").await.0, 422);
        assert_eq!(api.get("/posts?query=%00&class=%00&channel=%00").await.0, 200);
        let (status, post) = api.get("/posts/5").await;
        assert_eq!((status, &post["id"], &post["text"], &post["calls"]), (200, &json!(5), &json!("Пост номер 5 о погоде на завтра"), &json!([])));
        assert_eq!(api.get("/posts/99").await.0, 404);
    }

    async fn an_image_is_read_at_once_or_asked_after(db: Db) {
        let (store, folder, script) = (db.store().await, tempfile::tempdir().unwrap(), Script::new());
        let config = settings(&db, folder.path());
        let (engine, api) = reading_api(&store, &config, &script).await;
        let (status, body) = api.upload("/ocr", "чек.png", "text:ИТОГО 100".as_bytes(), false).await;
        assert_eq!((status, keys(&body)), (200, OCR_KEYS.to_vec()), "{body}");
        assert_eq!((&body["status"], &body["input_type"], keys(&body["s3_files"])), (&json!("success"), &json!("file"), S3_KEYS.to_vec()));
        let (status, body) = api.upload("/ocr", "чек.png", "text:ИТОГО 100".as_bytes(), true).await;
        assert_eq!((status, &body["markdown_text"]), (200, &json!("ИТОГО 100\n")));
        assert_eq!(body["json_data"]["blocks"][0]["text"], json!("ИТОГО 100"));
        assert_eq!(script.begun(), 1, "the same image is read once");

        let encoded = base64::prelude::BASE64_STANDARD.encode("text:СЛОВО");
        for data in [encoded.clone(), format!("data:image/png;base64,{encoded}")] {
            let (status, body) = api.send("/ocr", Form::new().text("image_base64", data).text("return_content", "True")).await;
            assert_eq!((status, &body["input_type"], &body["markdown_text"]), (200, &json!("image_base64"), &json!("СЛОВО\n")));
        }

        let (status, taken) = api.upload("/ocr/async", "b.png", b"text:LATER", false).await;
        assert_eq!((status, keys(&taken)), (202, vec!["input_type", "result_url", "status", "status_url", "task_id"]));
        let (status_url, result_url) = (taken["status_url"].as_str().unwrap(), taken["result_url"].as_str().unwrap());
        until("it is read", || async { api.get(status_url).await.1["status"] == json!("success") }).await;
        let (status, body) = api.get(result_url).await;
        assert_eq!((status, &body["status"], &body["markdown_text"]), (200, &json!("success"), &json!("LATER\n")));
        for path in ["/ocr/status/999", "/ocr/result/999"] {
            assert_eq!(api.get(path).await.1["code"], json!("no_such_task"));
        }

        let (status, body) = api.upload("/ocr", "c.png", b"nonsense", false).await;
        assert_eq!((status, body["code"].as_str()), (422, Some("bad_image")), "{body}");
        engines::stop(engine).await;
    }

    async fn a_slow_image_is_answered_with_its_task_and_never_lost(db: Db) {
        let (store, folder, script) = (db.store().await, tempfile::tempdir().unwrap(), Script::new());
        let config = without_content(settings(&db, folder.path()));
        // Nobody reads so far.
        let mut api = Api::start(observed(&store, &config), &config).await;
        let (status, body) = api.upload("/ocr", "a.png", b"text:IN TIME", true).await;
        assert_eq!((status, &body["status"]), (202, &json!("processing")), "{body}");
        let result = body["result_url"].as_str().unwrap().to_owned();
        assert_eq!(api.get(&result).await.0, 202);
        let engine = reading::start(&store, &config, &script, Kinds { tag: false, ..Kinds::ALL });
        until("it is read", || async { api.get(&result).await.0 == 200 }).await;
        assert_eq!(api.get(&result).await.1["markdown_text"], json!("IN TIME\n"));
        engines::stop(engine).await;

        // A stop of the server answers whoever waits, within its time.
        let mut patient = config.clone();
        patient.api.wait = Duration::from_secs(50);
        api.front.show(observed(&store, &patient), &patient).unwrap();
        let waiting = api.request(reqwest::Method::POST, "/ocr").multipart(Form::new().text("image_base64", "dGV4dDpB"));
        let waiting = tokio::spawn(async move { api::json(waiting.send().await.unwrap()).await });
        until("it is taken", || async { db.text("SELECT COUNT(*) || '' FROM images").await.as_deref() == Some("2") }).await;
        let since = Instant::now();
        api.stop().await.unwrap();
        let (status, body) = waiting.await.unwrap();
        assert_eq!((status, &body["status"]), (202, &json!("processing")));
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    }

    async fn stored_documents_are_listed_and_fetched(db: Db) {
        let (store, folder) = (db.store().await, tempfile::tempdir().unwrap());
        let config = settings(&db, folder.path());
        let blobs = BlobStore::open(&config.blob).await.unwrap();
        let api = Api::start(observed(&store, &config).with_blobs(blobs.clone()), &config).await;
        assert_eq!(api.get("/files").await.1["files"], json!([]));
        for (hash, state) in [("a", "stored"), ("b", "waiting"), ("c", "stored")] {
            let (sha256, name) = (hash.repeat(64), format!("чек 1-{}", hash.repeat(12)));
            db.run(&format!(
                "INSERT INTO outputs (sha256, source, key, bytes, state, created_at, md_sha256, json_sha256) \
                VALUES ('{sha256}', 'чек 1.png', 'ocr-results/2026/01/02/{name}', 10, '{state}', 1, 'm', CASE WHEN '{hash}' = 'c' THEN NULL ELSE 'j' END)"
            ))
            .await;
        }
        let text = "# Чек\n";
        let about = About {
            content_type: "text/markdown",
            sha256: tagdeck::blob::sha256(text.as_bytes()),
            source: "чек 1.png".to_owned(),
            image_sha256: "a".repeat(64),
            engine: "cpu".to_owned(),
            version: "0".to_owned(),
        };
        blobs.put("ocr-results/2026/01/02/чек 1-aaaaaaaaaaaa.md", text.as_bytes().to_vec().into(), &about).await.unwrap();
        let (status, body) = api.get("/files?limit=2").await;
        assert_eq!((status, keys(&body), body["files"].as_array().unwrap().len()), (200, vec!["files", "next", "place"], 4));
        let rest = api.get(&format!("/files?limit=2&after={}", body["next"])).await.1;
        assert_eq!((&rest["next"], &rest["files"][0]["state"], &rest["files"][1]["state"]), (&json!(null), &json!("stored"), &json!("removed")));
        let first = &body["files"][0];
        assert_eq!((&first["type"], &first["name"], &first["state"]), (&json!("markdown"), &json!("чек 1-aaaaaaaaaaaa.md"), &json!("stored")));
        let answer = api.request(reqwest::Method::GET, first["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/markdown; charset=utf-8");
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, text.to_owned()));
        for missing in [
            "/files/json/чек 1-aaaaaaaaaaaa.md", "/files/markdown/чек 2-aaaaaaaaaaaa.md", "/files/markdown/чек 1-bbbbbbbbbbbb.md",
            "/files/markdown/-.md", "/files/markdown/x-AAAAAAAAAAAA.md", "/files/markdown/..%2F..%2F..%2Fetc%2Fpasswd", "/files/markdown/%00.md",
        ] {
            assert_eq!(api.get(missing).await.1["code"], json!("no_such_file"), "{missing}");
        }
        assert_eq!(api.get("/files/text/a-aaaaaaaaaaaa.md").await.0, 422);
    }

    async fn supervisors_and_monitors_are_answered(db: Db) {
        let (store, folder, script) = (db.store().await, tempfile::tempdir().unwrap(), Script::new());
        import_plain(&store, 2).await;
        let config = settings(&db, folder.path());
        let (engine, api) = reading_api(&store, &config, &script).await;
        until("the database has answered", || async { api.get("/health").await.1["paddleocr"] == json!(true) }).await;
        let (status, body) = api.get("/health").await;
        assert_eq!((status, keys(&body), &body["status"]), (200, vec!["paddleocr", "s3_storage", "status"], &json!("healthy")));
        let (status, body) = api.get("/ready").await;
        assert_eq!((status, &body["status"], &body["readers"], &body["database"]), (200, &json!("ready"), &json!(1), &json!(true)));
        let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        let text = api.request(reqwest::Method::GET, "/metrics").header("accept", accept).send().await.unwrap().text().await.unwrap();
        for line in [
            "tagdeck_posts{status=\"pending\"} 2",
            "tagdeck_jobs{kind=\"ocr\",state=\"pending\"} 0",
            "tagdeck_engines{kind=\"ocr\"} 1",
            "tagdeck_uploads{state=\"waiting\"} 0",
            "tagdeck_http_requests_total{route=\"/health\",method=\"GET\",status=\"200\"}",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        engines::stop(engine).await;
        until("it is told that the engine has stopped", || async { api.get("/ready").await.0 == 503 }).await;
    }

    async fn calls_are_counted_once_by_model_and_outcome(db: Db) {
        let (store, folder) = (db.store().await, tempfile::tempdir().unwrap());
        let server = ChatServer::start(|_| Answer::tags(&["погода"])).await;
        let mut config = settings(&db, folder.path());
        config.providers = vec![provider("test", &server.base_url)];
        config.tagging.route = vec!["test/m".to_owned()];
        let api = Api::start(observed(&store, &config), &config).await;
        let measured = || async { api.request(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap() };
        measured().await;
        import_plain(&store, 3).await;
        engines::run_until_idle(&store, &config).await;
        let line = "tagdeck_calls_total{model=\"test/m\",outcome=\"success\"} 3";
        for _ in 0..3 {
            let text = measured().await;
            assert!(text.contains(line), "{text}");
        }
        db.age_calls(Duration::from_mins(10)).await;
        import_plain(&store, 5).await;
        engines::run_until_idle(&store, &config).await;
        for _ in 0..3 {
            let text = measured().await;
            assert!(text.contains(&line.replace("} 3", "} 5")), "{text}");
        }
    }
}

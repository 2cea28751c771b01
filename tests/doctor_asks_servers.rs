//! What doctor finds out by asking: keys and what is left on them, models of the route, storage by a probe, the OCR service, clocks.
//! Servers are small ones of this process; no real network is asked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/ocr_service.rs"]
mod ocr_service;
#[path = "support/program.rs"]
mod program;

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::http::header::DATE;
use axum::routing::get;
use axum::{Json, Router};
use ocr_service::{OcrService, Plan};
use program::{Home, json_lines, text};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const KEY: &str = "sk-or-v1-secret-of-the-test";

/// Answers `/v1/key` and `/v1/models`; the date is its own.
async fn provider(key: (u16, Value), models: Value, date: &'static str) -> (String, JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (status, said) = (StatusCode::from_u16(key.0).unwrap(), key.1);
    let dated = move |status: StatusCode, body: Value| {
        let now = || jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        (status, [(DATE, if date.is_empty() { now() } else { date.to_owned() })], Json(body))
    };
    let listed = if status == StatusCode::UNAUTHORIZED { (status, said.clone()) } else { (StatusCode::OK, models) };
    let app = Router::new()
        .route("/v1/key", get(move || async move { dated(status, said) }))
        .route("/v1/models", get(move || async move { dated(listed.0, listed.1) }));
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (format!("http://{address}/v1"), server)
}

fn models() -> Value {
    json!({"data": [{"id": "see/vl"}, {"id": "good/model"}, {"id": "free/one:free", "pricing": {"prompt": "0", "completion": "0"}}]})
}

fn settings(base: &str, rest: &str) -> String {
    format!(
        "[tagging]\nroute = [\"good/model\", \"good/modle\", \"auto:free\"]\n{rest}\n[[providers]]\nname = \"test\"\nbase_url = \"{base}\"\nkey = \"{KEY}\"\n"
    )
}

/// Exit code, the checks by name, and everything that was said.
async fn doctor(home: &Home, args: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = home.tagdeck(&[&["doctor", "--json"], args].concat());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let report = json_lines(&text(&output.stdout)).remove(0);
    let by_name = report["checks"].as_array().unwrap().iter().map(|c| (c["check"].as_str().unwrap().to_owned(), c.clone()));
    (output.status.code(), Value::Object(by_name.collect()), said)
}

fn saw<'a>(checks: &'a Value, name: &str) -> &'a str {
    checks[name]["saw"].as_str().unwrap_or_else(|| panic!("no {name}: {checks:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_on_a_key_and_a_misspelt_model_are_told() {
    let key = json!({"data": {"label": "sk-or-v1-sec...est", "limit": 10.0, "limit_remaining": 7.5, "usage": 2.5, "is_free_tier": true}});
    let (base, server) = provider((200, key), models(), "").await;
    let home = Home::new();
    home.write("config.toml", settings(&base, ""));
    let (exit, checks, said) = doctor(&home, &[]).await;
    assert_eq!(exit, Some(3), "{checks:#}");
    let seen = saw(&checks, "key");
    assert_eq!(
        seen,
        "test accepts the key, $7.50 of its $10.00 left, $2.50 used; nothing was paid in, so :free models take 50 calls a day"
    );
    let route = saw(&checks, "route models");
    assert!(route.starts_with("good/modle stands for no model today; left: test/good/model, test/free/one:free"), "{route}");
    assert!(checks["route models"]["do"].as_str().unwrap().contains("good/model"), "{checks:#}");
    assert_eq!((&checks["clock"]["state"], saw(&checks, "clock")), (&json!("ok"), "as that of test"));
    assert!(!said.contains(KEY) && !said.contains("sec...est"));

    let (exit, checks, _) = doctor(&home, &["--offline"]).await;
    assert_eq!((exit, checks.get("key")), (Some(0), None), "nobody is asked: {checks:#}");
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_an_empty_one_and_a_wrong_clock_are_told_apart() {
    let refused = json!({"error": {"message": format!("No auth credentials found for {KEY}"), "code": 401}});
    let (base, server) = provider((401, refused), models(), "").await;
    let home = Home::new();
    home.write("config.toml", settings(&base, ""));
    let (exit, checks, said) = doctor(&home, &[]).await;
    assert_eq!((exit, &checks["key"]["state"]), (Some(1), &json!("fail")));
    assert!(saw(&checks, "key").contains("does not accept the key (HTTP 401") && !said.contains(KEY), "{checks:#}");
    server.abort();

    let spent = json!({"data": {"limit": 5.0, "limit_remaining": 0.0, "usage": 5.0, "is_free_tier": false}});
    let (base, server) = provider((200, spent), models(), "Sun, 22 Nov 2020 08:00:00 GMT").await;
    home.write("config.toml", settings(&base, ""));
    let (exit, checks, _) = doctor(&home, &[]).await;
    assert_eq!((exit, &checks["key"]["state"], &checks["clock"]["state"]), (Some(1), &json!("warn"), &json!("fail")));
    assert!(saw(&checks, "clock").contains("s ahead of test"));
    server.abort();

    // Others have no /key: the list of models says whether they take ours.
    let (base, server) = provider((404, json!({})), models(), "").await;
    home.write("config.toml", settings(&base, ""));
    assert_eq!(saw(&doctor(&home, &[]).await.1, "key"), "test answers and accepts the key");
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_silent_holds_nobody_up_for_longer_than_five_seconds() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = Home::new();
    let base = format!("http://{}/v1", silent.local_addr().unwrap());
    let (_, port) = base.trim_end_matches("/v1").rsplit_once(':').unwrap();
    let rest = format!("[ocr]\nengine = \"service\"\n[ocr.service]\nurl = \"http://127.0.0.1:{port}\"\n");
    home.write("config.toml", settings(&base, &rest));
    let began = Instant::now();
    let (exit, checks, _) = doctor(&home, &[]).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(exit, Some(3));
    assert!(saw(&checks, "key").contains("timed out"), "{checks:#}");
    assert!(saw(&checks, "OCR service").contains("no answer within 5 s"), "{checks:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_tells_its_health_and_storage_is_probed_and_left_clean() {
    let home = Home::new();
    let bucket = home.path().join("bucket");
    std::fs::create_dir(&bucket).unwrap();
    let service = OcrService::start(bucket.clone(), vec![Plan::Content]).await;
    let rest = format!(
        "[blob]\nfolder = \"{}\"\n[ocr]\nengine = \"service\"\n[ocr.service]\nurl = \"{}\"\n",
        bucket.display(),
        service.url()
    );
    home.write("config.toml", rest);
    let (exit, checks, _) = doctor(&home, &[]).await;
    assert_eq!(exit, Some(3), "{checks:#}");
    assert!(
        saw(&checks, "OCR service")
            .ends_with("healthy, PaddleOCR ready, S3 connected; no blob.bucket to look for results in after a 502")
    );
    assert!(saw(&checks, "storage").ends_with("a probe was stored, read, listed and removed"), "{checks:#}");
    let left: Vec<_> = std::fs::read_dir(bucket.join("ocr-results")).map(|all| all.flatten().collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
    assert!(service.submitted().is_empty());
}

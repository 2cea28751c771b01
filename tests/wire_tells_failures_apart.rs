//! Every way in which an exchange breaks below HTTP comes out as its own failure, with what was read until then.
//! Nothing here leaves this machine: the server is bare TCP on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/raw_server.rs"]
mod raw_server;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use raw_server::{Play, RawServer};
use tagdeck::config::{Provider, Secret};
use tagdeck::domain::Outcome;
use tagdeck::llm::wire::{BODY_CAP, Reply, TransportFailure, Wire, WireError};
use tagdeck::llm::{Ask, Format, Message};

const KEY: &str = "sk-or-v1-0123456789";
const GOOD: &str = r#"{"choices":[{"message":{"content":"[\"рыба\"]"}}]}"#;

fn provider(base_url: &str) -> Provider {
    Provider {
        name: "raw".to_owned(),
        base_url: base_url.to_owned(),
        key: Some(Secret::new(KEY)),
        headers: BTreeMap::from([("HTTP-Referer".to_owned(), Secret::new("https://example.org/tagdeck"))]),
        requests_per_minute: None,
        requests_per_day: None,
        budget_micros_per_day: None,
    }
}

fn ask() -> Ask {
    Ask {
        messages: vec![Message { role: "user", content: "текст".to_owned() }],
        format: Format::JsonSchema,
        max_tokens: 150,
        temperature: 0.3,
        reasoning_off: false,
        without: Vec::new(),
    }
}

async fn reply_to(play: Play, timeout: Duration) -> Reply {
    let server = RawServer::start(vec![play]).await;
    Wire::new(&provider(&server.base_url()), timeout).unwrap().send("m", &ask()).await
}

async fn failure_of(play: Play) -> (Option<TransportFailure>, Outcome) {
    let reply = reply_to(play, Duration::from_millis(300)).await;
    (reply.failure, reply.verdict(0).outcome)
}

#[tokio::test]
async fn a_whole_answer_comes_back_raw_with_its_headers() {
    let reply = reply_to(Play::json(GOOD), Duration::from_secs(5)).await;
    assert_eq!((reply.status, reply.failure), (Some(200), None));
    assert_eq!((&reply.body[..], reply.headers.get("x-request-id")), (GOOD.as_bytes(), Some("raw-1")));
}

#[tokio::test]
async fn the_request_is_what_the_protocol_wants() {
    let server = RawServer::start(vec![Play::json(GOOD)]).await;
    let wire = Wire::new(&provider(&server.base_url()), Duration::from_secs(5)).unwrap();
    wire.send("google/gemini", &ask()).await;
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer sk-or-v1-0123456789"));
    assert_eq!(request.header("http-referer"), Some("https://example.org/tagdeck"));
    assert_eq!((request.header("content-type"), request.header("accept-encoding")), (Some("application/json"), None));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&body["model"], &body["stream"]), (&"google/gemini".into(), &false.into()));
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let server = RawServer::start(vec![Play::json(GOOD)]).await;
    let wire = Wire::new(&provider(&server.base_url()), Duration::from_secs(5)).unwrap();
    for _ in 0..5 {
        assert_eq!(wire.send("m", &ask()).await.failure, None);
    }
    let connections: Vec<usize> = server.requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0; 5]);
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let reply = Wire::new(&provider(&base), Duration::from_secs(5)).unwrap().send("m", &ask()).await;
    assert_eq!((reply.status, reply.failure), (None, Some(TransportFailure::Unreachable)));
    let verdict = reply.verdict(0);
    assert_eq!(verdict.outcome, Outcome::Unreachable);
    assert!(verdict.reason.contains("refused"), "{}", verdict.reason);
}

#[tokio::test]
async fn hanging_up_before_an_answer_is_unreachable() {
    assert_eq!(failure_of(Play::HangUp).await, (Some(TransportFailure::Unreachable), Outcome::Unreachable));
    assert_eq!(failure_of(Play::Bytes(b"SSH-2.0-x\r\n".to_vec())).await.0, Some(TransportFailure::Unreachable));
}

#[tokio::test]
async fn silence_is_a_timeout_of_the_whole_call() {
    let start = Instant::now();
    assert_eq!(failure_of(Play::Silence).await, (Some(TransportFailure::Timeout), Outcome::Timeout));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_body_that_drips_too_slowly_is_a_timeout_too() {
    let body = GOOD.as_bytes().to_vec();
    let slow = Play::Drip { body: body.clone(), piece: 1, gap: Duration::from_millis(50) };
    assert_eq!(failure_of(slow).await, (Some(TransportFailure::Timeout), Outcome::Timeout));
    assert_eq!(failure_of(Play::Stall { body: body.clone() }).await.0, Some(TransportFailure::Timeout));
    let reply = reply_to(Play::Drip { body, piece: 7, gap: Duration::from_millis(1) }, Duration::from_secs(5)).await;
    assert_eq!((reply.failure, &reply.body[..]), (None, GOOD.as_bytes()));
}

#[tokio::test]
async fn a_body_cut_midway_is_told_apart_and_what_came_is_kept() {
    let reply = reply_to(Play::Cut { body: GOOD.as_bytes().to_vec(), after: 20 }, Duration::from_secs(5)).await;
    assert_eq!((reply.status, reply.failure), (Some(200), Some(TransportFailure::Cut)));
    assert_eq!(&reply.body[..], &GOOD.as_bytes()[..20]);
    assert_eq!(reply.verdict(0).outcome, Outcome::AnswerError);
}

#[tokio::test]
async fn an_answer_that_is_whole_though_cut_is_not_paid_for_twice() {
    let body = GOOD.as_bytes().to_vec();
    let reply = reply_to(Play::Cut { after: body.len(), body }, Duration::from_secs(5)).await;
    assert_eq!(reply.failure, Some(TransportFailure::Cut));
    assert_ne!(reply.verdict(0).outcome, Outcome::AnswerError);
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_not_read_further() {
    let reply = reply_to(Play::Chunked { total: BODY_CAP + 500_000 }, Duration::from_secs(10)).await;
    assert_eq!((reply.failure, reply.body.len()), (Some(TransportFailure::BodyTooLarge), BODY_CAP));
    assert_eq!(reply.verdict(0).outcome, Outcome::BodyTooLarge);
    let reply = reply_to(Play::Chunked { total: BODY_CAP }, Duration::from_secs(10)).await;
    assert_eq!((reply.failure, reply.body.len()), (None, BODY_CAP));
}

#[tokio::test]
async fn bytes_that_are_no_text_come_back_as_they_are() {
    let body = vec![0xff; 64];
    let reply = reply_to(Play::Answer { status: 200, content_type: "application/json", body }, Duration::from_secs(5)).await;
    assert_eq!((reply.failure, &reply.body[..]), (None, &[0xff; 64][..]));
    assert_eq!(reply.verdict(0).outcome, Outcome::NotUtf8);
}

#[tokio::test]
async fn html_with_200_is_an_answer_for_the_classifier() {
    let html = Play::Answer { status: 200, content_type: "text/html", body: b"<!doctype html><h1>Gateway</h1>".to_vec() };
    let reply = reply_to(html, Duration::from_secs(5)).await;
    assert_eq!((reply.failure, reply.verdict(0).outcome), (None, Outcome::Html));
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let elsewhere = RawServer::start(vec![Play::json(GOOD)]).await;
    let moved = format!("HTTP/1.1 307 Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.base_url());
    let reply = reply_to(Play::Bytes(moved.into_bytes()), Duration::from_secs(5)).await;
    assert_eq!((reply.status, elsewhere.requests().len()), (Some(307), 0));
}

#[tokio::test]
async fn a_key_that_the_server_echoes_is_blotted_out() {
    let echo = format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}"#);
    let play = Play::Answer { status: 401, content_type: "application/json", body: echo.into_bytes() };
    let reply = reply_to(play, Duration::from_secs(5)).await;
    assert!(!format!("{reply:?} {:?}", reply.verdict(0)).contains("0123456789"));
    assert!(reply.body.ends_with(br#"provided: *******************"}}"#));
}

/// A TLS server with a certificate that nobody signed; it handshakes once, on a thread of its own.
fn self_signed_server() -> String {
    use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
    let certificate = CertificateDer::from(&include_bytes!("support/self_signed_cert.der")[..]);
    let key = PrivatePkcs8KeyDer::from(&include_bytes!("support/self_signed_key.der")[..]);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(std::sync::Arc::new(config)).unwrap();
        while connection.is_handshaking() && connection.complete_io(&mut socket).is_ok() {}
    });
    base
}

/// A machine without root certificates cannot speak HTTPS at all; then the error must say what is missing.
fn https(base: &str) -> Option<Wire> {
    match Wire::new(&provider(base), Duration::from_secs(5)) {
        Ok(wire) => Some(wire),
        Err(error) => {
            assert!(matches!(error, WireError::Client { .. }) && error.to_string().contains("ca-certificates"), "{error}");
            None
        }
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told_from_a_server_that_is_not_there() {
    if let Some(wire) = https(&self_signed_server()) {
        let reply = wire.send("m", &ask()).await;
        assert_eq!((reply.failure, reply.verdict(0).outcome), (Some(TransportFailure::Tls), Outcome::Tls), "{}", reply.detail);
        assert!(reply.detail.contains("certificate"), "{}", reply.detail);
    }
}

#[tokio::test]
async fn a_plain_server_asked_for_tls_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    if let Some(wire) = https(&base) {
        assert_eq!(wire.send("m", &ask()).await.failure, Some(TransportFailure::Unreachable));
    }
}

#[tokio::test]
async fn models_are_listed_from_the_servers_own_shape() {
    let list = r#"{"object":"list","data":[{"id":"gemma-3-270m","object":"model"},{"id":"b","context_length":8192,"pricing":{"prompt":"0","completion":"0"}}]}"#;
    let server =
        RawServer::start(vec![Play::json(list), Play::json("[]"), Play::json("no"), Play::json("{}"), Play::HangUp]).await;
    let wire = Wire::new(&provider(&server.base_url()), Duration::from_secs(5)).unwrap();
    let models = wire.models().await.unwrap();
    assert_eq!((models[0].id.as_str(), models[1].context, models[1].costs_nothing()), ("gemma-3-270m", Some(8192), true));
    assert_eq!(server.requests()[0].line, "GET /v1/models HTTP/1.1");
    assert!(wire.models().await.unwrap().is_empty());
    for expected in ["no JSON", "without a list", "not reachable"] {
        let error = wire.models().await.unwrap_err().to_string();
        assert!(error.starts_with("provider `raw` did not list its models") && error.contains(expected), "{error}");
    }
}

//! The demo's server over a raw TCP client: every fault arrives as its catalogue entry says, and nobody can hurt it.
//! How the engine copes with those faults is tested where the engine is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tagdeck::demo::server::catalogue::{FAULTS, Fault, Travel, When, find};
use tagdeck::demo::server::{Answer, Faults, LOG_CAPACITY, Server, Setup, http, text_hash};
use tagdeck::demo::{ROUTE, hashes, posts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KEY: &str = "sk-demo";

fn fixed() -> Answer {
    Arc::new(|_| vec!["наука".to_owned(), "космос".to_owned(), "луна".to_owned()])
}

async fn server(faults: Faults) -> Server {
    Server::start(Setup { key: KEY.to_owned(), faults, answer: fixed(), count_file: None }).await.unwrap()
}

/// An answer as it came over the wire, chunks joined.
#[derive(Debug, Default)]
struct Got {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    /// False when the connection ended before the body did.
    whole: bool,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    fn content(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }
}

struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    async fn to(server: &Server) -> Self {
        Self { stream: TcpStream::connect(server.address()).await.unwrap(), read: Vec::new() }
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: demo\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(head.as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, model: &str, post: &str) -> Got {
        self.send("POST", "/api/v1/chat/completions", &question(model, post)).await;
        self.answer().await
    }

    async fn fill(&mut self) -> bool {
        self.stream.read_buf(&mut self.read).await.is_ok_and(|count| count > 0)
    }

    /// Reads one answer; status 0 when the connection ended before a head came.
    async fn answer(&mut self) -> Got {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if !self.fill().await {
                return Got::default();
            }
        };
        let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
        let mut got = Got { status: head[9..12].parse().unwrap(), ..Got::default() };
        for line in head.trim_end().lines().skip(1) {
            let (name, value) = line.split_once(": ").unwrap();
            assert!(!value.chars().any(char::is_control), "{line:?}");
            got.headers.insert(name.to_lowercase(), value.to_owned());
        }
        if let Some(length) = got.headers.get("content-length").map(|length| length.parse().unwrap()) {
            while self.read.len() < length && self.fill().await {}
            got.whole = self.read.len() >= length;
            got.body = self.read.drain(..length.min(self.read.len())).collect();
            return got;
        }
        assert_eq!(got.headers["transfer-encoding"], "chunked");
        loop {
            let Some(at) = self.read.windows(2).position(|window| window == b"\r\n") else {
                if self.fill().await {
                    continue;
                }
                return got;
            };
            let size = usize::from_str_radix(std::str::from_utf8(&self.read[..at]).unwrap(), 16).unwrap();
            while self.read.len() < at + 4 + size {
                if !self.fill().await {
                    return got;
                }
            }
            got.body.extend_from_slice(&self.read[at + 2..at + 2 + size]);
            self.read.drain(..at + 4 + size);
            if size == 0 {
                got.whole = true;
                return got;
            }
        }
    }
}

fn question(model: &str, post: &str) -> String {
    json!({"model": model, "messages": [{"role": "system", "content": "Tags."}, {"role": "user", "content": format!("The post:\n<<<\n{post}\n>>>\n")}]}).to_string()
}

#[tokio::test]
async fn every_fault_arrives_as_the_catalogue_says() {
    let server = server(Faults { drip: Duration::from_millis(450), ..Faults::none() }).await;
    for fault in FAULTS {
        let mut client = Client::to(&server).await;
        let started = Instant::now();
        let got = client.ask(&format!("fault/{}", fault.name), "Пост о Луне").await;
        arrived(fault, &got, started.elapsed());
        let reusable = got.whole;
        let again = tokio::time::timeout(Duration::from_secs(5), async {
            client.send("GET", "/api/v1/key", "").await;
            client.answer().await.status
        });
        if reusable {
            assert_eq!(again.await.unwrap(), 200, "{}: the connection goes on", fault.name);
        }
    }
    assert_eq!(server.asked(), FAULTS.len() as u64);
    let log = server.log();
    assert!(
        log.iter().zip(FAULTS).all(|(seen, fault)| seen.fault == Some(fault.name) && seen.text_hash == text_hash("Пост о Луне"))
    );
}

fn arrived(fault: &Fault, got: &Got, elapsed: Duration) {
    let name = fault.name;
    match fault.travel {
        Travel::NoAnswer => return assert_eq!(got.status, 0, "{name}"),
        Travel::Drip => {
            assert!(!got.whole && elapsed >= Duration::from_millis(400), "{name}: {elapsed:?}");
            return assert!(!got.body.is_empty() && got.body.iter().all(|&b| b == b' '), "{name}");
        }
        Travel::CutMidway => assert!(!got.whole && !got.body.is_empty(), "{name}"),
        Travel::Huge => assert!(got.whole && got.body.len() > 1024 * 1024, "{name}: {}", got.body.len()),
        Travel::Cp1251 => assert!(got.whole && std::str::from_utf8(&got.body).is_err(), "{name}"),
        Travel::Whole | Travel::Chunked => {
            let text = std::str::from_utf8(&got.body).unwrap();
            assert!(got.whole && !text.is_empty() && !text.contains('%'), "{name}: {text}");
        }
    }
    assert_eq!(got.status, fault.status, "{name}");
    for (header, _) in fault.headers {
        let value = &got.headers[&header.to_lowercase()];
        assert!(value.parse::<i64>().is_ok(), "{name}: {header}: {value}");
    }
    if fault.name == "length_some" {
        assert_eq!(
            (got.content().as_str(), &got.json()["choices"][0]["finish_reason"]),
            ("[\"наука\",\"космос\",\"л", &json!("length"))
        );
    }
}

#[tokio::test]
async fn the_perfect_server_answers_everybody_with_the_tags_of_the_text() {
    let answer: Answer = Arc::new(|text| vec![text.to_owned()]);
    let server = Server::start(Setup { key: KEY.to_owned(), faults: Faults::none(), answer, count_file: None }).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..300 {
        let mut client = Client::to(&server).await;
        tasks.spawn(async move {
            for turn in 0..3 {
                let post = format!("пост {n} {turn}");
                let got = client.ask("any/model", &post).await;
                assert_eq!(got.json()["model"], "any/model");
                assert_eq!(got.content(), json!([post]).to_string());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let log = server.log();
    assert!(log.len() == 900 && log.iter().all(|seen| seen.fault.is_none()) && LOG_CAPACITY > 900);
    assert_eq!(log.iter().map(|seen| seen.n).collect::<BTreeSet<_>>().len(), 900);
}

#[tokio::test]
async fn models_and_key_are_listed_and_the_key_is_checked() {
    let server = server(Faults::none()).await;
    let mut client = Client::to(&server).await;
    client.send("GET", "/api/v1/models?supported_parameters=structured_outputs", "").await;
    let models = client.answer().await.json();
    let ids: Vec<&str> = models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(ROUTE.iter().all(|id| ids.contains(id)), "{ids:?}");
    client.ask("demo/astra-large", "Пост").await;
    client.send("GET", "/api/v1/key", "").await;
    assert!(client.answer().await.json()["data"]["usage"].as_f64().unwrap() > 0.0);
    for (key, path, status) in [("sk-wrong", "chat/completions", 401), (KEY, "nothing", 404), (KEY, "models", 405)] {
        let body = question("m", "Пост");
        let request = format!(
            "POST /api/v1/{path} HTTP/1.1\r\nAuthorization: bearer {key}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        client.stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(client.answer().await.status, status, "{path}");
    }
    assert_eq!(server.asked(), 1, "a wrong key is not counted as a call");
}

#[tokio::test]
async fn requests_that_are_none_are_refused_and_the_server_goes_on() {
    let server = server(Faults::none()).await;
    let deep = "[".repeat(200_000);
    for (body, status) in [("", 400), ("{}", 400), ("nul", 400), (&*deep, 400), (r#"{"model":7,"messages":[]}"#, 400)] {
        let mut client = Client::to(&server).await;
        client.send("POST", "/api/v1/chat/completions", body).await;
        let got = client.answer().await;
        assert_eq!(got.status, status);
        assert!(got.json()["error"]["message"].is_string());
    }
    let long = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; http::HEAD_MAX + 1]].concat();
    for (bytes, status) in [(b"\x16\x03\x01\x02\x00\r\n\r\n".to_vec(), 400), (long, 431)] {
        let mut client = Client::to(&server).await;
        // The server may hang up before it has read everything.
        let _ = client.stream.write_all(&bytes).await;
        assert_eq!(client.answer().await.status, status);
    }
    assert_eq!(Client::to(&server).await.ask("m", "Пост").await.status, 200);
}

#[tokio::test]
async fn the_count_file_has_a_line_for_every_call_of_every_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls");
    for _ in 0..2 {
        let setup = Setup { key: KEY.to_owned(), faults: Faults::none(), answer: fixed(), count_file: Some(path.clone()) };
        let server = Server::start(setup).await.unwrap();
        let mut client = Client::to(&server).await;
        client.ask("odd\n\u{1b}[31m/model", "Пост").await;
        client.ask("fault/error_500", "Пост").await;
    }
    let hash = text_hash("Пост");
    let once = format!("1\todd ␛[31m/model\t{hash:016x}\t-\n2\tfault/error_500\t{hash:016x}\terror_500\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), once.repeat(2));
}

#[tokio::test]
async fn one_seed_brings_the_same_faults_at_any_concurrency() {
    let posts = posts().unwrap();
    let faults = Faults {
        latency: Duration::ZERO..Duration::from_millis(3),
        loading: Duration::ZERO,
        drip: Duration::from_millis(1),
        day_after: None,
        ..Faults::demo(7, hashes(&posts))
    };
    let mut runs = Vec::new();
    for concurrency in [1, 16] {
        let server = server(faults.clone()).await;
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..concurrency {
            let texts: Vec<String> = posts.iter().skip(lane).step_by(concurrency).map(|post| post.text.clone()).collect();
            let address = server.address();
            tasks.spawn(async move {
                for text in texts {
                    for model in ROUTE.into_iter().flat_map(|model| [model; 3]) {
                        let mut client = Client { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() };
                        client.ask(model, &text).await;
                    }
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let mut seen: Vec<_> = server.log().into_iter().map(|seen| (seen.model, seen.text_hash, seen.fault)).collect();
        seen.sort();
        assert_eq!(seen.len(), posts.len() * ROUTE.len() * 3);
        runs.push(seen);
    }
    assert!(runs[0] == runs[1]);
}

#[tokio::test]
async fn loading_ends_and_the_daily_limit_strikes_once() {
    let quiet = Faults { share: f64::MIN_POSITIVE, ..Faults::none() };
    let short = Duration::from_millis(60);
    let server = server(Faults { loading: short, day: short, day_after: Some(2), ..quiet }).await;
    let mut client = Client::to(&server).await;
    assert_eq!(client.ask("demo/tortoise-steady", "Первый пост").await.json()["error"]["message"], "Loading model");
    for post in ["Второй пост", "Первый пост", "Второй пост"] {
        assert_eq!(client.ask("demo/heron-7b:free", post).await.status, 200, "two posts are not too many");
    }
    let limited = client.ask("demo/heron-7b:free", "Третий пост").await;
    assert_eq!(limited.status, 429);
    assert!(limited.headers["x-ratelimit-reset"].parse::<u64>().unwrap() > 1_700_000_000_000, "epoch milliseconds");
    assert_eq!(client.ask("demo/heron-70b", "Третий пост").await.status, 200, "paid models go on");
    tokio::time::sleep(short).await;
    for status in [429, 200] {
        let got = client.ask("demo/heron-7b:free", "Четвёртый пост").await;
        assert_eq!((got.status, got.headers.contains_key("x-ratelimit-reset")), (status, false));
    }
    assert_eq!(client.ask("demo/tortoise-steady", "Первый пост").await.status, 200);
}

#[test]
fn entries_have_names_of_their_own_and_all_can_be_found() {
    let names: BTreeSet<_> = FAULTS.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len());
    assert!(FAULTS.iter().all(|fault| find(fault.name) == Some(fault) && !fault.row.is_empty()));
    assert!(FAULTS.iter().any(|fault| fault.when == When::Key));
}

//! `tagdeck serve` and `tagdeck run --listen` as services: closed by default, stopped by SIGTERM, told anew by SIGHUP, logged as before.
//! What is answered is tested elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/chat_server.rs"]
mod chat_server;
#[path = "support/program.rs"]
mod program;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use chat_server::{Answer, ChatServer};
use program::{Home, text};
use rustix::process::{Pid, Signal, kill_process};

const ONE: &str = "the-first-token-of-all";
const TWO: &str = "another-token-of-tests";
const PATIENCE: Duration = Duration::from_secs(20);

/// A server in a process of its own.
struct Service {
    child: Child,
    address: String,
    /// Read on, so that the process never writes to nobody.
    log: std::thread::JoinHandle<String>,
}

impl Service {
    fn start(home: &Home, args: &[&str]) -> Self {
        let mut child = home.tagdeck(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        stderr.read_line(&mut said).unwrap();
        let address = said.trim().strip_prefix("tagdeck: listening on ").unwrap_or_else(|| panic!("{said}")).to_owned();
        let log = std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = stderr.read_to_string(&mut rest);
            rest
        });
        Self { child, address, log }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }

    async fn status(&self, path: &str, token: &str) -> u16 {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(format!("{}{path}", self.address)).bearer_auth(token).send().await.unwrap().status().as_u16()
    }

    async fn until(&self, path: &str, token: &str, wanted: u16) {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = self.status(path, token).await;
            if status == wanted {
                return;
            }
            assert!(Instant::now() < end, "{path} with {token}: still {status}, not {wanted}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Answers of 200 that a route has given, as Prometheus is told.
    async fn counted(&self, route: &str, token: &str) -> u64 {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let told = client.get(format!("{}/metrics", self.address)).bearer_auth(token).send().await.unwrap().text().await.unwrap();
        let line = format!("tagdeck_http_requests_total{{route=\"{route}\",method=\"GET\",status=\"200\"}} ");
        told.lines().find_map(|told| told.strip_prefix(&line)?.parse().ok()).unwrap_or_else(|| panic!("{told}"))
    }

    /// Ends it; what it logged.
    fn end(mut self) -> String {
        let since = Instant::now();
        self.signal(Signal::TERM);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        assert!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());
        self.log.join().unwrap()
    }
}

fn tokens(token: &str) -> String {
    format!("[api]\ntokens = [\"{token}\"]\n")
}

#[test]
fn an_open_door_is_refused() {
    let home = Home::new();
    for args in [&["serve", "--listen", "0.0.0.0:0"][..], &["run", "--listen", "[::]:0"]] {
        let output = home.run(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("can be reached from other machines, and no token is set: set TAGDECK_API_TOKEN"), "{said}");
    }
    let output = home.run(&["serve", "--listen", "example.org:80"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_read_again_and_a_mistake_changes_nothing() {
    let home = Home::new();
    home.write("config.toml", tokens(ONE));
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["run", "--listen", "127.0.0.1:0"]] {
        home.write("config.toml", tokens(ONE));
        let service = Service::start(&home, args);
        service.until("/posts", ONE, 200).await;
        home.write("config.toml", tokens(TWO));
        service.signal(Signal::HUP);
        service.until("/posts", TWO, 200).await;
        assert_eq!(service.status("/posts", ONE).await, 401);
        assert!(service.counted("/posts", TWO).await >= 2, "before the reload and after it");
        home.write("config.toml", "[api]\ntokens = [\"short\"]\n");
        service.signal(Signal::HUP);
        tokio::time::sleep(Duration::from_millis(100)).await;
        service.until("/posts", TWO, 200).await;
        let log = service.end();
        assert!(log.contains("the settings were read again"), "{log}");
        assert!(log.contains("the settings stay as they were") && log.contains("api.tokens holds one of fewer than 16"), "{log}");
        assert!(!log.contains(ONE) && !log.contains(TWO), "no token is logged: {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_route_is_taken_without_losing_a_post() {
    let server = ChatServer::start(|asked| match asked.model.as_str() {
        "old" => Answer::tags(&["старая модель"]),
        _ => Answer::tags(&["новая модель"]),
    })
    .await;
    let settings = |model: &str| {
        let base_url = &server.base_url;
        format!(
            "[tagging]\nroute = [\"p/{model}\"]\n[[providers]]\nname = \"p\"\nbase_url = \"{base_url}\"\nkey = \"sk-test\"\n{}",
            tokens(ONE)
        )
    };
    let home = Home::new();
    home.write("config.toml", settings("old"));
    let post = |n: usize| {
        format!(
            "{{\"channel\":\"Проба\",\"message_id\":{n},\"date\":\"2026-01-01T00:00:00Z\",\"text\":\"Достаточно длинный текст {n}\"}}"
        )
    };
    home.write("a.jsonl", post(1));
    home.ok(&["import", "a.jsonl"]);
    let service = Service::start(&home, &["run", "--listen", "127.0.0.1:0"]);
    let tagged = |count: i64| {
        let home = &home;
        async move {
            let end = Instant::now() + PATIENCE;
            while !home.ok(&["stats", "--json"]).contains(&format!("\"success\":{count},")) {
                assert!(Instant::now() < end, "{}", home.ok(&["stats", "--json"]));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    tagged(1).await;
    home.write("config.toml", settings("new"));
    service.signal(Signal::HUP);
    service.until("/ready", ONE, 200).await;
    home.write("b.jsonl", post(2));
    home.ok(&["import", "b.jsonl"]);
    tagged(2).await;
    service.end();
    assert_eq!(server.models_asked(), ["old", "new"]);
}

#[test]
fn without_a_settings_file_a_hangup_is_a_stop() {
    let home = Home::new();
    let mut service = Service::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    service.signal(Signal::HUP);
    assert!(service.child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_has_the_lines_that_people_grep_for() {
    let server = ChatServer::start(|asked| match (asked.model.as_str(), asked.nth) {
        ("first", _) => Answer::error(502, "Bad gateway"),
        _ => Answer::tags(&["погода"]),
    })
    .await;
    for format in ["text", "json"] {
        let home = Home::new();
        let base_url = &server.base_url;
        home.write(
            "config.toml",
            format!(
                "log_format = \"{format}\"\nlog_dir = \"logs\"\n[tagging]\nroute = [\"p/first\", \"p/second\"]\nretry_delay = 0.2\n\
                 [[providers]]\nname = \"p\"\nbase_url = \"{base_url}\"\nkey = \"sk-very-secret\"\n"
            ),
        );
        home.write(
            "a.jsonl",
            "{\"channel\":\"Проба\",\"message_id\":1,\"date\":\"2026-01-01T00:00:00Z\",\"text\":\"Достаточно длинный текст\"}",
        );
        home.ok(&["import", "a.jsonl"]);
        home.ok(&["run", "--until-idle", "--json"]);
        let mut log = String::new();
        for file in std::fs::read_dir(home.path().join("logs")).unwrap() {
            let path = file.unwrap().path();
            assert!(path.file_name().unwrap().to_str().unwrap().starts_with("tagdeck."), "{}", path.display());
            log += &std::fs::read_to_string(path).unwrap();
        }
        for words in
            ["TaggingService", "Retry через 0.2с", "fallback модель: second", "Обработка завершена. Успешно: 1, Ошибок: 0"]
        {
            assert!(log.contains(words), "{words} is not in\n{log}");
        }
        assert!(!log.contains("very-secret"), "{log}");
        if format == "json" {
            for line in program::json_lines(&log) {
                assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
            }
        }
    }
}

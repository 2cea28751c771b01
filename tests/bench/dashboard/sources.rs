//! What goes on while the dashboard is watched, each in a process of its own, as it would be: this program once more, in another role.
//! It measures nothing.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tagdeck::demo::server::{Faults, Server, Setup};
use tagdeck::domain::{BreakerState, Event, EventKind, JobKind, ModelKey, ModelShare, Outcome, PostId, Totals, WorkerNumbers};
use tagdeck::store::{Access, Store};
use tagdeck::text::Safe;
use tokio::runtime::Runtime;

/// Which role, and what it needs to know.
pub const ROLE: &str = "TAGDECK_BENCH_ROLE";
const EVENTS_A_SECOND: u64 = 10_000;

/// True when this process was started for a role, which it has played.
pub fn played_a_role() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    let (role, about) = role.split_once(' ').unwrap();
    match role {
        "server" => serve(about.parse().unwrap()),
        "events" => Runtime::new().unwrap().block_on(write_events(about)),
        "deck" => super::flood::deck(about),
        other => panic!("no role {other}"),
    }
    true
}

/// A process in a role; it ends with this.
pub struct Source {
    child: Child,
    /// The first line it printed.
    pub said: String,
    database: String,
}

impl Source {
    /// A provider whose answers take so long.
    pub fn server(latency_ms: u64) -> Self {
        Self::start(&format!("server {latency_ms}"), "")
    }

    /// A worker that writes 10,000 events a second into the log that all share, and shows its numbers.
    pub fn events(database: &str) -> Self {
        Self::start(&format!("events {database}"), database)
    }

    fn start(role: &str, database: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        Self { child, said: said.trim().to_owned(), database: database.to_owned() }
    }

    /// Events in the shared log since the database was made.
    pub fn written(&self) -> i64 {
        Runtime::new().unwrap().block_on(async {
            let store = Store::open(&self.database, Access::ReadOnly).await.unwrap();
            store.last_events("", 1).await.unwrap().1
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(latency_ms: u64) {
    let latency = Duration::from_millis(latency_ms);
    let faults = Faults { latency: latency..latency, ..Faults::none() };
    let answer = Arc::new(|_: &str| vec!["озеро".to_owned(), "музей".to_owned(), "выставка".to_owned()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let setup = Setup { key: "sk-test".to_owned(), faults, answer, count_file: None };
    let server = runtime.block_on(Server::start(setup)).unwrap();
    println!("{}", server.base_url());
    std::thread::spawn(|| {
        // Until the bench ends and with it our stdin.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    runtime.block_on(std::future::pending::<()>());
}

/// Half of them about a post that was tagged, the rest its troubles.
fn event(n: u64, time: i64) -> Event {
    let (kind, outcome, text) = match n % 6 {
        0..3 => (EventKind::Success, Outcome::Success, format!("1.{} s · наука · космос · Луна", n % 10)),
        3 => (EventKind::Retry, Outcome::RateLimited, format!("429 «Upstream error from OpenInference», wait {}.0 s", n % 7)),
        4 => (EventKind::Fallback, Outcome::Timeout, "no answer within 60 s; the next model is asked".to_owned()),
        _ => (EventKind::PassFailed, Outcome::Timeout, format!("pass {} of 5 ended without tags", n % 5)),
    };
    Event {
        seq: 0,
        time,
        worker: Safe::default(),
        kind,
        post: Some(PostId(1 + (n * 7919 % 2_000) as i64)),
        image: None,
        model: Some(Safe::fixed(
            ["openrouter/google/gemini-2.5-flash", "openrouter/meta-llama/llama-4-maverick:free"][n as usize % 2],
        )),
        outcome: Some(outcome),
        text: Safe::line(&text),
    }
}

async fn write_events(database: &str) {
    let store = Store::open(database, Access::ReadWrite).await.unwrap();
    let worker = "other:1";
    store.heartbeat(worker, &[JobKind::Tag], "0.1.0").await.unwrap();
    println!("ready");
    let (began, mut written, mut shown) = (Instant::now(), 0, None);
    let mut often = tokio::time::interval(Duration::from_millis(50));
    loop {
        often.tick().await;
        let due = began.elapsed().as_millis() as u64 * EVENTS_A_SECOND / 1_000;
        let now = store.now().await.unwrap();
        let events: Vec<Event> = (written..due).map(|n| event(n, now)).collect();
        store.add_events(worker, &events).await.unwrap();
        written = due;
        let second = began.elapsed().as_secs();
        if shown != Some(second) {
            shown = Some(second);
            store.show_worker(worker, None, "tagging 32 posts", &numbers(second)).await.unwrap();
        }
    }
}

/// Numbers of which each changes each second.
fn numbers(second: u64) -> WorkerNumbers {
    let share = |model: &str, n: u64| ModelShare {
        model: ModelKey { provider: "openrouter".to_owned(), model: model.to_owned() },
        calls: second * 100 * n,
        successes: second * 90 * n,
        answers: second * 95 * n,
        times_ms: (0..32).map(|at| 900 + ((second + at) * 137 % 400) as u32).collect(),
        limit_today: None,
        breaker: BreakerState::Closed,
        until: None,
        reason: None,
    };
    WorkerNumbers {
        in_flight: 20 + (second % 13) as usize,
        concurrency: 32,
        finished_per_second: (0..60).map(|at| 1_000 + ((second + at) * 7919 % 700) as u32).collect(),
        totals: Totals { success: second * 1_000, calls: second * 1_500, ..Totals::default() },
        models: vec![share("google/gemini-2.5-flash", 2), share("meta-llama/llama-4-maverick:free", 1)],
    }
}

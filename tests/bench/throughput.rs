//! Posts a second, end to end: the real engine, a real SQLite file, HTTP to a server in a process of its own; and what the log that a
//! fleet shares costs, there and on PostgreSQL. `cargo bench --bench throughput`, or with `speed` or `log` behind `--`.
//! The tags of the server are words of the post, so nothing here judges quality.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs, dead_code)]

#[path = "../support/databases.rs"]
mod databases;
#[path = "../support/measured_posts.rs"]
mod measured_posts;
#[path = "../support/postgres.rs"]
mod postgres;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use databases::Db;
use tagdeck::demo::server::{Faults, Server, Setup};

const KEY: &str = "sk-bench";
/// Set in the process that is the server: its latency in milliseconds.
const ROLE: &str = "TAGDECK_BENCH_SERVER";

fn main() {
    if let Ok(latency) = std::env::var(ROLE) {
        return serve(latency.parse().unwrap());
    }
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    if wanted("speed") {
        speed();
    }
    if wanted("log") {
        log();
    }
}

/// The same posts with the shared log and without: with its table gone, each batch of events is one statement that fails.
fn log() {
    const ROUNDS: usize = 3;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = Other::start(0);
    for kind in ["SQLite", "PostgreSQL"] {
        let mut paces = [Vec::new(), Vec::new()];
        for round in 0..2 * ROUNDS {
            let db = match kind {
                "SQLite" => Some(Db::sqlite()),
                _ => runtime.block_on(Db::postgres()),
            };
            let Some(db) = db else { continue };
            let without = round % 2;
            measured_posts::fill(&db.url, 10_000);
            if without == 1 {
                runtime.block_on(db.run("ALTER TABLE events RENAME TO put_aside"));
            }
            paces[without].push(run(&server, 64, 10_000, &db.url).steady);
        }
        for paces in &mut paces {
            paces.sort_by(f64::total_cmp);
        }
        let [with, without] = paces.map(|paces| paces.get(ROUNDS / 2).copied().unwrap_or(f64::NAN));
        println!(
            "{kind}: {with:.0} posts/s with the shared log, {without:.0} without: {:.1} % (wanted < 5)",
            100.0 * (1.0 - with / without)
        );
    }
}

fn speed() {
    // Latency, concurrency, posts, wanted posts/s.
    for (latency, concurrency, posts, wanted) in [(0, 64, 20_000, 1000.0), (1000, 256, 12_000, 240.0)] {
        let server = Other::start(latency);
        let db = Db::sqlite();
        measured_posts::fill(&db.url, posts);
        let measured = run(&server, concurrency, posts, &db.url);
        println!(
            "latency {latency} ms, concurrency {concurrency}: {posts} posts in {:.1} s, {:.0} posts/s over all, {:.0} posts/s in the middle half (wanted {wanted:.0}); engine {:.2} CPU-ms a post, peak {} MB",
            measured.seconds, measured.overall, measured.steady, measured.cpu_ms, measured.peak_mb,
        );
        assert!(measured.steady >= wanted, "too slow");
    }
}

struct Measured {
    seconds: f64,
    overall: f64,
    /// Between the first and the third quarter of the posts: without the ramp and without the tail.
    steady: f64,
    cpu_ms: f64,
    peak_mb: u64,
}

fn run(server: &Other, concurrency: u32, posts: usize, database: &str) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "[tagging]\nroute = [\"demo/tortoise-steady\"]\nvocabulary = false\n[[providers]]\nname = \"bench\"\nbase_url = \"{}\"\nkey = \"{KEY}\"\n",
        server.address
    );
    std::fs::write(folder.path().join("config.toml"), settings).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tagdeck"))
        .args(["run", "--until-idle", "--kind", "tag", "--json", "--data-dir", ".", "--database", database])
        .args(["--concurrency", &concurrency.to_string()])
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut done = Vec::with_capacity(posts);
    let mut last = String::new();
    let (mut cpu, mut peak_mb) = (0.0, 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        last = line.unwrap();
        if last.contains("\"event\":\"success\"") {
            done.push(started.elapsed().as_secs_f64());
            if done.len() == posts {
                (cpu, peak_mb) = usage(child.id());
            }
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(done.len(), posts, "{last}");
    let (first, third) = (done[posts / 4], done[posts * 3 / 4]);
    let seconds = done[posts - 1];
    Measured {
        seconds,
        overall: posts as f64 / seconds,
        steady: (posts / 2) as f64 / (third - first),
        cpu_ms: cpu * 1000.0 / posts as f64,
        peak_mb,
    }
}

/// CPU seconds and peak resident memory of a process that still runs.
fn usage(process: u32) -> (f64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // utime and stime, in hundredths of a second on Linux.
    let ticks = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    (ticks / 100.0, peak.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024)
}

/// The server in a process of its own.
struct Other {
    child: Child,
    address: String,
}

impl Other {
    fn start(latency_ms: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, latency_ms.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned() }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn serve(latency_ms: u64) {
    let latency = Duration::from_millis(latency_ms);
    let faults = Faults { latency: latency..latency, ..Faults::none() };
    let answer = Arc::new(|_: &str| vec!["озеро".to_owned(), "музей".to_owned(), "выставка".to_owned()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start(Setup { key: KEY.to_owned(), faults, answer, count_file: None })).unwrap();
    println!("{}", server.base_url());
    std::thread::spawn(|| {
        // Until the bench ends and with it our stdin.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    runtime.block_on(std::future::pending::<()>());
}

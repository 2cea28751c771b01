//! A thousand clients ask `/health` and the counts of a user while the engine in the same process works: how long they wait, and what it
//! costs the engine. `cargo bench --bench http`; figures in README.md.
//! It promises nothing: the tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CLIENTS: usize = 1_000;
const POSTS: usize = 250_000;
const TIME: Duration = Duration::from_secs(6);
const SECOND: Duration = Duration::from_secs(1);
const ROUNDS: usize = 3;
const PATHS: [&str; 2] = ["/health", "/users/1/posts/tagging_stats"];

/// `tagdeck` in a folder of its own.
fn tagdeck(home: &Path, args: &[&str]) -> Command {
    let program = std::env::var_os("TAGDECK_BENCH_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_tagdeck").into());
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(home)
        .env("HOME", home)
        .env("TAGDECK_DATA_DIR", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

struct Service(Child, SocketAddr);

impl Service {
    /// An engine that tags without a network, and the API in front of it.
    fn start(home: &Path) -> Self {
        let args = ["run", "--kind", "tag", "--listen", "127.0.0.1:0"];
        let mut child = tagdeck(home, &args).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        stderr.read_line(&mut said).unwrap();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        let address = said.trim().rsplit('/').next().unwrap().parse().unwrap_or_else(|_| panic!("{said}"));
        Self(child, address)
    }
}

impl Service {
    /// Seconds of processor time so far.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let ticks = stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2);
        ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap(), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// One request on a kept connection; its body.
async fn ask(socket: &mut TcpStream, path: &str, buffer: &mut Vec<u8>) -> String {
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    buffer.clear();
    loop {
        assert!(socket.read_buf(buffer).await.unwrap() > 0, "the server hung up");
        let text = String::from_utf8_lossy(buffer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= length.unwrap() {
            return body.to_owned();
        }
    }
}

async fn tagged(address: SocketAddr) -> u64 {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&ask(&mut socket, PATHS[1], &mut Vec::new()).await).unwrap();
    body["posts_with_tags"].as_u64().unwrap()
}

/// What the engine did in some time: posts a second, and cores that its process used, the API's share among them.
struct Pace {
    posts: f64,
    cores: f64,
}

async fn pace(service: &Service) -> Pace {
    let (before, cpu, began) = (tagged(service.1).await, service.cpu(), Instant::now());
    tokio::time::sleep(TIME).await;
    let seconds = began.elapsed().as_secs_f64();
    Pace { posts: (tagged(service.1).await - before) as f64 / seconds, cores: (service.cpu() - cpu) / seconds }
}

/// Waiting times of clients that ask once in each `period`; without one, as fast as they are answered.
async fn clients(address: SocketAddr, period: Option<Duration>) -> Vec<Duration> {
    let mut asking = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let mut socket = TcpStream::connect(address).await.unwrap();
        asking.spawn(async move {
            let (mut waited, mut buffer) = (Vec::new(), Vec::new());
            if let Some(period) = period {
                tokio::time::sleep(period.mul_f64(client as f64 / CLIENTS as f64)).await;
            }
            let end = Instant::now() + TIME;
            while Instant::now() < end {
                let began = Instant::now();
                ask(&mut socket, PATHS[client % 2], &mut buffer).await;
                waited.push(began.elapsed());
                if let Some(period) = period {
                    tokio::time::sleep(period.saturating_sub(began.elapsed())).await;
                }
            }
            waited
        });
    }
    let mut waited: Vec<Duration> = asking.join_all().await.into_iter().flatten().collect();
    waited.sort_unstable();
    waited
}

fn at(waited: &[Duration], share: f64) -> f64 {
    waited[((waited.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0
}

fn told(what: &str, pace: &Pace, waited: &[Duration]) {
    print!("{what:<32} {:>7.0} posts/s   {:>4.2} cores", pace.posts, pace.cores);
    if !waited.is_empty() {
        let (p50, p99, most) = (at(waited, 0.5), at(waited, 0.99), at(waited, 1.0));
        let rate = waited.len() as f64 / TIME.as_secs_f64();
        print!("   {rate:>6.0} answers/s   p50 {p50:>6.2} ms   p99 {p99:>6.2} ms   max {most:>7.2} ms");
    }
    println!();
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Clients that ask once in each `period`, between two times without any; what the engine still did beside them, as a share of those.
async fn beside(service: &Service, what: &str, period: Option<Duration>, before: &Pace) -> (f64, Vec<Duration>, Pace) {
    let (waited, with) = tokio::join!(clients(service.1, period), pace(service));
    told(what, &with, &waited);
    let after = pace(service).await;
    told("alone", &after, &[]);
    (with.posts / f64::midpoint(before.posts, after.posts), waited, after)
}

fn main() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let home = tempfile::tempdir().unwrap();
    // No limit on a client: all thousand are one to the server.
    std::fs::write(home.path().join("config.toml"), "[api]\nrequests_per_minute = 0\nconcurrency = 2048\n").unwrap();
    let posts = (0..POSTS)
        .map(|n| format!("{{\"channel\":\"Проба\",\"message_id\":{n},\"date\":\"2026-01-01T00:00:00Z\",\"text\":\"Пост номер {n}: погода в Москве и новости науки\"}}\n"))
        .collect::<Vec<_>>()
        .concat();
    std::fs::write(home.path().join("posts.jsonl"), posts).unwrap();
    assert!(tagdeck(home.path(), &["import", "posts.jsonl"]).status().unwrap().success());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (share, p99) = runtime.block_on(async {
        let service = Service::start(home.path());
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut alone = pace(&service).await;
        told("alone", &alone, &[]);
        let (mut shares, mut p99s) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (share, waited, after) = beside(&service, "1000 clients, one a second each", Some(SECOND), &alone).await;
            shares.push(share);
            p99s.push(at(&waited, 0.99));
            alone = after;
        }
        let (share, _, _) = beside(&service, "1000 clients, without a pause", None, &alone).await;
        println!("without a pause the engine keeps {:.0} %", share * 100.0);
        assert!(tagged(service.1).await < POSTS as u64, "the engine ran out of posts: no figure means anything");
        (median(shares), median(p99s))
    });
    println!("medians: the engine keeps {:.1} % (wanted: more than 90), p99 {p99:.2} ms (wanted: less than 50)", share * 100.0);
    assert!(share > 0.9 && p99 < 50.0, "missed");
}

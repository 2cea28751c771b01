//! How the real program ends: Ctrl-C, SIGTERM, twice, with calls in flight, with a database or a provider that hangs.
//! What is left after SIGKILL is tested in `kill_nine_loses_nothing.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/chat_server.rs"]
mod chat_server;
#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/program.rs"]
mod program;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use chat_server::{Answer, ChatServer};
use engines::{count, import_plain, posts, until};
use program::{Home, text};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, SqliteConnection};
use tagdeck::domain::{JobKind, Outcome, Status};
use tagdeck::store::{Access, Store};

const POSTS: i64 = 10;

/// A running `tagdeck run --json` and what it prints.
struct Program {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Program {
    fn start(home: &Home, args: &[&str]) -> Self {
        let mut child = home.tagdeck(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads on to the line that holds this.
    fn read_to(&mut self, part: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if line.contains(part) {
                return line;
            }
            line.clear();
        }
        panic!("it never said {part:?}")
    }

    /// Exit code, stderr and the time it took from now.
    fn end(self) -> (Option<i32>, String, Duration) {
        let asked = Instant::now();
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), text(&output.stderr), asked.elapsed())
    }
}

async fn home(base_url: &str) -> (Home, Store) {
    let home = Home::new();
    home.write(
        "config.toml",
        format!(
            "[tagging]\nroute = [\"model\"]\nconcurrency = 4\n[[providers]]\nname = \"test\"\nbase_url = \"{base_url}\"\nkey = \"sk\"\n"
        ),
    );
    let store = Store::open(&home.database(), Access::ReadWrite).await.unwrap();
    import_plain(&store, POSTS).await;
    (home, store)
}

async fn answers_after(time: Duration) -> ChatServer {
    ChatServer::start(move |_| Answer::tags(&["погода"]).after(time)).await
}

/// No post is lost, no pass counted but those that were finished, nobody holds anything.
async fn nothing_is_lost(store: &Store, finished: i64) {
    assert_eq!(count(store, Status::Success).await, finished);
    let outlook = store.outlook(JobKind::Tag).await.unwrap();
    assert_eq!((outlook.due, outlook.leased, outlook.later), (POSTS - finished, 0, 0));
    for post in posts(store).await {
        let tagged = post.line.status == Some(Status::Success);
        assert_eq!(post.line.attempts, i64::from(tagged), "{:?}", post.line);
        for call in &post.calls {
            let expected = if tagged { Outcome::Success } else { Outcome::Cancelled };
            assert_eq!(call.outcome, Some(expected), "post {}: {call:?}", post.line.id);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_gives_calls_in_flight_back_within_five_seconds() {
    let server = answers_after(Duration::from_secs(30)).await;
    let (home, store) = home(&server.base_url).await;
    let program = Program::start(&home, &["run", "--json"]);
    until("calls in flight", || async { server.count() == 2 }).await;
    program.signal(Signal::TERM);
    let (code, stderr, took) = program.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    nothing_is_lost(&store, 0).await;
    assert_eq!(store.live_workers(JobKind::Tag).await.unwrap(), 0, "it said goodbye");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_lets_calls_end_that_end_in_time_and_begins_no_other() {
    // Long enough that the signal comes first on a busy machine, and less than a call in flight is given.
    let server = answers_after(Duration::from_millis(1_800)).await;
    let (home, store) = home(&server.base_url).await;
    let mut program = Program::start(&home, &["run", "--json"]);
    until("calls in flight", || async { server.count() == 2 }).await;
    program.signal(Signal::INT);
    let summary = program.read_to("\"summary\"");
    let (code, stderr, _) = program.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(summary.contains("\"success\":2"), "{summary}");
    assert_eq!(server.count(), 2);
    nothing_is_lost(&store, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once_and_loses_nothing() {
    let server = answers_after(Duration::from_secs(30)).await;
    let (home, store) = home(&server.base_url).await;
    let mut program = Program::start(&home, &["run", "--json"]);
    until("calls in flight", || async { server.count() == 2 }).await;
    program.signal(Signal::INT);
    program.read_to("stopping");
    program.signal(Signal::INT);
    let (code, stderr, took) = program.end();
    assert_eq!(code, Some(0), "{stderr}");
    // One signal alone gives calls in flight 3.5 s.
    assert!(took < Duration::from_secs(3), "{took:?}");
    nothing_is_lost(&store, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_keeps_nobody_from_leaving_and_nothing_is_lost() {
    let server = answers_after(Duration::from_millis(300)).await;
    let (home, store) = home(&server.base_url).await;
    let mut program = Program::start(&home, &["run", "--json"]);
    until("calls in flight", || async { server.count() == 2 }).await;
    let mut other = SqliteConnection::connect(&home.database()).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let asked = Instant::now();
    program.signal(Signal::TERM);
    program.read_to("\"summary\"");
    let (code, stderr, _) = program.end();
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("the database did not answer in time"), "{stderr}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    home.ok(&["run", "--until-idle"]);
    assert_eq!(count(&store, Status::Success).await, POSTS);
    assert!(posts(&store).await.iter().all(|post| post.line.attempts == 1), "the lost passes were given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_does_not_list_its_models_keeps_nobody_from_leaving() {
    // It takes connections and never says a word.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (home, store) = home(&format!("http://{}/v1", silent.local_addr().unwrap())).await;
    let mut program = Program::start(&home, &["run", "--json"]);
    program.read_to("engine started");
    let _connection = silent.accept().await.unwrap();
    program.signal(Signal::TERM);
    let (code, stderr, took) = program.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    nothing_is_lost(&store, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_stdout_that_goes_away_ends_it_like_a_signal() {
    let server = answers_after(Duration::from_millis(300)).await;
    let (home, store) = home(&server.base_url).await;
    let mut program = Program::start(&home, &["run", "--json"]);
    program.read_to("engine started");
    drop(std::mem::replace(&mut program.lines, BufReader::new(closed())));
    let (code, stderr, took) = program.end();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(took < Duration::from_secs(5), "{took:?}");
    let finished = count(&store, Status::Success).await;
    assert!(finished < POSTS, "it went on");
    nothing_is_lost(&store, finished).await;
}

/// Output of a program that has ended.
fn closed() -> ChildStdout {
    let mut child = std::process::Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    child.wait().unwrap();
    child.stdout.take().unwrap()
}

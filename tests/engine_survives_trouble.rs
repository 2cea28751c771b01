//! An engine among others and in bad weather: a second engine, a locked database, a post that kills it, nothing to do.
//! Stopping is tested in `engine_stops_in_order.rs`.
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

use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{config, count, import, import_plain, post, posts, provider, run_until_idle, start, stop, until};
use program::{Home, text};
use sqlx::{Connection, SqliteConnection};
use tagdeck::domain::{JobKind, Outcome, Phase, Snapshot, Status};
use tagdeck::store::{Access, Store};

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An engine on the built-in tagger, up and waiting for work.
async fn waiting_engine(home: &Home) -> Running {
    home.write("config.toml", "[tagging]\nroute = [\"local/keywords\"]\n");
    let mut child = home.tagdeck(&["run", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = out.read(&mut piece) {
            heard.lock().unwrap().extend_from_slice(&piece[..read]);
        }
    });
    until("an engine", || async { text(&said.lock().unwrap()).contains("route: local/keywords") }).await;
    Running(child)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_engine_on_one_file_is_told_who_works_on_it_and_an_observer_is_let_in() {
    let home = Home::new();
    let first = waiting_engine(&home).await;
    let second = home.run(&["run", "--until-idle"]);
    assert_eq!(second.status.code(), Some(1));
    let expected =
        format!("tagdeck: another engine (process {}) works on this database; watch it with `tagdeck --observe`", first.0.id());
    assert!(text(&second.stderr).starts_with(&expected), "{}", text(&second.stderr));

    let pty = portable_pty::native_pty_system().openpty(portable_pty::PtySize::default()).unwrap();
    let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_tagdeck"));
    command.args(["--observe"]);
    command.cwd(home.path());
    command.env_clear();
    for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")] {
        command.env(name, value);
    }
    command.env("HOME", home.path());
    command.env("TAGDECK_DATA_DIR", home.path());
    let mut observer = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let drawn = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&drawn);
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = reader.read(&mut piece) {
            seen.lock().unwrap().extend_from_slice(&piece[..read]);
        }
    });
    until("a first frame", || async { drawn.lock().unwrap().len() > 500 }).await;
    pty.master.take_writer().unwrap().write_all(b"q").unwrap();
    let ended = observer.wait().unwrap();
    assert!(ended.success(), "{ended:?}: {}", text(&drawn.lock().unwrap()));
}

/// User and system time of a process so far.
fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Fields 14 and 15 of the whole line, in ticks of 10 ms.
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_engine_uses_next_to_no_cpu() {
    let home = Home::new();
    let engine = waiting_engine(&home).await;
    let (before, since) = (cpu_time(engine.0.id()), Instant::now());
    until("3 s", || async { since.elapsed() > Duration::from_secs(3) }).await;
    let used = cpu_time(engine.0.id()).saturating_sub(before);
    println!("{used:?} of CPU time in 3 s");
    // A tick may fall to either side.
    assert!(used <= Duration::from_millis(40), "{used:?} in 3 s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nothing_happens_nothing_is_published() {
    let db = Db::sqlite();
    let store = db.store().await;
    let engine = start(&store, &config(&db.url, Vec::new(), &["local/keywords"]));
    let mut watch = engine.watch();
    // What it shows of itself to others comes back to it as news once, up to two seconds later.
    let settled = |seen: &Snapshot| {
        seen.phase == Phase::Idle
            && seen.models.len() == 1
            && seen.workers.iter().any(|worker| &*worker.doing == "waiting for work")
    };
    until("idle", || async { settled(&watch.borrow()) }).await;
    watch.borrow_and_update();
    let changed = tokio::time::timeout(Duration::from_secs(2), watch.changed()).await;
    assert!(changed.is_err(), "{:?}", watch.borrow());
    stop(engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_locked_for_three_seconds_loses_nothing_and_repeats_no_call() {
    let server = ChatServer::start(|_| Answer::tags(&["погода"]).after(Duration::from_millis(100))).await;
    let db = Db::sqlite();
    let store = db.store().await;
    import_plain(&store, 40).await;
    let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
    let run = tokio::spawn({
        let (store, settings) = (store.clone(), settings.clone());
        async move { run_until_idle(&store, &settings).await }
    });
    until("work", || async { server.count() > 3 }).await;
    let mut other = SqliteConnection::connect(&db.url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let since = Instant::now();
    until("3 s", || async { since.elapsed() > Duration::from_secs(3) }).await;
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let ended = run.await.unwrap();
    assert_eq!((ended.totals.success, ended.totals.calls, ended.trouble), (40, 40, None));
    assert_eq!(server.count(), 40);
    for post in posts(&store).await {
        let calls: Vec<_> = post.calls.iter().map(|call| call.outcome).collect();
        assert_eq!((post.line.attempts, calls), (1, vec![Some(Outcome::Success)]), "{:?}", post.line);
    }
}

on_both! {
    async fn a_post_that_kills_engines_is_given_up_and_the_others_go_on(db: Db) {
        let server = ChatServer::start(|_| Answer::tags(&["погода"])).await;
        let store = db.store().await;
        import(&store, &[post(1, "Пост, на котором гибнут движки")], Duration::ZERO).await;
        for engine in 1..=4 {
            // Each dies with the post in its hands; the lease is over at once.
            let claims = store.claim(JobKind::Tag, &format!("dead:{engine}"), 1, Duration::ZERO).await.unwrap();
            assert_eq!((claims.len(), claims[0].attempts), (1, 1), "the lost passes are given back");
        }
        import(&store, &(2..=9).map(|n| post(n, "Пост о погоде на завтра")).collect::<Vec<_>>(), Duration::ZERO).await;
        let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
        let ended = run_until_idle(&store, &settings).await;
        assert_eq!((ended.totals.success, ended.totals.failed), (8, 1), "{:?}", ended.trouble);
        let killer = posts(&store).await.remove(0);
        assert_eq!((killer.line.status, killer.line.error_class.as_deref()), (Some(Status::Failed), Some("crashes_engine")));
        assert!(killer.line.error.unwrap().contains("four times"));
        assert_eq!(server.count(), 8);
    }

    async fn an_engine_that_died_leaves_no_call_without_an_end(db: Db) {
        let server = ChatServer::start(|_| Answer::tags(&["погода"])).await;
        let store = db.store().await;
        import_plain(&store, 3).await;
        let claim = store.claim(JobKind::Tag, "dead:1", 1, Duration::ZERO).await.unwrap().remove(0);
        let call = tagdeck::store::NewCall {
            job: claim.job,
            post: claim.post.unwrap(),
            worker: "dead:1".to_owned(),
            pass: 1,
            model: tagdeck::domain::ModelKey { provider: "test".to_owned(), model: "model".to_owned() },
            reserve_micros: 0,
            why: None,
        };
        store.reserve_call(&call, &tagdeck::store::CallLimits::default()).await.unwrap();
        let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
        let ended = run_until_idle(&store, &settings).await;
        assert_eq!((ended.totals.success, count(&store, Status::Success).await), (3, 3));
        let outcomes: Vec<_> = posts(&store).await[0].calls.iter().map(|call| call.outcome).collect();
        assert_eq!(outcomes, [Some(Outcome::Unknown), Some(Outcome::Success)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_enqueued_anew_while_it_is_tagged_keeps_only_the_newer_tags() {
    let server = ChatServer::start(|asked| match asked.nth {
        1 => Answer::tags(&["старое"]).after(Duration::from_millis(400)),
        _ => Answer::tags(&["новое"]),
    })
    .await;
    let db = Db::sqlite();
    let store = Store::open(&db.url, Access::ReadWrite).await.unwrap();
    import_plain(&store, 1).await;
    let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
    let engine = start(&store, &settings);
    until("a call in flight", || async { server.count() == 1 }).await;
    let ops = tagdeck::ops::Ops::with_engine(store.clone(), &settings.tagging, &engine);
    let id = posts(&store).await[0].line.id;
    ops.regenerate(id, None).await.unwrap();
    until("both calls are over", || async {
        let post = ops.post(id).await.unwrap().unwrap();
        post.calls.len() == 2
            && post.calls.iter().all(|call| call.ended_at.is_some())
            && post.line.status == Some(Status::Success)
    })
    .await;
    stop(engine).await;
    assert_eq!(posts(&store).await[0].line.tags, ["новое"]);
}

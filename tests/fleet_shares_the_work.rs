//! Workers in processes of their own on one PostgreSQL: each post is done once, by all of them, whatever is killed meanwhile; their
//! limits are one; what one process says the others hear at once.
//! What a lost server does to them is in `fleet_rides_out_a_stopped_server.rs`; how fast they are, in `tests/bench/fleet.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/chat_server.rs"]
mod chat_server;
#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/program.rs"]
mod program;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chat_server::{Answer, Asked, ChatServer};
use databases::Db;
use engines::{config, count, import_plain, posts, until};
use fleet::Fleet;
use tagdeck::domain::{JobKind, Status};
use tagdeck::engine::event::EventLog;
use tagdeck::ops::Ops;
use tagdeck::store::{Heard, Topic};

/// Which post a request is about.
fn number(asked: &Asked) -> usize {
    let prompt = asked.prompt();
    let after = prompt.rsplit("Пост номер ").next().unwrap();
    after.split(' ').next().unwrap().parse().unwrap()
}

/// Requests of each post.
fn requests(server: &ChatServer) -> HashMap<usize, usize> {
    let mut requests = HashMap::new();
    for asked in server.seen() {
        *requests.entry(number(&asked)).or_default() += 1;
    }
    requests
}

/// Answers after a while, and knows how many it was answering at once.
async fn slow(latency: Duration) -> (ChatServer, Arc<AtomicUsize>) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let peak = Arc::clone(&most);
    let server = ChatServer::start(move |_| {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let now = Arc::clone(&now);
        tokio::spawn(async move {
            tokio::time::sleep(latency).await;
            now.fetch_sub(1, Ordering::SeqCst);
        });
        Answer::tags(&["погода"]).after(latency)
    })
    .await;
    (server, peak)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_work_at_once_and_each_post_is_asked_about_once() {
    let Some(db) = Db::postgres().await else { return };
    let (server, most) = slow(Duration::from_millis(200)).await;
    let store = db.store().await;
    import_plain(&store, 400).await;
    let mut fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, "concurrency = 6\nbatch_size = 8", ""));
    fleet.start_many(4);
    until("every post has tags", || async { count(&store, Status::Success).await == 400 }).await;
    let requests = requests(&server);
    assert!(requests.len() == 400 && requests.values().all(|times| *times == 1), "{requests:?}");
    // Four times six can be in flight; two workers alone have twelve.
    assert!(most.load(Ordering::SeqCst) > 12, "at most {} requests at once", most.load(Ordering::SeqCst));
    let by_worker =
        db.text("SELECT string_agg(n, ',') FROM (SELECT CAST(COUNT(*) AS TEXT) AS n FROM job_calls GROUP BY worker) w").await;
    let by_worker: Vec<i64> = by_worker.unwrap().split(',').map(|n| n.parse().unwrap()).collect();
    assert!(by_worker.len() == 4 && by_worker.iter().all(|done| *done >= 40), "{by_worker:?}");
}

/// From now on every finish that took effect is a row of `finishes`.
async fn count_finishes(db: &Db) {
    db.run(
        "CREATE TABLE finishes (post BIGINT);
        CREATE FUNCTION count_finish() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN INSERT INTO finishes VALUES (NEW.ref_id); RETURN NULL; END $$;
        CREATE TRIGGER count_finish AFTER UPDATE ON jobs FOR EACH ROW WHEN (NEW.state = 'success') EXECUTE FUNCTION count_finish();",
    )
    .await;
}

/// Each of so many posts was finished, and once.
async fn each_finished_once(db: &Db, posts: usize) {
    let most = "SELECT CAST(COUNT(DISTINCT post) AS TEXT) || ' posts, ' || CAST(COUNT(*) AS TEXT) || ' finishes' FROM finishes";
    assert_eq!(db.text(most).await.unwrap(), format!("{posts} posts, {posts} finishes"));
}

/// As if the minute of a dead worker's leases were over.
async fn end_leases(db: &Db, pid: u32) {
    db.run(&format!("UPDATE jobs SET visible_at = 1 WHERE owner LIKE '%:{pid}'")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_lose_nothing_and_only_their_calls_in_flight_are_made_again() {
    const POSTS: usize = 1500;
    const KILLS: usize = 12;
    const CONCURRENCY: usize = 4;
    let Some(db) = Db::postgres().await else { return };
    let (server, _) = slow(Duration::from_millis(50)).await;
    let store = db.store().await;
    count_finishes(&db).await;
    import_plain(&store, POSTS as i64).await;
    let mut fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, "concurrency = 4\nbatch_size = 8", ""));
    fleet.start_many(4);
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..KILLS {
        let before = server.count();
        until("it goes on", || async { server.count() >= before + 30 }).await;
        let mut victim = fleet.workers.swap_remove(random.usize(..4));
        victim.kill();
        end_leases(&db, victim.pid()).await;
        fleet.start();
    }
    until("every post is at its end", || async { count(&store, Status::Success).await == POSTS as i64 }).await;
    each_finished_once(&db, POSTS).await;
    let open = "SELECT CAST(COUNT(*) AS TEXT) FROM job_calls WHERE ended_at IS NULL";
    until("the calls of the dead are closed", || async { db.text(open).await.as_deref() == Some("0") }).await;
    // A post is asked about again only where its worker was killed between the request and the finish.
    let unknown = "SELECT CAST(COUNT(*) AS TEXT) FROM job_calls WHERE outcome = 'unknown'";
    let unknown: usize = db.text(unknown).await.unwrap().parse().unwrap();
    let (in_flight, repeated) = (KILLS * CONCURRENCY, server.count() - POSTS);
    println!("{KILLS} killed, {POSTS} posts, {repeated} asked about again, {unknown} calls without a known end");
    assert!(
        requests(&server).len() == POSTS && repeated <= in_flight && unknown <= in_flight,
        "{repeated} again, {unknown} unknown"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_slept_through_its_leases_changes_nothing_when_it_wakes() {
    let Some(db) = Db::postgres().await else { return };
    let (server, _) = slow(Duration::from_secs(1)).await;
    let store = db.store().await;
    count_finishes(&db).await;
    import_plain(&store, 60).await;
    let mut fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, "concurrency = 8\nbatch_size = 8", ""));
    let sleeper = fleet.start().pid();
    until("its calls are out", || async { server.count() >= 8 }).await;
    // They are recorded before they go out: once they are out it holds no lock. Else the server would end its transaction in 15 s.
    let pid = rustix::process::Pid::from_raw(i32::try_from(sleeper).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    end_leases(&db, sleeper).await;
    fleet.start_many(2);
    until("the others have done it all", || async { count(&store, Status::Success).await == 60 }).await;
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    until("the sleeper has read its answers", || async {
        let own = format!("SELECT CAST(COUNT(*) AS TEXT) FROM job_calls WHERE worker LIKE '%:{sleeper}' AND outcome = 'success'");
        db.text(&own).await.unwrap().parse::<usize>().unwrap() >= 8
    })
    .await;
    each_finished_once(&db, 60).await;
    assert!(fleet.workers[0].is_running(), "it goes on with what is due");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_requests_a_minute_are_twenty_over_four_workers() {
    let Some(db) = Db::postgres().await else { return };
    let (server, _) = slow(Duration::from_millis(30)).await;
    let store = db.store().await;
    import_plain(&store, 100).await;
    let settings = Fleet::settings(&server.base_url, "concurrency = 4", "requests_per_minute = 20");
    for minute in 1..=3 {
        let mut fleet = Fleet::new(&db.url, &settings);
        fleet.start_many(4);
        until("the minute is used up", || async { server.count() >= 20 * minute }).await;
        until("all four have seen that", || async {
            let workers = store.workers().await.unwrap();
            let of_now: Vec<_> =
                workers.iter().filter(|w| fleet.workers.iter().any(|f| w.name.ends_with(&format!(":{}", f.pid())))).collect();
            of_now.len() == 4 && of_now.iter().all(|worker| &*worker.doing == "paused")
        })
        .await;
        assert_eq!(server.count(), 20 * minute, "in minute {minute}");
        drop(fleet);
        // The next minute, to which nobody was awake.
        db.age_calls(Duration::from_secs(62)).await;
        db.run("UPDATE jobs SET visible_at = 1, owner = NULL, crashes = 0; DELETE FROM models; DELETE FROM pauses").await;
    }
    assert_eq!(count(&store, Status::Success).await, 60);
    assert!(posts(&store).await.iter().all(|post| post.line.attempts <= 1), "what is put off is not counted");
}

/// Both kinds of breaker as an engine keeps them, and one that only follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_worker_finds_out_about_a_provider_holds_for_the_others_and_after_a_restart() {
    let Some(db) = Db::postgres().await else { return };
    let server = ChatServer::start(|_| Answer::error(503, "overloaded")).await;
    let store = db.store().await;
    import_plain(&store, 6).await;
    let mut settings = config(&db.url, vec![engines::provider("test", &server.base_url)], &["a", "b"]);
    settings.tagging.concurrency = 1;
    let first = engines::start(&store, &settings);
    let watch = first.watch();
    let open = |snapshot: &tagdeck::domain::Snapshot| {
        snapshot.models.len() == 2 && snapshot.models.iter().all(|model| model.until.is_some())
    };
    until("nobody can be asked", || async { open(&watch.borrow()) }).await;
    // Another process, that has asked nobody so far.
    let other = db.store().await;
    let second = engines::start(&other, &settings);
    let follows = second.watch();
    until("the second knows", || async { open(&follows.borrow()) }).await;
    let asked = server.count();
    engines::stop(first).await;
    engines::stop(second).await;
    let third = engines::start(&other, &settings);
    let restarted = third.watch();
    until("after a restart as well", || async { open(&restarted.borrow()) }).await;
    engines::stop(third).await;
    assert_eq!(server.count(), asked, "nobody asked again");
}

on_both! {
    async fn news_of_another_process_is_heard_without_looking(db: Db) {
        let (here, there) = (db.store().await, if db.is_sqlite() { None } else { Some(db.store().await) });
        // A file's other processes are heard of by looking; within one process it is the same.
        let there = there.unwrap_or_else(|| here.clone());
        let mut news = there.news();
        if !db.is_sqlite() {
            // It listens: that may have come before this was asked, or after.
            news.wait_for(|heard| *heard != Heard::default()).await.unwrap();
        }
        let mut heard = *news.borrow_and_update();
        for topic in [Topic::Work, Topic::Rules, Topic::Work] {
            match topic {
                Topic::Rules => Ops::observing(here.clone(), &tagdeck::config::Tagging::default()).pause().await.unwrap(),
                _ => import_plain(&here, 3 + heard_twice(&here).await).await,
            }
            tokio::time::timeout(Duration::from_secs(5), async {
                while !news.borrow_and_update().since(heard, topic) {
                    news.changed().await.unwrap();
                }
            })
            .await
            .unwrap_or_else(|_| panic!("nothing was heard of {topic:?}"));
            heard = *news.borrow_and_update();
        }
    }

    async fn an_engine_is_among_the_workers_that_its_own_numbers_show(db: Db) {
        let (server, _) = slow(Duration::from_millis(1)).await;
        let store = db.store().await;
        let engine = engines::start(&store, &config(&db.url, vec![engines::provider("test", &server.base_url)], &["model"]));
        let numbers = engine.watch();
        let own = engine.log().worker().clone();
        until("it shows itself", || async {
            let numbers = numbers.borrow();
            numbers.workers.len() == 1 && numbers.workers[0].alive && numbers.workers[0].name == own && numbers.workers[0].kinds == [JobKind::Tag]
        })
        .await;
        engines::stop(engine).await;
        assert!(store.workers().await.unwrap().is_empty(), "it has said farewell");
    }

    async fn an_observer_reads_the_log_and_the_numbers_of_workers_in_other_processes(db: Db) {
        let (server, _) = slow(Duration::from_millis(20)).await;
        let store = db.store().await;
        let workers = if db.is_sqlite() { 1 } else { 3 };
        let mut fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, "concurrency = 2\nbatch_size = 2", ""));
        fleet.start_many(workers);
        let observer = Ops::observing(db.store().await, &tagdeck::config::Tagging::default());
        let (log, numbers) = (observer.log(), observer.watch());
        import_plain(&store, 60).await;
        until("every post has tags", || async { count(&store, Status::Success).await == 60 }).await;
        until("every event has come", || async { successes(&log) == 60 }).await;
        let names: std::collections::BTreeSet<String> = log.since(0, 10_000).events.iter().map(|event| event.worker.to_string()).collect();
        let expected: std::collections::BTreeSet<String> = fleet.workers.iter().map(|worker| worker.pid().to_string()).collect();
        let seen: std::collections::BTreeSet<String> = names.iter().map(|name| name.rsplit(':').next().unwrap().to_owned()).collect();
        assert_eq!(seen, expected);
        until("the scoreboard of all of them", || async {
            let numbers = numbers.borrow();
            numbers.models.len() == 1 && numbers.models[0].calls == 60 && numbers.models[0].p95_ms.is_some() && numbers.totals.success == 60
        })
        .await;
        let seen = numbers.borrow().workers.clone();
        assert_eq!(seen.len(), workers);
        assert!(seen.iter().all(|worker| worker.alive && worker.kinds == [JobKind::Tag] && &*worker.version == env!("CARGO_PKG_VERSION")), "{seen:?}");
        until("they rest", || async { numbers.borrow().workers.iter().all(|worker| &*worker.doing == "waiting for work") }).await;
        // Who opens a window later sees what was said before.
        let later = Ops::observing(db.store().await, &tagdeck::config::Tagging::default()).log();
        until("the log of before", || async { successes(&later) == 60 }).await;
    }
}

/// Posts there are, so that each import adds some.
async fn heard_twice(store: &tagdeck::store::Store) -> i64 {
    count(store, Status::Pending).await
}

fn successes(log: &EventLog) -> usize {
    log.since(0, 10_000).events.iter().filter(|event| event.kind == tagdeck::domain::EventKind::Success).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_waits_begins_at_once_and_costs_the_database_next_to_nothing() {
    let Some(db) = Db::postgres().await else { return };
    let (server, _) = slow(Duration::from_millis(1)).await;
    let store = db.store().await;
    let mut fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, "", ""));
    fleet.start_many(2);
    until("they wait", || async {
        let workers = store.workers().await.unwrap();
        workers.len() == 2 && workers.iter().all(|worker| &*worker.doing == "waiting for work")
    })
    .await;
    // Found by looking once a second, ten imports would take five seconds in all.
    let mut waited = Duration::ZERO;
    for n in 1..=10 {
        let started = Instant::now();
        let posts: Vec<_> = (0..n).map(|k| engines::post(100 * n + k, &format!("Пост номер {} о погоде", 100 * n + k))).collect();
        let before = server.count();
        engines::import(&store, &posts, Duration::ZERO).await;
        while server.count() == before {
            assert!(started.elapsed() < engines::PATIENCE, "nobody began");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        waited += started.elapsed();
    }
    println!("from import to request {:?} on average", waited / 10);
    assert!(waited < Duration::from_millis(3_500), "{waited:?} for ten imports");

    let transactions = "SELECT CAST(xact_commit AS TEXT) FROM pg_stat_database WHERE datname = current_database()";
    let read = async || -> i64 { db.text(transactions).await.unwrap().parse().unwrap() };
    until("everything is written", || async { count(&store, Status::Success).await == 55 }).await;
    // PostgreSQL counts late what was done before: the quietest of a few spells is the idle one.
    let mut quietest = f64::MAX;
    for _ in 0..5 {
        let (before, since) = (read().await, Instant::now());
        until("2 s", || async { since.elapsed() > Duration::from_secs(2) }).await;
        quietest = quietest.min((read().await - before) as f64 / since.elapsed().as_secs_f64() / 2.0);
    }
    println!("an idle worker: {quietest:.1} statements a second");
    assert!(quietest < 8.0, "{quietest:.1} statements a second");
}

//! Our own limits and every kind of pause: kept over all engines of a database, uncounted, lifted when they should be.
//! What the provider's own limits lead to within a pass is tested in `route_follows_the_table.rs`.
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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{config, count, import_plain, posts, provider, run_until_idle, start, stop, until};
use tagdeck::config::Provider;
use tagdeck::domain::{PauseScope, Phase, Status};
use tagdeck::engine::Engine;
use tagdeck::ops::Ops;
use tagdeck::store::Store;

async fn willing() -> ChatServer {
    ChatServer::start(|_| Answer::tags(&["погода"])).await.list(&[("model", "0.001")])
}

/// Two engines, each with a connection pool of its own, as on two hosts.
async fn two_engines(db: &Db, provider: &Provider) -> (Store, Vec<Engine>) {
    let settings = config(&db.url, vec![provider.clone()], &["model"]);
    let stores = [db.store().await, db.store().await];
    let engines = stores.iter().map(|store| start(store, &settings)).collect();
    (stores[0].clone(), engines)
}

/// Nobody can be asked any more, on both engines.
async fn until_blocked(engines: &[Engine]) {
    for engine in engines {
        let watch = engine.watch();
        until("a pause", || async { watch.borrow().phase == Phase::Paused && watch.borrow().in_flight == 0 }).await;
    }
}

/// Every limit in turn: the calls it lets out, and no attempt of the others counted.
async fn kept_by_two(limited: impl Fn(Provider) -> Provider, calls: usize) {
    let Some(db) = Db::postgres().await else { return };
    let server = willing().await;
    import_plain(&db.store().await, 40).await;
    let (store, engines) = two_engines(&db, &limited(provider("test", &server.base_url))).await;
    until_blocked(&engines).await;
    for engine in engines {
        stop(engine).await;
    }
    assert_eq!(server.count(), calls);
    assert_eq!(count(&store, Status::Success).await, calls as i64);
    for post in posts(&store).await {
        let done = post.line.status == Some(Status::Success);
        assert_eq!((post.line.attempts, post.calls.len()), if done { (1, 1) } else { (0, 0) }, "{:?}", post.line);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_per_minute_hold_over_two_engines() {
    kept_by_two(|provider| Provider { requests_per_minute: Some(7), ..provider }, 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_per_day_hold_over_two_engines() {
    kept_by_two(|provider| Provider { requests_per_day: Some(9), ..provider }, 9).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_holds_over_two_engines() {
    let Some(db) = Db::postgres().await else { return };
    let server = willing().await;
    import_plain(&db.store().await, 40).await;
    // A thousandth of a dollar a token, 110 tokens a call: 0.11 dollars each, and a reservation is dearer than that.
    let dear = Provider { budget_micros_per_day: Some(5_000_000), ..provider("test", &server.base_url) };
    let (store, engines) = two_engines(&db, &dear).await;
    until_blocked(&engines).await;
    for engine in engines {
        stop(engine).await;
    }
    let spent: i64 = store.usage_today().await.unwrap().iter().map(|usage| usage.spent_micros).sum();
    let done = count(&store, Status::Success).await;
    assert!(done > 0 && done < 40, "{done} done");
    assert!(spent <= 5_000_000, "{spent} spent");
    assert!(posts(&store).await.iter().all(|post| post.line.status == Some(Status::Success) || post.line.attempts == 0));
}

/// Answers 401 until told otherwise.
async fn locked() -> (ChatServer, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let said = Arc::clone(&open);
    let server = ChatServer::start(move |_| {
        if said.load(Ordering::Relaxed) { Answer::tags(&["погода"]) } else { Answer::error(401, "User not found.") }
    })
    .await;
    (server, open)
}

on_both! {
    async fn a_bad_key_pauses_its_provider_over_a_restart_until_somebody_resumes(db: Db) {
        let (server, open) = locked().await;
        let store = db.store().await;
        import_plain(&store, 12).await;
        let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
        let ended = run_until_idle(&store, &settings).await;
        assert!(ended.trouble.unwrap().contains("User not found"));
        let refused = server.count();
        assert!((1..=2).contains(&refused), "{refused} calls with a bad key, 2 may have been in flight");
        assert!(posts(&store).await.iter().all(|post| post.line.attempts == 0), "no attempt is counted");
        let pauses = store.pauses().await.unwrap();
        assert_eq!(pauses.iter().map(|pause| &pause.scope).collect::<Vec<_>>(), [&PauseScope::Provider("test".to_owned())]);

        // The key is good now, but only a person can know that.
        open.store(true, Ordering::Relaxed);
        let ended = run_until_idle(&store, &settings).await;
        assert!(ended.trouble.is_some());
        assert_eq!(server.count(), refused, "a restart asks nobody");

        let engine = start(&store, &settings);
        let watch = engine.watch();
        until("the pause is shown", || async { watch.borrow().pauses.len() == 1 }).await;
        Ops::with_engine(store.clone(), &settings.tagging, &engine).resume().await.unwrap();
        let resumed = Instant::now();
        until("every post has tags", || async { count(&store, Status::Success).await == 12 }).await;
        assert!(resumed.elapsed() < Duration::from_secs(5), "{:?}", resumed.elapsed());
        stop(engine).await;
    }

    async fn the_daily_limit_of_free_models_pauses_them_and_the_paid_one_goes_on(db: Db) {
        let tomorrow = tagdeck::engine::event::wall_clock() + 3_600_000;
        let server = ChatServer::start(move |asked| {
            if asked.model.ends_with(":free") {
                Answer::error(429, "Rate limit exceeded: free-models-per-day. Add 10 credits").header("X-RateLimit-Reset", tomorrow)
            } else {
                Answer::tags(&["погода"])
            }
        })
        .await;
        let store = db.store().await;
        import_plain(&store, 20).await;
        let settings = config(&db.url, vec![provider("test", &server.base_url)], &["a:free", "b:free", "paid"]);
        let ended = run_until_idle(&store, &settings).await;
        assert_eq!((ended.totals.success, ended.trouble), (20, None));
        let asked = server.models_asked();
        assert_eq!(asked.iter().filter(|model| *model == "paid").count(), 20, "{asked:?}");
        assert!(asked.iter().filter(|model| model.ends_with(":free")).count() <= 2, "{asked:?}");
        let pauses = store.pauses().await.unwrap();
        assert_eq!((&pauses[0].scope, pauses[0].until), (&PauseScope::Free("test".to_owned()), Some(tomorrow)));
    }

    async fn the_operators_pause_in_another_process_stops_claiming_and_resume_goes_on(db: Db) {
        let server = ChatServer::start(|_| Answer::tags(&["погода"]).after(Duration::from_millis(40))).await;
        let store = db.store().await;
        import_plain(&store, 400).await;
        let mut settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
        settings.tagging.concurrency = 2;
        let engine = start(&store, &settings);
        until("it works", || async { server.count() > 5 }).await;

        // Another process: nothing but the database is shared.
        let other = db.store().await;
        let elsewhere = Ops::observing(other.clone(), &settings.tagging);
        elsewhere.pause().await.unwrap();
        let asked = Instant::now();
        let watch = engine.watch();
        until("it rests", || async { watch.borrow().phase == Phase::Paused && watch.borrow().in_flight == 0 }).await;
        assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
        let calls = server.count();
        assert_eq!(other.outlook(tagdeck::domain::JobKind::Tag).await.unwrap().leased, 0, "others may have somebody to ask");
        let since = Instant::now();
        until("time", || async { since.elapsed() > Duration::from_millis(1200) }).await;
        assert_eq!(server.count(), calls, "paused");

        elsewhere.resume().await.unwrap();
        let resumed = Instant::now();
        until("it goes on", || async { server.count() > calls }).await;
        assert!(resumed.elapsed() < Duration::from_secs(5), "it took {:?}", resumed.elapsed());
        stop(engine).await;
        assert!(posts(&store).await.iter().all(|post| post.line.attempts <= 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_due_is_no_trouble_even_while_everything_is_paused() {
    let (server, _) = locked().await;
    let db = Db::sqlite();
    let store = db.store().await;
    let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
    import_plain(&store, 1).await;
    assert!(run_until_idle(&store, &settings).await.trouble.is_some());
    db.run("UPDATE jobs SET state = 'failed'").await;
    assert_eq!(run_until_idle(&store, &settings).await.trouble, None);
}

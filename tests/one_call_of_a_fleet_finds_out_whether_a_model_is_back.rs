//! A breaker that half-opens lets one call through, of all workers of a database together: whose it is, is claimed in the database,
//! for a time, and for that opening only.
//! When breakers open is `llm`'s; that one worker's finding holds for the others is in `fleet_shares_the_work.rs`.
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
use std::time::Duration;

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{config, count, import_plain, provider, start, stop, until};
use tagdeck::domain::{ModelKey, Probe, Status};
use tagdeck::store::{ModelState, Store};

/// The model has failed, and its time is over: the next call is a probe.
async fn half_open(store: &Store) {
    let until = store.now().await.unwrap() - 1;
    let state = ModelState {
        model: ModelKey { provider: "test".to_owned(), model: "model".to_owned() },
        format: "json_schema".to_owned(),
        breaker: format!(r#"{{"breaker":{{"streak":3,"open_until":{until},"trips":1}}}}"#),
        off_reason: None,
        updated_at: 0,
    };
    store.save_model_state(&state).await.unwrap();
}

/// Four engines on stores of their own, as in four processes, at work since the model half-opened.
async fn four(db: &Db, server: &ChatServer) -> Vec<tagdeck::engine::Engine> {
    let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
    let mut engines = Vec::new();
    for _ in 0..4 {
        engines.push(start(&db.store().await, &settings));
    }
    engines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_send_one_probe_and_go_on_when_it_is_answered() {
    let Some(db) = Db::postgres().await else { return };
    let answered = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&answered);
    let server = ChatServer::start(move |asked| {
        // The first takes its time, and others could come meanwhile.
        let wait = if asked.nth == 1 { Duration::from_secs(2) } else { Duration::ZERO };
        if asked.nth == 1 {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                seen.store(true, Ordering::SeqCst);
            });
        }
        Answer::tags(&["погода"]).after(wait)
    })
    .await;
    let store = db.store().await;
    import_plain(&store, 80).await;
    half_open(&store).await;
    let engines = four(&db, &server).await;
    until("one asks", || async { server.count() > 0 }).await;
    until("it is answered", || async { answered.load(Ordering::SeqCst) || server.count() > 1 }).await;
    assert!(answered.load(Ordering::SeqCst), "{} calls before the first was answered", server.count());
    until("all go on", || async { count(&store, Status::Success).await == 80 }).await;
    for engine in engines {
        stop(engine).await;
    }
    assert_eq!(server.count(), 80, "nobody was asked twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_fails_closes_it_for_all_and_nobody_asks_again() {
    let Some(db) = Db::postgres().await else { return };
    let server = ChatServer::start(|_| Answer::error(503, "overloaded").after(Duration::from_millis(500))).await;
    let store = db.store().await;
    import_plain(&store, 40).await;
    half_open(&store).await;
    let engines = four(&db, &server).await;
    for engine in &engines {
        let numbers = engine.watch();
        let closed = || async { numbers.borrow().models.first().is_some_and(|model| model.until.is_some()) };
        until("it knows", closed).await;
    }
    // Longer than what a worker waits for another one's call.
    let since = std::time::Instant::now();
    until("nobody looks again", || async { since.elapsed() > Duration::from_secs(6) }).await;
    for engine in engines {
        stop(engine).await;
    }
    assert_eq!(server.count(), 1);
}

on_both! {
    async fn a_probe_is_one_workers_until_it_ends_or_the_model_opens_anew(db: Db) {
        let store = db.store().await;
        let of = |model: &str| ModelKey { provider: "p".to_owned(), model: model.to_owned() };
        let probe = |model: &str, opening| Probe { of: of(model), opening };
        let lease = Duration::from_mins(1);
        let one = [probe("", 100), probe("m", 100)];
        assert_eq!(store.take_probes(&one, "a", lease).await.unwrap(), None);
        let until = store.take_probes(&one[1..], "b", lease).await.unwrap().expect("a has it");
        assert!(until > store.now().await.unwrap() + 50_000);
        // Who does not get all of it keeps none of it.
        assert!(store.take_probes(&[probe("n", 7), probe("m", 100)], "b", lease).await.unwrap().is_some());
        assert_eq!(store.take_probes(&[probe("n", 7)], "c", lease).await.unwrap(), None);
        // Whoever does not have it gives nothing back, and nobody an older one.
        store.give_back_probes(&one, "b").await.unwrap();
        store.give_back_probes(&[probe("m", 99)], "a").await.unwrap();
        assert!(store.take_probes(&one, "b", lease).await.unwrap().is_some());
        store.give_back_probes(&one, "a").await.unwrap();
        assert_eq!(store.take_probes(&one, "b", lease).await.unwrap(), None);
        // A later opening is another matter; one that is over is nobody's.
        assert_eq!(store.take_probes(&[probe("m", 101)], "a", lease).await.unwrap(), None);
        assert!(store.take_probes(&[probe("m", 100)], "b", lease).await.unwrap().is_some());
        db.run("UPDATE probes SET until_at = 1").await;
        assert_eq!(store.take_probes(&one, "b", lease).await.unwrap(), None);
    }
}

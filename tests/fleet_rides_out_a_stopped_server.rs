//! PostgreSQL is stopped for some seconds under a working fleet and started again: all go on by themselves, nothing is lost or doubled.
//! It has the throw-away server alone: no other test is in this file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/chat_server.rs"]
mod chat_server;
#[path = "support/databases.rs"]
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
use std::time::Duration;

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{import_plain, until};
use fleet::Fleet;
use tagdeck::domain::Status;
use tagdeck::store::Store;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_seconds_without_postgresql_end_no_worker_and_lose_no_answer() {
    const POSTS: i64 = 600;
    let Some(db) = Db::postgres().await else { return };
    let server = ChatServer::start(|_| Answer::tags(&["погода"]).after(Duration::from_millis(100))).await;
    let store = db.store().await;
    import_plain(&store, POSTS).await;
    let mut fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, "concurrency = 4\nbatch_size = 8", ""));
    fleet.start_many(3);
    until("all of them work", || async { workers_that_called(&db).await == 3 }).await;

    tokio::task::spawn_blocking(|| postgres::order("stop")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let while_away = server.count();
    tokio::task::spawn_blocking(|| postgres::order("start")).await.unwrap();

    until("all posts have tags", || async { done(&store).await == POSTS }).await;
    assert!(fleet.workers.iter_mut().all(fleet::Worker::is_running), "a worker gave up");
    assert!(while_away < POSTS as usize, "the server was stopped too late");
    // What was answered while the server was away was kept and written afterwards: nobody was asked twice.
    let mut asked: HashMap<String, usize> = HashMap::new();
    for request in server.seen() {
        *asked.entry(request.prompt()).or_default() += 1;
    }
    let twice = asked.values().filter(|times| **times > 1).count();
    assert_eq!((asked.len(), twice), (POSTS as usize, 0));
}

async fn workers_that_called(db: &Db) -> usize {
    let workers = "SELECT CAST(COUNT(DISTINCT worker) AS TEXT) FROM job_calls WHERE ended_at IS NOT NULL";
    db.text(workers).await.unwrap().parse().unwrap()
}

/// 0 while the server is not there yet.
async fn done(store: &Store) -> i64 {
    let success = tagdeck::domain::PostFilter { status: Some(Status::Success), ..Default::default() };
    store.count(&success).await.unwrap_or_default()
}

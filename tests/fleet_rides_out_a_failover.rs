//! The address of PostgreSQL leads to another server, and connections made before lead to one that takes no writes any more, as after
//! a failover to a standby: the workers find that out by themselves, connect anew, and nothing is lost or asked twice.
//! A server that is gone for a while is in `fleet_rides_out_a_stopped_server.rs`.
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

use std::collections::HashSet;
use std::time::Duration;

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{count, import_plain, until};
use fleet::Fleet;
use tagdeck::domain::Status;

/// From now on the sessions in `demoted` are refused whatever they write, in a standby's words and with its code.
const STANDBY: &str = "CREATE TABLE demoted (pid INTEGER PRIMARY KEY);
    CREATE FUNCTION standby() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT 1 FROM demoted WHERE pid = pg_backend_pid()) THEN
            RAISE EXCEPTION 'cannot execute UPDATE in a read-only transaction' USING ERRCODE = '25006';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER standby BEFORE INSERT OR UPDATE OR DELETE ON jobs FOR EACH STATEMENT EXECUTE FUNCTION standby();
    CREATE TRIGGER standby BEFORE INSERT OR UPDATE OR DELETE ON job_calls FOR EACH STATEMENT EXECUTE FUNCTION standby();
    CREATE TRIGGER standby BEFORE INSERT OR UPDATE OR DELETE ON workers FOR EACH STATEMENT EXECUTE FUNCTION standby();";
const DEMOTE: &str = "INSERT INTO demoted SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
    ON CONFLICT DO NOTHING";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_a_server_that_was_demoted_are_given_up_and_every_answer_is_kept() {
    const POSTS: i64 = 400;
    let Some(db) = Db::postgres().await else { return };
    let server = ChatServer::start(|_| Answer::tags(&["погода"]).after(Duration::from_millis(60))).await;
    let store = db.store().await;
    import_plain(&store, POSTS).await;
    db.run(STANDBY).await;
    let mut fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, "concurrency = 4\nbatch_size = 8", ""));
    fleet.start_many(3);
    for part in 1..=3 {
        until("they work", || async { server.count() >= part * 80 }).await;
        db.run(DEMOTE).await;
    }
    let demoted = db.text("SELECT CAST(COUNT(*) AS TEXT) FROM demoted").await.unwrap();
    until("all posts have tags", || async { count(&store, Status::Success).await == POSTS }).await;
    assert!(demoted.parse::<u32>().unwrap() >= 9, "{demoted} connections");
    assert!(fleet.workers.iter_mut().all(fleet::Worker::is_running), "a worker gave up");
    let asked: HashSet<String> = server.seen().iter().map(chat_server::Asked::prompt).collect();
    assert_eq!((asked.len(), server.count()), (POSTS as usize, POSTS as usize), "nobody was asked twice");
}

//! Workers of two versions on one schema: the older ones go on where the newer migration says that they may, and are refused where not.
//! The newer version is made up: a migration that this program does not know.
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

use std::time::Duration;

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{config, count, import_plain, provider, run_until_idle, start, stop, until};
use tagdeck::domain::Status;
use tagdeck::store::{Access, Store, StoreError};

/// What a newer program would have done to the tables, in one transaction.
async fn newer(db: &Db, name: &str) {
    let checksum = if db.is_sqlite() { "x'00'" } else { "'\\x00'" };
    db.run(&format!(
        "BEGIN;
        ALTER TABLE jobs ADD COLUMN mood TEXT;
        ALTER TABLE workers ADD COLUMN mood TEXT;
        CREATE TABLE moods (name TEXT PRIMARY KEY);
        CREATE INDEX tagdeck_jobs_mood ON jobs (mood);
        INSERT INTO _tagdeck_migrations (version, description, success, checksum, execution_time) VALUES (9001, '{name}', TRUE, {checksum}, 1);
        COMMIT"
    ))
    .await;
}

on_both! {
    async fn an_older_worker_goes_on_through_an_additive_migration_and_may_start_after_it(db: Db) {
        let server = ChatServer::start(|_| Answer::tags(&["погода"]).after(Duration::from_millis(20))).await;
        let store = db.store().await;
        import_plain(&store, 200).await;
        let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
        let engine = start(&store, &settings);
        until("it works", || async { server.count() > 20 }).await;
        newer(&db, "moods additive").await;
        until("it goes on", || async { count(&store, Status::Success).await == 200 }).await;
        stop(engine).await;

        let again = Store::open(&db.url, Access::ReadWrite).await.unwrap();
        let more: Vec<_> = (201..=210).map(|n| engines::post(n, &format!("Пост номер {n} о погоде"))).collect();
        engines::import(&again, &more, Duration::ZERO).await;
        let ended = run_until_idle(&again, &settings).await;
        assert_eq!((ended.totals.success, ended.trouble), (10, None));
        assert_eq!(count(&again, Status::Success).await, 210);
        assert!(Store::open(&db.url, Access::ReadOnly).await.is_ok());
        // What takes everything along, or out, must know everything.
        assert!(matches!(Store::migrate(&db.url).await, Err(StoreError::Newer { .. })));
        let other = Db::sqlite();
        assert!(matches!(Store::copy(&db.url, &other.url, &mut |_, _| ()).await, Err(StoreError::Newer { .. })));
    }

    async fn any_other_newer_migration_is_refused_with_the_remedy(db: Db) {
        drop(db.store().await);
        newer(&db, "moods").await;
        for access in [Access::ReadWrite, Access::ReadOnly] {
            let error = Store::open(&db.url, access).await.unwrap_err();
            assert!(matches!(error, StoreError::Newer { .. }), "{error}");
            assert!(error.to_string().ends_with("was written by a newer tagdeck; use that version, or another database"), "{error}");
        }
    }
}

//! What a call was paid for is not asked again: its answer is recorded in one transaction with what its post has of it, so that no
//! kill comes between the two, and the next worker never meets an answer whose post is still open.
//! Calls that were in flight at a kill are another promise: `fleet_shares_the_work.rs`, `kill_nine_loses_nothing.rs`.
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

use std::time::Duration;

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{config, count, import_plain, provider, run_until_idle, until};
use fleet::Fleet;
use tagdeck::domain::Status;

/// Answers on record whose job is still to be done, in anybody's hands or nobody's.
const UNUSED: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM job_calls c JOIN jobs j ON j.id = c.job_id \
    WHERE c.outcome IN ('success', 'no_topic') AND j.state NOT IN ('success', 'skipped')";

async fn answers_in_words() -> ChatServer {
    let says = |asked: &chat_server::Asked| {
        // Every fifth post is about nothing, which is paid for as well.
        if asked.nth.is_multiple_of(5) { Answer::tags(&[]) } else { Answer::tags(&["погода"]) }
    };
    ChatServer::start(says).await
}

on_both! {
    async fn a_kill_at_any_moment_leaves_no_answer_behind_that_its_post_does_not_have(db: Db) {
        const POSTS: i64 = 1200;
        let server = answers_in_words().await;
        let store = db.store().await;
        import_plain(&store, POSTS).await;
        let mut fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, "concurrency = 8\nbatch_size = 16", ""));
        let mut random = fastrand::Rng::with_seed(9);
        let mut answered = 0;
        for _ in 0..12 {
            fleet.start();
            let before = server.count();
            until("it works", || async { server.count() >= before + 20 }).await;
            // Somewhere within a few of its transactions.
            tokio::time::sleep(Duration::from_micros(random.u64(..20_000))).await;
            fleet.workers.pop().unwrap().kill();
            assert_eq!(db.text(UNUSED).await.as_deref(), Some("0"));
            db.pass_time(Duration::from_mins(2)).await;
            answered = server.count();
        }
        assert!(answered < POSTS as usize, "the last kill came too late");
        let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
        run_until_idle(&store, &settings).await;
        assert_eq!(count(&store, Status::Success).await + count(&store, Status::Skipped).await, POSTS);
        // What is on record was asked for once.
        let twice = "SELECT CAST(COUNT(*) AS TEXT) FROM (SELECT job_id FROM job_calls WHERE outcome IN ('success', 'no_topic') \
            GROUP BY job_id HAVING COUNT(*) > 1) t";
        assert_eq!(db.text(twice).await.as_deref(), Some("0"));
    }
}

/// PostgreSQL itself looks at each commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_commit_has_the_answer_without_the_tags() {
    let Some(db) = Db::postgres().await else { return };
    let server = answers_in_words().await;
    let store = db.store().await;
    import_plain(&store, 300).await;
    db.run(
        "CREATE FUNCTION whole() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.outcome IN ('success', 'no_topic') AND NOT EXISTS
                (SELECT 1 FROM jobs WHERE id = NEW.job_id AND state IN ('success', 'skipped')) THEN
                RAISE EXCEPTION 'an answer without its end';
            END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER whole AFTER UPDATE ON job_calls DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION whole();",
    )
    .await;
    let settings = config(&db.url, vec![provider("test", &server.base_url)], &["model"]);
    let ended = run_until_idle(&store, &settings).await;
    assert_eq!((ended.totals.success + ended.totals.skipped, ended.trouble), (300, None));
    assert_eq!(server.count(), 300);
}

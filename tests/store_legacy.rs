//! A bot's databases as LEGACY.md describes them: read unattached, planned, attached, worked on.
//! Databases made by tagdeck itself are tested in `store_posts.rs` and `store_jobs.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;

use std::time::Duration;

use databases::{Db, MAX_ATTEMPTS, USER, claim, everything, post};
use tagdeck::domain::{Imported, JobKind, PostFilter, PostId, Stats, Status, StatusCounts, UserId};
use tagdeck::store::{Access, Finish, Requeue, Store, StoreError};

/// How the bot's tables differ from one database to the next.
struct Dress {
    tags: &'static str,
    time: &'static str,
    tagging: bool,
}

/// The bot's tables with every trap in them.
async fn bots(db: &Db, dress: &Dress) {
    let serial = if db.is_sqlite() { "INTEGER PRIMARY KEY AUTOINCREMENT" } else { "SERIAL PRIMARY KEY" };
    let (tags, time) = (dress.tags, dress.time);
    let tagging = if dress.tagging {
        format!(
            ", tagging_status VARCHAR DEFAULT 'pending', tagging_attempts INTEGER DEFAULT 0, last_tagging_attempt {time}, tagging_error TEXT"
        )
    } else {
        String::new()
    };
    db.run(&format!(
        "CREATE TABLE users (id {serial}, telegram_id BIGINT NOT NULL, username VARCHAR, secret VARCHAR NOT NULL);
        CREATE TABLE channels (id {serial}, channel_username VARCHAR, channel_id BIGINT, channel_title VARCHAR);
        CREATE TABLE user_channel (user_id INTEGER, channel_id INTEGER, is_active BOOLEAN DEFAULT TRUE);
        CREATE TABLE posts (id {serial}, user_id INTEGER NOT NULL, channel_id INTEGER NOT NULL, telegram_message_id BIGINT, text TEXT,
            views INTEGER, url VARCHAR, posted_at {time}, parsed_at {time}, tags {tags}, enriched_content TEXT{tagging});
        CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, note TEXT);
        INSERT INTO _sqlx_migrations VALUES (1, 'not ours');
        INSERT INTO users (telegram_id, username, secret) VALUES (11, 'first', 's'), (12, 'second', 's');
        INSERT INTO channels (channel_username, channel_id, channel_title) VALUES ('news', -100500, 'Новости');
        INSERT INTO posts (user_id, channel_id, telegram_message_id, text, posted_at, tags) VALUES
            (1, 1, 1, 'помечен до статусов', '2024-03-01 10:20:30.123000', '[\"\\u043a\\u043e\\u0442\", \"дом\"]'),
            (1, 1, 2, 'ждёт', NULL, NULL),
            (1, 1, 3, 'ждёт, null', NULL, 'null'),
            (1, 1, 4, 'ждёт, пусто', NULL, '[]'),
            (2, 1, 5, 'второго', NULL, NULL)"
    ))
    .await;
    if dress.tagging {
        db.run(
            "INSERT INTO posts (user_id, channel_id, telegram_message_id, text, tags, tagging_status, tagging_attempts, tagging_error) VALUES
            (1, 1, 6, 'готов', '[\"x\"]', 'success', 1, NULL),
            (1, 1, 7, 'можно ещё', NULL, 'failed', 2, 'timeout'),
            (1, 1, 8, 'исчерпан', NULL, 'failed', 5, 'timeout'),
            (1, 1, 9, 'повторяется', NULL, 'retrying', 1, 'timeout'),
            (1, 1, 10, 'пропущен', NULL, 'skipped', 0, NULL),
            (1, 1, 11, 'без статуса', NULL, NULL, NULL, NULL),
            (1, 1, 12, 'без статуса, с тегом', '[\"y\"]', NULL, NULL, NULL),
            (1, 1, 13, 'ещё не сдался', '[\"z\"]', 'pending', 2, NULL)",
        )
        .await;
    }
}

/// Everything that a database holds beside its rows, and the journal's kind.
async fn schema(db: &Db) -> String {
    if db.is_sqlite() {
        let objects =
            "SELECT group_concat(type || ' ' || name || ' ' || COALESCE(sql, ''), ';' ORDER BY type, name) FROM sqlite_master";
        let objects = db.text(objects).await.unwrap_or_default();
        let mode = db.text("PRAGMA journal_mode").await.unwrap_or_default();
        return format!("{mode} {}", objects.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let all = "SELECT string_agg(line, ';' ORDER BY line) FROM (
        SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || COALESCE(column_default, '') AS line
            FROM information_schema.columns WHERE table_schema = current_schema()
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()
        UNION ALL SELECT trigger_name || event_manipulation FROM information_schema.triggers WHERE trigger_schema = current_schema()
        UNION ALL SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = current_schema()
        UNION ALL SELECT typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = current_schema()) all_lines";
    db.text(all).await.unwrap_or_default()
}

fn dresses(db: &Db) -> Vec<Dress> {
    if db.is_sqlite() {
        return vec![Dress { tags: "JSON", time: "DATETIME", tagging: true }];
    }
    vec![
        Dress { tags: "JSON", time: "TIMESTAMP", tagging: true },
        Dress { tags: "JSONB", time: "TIMESTAMP WITH TIME ZONE", tagging: true },
        Dress { tags: "TEXT", time: "TIMESTAMP", tagging: true },
    ]
}

fn expected() -> Stats {
    Stats {
        user_id: None,
        total_posts: 13,
        posts_with_tags: 4,
        posts_without_tags: 9,
        posts_need_retry: 2,
        stats_by_status: StatusCounts { pending: 5, success: 2, failed: 2, retrying: 1, skipped: 1, no_status: 2 },
        tagging_enabled: false,
        max_retry_attempts: 5,
    }
}

async fn each_dress(first: Db) -> Vec<Db> {
    let mut dbs = Vec::new();
    let mut next = Some(first);
    while let Some(db) = next.take() {
        let all = dresses(&db);
        bots(&db, &all[dbs.len()]).await;
        let more = dbs.len() + 1 < all.len();
        dbs.push(db);
        if more {
            next = Db::postgres().await;
        }
    }
    dbs
}

on_both! {
    async fn an_unattached_database_gives_its_counts_and_is_not_touched(db: Db) {
        for db in each_dress(db).await {
            let error = Store::open(&db.url, Access::ReadWrite).await.err().unwrap();
            assert!(matches!(error, StoreError::NotAttached { .. }), "{error}");
            let store = Store::open(&db.url, Access::ReadOnly).await.unwrap();
            assert!(store.is_unattached());
            assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap(), expected());
            let second = store.stats(Some(UserId(2)), MAX_ATTEMPTS).await.unwrap().unwrap();
            assert_eq!((second.user_id, second.total_posts, second.stats_by_status.pending), (Some(2), 1, 1));
            assert!(store.stats(Some(UserId(3)), MAX_ATTEMPTS).await.unwrap().is_none());
            let error = store.posts(&everything(), None, 1).await.unwrap_err();
            assert!(matches!(error, StoreError::NotAttached { .. }), "{error}");
            let steps = Store::plan(&db.url).await.unwrap().steps;
            assert!(steps.last().unwrap().contains("13 posts"), "{steps:?}");
            assert_eq!(Store::plan(&db.url).await.unwrap().steps, steps, "a plan changes nothing");
            if db.is_sqlite() {
                assert_eq!(db.text("PRAGMA journal_mode").await.as_deref(), Some("delete"));
                assert_eq!(db.text("SELECT CAST(COUNT(*) AS TEXT) FROM sqlite_master WHERE name LIKE '%tagdeck%'").await.as_deref(), Some("0"));
            }
        }
    }

    async fn attaching_keeps_every_post_as_it_is_and_reads_it_rightly(db: Db) {
        for db in each_dress(db).await {
            let before = db.text("SELECT CAST(COUNT(*) AS TEXT) FROM posts WHERE tagging_status = 'pending'").await;
            let plan = Store::plan(&db.url).await.unwrap();
            assert_eq!(Store::migrate(&db.url).await.unwrap(), plan);
            assert!(Store::migrate(&db.url).await.unwrap().steps.is_empty(), "attaching is repeatable");
            assert_eq!(db.text("SELECT CAST(COUNT(*) AS TEXT) FROM posts WHERE tagging_status = 'pending'").await, before);
            assert_eq!(db.text("SELECT note FROM _sqlx_migrations").await.as_deref(), Some("not ours"));
            let store = db.store().await;
            assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap(), expected());

            let post = store.post(PostId(1)).await.unwrap().unwrap().line;
            assert_eq!((post.status, post.posted_at), (Some(Status::Success), Some(1_709_288_430_123)));
            assert_eq!(post.tags, ["кот", "дом"]);
            assert_eq!(store.post(PostId(11)).await.unwrap().unwrap().line.status, None);
            assert_eq!(store.post(PostId(7)).await.unwrap().unwrap().line.error.as_deref(), Some("timeout"));

            // Due: what waits, what is to be retried, what has no status and no tags; never what is tagged already.
            let mut due: Vec<_> = claim(&store, 99).await.iter().map(|claim| (claim.ref_id, claim.attempts)).collect();
            due.sort_unstable();
            assert_eq!(due, [(2, 1), (3, 1), (4, 1), (5, 1), (9, 2), (11, 1), (13, 3)]);
            let retry = Requeue { max_attempts: MAX_ATTEMPTS, ..Requeue::default() };
            assert_eq!(store.requeue(&retry).await.unwrap().queued, 1);
        }
    }

    async fn the_bot_reads_what_we_write_and_its_new_posts_are_found(db: Db) {
        for db in each_dress(db).await {
            Store::migrate(&db.url).await.unwrap();
            let store = db.store().await;
            for claim in claim(&store, 99).await {
                let finish = match claim.ref_id {
                    2 => Finish::Tagged { tags: vec!["кот".to_owned()] },
                    3 => Finish::Failed { class: "bad_request".to_owned(), reason: "отказ".to_owned() },
                    _ => Finish::Skipped { class: "no_topic".to_owned(), reason: "нет темы".to_owned() },
                };
                assert!(store.finish(claim.job, claim.fence, &finish).await.unwrap());
            }
            let tags = db.text("SELECT CAST(tags AS TEXT) FROM posts WHERE id = 2").await.unwrap();
            assert_eq!(serde_json::from_str::<Vec<String>>(&tags).unwrap(), ["кот"]);
            assert!(tags.contains("кот"));
            assert_eq!(db.text("SELECT tagging_status || ' ' || tagging_attempts || ' ' || tagging_error FROM posts WHERE id = 3").await.as_deref(), Some("failed 1 отказ"));
            let at = db.text("SELECT CAST(last_tagging_attempt AS TEXT) FROM posts WHERE id = 2").await.unwrap();
            let today = db.text(if db.is_sqlite() { "SELECT date('now')" } else { "SELECT CAST(CAST(now() AT TIME ZONE 'UTC' AS DATE) AS TEXT)" }).await.unwrap();
            assert!(at.starts_with(&today), "{at} is not today, {today}");

            db.run("INSERT INTO posts (user_id, channel_id, telegram_message_id, text, tags) VALUES (2, 1, 50, 'новый', NULL), (2, 1, 51, 'новый с тегами', '[\"t\"]')").await;
            assert_eq!(store.adopt(MAX_ATTEMPTS).await.unwrap(), 2);
            assert_eq!(claim(&store, 9).await.iter().map(|claim| claim.text.clone()).collect::<Vec<_>>(), ["новый"]);
            let stats = store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap();
            assert_eq!((stats.total_posts, stats.posts_with_tags), (15, 6));
            assert_eq!(Store::plan(&db.url).await.unwrap().steps, Vec::<String>::new(), "counters and posts agree");
        }
    }

    async fn importing_into_a_bots_database_knows_its_posts_and_needs_its_users(db: Db) {
        for db in each_dress(db).await {
            Store::migrate(&db.url).await.unwrap();
            let store = db.store().await;
            let mut known = post(2, "ждёт");
            known.channel_telegram_id = -100_500;
            let slice = [known, post(99, "новый")];
            let done = store.import(USER, &slice, Duration::ZERO, MAX_ATTEMPTS).await.unwrap();
            assert_eq!(done, [Imported::Unchanged, Imported::New]);
            assert_eq!(store.count(&PostFilter { channel: Some("news".to_owned()), ..everything() }).await.unwrap(), 14);
            let error = store.import(UserId(7), &slice, Duration::ZERO, MAX_ATTEMPTS).await.unwrap_err();
            assert!(matches!(error, StoreError::NoUser { user: 7, .. }), "{error}");
        }
    }

    async fn a_bot_without_tagging_columns_gets_the_four_of_them(db: Db) {
        let time = if db.is_sqlite() { "DATETIME" } else { "TIMESTAMP" };
        bots(&db, &Dress { tags: "JSON", time, tagging: false }).await;
        let store = Store::open(&db.url, Access::ReadOnly).await.unwrap();
        let before = store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap();
        assert_eq!((before.stats_by_status.success, before.stats_by_status.pending), (1, 4));
        drop(store);
        let plan = Store::migrate(&db.url).await.unwrap();
        assert_eq!(plan.steps.iter().filter(|step| step.starts_with("add the column posts.")).count(), 4, "{plan:?}");
        let store = db.store().await;
        assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap(), before);
        assert_eq!(claim(&store, 99).await.len(), 4);
    }

    async fn undo_leaves_a_bots_database_as_it_was_but_for_the_tags(db: Db) {
        let time = if db.is_sqlite() { "DATETIME" } else { "TIMESTAMP" };
        for tagging in [false, true] {
            let Some(db) = (if db.is_sqlite() { Some(Db::sqlite()) } else { Db::postgres().await }) else { return };
            bots(&db, &Dress { tags: "JSON", time, tagging }).await;
            db.run("DROP TABLE user_channel").await;
            let before = schema(&db).await;
            Store::migrate(&db.url).await.unwrap();
            assert_ne!(schema(&db).await, before);
            let store = db.store().await;
            let claim = claim(&store, 1).await.pop().unwrap();
            let finish = Finish::Tagged { tags: vec!["кот".to_owned()] };
            assert!(store.finish(claim.job, claim.fence, &finish).await.unwrap());
            store.heartbeat("somebody:7", &[JobKind::Tag], "0").await.unwrap();
            let error = Store::undo(&db.url).await.unwrap_err();
            assert!(matches!(error, StoreError::EnginesAtWork { .. }), "{error}");
            store.farewell("somebody:7").await.unwrap();
            drop(store);
            let plan = Store::plan_undo(&db.url).await.unwrap();
            assert_eq!(Store::undo(&db.url).await.unwrap(), plan);
            assert_eq!(plan.steps.iter().any(|step| step.contains("posts.tagging_status")), !tagging, "{plan:?}");
            assert_eq!(schema(&db).await, before);
            let tags = db.text(&format!("SELECT CAST(tags AS TEXT) FROM posts WHERE id = {}", claim.post.unwrap().0)).await.unwrap();
            assert_eq!(serde_json::from_str::<Vec<String>>(&tags).unwrap(), ["кот"]);
            let error = Store::undo(&db.url).await.unwrap_err();
            assert!(matches!(error, StoreError::NothingToUndo { ours: false, .. }), "{error}");
            Store::migrate(&db.url).await.unwrap();
            assert_eq!(db.store().await.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap().total_posts, if tagging { 13 } else { 5 });
        }
    }

    async fn a_database_of_our_own_is_not_undone(db: Db) {
        let _store = db.store().await;
        let error = Store::undo(&db.url).await.unwrap_err();
        assert!(matches!(error, StoreError::NothingToUndo { ours: true, .. }), "{error}");
    }

    async fn a_foreign_table_of_the_same_name_is_refused(db: Db) {
        bots(&db, &dresses(&db)[0]).await;
        db.run("CREATE TABLE jobs (id BIGINT)").await;
        for error in [Store::plan(&db.url).await.unwrap_err(), Store::migrate(&db.url).await.unwrap_err()] {
            assert!(matches!(error, StoreError::NameTaken { table: "jobs", .. }), "{error}");
        }
    }
}

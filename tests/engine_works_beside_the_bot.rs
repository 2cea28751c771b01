//! The real program on a bot's database as LEGACY.md describes it: looked at, refused, attached, tagged, while the bot goes on writing.
//! What each trap means to the store is tested in `store_legacy.rs`.
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

use std::time::{Duration, Instant};

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::until;
use program::{Home, json_lines, text};
use serde_json::{Value, json};

/// A bot's tables, with every trap of LEGACY.md in them.
async fn bots(db: &Db) {
    let (serial, time) =
        if db.is_sqlite() { ("INTEGER PRIMARY KEY AUTOINCREMENT", "DATETIME") } else { ("SERIAL PRIMARY KEY", "TIMESTAMP") };
    db.run(&format!(
        "CREATE TABLE users (id {serial}, telegram_id BIGINT NOT NULL, username VARCHAR);
        CREATE TABLE channels (id {serial}, channel_username VARCHAR, channel_id BIGINT, channel_title VARCHAR);
        CREATE TABLE user_channel (user_id INTEGER, channel_id INTEGER, is_active BOOLEAN DEFAULT TRUE);
        CREATE TABLE posts (id {serial}, user_id INTEGER NOT NULL, channel_id INTEGER NOT NULL, telegram_message_id BIGINT, text TEXT,
            views INTEGER, url VARCHAR, posted_at {time}, parsed_at {time}, tags JSON, enriched_content TEXT,
            tagging_status VARCHAR DEFAULT 'pending', tagging_attempts INTEGER DEFAULT 0, last_tagging_attempt {time}, tagging_error TEXT);
        INSERT INTO users (telegram_id, username) VALUES (11, 'first'), (12, 'second');
        INSERT INTO channels (channel_username, channel_id, channel_title) VALUES ('news', -100500, 'Новости');
        INSERT INTO posts (user_id, channel_id, telegram_message_id, text, posted_at, tags, tagging_status, tagging_attempts, tagging_error) VALUES
            (1, 1, 1, 'Помечен до всяких статусов', '2024-03-01 10:20:30.123456', '[\"\\u043a\\u043e\\u0442\"]', 'pending', 0, NULL),
            (1, 1, 2, 'Ждёт своей очереди', NULL, NULL, 'pending', 0, NULL),
            (1, 1, 3, 'Ждёт, а теги null', NULL, 'null', 'pending', 0, NULL),
            (1, 1, 4, 'Без всякого статуса', NULL, NULL, NULL, NULL, NULL),
            (2, 1, 5, 'Второго пользователя', NULL, NULL, 'pending', 0, NULL),
            (1, 1, 6, 'Давно готов', NULL, '[\"x\"]', 'success', 1, NULL),
            (1, 1, 7, 'Можно попробовать ещё', NULL, NULL, 'failed', 2, 'timeout'),
            (1, 1, 8, 'Исчерпал свои попытки', NULL, NULL, 'failed', 5, 'timeout'),
            (1, 1, 9, 'Повторяется прямо сейчас', NULL, NULL, 'retrying', 1, 'timeout'),
            (1, 1, 9, 'Тот же номер сообщения дважды', NULL, NULL, 'pending', 0, NULL)"
    ))
    .await;
}

fn stats(home: &Home) -> Value {
    let lines = json_lines(&home.ok(&["stats", "--json"]));
    assert_eq!(lines.len(), 1);
    lines.into_iter().next().unwrap()
}

fn home(db: &Db, server: &ChatServer) -> Home {
    let home = Home::new();
    home.write(
        "config.toml",
        format!(
            "database = \"{}\"\n[tagging]\nroute = [\"model\"]\nvocabulary = false\n[[providers]]\nname = \"test\"\nbase_url = \"{}\"\nkey = \"sk\"\n",
            db.url, server.base_url
        ),
    );
    home
}

on_both! {
    async fn a_bots_database_is_looked_at_untouched_then_attached_then_tagged(db: Db) {
        let server = ChatServer::start(|asked| {
            if asked.prompt().contains("Второго") { Answer::error(422, "cannot process") } else { Answer::tags(&["Ёлка", "#погода"]) }
        })
        .await;
        bots(&db).await;
        let home = home(&db, &server);
        let file = db.is_sqlite().then(|| db.url.trim_start_matches("sqlite://").to_owned());
        let bytes = || file.as_ref().map(|file| std::fs::read(file).unwrap());
        let before = bytes();
        let expected = json!({
            "user_id": null, "total_posts": 10, "posts_with_tags": 2, "posts_without_tags": 8, "posts_need_retry": 2,
            "stats_by_status": {"pending": 4, "success": 2, "failed": 2, "retrying": 1, "skipped": 0, "no_status": 1},
            "tagging_enabled": true, "max_retry_attempts": 5,
        });
        assert_eq!(stats(&home), expected);

        for refused in [&["run", "--until-idle"][..], &["posts"], &["retry"], &["regenerate", "1"]] {
            let output = home.run(refused);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{refused:?}: {said}");
            assert!(said.contains("`tagdeck migrate --dry-run` shows") && said.contains("was not attached"), "{refused:?}: {said}");
        }
        let planned = home.ok(&["migrate", "--dry-run"]);
        assert!(planned.lines().all(|line| line.starts_with("would ")) && planned.contains("10 posts"), "{planned}");
        assert_eq!(bytes(), before, "not a byte was changed");

        let done = home.ok(&["migrate"]);
        assert_eq!(done.replace("done:", "would"), planned);
        assert!(home.ok(&["migrate"]).starts_with("Nothing to do"));
        assert_eq!(stats(&home), expected, "attaching changes no count");

        let output = home.run(&["run", "--until-idle", "--json"]);
        let summary = json_lines(&text(&output.stdout)).pop().unwrap();
        assert_eq!((output.status.code(), &summary["tag"]["success"], &summary["tag"]["failed"]), (Some(3), &json!(5), &json!(1)), "{summary}");
        let after = stats(&home);
        assert_eq!(after["stats_by_status"], json!({"pending": 0, "success": 7, "failed": 3, "retrying": 0, "skipped": 0, "no_status": 0}));

        // As the bot reads it.
        let row = |id: i64| {
            let text = format!(
                "SELECT COALESCE(tagging_status, '-') || '|' || COALESCE(tagging_attempts, -1) || '|' || COALESCE(CAST(tags AS TEXT), '-') \
                || '|' || CASE WHEN last_tagging_attempt IS NULL THEN 'never' ELSE 'once' END FROM posts WHERE id = {id}"
            );
            let db = &db;
            async move { db.text(&text).await.unwrap() }
        };
        assert_eq!(row(1).await, r#"pending|0|["\u043a\u043e\u0442"]|never"#, "what is tagged already is not touched");
        assert_eq!(row(2).await, r#"success|1|["ёлка","погода"]|once"#, "plain UTF-8, no escapes");
        assert_eq!(row(4).await, r#"success|1|["ёлка","погода"]|once"#);
        assert_eq!(row(5).await, "failed|1|-|once");
        assert_eq!(row(8).await, "failed|5|-|never");
        assert_eq!(row(9).await, r#"success|2|["ёлка","погода"]|once"#);
        let error = db.text("SELECT tagging_error FROM posts WHERE id = 5").await.unwrap();
        assert!(error.contains("cannot process"), "{error}");
    }

    async fn posts_that_the_bot_writes_while_an_engine_runs_are_found_within_ten_seconds(db: Db) {
        let server = ChatServer::start(|_| Answer::tags(&["погода"])).await;
        bots(&db).await;
        let home = home(&db, &server);
        home.ok(&["migrate"]);
        let mut engine = home.tagdeck(&["run"]).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        let tagged = || async { db.text("SELECT CAST(COUNT(*) AS TEXT) FROM posts WHERE tagging_status = 'success'").await.unwrap() };
        until("what was there", || async { tagged().await == "7" }).await;
        db.run("INSERT INTO posts (user_id, channel_id, telegram_message_id, text) VALUES (1, 1, 77, 'Только что написан ботом')").await;
        let written = Instant::now();
        until("the new one", || async { tagged().await == "8" }).await;
        engine.kill().unwrap();
        engine.wait().unwrap();
        assert!(written.elapsed() < Duration::from_secs(10), "{:?}", written.elapsed());
    }
}

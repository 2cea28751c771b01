//! `tagdeck --read-only`: the dashboard shows a database that it may only read, leaves nothing behind, and where there is nothing that
//! it could show it says what to do instead of making it.
//! That `ops` refuses every change is in `read_only_changes_nothing`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/deck.rs"]
mod deck;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::path::Path;

use databases::{Db, import};
use deck::{Deck, PATIENCE};
use program::{Home, text};

/// Every file below, with its bytes. What SQLite shares between its readers stands in `-shm` and `-wal` beside a file; the latter
/// is only looked at when something was written into it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            found.insert(name, Vec::new());
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let of_readers = name.ends_with("-shm") || (name.ends_with("-wal") && bytes.is_empty());
            if !of_readers {
                found.insert(name, bytes);
            }
        }
    }
    found
}

/// Opens it, walks through all that it shows and tries to change something. What doctor unpacks to try OCR stands in the cache of
/// the person, which is elsewhere.
fn look_around(home: &Home, args: &[&str]) {
    let cache = tempfile::tempdir().unwrap();
    let mut deck = Deck::open(home.tagdeck(args).env("XDG_CACHE_HOME", cache.path()), (120, 36));
    deck.shows("read-only");
    deck.until("the posts counted", |screen| screen.lines().any(|line| line.contains("pending") && line.contains(" 3 ")));
    assert!(deck.line(0).contains("○ observing"), "{}", deck.line(0));
    for (pane, shown) in [
        ("2", "No post has failed."),
        ("3", "following"),
        ("4", "No images yet."),
        ("5", "Nothing is stored yet."),
        ("1", "Attention"),
    ] {
        deck.press_for(pane, shown);
    }
    deck.press_for("p", "Nothing was changed: the dashboard runs with --read-only.");
    deck.press_for("D", "storage");
    deck.until("every check", |screen| screen.contains("terminal"));
    let checked = deck.screen();
    assert!(!checked.contains("permission denied"), "{checked}");
    assert!(checked.contains("to be made in") || checked.contains("no probe was stored"), "{checked}");
    deck.press("\u{3}");
    assert!(deck.ended(PATIENCE).success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_leaves_every_file_as_it_was() {
    let home = Home::new();
    home.write("posts.jsonl", (1..=3).map(post).collect::<String>());
    home.ok(&["import", "posts.jsonl"]);
    let outputs = home.path().join("outputs");
    std::fs::create_dir_all(outputs.join(".tagdeck/parts")).unwrap();
    let left_behind = outputs.join(".tagdeck/parts/half-written");
    std::fs::write(&left_behind, "half").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(48);
    std::fs::File::options().write(true).open(&left_behind).unwrap().set_modified(long_ago).unwrap();
    let before = files(home.path());
    look_around(&home, &["--read-only"]);
    let after = files(home.path());
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(after == before, "a file has changed");
}

fn post(n: i64) -> String {
    format!(
        "{{\"channel\":\"Наука\",\"message_id\":{n},\"date\":\"2026-11-20T10:00:00Z\",\"text\":\"Кратер на Луне, запись {n}\"}}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_only_select_can_watch() {
    let Some(db) = Db::postgres().await else { return };
    import(&db.store().await, 3).await;
    let name = db.url.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    db.run(&format!("CREATE ROLE watcher_{name} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO watcher_{name}")).await;
    let address = db.url.replace("//tagdeck@", &format!("//watcher_{name}@"));
    let home = Home::new();
    let before = files(home.path());
    let jobs = "SELECT string_agg(CAST(j AS TEXT), ';' ORDER BY id) FROM jobs j";
    let rows = db.text(jobs).await;
    look_around(&home, &["--read-only", "--database", &address]);
    assert_eq!(db.text(jobs).await, rows);
    assert!(files(home.path()) == before, "a file was left behind");
}

/// What it says instead of opening.
fn refusal(home: &Home, db: &Db) -> String {
    let output = home.run(&["--read-only", "--database", &db.url]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), &*text(&output.stdout)), (Some(1), ""), "{said}");
    said
}

on_both! {
    async fn where_there_is_nothing_to_show_it_says_what_to_do(db: Db) {
        let home = Home::new();
        assert!(refusal(&home, &db).contains("`tagdeck import FILE`, or the dashboard without --read-only, creates it"));
        assert!(files(home.path()).is_empty());
        if db.is_sqlite() {
            assert!(!Path::new(&db.url["sqlite://".len()..]).exists());
        }
        db.run("CREATE TABLE posts (id BIGINT PRIMARY KEY, text TEXT, tags TEXT)").await;
        assert!(refusal(&home, &db).contains("`tagdeck migrate --dry-run` shows what would be added"));
        db.run("DROP TABLE posts").await;
        import(&db.store().await, 1).await;
        db.run("DELETE FROM _tagdeck_migrations WHERE version = (SELECT MAX(version) FROM _tagdeck_migrations)").await;
        assert!(refusal(&home, &db).contains("was written by an older tagdeck; `tagdeck migrate` brings it up to date"));
        assert!(files(home.path()).is_empty());
    }
}

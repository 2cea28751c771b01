//! A bot's database as SQLAlchemy makes it, with every trap of LEGACY.md: attached, tagged by the real program, read back by SQLAlchemy.
//! Where Python has no SQLAlchemy (or no driver for PostgreSQL, pg8000) it says that it was not run. `TAGDECK_PYTHON` names another Python.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/program.rs"]
mod program;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use databases::Db;
use program::{Home, json_lines, text};
use serde_json::{Value, json};

/// Runs the bot's script; `None` when Python cannot.
struct Bot {
    python: String,
    url: String,
}

impl Bot {
    fn of(db: &Db) -> Option<Self> {
        let python = std::env::var("TAGDECK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let (modules, url) = if db.is_sqlite() {
            ("sqlalchemy", db.url.replacen("sqlite://", "sqlite:///", 1))
        } else {
            let (place, folder) = db.url.split_once("?host=").unwrap();
            let name = place.rsplit('/').next().unwrap();
            ("sqlalchemy, pg8000", format!("postgresql+pg8000://tagdeck@/{name}?unix_sock={folder}/.s.PGSQL.5432"))
        };
        let has = Command::new(&python).args(["-c", &format!("import {modules}")]).stderr(Stdio::null()).status();
        if !has.is_ok_and(|status| status.success()) {
            eprintln!("not run: {python} cannot import {modules}; `pip install sqlalchemy pg8000`");
            return None;
        }
        Some(Self { python, url })
    }

    fn run(&self, what: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/legacy_bot.py");
        let output: Output = Command::new(&self.python).arg(script).args([what, &self.url]).output().unwrap();
        assert!(output.status.success(), "{what}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Every post as the bot reads it.
    fn posts(&self) -> Vec<Value> {
        let mut posts = json_lines(&self.run("read"));
        // It grows from one reading to the next.
        for post in &mut posts {
            let ago = post["since"].take();
            post["just now"] = json!(ago.as_f64().is_some_and(|ago| (-5.0..600.0).contains(&ago)));
        }
        posts
    }
}

fn named<'a>(posts: &'a [Value], name: &str) -> &'a Value {
    posts.iter().find(|post| post["name"] == name).unwrap_or_else(|| panic!("no post {name}"))
}

on_both! {
    async fn it_is_attached_tagged_and_read_back(db: Db) {
        let Some(bot) = Bot::of(&db) else { return };
        tokio::task::spawn_blocking(move || attach_tag_and_read(&db, &bot, "make")).await.unwrap();
    }

    async fn as_after_the_bots_own_migration(db: Db) {
        let Some(bot) = Bot::of(&db) else { return };
        tokio::task::spawn_blocking(move || attach_tag_and_read(&db, &bot, "migrated")).await.unwrap();
    }
}

fn attach_tag_and_read(db: &Db, bot: &Bot, made: &str) {
    bot.run(made);
    let before = bot.posts();
    let home = Home::new();
    home.write("config.toml", "[tagging]\nroute = [\"local/keywords\"]\nvocabulary = false\n");
    let at = ["--database", db.url.as_str()];
    let tagdeck = |args: &[&str]| home.ok(&[args, &at].concat());

    assert!(tagdeck(&["migrate", "--dry-run"]).contains("make jobs for 13 posts"));
    assert_eq!(bot.posts(), before, "a dry run changes nothing");
    tagdeck(&["migrate"]);
    assert_eq!(bot.posts(), before, "attaching rewrites no row of the bot's");

    let counts = |stats: String| json_lines(&stats)[0]["stats_by_status"].clone();
    let now = counts(tagdeck(&["stats", "--json"]));
    assert_eq!(now, json!({"pending": 6, "success": 3, "failed": 1, "retrying": 1, "skipped": 1, "no_status": 1}));

    // The bot goes on while the engine runs: its post is found and tagged within ten seconds.
    let mut run =
        home.tagdeck(&[&["run", "--json"], &at[..]].concat()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    bot.run("add");
    let added = Instant::now();
    while named(&bot.posts(), "added meanwhile")["status"] != "success" {
        assert!(added.elapsed() < Duration::from_secs(20), "the bot's new post was not tagged");
        std::thread::sleep(Duration::from_millis(100));
    }
    // In order, so that it is not counted as an engine at work any more.
    let pid = rustix::process::Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(run.wait().unwrap().success());
    tagdeck(&["run", "--until-idle", "--json"]);
    let after = bot.posts();
    check(&before, &after);

    home.ok(&[&["migrate", "--undo", "--yes"], &at[..]].concat());
    assert_eq!(bot.posts(), after, "and out of it again: the tags stay");
}

/// What the engine had to leave alone, and what it had to do.
fn check(before: &[Value], after: &[Value]) {
    for name in ["tagged before there were states", "escaped tags", "tagged", "failed", "skipped"] {
        assert_eq!(named(after, name), named(before, name), "left as it was");
    }
    assert_eq!(named(after, "escaped tags")["tags"], json!(["кот"]));
    for name in [
        "waits",
        "waits, JSON null",
        "waits, SQL NULL",
        "waits, no tags",
        "no status",
        "retrying",
        "the same message again",
        "added meanwhile",
    ] {
        let post = named(after, name);
        assert_eq!((&post["status"], &post["error"]), (&json!("success"), &Value::Null), "{post}");
        let tags = post["tags"].as_array().unwrap();
        assert!(
            !tags.is_empty()
                && tags.iter().all(|tag| tag.as_str().is_some_and(|tag| tag.chars().any(|c| ('а'..='я').contains(&c)))),
            "{post}"
        );
        // A datetime as the bot's own, in UTC, which SQLAlchemy has parsed; and counted as the bot counts.
        assert_eq!(post["just now"], true, "{post}");
        let attempts = if name == "retrying" { 2 } else { 1 };
        assert_eq!(post["attempts"], attempts, "{post}");
    }
    assert_eq!(named(after, "no text")["status"], "skipped");
    for post in after.iter().filter(|post| post["name"] != "added meanwhile") {
        let was = named(before, post["name"].as_str().unwrap());
        assert_eq!((&post["text"], &post["posted_at"], &post["owner"]), (&was["text"], &was["posted_at"], &was["owner"]));
    }
}

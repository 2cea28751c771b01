//! Commands that only ask: what they print, where, and with which exit code.
//! Commands that change something are tested in `commands_change_things.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/program.rs"]
mod program;

use std::collections::BTreeSet;
use std::process::Stdio;

use program::{Home, json_lines, text};
use serde_json::{Value, json};

/// Three channels' posts, tagged by the built-in tagger but for one that is too short.
fn tagged_home() -> Home {
    let home = Home::new();
    home.write("config.toml", "[tagging]\nroute = [\"local/keywords\"]\n");
    let line = |n: i64, channel: &str, text: &str| {
        json!({"channel": channel, "channel_id": -channel.bytes().map(i64::from).sum::<i64>(), "message_id": n, "date": "2026-01-01T00:00:00Z", "text": text})
            .to_string()
    };
    let lines = [
        line(1, "Наука", "Луна ближе, чем кажется: #космос и исследования поверхности Луны"),
        line(2, "Наука", "Новый телескоп увидел далёкие галактики #космос"),
        line(4, "Город", "В музее открылась выставка древних рукописей #музей"),
        line(5, "Город", "Ой"),
        line(3, "Nasty\u{1b}[2J", "Погода портится: \u{1b}]0;owned\u{7}дождь и ветер \u{202e}завтра #погода"),
    ];
    home.write("posts.jsonl", lines.join("\n"));
    home.ok(&["import", "posts.jsonl"]);
    let output = home.run(&["run", "--until-idle", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    home
}

fn code(home: &Home, args: &[&str]) -> (Option<i32>, String, String) {
    let output = home.run(args);
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Whether nothing in it could act on a terminal.
fn harmless(shown: &str) -> bool {
    shown.chars().all(|c| (c == '\n' || !c.is_control()) && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

#[test]
fn stats_as_json_has_exactly_the_keys_of_the_promise() {
    let home = tagged_home();
    let stats = json_lines(&home.ok(&["stats", "--json"])).remove(0);
    let expected = json!({
        "user_id": null, "total_posts": 5, "posts_with_tags": 4, "posts_without_tags": 1, "posts_need_retry": 0,
        "stats_by_status": {"pending": 0, "success": 4, "failed": 0, "retrying": 0, "skipped": 1, "no_status": 0},
        "tagging_enabled": true, "max_retry_attempts": 5,
    });
    assert_eq!(stats, expected);
    let of_one = json_lines(&home.ok(&["stats", "--user", "1", "--json"])).remove(0);
    assert_eq!((&of_one["user_id"], &of_one["total_posts"]), (&json!(1), &json!(5)));

    let (exit, out, err) = code(&home, &["stats", "--user", "77", "--json"]);
    assert_eq!((exit, out.as_str(), err.as_str()), (Some(1), "", "tagdeck: there is no user 77\n"));
}

#[test]
fn posts_are_narrowed_by_status_channel_text_and_number() {
    let home = tagged_home();
    let ids = |args: &[&str]| {
        let lines = json_lines(&home.ok(&[&["posts", "--json"][..], args].concat()));
        lines.iter().map(|line| line["message_id"].as_i64().unwrap()).collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(&[]), [1, 2, 3, 4, 5].into());
    assert_eq!(ids(&["--status", "skipped"]), [5].into());
    assert_eq!(ids(&["--channel", "Город"]), [4, 5].into());
    assert_eq!(ids(&["--query", "телескоп"]), [2].into());
    assert_eq!(ids(&["--status", "success", "--channel", "Наука", "--query", "космос"]), [1, 2].into());
    assert_eq!(ids(&["--status", "failed"]), BTreeSet::new());
    assert_eq!(ids(&["--limit", "2"]).len(), 2);
    assert_eq!(ids(&["--limit", "0"]).len(), 0);
    assert_eq!(ids(&["--user", "9"]), BTreeSet::new());
    let (exit, _, err) = code(&home, &["posts", "--status", "broken"]);
    assert_eq!(exit, Some(2), "{err}");
}

#[test]
fn before_the_first_import_the_answers_are_those_of_an_empty_database_and_nothing_is_made() {
    let home = Home::new();
    let stats = json_lines(&home.ok(&["stats", "--json"])).remove(0);
    assert_eq!(stats["total_posts"], 0, "{stats}");
    assert!(home.ok(&["stats"]).contains("tagdeck import FILE"));
    assert_eq!(home.ok(&["posts", "--json"]), "");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    let (exit, _, err) = code(&home, &["stats", "--database", "sqlite://typo.db"]);
    assert_eq!(exit, Some(1), "a database that was named and is missing is a mistake: {err}");
}

#[test]
fn no_foreign_text_acts_on_the_terminal() {
    let home = tagged_home();
    for args in [&["posts"][..], &["posts", "--json"], &["stats"], &["posts", "--channel", "Nasty"]] {
        let shown = home.ok(args);
        assert!(harmless(&shown), "{args:?}: {shown:?}");
    }
    let hostile = "no\u{1b}[31mne\u{202e}.json";
    for args in [
        &["explain", hostile][..],
        &["import", hostile],
        &["import", hostile, "--json"],
        &["stats", "--config", hostile],
        &["stats", "--database", "sqlite://no\u{1b}[2Jne/x.db"],
        &["retry", "--data-dir", "/proc/no\u{1b}[31mne"],
    ] {
        let (exit, out, err) = code(&home, args);
        assert!(matches!(exit, Some(1 | 2)), "{args:?}: {exit:?} {out}{err}");
        assert!(harmless(&out) && harmless(&err), "{args:?}: {out:?} {err:?}");
        assert!(err.lines().all(|line| !line.contains("panicked")), "{err}");
    }
}

#[test]
fn explain_judges_the_good_files_among_broken_ones() {
    let home = Home::new();
    home.write(
        "a.json",
        r#"{"http_status":200,"headers":{},"body":"{\"choices\":[{\"message\":{\"content\":\"[\\\"кот\\\",\\\"дом\\\"]\"}}]}"}"#,
    );
    home.write("b.json", "this is no JSON");
    home.write("c.json", r#"{"http_status":429,"headers":{"Retry-After":"7"},"body":"{\"error\":{\"message\":\"slow down\"}}"}"#);
    let (exit, out, err) = code(&home, &["explain", "a.json", "b.json", "missing.json", "c.json"]);
    assert_eq!(exit, Some(3), "{err}");
    let lines = json_lines(&out);
    let told: Vec<(&Value, &Value)> = lines.iter().map(|line| (&line["file"], &line["action"])).collect();
    assert_eq!(told, [(&json!("a.json"), &json!("success")), (&json!("c.json"), &json!("next_model"))]);
    assert_eq!(lines[0]["tags"], json!(["кот", "дом"]));
    let keys: BTreeSet<&str> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["file", "action", "outcome", "wait_ms", "tags", "reason"].into());
    assert!(err.contains("tagdeck: b.json: ") && err.contains("tagdeck: missing.json: "), "{err}");
    assert_eq!(code(&home, &["explain", "b.json"]).0, Some(1), "nothing could be judged");
    assert_eq!(code(&home, &["explain", "a.json"]).0, Some(0));
    assert_eq!(code(&home, &["explain"]).0, Some(2));
}

#[test]
fn settings_that_are_wrong_are_told_with_file_and_line() {
    let home = Home::new();
    home.write("config.toml", "# first\n[tagging]\nmax_retry = 3\n");
    let (exit, out, err) = code(&home, &["config", "check"]);
    assert_eq!((exit, out.as_str()), (Some(2), ""));
    assert!(err.contains("config.toml:3: ") && err.contains("max_retry") && err.contains("max_retries"), "{err}");
    // Every command refuses them alike.
    assert_eq!(code(&home, &["run", "--until-idle"]).0, Some(2));
    assert_eq!(code(&home, &["stats", "--json"]).0, Some(2));

    home.write("config.toml", "[tagging]\nconcurrency = 0\n");
    let (exit, _, err) = code(&home, &["config", "check"]);
    assert!(exit == Some(2) && err.contains("config.toml:2: ") && err.contains("from 1 to 1024"), "{err}");
    assert_eq!(code(&home, &["stats", "--config", "missing.toml"]).0, Some(2));
    assert_eq!(code(&Home::new(), &["stats", "--database", "mysql://x/y"]).0, Some(2));
    let home = Home::new();
    assert_eq!(home.tagdeck(&["config", "check"]).env("TAGGING_MAX_RETRIES", "many").output().unwrap().status.code(), Some(2));
    assert!(home.ok(&["config", "check"]).contains("local/keywords"));
}

#[test]
fn the_example_is_a_valid_file_and_says_every_default() {
    let home = Home::new();
    let example = home.ok(&["config", "example"]);
    home.write("config.toml", &example);
    home.ok(&["config", "check"]);
}

#[test]
fn config_show_hides_every_secret() {
    let home = Home::new();
    home.write(
        "config.toml",
        "database = \"postgres://bot:p4ssw0rd@db.example/tags\"\n[[providers]]\nname = \"a\"\nbase_url = \"https://a.example/v1\"\n\
        key = \"sk-hidden-1\"\nheaders = { Authorization = \"hidden-2\" }\n",
    );
    let output = home.tagdeck(&["config", "show"]).env("OPENROUTER_API_KEY", "sk-hidden-3").output().unwrap();
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success() && shown.contains("db.example"), "{shown}");
    for secret in ["p4ssw0rd", "hidden-1", "hidden-2", "hidden-3"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn an_empty_database_says_what_to_do_next() {
    let home = Home::new();
    for args in [&["stats"][..], &["posts"]] {
        let (_, out, err) = code(&home, args);
        assert!(format!("{out}{err}").contains("tagdeck import"), "{args:?}: {out}{err}");
    }
    assert!(!home.path().join("tagdeck.db").exists(), "asking makes no database");
    home.ok(&["migrate"]);
    for args in [&["stats"][..], &["posts"]] {
        assert!(home.ok(args).contains("tagdeck import"), "{args:?}");
    }
    assert_eq!(json_lines(&home.ok(&["stats", "--json"]))[0]["total_posts"], 0);
    assert_eq!(home.ok(&["posts", "--json"]), "");
    let output = home.run(&["run", "--until-idle", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let summary = json_lines(&text(&output.stdout)).pop().unwrap();
    let keys: BTreeSet<&str> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["event", "tag", "ocr", "upload", "elapsed_ms"].into());
    let keys: BTreeSet<&str> = summary["tag"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["success", "failed", "skipped", "calls", "retries", "fallbacks"].into());
}

#[test]
fn with_json_stdout_holds_json_alone() {
    let home = tagged_home();
    for args in [
        &["stats", "--json"][..],
        &["posts", "--json"],
        &["retry", "--json", "--dry-run"],
        &["run", "--until-idle", "--json", "--log-level", "trace"],
        &["import", "posts.jsonl", "--json"],
    ] {
        let output = home.tagdeck(args).env("RUST_LOG", "trace").output().unwrap();
        assert!(!json_lines(&text(&output.stdout)).is_empty(), "{args:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = tagged_home();
    let many: Vec<String> = (10..3000)
        .map(|n| {
            json!({"channel": "Много", "channel_id": -7, "message_id": n, "text": format!("Пост номер {n} о погоде")}).to_string()
        })
        .collect();
    home.write("many.jsonl", many.join("\n"));
    home.ok(&["import", "many.jsonl"]);
    for args in [&["posts", "--limit", "3000", "--json"][..], &["posts", "--limit", "3000"]] {
        let mut child = home.tagdeck(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{args:?}");
    }
}

#[test]
fn completions_and_manual_are_there_and_every_help_has_an_example() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.ok(&["completions", shell]);
        assert!(script.contains("regenerate") && script.contains("until-idle"), "{shell}");
    }
    let page = home.ok(&["man"]);
    assert!(page.contains(".TH") && page.contains("Exit codes") && page.contains("tagdeck demo"), "{page}");
    let subcommands =
        ["demo", "import", "run", "stats", "posts", "retry", "regenerate", "explain", "migrate", "config", "completions", "man"];
    for command in subcommands {
        let help = home.ok(&[command, "--help"]);
        assert!(help.contains("Example") && help.contains(&format!("tagdeck {command}")), "{command}: {help}");
    }
    assert!(home.ok(&["--help"]).contains("Exit codes: 0 done"));
    assert!(home.ok(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
    for wrong in
        [&["nonsense"][..], &["stats", "--nonsense"], &["regenerate"], &["regenerate", "x"], &["run", "--concurrency", "0"]]
    {
        assert_eq!(code(&home, wrong).0, Some(2), "{wrong:?}");
    }
}

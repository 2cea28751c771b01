//! Keys that lie, act or lead elsewhere: shown safely by `outputs` and the dashboard, downloaded inside the chosen folder only.
//! The server is a bucket that holds exactly them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/deck.rs"]
mod deck;
#[path = "support/escapes.rs"]
mod escapes;
#[path = "support/generated_bucket.rs"]
mod generated_bucket;
#[path = "support/program.rs"]
mod program;

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use deck::Deck;
use escapes::{Kind, offence};
use generated_bucket::{GeneratedBucket, content};
use program::{Home, json_lines, text};

fn keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "../../etc/cron.d/x",
        "..",
        "a/../../b/..",
        "/etc/passwd",
        "//double//slash.md",
        "clear\u{1b}[2J\u{1b}]0;owned\u{7}.md",
        "copy\u{1b}]52;c;cm0gLXJmIC8=\u{7}.md",
        "line\nbreak\r\n.md",
        "nul\u{1}\u{7f}.md",
        "c1\u{9b}2J\u{9d}.md",
        "photo\u{202e}gpj.exe",
        "emoji 👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}.md",
        "чек из магазина.md",
        "漢字かな交じり文.json",
        ".ssh/authorized_keys",
        "-rf",
        "~",
        "$(touch pwned);`id`.md",
        "a<b>&\"c'.md",
        "percent%2e%2e%2f.md",
        "plus+and space.md",
    ]
    .map(str::to_owned)
    .to_vec();
    keys.push("x".repeat(1021) + ".md");
    keys.push("я".repeat(512));
    keys
}

fn bucket() -> GeneratedBucket {
    let keys = keys();
    assert!(keys.iter().any(|key| key.len() == 1024));
    GeneratedBucket::of(&keys.iter().map(String::as_str).collect::<Vec<_>>())
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn commands_show_them_safely_and_lose_none() {
    let (bucket, home) = (bucket(), Home::new());
    home.write("config.toml", bucket.toml());
    let listed = json_lines(&home.ok(&["outputs", "ls", "--flat", "--json", "--limit", "1000"]));
    let mut listed: Vec<String> = listed.iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect();
    let mut expected = keys();
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    for args in [
        &["outputs", "ls", "--limit", "1000"][..],
        &["outputs", "ls", "--flat", "--limit", "1000"],
        &["outputs", "ls", "--flat", "--limit", "1000", "--json"],
        &["outputs", "ls", "--newest", "--limit", "1000"],
        &["outputs", "ls", "a\u{1b}[2J"],
        &["outputs", "cat", "no\u{1b}[2Jne"],
        &["outputs", "rm", "no\u{1b}[2Jne", "--yes"],
        &["outputs", "rm", "no\u{1b}[2Jne"],
        &["outputs", "get", "no\u{1b}[2Jne", "--json"],
        &["outputs", "verify"],
    ] {
        let output = home.run(args);
        for bytes in [&output.stdout, &output.stderr] {
            assert_eq!(offence(bytes, Kind::Plain), None, "{args:?}: {}", text(bytes));
        }
    }
}

#[test]
fn downloads_stay_inside_the_chosen_folder_whole_and_apart() {
    let (bucket, home) = (bucket(), Home::new());
    home.write("config.toml", bucket.toml());
    let keys = keys();
    let mut args = vec!["outputs", "get", "--json", "--out", "deep/er/down", "--"];
    args.extend(keys.iter().map(String::as_str));
    let before = files(home.path()).len();
    let output = home.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    let saved = json_lines(&text(&output.stdout));
    assert_eq!(saved.len(), keys.len());
    let down = home.path().join("deep/er/down");
    for (line, key) in saved.iter().zip(&keys) {
        let file = home.path().join(line["file"].as_str().unwrap());
        assert_eq!(file.parent().unwrap(), down, "{key:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), content(key), "{key:?}");
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(!name.starts_with(['.', '-']) && !name.chars().any(char::is_control), "{name:?}");
        assert_eq!(line["key"], **key);
    }
    assert_eq!(files(home.path()).len() - before, keys.len(), "a file each, and nothing anywhere else");
}

#[test]
fn cat_gives_the_bytes_to_a_pipe_as_they_are() {
    let (bucket, home) = (bucket(), Home::new());
    home.write("config.toml", bucket.toml());
    for key in keys() {
        let output = home.run(&["outputs", "cat", "--", &key]);
        assert_eq!(text(&output.stdout), content(&key), "{key:?}: {}", text(&output.stderr));
    }
}

#[test]
fn on_a_terminal_nothing_of_them_acts() {
    let (bucket, home) = (bucket(), Home::new());
    home.write("config.toml", bucket.toml());
    home.ok(&["migrate"]);
    for key in ["clear\u{1b}[2J\u{1b}]0;owned\u{7}.md", "photo\u{202e}gpj.exe", "c1\u{9b}2J\u{9d}.md"] {
        let mut deck = Deck::open(&home.tagdeck(&["outputs", "cat", "--", key]), (120, 36));
        deck.ended(Duration::from_secs(20));
        let shown: Vec<u8> = deck.seen.iter().copied().filter(|byte| *byte != b'\r').collect();
        assert_eq!(offence(&shown, Kind::Plain), None, "{key:?}");
    }
    let mut deck = Deck::open(&home.tagdeck(&["--observe"]), (120, 40));
    deck.press_for("5", "folders");
    deck.press_for("ss", "all by name");
    deck.shows(" of 23");
    for _ in 0..keys().len() {
        let line = deck.line(2);
        deck.press("\u{1b}[B");
        deck.until("the next one", |screen| screen.lines().nth(2).unwrap_or_default() != line || screen.contains("23 of 23"));
        deck.press_for("\r", "Esc");
        deck.press("\u{1b}");
        deck.hides("Esc");
    }
    deck.shows("23 of 23");
    // A frame may have come in part.
    while deck.listen(Duration::from_millis(200)) > 0 {}
    assert_eq!(offence(&deck.seen, Kind::Dashboard), None);

    // Only copying sends more than a frame: one OSC 52, and what it holds is the key with what acts in it written as %XX.
    deck.press("\u{1b}[H");
    deck.shows("1 of 23");
    deck.press_for("/", "what names hold");
    deck.press_for("[2J", "[2J");
    deck.press_for("\r", "1 of 1");
    let before = deck.seen.len();
    deck.press_for("y", "Copied");
    let sent = String::from_utf8_lossy(&deck.seen[before..]).into_owned();
    let copied = sent.split("\u{1b}]52;c;").nth(1).and_then(|rest| rest.split('\u{7}').next()).expect("no OSC 52");
    let copied = base64::engine::general_purpose::STANDARD.decode(copied).unwrap();
    assert_eq!(text(&copied), "clear%1B[2J%1B]0;owned%07.md");
    deck.press("q");
    assert!(deck.ended(Duration::from_secs(8)).success());
}

//! No byte of a post, of a model's answer, of an error or of a file's name acts on the terminal: checked on the raw output
//! of the real program, byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "support/deck.rs"]
mod deck;
#[path = "support/escapes.rs"]
mod escapes;
#[path = "support/program.rs"]
mod program;
#[path = "support/unlisted.rs"]
mod unlisted;

use std::time::Duration;

use deck::{Deck, PATIENCE};
use escapes::{Kind, offence};
use program::Home;
use tagdeck::text::grouped;
use unlisted::Unlisted;

const OWN: &str = include_str!("support/hostile_posts.jsonl");
const OTHERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/posts/nasty_open.jsonl");

/// A file name that would set the terminal's title.
const FILE: &str = "posts \u{1b}]0;owned\u{7}\u{202e}.jsonl";

fn harmless(output: &[u8], kind: Kind, what: &str) {
    if let Some(offence) = offence(output, kind) {
        panic!("{what}: {offence}");
    }
}

/// The hostile posts: those of this project, and those others broke on where they are at hand.
fn posts() -> String {
    if let Ok(others) = std::fs::read_to_string(OTHERS) {
        return format!("{OWN}{others}");
    }
    println!("not here, so only the project's own hostile posts were checked: {OTHERS}");
    OWN.to_owned()
}

/// Settings with a model that quotes escape sequences in its errors, and one that gives every post up.
fn in_one_pass(server: &Unlisted) -> String {
    let settings = server.settings(&["fault/hostile_error", "fault/unprocessable_422"]);
    settings.replace("[tagging]\n", "[tagging]\nmax_attempts = 1\n")
}

fn command(home: &Home, args: &[&str]) -> String {
    let output = home.run(args);
    harmless(&output.stdout, Kind::Plain, &format!("stdout of {args:?}"));
    harmless(&output.stderr, Kind::Plain, &format!("stderr of {args:?}"));
    format!("{}{}", program::text(&output.stdout), program::text(&output.stderr))
}

#[test]
fn the_check_itself_finds_what_acts() {
    let acts = ["\u{1b}[2J", "\u{9b}2J", "\u{1b}]0;x\u{7}", "\u{202e}", "\u{8}", "\u{7f}", "a\u{200d}", "\u{85}", "\t"];
    for text in acts {
        assert!(offence(text.as_bytes(), Kind::Plain).is_some(), "{text:?}");
    }
    for text in
        ["\u{1b}[6n", "\u{1b}[?1003h", "\u{1b}c", "\u{1b}]52;c;x\u{7}", "\u{1b}[?1049h\n", "\u{1b}P", "\u{1b}[5i", "\u{1b}[1A"]
    {
        assert!(offence(text.as_bytes(), Kind::Dashboard).is_some(), "{text:?}");
    }
    assert!(offence(b"\xff", Kind::Plain).is_some());
    assert_eq!(offence("\u{1b}[?1049h\u{1b}[1;2H\u{1b}[38;5;6mя\u{1b}[?1049l\r\n".as_bytes(), Kind::Dashboard), None);
}

/// Every pane, every window and every post, while the model answers with hostile errors; then the commands on the same data.
#[test]
fn hostile_posts_and_errors_are_shown_harmlessly() {
    let server = Unlisted::start(&[]);
    let home = Home::new();
    home.write(FILE, posts());
    home.write("config.toml", in_one_pass(&server));

    let mut import = Deck::open(&home.tagdeck(&["import", FILE]), (100, 30));
    assert!(import.ended(PATIENCE).success(), "{}", import.screen());
    harmless(&import.seen, Kind::Progress, "import on a terminal");

    let mut deck = Deck::open(&home.tagdeck(&[]), (120, 36));
    deck.until("every post done with", |screen| screen.contains("nothing is due") && screen.contains(" failed – "));
    deck.press_for("2", "1 of ");
    let failed = failed(&deck);
    assert!(failed >= 12, "{failed} failed of the project's own hostile posts");
    for nth in 1..=failed {
        deck.shows(&format!(" {} of ", grouped(nth)));
        deck.press("\r");
        deck.until("an open post", |screen| screen.contains("┌ Post ") && !screen.contains("Loading…"));
        if deck.screen().contains(" more ") {
            deck.press("\u{1b}[6~\u{1b}[F");
        }
        if nth % 40 == 1 {
            deck.press_for("F", "Retry with all passes given back");
            deck.press("n");
            deck.hides("Retry with all passes");
        }
        deck.press("\u{1b}");
        deck.hides("┌ Post ");
        deck.press("\u{1b}[B");
    }
    deck.press_for("?", "Keys · Failed");
    deck.press("\u{1b}");
    deck.hides("Keys · Failed");
    deck.press_for("c", "class:bad_request");
    deck.press_for("R", "have used up their passes");
    deck.press_for("3", "following");
    deck.press_for("\u{1b}[H", "standing still");
    deck.press(&"\u{1b}[6~".repeat(20));
    deck.press(&"\u{1b}[A".repeat(150));
    deck.listen(Duration::from_millis(300));
    deck.press_for("1", "Attention");
    deck.resize(60, 20);
    deck.listen(Duration::from_millis(300));
    deck.press_for("2", "class:bad_request");
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
    harmless(&deck.seen, Kind::Dashboard, "the dashboard");
    assert!(program::text(&deck.seen).contains("worker enog"), "the hostile error was shown, without what turned it around");
}

#[test]
fn the_commands_say_hostile_things_harmlessly() {
    let server = Unlisted::start(&[]);
    let home = Home::new();
    home.write(FILE, posts());
    home.write("config.toml", in_one_pass(&server));
    command(&home, &["import", FILE]);
    let run = command(&home, &["run", "--until-idle"]);
    assert!(run.contains("worker enog"), "the error is quoted, without what turned it around: {run}");
    for args in [
        &["posts", "--limit", "1000"][..],
        &["posts", "--limit", "1000", "--json"],
        &["stats"],
        &["stats", "--json"],
        &["retry", "--force", "--limit", "20"],
        &["run", "--until-idle", "--json"],
        &["retry", "--force", "--dry-run", "--json"],
        &["import", FILE, "--json"],
        &["import", "no such \u{1b}[2J file"],
        &["posts", "--status", "no such \u{1b}[2J status"],
        &["posts", "--query", "\u{1b}[2J"],
        &["--config", "no such \u{1b}[2J file", "stats"],
        &["--database", "sqlite://no such \u{1b}[2J folder/x/y.db", "stats"],
    ] {
        assert!(!command(&home, args).is_empty() || args.contains(&"--query"), "{args:?} said nothing");
    }
}

/// Posts in the list, as the pane says it: `1 of 236`.
fn failed(deck: &Deck) -> i64 {
    let line = deck.line(2);
    let of = line.split(" of ").nth(1).unwrap_or_default();
    of.split('·').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn hostile_answers_become_harmless_tags() {
    let server = Unlisted::start(&["луна", "космос"]);
    let home = Home::new();
    home.write("posts.jsonl", OWN);
    home.write("config.toml", server.settings(&["fault/hostile_answer"]));
    command(&home, &["import", "posts.jsonl"]);
    let mut deck = Deck::open(&home.tagdeck(&[]), (80, 24));
    deck.until("every post tagged", |screen| screen.contains("nothing is due") && screen.contains("луна"));
    deck.press_for("3", "following");
    deck.press_for("f", "standing still");
    deck.press_for("\r", "┌ Post ");
    deck.until("its tags", |screen| screen.contains("Tags") && !screen.contains("Loading…"));
    deck.press("\u{3}");
    assert!(deck.ended(PATIENCE).success());
    harmless(&deck.seen, Kind::Dashboard, "the dashboard");
    let listed = command(&home, &["posts", "--status", "success"]);
    assert!(listed.contains("луна"), "{listed}");
}

#[test]
fn a_recorded_hostile_response_is_explained_harmlessly() {
    let home = Home::new();
    for (name, body) in [
        ("error.json", "{\"error\":{\"message\":\"\u{1b}]52;c;eA==\u{7}\u{202e}gone\u{9b}2J\",\"code\":500}}"),
        ("html.json", "<html>\u{1b}[2J\u{9d}0;owned\u{9c}</html>"),
        ("answer.json", "{\"choices\":[{\"message\":{\"content\":\"[\\\"\\u001b[31mred\\\",\\\"\\u202etab\\\"]\"}}]}"),
    ] {
        let recorded = serde_json::json!({"http_status": 200, "headers": {"x\u{1b}[2J": "\u{1b}[2J"}, "body": body});
        home.write(name, recorded.to_string());
        let said = command(&home, &["explain", name]);
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    home.write("broken \u{1b}[2J.json", "{\u{1b}[2J");
    assert!(!command(&home, &["explain", "broken \u{1b}[2J.json"]).is_empty());
}

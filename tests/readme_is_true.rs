//! What the READMEs say is so: the screen they show, the keys, the settings, the commands, the files they name.
//! `UPDATE_README=1 cargo test --test readme_is_true` writes the generated parts anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/program.rs"]
mod program;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use program::{Home, text};
use tagdeck::domain::Outcome;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What the dashboard draws and which keys it knows, kept true by the tests beside it.
const SCREEN: &str =
    include_str!("../src/tui/pane/overview/snapshots/tagdeck__tui__pane__overview__images__tests__images_120x36.snap");
const KEYS: &str = include_str!("../src/tui/snapshots/tagdeck__tui__keymap__tests__the_keys_as_the_readme_lists_them.snap");
const RUSSIAN: &str = include_str!("../assets/locales/ru.toml");
const EXAMPLE: &str = include_str!("../config.toml.example");
/// Two lines of text, one Russian and one English.
const SCAN: &[u8] = include_bytes!("support/images/two_lines.png");

#[derive(Clone, Copy, PartialEq)]
enum Language {
    English,
    Russian,
}

const BOTH: [Language; 2] = [Language::English, Language::Russian];

impl Language {
    fn file(self) -> &'static str {
        match self {
            Self::English => "README.md",
            Self::Russian => "README.ru.md",
        }
    }

    fn readme(self) -> String {
        std::fs::read_to_string(Path::new(ROOT).join(self.file())).unwrap()
    }

    fn keys(self) -> String {
        let table = content(KEYS);
        match self {
            Self::English => table,
            Self::Russian => {
                let rows = table.lines().skip(2).map(|row| {
                    let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
                    format!("| {} | {} | {} |", cells[0], in_russian(cells[1]), in_russian(cells[2]))
                });
                let head = ["| клавиша | где | что делает |".to_owned(), "|---|---|---|".to_owned()];
                head.into_iter().chain(rows).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

fn in_russian(words: &str) -> String {
    let catalogue: toml::Table = toml::from_str(RUSSIAN).unwrap();
    let found = catalogue["words"].get(words).unwrap_or_else(|| panic!("assets/locales/ru.toml has no line for {words:?}"));
    found.as_str().unwrap().to_owned()
}

/// A snapshot without its heading.
fn content(snapshot: &str) -> String {
    snapshot.splitn(3, "---\n").nth(2).unwrap().trim_end().to_owned()
}

/// The text between a part's marks.
fn part<'a>(readme: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let from = readme.find(&open).unwrap_or_else(|| panic!("no {open}")) + open.len();
    let to = readme.find(&close).unwrap_or_else(|| panic!("no {close}"));
    &readme[from..to]
}

#[test]
fn the_generated_parts_are_what_the_program_shows() {
    for language in BOTH {
        let parts = [
            ("screenshot", format!("\n```text\n{}\n```\n", content(SCREEN))),
            ("keys", format!("\n{}\n", language.keys())),
            ("outcomes", Outcome::ALL.len().to_string()),
        ];
        let mut readme = language.readme();
        let before = readme.clone();
        for (name, wanted) in &parts {
            let is = part(&readme, name).to_owned();
            if is != *wanted {
                readme = readme.replace(&format!("<!-- {name} -->{is}<!--"), &format!("<!-- {name} -->{wanted}<!--"));
            }
        }
        if readme != before && std::env::var_os("UPDATE_README").is_some() {
            std::fs::write(Path::new(ROOT).join(language.file()), &readme).unwrap();
        } else {
            assert_eq!(readme, before, "{} is out of date: UPDATE_README=1 cargo test --test readme_is_true", language.file());
        }
    }
}

/// Commands of the shell blocks, and those named in the text.
fn commands(readme: &str) -> BTreeSet<String> {
    let mut commands = BTreeSet::new();
    let (mut shell, mut other) = (false, false);
    for line in readme.lines() {
        match line.strip_prefix("```") {
            Some("sh") => shell = true,
            Some("") => (shell, other) = (false, false),
            Some(_) => other = true,
            None if shell => {
                commands.insert(line.to_owned());
            }
            None if other => {}
            None => {
                let codes = line.split('`').skip(1).step_by(2);
                commands
                    .extend(codes.filter(|code| code.starts_with("tagdeck ") || code.starts_with("cargo ")).map(str::to_owned));
            }
        }
    }
    commands
}

const RESULT: &str = r#"{"name":"Наука","type":"public_channel","id":1234567890,"messages":[
{"id":1,"type":"message","date":"2026-11-20T10:00:00","date_unixtime":"1795168800","from":"Наука","text":"Учёные нашли ударный кратер на Луне #космос"},
{"id":2,"type":"message","date":"2026-11-20T11:00:00","date_unixtime":"1795172400","from":"Наука","text":["Телескоп снял ",{"type":"bold","text":"далёкую галактику"}]}]}"#;

#[test]
fn every_command_is_accepted_and_does_its_work() {
    for language in BOTH {
        let readme = language.readme();
        let commands = commands(&readme);
        let home = Home::new();
        home.write("result.json", RESULT);
        home.write("scan.png", SCAN);
        std::fs::create_dir(home.path().join("scans")).unwrap();
        home.write("scans/scan.png", SCAN);
        // In the order of a newcomer's five minutes; what needs a terminal, a server or a network is only parsed.
        let offline = [
            "tagdeck config check",
            "tagdeck config example",
            "tagdeck config show",
            "tagdeck migrate --dry-run",
            "tagdeck migrate",
            "tagdeck import result.json",
            "tagdeck ocr scan.png",
            "tagdeck ocr scan.png --format json",
            "tagdeck ocr scans --out texts",
            "tagdeck run --until-idle --json",
            "tagdeck retry --dry-run",
            "tagdeck retry --class server_error --force",
            "tagdeck stats --json",
            "tagdeck posts --status success --limit 10 --json",
            "tagdeck gpu status",
            "tagdeck models ls",
        ];
        for command in offline {
            assert!(commands.contains(command), "{} does not name {command:?}: {commands:?}", language.file());
            let args: Vec<&str> = command.split(' ').skip(1).collect();
            let said = home.ok(&args);
            assert_eq!(said.is_empty(), command.contains(" --out "), "{command} said: {said}");
        }
        assert!(std::fs::read_to_string(home.path().join("texts/scan.md")).unwrap().contains("quick brown fox"));
        let listed = program::json_lines(&home.ok(&["posts", "--status", "success", "--limit", "10", "--json"]));
        assert_eq!(listed.len(), 2, "both posts of the export were tagged");
        // A disk that is nearly full is a warning.
        let doctor = home.run(&["doctor"]);
        assert!(matches!(doctor.status.code(), Some(0 | 3)), "{}{}", text(&doctor.stdout), text(&doctor.stderr));
        for command in commands.iter().filter(|command| !offline.contains(&command.as_str())) {
            let words: Vec<&str> = command.split(' ').collect();
            let args = match words.as_slice() {
                ["tagdeck", args @ ..] | ["cargo", "run", "--release", "--", args @ ..] => args,
                // What is sent to a server has a test of its own.
                ["cargo", "test"] | ["cargo", "install", "--path", "."] | ["export", _] | ["curl", ..] => continue,
                _ => panic!("{}: what is {command:?}?", language.file()),
            };
            // Help is printed only when everything before it was understood.
            let output = home.run(&[args, &["--help"]].concat());
            assert!(output.status.success(), "{command}: {}", text(&output.stderr));
        }
    }
}

#[test]
fn the_demo_it_begins_with_runs() {
    for language in BOTH {
        assert!(commands(&language.readme()).contains("cargo run --release -- demo"), "{}", language.file());
        let posts = tagdeck::demo::posts().unwrap().len();
        assert!(language.readme().contains(&format!(" {posts} ")), "{} does not say {posts} posts", language.file());
    }
    let home = Home::new();
    home.ok(&["demo", "--headless"]);
}

#[test]
fn the_settings_exist_and_have_the_defaults_it_says() {
    let example: toml::Table = toml::from_str(EXAMPLE).unwrap();
    let source = |file: &str| std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
    let sections = std::fs::read_dir(Path::new(ROOT).join("src/config/file")).unwrap();
    let config = sections
        .map(|section| std::fs::read_to_string(section.unwrap().path()).unwrap())
        .fold(source("src/config/file.rs"), |all, section| all + &section);
    for language in BOTH {
        let readme = language.readme();
        let rows: Vec<Vec<&str>> = readme
            .lines()
            .skip_while(|line| !line.starts_with("| ") || !line.contains("`config.toml`"))
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        assert!(rows.len() >= 10, "{}: {rows:?}", language.file());
        for row in rows {
            let key = row[0].trim_matches('`');
            let value = lookup(&example, key).unwrap_or_else(|| panic!("{}: config.toml.example has no {key}", language.file()));
            for variable in row[1].split('`').skip(1).step_by(2) {
                assert!(config.contains(&format!("\"{variable}\"")), "{}: nobody reads {variable}", language.file());
            }
            // Empty in the example means: see the words beside it.
            if !matches!(value.to_string().as_str(), "\"\"" | "[]") {
                assert_eq!(row[2], format!("`{value}`"), "{}: default of {key}", language.file());
            }
        }
    }
}

fn lookup<'a>(example: &'a toml::Table, key: &str) -> Option<&'a toml::Value> {
    match key.split_once('.') {
        None => example.get(key),
        Some(("providers", key)) => example.get("providers")?.as_array()?.first()?.get(key),
        Some((table, key)) => key.split('.').try_fold(example.get(table)?, |value, key| value.get(key)),
    }
}

#[test]
fn every_line_of_curl_is_answered() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("not run: curl is not installed here");
        return;
    }
    let home = Home::new();
    home.write("result.json", RESULT);
    home.write("scan.png", SCAN);
    home.ok(&["import", "result.json"]);
    let mut server =
        home.tagdeck(&["run", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    let mut stderr = BufReader::new(server.stderr.take().unwrap());
    stderr.read_line(&mut said).unwrap();
    let address = said.trim().strip_prefix("tagdeck: listening on http://").unwrap_or_else(|| panic!("{said}")).to_owned();
    let [english, russian] = BOTH.map(|language| {
        let readme = language.readme();
        let lines = readme.lines().filter(|line| line.starts_with("curl ")).map(str::to_owned).collect::<Vec<_>>();
        assert!(lines.len() >= 7, "{}: {lines:?}", language.file());
        lines
    });
    assert_eq!(english, russian);
    for line in english {
        let line = line.replace("127.0.0.1:8010", &address);
        // In the order in which they stand: the task that is asked after was made by the line before.
        let output = Command::new("sh").args(["-c", &line]).current_dir(home.path()).output().unwrap();
        let answer = text(&output.stdout);
        assert!(output.status.success(), "{line}: {}{answer}", text(&output.stderr));
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            line.contains("return_content"),
            answer.to_string().contains("quick brown fox") && !line.contains("result"),
            "{answer}"
        );
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(server.wait().unwrap().success());
}

#[test]
fn the_files_it_names_exist() {
    for language in BOTH {
        let readme = language.readme();
        let links: Vec<&str> = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(links.len() >= 4, "{links:?}");
        for link in links.iter().filter(|link| !link.contains("://")) {
            assert!(Path::new(ROOT).join(link).exists(), "{}: there is no {link}", language.file());
        }
    }
}

#[test]
fn both_languages_say_the_same() {
    let [english, russian] = BOTH.map(Language::readme);
    assert_eq!(commands(&english), commands(&russian));
    let headings = |readme: &str| readme.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(headings(&english), headings(&russian));
    let blocks = |readme: &str| readme.split("```").skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(blocks(&english), blocks(&russian));
    let steps = |readme: &str| readme.lines().filter(|line| line.starts_with("**")).count();
    assert_eq!(steps(&english), steps(&russian));
    let rows = |readme: &str| readme.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(rows(&english), rows(&russian));
}

//! The picture at the top of lib.rs holds: a room imports only what stands below it, and the faces no driver.
//! It reads the source text; what the compiler checks is not repeated here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};

/// Room, and the rooms it may import besides itself.
const FLOORS: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("domain", &["text"]),
    ("config", &["text", "domain"]),
    ("store", &["text", "domain", "config"]),
    ("llm", &["text", "domain", "config"]),
    ("ocr", &["text", "domain", "config"]),
    ("blob", &["text", "domain", "config"]),
    ("import", &["text", "domain", "config", "store"]),
    ("engine", &["text", "domain", "config", "store", "llm", "ocr", "blob"]),
    // Beside each other on one floor; `ops` hands out the engine's log and numbers.
    ("ops", &["text", "domain", "config", "store", "llm", "ocr", "blob", "engine", "doctor"]),
    ("doctor", &["text", "domain", "config", "store", "llm", "ocr", "blob"]),
    ("tui", &["text", "domain", "config", "ops", "engine"]),
    ("api", &["text", "domain", "config", "ops", "engine"]),
    ("demo", &["text", "domain", "config", "llm", "ocr", "engine"]),
    (
        "cli",
        &["text", "domain", "config", "store", "llm", "ocr", "blob", "import", "engine", "ops", "doctor", "tui", "api", "demo"],
    ),
];

/// Crates that only these rooms may name.
const DRIVERS: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("reqwest", &["llm", "ocr", "ops"]),
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("clap", &["cli"]),
    ("ort", &["ocr"]),
    ("imageproc", &["ocr"]),
    ("axum", &["api"]),
    ("hyper_util", &["api"]),
    ("aws_config", &["blob"]),
    ("aws_sdk_s3", &["blob"]),
    ("aws_smithy_http_client", &["blob"]),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn source() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    files(&src)
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap();
            let room = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            (room, path, text)
        })
        .filter(|(room, ..)| room != "lib" && room != "main")
        .collect()
}

/// Code without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default())
}

/// Names that follow `prefix` where no longer path begins with it.
fn named_after<'a>(line: &'a str, prefix: &str) -> Vec<&'a str> {
    line.match_indices(prefix)
        .filter(|(at, _)| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$'))
        .map(|(at, _)| line[at + prefix.len()..].split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default())
        .collect()
}

#[test]
fn a_room_imports_only_what_stands_below_it() {
    let mut wrong = Vec::new();
    for (room, path, text) in source() {
        let (_, below) = FLOORS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("no floor for {room}"));
        for line in code(&text) {
            for name in named_after(line, "crate::") {
                let is_room = FLOORS.iter().any(|(other, _)| *other == name);
                if is_room && name != room && !below.contains(&name) {
                    wrong.push(format!("{}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn drivers_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for (room, path, text) in source() {
        for line in code(&text) {
            for (driver, rooms) in DRIVERS {
                let begins_a_path = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
                let named = line.match_indices(&format!("{driver}::")).any(|(at, _)| begins_a_path(at));
                if named && !rooms.contains(&room.as_str()) {
                    wrong.push(format!("{}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let without: Vec<_> =
        source().into_iter().filter(|(_, _, text)| !text.starts_with("//! ")).map(|(_, path, _)| path).collect();
    assert!(without.is_empty(), "{without:?}");
}

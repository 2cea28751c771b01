//! Reading files for the import tests: a whole file at once, and exports made up on the spot.
//! It is no test itself.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stderr, missing_docs)]

use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use jiff::tz::{TimeZone, offset};
use tagdeck::domain::NewPost;
use tagdeck::import::{FileSummary, Reading, read};

/// Moscow, whatever the machine's zone.
pub fn reading() -> Reading {
    Reading { private_chats: false, zone: TimeZone::fixed(offset(3)) }
}

pub fn read_with(path: &Path, reading: &Reading) -> (FileSummary, Vec<NewPost>) {
    let mut posts = Vec::new();
    let file = read(path, reading, &mut |slice| {
        assert!(slice.posts.len() <= 500, "a slice of {}", slice.posts.len());
        posts.extend(slice.posts);
        ControlFlow::Continue(())
    });
    assert_eq!(file.counts.posts, posts.len() as u64);
    let counts = &file.counts;
    assert_eq!(counts.read, counts.posts + counts.merged + counts.service + counts.skipped.total(), "{counts:?}");
    (file, posts)
}

pub fn read_all(path: &Path) -> (FileSummary, Vec<NewPost>) {
    read_with(path, &reading())
}

pub fn read_text(text: impl AsRef<[u8]>) -> (FileSummary, Vec<NewPost>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anything");
    std::fs::write(&path, text).unwrap();
    read_all(&path)
}

/// A fixture of this repository.
pub fn own(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/import")).join(name)
}

/// A fixture shared between checkouts, which a fresh clone does not have.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures")).join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("{name} is not there: this test checked nothing");
    None
}

/// A channel's export with these messages.
pub fn channel(messages: &[String]) -> String {
    let mut json =
        String::from("{\n \"name\": \"Канал\",\n \"type\": \"public_channel\",\n \"id\": 1032086354,\n \"messages\": [\n  ");
    json.push_str(&messages.join(",\n  "));
    json.push_str("\n ]\n}");
    json
}

/// A message with further fields, written as JSON without braces.
pub fn message(id: i64, time: i64, fields: &str) -> String {
    let mut json = format!(
        "{{\n   \"id\": {id},\n   \"type\": \"message\",\n   \"date\": \"2024-11-07T09:07:05\",\n   \"date_unixtime\": \"{time}\",\n   \"from_id\": \"channel1032086354\""
    );
    if !fields.is_empty() {
        write!(json, ",\n   {fields}").unwrap();
    }
    json.push_str("\n  }");
    json
}

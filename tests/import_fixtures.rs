//! Real and odd files from the shared fixtures come in whole, and no count is lost on the way.
//! The files are read here, not stored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/import.rs"]
mod support;

use std::collections::BTreeSet;

use support::{read_all, shared};

#[test]
fn a_channel_export_of_300_posts_is_read_whole() {
    let Some(path) = shared("telegram_export/result_habr_300.json") else { return };
    let (file, posts) = read_all(&path);
    assert_eq!(file.error, None);
    assert_eq!((file.format, file.counts.read, file.counts.service, posts.len()), (Some("telegram"), 301, 1, 300));
    assert_eq!(file.counts.media_not_included.of("not included in the export"), 22);
    assert_eq!(file.counts.images_refused.of("file missing"), 21);
    assert_eq!(file.bytes, path.metadata().unwrap().len());
    let first = &posts[0];
    assert_eq!((first.channel_telegram_id, first.message_id), (-1_001_032_086_354, 62_809));
    assert_eq!((first.channel_title.as_str(), first.posted_at), ("Хабр", Some(1_730_970_425_000)));
    assert_eq!(first.url.as_deref(), Some("https://t.me/c/1032086354/62809"));
    assert!(first.text.starts_with("«**Спасибо, Стивер!**") && first.text.contains("(https://habr.com/ru/articles/856128/"));
}

#[test]
fn texts_are_those_that_a_whole_json_parser_finds() {
    let Some(path) = shared("telegram_export/result_habr_300.json") else { return };
    let (_, posts) = read_all(&path);
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let texts: Vec<String> = whole["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["type"] == "message")
        .map(|message| message["text_entities"].as_array().unwrap().iter().map(|e| e["text"].as_str().unwrap()).collect())
        .collect();
    assert_eq!(posts.iter().map(|post| post.text.clone()).collect::<Vec<_>>(), texts);
}

#[test]
fn all_5054_posts_of_the_corpus_are_read_each_with_its_own_id() {
    let Some(path) = shared("posts/posts_ru_open.jsonl") else { return };
    let (file, posts) = read_all(&path);
    assert_eq!((file.error, file.format, file.counts.read, posts.len()), (None, Some("jsonl"), 5054, 5054));
    let ids: BTreeSet<_> = posts.iter().map(|post| (post.channel_telegram_id, post.message_id)).collect();
    assert_eq!(ids.len(), 5054);
    assert!(posts.iter().all(|post| post.posted_at.is_some() && !post.channel_title.is_empty()));
}

#[test]
fn nasty_texts_come_in_as_they_are() {
    let Some(path) = shared("posts/nasty_open.jsonl") else { return };
    let (file, posts) = read_all(&path);
    assert_eq!((&file.error, file.counts.read, file.problems.len()), (&None, 236, 0));
    assert_eq!(posts.len() as u64 + file.counts.skipped.of("no text, no image"), 236);
    let lines = std::fs::read_to_string(path).unwrap();
    let texts: BTreeSet<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].as_str().unwrap().replace('\0', "\u{fffd}"))
        .collect();
    assert!(posts.iter().all(|post| texts.contains(&post.text)));
    let ids: BTreeSet<_> = posts.iter().map(|post| (post.channel_telegram_id, post.message_id)).collect();
    assert_eq!(ids.len(), posts.len(), "hashed ids do not meet");
    println!("{file}");
}

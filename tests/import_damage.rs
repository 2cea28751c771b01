//! A damaged export gives every message before the damage, says where it is, and never panics.
//! The files are read here, not stored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/import.rs"]
mod support;

use proptest::prelude::*;
use support::{channel, message, own, read_all, read_text};

/// An export and where each of its messages ends.
fn export(count: i64) -> (String, Vec<usize>) {
    let messages: Vec<_> = (1..=count)
        .map(|id| {
            message(
                id,
                1_700_000_000 + id * 60,
                &format!("\"text\": [\"Пост «{id}» \\\"}}]\\\\\", {{\"type\": \"bold\", \"text\": \"{{[🖼\"}}]"),
            )
        })
        .collect();
    let export = channel(&messages);
    let mut from = 0;
    let ends = messages
        .iter()
        .map(|message| {
            from += export[from..].find(message.as_str()).unwrap() + message.len();
            from
        })
        .collect();
    (export, ends)
}

#[test]
fn a_cut_export_says_where_it_ends_and_what_to_do() {
    let (whole, ends) = export(30);
    let cut = &whole.as_bytes()[..ends[20] - 40];
    let (file, posts) = read_text(cut);
    assert_eq!(posts.len(), 20);
    let error = file.error.unwrap().to_string();
    let line = cut.split(|&b| b == b'\n').count();
    assert!(error.starts_with(&format!("line {line}, byte {}", tagdeck::text::grouped(cut.len() as i64))), "{error}");
    for words in ["the file ends in the middle of", "the 20 posts before it are imported", "export the chat again", "not doubled"]
    {
        assert!(error.contains(words), "{words:?} in {error}");
    }
}

#[test]
fn a_lost_quote_costs_its_message_alone() {
    let (whole, ends) = export(30);
    for (field, words) in [
        ("\"text\": [", "expected value"),
        ("\"date_unixtime\": ", "a quote is missing before line"),
        ("", "a quote is missing before line"),
    ] {
        let quote = whole[ends[9]..].find(&format!("{field}\"")).unwrap() + ends[9] + field.len();
        let mut broken = whole.clone().into_bytes();
        broken[quote] = b' ';
        let (file, posts) = read_text(&broken);
        assert_eq!((posts.len(), file.error), (29, None), "{field}");
        let problem = &file.problems[0];
        let begin = broken[..quote].windows(4).rposition(|w| w == b"\n  {").unwrap() + 3;
        assert_eq!(problem.place.byte as usize, begin);
        assert!(problem.what.contains(words), "{problem:?}");
    }
}

#[test]
fn what_follows_the_end_is_reported_and_the_posts_kept() {
    let (whole, _) = export(3);
    let (file, posts) = read_text(format!("{whole}\n\0\0\0"));
    assert_eq!(posts.len(), 3);
    assert!(file.error.unwrap().contains("something follows the end of the export"));
}

#[test]
fn messages_of_a_chat_that_is_never_described_are_counted_not_guessed() {
    let whole = std::fs::read_to_string(own("keys_last.json")).unwrap();
    let cut = whole.find("\"id\": 1032086354").unwrap();
    let (file, posts) = read_text(&whole[..cut]);
    assert!(posts.is_empty() && file.error.is_some());
    assert_eq!(file.counts.skipped.of("messages of a chat without id and name"), 1);
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_in_words() {
    let (file, _) = read_all(&own("no such file.json"));
    assert!(file.error.unwrap().contains("check the path"));
    let dir = tempfile::tempdir().unwrap();
    assert!(read_all(dir.path()).0.error.unwrap().contains("is a folder without any result*.json in it"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_cut_loses_a_complete_message(cut in 0.0..1.0f64) {
        let (whole, ends) = export(40);
        let cut = (whole.len() as f64 * cut) as usize;
        let (file, posts) = read_text(&whole.as_bytes()[..cut]);
        let complete = ends.iter().filter(|&&end| end <= cut).count();
        prop_assert_eq!(posts.len(), complete);
        prop_assert!(file.error.is_some());
    }

    #[test]
    fn no_damage_panics_or_loses_what_stands_before_it(at in 0.0..1.0f64, byte in any::<u8>(), length in 1usize..40) {
        let (whole, ends) = export(40);
        let at = ((whole.len() - 1) as f64 * at) as usize;
        let mut broken = whole.into_bytes();
        let end = (at + length).min(broken.len());
        broken[at..end].fill(byte);
        let (_, posts) = read_text(&broken);
        let before = ends.iter().filter(|&&end| end <= at).count();
        // Damage in the first lines can make another format, or no format, of the file.
        prop_assert!(posts.len() >= before || before == 0, "{} of {}", posts.len(), before);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), start in 0usize..6) {
        let starts = ["", "{", "{\"messages\":[", "id,text\n", "{\"id\":1}\n", "{\"chats\":{\"list\":[{\"messages\":[{"];
        let mut file = starts[start].as_bytes().to_vec();
        file.extend(bytes);
        read_text(file);
    }
}

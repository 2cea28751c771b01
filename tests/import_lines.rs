//! JSON Lines and CSV: a broken line costs itself, and the summary says where it stands.
//! The files are read here, not stored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/import.rs"]
mod support;

use support::{own, read_all, read_text};

#[test]
fn broken_lines_are_skipped_with_line_and_byte() {
    let path = own("broken.jsonl");
    let (file, posts) = read_all(&path);
    assert_eq!((file.error, file.format, file.counts.read), (None, Some("jsonl"), 8));
    let texts: Vec<_> = posts.iter().map(|post| post.text.as_str()).collect();
    assert_eq!(texts, ["первая", "третья", "без зоны", "не дата", "половинка \u{fffd} тут"]);
    assert_eq!(posts[1].posted_at, Some(1_733_302_828_000));
    assert_eq!(posts[2].posted_at, posts[1].posted_at, "12:00:28 in Moscow");
    assert_eq!((file.counts.local_dates, file.counts.unreadable_dates), (1, 1));
    assert_eq!((posts[4].images.len(), file.counts.images_refused.of("absolute path")), (1, 1));
    assert_eq!(file.problems.iter().map(|p| p.place.line).collect::<Vec<_>>(), [2, 5, 8]);
    let bytes = std::fs::read(path).unwrap();
    for problem in &file.problems {
        assert_eq!(bytes[problem.place.byte as usize - 1], b'\n', "each offset is the start of a line");
    }
    assert!(file.problems[2].what.contains("iconv -f windows-1251"), "{:?}", file.problems[2]);
}

#[test]
fn only_the_first_20_broken_lines_are_listed_and_all_are_counted() {
    let (file, posts) = read_text(format!("{{\"id\":1,\"text\":\"a\"}}\n{}", "{\"id\":2,\"text\":}\n".repeat(50)));
    assert_eq!((posts.len(), file.problems.len(), file.counts.skipped.of("broken record")), (1, 20, 50));
    assert!(file.to_string().contains("… and 30 more broken records"), "{file}");
}

#[test]
fn a_line_over_16_mib_is_refused_with_its_place() {
    let (file, posts) = read_text(format!(
        "{{\"id\":1,\"text\":\"a\"}}\n{{\"id\":2,\"text\":\"{}\"}}\n{{\"id\":3,\"text\":\"c\"}}",
        "x".repeat(17 << 20)
    ));
    assert_eq!((posts.len(), file.counts.skipped.of("record over 16 MiB")), (2, 1));
    assert_eq!((file.problems[0].place.line, file.problems[0].place.byte), (2, 20));
}

#[test]
fn a_table_with_semicolons_quotes_and_line_breaks_is_read() {
    let (file, posts) = read_all(&own("table.csv"));
    assert_eq!((&file.error, file.format, file.counts.read), (&None, Some("csv"), 3));
    assert_eq!(posts[0].text, "с ; и \"кавычками\"\r\nи строкой");
    assert_eq!((posts[0].message_id, posts[0].images.len()), (1, 2));
    assert_eq!((posts[1].text.as_str(), posts[1].posted_at), ("обычный", Some(1_733_302_828_000)));
    assert_eq!(file.problems.len(), 1);
    assert_eq!(file.problems[0].place.line, 4);
    assert!(file.problems[0].what.contains("6 fields, but the header has 5"), "{:?}", file.problems);
}

#[test]
fn tables_with_commas_and_tabs_are_read_alike() {
    let comma = read_text("id,channel,text\n5,к,\"слова, слова\"\n").1;
    assert_eq!(comma, read_text("id\tchannel\ttext\n5\tк\tслова, слова\n").1);
    assert_eq!(comma, read_text("{\"id\":5,\"channel\":\"к\",\"text\":\"слова, слова\"}").1);
}

#[test]
fn windows_1251_is_not_guessed_but_explained() {
    let (file, posts) = read_all(&own("table_1251.csv"));
    assert!(posts.is_empty());
    assert!(file.error.unwrap().contains("iconv -f windows-1251 -t utf-8"));
}

#[test]
fn an_unclosed_quote_cannot_eat_all_memory() {
    let (file, posts) = read_text(format!("id,text\n1,a\n2,\"never closed\n{}", "3,b\n".repeat(5 << 20)));
    assert_eq!(posts.len(), 1);
    let error = file.error.unwrap();
    assert!(error.starts_with("line 3, byte 12: a row of more than 16 MiB begins here"), "{error}");
}

#[test]
fn what_is_no_export_is_told_with_a_remedy() {
    for (text, remedy) in [
        ("", "empty"),
        ("<html>", "Machine-readable JSON"),
        ("a,b\n1,2\n", "a column `text`"),
        ("[{}]", "jq -c"),
        ("id,channel\n1,2\n", "no column is named `text`"),
    ] {
        let error = read_text(text).0.error.unwrap();
        assert!(error.contains(remedy), "{error}");
    }
}

#[test]
fn a_reader_whose_posts_nobody_takes_stops_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posts.jsonl");
    std::fs::write(&path, "{\"id\":1,\"text\":\"a\"}\n".repeat(5_000)).unwrap();
    let mut slices = 0;
    let file = tagdeck::import::read(&path, &support::reading(), &mut |_| {
        slices += 1;
        std::ops::ControlFlow::Break(())
    });
    assert!(slices <= 2 && file.counts.read <= 500, "{slices} slices, {} read", file.counts.read);
    assert!(file.error.unwrap().contains("stopped before its end"));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_once_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text, format) in [
        ("jsonl", "{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"b\"}\n".to_owned(), "jsonl"),
        (
            "telegram",
            support::channel(&[support::message(1, 1, "\"text\": \"a\""), support::message(2, 2, "\"text\": \"b\"")]),
            "telegram",
        ),
    ] {
        let pipe = dir.path().join(name);
        if !std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
            return;
        }
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::write(pipe, text).unwrap()
        });
        let (file, posts) = read_all(&pipe);
        writer.join().unwrap();
        assert_eq!((file.error, file.format, posts.len()), (None, Some(format), 2));
    }
}

//! Every trap of Telegram Desktop's exports is read the way a person would read it.
//! The files are read here, not stored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/import.rs"]
mod support;

use support::{channel, message, own, read_all, read_text, read_with, reading};
use tagdeck::domain::NewPost;

fn by_id(posts: &[NewPost], id: i64) -> &NewPost {
    posts.iter().find(|post| post.message_id == id).unwrap_or_else(|| panic!("no post {id}"))
}

fn names(post: &NewPost) -> Vec<&str> {
    post.images.iter().map(|path| path.rsplit('/').next().unwrap()).collect()
}

#[test]
fn texts_are_read_in_every_shape() {
    let (file, posts) = read_all(&own("traps.json"));
    assert_eq!(file.error, None);
    for (id, text) in [
        (2, "Просто строка"),
        (3, "Массив: жирный и ссылка (https://example.org/a) #тег"),
        (4, "Только entities https://habr.com"),
        (5, "Правленый"),
        (13, "Какой язык?\n– Rust\n– Другой"),
        (16, "Автор удалён"),
        (21, "id строкой"),
        (-999_999_939, "Из старой группы"),
    ] {
        assert_eq!(by_id(&posts, id).text, text);
    }
    assert_eq!(by_id(&posts, -999_999_939).url, None);
    assert_eq!(file.counts.edited, 1);
}

#[test]
fn a_date_without_unix_time_is_local_and_counted() {
    let (file, posts) = read_all(&own("traps.json"));
    assert_eq!(by_id(&posts, 6).posted_at, Some(1_726_913_763_000), "13:16:03 in Moscow");
    assert_eq!(file.counts.local_dates, 1);
    assert!(file.to_string().contains("dates without a zone: 1;"), "{file}");
}

#[test]
fn whatever_becomes_no_post_is_counted_with_its_reason() {
    let (file, posts) = read_all(&own("traps.json"));
    let counts = &file.counts;
    assert_eq!((counts.read, counts.service, posts.len()), (23, 1, 16));
    assert_eq!(counts.skipped.of("no text, no image"), 4, "sticker, absent audio, place, nothing at all");
    assert_eq!(counts.skipped.of("messages of unknown type `unsupported`"), 1);
    assert_eq!(counts.skipped.of("broken record"), 1, "a message without an id");
    assert_eq!(file.problems.len(), 1);
    assert_eq!(counts.media_not_included.of("not included in the export"), 1);
    assert_eq!(counts.media_not_included.of("over the export's size limit"), 1);
    assert_eq!(counts.media_not_included.of("unavailable when exported"), 1);
}

#[test]
fn images_are_found_beside_the_export_and_nowhere_else() {
    let (file, posts) = read_all(&own("traps.json"));
    assert_eq!(names(by_id(&posts, 7)), ["photo_1.png"]);
    assert_eq!(names(by_id(&posts, 8)), ["фото с пробелом.png"], "an image sent as a file");
    assert!(posts.iter().flat_map(|post| &post.images).all(|path| std::path::Path::new(path).is_absolute()));
    let refused = &file.counts.images_refused;
    assert_eq!(file.counts.images, 2);
    assert_eq!(
        (refused.of("absolute path"), refused.of("path climbs out of the export's folder"), refused.of("file missing")),
        (1, 1, 1)
    );
    assert_eq!(by_id(&posts, 18).text, "Путь наружу", "the post is kept without the image");
}

#[test]
fn an_album_is_one_post_on_the_message_with_the_text() {
    let (file, posts) = read_all(&own("albums.json"));
    assert_eq!(names(by_id(&posts, 100)), ["photo_1.png", "photo_2.png", "photo_3.png"]);
    assert_eq!(names(by_id(&posts, 111)), ["photo_1.png", "photo_2.png"], "the text stands on the second");
    assert_eq!(by_id(&posts, 111).text, "Подпись у второго");
    assert_eq!(names(by_id(&posts, 120)), ["photo_1.png", "photo_2.png"], "no text: the first");
    assert!(by_id(&posts, 181).images.is_empty(), "media left out still make an album");
    assert_eq!(file.counts.merged, 5);
}

#[test]
fn neighbours_that_are_no_album_stay_apart() {
    let (_, posts) = read_all(&own("albums.json"));
    for (one, other) in [(130, 131), (140, 141), (150, 152), (160, 161), (170, 171)] {
        by_id(&posts, one);
        by_id(&posts, other);
    }
    let eleven: Vec<_> = (1..=11)
        .map(|id| {
            message(
                id,
                1_700_000_000,
                &format!("\"photo\": \"photos/{id}.jpg\", \"text\": \"{}\"", if id % 10 == 1 { "т" } else { "" }),
            )
        })
        .collect();
    let (file, _) = read_text(channel(&eleven));
    assert_eq!((file.counts.posts, file.counts.merged), (2, 9), "Telegram's albums hold ten at most");
}

#[test]
fn a_whole_account_gives_its_channels_and_groups_with_bot_api_ids() {
    let (file, posts) = read_all(&own("whole_account.json"));
    assert_eq!(file.error, None);
    let found: Vec<_> = posts.iter().map(|p| (p.channel_telegram_id, p.message_id, p.channel_title.as_str())).collect();
    assert_eq!(
        found,
        [
            (-1_001_032_086_354, 1, "Канал"),
            (-1_001_500_000_000, 1, "Закрытый"),
            (-1_001_600_000_000, -999_999_939, "Супергруппа"),
            (-1_001_600_000_000, 5, "Супергруппа"),
            (-4_200_000, 7, "Группа"),
            (-1_001_700_000_000, 12, "Покинутый"),
        ]
    );
    assert_eq!(file.counts.skipped.of("messages of private chats in a whole-account export"), 4);
    assert_eq!(file.counts.chats, 8);
}

#[test]
fn private_chats_come_in_when_asked_for_even_without_a_name() {
    let mut asked = reading();
    asked.private_chats = true;
    let (_, posts) = read_with(&own("whole_account.json"), &asked);
    let found: Vec<_> = posts.iter().map(|p| (p.channel_telegram_id, p.channel_title.as_str())).collect();
    assert_eq!(posts.len(), 10);
    assert!(found.contains(&(777, "chat 777")) && found.contains(&(1, "Saved Messages")));
    let alone =
        r#"{"type":"saved_messages","id":1,"messages":[{"id":3,"type":"message","date":"2024-01-01T00:00:00","text":"моё"}]}"#;
    assert_eq!(read_text(alone).1.len(), 1, "one chat exported by itself is wanted");
}

#[test]
fn a_chat_described_after_its_messages_is_read_just_so() {
    let (file, posts) = read_all(&own("keys_last.json"));
    assert_eq!(file.error, None);
    assert_eq!((posts[0].channel_telegram_id, posts[0].channel_title.as_str()), (-1_001_032_086_354, "Канал"));
}

#[test]
fn one_unreadable_message_costs_itself_alone() {
    let deep = format!("\"text\": {}{}", "[".repeat(300), "]".repeat(300));
    let huge = format!("\"text\": \"{}\"", "x".repeat(17 << 20));
    let messages = [
        message(1, 1, "\"text\": \"до\""),
        message(2, 2, &deep),
        message(3, 3, &huge),
        message(4, 4, "\"text\": \"a\", \"text\": \"дважды\""),
        "null".to_owned(),
        message(6, 6, "\"text\": \"half \\ud83d\""),
        message(7, 7, "\"text\": \"NUL \\u0000 inside\""),
        message(8, 8, "\"text\": \"после\""),
    ];
    let export = channel(&messages);
    let (file, posts) = read_text(&export);
    assert_eq!(file.error, None);
    let texts: Vec<_> = posts.iter().map(|post| post.text.as_str()).collect();
    assert_eq!(texts, ["до", "half \u{fffd}", "NUL \u{fffd} inside", "после"]);
    assert_eq!((file.counts.skipped.of("broken record"), file.counts.skipped.of("record over 16 MiB")), (3, 1));
    for problem in &file.problems {
        let at = problem.place.byte as usize;
        assert!(export[at..].starts_with(['{', 'n']), "the byte offset is that of the record");
        assert_eq!(export[..at].matches('\n').count() as u64 + 1, problem.place.line);
    }
}

#[test]
fn invalid_utf8_in_one_message_is_placed_and_the_rest_read() {
    let mut export = channel(&[message(1, 1, "\"text\": \"@@@\""), message(2, 2, "\"text\": \"цело\"")]).into_bytes();
    let at = export.windows(3).position(|w| w == b"@@@").unwrap();
    export[at] = 0xcf;
    let (file, posts) = read_text(export);
    assert_eq!((posts.len(), file.error), (1, None));
    assert!(file.problems[0].what.contains("not UTF-8") && file.problems[0].what.contains("iconv"), "{:?}", file.problems);
}

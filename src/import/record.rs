//! One post as JSONL and CSV write it: which field names are understood, and what stands in for missing ones.
//! It reads no bytes; it turns fields into a post.

use std::borrow::Cow;
use std::fmt;

use jiff::tz::TimeZone;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};

use super::date;
use super::fault::Place;
use super::intake::Found;
use super::json::{Rich, Scalar, Several};
use crate::domain::NewPost;

/// What a field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    MessageId,
    Channel,
    ChannelId,
    Username,
    Date,
    Text,
    Images,
    Url,
}

/// Names by field; where a record has several of them, the one named first here wins.
const NAMES: [(Field, &[&str]); 9] = [
    (Field::Id, &["id", "post_id", "uid"]),
    (Field::MessageId, &["message_id", "telegram_message_id", "msg_id"]),
    (Field::Channel, &["channel", "channel_title", "channel_name", "chat", "chat_title"]),
    (Field::ChannelId, &["channel_id", "telegram_channel_id", "chat_id"]),
    (Field::Username, &["channel_username", "username"]),
    (Field::Date, &["date", "posted_at", "created_at", "datetime", "timestamp", "date_unixtime"]),
    (Field::Text, &["text", "message", "content", "body"]),
    (Field::Images, &["images", "image", "photos", "photo"]),
    (Field::Url, &["url", "link", "permalink"]),
];

impl Field {
    /// The field a name stands for and the name's rank among its synonyms, 0 the best.
    pub(super) fn named(name: &str) -> Option<(Self, usize)> {
        let name = name.trim().to_ascii_lowercase();
        NAMES.iter().find_map(|(field, names)| Some((*field, names.iter().position(|known| *known == name)?)))
    }
}

/// The fields of one record.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Record {
    id: Scalar,
    message_id: Scalar,
    channel: Scalar,
    channel_id: Scalar,
    username: Scalar,
    date: Scalar,
    text: String,
    images: Vec<String>,
    url: Scalar,
}

impl Record {
    /// Sets a field that holds one value.
    pub(super) fn set(&mut self, field: Field, value: Scalar) {
        match field {
            Field::Id => self.id = value,
            Field::MessageId => self.message_id = value,
            Field::Channel => self.channel = value,
            Field::ChannelId => self.channel_id = value,
            Field::Username => self.username = value,
            Field::Date => self.date = value,
            Field::Url => self.url = value,
            Field::Text => {
                self.text = match value {
                    Scalar::Text(text) => text,
                    other => other.text().map(Cow::into_owned).unwrap_or_default(),
                }
            }
            Field::Images => self.images = value.text().into_iter().map(Cow::into_owned).collect(),
        }
    }

    /// Sets the images.
    pub(super) fn set_images(&mut self, images: Vec<String>) {
        self.images = images;
    }

    /// The post. `file_stem` names the channel of records that name none.
    pub(super) fn found(self, file_stem: &str, zone: &TimeZone) -> Found {
        let username = self.username.text().or_else(|| self.channel.text().filter(|name| name.starts_with('@')));
        let username = username.map(|name| name.trim_start_matches('@').to_owned()).filter(|name| !name.is_empty());
        let title = self.channel.text().map(Cow::into_owned).or_else(|| username.clone());
        let channel_telegram_id = self.channel_id.int().or_else(|| self.channel.int()).unwrap_or_else(|| {
            let name = self.channel_id.text().or(title.as_deref().map(Cow::Borrowed));
            stable_id("channel", name.as_deref().unwrap_or(file_stem))
        });
        let channel_title = title.or_else(|| self.channel_id.text().map(Cow::into_owned)).unwrap_or_else(|| file_stem.to_owned());
        let message_id = self.message_id.int().or_else(|| self.message_id.is_none().then(|| self.id.int()).flatten());
        let message_id = message_id.unwrap_or_else(|| match self.message_id.text().or_else(|| self.id.text()) {
            Some(id) => stable_id("message", &id),
            // Without any id the words themselves are the identity: importing twice still adds nothing.
            None => stable_id("text", &format!("{}\n{}", self.date.text().unwrap_or_default(), self.text)),
        });
        let when = date::read(&self.date, zone);
        let post = NewPost {
            channel_telegram_id,
            channel_title,
            channel_username: username,
            message_id,
            posted_at: None,
            url: self.url.text().map(Cow::into_owned),
            text: self.text,
            images: self.images,
        };
        Found { post, when, edited: false, records: 1 }
    }
}

/// A lasting id for something that has only a name: 63 bits of SHA-256, the highest of them set, so that it never meets an id of Telegram's.
pub(super) fn stable_id(realm: &str, name: &str) -> i64 {
    let digest = Sha256::digest(format!("{realm}\0{name}"));
    let bits = digest.iter().take(8).fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    (bits & (i64::MAX as u64) | 1 << 62) as i64
}

/// Why a record could not be parsed, with the line of the file instead of `serde_json`'s own count from the record's start.
pub(super) fn why(error: &serde_json::Error, record: &[u8], place: Place) -> String {
    if let Err(bad) = std::str::from_utf8(record) {
        return format!(
            "not UTF-8 (byte {} of the record); convert the file first, for Windows Cyrillic: iconv -f windows-1251 -t utf-8 OLD > NEW",
            bad.valid_up_to()
        );
    }
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    let line = place.line + (error.line() as u64).saturating_sub(1);
    format!("{what} (line {line}, column {})", error.column())
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the fields of a post")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let mut record = Record::default();
        let mut ranks = [usize::MAX; NAMES.len()];
        while let Some(key) = map.next_key::<String>()? {
            let Some((field, rank)) = Field::named(&key).filter(|&(field, rank)| rank < ranks[field as usize]) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let some = match field {
                Field::Text => {
                    let Rich(text) = map.next_value()?;
                    let some = !text.is_empty();
                    if some {
                        record.text = text;
                    }
                    some
                }
                Field::Images => {
                    let Several(images) = map.next_value()?;
                    let some = !images.is_empty();
                    if some {
                        record.images = images;
                    }
                    some
                }
                _ => {
                    let value: Scalar = map.next_value()?;
                    let some = !value.is_none();
                    if some {
                        record.set(field, value);
                    }
                    some
                }
            };
            // An empty field does not stand in the way of a synonym that holds something.
            if some {
                ranks[field as usize] = rank;
            }
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::json::parse;

    fn post(json: &str) -> NewPost {
        parse::<Record>(json.as_bytes()).unwrap().found("stem", &TimeZone::UTC).post
    }

    #[test]
    fn given_ids_are_kept_and_missing_ones_are_lasting() {
        let full = post(r#"{"id":"x","channel":"Хабр","channel_id":-1001032086354,"message_id":62809,"text":"t"}"#);
        assert_eq!(
            (full.channel_telegram_id, full.message_id, full.channel_title.as_str()),
            (-1_001_032_086_354, 62_809, "Хабр")
        );
        let bare = post(r#"{"id":"blns-0","channel":"blns","text":"t"}"#);
        assert_eq!(bare.message_id, 7_801_580_571_120_282_793, "the id in people's databases must never change");
        assert_eq!(bare, post(r#"{"text":"t","channel":"blns","id":"blns-0"}"#));
        assert!(bare.channel_telegram_id > 1 << 62 && bare.message_id > 1 << 62);
        assert_ne!(bare.message_id, post(r#"{"id":"blns-1","channel":"blns","text":"t"}"#).message_id);
        assert_eq!(post(r#"{"id":"17","channel":"a","text":"t"}"#).message_id, 17);
    }

    #[test]
    fn a_record_without_ids_is_known_by_its_words() {
        let one = post(r#"{"text":"слова"}"#);
        assert_eq!(one, post(r#"{"text":"слова"}"#));
        assert_eq!(one.channel_title, "stem");
        assert_ne!(one.message_id, post(r#"{"text":"другие"}"#).message_id);
    }

    #[test]
    fn synonyms_are_understood_and_the_first_name_wins() {
        let telethon = post(
            r#"{"id":5,"chat_id":"-1001","chat":"@habr_com","message":"m","posted_at":"2024-01-01T00:00:00Z","link":"https://t.me/x/5"}"#,
        );
        assert_eq!((telethon.message_id, telethon.channel_telegram_id, telethon.text.as_str()), (5, -1001, "m"));
        assert_eq!(telethon.channel_username.as_deref(), Some("habr_com"));
        assert_eq!(telethon.url.as_deref(), Some("https://t.me/x/5"));
        assert_eq!(post(r#"{"body":"b","text":"t","content":"c"}"#).text, "t");
        assert_eq!(post(r#"{"text":null,"body":"b"}"#).text, "b");
        assert_eq!(post(r#"{"text":"a","image":"x.png"}"#).images, ["x.png"]);
        assert_eq!(post(r#"{"text":"a","photos":["x.png",null,"y.png"]}"#).images, ["x.png", "y.png"]);
    }
}

//! What one message of an export says: its text, its media, its place in a conversation.
//! It does not decide which messages form one post; that is `album`.

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::Room;
use super::album::Part;
use crate::domain::NewPost;
use crate::import::date::{self, When};
use crate::import::json::{Rich, Scalar};

/// A message with the fields that matter here; every one may be missing or of an odd type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    id: Scalar,
    #[serde(rename = "type")]
    kind: Scalar,
    date: Scalar,
    date_unixtime: Scalar,
    edited: Scalar,
    edited_unixtime: Scalar,
    from_id: Scalar,
    text: Rich,
    text_entities: Rich,
    photo: Scalar,
    file: Scalar,
    mime_type: Scalar,
    media_type: Scalar,
    poll: Option<Poll>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Poll {
    question: Rich,
    answers: Vec<Answer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    text: Rich,
}

/// What sort of message it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Somebody's words or pictures.
    Post,
    /// Something that happened: a pin, a join, a new title.
    Service,
    /// A type this program does not know.
    Unknown(String),
}

impl Message {
    /// What sort of message it is; very old exports had no `type` on ordinary ones.
    pub(super) fn kind(&self) -> Kind {
        match self.kind.text().as_deref() {
            None | Some("message") => Kind::Post,
            Some("service") => Kind::Service,
            Some(other) => Kind::Unknown(other.to_owned()),
        }
    }

    /// Why media of this message are missing, one reason for each.
    pub(super) fn not_included(&self) -> impl Iterator<Item = &'static str> {
        [&self.photo, &self.file].into_iter().filter_map(placeholder)
    }

    /// The message as part of a post; `None` without an id.
    pub(super) fn part(self, room: &Room, zone: &TimeZone) -> Option<Part> {
        let id = self.id.int()?;
        let when = match date::read(&self.date_unixtime, zone) {
            When::Missing | When::Unreadable => date::read(&self.date, zone),
            known => known,
        };
        let has_media = !self.photo.is_none() || !self.file.is_none();
        let post = NewPost {
            channel_telegram_id: room.telegram_id,
            channel_title: room.title.clone(),
            channel_username: None,
            message_id: id,
            images: self.image().into_iter().collect(),
            posted_at: None,
            url: room.link.as_ref().filter(|_| id > 0).map(|link| format!("{link}{id}")),
            text: String::new(),
        };
        let edited = !self.edited.is_none() || !self.edited_unixtime.is_none();
        let from = self.from_id.text().map(std::borrow::Cow::into_owned);
        Some(Part { when, has_media, edited, from, post: NewPost { text: self.into_text(), ..post } })
    }

    /// The image's name in the export: a photo, or an image sent as a file. Stickers and animations are no pictures of a text.
    fn image(&self) -> Option<String> {
        let mime = self.mime_type.text();
        let is_image = mime.is_some_and(|mime| mime.to_ascii_lowercase().starts_with("image/")) && self.media_type.is_none();
        let named = if self.photo.is_none() && is_image { &self.file } else { &self.photo };
        match named {
            Scalar::Text(name) if placeholder(named).is_none() && !name.trim().is_empty() => Some(name.clone()),
            _ => None,
        }
    }

    fn into_text(self) -> String {
        if !self.text.0.is_empty() {
            return self.text.0;
        }
        if !self.text_entities.0.is_empty() {
            return self.text_entities.0;
        }
        self.poll.map_or_else(String::new, |poll| {
            let mut text = poll.question.0;
            for answer in poll.answers {
                text.push_str("\n– ");
                text.push_str(&answer.text.0);
            }
            text
        })
    }
}

/// Why Telegram Desktop wrote a remark instead of a path; it never translates them.
fn placeholder(media: &Scalar) -> Option<&'static str> {
    let Scalar::Text(text) = media else { return None };
    if !(text.starts_with('(') && text.ends_with(')')) {
        return None;
    }
    Some(if text.starts_with("(File not included") {
        "not included in the export"
    } else if text.starts_with("(File exceeds maximum size") {
        "over the export's size limit"
    } else if text.starts_with("(File unavailable") {
        "unavailable when exported"
    } else {
        "left out with another remark"
    })
}

//! Joins the messages of an album into one post, because an export has no field that says they belong together.
//! It looks only at neighbours; it never reorders.

use crate::domain::NewPost;
use crate::import::date::When;
use crate::import::intake::Found;

/// Telegram sends at most ten pictures in one album.
const LARGEST: usize = 10;

/// One message on its way into a post.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) when: When,
    /// Whether it carries a photo, video or file, included or not.
    pub(super) has_media: bool,
    pub(super) edited: bool,
    /// `from_id`: who sent it.
    pub(super) from: Option<String>,
    pub(super) post: NewPost,
}

impl Part {
    fn has_text(&self) -> bool {
        !self.post.text.trim().is_empty()
    }
}

/// The messages that may still be joined by the next one.
#[derive(Debug, Default)]
pub(super) struct Album {
    parts: Vec<Part>,
}

impl Album {
    /// Takes the next message of the chat; gives back the post before it when that is complete.
    pub(super) fn add(&mut self, part: Part) -> Option<Found> {
        let finished = if self.takes(&part) { None } else { self.end() };
        self.parts.push(part);
        finished
    }

    /// The last post, once no further message can join it.
    pub(super) fn end(&mut self) -> Option<Found> {
        let mut parts = std::mem::take(&mut self.parts);
        let records = parts.len() as u64;
        // The message with the text is the one people link to, and the one the old bot stored the text under.
        let main = parts.iter().position(Part::has_text).unwrap_or(0);
        let images = parts.iter_mut().flat_map(|part| std::mem::take(&mut part.post.images)).collect();
        let edited = parts.iter().any(|part| part.edited);
        let part = parts.into_iter().nth(main)?;
        Some(Found { post: NewPost { images, ..part.post }, when: part.when, edited, records })
    }

    /// Same second, same sender, next id, media on each, text on one at most.
    fn takes(&self, next: &Part) -> bool {
        let Some(last) = self.parts.last() else { return false };
        self.parts.len() < LARGEST
            && last.has_media
            && next.has_media
            && last.when.millis().is_some()
            && last.when == next.when
            && last.from == next.from
            && last.post.message_id.checked_add(1) == Some(next.post.message_id)
            && !(next.has_text() && self.parts.iter().any(Part::has_text))
    }
}

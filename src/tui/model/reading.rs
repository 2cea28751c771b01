//! An object looked into: its beginning as lines of a width, made elsewhere and kept until the width changes.
//! It asks nobody and lays nothing out itself.

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::Origin;
use crate::ops::outputs::Preview;
use crate::text::Safe;
use crate::tui::widget::rich::{Fold, Line};

/// An object as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its whole name; foreign, and for no screen.
    pub key: String,
    /// What is known of it, or why nothing is.
    pub known: Result<Known, Safe>,
    /// The lines laid out last.
    pub laid: Laid,
    /// How it is wanted: another layout is on its way while this is not how `laid` is.
    pub want: Shape,
    /// The layout that was asked for and has not come.
    pub asked: Option<Shape>,
    /// Lines scrolled past.
    pub scroll: usize,
    /// The image, or why it is not shown.
    pub picture: Option<Shown>,
}

/// What is known of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Bytes of the whole of it.
    pub size: u64,
    /// As the store says.
    pub content_type: Safe,
    /// Its beginning.
    pub text: Arc<Text>,
    /// The image it was read from, when this database knows it.
    pub origin: Option<Origin>,
    /// False: it is longer than what was fetched.
    pub whole: bool,
}

/// A text and how it is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its language.
    pub kind: Kind,
    /// As it came, not yet `Safe`.
    pub raw: String,
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Headings, lists, tables.
    Markdown,
    /// Coloured and folded.
    Json,
    /// As it is.
    Plain,
    /// Not at all.
    Binary,
}

impl Kind {
    /// By its content first: a name may lie.
    fn of(key: &str, content_type: &str, bytes: &[u8]) -> Self {
        let ends = |ending: &str| key.to_ascii_lowercase().ends_with(ending);
        if bytes.contains(&0) || String::from_utf8_lossy(bytes).chars().filter(|c| *c == '\u{fffd}').count() * 20 > bytes.len() {
            Self::Binary
        } else if ends(".json") || content_type.starts_with("application/json") {
            Self::Json
        } else if ends(".md") || content_type.starts_with("text/markdown") {
            Self::Markdown
        } else {
            Self::Plain
        }
    }
}

impl From<Preview> for Known {
    fn from(preview: Preview) -> Self {
        let content_type = preview.content_type.unwrap_or_default();
        let kind = Kind::of(&preview.key, &content_type, &preview.bytes);
        let raw = if kind == Kind::Binary { String::new() } else { String::from_utf8_lossy(&preview.bytes).into_owned() };
        Self {
            size: preview.size,
            content_type: Safe::line(&content_type).clipped(60),
            text: Arc::new(Text { kind, raw }),
            origin: preview.origin,
            whole: preview.bytes.len() as u64 >= preview.size,
        }
    }
}

/// How lines are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Cells of a line.
    pub width: u16,
    /// What of JSON is folded away.
    pub fold: Fold,
}

/// Lines, and how they were laid out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Laid {
    /// How.
    pub shape: Shape,
    /// The lines.
    pub lines: Arc<[Line]>,
}

/// An image on cells, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Which file.
    pub path: PathBuf,
    /// Cells it may take.
    pub place: (u16, u16),
    /// What came; `None`: on its way.
    pub came: Option<Result<Cells, Safe>>,
}

/// A picture as half-blocks; clones share it.
#[derive(Clone)]
pub struct Cells(pub Arc<ratatui_image::protocol::Protocol>);

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cells").field(&self.0.size()).finish()
    }
}

impl PartialEq for Cells {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Reading {
    /// An object as it came, not laid out yet.
    pub fn new(key: String, known: Result<Known, Safe>, want: Shape) -> Self {
        Self { key, known, laid: Laid::default(), want, asked: None, scroll: 0, picture: None }
    }

    /// The layout to be asked for, if one is needed and none is on its way.
    pub fn layout_wanted(&mut self) -> Option<(Arc<Text>, Shape)> {
        let known = self.known.as_ref().ok()?;
        if self.asked.is_some() || self.laid.shape == self.want {
            return None;
        }
        self.asked = Some(self.want);
        Some((Arc::clone(&known.text), self.want))
    }

    /// Takes a layout.
    pub fn take(&mut self, laid: Laid) {
        self.asked = None;
        self.scroll = self.scroll.min(laid.lines.len().saturating_sub(1));
        self.laid = laid;
    }

    /// The image to be asked for, in a place of so many cells.
    pub fn picture_wanted(&mut self, place: (u16, u16)) -> Option<PathBuf> {
        let path = PathBuf::from(&self.known.as_ref().ok()?.origin.as_ref()?.path);
        if place.0 == 0 || place.1 == 0 || self.picture.as_ref().is_some_and(|shown| shown.place == place && shown.path == path) {
            return None;
        }
        self.picture = Some(Shown { path: path.clone(), place, came: None });
        Some(path)
    }

    /// Scrolls by lines, on a window of `height` lines.
    pub fn scroll_by(&mut self, by: isize, height: usize) {
        self.scroll = self.scroll.saturating_add_signed(by).min(self.laid.lines.len().saturating_sub(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_by_its_content_before_its_name() {
        assert_eq!(Kind::of("a.md", "", b"# \xd0\x9b"), Kind::Markdown);
        assert_eq!(Kind::of("a.MD", "", b"\x89PNG\0\x01"), Kind::Binary);
        assert_eq!(Kind::of("a", "application/json; charset=utf-8", b"{}"), Kind::Json);
        assert_eq!(Kind::of("a.txt", "text/plain", b"x"), Kind::Plain);
        assert_eq!(Kind::of("a.txt", "", b""), Kind::Plain);
        assert_eq!(Kind::of("a.md", "", &[0xff; 100]), Kind::Binary);
    }
}

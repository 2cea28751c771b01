//! What the outputs pane asks for, and how it is done: the blob store through `ops`, layouts and images on threads that may block.
//! Nothing here touches the screen; every answer comes back as a message.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::DynamicImage;
use ratatui::layout::Size;
use ratatui_image::protocol::Protocol;
use ratatui_image::protocol::halfblocks::Halfblocks;

use crate::domain::ImageId;
use crate::ops::Ops;
use crate::ops::outputs::{Outputs, Picture, Progress, Shelf};
use crate::text::Safe;
use crate::tui::locale::{t, tell};
use crate::tui::model::outputs::{self, Page, Wanted};
use crate::tui::model::reading::{Cells, Known, Laid, Shape, Text};
use crate::tui::model::verdict::Verdict;
use crate::tui::theme::Theme;
use crate::tui::widget::rich;

/// Single troubles that a window lists; their number is told in any case.
const MOST_TROUBLES: usize = 1_000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// A page of names.
    Page(Wanted),
    /// The beginning of an object.
    Look(String),
    /// A text as lines.
    Lay(String, Arc<Text>, Shape, Theme),
    /// An image on so many cells.
    Picture(String, PathBuf, (u16, u16)),
    /// What was stored of an image.
    Of(ImageId),
    /// An object into a folder.
    Save {
        /// Its whole name.
        key: String,
        /// As it was typed.
        folder: String,
    },
    /// Remove an object.
    Delete(String),
    /// A link to an object, to be copied.
    Link(String),
    /// Compare the database with the store.
    Verify(Progress),
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Told {
    /// A page of names.
    Page(Wanted, Result<Page, Safe>),
    /// An object looked into.
    Looked(String, Result<Known, Safe>),
    /// A layout of what was looked into.
    Laid(String, Laid),
    /// An image.
    Pictured(String, (u16, u16), Result<Cells, Safe>),
    /// What the outputs of an image begin with.
    Of(Result<Option<String>, Safe>),
    /// Saved, in words.
    Saved(Result<Safe, Safe>),
    /// Removed.
    Deleted(String, Result<(), Safe>),
    /// A link; `None`: this store has none.
    Link(Result<Option<String>, Safe>),
    /// How database and store compare.
    Verified(Result<Box<Verdict>, Safe>),
}

/// Does what is asked for.
pub async fn perform(ops: &Ops, wish: Wish) -> Told {
    match wish {
        Wish::Page(wanted) => {
            let page = page(ops, &wanted).await;
            Told::Page(wanted, page)
        }
        Wish::Look(key) => {
            let looked = look(ops, &key).await;
            Told::Looked(key, looked)
        }
        Wish::Lay(key, text, shape, theme) => {
            let lines = tokio::task::spawn_blocking(move || rich::lay(&text, shape, theme)).await;
            let lines =
                lines.unwrap_or_else(|_| vec![rich::Line::of(t("This text cannot be laid out: d downloads it."), theme.bad())]);
            Told::Laid(key, Laid { shape, lines: lines.into() })
        }
        Wish::Picture(key, path, place) => {
            let cells = picture(path, place).await;
            Told::Pictured(key, place, cells)
        }
        Wish::Of(image) => Told::Of(of(ops, image).await),
        Wish::Save { key, folder } => Told::Saved(save(ops, &key, &folder).await),
        Wish::Delete(key) => {
            let done = match Outputs::of(ops) {
                Ok(outputs) => outputs.remove(&key).await.map(|_| ()).map_err(|error| told(&error)),
                Err(error) => Err(told(&error)),
            };
            Told::Deleted(key, done)
        }
        Wish::Link(key) => Told::Link(link(ops, &key).await),
        Wish::Verify(progress) => Told::Verified(verify(ops, &progress).await),
    }
}

fn told(error: &dyn std::error::Error) -> Safe {
    Safe::line(&error.to_string())
}

async fn page(ops: &Ops, wanted: &Wanted) -> Result<Page, Safe> {
    let outputs = Outputs::of(ops).map_err(|error| told(&error))?;
    let listed = outputs.list(&wanted.ask).await.map_err(|error| told(&error))?;
    Ok(outputs::page(listed, &wanted.ask.prefix))
}

async fn look(ops: &Ops, key: &str) -> Result<Known, Safe> {
    let outputs = Outputs::of(ops).map_err(|error| told(&error))?;
    outputs.preview(key).await.map(Known::from).map_err(|error| told(&error))
}

/// Half-blocks: two pixels a cell, one above the other.
async fn picture(path: PathBuf, (columns, rows): (u16, u16)) -> Result<Cells, Safe> {
    let picture = Picture::open(path, u32::from(columns), 2 * u32::from(rows)).await.map_err(|error| told(&error))?;
    let (width, height) = picture.pixels.dimensions();
    let cells = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX);
    let size = Size::new(cells(width), cells(height.div_ceil(2)));
    let blocks = Halfblocks::new(DynamicImage::ImageRgb8(picture.pixels), size).map_err(|error| told(&error))?;
    Ok(Cells(Arc::new(Protocol::Halfblocks(blocks))))
}

async fn of(ops: &Ops, image: ImageId) -> Result<Option<String>, Safe> {
    let outputs = Outputs::of(ops).map_err(|error| told(&error))?;
    outputs.of_image(image).await.map_err(|error| told(&error))
}

async fn save(ops: &Ops, key: &str, folder: &str) -> Result<Safe, Safe> {
    let outputs = Outputs::of(ops).map_err(|error| told(&error))?;
    let mut shelf = Shelf::make(&at_home(folder)).map_err(|error| told(&error))?;
    let saved = shelf.save(&outputs, key).await.map_err(|error| told(&error))?;
    let file = Safe::line(&saved.file.to_string_lossy());
    Ok(if saved.was_there { tell!("{} is there already, the same.", file) } else { tell!("Saved as {}.", file) })
}

/// A folder as it was typed, `~` for the home of whoever runs this.
fn at_home(folder: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    match folder.strip_prefix('~').map(|rest| rest.strip_prefix('/').unwrap_or(rest)) {
        Some(rest) if folder == "~" || folder.starts_with("~/") => home().map_or_else(|| folder.into(), |home| home.join(rest)),
        _ => Path::new(folder).to_owned(),
    }
}

async fn link(ops: &Ops, key: &str) -> Result<Option<String>, Safe> {
    let outputs = Outputs::of(ops).map_err(|error| told(&error))?;
    outputs.link(key).await.map_err(|error| told(&error))
}

async fn verify(ops: &Ops, progress: &Progress) -> Result<Box<Verdict>, Safe> {
    let outputs = Outputs::of(ops).map_err(|error| told(&error))?;
    let mut troubles = Vec::new();
    let mut keep = |trouble| {
        if troubles.len() < MOST_TROUBLES {
            troubles.push(trouble);
        }
    };
    let verified = outputs.verify(false, progress, &mut keep).await.map_err(|error| told(&error))?;
    Ok(Box::new(Verdict::new(&verified, &troubles)))
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Color;
    use ratatui::widgets::Widget;

    use super::*;

    #[tokio::test]
    async fn an_image_becomes_coloured_half_blocks_that_fit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let red_over_blue = |_, y| if y < 200 { image::Rgb([255, 0, 0]) } else { image::Rgb([0, 0, 255]) };
        image::RgbImage::from_fn(400, 400, red_over_blue).save(&path).unwrap();
        let cells = picture(path, (30, 10)).await.unwrap();
        assert_eq!((cells.0.size().width, cells.0.size().height), (20, 10));
        let area = Rect::new(0, 0, 30, 10);
        let mut buffer = Buffer::empty(area);
        ratatui_image::Image::new(&cells.0).allow_clipping(true).render(area, &mut buffer);
        assert_eq!((buffer[(5, 0)].bg, buffer[(5, 9)].bg), (Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255)));
        assert!(buffer.content.iter().all(|cell| matches!(cell.symbol(), " " | "▀" | "▄")));
        let gone = picture(folder.path().join("gone.png"), (30, 10)).await.unwrap_err();
        assert!(gone.contains("gone.png"), "{gone}");
    }

    #[test]
    fn a_folder_may_be_given_from_home() {
        assert_eq!(at_home("~/x"), PathBuf::from(std::env::var_os("HOME").unwrap()).join("x"));
        assert_eq!(at_home("~x/y"), PathBuf::from("~x/y"));
        assert_eq!(at_home("/a"), PathBuf::from("/a"));
    }
}

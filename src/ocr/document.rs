//! What OCR made of one image, in the shape of its JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::geometry::Quad;
use crate::text::Safe;

/// Everything read from one image file, all its pages in order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// Version of this shape.
    pub schema: u32,
    /// The image's name as it was given.
    pub source: Safe,
    /// The first page.
    pub page: PageSize,
    /// All pages, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageSize>,
    /// In reading order.
    pub blocks: Vec<Block>,
    /// What read it.
    pub engine: EngineLabel,
    /// Milliseconds by stage, and `total`.
    pub timings_ms: BTreeMap<&'static str, u64>,
    /// What the reader of the document should know: a cut file, pages left out.
    pub warnings: Vec<Safe>,
}

/// A page's upright size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PageSize {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// How far the stored image (EXIF applied) was turned clockwise to stand upright, in degrees: 0, 90, 180, 270, plus the deskew.
    pub angle: f32,
}

/// What ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EngineLabel {
    /// `cpu`, `cuda` or `tensorrt`: what really ran.
    pub provider: &'static str,
    /// Why that one.
    pub reason: Safe,
    /// Model name → SHA-256.
    pub models: BTreeMap<String, String>,
}

/// A piece of the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Block {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: BlockKind,
    /// From 1; left out on single-page images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Of a heading whose reader named one, 1 to 6; otherwise the Markdown tells it by number and size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Around all of it.
    pub quad: Quad,
    /// 0 to 1: the mean of its lines, weighted by their length.
    pub confidence: f32,
    /// Its text; lines of a paragraph are joined by `\n` as printed.
    pub text: Safe,
    /// Its lines, in order.
    pub lines: Vec<Line>,
    /// With kind `table`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
}

/// Kinds of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockKind {
    /// Running text.
    Paragraph,
    /// A title.
    Heading,
    /// Items with bullets or numbers; one line of `text` an item.
    List,
    /// See `table`.
    Table,
    /// A picture.
    Figure,
}

/// One line of text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Around it, pixels of the upright page.
    pub quad: Quad,
    /// What it says.
    pub text: Safe,
    /// 0 to 1.
    pub confidence: f32,
    /// Its words, in order.
    pub words: Vec<Word>,
}

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Word {
    /// Around it.
    pub quad: Quad,
    /// Without spaces.
    pub text: Safe,
    /// 0 to 1.
    pub confidence: f32,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Rows of the grid.
    pub rows: u32,
    /// Columns of the grid.
    pub cols: u32,
    /// By row, then column; no two cover one place of the grid.
    pub cells: Vec<Cell>,
}

/// One cell of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// From 0.
    pub row: u32,
    /// From 0.
    pub col: u32,
    /// At least 1.
    pub row_span: u32,
    /// At least 1.
    pub col_span: u32,
    /// Its lines joined by `\n`.
    pub text: Safe,
}

#[cfg(test)]
mod tests;

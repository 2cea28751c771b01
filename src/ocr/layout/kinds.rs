//! Rows of one column become paragraphs, headings and lists.
//! It keeps the order it is given.

use super::block;
use super::rows::Row;
use crate::ocr::document::{Block, BlockKind, PageSize};

/// A gap this many letter heights wider than the usual one starts a new paragraph.
const PARAGRAPH_GAP: f32 = 0.5;

/// Appends the blocks of one column's rows.
pub(super) fn split(_page: PageSize, rows: Vec<Row>, out: &mut Vec<Block>) {
    let gaps: Vec<f32> = rows.windows(2).map(|pair| pair[1].rect.top - pair[0].rect.bottom).collect();
    let usual = median(gaps.clone());
    let height = median(rows.iter().map(|row| row.rect.height()).collect());
    let mut lines = Vec::new();
    let mut gaps = gaps.into_iter();
    for row in rows {
        lines.push(row.line());
        if gaps.next().is_none_or(|gap| gap > usual + PARAGRAPH_GAP * height) {
            out.push(block(BlockKind::Paragraph, std::mem::take(&mut lines), "\n"));
        }
    }
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

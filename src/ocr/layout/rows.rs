//! Visual rows: boxes that stand side by side on one line of print become one line.
//! It does not know columns; it is given the boxes of one.

use super::{around, confidence};
use crate::ocr::document::Line;
use crate::ocr::geometry::Rect;
use crate::text::Safe;

/// One visual line: its boxes from left to right.
pub(super) struct Row {
    /// Around all of them, on the levelled page.
    pub rect: Rect,
    /// Each box's rectangle on the levelled page, and what it says.
    pub items: Vec<(Rect, Line)>,
}

impl Row {
    /// Boxes of one visual line stand apart by word gaps, or lie on each other by less than a letter (a bullet and the detector's
    /// margin around the word after it: half of the bullet). More is another line.
    fn takes(&self, rect: &Rect) -> bool {
        let shared = self.rect.bottom.min(rect.bottom) - self.rect.top.max(rect.top);
        let level = shared >= 0.5 * self.rect.height().min(rect.height());
        level
            && self.items.iter().all(|(own, _)| {
                let overlap = own.right.min(rect.right) - own.left.max(rect.left);
                overlap <= (0.6 * own.width().min(rect.width())).min(own.height().min(rect.height()))
            })
    }

    /// All its boxes as one line of text.
    pub fn line(self) -> Line {
        let mut lines: Vec<Line> = self.items.into_iter().map(|(_, line)| line).collect();
        if lines.len() == 1
            && let Some(line) = lines.pop()
        {
            return line;
        }
        let quad = around(&lines);
        let confidence = confidence(&lines);
        let text = lines.iter().map(|line| &*line.text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
        Line { quad, text: Safe::line(&text), confidence, words: lines.into_iter().flat_map(|line| line.words).collect() }
    }
}

/// Rows from top to bottom, of boxes on the levelled page.
pub(super) fn rows(mut boxes: Vec<(Rect, Line)>) -> Vec<Row> {
    boxes.sort_by(|a, b| a.0.centre().y.total_cmp(&b.0.centre().y));
    let mut done = Vec::new();
    let mut open: Vec<Row> = Vec::new();
    for (rect, line) in boxes {
        let (ended, still) = open.into_iter().partition(|row: &Row| row.rect.bottom < rect.top);
        open = still;
        done.extend::<Vec<Row>>(ended);
        match open.iter_mut().rev().find(|row| row.takes(&rect)) {
            Some(row) => {
                row.rect = row.rect.join(&rect);
                row.items.push((rect, line));
            }
            None => open.push(Row { rect, items: vec![(rect, line)] }),
        }
    }
    done.extend(open);
    for row in &mut done {
        row.items.sort_by(|a, b| a.0.left.total_cmp(&b.0.left));
    }
    done.sort_by(|a, b| a.rect.centre().y.total_cmp(&b.rect.centre().y));
    done
}

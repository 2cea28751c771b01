//! The reading of images on the first pane: how many, by what, and what each reader does now.
//! Nothing of it is drawn where there is no image.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::OcrBusy;
use crate::text::Safe;
use crate::tui::locale::{count, heard, t, tell};
use crate::tui::model::Model;
use crate::tui::widget::paint::{Words, line, safe};
use crate::tui::widget::when;

/// Readers shown by a line each.
const READERS: u16 = 4;

/// Lines wanted; 0 where there is nothing to say.
pub fn height(model: &Model) -> u16 {
    let ocr = &model.snapshot.ocr;
    let none = ocr.unread() + ocr.counts.success + ocr.counts.failed + ocr.counts.skipped == 0;
    if none && ocr.trouble.is_none() { 0 } else { 1 + u16::try_from(ocr.busy.len()).unwrap_or(READERS).min(READERS) }
}

/// Draws what fits.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    counts(model).paint(buffer, line(area, 0));
    label(model).paint_right(buffer, line(area, 0));
    for (row, busy) in (1..area.height).zip(&model.snapshot.ocr.busy) {
        reader(model, busy).paint(buffer, line(area, row));
    }
}

fn counts(model: &Model) -> Words {
    let (ocr, theme) = (&model.snapshot.ocr, model.theme);
    let mut words = Words::new().word(tell!("{} to read", ocr.unread()), Style::new());
    let parts = [
        (ocr.counts.success, "read", theme.good()),
        (ocr.counts.failed, "failed", theme.bad()),
        (ocr.counts.skipped, "cancelled", theme.quiet()),
    ];
    for (count, what, style) in parts.into_iter().filter(|(count, ..)| *count > 0) {
        words = words.word("·", theme.quiet()).word(tell!("{} {}", count, t(what)), style);
    }
    if ocr.stuck_threads > 0 {
        words = words
            .word("·", theme.quiet())
            .word(count("{} thread stuck", "{} threads stuck", i64::from(ocr.stuck_threads)), theme.bad());
    }
    match &ocr.trouble {
        Some(trouble) => words.word("·", theme.quiet()).word(&*heard(trouble), theme.bad()),
        None => words,
    }
}

/// What reads, at the right edge; while something is wrong that has the line.
fn label(model: &Model) -> Words {
    match (&model.snapshot.ocr.provider, &model.snapshot.ocr.trouble) {
        (Some(provider), None) => Words::new().word(tell!("on {}", provider), model.theme.quiet()),
        _ => Words::new(),
    }
}

/// `recognise 2/3  3 s  4983  photo_1.jpg`
fn reader(model: &Model, busy: &OcrBusy) -> Words {
    let theme = model.theme;
    let seconds = (model.now - busy.since).max(0) / 1000;
    let page = if busy.page.1 > 1 { safe!("{}/{}", busy.page.0, busy.page.1) } else { safe!("") };
    let words = Words::new().word(safe!("{:<9}", &**heard(&Safe::fixed(busy.stage))), theme.accent()).word(page, theme.quiet());
    let words = words.word(when::left(seconds * 1000), Style::new());
    let words = match busy.post {
        Some(post) => words.word("·", theme.quiet()).word(safe!("{post}"), Style::new()),
        None => words.word("·", theme.quiet()),
    };
    words.word(&busy.image, theme.quiet())
}

#[cfg(test)]
mod tests {
    use crate::domain::OcrNumbers;
    use crate::text::Safe;
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::model::Model;
    use crate::tui::update::{Msg, update};

    fn reading(size: (u16, u16), trouble: Option<Safe>) -> Model {
        let mut model = fixture::reading(size);
        let ocr = OcrNumbers { trouble, ..model.snapshot.ocr.clone() };
        update(&mut model, Msg::Snapshot(Box::new(crate::domain::Snapshot { ocr, ..fixture::snapshot() })));
        model
    }

    #[test]
    fn the_reading_of_images_as_seen() {
        for (name, size) in SIZES {
            insta::assert_snapshot!(format!("images_{name}"), fixture::screen(&reading(size, None)));
        }
    }

    #[test]
    fn why_no_image_is_read_stands_beside_the_counts() {
        let why = Safe::fixed("the OCR engine cannot start: no ONNX Runtime for this platform; set ocr.onnxruntime");
        let screen = fixture::screen(&reading((120, 36), Some(why)));
        assert!(screen.contains("12 to read · 318 read · 2 failed · the OCR engine cannot start: no ONNX Runtime"), "{screen}");
    }
}

//! Which reading of each box stands: the side that reads best, a second crop where the first was unsure, nothing where nothing is written.
//! It runs no model.

use image::RgbImage;

use super::super::document::Line;
use super::super::geometry::{Point, Quad};
use super::super::line;
use super::super::recognise::{self, Reading};
use super::page::{Piece, Prepared, Side};

/// Readings below this are tried again from other crops.
const UNSURE: f32 = 0.8;
/// Readings below this are no text: a picture's texture reads as such.
const NOISE: f32 = 0.5;
/// On a page without one reading surer than this nothing is text.
const SURE: f32 = 0.75;
/// A box that only its ink proposed must read at least so well.
const MISSED: f32 = 0.85;
/// A box of marks without a letter or a digit must read so well: what is left of erased corners reads `••`, 0.6 to 0.8 sure.
const MARKS: f32 = 0.86;
/// Other crops of an unsure line: grown or shrunk across by these shares of its height, on each side.
const OTHER_CROPS: [f32; 2] = [0.12, -0.1];

/// What stands for a piece.
pub struct Settled {
    /// Corners in reading order.
    pub quad: Quad,
    /// What it says.
    pub reading: Reading,
    missed: bool,
}

/// Takes the best side of each piece. Lines that stand upright agree on theirs, unless one reads much better the other way.
pub fn sides(page: &Prepared, mut readings: Vec<Reading>) -> Vec<Settled> {
    let standing = standing(page, &readings);
    let mut settled = Vec::with_capacity(page.pieces.len());
    for piece in &page.pieces {
        let worth = |index: usize, side: Side| {
            let read = readings
                .get(piece.first + index)
                .map_or(0.0, |reading| if reading.text.is_empty() { 0.0 } else { reading.confidence });
            read + if side == standing { 0.25 } else { 0.0 } + level_bonus(piece, side)
        };
        let best = piece.looks.iter().enumerate().max_by(|(i, (a, _)), (j, (b, _))| worth(*i, *a).total_cmp(&worth(*j, *b)));
        if let Some((index, &(_, quad))) = best
            && let Some(reading) = readings.get_mut(piece.first + index)
        {
            let reading = std::mem::take(reading);
            let in_cell = is_sign(reading.text.trim()) && page.grids.iter().any(|grid| grid.bounds.holds(quad.centre()));
            settled.push(Settled { quad, reading, missed: piece.missed && !in_cell });
        }
    }
    settled
}

/// A box with all three looks is slim for a line but high for a letter: one figure, mostly.
fn level_bonus(piece: &Piece, side: Side) -> f32 {
    if side == Side::Level && piece.looks.len() > 1 { 0.4 } else { 0.0 }
}

/// The side that the page's upright lines read best from, by letters times confidence.
fn standing(page: &Prepared, readings: &[Reading]) -> Side {
    let (mut down, mut up) = (0.0, 0.0);
    for piece in &page.pieces {
        for (index, (side, _)) in piece.looks.iter().enumerate() {
            let weight =
                readings.get(piece.first + index).map_or(0.0, |reading| reading.confidence.powi(2) * reading.chars.len() as f32);
            match side {
                Side::Level => {}
                Side::Down => down += weight,
                Side::Up => up += weight,
            }
        }
    }
    if down > up { Side::Down } else { Side::Up }
}

/// The page's share of Cyrillic: second looks at a few lines cannot tell it by themselves.
pub fn cyrillic_share(settled: &[Settled]) -> f32 {
    recognise::cyrillic_share(settled.iter().map(|one| &one.reading))
}

/// Other crops of the unsure lines: the index of the line, and the quad it was cut from.
pub fn other_crops(page: &Prepared, settled: &[Settled]) -> (Vec<(usize, Quad)>, Vec<RgbImage>) {
    let unsure = settled.iter().enumerate().filter(|(_, one)| !one.missed && one.reading.confidence < UNSURE);
    let quads: Vec<(usize, Quad)> =
        unsure.flat_map(|(index, one)| OTHER_CROPS.map(|share| (index, across(&one.quad, share * one.quad.height())))).collect();
    let crops = quads.iter().map(|(_, quad)| line::crop_as_is(&page.image, quad)).collect();
    (quads, crops)
}

/// Puts better readings in place. The boxes stay: they hold the text, whatever was cut to read it.
pub fn take_better(settled: &mut [Settled], tries: &[(usize, Quad)], readings: Vec<Reading>) {
    for (&(index, _), reading) in tries.iter().zip(readings) {
        if let Some(one) = settled.get_mut(index)
            && reading.confidence > one.reading.confidence + 0.03
            && 2 * reading.chars.len() > one.reading.chars.len()
        {
            one.reading = reading;
        }
    }
}

/// The lines of the page: what reads as text.
pub fn lines(settled: Vec<Settled>) -> Vec<Line> {
    let sure = settled.iter().filter(|one| !one.missed).any(|one| one.reading.confidence >= SURE && has_letters(&one.reading));
    let kept = settled.into_iter().filter(|one| sure && stands(one));
    kept.map(|one| one.reading.line(one.quad)).collect()
}

fn stands(one: &Settled) -> bool {
    let text = one.reading.text.trim();
    let least = if one.missed {
        MISSED
    } else if has_letters(&one.reading) || is_sign(text) {
        NOISE
    } else {
        MARKS
    };
    let letters = !one.missed || text.chars().any(char::is_alphanumeric) || is_sign(text);
    !text.is_empty() && letters && one.reading.confidence >= least
}

/// What a cell may hold alone: none, yes. One stroke tells the recogniser little, so it is unsure of it.
fn is_sign(text: &str) -> bool {
    matches!(text, "-" | "–" | "—" | "−" | "+" | "%")
}

fn has_letters(reading: &Reading) -> bool {
    reading.chars.iter().any(|read| read.c.is_alphanumeric())
}

/// The quad with its upper and lower edge moved outwards.
fn across(quad: &Quad, by: f32) -> Quad {
    let [a, b, c, d] = quad.0;
    let height = quad.height().max(1.0);
    let step = Point::new((d.x - a.x + c.x - b.x) / 2.0 / height * by, (d.y - a.y + c.y - b.y) / 2.0 / height * by);
    let moved = |point: Point, sign: f32| Point::new(point.x + sign * step.x, point.y + sign * step.y);
    Quad([moved(a, -1.0), moved(b, -1.0), moved(c, 1.0), moved(d, 1.0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::geometry::Rect;
    use crate::ocr::recognise::ReadChar;

    fn reading(text: &str, confidence: f32) -> Reading {
        let chars = text.chars().map(|c| ReadChar { c, at: 0.5, confidence }).collect();
        Reading { text: text.to_owned(), confidence, chars }
    }

    fn piece(first: usize, sides: &[Side]) -> Piece {
        Piece { looks: sides.iter().map(|&side| (side, Quad::default())).collect(), first, missed: false }
    }

    fn page(pieces: Vec<Piece>) -> Prepared {
        Prepared {
            number: 1,
            size: crate::ocr::document::PageSize::default(),
            shrink: 1.0,
            image: RgbImage::new(1, 1),
            grids: Vec::new(),
            rulings: crate::ocr::rules::Rulings::default(),
            pieces,
            crops: Vec::new(),
        }
    }

    #[test]
    fn upright_lines_agree_on_their_side() {
        let page = page(vec![piece(0, &[Side::Down, Side::Up]), piece(2, &[Side::Down, Side::Up])]);
        let readings =
            vec![reading("qommQoL", 0.6), reading("Подпись и дата", 0.98), reading("910z", 0.86), reading("2016", 0.84)];
        let texts: Vec<String> = sides(&page, readings).into_iter().map(|one| one.reading.text).collect();
        assert_eq!(texts, ["Подпись и дата", "2016"]);
    }

    #[test]
    fn a_slim_figure_is_read_level() {
        let page = page(vec![piece(0, &[Side::Level, Side::Down, Side::Up])]);
        assert_eq!(sides(&page, vec![reading("1", 0.9), reading("-", 0.95), reading("-", 0.95)])[0].reading.text, "1");
    }

    fn settled(text: &str, confidence: f32, missed: bool) -> Settled {
        Settled { quad: Quad::from_rect(Rect::new(0.0, 0.0, 50.0, 10.0)), reading: reading(text, confidence), missed }
    }

    #[test]
    fn a_page_without_one_sure_word_has_no_text() {
        assert!(lines(vec![settled("ll", 0.6, false), settled("oo", 0.7, false)]).is_empty());
        assert_eq!(lines(vec![settled("ll", 0.6, false), settled("Счёт", 0.99, false)]).len(), 2);
    }

    #[test]
    fn missed_ink_counts_only_when_it_reads_well() {
        let kept = lines(vec![
            settled("Итого", 0.99, false),
            settled("-", 0.95, true),
            settled("'", 0.99, true),
            settled("7", 0.6, true),
        ]);
        assert_eq!(kept.iter().map(|line| line.text.to_string()).collect::<Vec<_>>(), ["Итого", "-"]);
    }

    #[test]
    fn a_sign_alone_in_a_cell_stands_though_unsure() {
        let mut page = page(vec![Piece { missed: true, ..piece(0, &[Side::Level]) }]);
        assert!(sides(&page, vec![reading("-", 0.64)])[0].missed, "ink outside tables");
        let bounds = Rect::new(-10.0, -10.0, 10.0, 10.0);
        page.grids.push(crate::ocr::table::Grid { bounds, rows: 1, cols: 1, cells: Vec::new() });
        assert!(!sides(&page, vec![reading("-", 0.64)])[0].missed);
        assert!(sides(&page, vec![reading("r", 0.64)])[0].missed);
    }

    #[test]
    fn marks_without_letters_must_be_sure() {
        let kept = lines(vec![settled("Итого", 0.99, false), settled("••", 0.7, false), settled("—", 0.95, false)]);
        assert_eq!(kept.iter().map(|line| line.text.to_string()).collect::<Vec<_>>(), ["Итого", "—"]);
    }

    #[test]
    fn a_better_crop_replaces_the_text_and_not_the_box() {
        let mut all = vec![settled("Cчeт", 0.6, false)];
        let quad = all[0].quad;
        take_better(&mut all, &[(0, across(&quad, 2.0)), (0, quad)], vec![reading("Счёт", 0.9), reading("x", 0.99)]);
        assert_eq!((all[0].reading.text.as_str(), all[0].quad), ("Счёт", quad));
    }
}

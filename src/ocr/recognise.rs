//! What the crops of lines say: two recognisers (Russian and Latin; Latin with accents) and greedy CTC.
//! It neither finds lines nor orders them.

mod choose;
mod ctc;
mod spaces;
mod strip;

use image::RgbImage;

pub use self::choose::page_share as cyrillic_share;
use self::ctc::Charset;
use self::strip::{Cutter, ROWS, Strip};
use super::OcrError;
use super::document::{Line, Word};
use super::geometry::Quad;
use super::models::{self, Model};
use super::runtime::Net;
use super::script;
use crate::text::Safe;

/// Columns of a strip that a batch is meant for: wider strips go in smaller batches, so that a run's memory has a bound.
const USUAL_COLUMNS: usize = 1600;

/// Strips are filled up to whole steps of so many columns, and only those of one width go together: what a line reads as must not
/// depend on its neighbours, and filling costs time. Both models work in steps of 4 or 8 columns.
const WIDTH_STEP: usize = 32;

/// What one crop says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The characters of `chars`; no space at its ends, none doubled.
    pub text: String,
    /// 0 to 1: the mean over the characters but spaces; 0 without any.
    pub confidence: f32,
    /// From left to right.
    pub chars: Vec<ReadChar>,
}

/// One character of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadChar {
    /// What it is.
    pub c: char,
    /// Where its centre stands, as a share (0 to 1) of the crop's width.
    pub at: f32,
    /// 0 to 1.
    pub confidence: f32,
}

impl Reading {
    /// From its characters.
    fn new(mut chars: Vec<ReadChar>) -> Self {
        let mut gap = true;
        chars.retain(|read| !std::mem::replace(&mut gap, read.c == ' ') || read.c != ' ');
        if chars.last().is_some_and(|read| read.c == ' ') {
            chars.pop();
        }
        let seen = chars.iter().filter(|read| read.c != ' ');
        let (sum, count) = seen.fold((0.0, 0.0_f32), |(sum, count), read| (sum + read.confidence, count + 1.0));
        Self { text: chars.iter().map(|read| read.c).collect(), confidence: sum / count.max(1.0), chars }
    }

    /// Gives each word one script and the line its missing space; `page` is the page's share of Cyrillic.
    fn unify(&mut self, page: f32) {
        let mut line: Vec<char> = self.chars.iter().map(|read| read.c).collect();
        if let Some(at) = script::missing_space(&line)
            && let Some(next) = self.chars.get(at).copied()
        {
            let before = self.chars.get(at - 1).map_or(next.at, |read| read.at);
            self.chars.insert(at, ReadChar { c: ' ', at: f32::midpoint(before, next.at), ..next });
            line.insert(at, ' ');
        }
        script::unified(&mut line, page);
        for (read, c) in self.chars.iter_mut().zip(&line) {
            read.c = *c;
        }
        self.text = line.into_iter().collect();
    }

    /// The line it makes at `quad`, cut into words at the spaces.
    pub fn line(&self, quad: Quad) -> Line {
        let mut words = Vec::new();
        let mut start = 0;
        for part in self.chars.split(|read| read.c == ' ') {
            let end = start + part.len();
            if let (Some(first), Some(last)) = (part.first(), part.last()) {
                // Half a letter beyond the outer letters' centres, but never over the middle of the gap to the next word's letter.
                let half = if part.len() > 1 {
                    (last.at - first.at) / (part.len() - 1) as f32 / 2.0
                } else {
                    quad.height() / quad.width().max(1.0) / 4.0
                };
                let left = if start == 0 { first.at - half } else { self.between(start - 1, first.at - half, first.at) };
                let right = if end == self.chars.len() { last.at + half } else { self.between(end, last.at, last.at + half) };
                words.push(Word {
                    quad: quad.slice(left.max(0.0), right.min(1.0)),
                    text: Safe::line(&part.iter().map(|read| read.c).collect::<String>()),
                    confidence: part.iter().map(|read| read.confidence).sum::<f32>() / part.len() as f32,
                });
            }
            start = end + 1;
        }
        Line { quad, text: Safe::line(&self.text), confidence: self.confidence, words }
    }

    /// The place of the space at `index`, kept within two bounds.
    fn between(&self, index: usize, low: f32, high: f32) -> f32 {
        let at = self.chars.get(index).map_or(low, |read| read.at);
        at.max(low).min(high)
    }
}

/// The two recognisers.
pub struct Recogniser {
    ruslat: Reader,
    latin: Reader,
    cutter: Cutter,
    batch: usize,
}

impl Recogniser {
    /// `ruslat` and `latin` run [`Model::Ruslat`] and [`Model::Latin`]; at most `batch` lines go in one run.
    pub fn new(ruslat: Net, latin: Net, batch: usize) -> Self {
        Self {
            ruslat: Reader::new(ruslat, Model::Ruslat),
            latin: Reader::new(latin, Model::Latin),
            cutter: Cutter::new(),
            batch: batch.max(1),
        }
    }

    /// What the crops of one page say, in their order. Any sizes; an empty reading where there is no text.
    pub fn read(&mut self, crops: &[RgbImage]) -> Result<Vec<Reading>, OcrError> {
        Ok(self.read_pages(&[crops], &[None], &|_| false)?.pop().unwrap_or_default())
    }

    /// What the crops of each page say. Lines of all pages share batches; what script a page is in, which helps to choose between
    /// the recognisers, is judged page by page, unless its [`cyrillic_share`] is known from an earlier reading. `gone` is asked
    /// before each run whether a page (by its index) is wanted no more: its lines that are not read yet stay empty.
    pub fn read_pages(
        &mut self,
        pages: &[&[RgbImage]],
        known: &[Option<f32>],
        gone: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<Vec<Reading>>, OcrError> {
        let (mut strips, mut owners) = (Vec::new(), Vec::new());
        for (page, crops) in pages.iter().enumerate() {
            for crop in *crops {
                self.cutter.strips(owners.len(), crop, &mut strips)?;
                owners.push(page);
            }
        }
        let unwanted = |line: usize| owners.get(line).is_none_or(|&page| gone(page));
        let all: Vec<&Strip> = strips.iter().collect();
        let mut readings = self.ruslat.read(&all, owners.len(), self.batch, &unwanted)?;
        let shares = shares(pages, known, &readings);
        let share = |line: usize| owners.get(line).and_then(|&page| shares.get(page)).copied().unwrap_or(0.5);
        let looks = readings.iter().enumerate().map(|(line, reading)| choose::wants_second_look(reading, share(line)));
        let wanted: Vec<bool> = looks.collect();
        let again: Vec<&Strip> = strips.iter().filter(|strip| wanted.get(strip.line) == Some(&true)).collect();
        let others = if again.is_empty() { Vec::new() } else { self.latin.read(&again, owners.len(), self.batch, &unwanted)? };
        let mut others = others.into_iter();
        for (line, (reading, wanted)) in readings.iter_mut().zip(wanted).enumerate() {
            let other = others.next().filter(|_| wanted);
            match other.and_then(|other| choose::surer(reading, other, share(line))) {
                Some(other) => *reading = other,
                None => reading.unify(share(line)),
            }
        }
        for (crop, reading) in pages.iter().copied().flatten().zip(&mut readings) {
            if let Some(chars) = spaces::settled(crop, &reading.chars) {
                *reading = Reading::new(chars);
            }
        }
        let mut readings = readings.into_iter();
        Ok(pages.iter().map(|crops| readings.by_ref().take(crops.len()).collect()).collect())
    }
}

/// One recogniser.
struct Reader {
    net: Net,
    model: Model,
    charset: Option<Charset>,
    /// Input of a run, kept between runs.
    values: Vec<f32>,
}

impl Reader {
    fn new(net: Net, model: Model) -> Self {
        Self { net, model, charset: None, values: Vec::new() }
    }

    /// Reads strips and joins those of one line; `lines` readings come back. Lines that are `unwanted` when their turn comes stay empty.
    fn read(
        &mut self,
        strips: &[&Strip],
        lines: usize,
        batch: usize,
        unwanted: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<Reading>, OcrError> {
        let mut order: Vec<usize> = (0..strips.len()).collect();
        order.sort_by_key(|&index| strips.get(index).map_or(0, |strip| strip.width));
        let mut found: Vec<Vec<ReadChar>> = vec![Vec::new(); strips.len()];
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let count = fitting(rest.iter().filter_map(|&index| strips.get(index)).map(|strip| strip.width as usize), batch);
            let (now, later) = rest.split_at(count.min(rest.len()));
            rest = later;
            let now: Vec<(usize, &Strip)> = now
                .iter()
                .filter_map(|&index| Some((index, *strips.get(index)?)))
                .filter(|(_, strip)| !unwanted(strip.line))
                .collect();
            if now.is_empty() {
                continue;
            }
            let together: Vec<&Strip> = now.iter().map(|&(_, strip)| strip).collect();
            for ((index, _), chars) in now.into_iter().zip(self.run(&together)?) {
                if let Some(place) = found.get_mut(index) {
                    *place = chars;
                }
            }
        }
        let mut joined: Vec<Vec<ReadChar>> = vec![Vec::new(); lines];
        for (strip, chars) in strips.iter().zip(found) {
            if let Some(line) = joined.get_mut(strip.line) {
                if !line.is_empty() {
                    line.push(ReadChar { c: ' ', at: strip.from, confidence: 1.0 });
                }
                line.extend(chars);
            }
        }
        Ok(joined.into_iter().map(Reading::new).collect())
    }

    /// One run.
    fn run(&mut self, strips: &[&Strip]) -> Result<Vec<Vec<ReadChar>>, OcrError> {
        let stride = filled(strips.iter().map(|strip| strip.width as usize).max().unwrap_or(0));
        let size = 3 * ROWS as usize * stride;
        self.values.clear();
        self.values.resize(size * strips.len(), 0.0);
        for (strip, planes) in strips.iter().zip(self.values.chunks_exact_mut(size)) {
            strip.fill(planes, stride);
        }
        let outputs = self.net.run([strips.len(), 3, ROWS as usize, stride], &self.values)?;
        let strange = || OcrError::Run(Safe::fixed("a recogniser's output has not the shape that was expected"));
        let output = outputs.first().ok_or_else(strange)?;
        let &[_, steps, classes] = output.shape.as_slice() else { return Err(strange()) };
        if steps == 0 || classes == 0 {
            return Err(strange());
        }
        let charset = self.charset.get_or_insert_with(|| Charset::new(models::charset(self.model), classes));
        let columns = stride as f32 / steps as f32;
        let mut lines = Vec::with_capacity(strips.len());
        for (strip, rows) in strips.iter().zip(output.values.chunks_exact(steps * classes)) {
            let mut chars = Vec::new();
            let own = (strip.width as usize * steps).div_ceil(stride).min(steps);
            let scale = columns / strip.width as f32 * strip.share;
            ctc::decode(rows.get(..own * classes).unwrap_or(rows), classes, charset, strip.from, scale, &mut chars);
            lines.push(chars);
        }
        Ok(lines)
    }
}

/// Columns of a strip with its filling at the right end.
const fn filled(width: usize) -> usize {
    width.next_multiple_of(WIDTH_STEP)
}

/// How many of the strips with these widths (ascending) go in one run: at least one.
fn fitting(widths: impl Iterator<Item = usize>, batch: usize) -> usize {
    let mut widths = widths.map(filled).take(batch).peekable();
    let first = widths.peek().copied().unwrap_or(WIDTH_STEP);
    let most = (batch * USUAL_COLUMNS / first).max(1);
    widths.take(most).take_while(|&width| width == first).count().max(1)
}

/// The share of Cyrillic of each page, where it is not known already. `readings`: those of all pages, in their order.
fn shares(pages: &[&[RgbImage]], known: &[Option<f32>], readings: &[Reading]) -> Vec<f32> {
    let mut rest = readings;
    let each = pages.iter().enumerate().map(|(index, crops)| {
        let (page, others) = rest.split_at(crops.len().min(rest.len()));
        rest = others;
        known.get(index).copied().flatten().unwrap_or_else(|| cyrillic_share(page))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Rect;
    use super::*;

    fn reading(text: &str) -> Reading {
        let count = text.chars().count() as f32;
        Reading::new(
            text.chars().enumerate().map(|(i, c)| ReadChar { c, at: (i as f32 + 0.5) / count, confidence: 0.8 }).collect(),
        )
    }

    #[test]
    fn spaces_are_single_and_never_at_the_ends() {
        assert_eq!(reading("  два  слова ").text, "два слова");
        assert_eq!(reading("   "), Reading::default());
        assert!((reading("a b").confidence - 0.8).abs() < 1e-6);
    }

    #[test]
    fn words_stand_where_their_letters_stand() {
        let line = reading("abcd efghi").line(Quad::from_rect(Rect::new(100.0, 0.0, 200.0, 10.0)));
        let bounds: Vec<Rect> = line.words.iter().map(|word| word.quad.bounds()).collect();
        assert_eq!(&*line.text, "abcd efghi");
        assert!((bounds[0].left - 100.0).abs() < 0.1 && (bounds[0].right - 140.0).abs() < 0.1, "{bounds:?}");
        assert!((bounds[1].left - 150.0).abs() < 0.1 && (bounds[1].right - 200.0).abs() < 0.1, "{bounds:?}");
    }

    #[test]
    fn a_batch_holds_few_wide_strips_and_many_narrow_ones() {
        assert_eq!(fitting([100; 40].into_iter(), 16), 16);
        assert_eq!(fitting([2400; 40].into_iter(), 16), 10);
        assert_eq!(fitting([90_000; 2].into_iter(), 16), 1);
    }
}

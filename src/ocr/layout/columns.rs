//! Columns: which boxes are read before which, by gutters that several rows share.
//! It joins nothing; its regions are lists of box numbers, each region one column (or what stands above, between and below).

mod flow;

use super::Item;

/// A gutter is at least this many letter heights wide; detected boxes reach about 0.3 of a height beyond the ink on either side.
const GUTTER: f32 = 0.8;
/// A white strip across both columns of more than this many letter heights ends them.
const BREAK: f32 = 4.0;
/// Bands that may follow each other with text on one side only, before the other side goes on.
const ONE_SIDED: usize = 40;
/// Columns within columns.
const DEPTH: usize = 8;

/// Rows of boxes that overlap each other vertically: nothing stands beside them.
struct Band {
    ids: Vec<usize>,
    top: f32,
    bottom: f32,
    /// Free strips (left, right), from left to right; the first and the last reach to infinity.
    free: Vec<(f32, f32)>,
}

impl Band {
    fn inner(&self) -> &[(f32, f32)] {
        let last = self.free.len().saturating_sub(1);
        self.free.get(1..last).unwrap_or_default()
    }
}

/// Box numbers by region, in reading order; every box is in exactly one.
pub(super) fn regions(items: &[Item]) -> Vec<Vec<usize>> {
    let mut out = Vec::new();
    cut(items, (0..items.len()).collect(), DEPTH, &mut out);
    out
}

fn cut(items: &[Item], ids: Vec<usize>, depth: usize, out: &mut Vec<Vec<usize>>) {
    let height = letter_height(items, &ids);
    if depth == 0 || ids.len() < 4 {
        out.push(ids);
        return;
    }
    let bands = bands(items, &ids, GUTTER * height);
    let mut plain = Vec::new();
    let mut at = 0;
    while let Some(band) = bands.get(at) {
        let run = run(&bands, at, height).filter(|run| !(depth == DEPTH && at == 0 && run.is_under_header(&bands, height)));
        let Some(run) = run else {
            plain.extend_from_slice(&band.ids);
            at += 1;
            continue;
        };
        let sides = run.sides(items, &bands);
        if !run.flows_down(items, &bands, &sides, height) {
            // Rows to be read across: looking for a column within them would tear them apart.
            let rows = bands.get(run.first..=run.last).unwrap_or_default();
            plain.extend(rows.iter().flat_map(|band| band.ids.iter().copied()));
            at = run.last + 1;
            continue;
        }
        let run = run.widened(items, &bands, height, &mut plain);
        if !plain.is_empty() {
            out.push(std::mem::take(&mut plain));
        }
        let (left, right) = run.sides(items, &bands);
        cut(items, left, depth - 1, out);
        cut(items, right, depth - 1, out);
        at = run.last + 1;
    }
    if !plain.is_empty() {
        out.push(plain);
    }
}

/// The median height of the lines, in pixels.
fn letter_height(items: &[Item], ids: &[usize]) -> f32 {
    let mut heights: Vec<f32> = ids.iter().map(|&id| &items[id]).filter(|i| !i.is_table()).map(|i| i.rect.height()).collect();
    heights.sort_by(f32::total_cmp);
    heights.get(heights.len() / 2).copied().unwrap_or_default()
}

/// Boxes of neighbouring lines overlap by their ascenders and by the detector's margin: only their cores count.
fn core(item: &Item) -> (f32, f32) {
    let inset = if item.is_table() { 0.0 } else { 0.25 * item.rect.height() };
    (item.rect.top + inset, item.rect.bottom - inset)
}

fn bands(items: &[Item], ids: &[usize], gutter: f32) -> Vec<Band> {
    let mut by_top: Vec<(usize, (f32, f32))> = ids.iter().map(|&id| (id, core(&items[id]))).collect();
    by_top.sort_by(|a, b| a.1.0.total_cmp(&b.1.0).then(a.0.cmp(&b.0)));
    let mut out: Vec<Band> = Vec::new();
    for (id, (top, bottom)) in by_top {
        match out.last_mut() {
            Some(band) if top < band.bottom => {
                band.ids.push(id);
                band.bottom = band.bottom.max(bottom);
            }
            _ => out.push(Band { ids: vec![id], top, bottom, free: Vec::new() }),
        }
    }
    for band in &mut out {
        band.free = free(items, &band.ids, gutter);
    }
    out
}

/// The strips at least `gutter` wide that no box of the band stands in.
fn free(items: &[Item], ids: &[usize], gutter: f32) -> Vec<(f32, f32)> {
    let mut spans: Vec<(f32, f32)> = ids.iter().map(|&id| (items[id].rect.left, items[id].rect.right)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out = Vec::new();
    let mut right = f32::NEG_INFINITY;
    for span in spans {
        if span.0 - right >= gutter {
            out.push((right, span.0));
        }
        right = right.max(span.1);
    }
    out.push((right, f32::INFINITY));
    out
}

/// Bands that share a gutter.
struct Run {
    first: usize,
    last: usize,
    /// Left and right edge of the gutter.
    gutter: (f32, f32),
}

/// The longest run that starts at band `first`, which must have text on both sides of a gutter.
fn run(bands: &[Band], first: usize, height: f32) -> Option<Run> {
    let start = bands.get(first)?;
    let mut shared = start.inner().to_vec();
    let (mut last, mut best) = (first, widest(&shared)?);
    let mut before = start.bottom;
    for (at, band) in bands.iter().enumerate().skip(first + 1) {
        shared = common(&shared, &band.free, GUTTER * height);
        let Some(gutter) = widest(&shared) else { break };
        if band.top - before > BREAK * height || at - last > ONE_SIDED {
            break;
        }
        before = band.bottom;
        if band.inner().iter().any(|gap| gap.0 <= gutter.0 && gutter.1 <= gap.1) {
            last = at;
            best = gutter;
        }
    }
    Some(Run { first, last, gutter: best })
}

fn widest(gaps: &[(f32, f32)]) -> Option<(f32, f32)> {
    gaps.iter().copied().max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
}

/// What two lists of strips share, where it is at least `gutter` wide. Both lists go from left to right.
fn common(one: &[(f32, f32)], two: &[(f32, f32)], gutter: f32) -> Vec<(f32, f32)> {
    let (mut a, mut b, mut out) = (0, 0, Vec::new());
    while let (Some(x), Some(y)) = (one.get(a), two.get(b)) {
        let both = (x.0.max(y.0), x.1.min(y.1));
        if both.1 - both.0 >= gutter {
            out.push(both);
        }
        if x.1 < y.1 {
            a += 1;
        } else {
            b += 1;
        }
    }
    out
}

impl Run {
    /// The boxes to the left and to the right of the gutter.
    fn sides(&self, items: &[Item], bands: &[Band]) -> (Vec<usize>, Vec<usize>) {
        let middle = f32::midpoint(self.gutter.0, self.gutter.1);
        let all = bands.get(self.first..=self.last).unwrap_or_default().iter().flat_map(|band| band.ids.iter().copied());
        all.partition(|&id| items[id].rect.centre().x < middle)
    }

    fn flows_down(&self, items: &[Item], bands: &[Band], sides: &(Vec<usize>, Vec<usize>), height: f32) -> bool {
        let mut pieces: Vec<usize> =
            bands.get(self.first..=self.last).unwrap_or_default().iter().map(|band| band.free.len() - 1).collect();
        pieces.sort_unstable();
        let pieces = pieces.get(pieces.len() / 2).copied().unwrap_or_default();
        let boxes = |ids: &[usize]| ids.iter().map(|&id| &items[id]).collect::<Vec<_>>();
        flow::down(&boxes(&sides.0), &boxes(&sides.1), height, pieces)
    }

    /// A running header has its own left and right part, but stands apart.
    fn is_under_header(&self, bands: &[Band], height: f32) -> bool {
        let Some([head, next, rest @ ..]) = bands.get(self.first..=self.last) else { return false };
        rest.len() > 1 && head.ids.len() < 4 && next.top - head.bottom > 1.8 * height
    }

    /// With the rows right above and below that stand on one side only: columns seldom begin and end on one level.
    fn widened(mut self, items: &[Item], bands: &[Band], height: f32, plain: &mut Vec<usize>) -> Self {
        let right = |band: &Band| band.ids.iter().all(|&id| items[id].rect.left >= self.gutter.0);
        let left = |band: &Band| band.ids.iter().all(|&id| items[id].rect.right <= self.gutter.1);
        let tight = |above: usize, below: usize| {
            let ends = bands.get(above).zip(bands.get(below));
            ends.is_some_and(|(above, below)| below.top - above.bottom < 1.4 * height)
        };
        while self.first > 0 && bands.get(self.first - 1).is_some_and(right) && tight(self.first - 1, self.first) {
            let above = bands.get(self.first - 1).map_or(0, |band| band.ids.len());
            // Its boxes were the last to be put aside, unless they belong to columns that ended there.
            if plain.len() < above {
                break;
            }
            plain.truncate(plain.len() - above);
            self.first -= 1;
        }
        while bands.get(self.last + 1).is_some_and(|band| left(band) || right(band)) && tight(self.last, self.last + 1) {
            self.last += 1;
        }
        self
    }
}

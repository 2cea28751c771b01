//! Straight thin strokes of one direction in a grey page: black-hat, runs, runs linked to strokes, in integers.
//! Which of them are ruling lines is not decided here.

use super::{Band, Ruling};

/// Grey values, row-major; ink is dark.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) grey: Vec<u8>,
}

impl Plane {
    /// Columns become rows. In blocks: a naive walk down the columns of an A4 page costs four times as much.
    pub(super) fn transposed(&self) -> Self {
        const BLOCK: usize = 32;
        let mut grey = vec![0; self.grey.len()];
        for top in (0..self.height).step_by(BLOCK) {
            for left in (0..self.width).step_by(BLOCK) {
                for y in top..(top + BLOCK).min(self.height) {
                    let row = &self.grey[y * self.width..(y + 1) * self.width];
                    for x in left..(left + BLOCK).min(self.width) {
                        grey[x * self.height + y] = row[x];
                    }
                }
            }
        }
        Self { width: self.height, height: self.width, grey }
    }
}

/// Darkness against the brighter of what lies within `window` rows above and below: lines thinner than it stand out, fills and
/// stems that run across do not.
fn black_hat(plane: &Plane, window: usize) -> Vec<u8> {
    let (width, height) = (plane.width, plane.height);
    let mut closed = plane.grey.clone();
    // Running maximum by doubling: log2(window) passes over whole rows, which vectorise.
    for step in steps(window) {
        for y in 0..height.saturating_sub(step) {
            let (upper, lower) = closed.split_at_mut((y + step) * width);
            let row = &mut upper[y * width..(y + 1) * width];
            row.iter_mut().zip(&lower[..width]).for_each(|(a, &b)| *a = (*a).max(b));
        }
    }
    for step in steps(window) {
        for y in (step..height).rev() {
            let (upper, lower) = closed.split_at_mut(y * width);
            let from = &upper[(y - step) * width..(y - step + 1) * width];
            lower[..width].iter_mut().zip(from).for_each(|(a, &b)| *a = (*a).min(b));
        }
    }
    closed.iter_mut().zip(&plane.grey).for_each(|(a, &g)| *a = a.saturating_sub(g));
    closed
}

/// Shifts whose doubling covers a window.
fn steps(window: usize) -> Vec<usize> {
    let (mut covered, mut steps) = (1, Vec::new());
    while covered < window {
        let step = covered.min(window - covered);
        steps.push(step);
        covered += step;
    }
    steps
}

/// What contrast is more than noise here: from the 70th percentile of the black-hat (paper grain, JPEG).
fn threshold(hat: &[u8]) -> u8 {
    let mut histogram = [0_usize; 256];
    for &value in hat.iter().step_by(7) {
        histogram[usize::from(value)] += 1;
    }
    let wanted = histogram.iter().sum::<usize>() * 7 / 10;
    let mut seen = 0;
    for (value, count) in histogram.iter().enumerate() {
        seen += count;
        if seen > wanted {
            return (2 * value + 8).clamp(14, 48) as u8;
        }
    }
    48
}

/// A run of ink in one row.
#[derive(Clone, Copy, Debug)]
struct Run {
    row: u32,
    from: u32,
    to: u32,
}

/// Runs of at least `least` pixels, holes of one pixel allowed. (Two, and the rows of small letters become runs.)
fn runs(hat: &[u8], width: usize, threshold: u8, least: u32) -> Vec<Run> {
    let mut found = Vec::new();
    for (row, values) in hat.chunks_exact(width).enumerate() {
        let mut open: Option<(u32, u32)> = None;
        let close = |(from, end): (u32, u32)| (end + 1 - from >= least).then_some(Run { row: row as u32, from, to: end + 1 });
        for (x, _) in values.iter().enumerate().filter(|&(_, &value)| value > threshold) {
            let x = x as u32;
            open = Some(match open {
                Some((from, end)) if x - end <= 2 => (from, x),
                Some(run) => {
                    found.extend(close(run));
                    (x, x)
                }
                None => (x, x),
            });
        }
        found.extend(open.and_then(close));
    }
    found
}

/// True for a stroke that is equally dark all along and has paper on both sides. The base line of serif letters, the other
/// thing that makes long level runs, is lighter between letters and has stems on it.
fn is_line(plane: &Plane, ruling: &Ruling) -> bool {
    let spans = ruling.spans();
    let brightness = |x: usize, y: usize| plane.grey.get(y * plane.width + x).copied().map_or(255, i32::from);
    let columns: Vec<(i32, i32, i32)> = spans
        .iter()
        .enumerate()
        .map(|(offset, &(first, last))| {
            let (x, first, last) = (ruling.from as usize + offset, first as usize, last as usize);
            let line = (first..=last).map(|y| brightness(x, y)).min().unwrap_or(255);
            let above = (2..=3).map(|d| first.checked_sub(d).map_or(255, |y| brightness(x, y))).min().unwrap_or(255);
            let below = (2..=3).map(|d| brightness(x, last + d)).min().unwrap_or(255);
            (line, above, below)
        })
        .collect();
    let middle = |mut values: Vec<i32>| {
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(255)
    };
    let line = middle(columns.iter().map(|c| c.0).collect());
    let paper = middle(columns.iter().map(|c| c.1.max(c.2)).collect());
    let share =
        |test: &dyn Fn(&(i32, i32, i32)) -> bool| columns.iter().filter(|c| test(c)).count() as f32 / columns.len().max(1) as f32;
    let clear = |side: i32| side > line + (paper - line) / 2;
    let solid = share(&|c| c.0 <= line + (paper - line) * 2 / 5);
    let both = share(&|c| clear(c.1) && clear(c.2));
    let either = share(&|c| clear(c.1) || clear(c.2));
    // The second way is for double lines, which lie too close to have paper between them.
    (solid > 0.9 && both > 0.75) || (solid > 0.97 && either > 0.95)
}

/// Strokes along the rows of `plane`, thinner than `window` pixels.
pub(super) fn strokes(plane: &Plane, window: usize, least: u32) -> Vec<Ruling> {
    if plane.width < 8 || plane.height < window + 2 {
        return Vec::new();
    }
    let hat = black_hat(plane, window);
    let runs = runs(&hat, plane.width, threshold(&hat), least);
    let strokes = groups(&runs).into_iter().filter_map(|group| stroke(&group, window));
    let mut strokes: Vec<Ruling> = strokes.filter(|stroke| is_line(plane, stroke)).collect();
    join_broken(&mut strokes);
    strokes
}

/// Runs that continue or overlap each other within two rows and ten columns: a thick crossing rule leaves such a hole.
fn groups(runs: &[Run]) -> Vec<Vec<Run>> {
    let mut parent: Vec<usize> = (0..runs.len()).collect();
    let mut start = 0;
    for (index, run) in runs.iter().enumerate() {
        while runs[start].row + 2 < run.row {
            start += 1;
        }
        for (other, before) in runs[start..index].iter().enumerate() {
            if before.from <= run.to + 10 && run.from <= before.to + 10 {
                let (a, b) = (root(&mut parent, start + other), root(&mut parent, index));
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    let mut by_root: std::collections::BTreeMap<usize, Vec<Run>> = std::collections::BTreeMap::new();
    for (index, run) in runs.iter().enumerate() {
        by_root.entry(root(&mut parent, index)).or_default().push(*run);
    }
    by_root.into_values().collect()
}

/// The head of a union-find set.
pub(crate) fn root(parent: &mut [usize], mut index: usize) -> usize {
    while parent[index] != index {
        parent[index] = parent[parent[index]];
        index = parent[index];
    }
    index
}

/// One straight stroke through the runs, if they are one.
fn stroke(runs: &[Run], window: usize) -> Option<Ruling> {
    let from = runs.iter().map(|r| r.from).min()?;
    let to = runs.iter().map(|r| r.to).max()?;
    let mut ranges: Vec<(u32, u32)> = runs.iter().map(|r| (r.from, r.to)).collect();
    ranges.sort_unstable();
    let (mut covered, mut end) = (0, from);
    for &(a, b) in &ranges {
        covered += b.saturating_sub(a.max(end));
        end = end.max(b);
    }
    if covered * 10 < (to - from) * 7 {
        return None;
    }
    let area: u32 = runs.iter().map(|r| r.to - r.from).sum();
    let thickness = (area as f32 / covered as f32).max(1.0);
    // Least squares through the runs' middles, weighted by length; ends count too, so that one long run is level.
    let (mut n, mut sx, mut sy, mut sxx, mut sxy) = (0.0_f64, 0.0, 0.0, 0.0, 0.0);
    for run in runs {
        let (y, length) = (f64::from(run.row) + 0.5, f64::from(run.to - run.from));
        for x in [f64::from(run.from), f64::from(run.to)] {
            (n, sx, sy, sxx, sxy) = (n + length, sx + length * x, sy + length * y, sxx + length * x * x, sxy + length * x * y);
        }
    }
    let slope = (n * sxy - sx * sy) / (n * sxx - sx * sx).max(1e-9);
    if slope.abs() > 0.06 {
        return None;
    }
    let level = (sy - slope * sx) / n;
    let at = |x: u32| (level + slope * f64::from(x)) as f32;
    let astray = runs.iter().map(|r| (r.row as f32 + 0.5 - at(u32::midpoint(r.from, r.to))).abs()).fold(0.0, f32::max);
    if astray > window as f32 * 0.5 + 2.0 {
        return None;
    }
    let bands = runs.iter().map(|r| Band { from: r.from, to: r.to, first: r.row, last: r.row }).collect();
    Some(Ruling { from: from as f32, to: to as f32, at_from: at(from), at_to: at(to), thickness, bands })
}

/// Parts of one line with a hole of up to 30 pixels (a stamp, bad print) become one.
fn join_broken(strokes: &mut Vec<Ruling>) {
    strokes.sort_by(|a, b| a.from.total_cmp(&b.from));
    let mut index = 0;
    while index < strokes.len() {
        let follows = strokes.iter().enumerate().skip(index + 1).find(|(_, next)| {
            let this = &strokes[index];
            let hole = next.from - this.to;
            let least = (next.to - next.from).min(this.to - this.from);
            (-4.0..=30.0).contains(&hole) && hole < least && (next.at_from - this.at_to).abs() <= 2.5
        });
        if let Some((other, _)) = follows {
            let next = strokes.remove(other);
            let this = &mut strokes[index];
            (this.to, this.at_to) = (next.to.max(this.to), next.at_to);
            this.thickness = this.thickness.max(next.thickness);
            this.bands.extend(next.bands);
        } else {
            index += 1;
        }
    }
}

//! Connected components of a mask, kept as runs of pixels along the rows.
//! It does not know what they are: letters of a page or regions of a probability map.

/// Pixels side by side in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The row.
    pub y: u32,
    /// The first column.
    pub from: u32,
    /// The column after the last.
    pub to: u32,
}

/// Pixels that touch one another, corners included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// All its runs, from top to bottom.
    pub runs: Vec<Run>,
    /// Its first column.
    pub left: u32,
    /// Its first row.
    pub top: u32,
    /// The column after its last.
    pub right: u32,
    /// The row after its last.
    pub bottom: u32,
    /// How many pixels it has.
    pub area: u32,
}

impl Component {
    fn of(run: Run) -> Self {
        Self { runs: Vec::new(), left: run.from, top: run.y, right: run.to, bottom: run.y + 1, area: 0 }
    }

    fn take(&mut self, run: Run) {
        self.left = self.left.min(run.from);
        self.right = self.right.max(run.to);
        self.bottom = self.bottom.max(run.y + 1);
        self.area += run.to - run.from;
        self.runs.push(run);
    }
}

/// The components of all values of at least `threshold` in a row-major map of `width` columns, by their first row.
pub fn components(width: usize, map: &[u8], threshold: u8) -> Vec<Component> {
    let mut runs: Vec<Run> = Vec::new();
    let mut parents: Vec<usize> = Vec::new();
    let (mut above, mut above_end) = (0, 0);
    for (y, row) in map.chunks_exact(width.max(1)).enumerate() {
        let first = runs.len();
        let mut x = 0;
        while let Some(gap) = row.get(x..).and_then(|rest| rest.iter().position(|&value| value >= threshold)) {
            let from = x + gap;
            let to = row[from..].iter().position(|&value| value < threshold).map_or(row.len(), |length| from + length);
            runs.push(Run { y: y as u32, from: from as u32, to: to as u32 });
            parents.push(parents.len());
            x = to;
        }
        join_rows(&runs, &mut parents, above..above_end, first..runs.len());
        (above, above_end) = (first, runs.len());
    }
    gather(&runs, &mut parents)
}

fn join_rows(runs: &[Run], parents: &mut [usize], above: std::ops::Range<usize>, here: std::ops::Range<usize>) {
    let mut upper = above.start;
    for lower in here {
        while upper < above.end && runs[upper].to < runs[lower].from {
            upper += 1;
        }
        let mut touching = upper;
        while touching < above.end && runs[touching].from <= runs[lower].to {
            let (a, b) = (root(parents, touching), root(parents, lower));
            parents[a.max(b)] = a.min(b);
            touching += 1;
        }
    }
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

fn gather(runs: &[Run], parents: &mut [usize]) -> Vec<Component> {
    let mut places = vec![usize::MAX; runs.len()];
    let mut found: Vec<Component> = Vec::new();
    for (index, &run) in runs.iter().enumerate() {
        let root = root(parents, index);
        if places[root] == usize::MAX {
            places[root] = found.len();
            found.push(Component::of(run));
        }
        found[places[root]].take(run);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_that_meet_further_down_are_one_component() {
        let map = [
            1, 0, 0, 0, 1, 0, 1, //
            1, 0, 0, 1, 0, 0, 1, //
            0, 1, 1, 0, 0, 0, 1,
        ];
        let found = components(7, &map, 1);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].left, found[0].right, found[0].bottom, found[0].area), (0, 5, 3, 6));
        assert_eq!((found[1].left, found[1].area), (6, 3));
    }

    #[test]
    fn an_empty_map_has_none() {
        assert!(components(0, &[], 1).is_empty() && components(3, &[0; 9], 1).is_empty());
    }
}

//! Bars of eighths and a sparkline, one cell high.
//! They take shares and counts; what is counted is the caller's business.

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

use crate::text::Safe;

/// A bar for a share (0 to 1) of `width` cells; whatever is not nothing gets at least the thinnest stroke.
pub fn share(share: f64, width: u16) -> Safe {
    let eighths = (share.clamp(0.0, 1.0) * f64::from(width) * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let mut bar = "█".repeat(eighths / 8);
    bar.push_str(EIGHTHS[eighths % 8]);
    Safe::line(&bar)
}

/// Counts as levels, the newest at the right, folded to at most `width` cells; empty when all are zero.
pub fn sparkline(counts: &[u32], width: u16) -> Safe {
    let width = usize::from(width);
    if width == 0 || counts.iter().all(|count| *count == 0) {
        return Safe::default();
    }
    let fold = counts.len().div_ceil(width).max(1);
    let sums: Vec<u64> = counts.rchunks(fold).rev().map(|chunk| chunk.iter().map(|c| u64::from(*c)).sum()).collect();
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    let levels: String = sums.iter().map(|sum| LEVELS[usize::try_from(sum * 7 / most).unwrap_or(7).min(7)]).collect();
    Safe::line(&levels)
}

/// A share in whole per cent; a little of something is `<1 %`, nearly all is not yet `100 %`.
pub fn per_cent(part: i64, whole: i64) -> Safe {
    if whole <= 0 {
        return Safe::fixed("–");
    }
    let exact = part as f64 * 100.0 / whole as f64;
    let text = match exact {
        e if part > 0 && e < 1.0 => "<1 %".to_owned(),
        e if part < whole && e > 99.0 => "99 %".to_owned(),
        e => format!("{e:.0} %"),
    };
    Safe::line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_of_something_is_still_seen() {
        assert_eq!(&*share(0.000_1, 10), "▏");
        assert_eq!(&*share(0.0, 10), "");
        assert_eq!(&*share(0.55, 10), "█████▌");
        assert_eq!(&*per_cent(1, 1_000_000), "<1 %");
        assert_eq!(&*per_cent(999_999, 1_000_000), "99 %");
        assert_eq!(&*per_cent(7, 7), "100 %");
    }

    #[test]
    fn a_sparkline_folds_old_seconds_together() {
        assert_eq!(&*sparkline(&[0, 0, 1, 1, 2, 2, 4, 4], 4), "▁▂▄█");
        assert_eq!(&*sparkline(&[0; 60], 10), "");
    }
}

//! Sizes of files as a person reads them.

use crate::text::Safe;
use crate::tui::locale::{decimal, t};

/// `812 B`, `4.1 KB`, `12 MB`: two digits at least, in powers of ten.
pub fn size(bytes: u64) -> Safe {
    const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return Safe::line(&format!("{bytes} {}", t("B")));
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95);
    Safe::line(&format!("{} {}", decimal(value, digits), t(UNITS[unit])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let told =
            [0, 999, 1_000, 9_949, 9_999, 999_499, 999_999, 1_048_576, 5_000_000_000, u64::MAX].map(|n| size(n).to_string());
        assert_eq!(told, ["0 B", "999 B", "1.0 KB", "9.9 KB", "10 KB", "999 KB", "1.0 MB", "1.0 MB", "5.0 GB", "18 EB"]);
    }
}

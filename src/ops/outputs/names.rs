//! A file name made of a foreign one: no shell, terminal or file system takes it for something else.
//! It looks at no file.

use crate::text::Safe;

/// Bytes of a name without its ending and number; file systems allow 255 in all.
const MAX_BYTES: usize = 180;

/// Stem and ending (with its dot, or empty) for the last part of a key; never empty, hidden, or with a folder in it.
pub(super) fn plain(key: &str) -> (String, String) {
    let last = key.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let plain: String = Safe::line(last)
        .chars()
        .map(|c| if c.is_control() || matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|') { '_' } else { c })
        .collect();
    let plain = plain.trim_start_matches(['-', '.', ' ', '~']).trim_end_matches([' ', '.']);
    let (stem, ending) = match plain.rsplit_once('.') {
        Some((stem, ending)) if (1..=8).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            (stem, format!(".{ending}"))
        }
        _ => (plain, String::new()),
    };
    let stem = cut(stem.trim_end_matches([' ', '.']), MAX_BYTES);
    (if stem.is_empty() { "object".to_owned() } else { stem.to_owned() }, ending)
}

/// The longest beginning of at most so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(key: &str) -> String {
        let (stem, ending) = plain(key);
        stem + &ending
    }

    #[test]
    fn the_last_part_of_a_key_names_the_file() {
        assert_eq!(name("ocr-results/2026/11/22/чек-0a1b2c.md"), "чек-0a1b2c.md");
        assert_eq!(name("/etc/passwd"), "passwd");
        assert_eq!(name("a/b/"), "b");
        assert_eq!(name("archive.tar.gz"), "archive.tar.gz");
    }

    #[test]
    fn no_key_leads_out_of_the_folder_or_hides_the_file() {
        for key in ["..", "../..", "a/..", "a/../..", "/", "//", "", " ", "\u{202e}", "...", "a\\..\\.."] {
            assert_eq!(name(key), "object", "{key:?}");
        }
        assert_eq!(name("../../.bashrc"), "bashrc");
        assert_eq!(name("-rf"), "rf");
        assert_eq!(name("a\u{1b}[2J\n.md"), "a␛[2J.md");
        assert_eq!(name("c:\\windows\\x.exe"), "x.exe");
        assert_eq!(name("👨\u{200d}👩.md"), "👨👩.md");
    }

    proptest! {
        #[test]
        fn every_key_makes_one_short_visible_name(key in any::<String>()) {
            let name = name(&key);
            prop_assert!(!name.is_empty() && name.len() <= 200, "{name:?}");
            prop_assert!(!name.contains(['/', '\\', '\0', '\n', '\u{1b}']), "{name:?}");
            prop_assert!(!name.starts_with(['.', '-']), "{name:?}");
        }
    }
}

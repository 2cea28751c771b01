//! The keys of documents: made from an image's name, content and day, and judged before anything is stored under them.
//! Keys found in a bucket are foreign text and are not judged here.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::domain::Millis;
use crate::text::Safe;

/// Bytes of a key, as S3 has it.
const LONGEST: usize = 1024;
/// Bytes of a part between two `/`, as file systems have it.
const LONGEST_PART: usize = 255;
/// Bytes of an image's name within a key.
const LONGEST_STEM: usize = 100;

/// The key of a document's file; `ending` is `md` or `json`.
pub fn key(source: &str, image_sha256: &str, at: Millis, ending: &str) -> String {
    format!("{}.{ending}", base_key(source, image_sha256, at))
}

/// The key without its ending; `at` gives the UTC day.
pub fn base_key(source: &str, image_sha256: &str, at: Millis) -> String {
    let day = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(TimeZone::UTC);
    let sha12: String = image_sha256.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    format!("ocr-results/{}/{}-{sha12}", day.strftime("%Y/%m/%d"), stem(source))
}

/// The name of a file, without folders and ending, in letters of any script, digits, `-`, `_` and `.`.
fn stem(source: &str) -> String {
    let path = source.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem });
    let mut out = String::new();
    for c in Safe::line(stem).nfc() {
        let kept = c.is_alphanumeric() || matches!(c, '-' | '_' | '.') || (is_combining_mark(c) && !out.is_empty());
        let c = if kept { c } else { '_' };
        if c == '_' && out.ends_with('_') {
            continue;
        }
        if out.len() + c.len_utf8() > LONGEST_STEM {
            break;
        }
        out.push(c);
    }
    let trimmed = out.trim_matches(['.', '_']);
    if trimmed.is_empty() { "image".to_owned() } else { trimmed.to_owned() }
}

/// Refuses a key under which nothing can be stored in every kind of store; says why.
pub(super) fn check(key: &str) -> Result<(), &'static str> {
    if key.is_empty() {
        return Err("the key is empty");
    }
    if key.len() > LONGEST {
        return Err("the key is longer than 1024 bytes");
    }
    if key.chars().any(char::is_control) {
        return Err("the key has a control character");
    }
    for part in key.split('/') {
        match part {
            "" => return Err("the key begins or ends in `/`, or has an empty part"),
            "." | ".." => return Err("the key has a part `.` or `..`"),
            part if part.len() > LONGEST_PART => return Err("a part of the key is longer than 255 bytes"),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    /// 2026-11-20 23:59:59.999 UTC.
    const AT: Millis = 1_795_219_199_999;

    #[test]
    fn a_key_is_day_name_and_content() {
        assert_eq!(key("photos/Отчёт за май.png", SHA, AT, "md"), "ocr-results/2026/11/20/Отчёт_за_май-ba7816bf8f01.md");
        assert_eq!(key("a.tar.gz", SHA, AT + 1, "json"), "ocr-results/2026/11/21/a.tar-ba7816bf8f01.json");
        assert_eq!(base_key("https://h/p/scan.jpg?size=1#x", SHA, 0), "ocr-results/1970/01/01/scan-ba7816bf8f01");
    }

    #[test]
    fn one_name_written_in_two_ways_gives_one_key() {
        assert_eq!(stem("и\u{306}од.png"), stem("йод.png"));
    }

    #[test]
    fn nothing_hostile_stays_in_a_key() {
        for hostile in
            ["../../etc/passwd", "..", ".", "", "/", "\u{1b}[2J\u{7}", "\u{202e}gpj.exe", "a\0b", "C:\\x\\..\\y.png", "🦀🦀"]
        {
            let key = key(hostile, SHA, AT, "md");
            assert!(check(&key).is_ok(), "{hostile:?} gave {key:?}");
        }
        assert_eq!(stem("../../etc/passwd"), "passwd");
        assert_eq!(stem("🦀"), "image");
        assert_eq!(stem(".png"), "png");
    }

    proptest! {
        #[test]
        fn any_name_gives_a_key_that_can_be_stored(source in any::<String>(), at in any::<i64>()) {
            let key = key(&source, SHA, at, "json");
            prop_assert!(check(&key).is_ok(), "{key:?}");
            prop_assert!(key.len() <= 160);
            prop_assert_eq!(Safe::line(&key).to_string(), key);
        }
    }
}

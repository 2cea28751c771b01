//! Finds the result of one image among the keys of the bucket: `ocr-results/{YYYYmmdd_HHMMSS}_{stem}.md`.
//! It fetches no result, and decides no deadline.
//!
//! The name under which an image is uploaded holds 12 signs of its hash. So a key names the very image it is about, whoever else reads
//! a `page.png` at the same time, and no clock has to be compared with the bucket's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::ocr::remote::{Closed, Shelf};
use crate::text::{Safe, first_chars};

/// Where the service puts its results.
const FOLDER: &str = "ocr-results/";
/// Signs of the hash in a name.
const SIGNS: usize = 12;
/// Characters of the image's own name in it.
const NAME: usize = 60;
/// The service writes the time of its own zone, which is nowhere further than this from UTC.
const ZONES: i64 = 14;

/// The name to upload an image under: its own, and the beginning of its hash.
pub fn upload_name(source: &str, sha256: &str) -> String {
    Sought::of(source, sha256).file
}

/// The image whose result is looked for.
pub(super) struct Sought {
    stem: String,
    file: String,
}

impl Sought {
    pub fn of(source: &str, sha256: &str) -> Self {
        let path = Path::new(source);
        let own = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        // Signs that a server might change in a name would make the result another image's.
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
        let own: String = first_chars(&own, NAME).chars().map(plain).collect();
        let own = if own.trim_matches('-').is_empty() { "image" } else { own.trim_matches('-') };
        let stem = format!("{own}-{}", first_chars(sha256, SIGNS));
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        let ending = ending.filter(|ending| ending.len() <= 5 && ending.chars().all(|c| c.is_ascii_alphanumeric()));
        let file = format!("{stem}.{}", ending.as_deref().unwrap_or("png"));
        Self { stem, file }
    }

    pub fn stem(&self) -> &str {
        &self.stem
    }

    pub fn file(&self) -> String {
        self.file.clone()
    }
}

/// Where a result lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub markdown: String,
}

impl Keys {
    /// Of a key as the service names its results, and of no other: what it answers must not send us through the bucket.
    pub fn of(key: &str) -> Option<Self> {
        stem_of(key)?;
        Some(Self { markdown: key.to_owned() })
    }

    /// The same result as JSON.
    pub fn json(&self) -> String {
        self.markdown.strip_suffix(".md").map_or_else(|| self.markdown.clone(), |stem| format!("{stem}.json"))
    }

    pub fn shown(&self) -> Safe {
        Safe::line(&self.markdown).clipped(150)
    }
}

/// What follows the time in a key of the service.
fn stem_of(key: &str) -> Option<&str> {
    let name = key.strip_prefix(FOLDER)?.strip_suffix(".md")?;
    let (time, stem) = name.split_at_checked(16)?;
    let shape = time.bytes().enumerate().all(|(at, sign)| match at {
        8 | 15 => sign == b'_',
        _ => sign.is_ascii_digit(),
    });
    (shape && !stem.is_empty() && !stem.contains('/')).then_some(stem)
}

/// Keys of the bucket by what they name.
type Seen = Arc<BTreeMap<String, String>>;

/// Looks for all images at once: one list of the bucket serves everybody who waits, once in a poll.
pub(super) struct Lookout {
    poll: Duration,
    seen: Mutex<Option<(Instant, Seen)>>,
}

impl Lookout {
    pub fn new(poll: Duration) -> Self {
        Self { poll, seen: Mutex::default() }
    }

    /// The newest result of this image, if there is one. `fresh`: a list that is older than half a poll will not do; otherwise one of
    /// the last minute will, since nobody waits for it.
    pub async fn find(&self, shelf: &dyn Shelf, sought: &Sought, fresh: bool) -> Result<Option<Keys>, Closed> {
        let age = if fresh { self.poll / 2 } else { Duration::from_mins(1).min(self.poll * 12) };
        // Held while it lists: whoever comes meanwhile waits for this list instead of asking for another.
        let mut seen = self.seen.lock().await;
        let known = seen.as_ref().filter(|(at, _)| at.elapsed() < age).map(|(_, keys)| Arc::clone(keys));
        let keys = if let Some(keys) = known {
            keys
        } else {
            let keys = Arc::new(listed(shelf).await?);
            *seen = Some((Instant::now(), Arc::clone(&keys)));
            keys
        };
        Ok(keys.get(&sought.stem).map(|key| Keys { markdown: key.clone() }))
    }
}

/// By stem, the newest key of each: keys begin with their time.
async fn listed(shelf: &dyn Shelf) -> Result<BTreeMap<String, String>, Closed> {
    let mut found = BTreeMap::new();
    for day in days(SystemTime::now()) {
        let mut keys = shelf.list(&format!("{FOLDER}{day}_")).await?;
        keys.sort();
        for key in keys {
            if let Some(stem) = stem_of(&key) {
                found.insert(stem.to_owned(), key.clone());
            }
        }
    }
    Ok(found)
}

/// The days, `YYYYmmdd`, that it may be somewhere on Earth since a good half day.
fn days(now: SystemTime) -> Vec<String> {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(0));
    let day = |hours: i64| -> Option<Date> {
        let at = Timestamp::from_second(seconds).ok()?.checked_add(hours.hours()).ok()?;
        Some(at.to_zoned(TimeZone::UTC).date())
    };
    let mut days: Vec<Date> = [-ZONES, 0, ZONES].into_iter().filter_map(day).collect();
    days.dedup();
    days.iter().map(|day| day.strftime("%Y%m%d").to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "9c271b93cea30a98ea523f0ab6e0025588fbe86e3cac5036e2d2c722afb1fecf";

    #[test]
    fn a_name_holds_the_hash_and_nothing_that_a_server_would_change() {
        for (source, wanted) in [
            ("scans/page_1.PNG", "page_1-9c271b93cea3.png"),
            ("чек из магазина.jpeg", "image-9c271b93cea3.jpeg"),
            ("../..", "image-9c271b93cea3.png"),
            ("a b%2f\u{1b}[31m.tar.gz", "a-b-2f--31m-tar-9c271b93cea3.gz"),
            ("-", "image-9c271b93cea3.png"),
        ] {
            assert_eq!(upload_name(source, SHA), wanted, "{source}");
        }
        assert!(upload_name(&"x".repeat(5000), SHA).len() < 100);
    }

    #[test]
    fn only_the_keys_of_the_service_are_results() {
        assert_eq!(stem_of("ocr-results/20261122_101500_page-1.md"), Some("page-1"));
        let other = [
            "ocr-results/2026/11/22/page-9c271b93cea3.md",
            "ocr-results/20261122_101500_page-1.json",
            "ocr-results/20261122_101500_.md",
            "ocr-results/20261122_101500_a/b.md",
            "ocr-results/../../x.md",
            "ocr-results/20261122x101500_page.md",
            "ocr-results/2026112я_10150_page.md",
            "other/20261122_101500_page.md",
        ];
        for key in other {
            assert_eq!(stem_of(key), None, "{key}");
        }
    }

    #[test]
    fn every_zone_s_day_is_looked_at() {
        let at = |hour: u64| UNIX_EPOCH + Duration::from_secs(1_795_305_600 + hour * 3600); // 2026-11-22T00:00Z
        assert_eq!(days(at(1)), ["20261121", "20261122"]);
        assert_eq!(days(at(12)), ["20261121", "20261122", "20261123"]);
        assert_eq!(days(at(23)), ["20261122", "20261123"]);
    }
}

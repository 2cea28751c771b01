//! This machine's clock against those of the servers that answered.
//! It asks nobody itself: every answer has a `Date`.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::fmt::rfc2822;

use super::{Check, State};
use crate::text::Safe;

/// Seconds that an answer may take and a `Date` is rounded by.
const CLOSE: i64 = 10;
/// Seconds above which S3 refuses signatures (AWS: 15 minutes).
const FAR: i64 = 15 * 60;

/// What was seen: whose clock, and how many seconds it is ahead of ours.
#[derive(Default)]
pub(super) struct Clock(Mutex<Vec<(String, i64)>>);

impl Clock {
    /// It is `there`, epoch milliseconds, now.
    pub fn seen(&self, whose: &str, there: i64) {
        let here = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as i64);
        let ahead = (there - here) / 1000;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((whose.to_owned(), ahead));
    }

    /// The same from a `Date` header; one that cannot be read says nothing.
    pub fn date(&self, whose: &str, header: Option<&str>) {
        let parsed = header.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        if let Some(date) = parsed {
            self.seen(whose, date.as_millisecond());
        }
    }

    pub fn check(&self) -> Check {
        const NAME: &str = "clock";
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((whose, ahead)) = seen.iter().max_by_key(|(_, ahead)| ahead.abs()) else {
            return Check::ok(NAME, "nobody answered whose clock could be compared");
        };
        let names: Vec<&str> = seen.iter().map(|(whose, _)| whose.as_str()).collect();
        if ahead.abs() <= CLOSE {
            return Check::ok(NAME, &format!("as that of {}", names.join(", ")));
        }
        let way = if *ahead > 0 { "behind" } else { "ahead of" };
        let saw = format!("this machine is {} s {way} {}", ahead.abs(), Safe::line(whose));
        let state = if ahead.abs() > FAR { State::Fail } else { State::Warn };
        Check::new(NAME, state, &saw, Some("set the clock, best by NTP (timedatectl set-ntp true)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_with_its_side() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let of = |there: i64| {
            let clock = Clock::default();
            clock.seen("s3", now);
            clock.seen("openrouter", there);
            clock.check()
        };
        assert_eq!(of(now + 2_000).state, State::Ok);
        let behind = of(now + 120_000);
        assert!(behind.state == State::Warn && behind.saw.contains("s behind openrouter"), "{behind:?}");
        let ahead = of(now - 3_600_000);
        assert!(ahead.state == State::Fail && ahead.saw.contains("s ahead of openrouter"), "{ahead:?}");
        let clock = Clock::default();
        clock.date("x", Some("Sun, 22 Nov 2026 08:49:37 GMT"));
        clock.date("y", Some("yesterday"));
        assert_eq!(clock.0.lock().unwrap().len(), 1);
    }
}

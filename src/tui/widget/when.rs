//! Times as a person reads them: how long ago, how long still, the clock.
//! Coarse on purpose: a screen on which nothing happens must not change every second.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::Millis;
use crate::text::Safe;
use crate::tui::locale::{decimal, tell};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long ago, in minutes at the finest.
pub fn ago(now: Millis, then: Millis) -> Safe {
    match now.saturating_sub(then) {
        d if d < MINUTE => tell!("now"),
        d if d < HOUR => tell!("{} min", d / MINUTE),
        d if d < DAY => tell!("{} h", d / HOUR),
        d if d < 100 * DAY => tell!("{} d", d / DAY),
        d if d < 1000 * DAY => tell!("{} mo", d / (30 * DAY)),
        d => tell!("{} y", d / (365 * DAY)),
    }
}

/// A moment gone by in at most seven cells: the clock within a day, then the day, then the month.
pub fn at(now: Millis, then: Millis, zone: &TimeZone) -> Safe {
    match now.saturating_sub(then) {
        d if d < DAY => clock(then, zone),
        d if d < 300 * DAY => stamp(then, zone, "%m-%d"),
        _ => stamp(then, zone, "%Y-%m"),
    }
}

/// How long still: seconds below a minute, `5 h 52 min` above.
pub fn left(milliseconds: i64) -> Safe {
    let seconds = (milliseconds.max(0) + SECOND - 1) / SECOND;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        s if s < 60 => tell!("{} s", s),
        s if s < 600 && s % 60 > 0 => tell!("{} min {} s", minutes, s % 60),
        s if s < 3600 => tell!("{} min", minutes),
        s if s < 86_400 => tell!("{} h {} min", hours, minutes % 60),
        _ => tell!("{} d {} h", hours / 24, hours % 24),
    }
}

/// An estimate: like [`left`], in steps of ten seconds below ten minutes, because its last digit is not known.
pub fn about(seconds: u64) -> Safe {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX / SECOND);
    let coarse = if seconds < 600 { (seconds + 9) / 10 * 10 } else { seconds };
    left(coarse.saturating_mul(SECOND))
}

/// How long still, in minutes at the finest: for what may stand on an otherwise quiet screen.
pub fn minutes(milliseconds: i64) -> Safe {
    if milliseconds < MINUTE { tell!("under a minute") } else { left(milliseconds / MINUTE * MINUTE) }
}

/// A call's time: `2 ms`, `1.9 s`, `31 s`.
pub fn took(milliseconds: i64) -> Safe {
    match milliseconds {
        ms if ms < 100 => tell!("{} ms", ms),
        ms if ms < 10_000 => tell!("{} s", decimal(ms as f64 / 1000.0, 1)),
        ms => tell!("{} s", ms / SECOND),
    }
}

/// Hours and minutes.
pub fn clock(at: Millis, zone: &TimeZone) -> Safe {
    stamp(at, zone, "%H:%M")
}

/// Hours, minutes and seconds, for the log.
pub fn clock_with_seconds(at: Millis, zone: &TimeZone) -> Safe {
    stamp(at, zone, "%H:%M:%S")
}

/// Day and clock.
pub fn date(at: Millis, zone: &TimeZone) -> Safe {
    stamp(at, zone, "%Y-%m-%d %H:%M")
}

/// Day and clock as a part of a file's name.
pub fn file_stamp(at: Millis, zone: &TimeZone) -> Safe {
    stamp(at, zone, "%Y%m%d-%H%M%S")
}

/// A moment to come: the clock, with the date when it is not within a day.
pub fn until(now: Millis, at: Millis, zone: &TimeZone) -> Safe {
    if at.saturating_sub(now) < DAY { clock(at, zone) } else { stamp(at, zone, "%d %b %H:%M") }
}

fn stamp(at: Millis, zone: &TimeZone, format: &str) -> Safe {
    // A time no calendar knows comes from a broken row; it is shown as such.
    Timestamp::from_millisecond(at)
        .map_or(Safe::fixed("?"), |time| Safe::line(&time.to_zoned(zone.clone()).strftime(format).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_coarse_and_grow_with_distance() {
        let ago = |d: i64| ago(1_000 * DAY, 1_000 * DAY - d).to_string();
        assert_eq!(
            [ago(59 * SECOND), ago(2 * MINUTE), ago(3 * HOUR), ago(50 * DAY), ago(300 * DAY), ago(999 * DAY)],
            ["now", "2 min", "3 h", "50 d", "10 mo", "33 mo"]
        );
        assert_eq!(&*super::ago(0, 5), "now");
    }

    #[test]
    fn what_is_left_is_said_in_two_units_at_most() {
        let left = |ms: i64| left(ms).to_string();
        assert_eq!(
            [left(-5), left(11_001), left(70_000), left(120_000), left(1_500_000), left(5 * HOUR + 52 * MINUTE), left(50 * HOUR)],
            ["0 s", "12 s", "1 min 10 s", "2 min", "25 min", "5 h 52 min", "2 d 2 h"]
        );
        assert_eq!([&*minutes(59_999), &*minutes(200_000)], ["under a minute", "3 min"]);
        assert_eq!(&*about(61), "1 min 10 s");
        assert_eq!([&*took(2), &*took(1_940), &*took(31_000)], ["2 ms", "1.9 s", "31 s"]);
    }

    #[test]
    fn a_time_no_calendar_knows_does_no_harm() {
        assert_eq!(&*clock(Millis::MAX, &TimeZone::UTC), "?");
    }
}

//! Turns the dates of exports into milliseconds since 1970 UTC.
//! It guesses no zone beyond one rule: a date without a zone is this machine's local time, and that is counted.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::json::Scalar;
use crate::domain::Millis;

/// What a date field said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Nothing.
    Missing,
    /// A point in time.
    At(Millis),
    /// A local time, taken in this machine's zone.
    Local(Millis),
    /// Something that is no date.
    Unreadable,
}

impl When {
    /// The point in time, if there is one.
    pub(super) fn millis(self) -> Option<Millis> {
        match self {
            Self::At(millis) | Self::Local(millis) => Some(millis),
            Self::Missing | Self::Unreadable => None,
        }
    }
}

/// Seconds beyond which a bare number must be milliseconds: the year 5138 in the one, 1973 in the other.
const MILLIS_FROM: i64 = 100_000_000_000;

/// Reads a bare number (seconds, or milliseconds when too large for that), RFC 3339, or a local date and time.
pub(super) fn read(date: &Scalar, zone: &TimeZone) -> When {
    let Some(text) = date.text() else { return When::Missing };
    if let Some(number) = date.int() {
        let read = if number.abs() >= MILLIS_FROM { Timestamp::from_millisecond(number) } else { Timestamp::from_second(number) };
        return read.map_or(When::Unreadable, |t| When::At(t.as_millisecond()));
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return When::At(instant.as_millisecond());
    }
    let local = text.parse::<DateTime>().ok().and_then(|civil| civil.to_zoned(zone.clone()).ok());
    local.map_or(When::Unreadable, |zoned| When::Local(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_moment_is_the_same_moment() {
        let moscow = TimeZone::fixed(jiff::tz::offset(3));
        let at = When::At(1_727_000_000_000);
        for text in
            ["1727000000", "1727000000000", "2024-09-22T10:13:20Z", "2024-09-22T13:13:20+03:00", "2024-09-22 10:13:20+00:00"]
        {
            assert_eq!(read(&Scalar::Text(text.into()), &moscow), at, "{text}");
        }
        for text in ["2024-09-22T13:13:20", "2024-09-22 13:13:20", "2024-09-22 13:13:20.000000"] {
            assert_eq!(read(&Scalar::Text(text.into()), &moscow), When::Local(1_727_000_000_000), "{text}");
        }
        assert_eq!(read(&Scalar::Int(1_727_000_000), &moscow), at);
    }

    #[test]
    fn what_is_no_date_is_said_to_be_none() {
        for text in ["yesterday", "2024-13-45T00:00:00", "99999999999999999", "22.09.2024"] {
            assert_eq!(read(&Scalar::Text(text.into()), &TimeZone::UTC), When::Unreadable, "{text}");
        }
        assert_eq!(read(&Scalar::None, &TimeZone::UTC), When::Missing);
        assert_eq!(read(&Scalar::Text("  ".into()), &TimeZone::UTC), When::Missing);
    }
}

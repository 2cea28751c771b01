//! Times as the legacy columns hold them, to and from epoch milliseconds.
//! Our own columns hold epoch milliseconds and never come here.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::domain::Millis;

/// `YYYY-MM-DD HH:MM:SS.ffffff`, UTC: what the bot's ORM writes into SQLite and PostgreSQL reads as a timestamp.
/// `None` for years that neither holds.
pub(crate) fn written(at: Millis) -> Option<String> {
    let at = Timestamp::from_millisecond(at).ok()?;
    let civil = at.to_zoned(TimeZone::UTC).datetime();
    (civil.year() >= 1).then(|| civil.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string())
}

/// Reads what SQLite or PostgreSQL give for a timestamp cast to text: with a zone or without (then UTC), with `T` or a space.
/// `None` for what is no time at all.
pub(crate) fn read(text: &str) -> Option<Millis> {
    let text = text.trim();
    // A column of SQLite may as well hold seconds.
    if let Ok(number) = text.parse::<i64>() {
        return number.checked_mul(1000);
    }
    let with_t = text.replacen(' ', "T", 1);
    let zone_at = with_t.rfind(['+', '-', 'Z', 'z']).filter(|at| *at > 10);
    let Some(zone_at) = zone_at else {
        return with_t.parse::<DateTime>().ok().and_then(utc);
    };
    // PostgreSQL writes `+00`, which RFC 3339 does not know.
    let (civil, zone) = with_t.split_at(zone_at);
    let zone = if zone.len() == 3 { format!("{zone}:00") } else { zone.to_owned() };
    format!("{civil}{zone}").parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

fn utc(civil: DateTime) -> Option<Millis> {
    civil.to_zoned(TimeZone::UTC).ok().as_ref().map(Zoned::timestamp).map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_both_databases_reads_as_the_same_time() {
        for text in [
            "2024-03-01 10:20:30.123000",
            "2024-03-01 10:20:30.123",
            "2024-03-01T10:20:30.123",
            "2024-03-01 10:20:30.123+00",
            "2024-03-01 13:20:30.123+03",
            "2024-03-01T10:20:30.123Z",
            "2024-03-01 15:50:30.123+05:30",
        ] {
            assert_eq!(read(text), Some(1_709_288_430_123), "{text}");
        }
        assert_eq!(read("1709288430"), Some(1_709_288_430_000));
        assert_eq!(read("2024-03-01"), Some(1_709_251_200_000));
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn what_is_written_reads_back() {
        for at in [0, 1_709_288_430_123, -86_400_001] {
            assert_eq!(read(&written(at).unwrap()), Some(at));
        }
        assert_eq!(written(0).unwrap(), "1970-01-01 00:00:00.000000");
        assert_eq!(written(i64::MAX), None);
    }
}

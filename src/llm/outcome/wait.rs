//! Reads a server's hint on when to come back: headers, fields made for it, or plain words.
//! It does not decide whether to wait; that is the route.

use std::time::Duration;

use super::{Failure, Headers};
use crate::domain::{Millis, Outcome};
use crate::llm::Wait;
use crate::llm::quota::next_utc_midnight;

/// A hint farther away than this is a mistake of the server.
const FARTHEST: Duration = Duration::from_hours(31 * 24);

/// When to come back, for the outcomes where the server's word counts.
pub(super) fn hint(outcome: Outcome, headers: &Headers, failure: &Failure, now: Millis) -> Option<Wait> {
    let said = || retry_after(headers, now).or_else(|| retry_after(&failure.headers, now)).or_else(|| field(failure));
    let reset = || reset(headers, now).or_else(|| reset(&failure.headers, now));
    let prose = || failure.messages.iter().rev().find_map(|text| in_words(text)).map(Wait::For);
    match outcome {
        Outcome::FreeDaily => reset().or_else(said).or(Some(Wait::Until(next_utc_midnight(now)))),
        Outcome::FreePerMinute => reset().or_else(said).or_else(prose).or(Some(Wait::For(Duration::from_mins(1)))),
        Outcome::RateLimited => said().or_else(prose).or_else(reset),
        Outcome::InFlightBudget => said().or_else(prose).or(Some(Wait::For(Duration::from_secs(5)))),
        Outcome::KeyLimit => {
            let daily =
                || failure.messages.iter().any(|text| text.contains("daily limit")).then(|| Wait::Until(next_utc_midnight(now)));
            reset().or_else(said).or_else(daily)
        }
        Outcome::OutOfCredit => reset().or_else(said),
        Outcome::ServerError | Outcome::Timeout | Outcome::Loading => said().or_else(prose),
        Outcome::Success
        | Outcome::NoTopic
        | Outcome::Unreachable
        | Outcome::Tls
        | Outcome::ContextLength
        | Outcome::FormatUnsupported
        | Outcome::ModelGone
        | Outcome::ParameterUnsupported
        | Outcome::BadRequest
        | Outcome::BadKey
        | Outcome::Moderated
        | Outcome::Region
        | Outcome::TooLarge
        | Outcome::ProviderRejected
        | Outcome::EmptyAnswer
        | Outcome::ReasoningOnly
        | Outcome::Truncated
        | Outcome::AnswerError
        | Outcome::NotTags
        | Outcome::Malformed
        | Outcome::Html
        | Outcome::NotUtf8
        | Outcome::BodyTooLarge
        | Outcome::Cancelled
        | Outcome::Unknown => None,
    }
}

fn field(failure: &Failure) -> Option<Wait> {
    let wait = Duration::try_from_secs_f64(failure.retry_seconds?).ok()?;
    (wait <= FARTHEST).then_some(Wait::For(wait))
}

fn retry_after(headers: &Headers, now: Millis) -> Option<Wait> {
    if let Some(ms) = headers.get("retry-after-ms").and_then(|value| value.trim().parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok().filter(|wait| *wait <= FARTHEST).map(Wait::For);
    }
    let value = headers.get("retry-after")?.trim();
    duration(value).filter(|wait| *wait <= FARTHEST).map(Wait::For).or_else(|| date(value, now))
}

fn reset(headers: &Headers, now: Millis) -> Option<Wait> {
    if let Some(value) = ["x-ratelimit-reset", "ratelimit-reset", "x-rate-limit-reset"].iter().find_map(|name| headers.get(name))
    {
        return moment(value, now);
    }
    // OpenAI and Groq count requests and tokens apart; only the exhausted counter matters.
    let exhausted = ["requests", "tokens"].into_iter().filter(|what| {
        headers
            .get(&format!("x-ratelimit-remaining-{what}"))
            .is_none_or(|left| left.trim().parse::<f64>().is_ok_and(|left| left <= 0.0))
    });
    exhausted
        .filter_map(|what| headers.get(&format!("x-ratelimit-reset-{what}")).and_then(|value| moment(value, now)))
        .max_by_key(|wait| match wait {
            Wait::For(wait) => now.saturating_add(wait.as_millis() as Millis),
            Wait::Until(time) => *time,
        })
}

/// Epoch milliseconds, epoch seconds, seconds from now, `6m0s`, or a date.
fn moment(value: &str, now: Millis) -> Option<Wait> {
    let value = value.trim();
    match value.parse::<f64>() {
        Ok(number) if number >= 1e11 => until(number, now),
        Ok(number) if number >= 1e9 => until(number * 1000.0, now),
        Ok(_) | Err(_) => duration(value).filter(|wait| *wait <= FARTHEST).map(Wait::For).or_else(|| date(value, now)),
    }
}

fn until(ms: f64, now: Millis) -> Option<Wait> {
    let time = ms as Millis;
    (time <= now.saturating_add(FARTHEST.as_millis() as Millis)).then_some(Wait::Until(time))
}

fn date(value: &str, now: Millis) -> Option<Wait> {
    let time =
        value.parse::<jiff::Timestamp>().ok().or_else(|| jiff::fmt::rfc2822::parse(value).ok().map(|zoned| zoned.timestamp()))?;
    until(time.as_millisecond() as f64, now)
}

/// `20`, `0.5`, `20s`, `6ms`, `1m2.5s`, `2h3m`, `1d`, `30 seconds`: plain numbers are seconds.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() || rest.len() > 60 {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        let tail = rest[digits..].trim_start();
        let letters = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        seconds += number * unit(&tail[..letters])?;
        rest = tail[letters..].trim_start();
    }
    Duration::try_from_secs_f64(seconds).ok()
}

fn unit(word: &str) -> Option<f64> {
    let word = word.to_lowercase();
    Some(match word.as_str() {
        "ms" | "millisecond" | "milliseconds" | "мс" => 0.001,
        "" | "s" | "sec" | "secs" | "second" | "seconds" | "с" | "сек" | "секунд" | "секунды" | "секунду" => {
            1.0
        }
        "m" | "min" | "mins" | "minute" | "minutes" | "мин" | "минут" | "минуты" | "минуту" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" | "ч" | "час" | "часа" | "часов" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    })
}

/// "Please try again in 1m2.5s", "retry after 30 seconds", "wait 5 minutes".
fn in_words(text: &str) -> Option<Duration> {
    let lower = text.to_lowercase();
    let leads = [
        "try again in ",
        "retry in ",
        "retry after ",
        "try again after ",
        "available in ",
        "resets in ",
        "reset in ",
        "wait ",
        "через ",
    ];
    leads.iter().find_map(|lead| {
        let after = &lower[lower.find(lead)? + lead.len()..];
        let after = ["for ", "about ", "at least "].iter().fold(after, |rest, filler| rest.strip_prefix(filler).unwrap_or(rest));
        let mut longest = None;
        let mut taken = 0;
        // The longest run of words that reads as a duration: "1m2.5s.", "30 seconds before…", "5 minutes and 3 seconds".
        for word in after.split_inclusive(char::is_whitespace).take(4) {
            taken += word.len();
            let candidate = after[..taken].trim().trim_end_matches(['.', ',', ';', '!', ')', ':']);
            longest = duration(candidate).or(longest);
        }
        longest.filter(|wait| *wait <= FARTHEST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Millis = 1_761_600_000_000;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn limited(pairs: &[(&str, &str)]) -> Option<Wait> {
        hint(Outcome::RateLimited, &headers(pairs), &Failure::default(), NOW)
    }

    #[test]
    fn every_dress_of_a_retry_hint_is_read() {
        assert_eq!(limited(&[("Retry-After", "2")]), Some(Wait::For(Duration::from_secs(2))));
        assert_eq!(limited(&[("retry-after-ms", "1500"), ("retry-after", "2")]), Some(Wait::For(Duration::from_millis(1500))));
        assert_eq!(limited(&[("retry-after", "Mon, 27 Oct 2025 21:20:30 GMT")]), Some(Wait::Until(1_761_600_030_000)));
        assert_eq!(limited(&[("X-RateLimit-Reset", "1761609600000")]), Some(Wait::Until(1_761_609_600_000)));
        assert_eq!(limited(&[("X-RateLimit-Reset", "1761609600")]), Some(Wait::Until(1_761_609_600_000)));
        assert_eq!(limited(&[("x-ratelimit-reset-requests", "6m0s")]), Some(Wait::For(Duration::from_mins(6))));
        let mixed = [
            ("x-ratelimit-reset-requests", "24h"),
            ("x-ratelimit-remaining-requests", "9"),
            ("x-ratelimit-reset-tokens", "7.66s"),
        ];
        assert_eq!(limited(&mixed), Some(Wait::For(Duration::from_millis(7660))));
        assert_eq!(limited(&[("retry-after", "soon")]), None);
        assert_eq!(limited(&[("x-ratelimit-reset", "99999999999999999")]), None);
    }

    #[test]
    fn hints_in_prose_are_read() {
        for (text, ms) in [
            ("Limit: 10000 / min. Please try again in 6ms. Contact us", 6),
            ("Please try again in 1m2.5s. Visit", 62_500),
            ("Please retry in 23.52s.", 23_520),
            ("Please retry after 30 seconds before sending", 30_000),
            ("You must wait for 5 minutes", 300_000),
            ("try again in 2 hours", 7_200_000),
        ] {
            assert_eq!(in_words(text), Some(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(in_words("please try again in a while"), None);
        assert_eq!(in_words("wait "), None);
    }

    #[test]
    fn free_daily_without_a_reset_ends_at_midnight_utc() {
        let wait = hint(Outcome::FreeDaily, &Headers::default(), &Failure::default(), NOW);
        assert_eq!(wait, Some(Wait::Until(1_761_609_600_000)));
        assert_eq!(next_utc_midnight(1_761_609_600_000), 1_761_696_000_000);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_readers(text in any::<String>(), number in any::<f64>()) {
            let _ = duration(&text);
            let _ = in_words(&format!("try again in {text}"));
            let _ = moment(&text, NOW);
            let _ = moment(&number.to_string(), NOW);
        }
    }
}

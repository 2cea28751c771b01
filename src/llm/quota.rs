//! Arithmetic of limits: how many calls at once, when the quota day ends, what a call may cost at most.
//! It counts no requests and holds no money: those rows are reserved in the database before each call.

use crate::domain::Millis;
use crate::llm::wire::Listing;

/// Milliseconds of a UTC day.
const DAY: Millis = 86_400_000;
/// Tokens that a chat template puts around the messages.
const TEMPLATE_TOKENS: i64 = 64;

/// How many calls may be in flight: additive increase, multiplicative decrease, after a slow start.
///
/// Until the first sign of pressure it doubles with each round trip: by one more call a round trip, a server that answers in a
/// second and could take 256 at once would be asked by that many only after four minutes, which is most imports' whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Concurrency {
    limit: f64,
    most: f64,
    /// Nothing has pressed back so far.
    starting: bool,
    halved_at: Option<Millis>,
}

impl Concurrency {
    /// Starts at 2, or at `most` when that is less.
    pub fn new(most: u32) -> Self {
        let most = f64::from(most.max(1));
        Self { limit: 2.0_f64.min(most), most, starting: true, halved_at: None }
    }

    /// Calls allowed at once now, 1 to the most.
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// A call went well: one more call at once, and after the first pressure one more after about as many successes as are
    /// allowed now.
    pub fn on_success(&mut self) {
        let step = if self.starting { 1.0 } else { 1.0 / self.limit };
        self.limit = (self.limit + step).min(self.most);
    }

    /// 429, 503 or a timeout of a call sent at `sent_at`. Calls that went out before the last halving saw the
    /// old limit, so they do not halve again: at most once per round trip. True when it halved.
    pub fn on_pressure(&mut self, sent_at: Millis, now: Millis) -> bool {
        if self.halved_at.is_some_and(|at| sent_at <= at && at <= now) {
            return false;
        }
        self.halved_at = Some(now);
        self.starting = false;
        self.limit = (self.limit / 2.0).max(1.0);
        true
    }
}

/// The next 00:00 UTC after `now`.
pub const fn next_utc_midnight(now: Millis) -> Millis {
    (now.div_euclid(DAY) + 1) * DAY
}

/// Most that a call can cost, millionths of a US dollar, rounded up: every character a token (no tokeniser does worse
/// on Russian or English text) and the whole `max_tokens`. 0 when the provider lists no price.
pub fn reserve_micros(listing: Option<&Listing>, prompt_chars: usize, max_tokens: u32) -> i64 {
    let Some(listing) = listing else { return 0 };
    let prompt = i64::try_from(prompt_chars).unwrap_or(i64::MAX).saturating_add(TEMPLATE_TOKENS);
    let share = |tokens: i64, price: Option<i64>| i128::from(tokens) * i128::from(price.unwrap_or(0).max(0));
    let total = share(prompt, listing.prompt_micros_per_mtok) + share(i64::from(max_tokens), listing.completion_micros_per_mtok);
    i64::try_from((total + 999_999) / 1_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As many successes as may be in flight: one round trip.
    fn round_trip(concurrency: &mut Concurrency) {
        (0..concurrency.limit()).for_each(|_| concurrency.on_success());
    }

    #[test]
    fn it_starts_at_two_and_doubles_each_round_trip_until_pressure() {
        let mut concurrency = Concurrency::new(256);
        let limits: Vec<usize> = std::iter::repeat_with(|| {
            let limit = concurrency.limit();
            round_trip(&mut concurrency);
            limit
        })
        .take(9)
        .collect();
        assert_eq!(limits, [2, 4, 8, 16, 32, 64, 128, 256, 256]);
    }

    #[test]
    fn after_the_first_pressure_it_grows_by_one_per_round_trip() {
        let mut concurrency = Concurrency::new(256);
        (0..30).for_each(|_| concurrency.on_success());
        assert!(concurrency.on_pressure(0, 1000));
        assert_eq!(concurrency.limit(), 16);
        for expected in [17, 18, 19] {
            // A round trip at a limit between two whole numbers takes one success more.
            round_trip(&mut concurrency);
            concurrency.on_success();
            assert_eq!(concurrency.limit(), expected);
        }
    }

    #[test]
    fn it_halves_once_per_round_trip() {
        let mut concurrency = Concurrency::new(8);
        (0..100).for_each(|_| concurrency.on_success());
        assert!(concurrency.on_pressure(0, 1000));
        assert!(!concurrency.on_pressure(500, 1100), "sent before the halving");
        assert_eq!(concurrency.limit(), 4);
        assert!(concurrency.on_pressure(1001, 2000));
        assert_eq!(concurrency.limit(), 2);
    }

    #[test]
    fn the_quota_day_ends_at_midnight_utc() {
        assert_eq!(next_utc_midnight(0), DAY);
        assert_eq!(next_utc_midnight(DAY - 1), DAY);
        assert_eq!(next_utc_midnight(DAY), 2 * DAY);
    }

    #[test]
    fn a_reservation_is_never_less_than_the_bill() {
        let listing = Listing {
            prompt_micros_per_mtok: Some(75_000),
            completion_micros_per_mtok: Some(300_000),
            ..Listing::named("google/gemini-flash")
        };
        // 2936 + 64 prompt tokens at $0.075/M and 150 at $0.30/M: 225 + 45 millionths.
        assert_eq!(reserve_micros(Some(&listing), 2936, 150), 270);
        assert_eq!(reserve_micros(Some(&listing), 0, 1), 6, "rounded up");
        assert_eq!(reserve_micros(None, 1000, 150), 0);
        assert_eq!(reserve_micros(Some(&Listing::named("free")), 1000, 150), 0);
    }

    proptest! {
        #[test]
        fn the_limit_stays_between_one_and_the_most(most in 0_u32..300, steps in prop::collection::vec(any::<bool>(), 0..300)) {
            let mut concurrency = Concurrency::new(most);
            for (at, good) in steps.into_iter().enumerate() {
                let now = 10 * at as Millis;
                if good { concurrency.on_success() } else { concurrency.on_pressure(now - 5, now); }
                prop_assert!((1..=most.max(1) as usize).contains(&concurrency.limit()));
            }
        }
    }
}

//! When the blob store is asked next: after it did not answer, more and more rarely and with one document at a time; after it
//! refused, every few minutes. It asks nobody itself and writes nothing down.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::JobId;
use crate::text::Safe;

/// How often a blob store that refuses is asked again.
pub const PROBE: Duration = Duration::from_mins(3);
/// Uploads in a row that were not answered before all others are held back: a single one may be its own fault.
const IN_A_ROW: u32 = 3;
/// First and longest wait of the whole and of one upload; both double with each failure.
const WHOLE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
const ONE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(5));

/// See the module.
#[derive(Debug, Default)]
pub struct Hold {
    /// Uploads in a row that were not answered.
    in_a_row: u32,
    /// When the first of them came back.
    since: Option<Instant>,
    /// How often all were held back since then.
    times: u32,
    /// Nothing is claimed before.
    until: Option<Instant>,
    reason: Option<Safe>,
    refused: bool,
    /// How often each upload was not answered.
    jobs: HashMap<JobId, u32>,
}

impl Hold {
    /// How many may be in hand, out of so many: one while it is not known whether the blob store answers.
    pub fn most(&self, all: usize) -> usize {
        if self.refused || self.in_a_row >= IN_A_ROW { 1 } else { all }
    }

    /// Nothing is to be claimed before.
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// An upload was not answered; how long that one waits.
    pub fn unanswered(&mut self, now: Instant, job: JobId, reason: Safe) -> Duration {
        let times = self.jobs.entry(job).or_default();
        *times += 1;
        let wait = jittered(doubled(ONE, *times));
        self.in_a_row += 1;
        self.since.get_or_insert(now);
        self.reason = Some(reason);
        if self.in_a_row >= IN_A_ROW {
            // Those that were in flight together fail together: that is one failure.
            if self.until.is_none_or(|until| until <= now) {
                self.times += 1;
                self.until = Some(now + jittered(doubled(WHOLE, self.times)));
            }
        }
        wait
    }

    /// Why all uploads are held back and for how long, while they are because of no answer.
    pub fn held(&self, now: Instant) -> Option<(Safe, Duration)> {
        let until = self.until.filter(|_| !self.refused)?;
        Some((self.reason.clone()?, until.saturating_duration_since(now)))
    }

    /// The blob store refused; true when that is news.
    pub fn refused(&mut self, now: Instant, reason: Safe) -> bool {
        let news = !self.refused || self.reason.as_ref() != Some(&reason);
        (self.refused, self.reason, self.until) = (true, Some(reason), Some(now + PROBE));
        news
    }

    /// It had refused before this engine started: asked at once.
    pub fn refused_before(&mut self, reason: Safe) {
        (self.refused, self.reason, self.until) = (true, Some(reason), None);
    }

    /// Somebody has paused uploads; what is known already stays.
    pub fn refused_elsewhere(&mut self, now: Instant, reason: Safe) {
        if !self.refused {
            self.refused(now, reason);
        }
    }

    /// The refusal is over as far as a person says.
    pub fn lift_refusal(&mut self) {
        if self.refused {
            *self = Self { jobs: std::mem::take(&mut self.jobs), ..Self::default() };
        }
    }

    /// An upload came through; true when that ends a time without.
    pub fn stored(&mut self, job: JobId) -> bool {
        self.jobs.remove(&job);
        let news = self.refused || self.in_a_row >= IN_A_ROW;
        *self = Self { jobs: std::mem::take(&mut self.jobs), ..Self::default() };
        news
    }

    /// Why nothing can be stored within the horizon, if so.
    pub fn lasting(&self, now: Instant, horizon: Duration) -> Option<Safe> {
        let lasts = self.refused && self.until.is_some()
            || self.in_a_row >= IN_A_ROW && self.since.is_some_and(|since| now.saturating_duration_since(since) >= horizon);
        self.reason.clone().filter(|_| lasts)
    }
}

fn doubled((first, longest): (Duration, Duration), times: u32) -> Duration {
    first.saturating_mul(1 << times.saturating_sub(1).min(16)).min(longest)
}

/// Between a half and the whole: engines that lost the blob store together do not come back together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> Safe {
        Safe::line(text)
    }

    #[test]
    fn one_upload_without_an_answer_holds_no_other_back() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        for _ in 0..9 {
            assert!(hold.unanswered(now, JobId(1), why("reset")) <= Duration::from_mins(5));
            assert_eq!((hold.until(), hold.most(8)), (None, 8));
            assert!(!hold.stored(JobId(2)));
        }
        let wait = hold.unanswered(now, JobId(1), why("reset"));
        assert!(wait >= Duration::from_secs(150), "that one waits longer and longer: {wait:?}");
    }

    #[test]
    fn several_in_a_row_hold_all_back_more_and_more_and_one_asks() {
        let (mut hold, began) = (Hold::default(), Instant::now());
        for n in 0..3 {
            hold.unanswered(began, JobId(n), why("refused"));
        }
        assert_eq!(hold.most(8), 1);
        let (mut now, mut longest) = (began, Duration::ZERO);
        for n in 3..20 {
            longest = longest.max(hold.until().unwrap() - now);
            now = hold.until().unwrap();
            hold.unanswered(now, JobId(n), why("refused"));
        }
        assert!(longest > Duration::from_secs(25) && longest <= Duration::from_mins(1), "{longest:?}");
        assert!(hold.lasting(now, Duration::from_mins(2)).is_some() && hold.lasting(now, Duration::from_hours(2)).is_none());
        assert!(hold.stored(JobId(20)), "that ends it");
        assert_eq!((hold.until(), hold.most(8), hold.lasting(now, Duration::ZERO)), (None, 8, None));
    }

    #[test]
    fn those_that_fail_together_do_not_make_the_next_wait_longer() {
        let (mut hold, began) = (Hold::default(), Instant::now());
        for n in 0..10 {
            hold.unanswered(began, JobId(n), why("refused"));
        }
        let again = hold.until().unwrap();
        assert!(again <= began + Duration::from_secs(1));
        hold.unanswered(again, JobId(10), why("refused"));
        assert!(hold.until().unwrap() <= again + Duration::from_secs(2), "the second wait, not the ninth");
    }

    #[test]
    fn a_refusal_is_asked_about_every_few_minutes_and_at_once_after_a_start() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        assert!(hold.refused(now, why("AccessDenied")));
        assert!(!hold.refused(now, why("AccessDenied")), "no news");
        assert_eq!((hold.until(), hold.most(8)), (Some(now + PROBE), 1));
        assert_eq!(hold.lasting(now, Duration::from_hours(9)).as_deref(), Some("AccessDenied"));
        hold.lift_refusal();
        assert_eq!((hold.until(), hold.most(8)), (None, 8));
        hold.refused_before(why("AccessDenied"));
        assert_eq!((hold.until(), hold.most(8), hold.lasting(now, Duration::ZERO)), (None, 1, None), "not known any more");
    }
}

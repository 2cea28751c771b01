//! A circuit breaker on the wall clock: it stops calls to what keeps failing and lets one probe find out when it is back.
//! It judges no answer: the route says what was a failure (content errors and cancellations are none).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::domain::{BreakerState, Millis};

/// Failures in a row that open it.
const STREAK: u32 = 3;
/// Window of the failure rate, milliseconds.
const WINDOW: Millis = 60_000;
/// Calls in the window below which the rate says nothing.
const ENOUGH: usize = 6;
/// Calls of the window that are kept; the rate is as good with these as with all.
const KEPT: usize = 64;
/// First time it stays open, milliseconds; doubles with each failed probe.
const OPEN_FIRST: Millis = 30_000;
/// Longest time it stays open by itself, milliseconds.
const OPEN_MOST: Millis = 600_000;
/// A probe that nobody reports on is lost after this long, milliseconds; then another may go.
pub const PROBE_LEASE: Millis = 60_000;

/// Whether a call may go out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Any number.
    Closed,
    /// One, to find out; take it with [`Breaker::take`].
    Probe,
    /// None before this time.
    Open(Millis),
}

/// State of one breaker; serialised as JSON it is kept in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    /// Failures since the last success.
    streak: u32,
    /// Calls of the last 60 s: when, and whether each failed.
    recent: VecDeque<(Millis, bool)>,
    /// Set while not closed: no call before this time, then probes.
    open_until: Option<Millis>,
    /// Times it opened since it was last closed.
    trips: u32,
    /// Opened by a time that the server named, not by failures.
    held: bool,
    /// End of the lease of the probe that is out.
    probe_until: Option<Millis>,
}

impl Breaker {
    /// Whether a call may go out at `now`.
    pub fn gate(&self, now: Millis) -> Gate {
        match (self.open_until, self.probe_until) {
            (None, _) => Gate::Closed,
            (Some(until), _) if now < until => Gate::Open(until),
            // A clock that was set back must not stretch the lease.
            (Some(_), Some(lease)) if now < lease && lease - now <= PROBE_LEASE => Gate::Open(lease),
            (Some(_), _) => Gate::Probe,
        }
    }

    /// As shown, with the time at which an open one half-opens.
    pub fn state(&self, now: Millis) -> (BreakerState, Option<Millis>) {
        match self.open_until {
            None => (BreakerState::Closed, None),
            Some(until) if now < until => (BreakerState::Open, Some(until)),
            Some(_) => (BreakerState::HalfOpen, None),
        }
    }

    /// Takes leave to call at `now`; a probe is leased for [`PROBE_LEASE`]. False: no call.
    pub fn take(&mut self, now: Millis) -> bool {
        match self.gate(now) {
            Gate::Closed => true,
            Gate::Probe => {
                self.probe_until = Some(now + PROBE_LEASE);
                true
            }
            Gate::Open(_) => false,
        }
    }

    /// A call went well: closed, unless a time that the server named is still to come (then this is late news of a call
    /// that went out before). True when that changed something.
    pub fn on_success(&mut self, now: Millis) -> bool {
        self.remember(now, false);
        self.streak = 0;
        self.probe_until = None;
        if self.is_held(now) {
            return false;
        }
        let was_open = self.open_until.take().is_some();
        if was_open {
            self.trips = 0;
            self.recent.clear();
        }
        was_open
    }

    /// A call failed. True when it opened because of that.
    pub fn on_failure(&mut self, now: Millis) -> bool {
        self.remember(now, true);
        self.streak = self.streak.saturating_add(1);
        match self.state(now).0 {
            BreakerState::HalfOpen => {
                self.trip(now);
                true
            }
            BreakerState::Closed if self.streak >= STREAK || self.rate_is_bad() => {
                self.trip(now);
                true
            }
            // While open: late news of calls that went out before, known already.
            BreakerState::Closed | BreakerState::Open | BreakerState::Off => false,
        }
    }

    /// Which opening a probe now would be for: its end, since a later opening ends later. `None`: it is not half-open.
    pub fn opening(&self, now: Millis) -> Option<Millis> {
        self.open_until.filter(|until| *until <= now)
    }

    /// Somebody else's probe of this opening is out; nobody here need try before `until`.
    pub fn leave_to_others(&mut self, until: Millis, now: Millis) {
        self.probe_until = Some(until.min(now + PROBE_LEASE));
    }

    /// A call came to something that says nothing about the model; a probe is given back.
    pub fn on_neutral(&mut self) {
        self.probe_until = None;
    }

    /// Opens it now, twice as long as the last time, 30 s at first, 10 min at most.
    pub fn trip(&mut self, now: Millis) {
        let open = OPEN_FIRST.saturating_mul(1 << self.trips.min(10)).min(OPEN_MOST);
        self.trips = self.trips.saturating_add(1);
        self.open_until = self.open_until.max(Some(now + open));
        self.held = self.is_held(now);
        self.probe_until = None;
    }

    /// Keeps it open until a time that the server named (a 429's hint); never shortens.
    pub fn hold(&mut self, until: Millis) {
        self.open_until = self.open_until.max(Some(until));
        self.held = true;
        self.probe_until = None;
    }

    /// True while it is open because the server said until when.
    pub fn is_held(&self, now: Millis) -> bool {
        self.held && self.open_until.is_some_and(|until| now < until)
    }

    fn remember(&mut self, now: Millis, failed: bool) {
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back((now, failed));
        self.recent.retain(|(at, _)| now - at < WINDOW);
    }

    fn rate_is_bad(&self) -> bool {
        let failed = self.recent.iter().filter(|(_, failed)| *failed).count();
        self.recent.len() >= ENOUGH && failed * 2 >= self.recent.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened_at(now: Millis) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.on_failure(now);
        }
        breaker
    }

    #[test]
    fn three_failures_in_a_row_open_it_for_thirty_seconds() {
        let mut breaker = Breaker::default();
        assert!(!breaker.on_failure(0) && !breaker.on_failure(1));
        assert_eq!(breaker.gate(2), Gate::Closed);
        assert!(breaker.on_failure(2));
        assert_eq!((breaker.gate(3), breaker.gate(30_002)), (Gate::Open(30_002), Gate::Probe));
    }

    #[test]
    fn half_of_six_calls_in_a_minute_open_it() {
        let mut breaker = Breaker::default();
        for at in 0..5 {
            if at % 2 == 0 {
                breaker.on_success(at)
            } else {
                breaker.on_failure(at)
            };
        }
        assert_eq!(breaker.gate(5), Gate::Closed);
        assert!(breaker.on_failure(5), "3 of 6 failed, never 3 in a row");
    }

    #[test]
    fn failures_over_a_minute_old_are_forgotten_by_the_rate() {
        let mut breaker = Breaker::default();
        for at in [0, 1, 2] {
            breaker.on_failure(at * 10);
            breaker.on_success(at * 10);
        }
        assert!(!breaker.on_failure(70_000));
    }

    #[test]
    fn each_failed_probe_doubles_the_wait_up_to_ten_minutes() {
        let mut breaker = opened_at(0);
        let mut now = 30_000;
        for seconds in [60, 120, 240, 480, 600, 600] {
            assert!(breaker.take(now));
            assert!(breaker.on_failure(now));
            assert_eq!(breaker.gate(now), Gate::Open(now + seconds * 1000));
            now += seconds * 1000;
        }
        assert!(breaker.take(now) && breaker.on_success(now));
        assert_eq!((breaker.gate(now), opened_at(now).gate(now)), (Gate::Closed, Gate::Open(now + 30_000)));
    }

    #[test]
    fn one_probe_at_a_time_and_a_lost_one_does_not_block_for_ever() {
        let mut breaker = opened_at(0);
        assert!(breaker.take(30_000) && !breaker.take(30_001));
        assert_eq!(breaker.gate(30_001), Gate::Open(30_000 + PROBE_LEASE));
        assert!(breaker.take(30_000 + PROBE_LEASE));
        breaker.on_neutral();
        assert!(breaker.take(95_000), "a cancelled probe is given back");
    }

    #[test]
    fn late_failures_of_calls_in_flight_do_not_prolong_it() {
        let mut breaker = opened_at(0);
        assert!(!breaker.on_failure(500));
        assert_eq!(breaker.gate(501), Gate::Open(30_000));
    }

    #[test]
    fn late_success_does_not_lift_a_limit_the_server_named() {
        let mut breaker = Breaker::default();
        breaker.hold(5_000);
        assert!(!breaker.on_success(100));
        assert_eq!(breaker.gate(101), Gate::Open(5_000));
        assert!(breaker.take(5_000) && breaker.on_success(5_001));
        assert!(opened_at(0).on_success(100), "but it does close what failures opened");
    }

    #[test]
    fn a_clock_set_back_does_not_stretch_a_probe() {
        let mut breaker = opened_at(0);
        breaker.hold(1_000_000);
        assert!(breaker.take(1_000_000));
        let mut kept = breaker.clone();
        kept.open_until = Some(0);
        assert_eq!(kept.gate(900_000), Gate::Probe);
    }

    #[test]
    fn it_survives_the_database() {
        let breaker = opened_at(7);
        let json = serde_json::to_string(&breaker).unwrap();
        assert_eq!(serde_json::from_str::<Breaker>(&json).unwrap(), breaker);
        assert_eq!(serde_json::from_str::<Breaker>("{}").unwrap(), Breaker::default());
    }
}

//! One pass over the route for one post: visits each healthy model in turn until one answers.
//! It moves and counts; what an outcome leads to stands in `decide`, what the pass comes to in `end`.

mod end;

use std::time::Duration;

use super::health::{Availability, Cause, Health};
use super::visit::Visit;
use super::{Call, Note, PassEnd, Rules, Step};
use crate::domain::{BreakerState, Millis, Outcome, PassedOver, Turn, Unfit, Why};
use crate::llm::Verdict;
use crate::text::Safe;

/// Hints up to here are waited out when there is nobody else to ask.
pub(super) const SHORT: Duration = Duration::from_secs(10);
/// Longest wait before a retry.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// State of one pass. Ask [`Pass::next`] what to do, do it, tell [`Pass::report`] how a call went, and so on until done.
/// A pass that is dropped midway leaves nothing behind but a probe's lease, which ends by itself.
#[derive(Clone, Debug)]
pub struct Pass {
    pub(super) rules: Rules,
    rng: fastrand::Rng,
    /// No call starts after this; set with the first call, so waiting for a permit costs nothing.
    deadline: Option<Millis>,
    /// HTTP calls so far.
    calls: u32,
    /// Models in the order of their turns: the route's, the one asked for before them.
    turns: Vec<usize>,
    /// The model that an operator asked for.
    asked: Option<usize>,
    /// How each model's visit ended, by index.
    over: Vec<Option<Said>>,
    pub(super) visit: Option<Visit>,
    /// Nothing before this time.
    wake: Option<Millis>,
    /// Told with the next report.
    notes: Vec<Note>,
    /// Characters of the text; halved for good by a 413.
    pub(super) text_chars: usize,
    /// A 413 came.
    pub(super) was_too_large: bool,
    end: Option<PassEnd>,
}

/// The last word of a model.
#[derive(Clone, Debug)]
struct Said {
    outcome: Outcome,
    reason: Safe,
    /// Place among the visits, from 1.
    order: usize,
}

/// What follows from a verdict.
pub(super) enum Next {
    /// The pass is over.
    End(PassEnd),
    /// The same request again after this long.
    Retry(Duration),
    /// A corrected request, at once.
    Again,
    /// The next model.
    Leave,
}

impl Pass {
    /// A pass over `models` models; `seed` makes its jitter reproducible.
    pub fn new(rules: &Rules, models: usize, seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            deadline: None,
            calls: 0,
            turns: (0..models).collect(),
            asked: None,
            over: vec![None; models],
            visit: None,
            wake: None,
            notes: Vec::new(),
            text_chars: rules.text_chars,
            was_too_large: false,
            end: None,
            rules: rules.clone(),
        }
    }

    /// The post's own length, characters: a text shorter than the settings allow must really be halved by a 413.
    #[must_use]
    pub fn with_text_of(mut self, chars: usize) -> Self {
        self.text_chars = self.text_chars.min(chars);
        self
    }

    /// An operator asked for this model, of the route or beside it: it goes first, and until it is left it gets the retries of a
    /// model that is alone. A breaker that only failures have opened does not keep it from being asked.
    #[must_use]
    pub fn asking(mut self, model: usize) -> Self {
        self.turns.retain(|turn| *turn != model);
        self.turns.insert(0, model);
        self.over.resize(self.over.len().max(model + 1), None);
        self.asked = Some(model);
        self
    }

    /// What to do at `now`. A [`Step::Call`] must be followed by [`Pass::report`].
    pub fn next(&mut self, health: &mut Health, now: Millis) -> Step {
        loop {
            if let Some(end) = &self.end {
                return Step::Done(end.clone());
            }
            if let Some(until) = self.wake.filter(|until| now < *until) {
                return Step::Wait { until };
            }
            self.wake = None;
            let Some(visit) = &self.visit else {
                self.advance(health, now);
                continue;
            };
            if visit.in_flight {
                return Step::Call(self.call(health));
            }
            if self.may_call(health, now) {
                return Step::Call(self.send(health, now));
            }
            // Another pass closed it meanwhile; a model that was never asked here may still get its turn.
            let (from, calls, after_retries) = (visit.model, visit.calls, visit.retries);
            self.visit = None;
            self.advance(health, now);
            if let (Some(to), Some(said), 1..) = (self.visit.as_ref().map(|visit| visit.model), &self.over[from], calls) {
                let (outcome, reason) = (said.outcome, said.reason.clone());
                self.notes.push(Note::Fallback { from, to, outcome, reason, after_retries });
            }
        }
    }

    /// How the call of the last [`Step::Call`] went. The notes are in the order in which things happened.
    pub fn report(&mut self, verdict: &Verdict, health: &mut Health, now: Millis) -> Vec<Note> {
        let Some(visit) = self.visit.as_mut().filter(|visit| visit.in_flight) else { return Vec::new() };
        visit.in_flight = false;
        let from = visit.model;
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(health.observe(from, verdict.outcome, &verdict.reason, now));
        let next = self.decide(verdict, health, now, &mut notes);
        let said = Said { outcome: verdict.outcome, reason: verdict.reason.clone(), order: self.order() };
        match next {
            Next::End(end) => self.end = Some(end),
            Next::Retry(wait) => {
                self.goes_on(verdict.outcome, false);
                self.wake = Some(now.saturating_add(millis(wait)));
                self.over[from] = Some(said);
                notes.push(Note::Retry { model: from, outcome: verdict.outcome, wait, reason: verdict.reason.clone() });
            }
            Next::Again => {
                self.goes_on(verdict.outcome, true);
                self.over[from] = Some(said);
                // A format's step down has its own note and spends no retry.
                if verdict.outcome != Outcome::FormatUnsupported {
                    let (wait, reason) = (Duration::ZERO, verdict.reason.clone());
                    notes.push(Note::Retry { model: from, outcome: verdict.outcome, wait, reason });
                }
            }
            Next::Leave => {
                let after_retries = self.visit.take().map_or(0, |visit| visit.retries);
                self.over[from] = Some(said);
                self.advance(health, now);
                if let Some(to) = self.visit.as_ref().map(|visit| visit.model) {
                    let (outcome, reason) = (verdict.outcome, verdict.reason.clone());
                    notes.push(Note::Fallback { from, to, outcome, reason, after_retries });
                }
            }
        }
        notes
    }

    /// Instead of [`Pass::report`]: our own limit (calls a minute or a day, money) let no call out before `until`. A short
    /// wait is waited out when there is nobody else to ask; otherwise the whole provider rests until then.
    pub fn denied(&mut self, until: Millis, reason: &Safe, health: &mut Health, now: Millis) -> Vec<Note> {
        let Some(visit) = self.visit.as_mut().filter(|visit| visit.in_flight) else { return Vec::new() };
        visit.in_flight = false;
        visit.calls -= 1;
        let (from, after_retries) = (visit.model, visit.retries);
        self.calls = self.calls.saturating_sub(1);
        health.give_back(from);
        let mut notes = std::mem::take(&mut self.notes);
        let until = until.max(now + 1);
        let wait = Duration::from_millis(u64::try_from(until - now).unwrap_or(0));
        if wait <= SHORT && self.others(health, now) == 0 && self.may_repeat(wait, health, now) {
            self.wake = Some(until);
            return notes;
        }
        let outcome = Outcome::RateLimited;
        notes.extend(health.close_provider(from, Some(until), Cause { outcome, reason: reason.clone() }, now));
        self.over[from] = Some(Said { outcome, reason: reason.clone(), order: self.order() });
        self.visit = None;
        self.advance(health, now);
        if let Some(to) = self.visit.as_ref().map(|visit| visit.model) {
            notes.push(Note::Fallback { from, to, outcome, reason: reason.clone(), after_retries });
        }
        notes
    }

    /// Instead of [`Pass::report`]: another worker's call is out that finds out what this one was to. The pass goes on without the
    /// model, which nobody here asks before `until`.
    pub fn left_to_others(&mut self, until: Millis, health: &mut Health, now: Millis) {
        let Some(visit) = self.visit.as_mut().filter(|visit| visit.in_flight) else { return };
        visit.in_flight = false;
        visit.calls -= 1;
        self.calls = self.calls.saturating_sub(1);
        let left = visit.model;
        health.leave_to_others(left, until, now);
        self.notes.retain(|note| !matches!(note, Note::Breaker { model, state: BreakerState::HalfOpen, .. } if *model == left));
    }

    /// HTTP calls made so far.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// Healthy models that have not had their turn, the built-in tagger not among them: it is the last resort, no rival.
    pub(super) fn others(&self, health: &Health, now: Millis) -> u32 {
        // Who asked for this model does not want it left for another.
        if self.is_at_asked() { 0 } else { self.untried(health, now) }
    }

    fn untried(&self, health: &Health, now: Millis) -> u32 {
        let others = self
            .turns
            .iter()
            .filter(|index| self.is_untried(**index) && is_usable(health, **index, now) && !is_keywords(health, **index));
        others.count() as u32
    }

    fn is_at_asked(&self) -> bool {
        self.asked.is_some() && self.asked == self.visit.as_ref().map(|visit| visit.model)
    }

    fn goes_on(&mut self, after: Outcome, corrected: bool) {
        if let Some(visit) = &mut self.visit {
            visit.last = Some((after, corrected));
        }
    }

    /// True when one more call here leaves one for each healthy model that is still to come, and time is left after `wait`.
    pub(super) fn may_repeat(&self, wait: Duration, health: &Health, now: Millis) -> bool {
        let untried = self.untried(health, now);
        let kept = if self.is_at_asked() { untried.min(1) } else { untried };
        let room = self.calls.saturating_add(kept) < self.rules.pass_calls.max(1);
        room && self.deadline.is_none_or(|deadline| now.saturating_add(millis(wait)) < deadline)
    }

    /// The wait before the retry after `spent` others: delay · 2ⁿ, ±20 %, 60 s at most.
    pub(super) fn backoff(&mut self, spent: u32) -> Duration {
        let jitter = 0.8 + 0.4 * self.rng.f64();
        let factor = f64::from(2_u32.saturating_pow(spent.min(16))) * jitter;
        self.rules.retry_delay.min(LONGEST_WAIT).mul_f64(factor).min(LONGEST_WAIT)
    }

    fn order(&self) -> usize {
        self.over.iter().flatten().map(|said| said.order).max().unwrap_or(0) + 1
    }

    fn is_untried(&self, index: usize) -> bool {
        self.over[index].is_none() && self.visit.as_ref().is_none_or(|visit| visit.model != index)
    }

    /// Running out of anything on one model comes here, and from here only to another model or the end.
    fn advance(&mut self, health: &Health, now: Millis) {
        let used_up = self.used_up(now);
        let turn = self.turns.iter().copied().find(|index| {
            self.is_untried(*index)
                && self.may_be_asked(health, *index, now)
                && (used_up.is_none() || is_keywords(health, *index))
        });
        match turn {
            Some(model) => {
                let why = self.why(model, health, now);
                self.visit = Some(Visit::new(model, self.text_chars, health.models[model].reasoning_off, why));
            }
            None => self.end = Some(self.finish(used_up, health, now)),
        }
    }

    /// A half-open one that another pass is finding out about is left to that.
    fn may_be_asked(&self, health: &Health, index: usize, now: Millis) -> bool {
        let insisted = || health.only_failures_block(index, now) && health.probes(index, now).is_empty();
        is_usable(health, index, now) || self.asked == Some(index) && insisted()
    }

    /// Why it is this model's turn, and which before it could not have theirs.
    fn why(&self, model: usize, health: &Health, now: Millis) -> Why {
        let before = self.turns.iter().copied().take_while(|index| *index != model).filter(|index| self.over[*index].is_none());
        let passed_over = before.filter_map(|index| {
            let because = match health.availability(index, now) {
                Availability::Available | Availability::ProbeOnly => return None,
                Availability::Until(..) => Unfit::Open,
                Availability::Off(_) => Unfit::Off,
                Availability::Paused(..) => Unfit::Paused,
            };
            Some(PassedOver { model: health.key(index)?.clone(), because })
        });
        let passed_over = passed_over.collect();
        let said = self.over.iter().enumerate().filter_map(|(index, said)| Some((index, said.as_ref()?)));
        match said.max_by_key(|(_, said)| said.order) {
            Some((from, said)) => {
                Why { turn: Turn::Fallback, from: health.key(from).cloned(), after: Some(said.outcome), passed_over }
            }
            None => Why { passed_over, ..Why::of(if self.asked == Some(model) { Turn::Asked } else { Turn::First }) },
        }
    }

    /// Which limit of the pass is reached, in words.
    fn used_up(&self, now: Millis) -> Option<String> {
        if self.calls >= self.rules.pass_calls.max(1) {
            Some(match self.calls {
                1 => "the one call of a pass is used up".to_owned(),
                calls => format!("{calls} calls of one pass are used up"),
            })
        } else if self.deadline.is_some_and(|deadline| now >= deadline) {
            Some(format!("{} s of one pass are used up", self.rules.pass_time.as_secs()))
        } else {
            None
        }
    }

    fn may_call(&self, health: &Health, now: Millis) -> bool {
        let Some(visit) = &self.visit else { return false };
        if is_keywords(health, visit.model) {
            return is_usable(health, visit.model, now);
        }
        // Its own failures may have opened the breaker: with nobody else to ask, the pass still spends its few retries.
        let own_retry = visit.calls > 0 && !visit.probe && self.others(health, now) == 0;
        let open = self.may_be_asked(health, visit.model, now) || own_retry && health.only_failures_block(visit.model, now);
        open && self.used_up(now).is_none()
    }

    fn send(&mut self, health: &mut Health, now: Millis) -> Call {
        let deadline = now.saturating_add(millis(self.rules.pass_time));
        if let Some(visit) = &mut self.visit {
            let keywords = is_keywords(health, visit.model);
            visit.probes = health.probes(visit.model, now);
            let half_open = !keywords && health.take(visit.model, now);
            visit.probe |= half_open;
            visit.in_flight = true;
            visit.calls += 1;
            if half_open {
                let reason = Safe::fixed("one call to find out whether it is back");
                self.notes.push(Note::Breaker { model: visit.model, state: BreakerState::HalfOpen, until: None, reason });
            }
            if !keywords {
                self.calls += 1;
                self.deadline.get_or_insert(deadline);
            }
        }
        self.call(health)
    }

    fn call(&self, health: &Health) -> Call {
        let visit = self.visit.as_ref();
        let model = visit.map_or(0, |visit| visit.model);
        let known = &health.models[model];
        let tokens = self.rules.max_tokens;
        Call {
            model,
            format: known.format,
            max_tokens: if visit.is_some_and(Visit::wants_more_tokens) { tokens.saturating_mul(2) } else { tokens },
            reasoning_off: visit.is_some_and(|visit| visit.reasoning_off),
            without: known.without.iter().cloned().collect(),
            text_chars: visit.map_or(self.text_chars, |visit| visit.text_chars),
            repair: visit.and_then(|visit| visit.repair.clone()),
            why: visit.map_or(Why::of(Turn::First), Visit::why),
            probes: visit.map(|visit| visit.probes.clone()).unwrap_or_default(),
        }
    }
}

fn is_keywords(health: &Health, index: usize) -> bool {
    health.key(index).is_some_and(crate::domain::ModelKey::is_local_keywords)
}

fn is_usable(health: &Health, index: usize, now: Millis) -> bool {
    matches!(health.availability(index, now), Availability::Available | Availability::ProbeOnly)
}

pub(super) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

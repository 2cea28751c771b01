//! What all passes of one engine know together about each model: breaker, format, parameters, pauses.
//! It decides on no pass; it only answers "may this model be asked now" and takes note of what came back.

use std::collections::{BTreeMap, BTreeSet};

use super::sign::{self, Sign};
use super::{Note, RouteModel};
use crate::domain::{BreakerState, Millis, ModelKey, Outcome, Pause, PauseScope, Probe};
use crate::llm::Format;
use crate::llm::breaker::{Breaker, Gate};
use crate::text::Safe;

/// How long to put a post off when only the operator can help, milliseconds.
const ASK_OPERATOR: Millis = 60_000;

/// Whether a model may be asked now.
#[derive(Clone, Debug, PartialEq)]
pub enum Availability {
    /// Yes.
    Available,
    /// By one pass, to find out whether it is back.
    ProbeOnly,
    /// Not before this time.
    Until(Millis, Cause),
    /// Not until the route is checked again.
    Off(Safe),
    /// Not while this pause is in force; `None`: until the operator ends it.
    Paused(PauseScope, Option<Millis>, Cause),
}

/// Why something is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The class it followed from.
    pub outcome: Outcome,
    /// In words.
    pub reason: Safe,
}

/// No model of the route may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When the first may be asked again; a minute from now when only the operator can help.
    pub until: Millis,
    /// Why.
    pub cause: Cause,
    /// True when time alone changes nothing.
    pub needs_operator: bool,
}

/// What is known of every model of the route, in its order.
#[derive(Clone, Debug)]
pub struct Health {
    pub(super) models: Vec<ModelHealth>,
    /// The first of them, which are the route; behind them stand models that were asked for by name.
    own: usize,
    pub(super) providers: BTreeMap<String, Fused>,
    pauses: BTreeMap<PauseScope, (Pause, Outcome)>,
}

#[derive(Clone, Debug)]
pub(super) struct ModelHealth {
    pub key: ModelKey,
    pub fuse: Fused,
    pub format: Format,
    pub without: BTreeSet<String>,
    pub reasoning_off: bool,
    pub off: Option<Safe>,
}

/// A breaker and why it opened last.
#[derive(Clone, Debug, Default)]
pub(super) struct Fused {
    pub breaker: Breaker,
    pub cause: Option<Cause>,
}

impl Health {
    /// Everything healthy, nothing known yet.
    pub fn new(models: &[RouteModel]) -> Self {
        let models: Vec<_> = models.iter().map(|model| ModelHealth::new(&model.key)).collect();
        Self { own: models.len(), models, providers: BTreeMap::new(), pauses: BTreeMap::new() }
    }

    /// Adds a model that is none of the route's but was asked for by name; its place.
    pub fn admit(&mut self, key: &ModelKey) -> usize {
        self.models.push(ModelHealth::new(key));
        self.models.len() - 1
    }

    /// Models of the route.
    pub fn len(&self) -> usize {
        self.own
    }

    /// True for a route without any model.
    pub fn is_empty(&self) -> bool {
        self.own == 0
    }

    /// Which model stands at `index`.
    pub fn key(&self, index: usize) -> Option<&ModelKey> {
        self.models.get(index).map(|model| &model.key)
    }

    /// Whether model `index` may be asked at `now`. `local/keywords` always may, but for the operator's pause of everything.
    pub fn availability(&self, index: usize, now: Millis) -> Availability {
        self.models.get(index).and_then(|model| self.paused(&model.key, now)).unwrap_or_else(|| self.unpaused(index, now))
    }

    /// The same, had nothing been paused.
    fn unpaused(&self, index: usize, now: Millis) -> Availability {
        let Some(model) = self.models.get(index) else { return Availability::Off(Safe::fixed("not in the route")) };
        if model.key.is_local_keywords() {
            return Availability::Available;
        }
        if let Some(reason) = &model.off {
            return Availability::Off(reason.clone());
        }
        let provider = self.providers.get(&model.key.provider).map_or(Availability::Available, |fuse| fuse.availability(now));
        let model = model.fuse.availability(now);
        match (provider, model) {
            (Availability::Until(a, first), Availability::Until(b, second)) => {
                if a >= b {
                    Availability::Until(a, first)
                } else {
                    Availability::Until(b, second)
                }
            }
            (closed @ Availability::Until(..), _) | (_, closed @ Availability::Until(..)) => closed,
            (Availability::ProbeOnly, _) | (_, Availability::ProbeOnly) => Availability::ProbeOnly,
            _ => Availability::Available,
        }
    }

    /// The widest pause that covers this model.
    fn paused(&self, key: &ModelKey, now: Millis) -> Option<Availability> {
        if self.pauses.is_empty() {
            return None;
        }
        let scopes = [
            Some(PauseScope::All),
            (!key.is_local_keywords()).then(|| PauseScope::Provider(key.provider.clone())),
            key.is_free().then(|| PauseScope::Free(key.provider.clone())),
        ];
        for scope in scopes.into_iter().flatten() {
            if let Some((pause, outcome)) =
                self.pauses.get(&scope).filter(|(pause, _)| pause.until.is_none_or(|until| now < until))
            {
                let cause = Cause { outcome: *outcome, reason: pause.reason.clone() };
                return Some(Availability::Paused(scope, pause.until, cause));
            }
        }
        None
    }

    /// `None` while some model may be asked; otherwise since when not and why: claim nothing until then.
    pub fn closed(&self, now: Millis) -> Option<Closed> {
        let mut first: Option<(Millis, Cause)> = None;
        let mut stuck = Cause { outcome: Outcome::ModelGone, reason: Safe::fixed("the route has no model in service") };
        for index in 0..self.own {
            match self.availability(index, now) {
                Availability::Available | Availability::ProbeOnly => return None,
                Availability::Until(until, cause) | Availability::Paused(_, Some(until), cause) => {
                    if first.as_ref().is_none_or(|(earliest, _)| until < *earliest) {
                        first = Some((until, cause));
                    }
                }
                Availability::Paused(_, None, cause) => stuck = cause,
                Availability::Off(_) => {}
            }
        }
        Some(match first {
            Some((until, cause)) => Closed { until: until.max(now + 1), cause, needs_operator: false },
            None => Closed { until: now + ASK_OPERATOR, cause: stuck, needs_operator: true },
        })
    }

    /// For the scoreboard: the model's own state, when it half-opens, and why it is not closed; pauses are told apart from it.
    pub fn score(&self, index: usize, now: Millis) -> (BreakerState, Option<Millis>, Option<Safe>) {
        match self.unpaused(index, now) {
            Availability::Available => (BreakerState::Closed, None, None),
            Availability::ProbeOnly => {
                (BreakerState::HalfOpen, None, self.models[index].fuse.cause.as_ref().map(|cause| cause.reason.clone()))
            }
            Availability::Until(until, cause) => (BreakerState::Open, Some(until), Some(cause.reason)),
            Availability::Off(reason) => (BreakerState::Off, None, Some(reason)),
            Availability::Paused(_, until, cause) => (BreakerState::Open, until, Some(cause.reason)),
        }
    }

    /// Puts a pause in force (from the database, or the operator's); an older one of the same scope is replaced.
    pub fn set_pause(&mut self, pause: &Pause) {
        let outcome = match pause.scope {
            // Uploads ask no model.
            PauseScope::Uploads => return,
            PauseScope::All => Outcome::Cancelled,
            PauseScope::Provider(_) => Outcome::OutOfCredit,
            PauseScope::Free(_) => Outcome::FreeDaily,
        };
        self.pauses.insert(pause.scope.clone(), (pause.clone(), outcome));
    }

    /// Ends one pause.
    pub fn clear_pause(&mut self, scope: &PauseScope) {
        self.pauses.remove(scope);
    }

    /// Ends every pause: the operator said so.
    pub fn clear_pauses(&mut self) {
        self.pauses.clear();
    }

    /// Pauses in force at `now`.
    pub fn pauses(&self, now: Millis) -> Vec<Pause> {
        let active = self.pauses.values().map(|(pause, _)| pause).filter(|pause| pause.until.is_none_or(|until| now < until));
        active.cloned().collect()
    }

    /// The route was checked: exactly these models are off from now on.
    pub fn route_checked(&mut self, gone: &[(ModelKey, Safe)]) {
        for model in &mut self.models {
            model.off = gone.iter().find(|(key, _)| *key == model.key).map(|(_, reason)| reason.clone());
        }
    }

    /// True when the pause is new or another one than before. What several calls in flight are told within seconds is one
    /// pause, though each names another end: the first stays.
    pub(super) fn pause_for(&mut self, pause: &Pause, outcome: Outcome, now: Millis) -> bool {
        const SAME: u64 = 5_000;
        let old = self.pauses.get(&pause.scope).map(|(old, _)| old.until);
        let told = match (old, pause.until) {
            (Some(Some(old)), Some(new)) => old > now && old.abs_diff(new) <= SAME,
            (Some(old), new) => old == new,
            (None, _) => false,
        };
        if !told {
            self.pauses.insert(pause.scope.clone(), (pause.clone(), outcome));
        }
        !told
    }

    /// Takes leave to call; `Some(true)` when the call is a probe. Call only after [`Health::availability`] said yes.
    pub(super) fn take(&mut self, index: usize, now: Millis) -> bool {
        let probe = self.availability(index, now) == Availability::ProbeOnly;
        let model = &mut self.models[index];
        if !model.key.is_local_keywords() {
            model.fuse.breaker.take(now);
            if let Some(fuse) = self.providers.get_mut(&model.key.provider) {
                fuse.breaker.take(now);
            }
        }
        probe
    }

    /// What one call to model `index` would find out about now: its half-open breaker, its provider's.
    pub fn probes(&self, index: usize, now: Millis) -> Vec<Probe> {
        let Some(ModelHealth { key, fuse, .. }) = self.models.get(index).filter(|model| !model.key.is_local_keywords()) else {
            return Vec::new();
        };
        let provider = self.providers.get(&key.provider).and_then(|fuse| fuse.breaker.opening(now));
        let whole = ModelKey { provider: key.provider.clone(), model: String::new() };
        let all = [(whole, provider), (key.clone(), fuse.breaker.opening(now))];
        all.into_iter().filter_map(|(of, opening)| Some(Probe { of, opening: opening? })).collect()
    }

    /// Another worker finds that out; nobody here need try before `until`.
    pub(super) fn leave_to_others(&mut self, index: usize, until: Millis, now: Millis) {
        let model = &mut self.models[index];
        let provider = self.providers.get_mut(&model.key.provider);
        for fuse in provider.into_iter().chain([&mut model.fuse]).filter(|fuse| fuse.breaker.opening(now).is_some()) {
            fuse.breaker.leave_to_others(until, now);
        }
    }

    /// A call that was taken leave for never went out.
    pub(super) fn give_back(&mut self, index: usize) {
        let model = &mut self.models[index];
        model.fuse.breaker.on_neutral();
        if let Some(fuse) = self.providers.get_mut(&model.key.provider) {
            fuse.breaker.on_neutral();
        }
    }

    /// True when nothing but the model's own breaker stands in the way, opened by failures and not by a limit.
    pub(super) fn only_failures_block(&self, index: usize, now: Millis) -> bool {
        let model = &self.models[index];
        let provider_lets = self.providers.get(&model.key.provider).is_none_or(|fuse| fuse.breaker.gate(now) == Gate::Closed);
        provider_lets && !model.fuse.breaker.is_held(now) && matches!(self.availability(index, now), Availability::Until(..))
    }

    /// Books an outcome on the breakers of model and provider.
    pub(super) fn observe(&mut self, index: usize, outcome: Outcome, reason: &Safe, now: Millis) -> Vec<Note> {
        let mut notes = Vec::new();
        let model = &mut self.models[index];
        if model.key.is_local_keywords() {
            return notes;
        }
        let cause = Cause { outcome, reason: reason.clone() };
        if model.fuse.book(sign::for_model(outcome), &cause, now) {
            notes.push(breaker_note(index, &model.fuse, now));
        }
        let provider = model.key.provider.clone();
        let fuse = self.providers.entry(provider.clone()).or_default();
        if fuse.book(sign::for_provider(outcome), &cause, now) {
            notes.push(provider_note(provider, fuse, now));
        }
        notes
    }

    /// Closes one model until a time that its provider named.
    pub(super) fn hold_model(&mut self, index: usize, until: Millis, cause: Cause, now: Millis) -> Note {
        let fuse = &mut self.models[index].fuse;
        fuse.breaker.hold(until);
        fuse.cause = Some(cause);
        breaker_note(index, fuse, now)
    }

    /// Closes a whole provider: until a time it named, or as after a failed probe.
    pub(super) fn close_provider(&mut self, index: usize, until: Option<Millis>, cause: Cause, now: Millis) -> Option<Note> {
        let provider = self.models[index].key.provider.clone();
        let fuse = self.providers.entry(provider.clone()).or_default();
        match until {
            Some(until) => fuse.breaker.hold(until),
            None if fuse.breaker.state(now).0 == BreakerState::Open => return None,
            None => fuse.breaker.trip(now),
        }
        fuse.cause = Some(cause);
        Some(provider_note(provider, fuse, now))
    }
}

impl ModelHealth {
    fn new(key: &ModelKey) -> Self {
        Self {
            key: key.clone(),
            fuse: Fused::default(),
            format: Format::default(),
            without: BTreeSet::new(),
            reasoning_off: false,
            off: None,
        }
    }
}

impl Fused {
    fn availability(&self, now: Millis) -> Availability {
        match self.breaker.gate(now) {
            Gate::Closed => Availability::Available,
            Gate::Probe => Availability::ProbeOnly,
            Gate::Open(until) => {
                let unknown = || Cause { outcome: Outcome::ServerError, reason: Safe::fixed("breaker open") };
                Availability::Until(until, self.cause.clone().unwrap_or_else(unknown))
            }
        }
    }

    /// True when the breaker opened or closed.
    fn book(&mut self, sign: Sign, cause: &Cause, now: Millis) -> bool {
        match sign {
            Sign::Good => self.breaker.on_success(now),
            Sign::Bad => {
                let opened = self.breaker.on_failure(now);
                if opened {
                    self.cause = Some(cause.clone());
                }
                opened
            }
            Sign::None => {
                self.breaker.on_neutral();
                false
            }
        }
    }

    fn words(&self, state: BreakerState) -> Safe {
        match (state, &self.cause) {
            (BreakerState::Closed, _) | (_, None) => Safe::default(),
            (_, Some(cause)) => cause.reason.clone(),
        }
    }
}

fn breaker_note(model: usize, fuse: &Fused, now: Millis) -> Note {
    let (state, until) = fuse.breaker.state(now);
    Note::Breaker { model, state, until, reason: fuse.words(state) }
}

fn provider_note(provider: String, fuse: &Fused, now: Millis) -> Note {
    let (state, until) = fuse.breaker.state(now);
    Note::ProviderBreaker { provider, state, until, reason: fuse.words(state) }
}

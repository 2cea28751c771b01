//! What the main loop and all passes of one engine share: store, route, wires, clock, scoreboard, stop signal.
//! It decides nothing; decisions are `llm::route`'s and the loop's.

mod asked;
mod rules;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::event::{Draft, EventLog, wall_clock};
use super::legacy_log;
use super::reader::standing::Standing;
use super::score::Board;
use super::uploader::standing::Uploading;
use super::{Kinds, Options};
use crate::config::{Config, Provider, Tagging};
use crate::domain::{
    BreakerState, ChannelId, EventKind, JobKind, Millis, ModelKey, Pause, PauseScope, PostId, WaitingUploads, WorstCase,
};
use crate::llm::route::{Health, Kept, Note, RouteModel, Rules, worst_case};
use crate::llm::wire::{Listing, Wire};
use crate::store::{CallLimits, ModelState, Store, StoreError};
use crate::text::Safe;

/// Channel tags offered to a model, and how long they are remembered.
const VOCABULARY: u32 = 40;
const VOCABULARY_AGE: Duration = Duration::from_mins(1);

/// By channel: when asked, and its tags.
type Vocabulary = BTreeMap<ChannelId, (Instant, Arc<[String]>)>;

/// How urgently the engine is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Not at all.
    No,
    /// Claim nothing more, let calls in flight end.
    Soon,
    /// At once.
    Now,
}

/// Why nothing may be claimed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// When that ends by itself, if it does.
    pub until: Option<Millis>,
    /// In words.
    pub reason: Safe,
    /// Nobody at all is to be asked; otherwise only the route has nobody.
    pub entirely: bool,
}

/// The route as it stands.
#[derive(Debug)]
pub struct Route {
    /// In the order they are asked; behind them, those that were asked for by name.
    pub models: Vec<RouteModel>,
    /// What is known of them.
    pub health: Health,
    /// Why there is no model at all.
    pub empty_because: Option<Safe>,
}

impl Route {
    fn new(models: Vec<RouteModel>, empty_because: Option<Safe>) -> Self {
        Self { health: Health::new(&models), models, empty_because }
    }

    /// The models of the route alone.
    pub fn own(&self) -> &[RouteModel] {
        &self.models[..self.health.len().min(self.models.len())]
    }

    /// A model as a line of the log names it: by its last name where no other model of the route shares that.
    pub fn short(&self, index: usize) -> String {
        fn last(key: &ModelKey) -> &str {
            key.model.rsplit('/').next().unwrap_or(&key.model)
        }
        let Some(model) = self.models.get(index) else { return String::new() };
        let shared = self.models.iter().filter(|other| last(&other.key) == last(&model.key)).count() > 1;
        if shared { model.key.to_string() } else { last(&model.key).to_owned() }
    }
}

/// See the module.
pub struct Shared {
    pub store: Store,
    pub tagging: Tagging,
    pub rules: Rules,
    pub providers: BTreeMap<String, Provider>,
    /// In the order of the settings; the first is the default of the route.
    pub provider_list: Vec<Provider>,
    /// One pooled client a provider; a provider whose client cannot be built is missing and said so.
    pub wires: BTreeMap<String, Wire>,
    pub log: EventLog,
    pub stop: watch::Receiver<Stop>,
    pub worker: String,
    pub kinds: Kinds,
    pub reading: Standing,
    pub uploading: Uploading,
    route: Mutex<Route>,
    /// What providers list, as they told when they were asked last.
    listings: Mutex<BTreeMap<String, Vec<Listing>>>,
    board: Mutex<Board>,
    /// A checked route that waits until no pass walks the old one.
    next_route: Mutex<Option<Route>>,
    /// Most used tags of the channels met lately: asking the database for each post would cost more than the post.
    vocabulary: Mutex<Vocabulary>,
    /// Pauses as the database held them when last looked at.
    stored_pauses: Mutex<Vec<Pause>>,
    /// The models' state as this engine last wrote or read it.
    known_models: Mutex<BTreeMap<ModelKey, ModelState>>,
    /// Something may be due, or may be done again, that another process knew of: whoever claims looks.
    stir: watch::Sender<u64>,
    concurrency_max: u32,
    /// Database clock minus this machine's clock, milliseconds.
    clock_offset: AtomicI64,
    seed: AtomicU64,
}

impl Shared {
    pub fn new(
        store: Store,
        config: &Config,
        options: &Options,
        worker: String,
        log: EventLog,
        stop: watch::Receiver<Stop>,
    ) -> Self {
        let mut wires = BTreeMap::new();
        for provider in &config.providers {
            match Wire::new(provider, config.tagging.timeout) {
                Ok(wire) => {
                    wires.insert(provider.name.clone(), wire);
                }
                Err(error) => {
                    log.publish(Draft::new(EventKind::Engine, Safe::line(&format!("provider {}: {error}", provider.name))));
                }
            }
        }
        let concurrency_max = options.concurrency.unwrap_or(config.tagging.concurrency).max(1);
        Self {
            store,
            tagging: config.tagging.clone(),
            rules: Rules::from(&config.tagging),
            providers: config.providers.iter().map(|p| (p.name.clone(), p.clone())).collect(),
            provider_list: config.providers.clone(),
            wires,
            log,
            stop,
            worker,
            kinds: options.kinds,
            reading: Standing::default(),
            uploading: Uploading::new(config.blob.upload.then(|| spool(config.blob.spool_mb))),
            route: Mutex::new(Route::new(Vec::new(), Some(Safe::fixed("the route is being checked")))),
            listings: Mutex::default(),
            board: Mutex::new(Board::new(concurrency_max)),
            next_route: Mutex::default(),
            vocabulary: Mutex::default(),
            stored_pauses: Mutex::default(),
            known_models: Mutex::default(),
            stir: watch::Sender::default(),
            concurrency_max,
            clock_offset: AtomicI64::new(0),
            seed: AtomicU64::new(fastrand::u64(..)),
        }
    }

    /// How often the tables are looked at while nobody tells of anything. A file tells of every commit; a server only of those that
    /// were made with the news of them, and a worker may lose its connection for a moment.
    pub fn poll(&self) -> Duration {
        if self.store.is_embedded() { Duration::from_secs(10) } else { Duration::from_secs(1) }
    }

    /// Whoever claims is to look now.
    pub fn stir(&self) {
        self.stir.send_modify(|times| *times += 1);
    }

    /// Changes whenever whoever claims is to look.
    pub fn stirred(&self) -> watch::Receiver<u64> {
        self.stir.subscribe()
    }

    /// Kinds of work that this engine can do now.
    pub fn able(&self) -> Vec<JobKind> {
        let ocr = self.kinds.ocr && self.reading.is_able();
        [(self.kinds.tag, JobKind::Tag), (ocr, JobKind::Ocr), (self.kinds.upload, JobKind::Upload)]
            .into_iter()
            .filter_map(|(does, kind)| does.then_some(kind))
            .collect()
    }

    /// True while an image or an upload is in hand.
    pub fn is_busy_beside(&self) -> bool {
        self.reading.is_busy() || self.uploading.numbers().in_flight > 0
    }

    /// What waits for its upload was counted; says so when the spool is full from now on, or not any more.
    pub fn note_waiting(&self, waiting: WaitingUploads) {
        if let Some((full, text)) = self.uploading.set_waiting(waiting) {
            let kind = if full { EventKind::Paused } else { EventKind::Resumed };
            self.log.publish(Draft::new(kind, text));
        }
    }

    /// The database's clock, as far as this machine's clock runs evenly.
    pub fn now(&self) -> Millis {
        wall_clock() + self.clock_offset.load(Ordering::Relaxed)
    }

    /// Time left until then by the database's clock.
    pub fn until(&self, at: Millis) -> Duration {
        Duration::from_millis(u64::try_from(at.saturating_sub(self.now())).unwrap_or(0))
    }

    /// The end of that horizon by the database's clock.
    pub fn far(&self, horizon: Duration) -> Millis {
        self.now().saturating_add(Millis::try_from(horizon.as_millis()).unwrap_or(Millis::MAX))
    }

    pub fn set_clock(&self, database_now: Millis) {
        self.clock_offset.store(database_now - wall_clock(), Ordering::Relaxed);
    }

    /// A fresh seed for one pass's jitter.
    pub fn seed(&self) -> u64 {
        self.seed.fetch_add(1, Ordering::Relaxed)
    }

    pub fn route(&self) -> MutexGuard<'_, Route> {
        locked(&self.route)
    }

    pub fn board(&self) -> MutexGuard<'_, Board> {
        locked(&self.board)
    }

    /// Posts that may be in flight now.
    pub fn concurrency(&self) -> usize {
        self.board().concurrency.limit().clamp(1, self.concurrency_max as usize)
    }

    /// Keeps a checked route until [`Shared::take_next_route`]; one with the same models only refreshes what is off.
    pub fn offer_route(&self, models: Vec<RouteModel>, listings: BTreeMap<String, Vec<Listing>>, empty_because: Option<Safe>) {
        locked(&self.listings).extend(listings);
        {
            let mut route = self.route();
            if !models.is_empty() && models.iter().map(|m| &m.key).eq(route.own().iter().map(|m| &m.key)) {
                route.health.route_checked(&[]);
                // Those asked for by name keep their places behind it.
                for (place, model) in route.models.iter_mut().zip(models) {
                    *place = model;
                }
                *locked(&self.next_route) = None;
                return;
            }
        }
        *locked(&self.next_route) = Some(Route::new(models, empty_because));
    }

    /// True while a new route waits for the passes on the old one to end.
    pub fn has_next_route(&self) -> bool {
        locked(&self.next_route).is_some()
    }

    /// Puts the waiting route up; what the database remembers of its models is taken over.
    pub fn take_next_route(&self, remembered: &[ModelState]) {
        let Some(mut next) = locked(&self.next_route).take() else { return };
        let kept: Vec<(ModelKey, Kept)> = remembered
            .iter()
            // A model that the check has just found is not off any more.
            .map(|state| (state.model.clone(), Kept { off_reason: None, ..rules::kept(state.clone()) }))
            .collect();
        next.health.load(&kept);
        self.remember(remembered);
        for pause in locked(&self.stored_pauses).iter() {
            next.health.set_pause(pause);
        }
        *self.route() = next;
    }

    /// The limits that a provider's settings put on its calls; none for a model built in.
    pub fn limits(&self, provider: &str) -> CallLimits {
        let provider = self.providers.get(provider);
        CallLimits {
            per_minute: provider.and_then(|provider| provider.requests_per_minute),
            per_day: provider.and_then(|provider| provider.requests_per_day),
            budget_micros: provider.and_then(|provider| provider.budget_micros_per_day),
        }
    }

    /// The channel's most used tags, at most a minute old; none when vocabulary is switched off.
    pub async fn vocabulary(&self, channel: ChannelId) -> Result<Arc<[String]>, StoreError> {
        if !self.tagging.vocabulary {
            return Ok(Arc::from([]));
        }
        let known = locked(&self.vocabulary).get(&channel).filter(|(at, _)| at.elapsed() < VOCABULARY_AGE).cloned();
        if let Some((_, tags)) = known {
            return Ok(tags);
        }
        let tags: Arc<[String]> = self.store.channel_tags(channel, VOCABULARY).await?.into();
        let mut cache = locked(&self.vocabulary);
        cache.retain(|_, (at, _)| at.elapsed() < VOCABULARY_AGE);
        cache.insert(channel, (Instant::now(), Arc::clone(&tags)));
        Ok(tags)
    }

    /// Why nothing may be claimed now, if so.
    pub fn blocked(&self) -> Option<Blocked> {
        if !self.tagging.enabled {
            return Some(Blocked {
                until: None,
                reason: Safe::fixed("tagging is switched off (tagging.enabled = false)"),
                entirely: true,
            });
        }
        let now = self.now();
        let route = self.route();
        if let Some(reason) = &route.empty_because {
            return Some(Blocked { until: None, reason: reason.clone(), entirely: true });
        }
        let closed = route.health.closed(now)?;
        let until = (!closed.needs_operator).then_some(closed.until);
        let reason = Safe::line(&format!("no model can be asked: {}", closed.cause.reason));
        let entirely = route.health.pauses(now).iter().any(|pause| pause.scope == PauseScope::All);
        Some(Blocked { until, reason, entirely })
    }

    /// Says and counts what a call changed.
    pub fn apply(&self, note: &Note, sent_at: Millis, post: PostId) {
        let name = |index: usize| self.route().models.get(index).map(|model| model.key.clone());
        let about = |draft: Draft, index: usize| match name(index) {
            Some(model) => draft.model(&model),
            None => draft,
        };
        match note {
            Note::Retry { model, outcome, wait, reason } => {
                self.board().totals.retries += 1;
                legacy_log::retry(post, *wait, reason);
                let text = if wait.is_zero() {
                    format!("{reason}; again with a corrected request")
                } else {
                    format!("{reason}; again in {:.1} s", wait.as_secs_f64())
                };
                self.log.publish(about(Draft::new(EventKind::Retry, Safe::line(&text)).post(post).outcome(*outcome), *model));
            }
            Note::Fallback { from, to, outcome, reason, after_retries } => {
                self.board().totals.fallbacks += 1;
                let next = self.route().short(*to);
                legacy_log::fallback(post, &next, reason);
                let tries = match after_retries {
                    0 => String::new(),
                    1 => " after 1 retry".to_owned(),
                    n => format!(" after {n} retries"),
                };
                let text = format!("→ {next}{tries}: {reason}");
                self.log.publish(about(Draft::new(EventKind::Fallback, Safe::line(&text)).post(post).outcome(*outcome), *from));
            }
            Note::Breaker { model, state, until, reason } => {
                let text = self.breaker_words(*state, *until, reason);
                self.log.publish(about(Draft::new(EventKind::Breaker, text), *model));
            }
            Note::ProviderBreaker { provider, state, until, reason } => {
                let text = format!("all models of {provider}: {}", self.breaker_words(*state, *until, reason));
                self.log.publish(Draft::new(EventKind::Breaker, Safe::line(&text)));
            }
            Note::ModelOff { model, reason } => {
                let text = format!("off until the route is checked again: {reason}");
                self.log.publish(about(Draft::new(EventKind::Breaker, Safe::line(&text)), *model));
            }
            Note::FormatDown { model, to } => {
                let text = format!("does not take the response format; asked for {} from now on", to.as_str());
                self.log.publish(about(Draft::new(EventKind::Engine, Safe::line(&text)), *model));
            }
            Note::ParameterDropped { model, parameter } => {
                let text = format!("does not take `{parameter}`; left out from now on");
                self.log.publish(about(Draft::new(EventKind::Engine, Safe::line(&text)), *model));
            }
            Note::Pause(pause) => {
                let until =
                    pause.until.map_or_else(|| "until you resume".to_owned(), |until| format!("for {}", self.left(until)));
                let text = format!("{} paused {until}: {}", in_words(&pause.scope), pause.reason);
                self.log.publish(Draft::new(EventKind::Paused, Safe::line(&text)));
            }
            Note::HalveConcurrency => {
                let now = self.now();
                self.board().concurrency.on_pressure(sent_at, now);
            }
            Note::GrowConcurrency => self.board().concurrency.on_success(),
        }
    }

    /// Most calls that one post can cost on these models.
    pub fn worst_case(&self, models: &[RouteModel]) -> WorstCase {
        WorstCase {
            models: models.len() as u64,
            calls_per_pass: worst_case(models, &self.rules),
            passes: u64::from(self.tagging.max_attempts),
        }
    }

    fn breaker_words(&self, state: BreakerState, until: Option<Millis>, reason: &Safe) -> Safe {
        let left = until.map(|until| format!(" for {}", self.left(until))).unwrap_or_default();
        Safe::line(&match state {
            BreakerState::Closed => "answers again".to_owned(),
            BreakerState::Open => format!("not asked{left}: {reason}"),
            BreakerState::HalfOpen => format!("is tried again: {reason}"),
            BreakerState::Off => format!("off: {reason}"),
        })
    }

    fn left(&self, until: Millis) -> String {
        duration_words(self.until(until))
    }
}

/// `850 ms`, `12 s`, `5 min`, `2 h`.
pub fn duration_words(time: Duration) -> String {
    match time.as_millis() {
        0..1_000 => format!("{} ms", time.as_millis()),
        1_000..120_000 => format!("{} s", time.as_secs()),
        120_000..7_200_000 => format!("{} min", time.as_secs() / 60),
        _ => format!("{} h {} min", time.as_secs() / 3_600, time.as_secs() / 60 % 60),
    }
}

/// Bytes of so many MiB.
fn spool(megabytes: u64) -> i64 {
    i64::try_from(megabytes).unwrap_or(i64::MAX).saturating_mul(1 << 20)
}

/// What a pause covers, for a person.
fn in_words(scope: &PauseScope) -> String {
    match scope {
        PauseScope::All => "everything".to_owned(),
        PauseScope::Provider(name) => format!("provider {name}"),
        PauseScope::Free(name) => format!(":free models of {name}"),
        PauseScope::Uploads => "uploads".to_owned(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

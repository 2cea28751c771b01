//! The engine: background tasks that claim jobs, do them and finish them under a fence.
//! It draws nothing and asks nobody; watchers read its events and its snapshot.

pub mod event;
mod lease;
pub mod lock;
mod route;
mod score;
mod shared;
mod tagger;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::config::Config;
use crate::domain::{EventKind, JobKind, Phase, Snapshot, Totals};
use crate::store::{Claim, Outlook, Store, StoreError};
use crate::text::Safe;
use event::{Draft, EventLog};
use lease::{Held, LEASE};
use shared::{Shared, Stop};
use tagger::Finished;

/// How often other processes' work is looked for.
const POLL: Duration = Duration::from_secs(1);
/// How often posts that another program inserted are looked for.
const ADOPTION: Duration = Duration::from_secs(5);
/// How often the route is checked against its providers' lists, and how soon again when it has no model at all.
const ROUTE_CHECK: Duration = Duration::from_hours(1);
const ROUTE_RETRY: Duration = Duration::from_secs(30);
/// How often numbers are published, when they changed.
const PUBLISH: Duration = Duration::from_millis(250);
/// Time that calls in flight get after a stop was asked for; the promise is 5 s in all.
const GRACE: Duration = Duration::from_secs(4);

/// How one engine runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// End when nothing is due within this time; `None`: run until stopped.
    pub until_idle: Option<Duration>,
    /// Overrides `tagging.concurrency`.
    pub concurrency: Option<u32>,
}

/// A running engine: what to read from it and how to end it.
#[derive(Debug)]
pub struct Engine {
    snapshot: watch::Receiver<Snapshot>,
    log: EventLog,
    stop: watch::Sender<Stop>,
    wake: mpsc::Sender<()>,
    task: JoinHandle<Ended>,
}

/// How an engine ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// What it did.
    pub totals: Totals,
    /// Jobs it leaves behind.
    pub left: Outlook,
    /// Why it could not go on, if that is so.
    pub trouble: Option<Safe>,
}

impl Engine {
    /// Starts the engine's tasks; they begin by picking up what a crash left behind.
    pub fn start(store: Store, config: &Config, options: Options) -> Self {
        let log = EventLog::new(lease::worker_name());
        let (publish, snapshot) = watch::channel(Snapshot::default());
        let (stop, stopping) = watch::channel(Stop::No);
        let (wake, woken) = mpsc::channel(1);
        let shared = Arc::new(Shared::new(store, config, &options, log.clone(), stopping));
        let task = tokio::spawn(Loop::new(shared, options, publish, woken).run());
        Self { snapshot, log, stop, wake, task }
    }

    /// The numbers, as they change.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// The live log.
    pub fn log(&self) -> EventLog {
        self.log.clone()
    }

    /// Something was enqueued or resumed: look now instead of at the next poll.
    pub fn waker(&self) -> mpsc::Sender<()> {
        self.wake.clone()
    }

    /// A handle that stops this engine: claim nothing more, finish or release what is in flight.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Waits until the engine has ended by itself or after a stop.
    pub async fn ended(self) -> Ended {
        match self.task.await {
            Ok(ended) => ended,
            Err(error) => Ended {
                trouble: Some(Safe::line(&format!("the engine ended unexpectedly: {error}; its leases run out by themselves"))),
                ..Ended::default()
            },
        }
    }
}

/// Ends an engine from elsewhere.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Stop>);

impl Stopper {
    /// First call: within 5 s. A second call: at once; what is in flight is released.
    pub fn stop(&self) {
        self.0.send_modify(|stop| {
            *stop = match *stop {
                Stop::No => Stop::Soon,
                Stop::Soon | Stop::Now => Stop::Now,
            };
        });
    }
}

/// The state of the main loop; passes run beside it and share [`Shared`].
struct Loop {
    shared: Arc<Shared>,
    options: Options,
    publish: watch::Sender<Snapshot>,
    woken: mpsc::Receiver<()>,
    held: Held,
    queue: VecDeque<Claim>,
    passes: JoinSet<Finished>,
    outlook: Outlook,
    look_at: Instant,
    trouble: Option<Safe>,
    stopping_since: Option<Instant>,
}

impl Loop {
    fn new(shared: Arc<Shared>, options: Options, publish: watch::Sender<Snapshot>, woken: mpsc::Receiver<()>) -> Self {
        let held = Held::new(shared.store.clone());
        Self {
            shared,
            options,
            publish,
            woken,
            held,
            queue: VecDeque::new(),
            passes: JoinSet::new(),
            outlook: Outlook::default(),
            look_at: Instant::now(),
            trouble: None,
            stopping_since: None,
        }
    }

    async fn run(mut self) -> Ended {
        self.event(EventKind::Engine, "engine started");
        let mut stop = self.shared.stop.clone();
        let mut heartbeat = ticker(LEASE / 4);
        let mut adoption = ticker(ADOPTION);
        let mut publish = ticker(PUBLISH);
        let mut recovered = false;
        let mut route_checked = Instant::now();
        let mut gone = false;
        while !gone {
            if !recovered && *stop.borrow() == Stop::No {
                recovered = self.start_up().await;
                route_checked = Instant::now();
            }
            if recovered && *stop.borrow() == Stop::No {
                self.fill().await;
                if self.is_idle() {
                    break;
                }
            }
            let look_at = self.look_at;
            // With nothing to be claimed for, a look that is due would only turn the loop round and round.
            let hungry = recovered && self.stopping_since.is_none() && self.queue.len() < self.room();
            tokio::select! {
                Some(done) = self.passes.join_next() => self.passed(done),
                _ = stop.changed() => {
                    let asked = *stop.borrow_and_update();
                    gone = self.stop_asked(asked).await;
                }
                _ = self.woken.recv(), if !self.woken.is_closed() => self.look_at = Instant::now(),
                _ = heartbeat.tick() => self.heartbeat().await,
                _ = adoption.tick(), if recovered => self.adopt().await,
                _ = publish.tick() => {
                    self.publish_numbers().await;
                    let patience = if self.shared.route().models.is_empty() { ROUTE_RETRY } else { ROUTE_CHECK };
                    if recovered && route_checked.elapsed() > patience {
                        route_checked = Instant::now();
                        tokio::spawn(route::resolve(Arc::clone(&self.shared)));
                    }
                    gone = gone || self.grace_is_over();
                }
                () = tokio::time::sleep_until(look_at), if hungry => {}
            }
            gone = gone || (self.stopping_since.is_some() && self.passes.is_empty());
        }
        self.wind_up().await
    }

    /// Picks up what a crash left behind; false when the database does not answer yet.
    async fn start_up(&mut self) -> bool {
        match self.recover().await {
            Ok(()) => {
                route::resolve(Arc::clone(&self.shared)).await;
                self.trouble = None;
                true
            }
            Err(error) => {
                self.trouble_with(&error);
                tokio::time::sleep(PUBLISH).await;
                false
            }
        }
    }

    async fn recover(&mut self) -> Result<(), StoreError> {
        let store = self.shared.store.clone();
        self.shared.set_clock(store.now().await?);
        let recovered = store.recover().await?;
        if recovered.jobs > 0 || recovered.calls > 0 {
            let text = format!(
                "after an unclean end: {} jobs are picked up again, {} calls have an unknown end and may have been charged",
                recovered.jobs, recovered.calls
            );
            self.event(EventKind::Engine, &text);
        }
        store.adopt(self.shared.tagging.max_attempts).await?;
        self.shared.follow_pauses(store.pauses().await?);
        self.held.beat().await?;
        Ok(())
    }

    /// Claims what there is room for and starts passes.
    async fn fill(&mut self) {
        if self.shared.has_next_route() && !self.exchange_route().await {
            return;
        }
        let room = self.room();
        if self.queue.len() < room && Instant::now() >= self.look_at && self.may_claim() {
            let wanted = room.max(self.shared.tagging.batch_size as usize).min(64) - self.queue.len();
            match self.held.claim(JobKind::Tag, wanted as u32).await {
                Ok(claims) if claims.is_empty() => self.look_later().await,
                Ok(claims) => {
                    self.trouble = None;
                    self.queue.extend(claims);
                }
                Err(error) => {
                    self.trouble_with(&error);
                    self.look_at = Instant::now() + POLL;
                }
            }
        }
        while self.passes.len() < self.shared.concurrency() {
            let Some(claim) = self.queue.pop_front() else { break };
            self.passes.spawn(tagger::work(Arc::clone(&self.shared), claim));
        }
        self.shared.board().in_flight = self.passes.len();
    }

    /// Posts that could be started now.
    fn room(&self) -> usize {
        self.shared.concurrency().saturating_sub(self.passes.len())
    }

    /// Puts a newly checked route up once no pass walks the old one; false while that is awaited.
    async fn exchange_route(&mut self) -> bool {
        if !self.passes.is_empty() {
            return false;
        }
        match self.shared.store.model_states().await {
            Ok(remembered) => {
                self.shared.take_next_route(&remembered);
                true
            }
            Err(error) => {
                self.trouble_with(&error);
                false
            }
        }
    }

    /// False while a pause, or a route without an available model, would only send every post away again.
    fn may_claim(&mut self) -> bool {
        let blocked = self.shared.blocked();
        if blocked.is_some() {
            self.look_at = Instant::now() + POLL;
        }
        blocked.is_none()
    }

    /// Nothing is due: note when something will be.
    async fn look_later(&mut self) {
        let mut wait = POLL;
        match self.shared.store.outlook(JobKind::Tag).await {
            Ok(outlook) => {
                if let Some(next) = outlook.next_at {
                    let ms = u64::try_from(next - self.shared.now()).unwrap_or(0);
                    wait = wait.min(Duration::from_millis(ms.max(5)));
                }
                self.outlook = outlook;
            }
            Err(error) => self.trouble_with(&error),
        }
        self.look_at = Instant::now() + wait;
    }

    /// True when `until_idle` is fulfilled: nothing in hand, and nothing can be done within the horizon.
    fn is_idle(&mut self) -> bool {
        let Some(horizon) = self.options.until_idle else { return false };
        if !self.passes.is_empty() || !self.queue.is_empty() || Instant::now() >= self.look_at {
            return false;
        }
        let far = self.shared.now().saturating_add(i64::try_from(horizon.as_millis()).unwrap_or(i64::MAX));
        if let Some(blocked) = self.shared.blocked() {
            if blocked.until.is_none_or(|until| until > far) {
                self.trouble = Some(blocked.reason);
                return true;
            }
            return false;
        }
        self.outlook.due == 0 && self.outlook.next_at.is_none_or(|next| next > far)
    }

    fn passed(&mut self, done: Result<Finished, tokio::task::JoinError>) {
        match done {
            Ok(finished) => {
                self.held.forget(finished.job);
                if finished.lost_lease {
                    self.event(
                        EventKind::Engine,
                        &format!("post {}: another worker took over, nothing was changed", finished.post),
                    );
                }
                if let Some(error) = finished.error {
                    self.trouble_with(&error);
                }
            }
            // A panic inside a pass: its lease runs out and counts as a crash of the engine on that post.
            Err(error) => self.event(EventKind::Engine, &format!("a pass ended unexpectedly: {error}")),
        }
    }

    async fn stop_asked(&mut self, stop: Stop) -> bool {
        match stop {
            Stop::No => false,
            Stop::Soon => {
                self.event(EventKind::Engine, "stopping: nothing more is claimed, calls in flight have 4 s");
                self.stopping_since = Some(Instant::now());
                self.queue.clear();
                self.publish_numbers().await;
                false
            }
            Stop::Now => true,
        }
    }

    fn grace_is_over(&self) -> bool {
        self.stopping_since.is_some_and(|since| since.elapsed() > GRACE)
    }

    async fn heartbeat(&mut self) {
        if let Err(error) = self.held.beat().await {
            self.trouble_with(&error);
        }
    }

    async fn adopt(&mut self) {
        match self.shared.store.adopt(self.shared.tagging.max_attempts).await {
            Ok(0) => {}
            Ok(found) => {
                self.event(EventKind::Engine, &format!("{found} posts that another program wrote are enqueued"));
                self.look_at = Instant::now();
            }
            Err(error) => self.trouble_with(&error),
        }
    }

    async fn publish_numbers(&mut self) {
        match score::refresh(&self.shared).await {
            Ok(()) => {}
            Err(error) => self.trouble_with(&error),
        }
        let phase = if self.stopping_since.is_some() {
            Phase::Draining
        } else if self.shared.blocked().is_some() {
            Phase::Paused
        } else if self.passes.is_empty() && self.queue.is_empty() {
            Phase::Idle
        } else {
            Phase::Running
        };
        self.shared.board().in_flight = self.passes.len();
        score::publish(&self.shared, phase, self.trouble.clone(), &self.publish);
    }

    /// Releases what is still held and says goodbye; the last numbers are published.
    async fn wind_up(mut self) -> Ended {
        self.passes.abort_all();
        while self.passes.join_next().await.is_some() {}
        if let Err(error) = self.held.release_all().await {
            self.trouble_with(&error);
        }
        if let Ok(outlook) = self.shared.store.outlook(JobKind::Tag).await {
            self.outlook = outlook;
        }
        self.shared.board().in_flight = 0;
        let ended = Ended { totals: self.shared.board().totals, left: self.outlook, trouble: self.trouble.clone() };
        if let Err(error) = score::refresh(&self.shared).await {
            self.trouble_with(&error);
        }
        score::publish(&self.shared, Phase::Stopped, self.trouble.clone(), &self.publish);
        self.event(EventKind::Engine, "engine stopped");
        ended
    }

    fn trouble_with(&mut self, error: &StoreError) {
        let text = Safe::line(&error.to_string());
        if self.trouble.as_ref() != Some(&text) {
            self.shared.log.publish(Draft::new(EventKind::Engine, text.clone()));
        }
        self.trouble = Some(text);
    }

    fn event(&self, kind: EventKind, text: &str) {
        self.shared.log.publish(Draft::new(kind, Safe::line(text)));
    }
}

fn ticker(period: Duration) -> tokio::time::Interval {
    let mut ticker = interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

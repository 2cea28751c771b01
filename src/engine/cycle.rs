//! The engine's main loop: starts up, claims what there is room for, starts passes, publishes numbers, winds up.
//! What happens to one post is `tagger`'s.

mod beside;
mod claims;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::claimer::{Claimer, ticker};
use super::event::Draft;
use super::lease::LEASE;
use super::legacy_log;
use super::reader::Setup;
use super::shared::{Shared, Stop};
use super::tagger::Finished;
use super::{Ended, Options, route, score};
use crate::config;
use crate::domain::{EventKind, JobId, JobKind, Phase, PostId, Snapshot, Totals};
use crate::store::{Claim, Heard, Outlook, StoreError, Topic};
use crate::text::Safe;
use beside::Beside;

/// How often posts that another program inserted are looked for, and how often although nobody told of a change.
const ADOPTION: Duration = Duration::from_secs(3);
const ADOPTION_ANYWAY: Duration = Duration::from_secs(30);
/// How often the route is checked against its providers' lists, and how soon again when it has no model at all.
const ROUTE_CHECK: Duration = Duration::from_hours(1);
const ROUTE_RETRY: Duration = Duration::from_secs(30);
/// How often numbers are published, when they changed, and how often it is looked whether they have while the engine rests.
const PUBLISH: Duration = Duration::from_millis(250);
const PUBLISH_AT_REST: Duration = Duration::from_secs(1);
/// Time that passes in flight get after a stop was asked for; the promise is 5 s in all.
const GRACE: Duration = Duration::from_secs(4);
/// The same after a second stop: enough to write down that their calls were cancelled.
const LAST_WRITES: Duration = Duration::from_millis(400);

/// The state of the main loop; passes run beside it and share [`Shared`].
pub struct Cycle {
    shared: Arc<Shared>,
    options: Options,
    publish: watch::Sender<Snapshot>,
    woken: mpsc::Receiver<()>,
    claimer: Claimer,
    queue: VecDeque<Claim>,
    passes: JoinSet<Finished>,
    /// Which job each pass is about: a pass that panics cannot say it any more.
    doing: HashMap<Id, (JobId, PostId)>,
    trouble: Option<Safe>,
    stopping_since: Option<Instant>,
    beside: Beside,
    /// What the log was told of.
    said: Totals,
    /// Readings ended when the tag jobs were last looked at: each may have made a post due.
    readings_seen: u64,
    /// When posts of other programs were last looked for; `None` when something has changed since.
    adopted_at: Option<Instant>,
}

impl Cycle {
    pub fn new(
        shared: Arc<Shared>,
        options: Options,
        reading: Setup,
        uploading: config::Blob,
        publish: watch::Sender<Snapshot>,
        woken: mpsc::Receiver<()>,
    ) -> Self {
        let beside = Beside::new(options.kinds, reading, uploading);
        let claimer = Claimer::new(&shared, JobKind::Tag);
        Self {
            shared,
            options,
            publish,
            woken,
            claimer,
            queue: VecDeque::new(),
            passes: JoinSet::new(),
            doing: HashMap::new(),
            trouble: None,
            stopping_since: None,
            beside,
            said: Totals::default(),
            readings_seen: 0,
            adopted_at: None,
        }
    }

    pub async fn run(mut self) -> Ended {
        self.event(EventKind::Engine, "engine started");
        let shared = Arc::clone(&self.shared);
        let mut stop = shared.stop.clone();
        let mut handled = true;
        let mut heartbeat = ticker(LEASE / 4);
        let mut adoption = ticker(ADOPTION);
        let mut published: Option<Instant> = None;
        let mut news = shared.store.news();
        let mut heard = *news.borrow_and_update();
        let mut recovered = false;
        let mut route_checked = Instant::now();
        let mut gone = false;
        while !gone {
            if self.stopping_since.is_none() && *stop.borrow() == Stop::No {
                if !recovered {
                    recovered = self.start_up().await;
                    route_checked = Instant::now();
                }
                if recovered {
                    self.fill().await;
                    if self.is_idle() {
                        break;
                    }
                }
            }
            // With nothing to be claimed for, a look that is due would only turn the loop round and round.
            let hungry = recovered
                && self.shared.kinds.tag
                && self.stopping_since.is_none()
                && self.queue.len() < self.room()
                && (self.passes.is_empty() || !self.shared.has_next_route());
            let publish_after = if self.rests() { PUBLISH_AT_REST } else { PUBLISH };
            let publish_at = published.map_or_else(Instant::now, |at| at + publish_after);
            tokio::select! {
                Some(done) = self.passes.join_next_with_id() => self.passed(done),
                changed = stop.changed(), if handled => {
                    // Without anybody left who could stop it, the engine stops by itself.
                    handled = changed.is_ok();
                    let asked = if handled { *stop.borrow_and_update() } else { Stop::Soon };
                    gone = self.stop_asked(asked).await;
                }
                () = shared.reading.news.notified() => self.claimer.look_now(),
                () = shared.uploading.news.notified() => {}
                _ = self.woken.recv(), if !self.woken.is_closed() => self.claimer.look_now(),
                _ = heartbeat.tick(), if recovered => self.heartbeat().await,
                _ = adoption.tick(), if recovered => self.adopt().await,
                () = sleep_until(publish_at) => {
                    published = Some(Instant::now());
                    self.publish_numbers().await;
                    let patience = if self.shared.route().own().is_empty() { ROUTE_RETRY } else { ROUTE_CHECK };
                    if recovered && shared.kinds.tag && route_checked.elapsed() > patience {
                        route_checked = Instant::now();
                        tokio::spawn(route::resolve(Arc::clone(&self.shared)));
                    }
                    gone = gone || self.grace_is_over();
                }
                Ok(()) = news.changed(), if recovered => {
                    let before = std::mem::replace(&mut heard, *news.borrow_and_update());
                    self.hear(heard, before).await;
                }
                () = self.claimer.wait(), if hungry => {}
            }
            gone = gone || (self.stopping_since.is_some() && self.passes.is_empty());
        }
        self.wind_up().await
    }

    /// Picks up what a crash left behind and makes the route; false when the database does not answer yet or a stop came.
    async fn start_up(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut stop = shared.stop.clone();
        let done = async {
            self.recover().await?;
            // Only after the recovery, which in SQLite takes every lease for a dead engine's.
            self.beside.begin(&shared, self.options.until_idle);
            if shared.kinds.tag {
                route::resolve(Arc::clone(&shared)).await;
            }
            Ok::<_, StoreError>(())
        };
        let done = tokio::select! {
            done = done => done,
            // Providers may take their time to list their models; who stops the engine does not wait for them.
            _ = stop.wait_for(|stop| *stop != Stop::No) => return false,
        };
        match done {
            Ok(()) => {
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
                "after an unclean end: jobs picked up again: {}, calls whose end is unknown and that may have been charged: {}",
                recovered.jobs, recovered.calls
            );
            self.event(EventKind::Engine, &text);
        }
        store.adopt(self.shared.tagging.max_attempts).await?;
        self.shared.follow_pauses(store.pauses().await?);
        self.claimer.held.announce(&self.shared.able()).await
    }

    fn passed(&mut self, done: Result<(Id, Finished), JoinError>) {
        match done {
            Ok((id, finished)) => {
                self.doing.remove(&id);
                self.claimer.held.forget(finished.job, finished.fence);
                if finished.lost_lease {
                    let text = format!("post {}: enqueued anew or taken over meanwhile, nothing was changed", finished.post);
                    self.event(EventKind::Engine, &text);
                }
                if let Some(error) = finished.error {
                    self.trouble_with(&error);
                }
            }
            Err(error) => {
                // Not prolonged any more, its lease runs out, which counts as a crash of the engine on that post.
                let about = self.doing.remove(&error.id());
                let post = about.map(|(_, post)| format!(" over post {post}")).unwrap_or_default();
                if let Some((job, _)) = about {
                    self.claimer.held.abandon(job);
                }
                self.event(EventKind::Engine, &format!("a pass{post} ended unexpectedly: {error}"));
            }
        }
        if self.passes.is_empty() && self.queue.is_empty() {
            // What was last seen still had this job in our own hands; a run until idle need not wait for the next poll.
            self.claimer.look_now();
        }
        self.shared.board().in_flight = self.passes.len();
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
            Stop::Now => {
                // They have seen it as well, and only write down what was cancelled.
                let _ = timeout(LAST_WRITES, async { while self.passes.join_next().await.is_some() {} }).await;
                true
            }
        }
    }

    fn grace_is_over(&self) -> bool {
        self.stopping_since.is_some_and(|since| since.elapsed() > GRACE)
    }

    /// Shows that this engine lives and keeps its leases; what is lost is not begun any more.
    async fn heartbeat(&mut self) {
        let store = self.shared.store.clone();
        let beaten = async {
            self.claimer.held.extend().await?;
            self.claimer.held.announce(&self.shared.able()).await?;
            self.shared.set_clock(store.now().await?);
            if !store.is_embedded() {
                // An engine that died leaves calls without an end; its leases were not over when the others started.
                store.recover().await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = beaten.await {
            self.trouble_with(&error);
        }
        let held = &self.claimer.held;
        self.queue.retain(|claim| held.holds(claim.job, claim.fence));
    }

    async fn adopt(&mut self) {
        // A file tells of whatever is committed; a bot's own commits on a server nobody tells of.
        if self.shared.store.is_embedded() && self.adopted_at.is_some_and(|at| at.elapsed() < ADOPTION_ANYWAY) {
            return;
        }
        self.adopted_at = Some(Instant::now());
        match self.shared.store.adopt(self.shared.tagging.max_attempts).await {
            Ok(0) => {}
            Ok(found) => {
                let text = match found {
                    1 => "1 post that another program wrote is enqueued".to_owned(),
                    _ => format!("{found} posts that another program wrote are enqueued"),
                };
                self.event(EventKind::Engine, &text);
                self.claimer.look_now();
            }
            Err(error) => self.trouble_with(&error),
        }
    }

    /// Another process told something, or this one did.
    async fn hear(&mut self, heard: Heard, before: Heard) {
        let rules = heard.since(before, Topic::Rules);
        if rules && let Err(error) = self.shared.follow_rules().await {
            self.trouble_with(&error);
        }
        if rules || heard.since(before, Topic::Work) {
            self.adopted_at = None;
            self.shared.board().changed();
            self.shared.stir();
        }
    }

    /// True while nothing is in hand and nothing is known to have changed.
    fn rests(&self) -> bool {
        let in_hand = !self.passes.is_empty() || !self.queue.is_empty() || self.shared.is_busy_beside();
        let news = self.publish.receiver_count() > 0 && self.shared.board().has_news();
        self.stopping_since.is_none() && !in_hand && !news
    }

    async fn publish_numbers(&mut self) {
        if let Err(error) = score::refresh(&self.shared, self.publish.receiver_count() > 0).await {
            self.trouble_with(&error);
        }
        let phase = if self.stopping_since.is_some() {
            Phase::Draining
        } else if self.shared.kinds.tag && self.shared.blocked().is_some() {
            Phase::Paused
        } else if self.passes.is_empty() && self.queue.is_empty() && !self.shared.is_busy_beside() {
            Phase::Idle
        } else {
            Phase::Running
        };
        if phase == Phase::Idle {
            self.say_what_was_done();
        }
        score::publish(&self.shared, phase, self.trouble.clone(), &self.publish);
    }

    fn say_what_was_done(&mut self) {
        let totals = self.shared.board().totals;
        legacy_log::done(totals, self.said);
        self.said = totals;
    }

    /// Releases what is still held and says goodbye; the last numbers are published.
    async fn wind_up(mut self) -> Ended {
        self.passes.abort_all();
        while self.passes.join_next().await.is_some() {}
        for text in self.beside.end().await {
            self.event(EventKind::Engine, &text);
        }
        let store = self.shared.store.clone();
        let given_back = async {
            self.claimer.held.release_all().await?;
            self.claimer.held.farewell().await
        };
        if let Err(error) = given_back.await {
            self.trouble_with(&error);
        }
        let left = store.outlook(JobKind::Tag).await.ok().or(self.claimer.outlook()).unwrap_or_default();
        let ocr_left =
            if self.shared.kinds.ocr { store.outlook(JobKind::Ocr).await.unwrap_or_default() } else { Outlook::default() };
        let upload_left =
            if self.shared.kinds.upload { store.outlook(JobKind::Upload).await.unwrap_or_default() } else { Outlook::default() };
        self.shared.board().in_flight = 0;
        self.say_what_was_done();
        let (totals, ocr) = (self.shared.board().totals, self.shared.reading.totals());
        let upload = self.shared.uploading.totals();
        let ended = Ended { totals, ocr, upload, left, ocr_left, upload_left, trouble: self.trouble.clone() };
        if let Err(error) = score::refresh(&self.shared, self.publish.receiver_count() > 0).await {
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

#[cfg(test)]
mod tests;

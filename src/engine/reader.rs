//! The reading of images beside the tagging: claims OCR jobs, keeps their leases, starts a reading for each, and says what is left.
//! What happens to one image is `work`'s, who is read together `desk`'s; the threads that compute are `thread`'s.

mod away;
mod content;
mod desk;
mod local;
mod progress;
mod remote;
pub(super) mod standing;
mod thread;
mod work;

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::claimer::{Claimer, ticker};
use super::event::Draft;
use super::lease::LEASE;
use super::shared::{Shared, Stop};
use crate::config::Config;
use crate::domain::{EventKind, ImageId, JobId, JobKind, PauseScope, Status};
use crate::store::StoreError;
use crate::text::Safe;
use desk::Desk;
pub use local::{Local, runtime_options};
pub use progress::Progress;
use progress::Why;
pub use remote::Remote;
use thread::Threads;
pub use thread::{Readers, render};
use work::{Finished, Room};

/// Images claimed for each that is read: one more is loaded meanwhile.
const AHEAD: usize = 2;
/// How soon reading is tried again after it could not begin at all.
const TROUBLE: Duration = Duration::from_mins(1);
/// How often cancellations are looked for and idle threads ended.
const CARE: Duration = Duration::from_millis(500);

/// A step of a page takes a second at most, and a model ends within 50 ms; a thread that takes longer is stuck.
const GRACE: Duration = Duration::from_secs(10);
/// A thread's models hold memory, and take 0.15 s to load (release build, files cached).
const IDLE: Duration = Duration::from_mins(3);

/// How images are read.
#[derive(Clone)]
pub struct Setup {
    /// Where readers come from.
    pub readers: Arc<dyn Readers>,
    /// What reads first, where that is not this machine.
    pub remote: Option<Arc<Remote>>,
    /// Threads.
    pub workers: usize,
    /// Longest time of one page.
    pub page_timeout: Duration,
    /// Time that a page has to follow when it is asked to end, before its thread is given up.
    pub grace: Duration,
    /// Time without work after which a thread drops its reader.
    pub idle: Duration,
}

impl Setup {
    /// As the settings say.
    pub fn of(config: &Config) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let remote = Remote::of(config);
        let by_itself = || remote.as_ref().map_or_else(cores, |remote| remote.at_once());
        Self {
            readers: Arc::new(Local::new(config)),
            workers: if config.ocr.workers == 0 { by_itself() } else { config.ocr.workers as usize },
            remote,
            page_timeout: config.ocr.page_timeout,
            grace: GRACE,
            idle: IDLE,
        }
    }
}

/// The state of the reading loop.
pub struct Reading {
    room: Arc<Room>,
    setup: Setup,
    threads: Arc<Threads>,
    desks: JoinSet<()>,
    claimer: Claimer,
    works: JoinSet<Finished>,
    doing: HashMap<Id, (JobId, Arc<Progress>)>,
    until_idle: Option<Duration>,
    /// When reading is tried again that could not begin at all.
    troubled_until: Option<Instant>,
}

impl Reading {
    /// Of one engine, as its options say.
    pub fn new(shared: Arc<Shared>, setup: Setup, until_idle: Option<Duration>) -> Self {
        let claimer = Claimer::new(&shared, JobKind::Ocr);
        let threads = Arc::new(Threads::new(Arc::clone(&setup.readers)));
        let (line, waiting) = mpsc::unbounded_channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let mut desks = JoinSet::new();
        for _ in 0..setup.workers.max(1) {
            let (line, threads, stop) = (Arc::clone(&waiting), Arc::clone(&threads), shared.stop.clone());
            desks.spawn(Desk { line, threads, setup: setup.clone(), stop }.run());
        }
        let memory = Semaphore::new(content::LARGEST * AHEAD * setup.workers.max(1));
        let room = Arc::new(Room { shared, contents: content::Contents::default(), remote: setup.remote.clone(), line, memory });
        let works = JoinSet::new();
        Self { room, setup, threads, desks, claimer, works, doing: HashMap::new(), until_idle, troubled_until: None }
    }

    /// Reads until the engine stops or `leave` is told, lets pages in hand end that end in time, and gives back the others.
    pub async fn run(mut self, mut leave: oneshot::Receiver<()>) {
        let mut stop = self.room.shared.stop.clone();
        let (mut handled, mut leaving, mut stopping) = (true, false, false);
        let mut heartbeat = ticker(LEASE / 4);
        let mut care = ticker(CARE);
        loop {
            if !stopping {
                self.fill().await;
            }
            self.stand();
            let hungry = !stopping && self.room_left() > 0;
            tokio::select! {
                Some(done) = self.works.join_next_with_id() => self.ended(done).await,
                changed = stop.changed(), if handled => {
                    handled = changed.is_ok();
                    stopping = true;
                    if *stop.borrow_and_update() == Stop::Now {
                        break;
                    }
                }
                // The rest has ended; the pages in hand have their time at the desks, or had it.
                _ = &mut leave, if !leaving => (leaving, stopping) = (true, true),
                _ = heartbeat.tick() => self.heartbeat().await,
                _ = care.tick() => self.care().await,
                () = self.claimer.wait(), if hungry => {}
            }
            if stopping && self.works.is_empty() {
                break;
            }
        }
        self.works.abort_all();
        self.desks.abort_all();
        while self.works.join_next().await.is_some() {}
        if let Err(error) = self.claimer.held.release_all().await {
            self.trouble_with(&error);
        }
    }

    /// Images that could be claimed now: in each thread's hands what it reads together, and as much that is loaded meanwhile.
    fn room_left(&self) -> usize {
        (self.setup.workers.max(1) * self.threads.at_once() * AHEAD).saturating_sub(self.works.len())
    }

    /// Why nothing may be claimed now, if so.
    fn blocked(&self) -> Option<Safe> {
        let shared = &self.room.shared;
        if let Some(pause) = shared.pauses().into_iter().find(|pause| pause.scope == PauseScope::All) {
            return Some(pause.reason);
        }
        if let Some(full) = shared.uploading.full_because() {
            return Some(full);
        }
        if self.troubled_until.is_some_and(|until| Instant::now() < until) {
            return shared.reading.trouble();
        }
        None
    }

    async fn fill(&mut self) {
        if !self.claimer.is_due() || self.room_left() == 0 {
            return;
        }
        if self.blocked().is_some() {
            if let Err(error) = self.claimer.look().await {
                self.trouble_with(&error);
            }
            return;
        }
        if self.claimer.held.is_stale() {
            // After a suspend our own leases may be over: prolonged first, they are not claimed as somebody's crash.
            self.heartbeat().await;
        }
        // While it is not known whether reading works at all, one image is enough to find out.
        let wanted = if self.troubled_until.is_some() { 1 } else { self.room_left() };
        match self.claimer.claim(wanted).await {
            Ok((claims, given_up)) => {
                for image in given_up {
                    let text = format!("image {image} is given up: engines kept ending in the middle of it");
                    let draft = Draft::new(EventKind::OcrFailed, Safe::line(&text)).image(ImageId(image));
                    self.room.shared.log.publish(draft);
                    self.room.shared.reading.finished(Status::Failed);
                }
                for claim in claims {
                    let (job, progress) = (claim.job, Arc::new(Progress::new()));
                    let task = self.works.spawn(work::work(Arc::clone(&self.room), claim, Arc::clone(&progress)));
                    self.doing.insert(task.id(), (job, progress));
                }
            }
            Err(error) => self.trouble_with(&error),
        }
    }

    async fn ended(&mut self, done: Result<(Id, Finished), JoinError>) {
        match done {
            Ok((id, finished)) => {
                self.doing.remove(&id);
                self.claimer.held.forget(finished.job, finished.fence);
                if finished.lost_lease {
                    self.tell(EventKind::Engine, "an image was enqueued anew or taken over meanwhile, nothing was changed");
                }
                if let Some(error) = finished.error {
                    self.trouble_with(&error);
                }
                match finished.trouble {
                    Some(reason) => self.cannot_read(reason).await,
                    None if finished.read => self.can_read().await,
                    None => {}
                }
            }
            Err(error) => {
                if let Some((job, _)) = self.doing.remove(&error.id()) {
                    self.room.shared.reading.left(job);
                    // Not prolonged any more, its lease runs out, which counts as a crash of the engine on that image.
                    self.claimer.held.abandon(job);
                }
                self.tell(EventKind::Engine, &format!("a reading ended unexpectedly: {error}"));
            }
        }
        if self.works.is_empty() {
            // What was last seen still had this job in our own hands; a run until idle need not wait for the next poll.
            self.claimer.look_now();
        }
    }

    /// Reading cannot begin at all: nothing is claimed for a while, and no post waits for it.
    async fn cannot_read(&mut self, reason: Safe) {
        self.troubled_until = Some(Instant::now() + TROUBLE);
        if self.room.shared.reading.set_trouble(Some(reason.clone())) {
            self.tell(EventKind::Paused, &format!("no image is read: {reason}; it is tried again each minute"));
        }
        self.announce().await;
    }

    async fn can_read(&mut self) {
        if self.troubled_until.take().is_some() && self.room.shared.reading.set_trouble(None) {
            self.tell(EventKind::Resumed, "images are read again");
            self.announce().await;
        }
    }

    /// What this engine can do has changed: the others, and the posts that wait, know at once.
    async fn announce(&mut self) {
        if let Err(error) = self.claimer.held.announce(&self.room.shared.able()).await {
            self.trouble_with(&error);
        }
        self.room.shared.reading.post_may_be_due();
    }

    async fn heartbeat(&mut self) {
        match self.claimer.held.extend().await {
            Ok(lost) => self.end(&lost, Why::Lost),
            Err(error) => self.trouble_with(&error),
        }
    }

    async fn care(&mut self) {
        self.threads.drop_idle(self.setup.idle);
        self.room.shared.reading.set_stuck(self.threads.stuck());
        if self.doing.is_empty() {
            return;
        }
        match self.room.shared.store.cancelled(self.claimer.held.jobs()).await {
            Ok(cancelled) => self.end(&cancelled, Why::Operator),
            Err(error) => self.trouble_with(&error),
        }
    }

    fn end(&self, jobs: &[JobId], why: Why) {
        for (_, progress) in self.doing.values().filter(|(job, _)| jobs.contains(job)) {
            progress.stop(why);
        }
    }

    /// Says whether anything is left that can be done within the horizon.
    fn stand(&self) {
        let Some(horizon) = self.until_idle else { return };
        let blocked = self.blocked();
        let left = self.claimer.left_within(horizon).filter(|_| self.works.is_empty());
        let idle = left.is_some_and(|left| !left || blocked.is_some());
        self.room.shared.reading.set_idle(idle, blocked.filter(|_| left == Some(true)));
    }

    fn trouble_with(&self, error: &StoreError) {
        self.tell(EventKind::Engine, &format!("reading images: {error}"));
    }

    fn tell(&self, kind: EventKind, text: &str) {
        self.room.shared.log.publish(Draft::new(kind, Safe::line(text)));
    }
}

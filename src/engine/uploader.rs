//! The upload of documents beside everything else: claims upload jobs by age, puts their documents into the blob store, and holds
//! back while it does not answer or refuses. What one failure means is `hold`'s; how a document is put is `put`'s.

mod hold;
mod put;
pub(super) mod standing;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::claimer::{Claimer, ticker};
use super::event::Draft;
use super::lease::LEASE;
use super::persist::persist;
use super::shared::{Shared, Stop, duration_words};
use crate::blob::{self, BlobError, BlobStore, Class};
use crate::config;
use crate::domain::{EventKind, JobId, JobKind, Millis, Pause, PauseScope, Status};
use crate::store::{Finish, NewOutput, StoreError, Upload};
use crate::text::Safe;
use hold::Hold;
use put::{Came, Finished};
pub use put::{Put, put};

/// Uploads at once: two small objects each, so that the way to the server and back counts most.
const AT_ONCE: usize = 8;
/// Time that uploads in hand get after a stop was asked for; the promise is 5 s in all.
const GRACE: Duration = Duration::from_secs(3);
/// Waits before an upload is tried again whose bytes did not arrive as they were sent.
const AGAIN: Duration = Duration::from_secs(30);

/// Where the document of an image goes: its key is fixed here, by the day of `at`.
pub fn output(path: &str, sha256: &str, at: Millis) -> NewOutput {
    let source = Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned());
    NewOutput { key: blob::base_key(&source, sha256, at), source }
}

/// The state of the upload loop.
pub struct Uploader {
    shared: Arc<Shared>,
    settings: config::Blob,
    blob: Option<BlobStore>,
    claimer: Claimer,
    works: JoinSet<Finished>,
    doing: HashMap<Id, JobId>,
    until_idle: Option<Duration>,
    /// Documents enqueued here when the jobs were last looked at.
    seen: u64,
    hold: Hold,
    /// The last document that was looked at for one without an output; `None`: all were.
    backfill: Option<i64>,
    stopping_since: Option<Instant>,
}

impl Uploader {
    /// Of one engine, as its settings say.
    pub fn new(shared: Arc<Shared>, settings: config::Blob, until_idle: Option<Duration>) -> Self {
        let claimer = Claimer::new(&shared, JobKind::Upload);
        Self {
            shared,
            settings,
            blob: None,
            claimer,
            works: JoinSet::new(),
            doing: HashMap::new(),
            until_idle,
            seen: 0,
            hold: Hold::default(),
            backfill: Some(0),
            stopping_since: None,
        }
    }

    /// Uploads until the engine stops or `leave` is told, and gives back what is not done then.
    pub async fn run(mut self, mut leave: oneshot::Receiver<()>) {
        let shared = Arc::clone(&self.shared);
        let mut stop = shared.stop.clone();
        let (mut handled, mut leaving) = (true, false);
        let mut heartbeat = ticker(LEASE / 4);
        self.begin().await;
        loop {
            if self.stopping_since.is_none() {
                self.fill().await;
            }
            self.stand();
            let hungry = self.stopping_since.is_none() && self.room() > 0;
            let last = self.stopping_since.map(|since| since + GRACE);
            tokio::select! {
                Some(done) = self.works.join_next_with_id() => self.ended(done).await,
                changed = stop.changed(), if handled => {
                    handled = changed.is_ok();
                    self.stopping_since.get_or_insert_with(Instant::now);
                    if *stop.borrow_and_update() == Stop::Now {
                        break;
                    }
                }
                // The rest has ended; what is in hand comes through, or is given back.
                _ = &mut leave, if !leaving => {
                    leaving = true;
                    self.stopping_since.get_or_insert_with(Instant::now);
                }
                _ = heartbeat.tick() => self.heartbeat().await,
                () = shared.uploading.work.notified() => self.claimer.look_now(),
                () = self.claimer.wait(), if hungry => {}
                () = tokio::time::sleep_until(last.unwrap_or_else(Instant::now)), if last.is_some() => break,
            }
            if self.stopping_since.is_some() && self.works.is_empty() {
                break;
            }
        }
        self.works.abort_all();
        while let Some(done) = self.works.join_next_with_id().await {
            if done.is_ok() {
                self.ended(done).await;
            }
        }
        shared.uploading.set_in_flight(0);
        if let Err(error) = self.claimer.held.release_all().await {
            self.trouble_with(&error);
        }
    }

    /// A start tries again what had been given up, and asks at once whether a refusal from before still holds.
    async fn begin(&mut self) {
        match self.shared.store.retry_failed_uploads().await {
            Ok(0) => {}
            Ok(1) => self.tell(EventKind::Engine, "1 upload that had been given up is tried again"),
            Ok(count) => self.tell(EventKind::Engine, &format!("{count} uploads that had been given up are tried again")),
            Err(error) => self.trouble_with(&error),
        }
        if let Some(pause) = self.pause(&PauseScope::Uploads) {
            self.hold.refused_before(pause.reason);
        }
    }

    /// Uploads that could be claimed now.
    fn room(&self) -> usize {
        self.hold.most(AT_ONCE).saturating_sub(self.works.len())
    }

    fn pause(&self, scope: &PauseScope) -> Option<Pause> {
        self.shared.pauses().into_iter().find(|pause| pause.scope == *scope)
    }

    async fn fill(&mut self) {
        if !self.claimer.is_due() || self.room() == 0 {
            return;
        }
        if self.pause(&PauseScope::All).is_some() {
            self.look().await;
            return;
        }
        match self.pause(&PauseScope::Uploads) {
            Some(pause) => self.hold.refused_elsewhere(Instant::now(), pause.reason),
            // Whoever lifted the pause has seen to its cause.
            None => self.hold.lift_refusal(),
        }
        if let Err(error) = self.enqueue_missing().await {
            self.trouble_with(&error);
        }
        let found = self.look().await;
        match self.hold.until().filter(|until| *until > Instant::now()) {
            Some(until) => self.claimer.look_within(until.saturating_duration_since(Instant::now())),
            None if found => self.claim().await,
            None => {}
        }
    }

    async fn claim(&mut self) {
        let Some(blob) = self.opened().await else { return };
        if self.claimer.held.is_stale() {
            // After a suspend our own leases may be over: prolonged first, they are not claimed a second time.
            self.heartbeat().await;
        }
        match self.claimer.claim_uploads(self.room()).await {
            Ok(claims) => {
                for upload in claims {
                    let job = upload.job;
                    let task = self.works.spawn(put::work(Arc::clone(&self.shared), blob.clone(), upload));
                    self.doing.insert(task.id(), job);
                }
                self.shared.uploading.set_in_flight(self.works.len());
            }
            Err(error) => self.trouble_with(&error),
        }
    }

    /// The blob store; when the settings do not even name one, that is a refusal.
    async fn opened(&mut self) -> Option<BlobStore> {
        if self.blob.is_none() {
            match BlobStore::open(&self.settings).await {
                Ok(blob) => {
                    self.shared.uploading.set_place(blob.place());
                    self.blob = Some(blob);
                }
                Err(error) => self.refused(&error).await,
            }
        }
        self.blob.clone()
    }

    /// Documents that were read while nothing was stored go up as well, as many as the spool takes.
    async fn enqueue_missing(&mut self) -> Result<(), StoreError> {
        let Some(after) = self.backfill.filter(|_| self.may_backfill()) else { return Ok(()) };
        let (store, now) = (&self.shared.store, self.shared.now());
        let looked = store.enqueue_missing_uploads(after, |path, sha256| output(path, sha256, now)).await?;
        self.backfill = looked.map(|(last, _)| last);
        if looked.is_some_and(|(_, enqueued)| enqueued > 0) {
            self.shared.note_waiting(store.waiting_uploads().await?);
        }
        Ok(())
    }

    /// Reads what is due; true when something can be claimed.
    async fn look(&mut self) -> bool {
        self.seen = self.shared.uploading.enqueued();
        let found = self.claimer.look().await;
        if self.may_backfill() {
            self.claimer.look_now();
        }
        found.unwrap_or_else(|error| {
            self.trouble_with(&error);
            false
        })
    }

    fn may_backfill(&self) -> bool {
        self.backfill.is_some() && !self.shared.uploading.is_full()
    }

    async fn ended(&mut self, done: Result<(Id, Finished), JoinError>) {
        self.claimer.look_now();
        let finished = match done {
            Ok((id, finished)) => {
                self.doing.remove(&id);
                finished
            }
            Err(error) => {
                if let Some(job) = self.doing.remove(&error.id()) {
                    self.claimer.held.abandon(job);
                }
                self.tell(EventKind::Engine, &format!("an upload ended unexpectedly: {error}"));
                return;
            }
        };
        self.shared.uploading.set_in_flight(self.works.len());
        let Finished { upload, came } = finished;
        let done = match came {
            Ok(Came::Put { kept: false, .. }) => {
                self.tell(EventKind::Engine, "an upload was enqueued anew or taken over meanwhile, nothing was changed");
                Ok(())
            }
            Ok(Came::Put { text, .. }) => {
                self.tell_of(&upload, EventKind::UploadDone, &text);
                self.finished(Status::Success);
                self.stored(upload.job).await
            }
            Ok(Came::Gone) => {
                self.finished(Status::Skipped);
                Ok(())
            }
            Ok(Came::Refused(error)) => self.failed(&upload, &error).await,
            Err(error) => Err(error),
        };
        self.claimer.held.forget(upload.job, upload.fence);
        if let Err(error) = done {
            self.trouble_with(&error);
        }
    }

    /// The blob store answers: what was put off is due, and a pause of ours ends.
    async fn stored(&mut self, job: JobId) -> Result<(), StoreError> {
        if !self.hold.stored(job) {
            return Ok(());
        }
        let store = &self.shared.store;
        store.uploads_due_now().await?;
        if self.shared.uploading.set_trouble(None) {
            self.tell(EventKind::Resumed, "documents are stored again");
        }
        store.clear_pause(&PauseScope::Uploads).await?;
        self.shared.follow_pauses(store.pauses().await?);
        Ok(())
    }

    async fn failed(&mut self, upload: &Upload, error: &BlobError) -> Result<(), StoreError> {
        let class = error.class();
        let (word, reason) = (class.as_str().to_owned(), error.to_string());
        if class.is_permanent() && !class.is_of_one_key() {
            self.claimer.held.release_jobs(&[(upload.job, upload.fence)]).await?;
            self.refused(error).await;
            return Ok(());
        }
        let counted = class == Class::Broken && upload.attempts < upload.max_attempts;
        let (finish, text) = if class.is_permanent() || (class == Class::Broken && !counted) {
            (Finish::Failed { class: word, reason: reason.clone() }, format!("given up: {reason}"))
        } else if counted {
            (Finish::Retry { class: word, reason: reason.clone(), after: AGAIN }, reason)
        } else {
            let after = self.hold.unanswered(Instant::now(), upload.job, in_short(error));
            let text = format!("{reason}; again in {}", duration_words(after));
            (Finish::PutOff { class: word, reason, after }, text)
        };
        let store = &self.shared.store;
        let kept = persist(&self.shared, None, || store.finish(upload.job, upload.fence, &finish)).await?;
        if kept {
            self.tell_of(upload, EventKind::UploadFailed, &format!("{}: {text}", upload.source));
            if matches!(finish, Finish::Failed { .. }) {
                self.finished(Status::Failed);
            }
        }
        if let Some((reason, wait)) = self.hold.held(Instant::now()) {
            let text = format!("no document is stored: {reason}; tried again in {}", duration_words(wait));
            if self.shared.uploading.set_trouble(Some(reason)) {
                self.tell(EventKind::Paused, &text);
            }
        }
        Ok(())
    }

    /// Trying on would be of no use until a person has done something: a pause with reason and remedy.
    async fn refused(&mut self, error: &BlobError) {
        let reason = in_short(error);
        let news = self.hold.refused(Instant::now(), reason.clone());
        self.shared.uploading.set_trouble(Some(reason.clone()));
        if !news {
            return;
        }
        let text = format!("uploads paused until you resume (tried again every {}): {reason}", duration_words(hold::PROBE));
        self.tell(EventKind::Paused, &text);
        let store = &self.shared.store;
        let paused = async {
            store.set_pause(&Pause { scope: PauseScope::Uploads, until: None, reason }).await?;
            self.shared.follow_pauses(store.pauses().await?);
            Ok::<_, StoreError>(())
        };
        if let Err(error) = paused.await {
            self.trouble_with(&error);
        }
    }

    async fn heartbeat(&mut self) {
        // What was lost is put all the same, under the same key; only its end does not count.
        if let Err(error) = self.claimer.held.extend().await {
            self.trouble_with(&error);
        }
    }

    /// Says whether anything is left that can be stored within the horizon.
    fn stand(&self) {
        let Some(horizon) = self.until_idle else { return };
        let paused = self.pause(&PauseScope::All).map(|pause| pause.reason);
        let blocked = paused.or_else(|| self.hold.lasting(Instant::now(), horizon));
        let left = self.claimer.left_within(horizon).filter(|_| self.works.is_empty());
        let idle = left.is_some_and(|left| !left && !self.may_backfill() || blocked.is_some());
        let any = self.claimer.outlook().is_some_and(|outlook| !outlook.is_idle());
        self.shared.uploading.set_idle(idle, self.seen, blocked.filter(|_| any));
    }

    fn finished(&self, status: Status) {
        self.shared.board().changed();
        self.shared.uploading.finished(status);
    }

    fn trouble_with(&self, error: &StoreError) {
        self.tell(EventKind::Engine, &format!("storing documents: {error}"));
    }

    fn tell_of(&self, upload: &Upload, kind: EventKind, text: &str) {
        let draft = Draft::new(kind, Safe::line(text));
        self.shared.log.publish(match upload.image {
            Some(image) => draft.image(image),
            None => draft,
        });
    }

    fn tell(&self, kind: EventKind, text: &str) {
        self.shared.log.publish(Draft::new(kind, Safe::line(text)));
    }
}

/// What is wrong with the blob store as a whole, without the key that met it.
fn in_short(error: &BlobError) -> Safe {
    Safe::line(&format!("{}: {} ({}); {}", error.place(), error.saw(), error.class(), error.remedy()))
}

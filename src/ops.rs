//! Every use case once: a key press, a subcommand and an HTTP route that do the same thing call the same function here.
//! It does no background work and prints nothing.

mod chorus;
pub mod doctor;
mod fetch;
mod hand;
mod images;
mod measure;
mod models;
mod observe;
pub mod ocr;
pub mod outputs;
mod submit;

use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, watch};

use crate::blob::BlobStore;
use crate::config::Tagging;
use crate::domain::{
    Answer, CallId, ModelKey, PageKey, Pause, PauseScope, PostDetail, PostFilter, PostId, PostLine, PostOrder, PostPlace,
    Snapshot, Stats, Status, UserId, WorkerSeen, WorstCase,
};
use crate::engine::Engine;
use crate::engine::event::EventLog;
use crate::store::{PostPage, PostsInOrder, Requeue, Store, StoreError};
use crate::text::Safe;
pub use submit::{Submission, Submissions, hash};

pub use fetch::{FetchError, fetch};
pub use images::WhichImages;
pub use measure::{CallTally, Pulse};
pub use models::Offered;

/// What entries of the route begin with that call nobody.
const LOCAL: &str = "local/";

/// Why something asked for was not done; a whole sentence for a person.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// The database would not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such post.
    #[error("there is no post {0}; `tagdeck posts` lists them")]
    NoPost(PostId),
    /// `tagging.enabled = false`.
    #[error("tagging is switched off: set tagging.enabled = true in the settings")]
    TaggingOff,
    /// Image files that were handed in could not be looked at.
    #[error("the files could not be looked at: {0}; try again")]
    Submit(Safe),
    /// A file that was handed in is not there.
    #[error(transparent)]
    Input(#[from] ocr::InputError),
    /// Somebody only watches.
    #[error("nothing was changed: this only watches (--read-only)")]
    ReadOnly,
    /// A model that was asked for by name cannot be asked.
    #[error("`{written}` names no model that can be asked: {why}")]
    NoModel {
        /// As it was written.
        written: Safe,
        /// What is wrong with it, and what would be right.
        why: Safe,
    },
    /// A post without any text cannot be tagged.
    #[error("post {0} has no text to tag")]
    NoText(PostId),
}

/// What to tag again.
#[derive(Clone, Debug, Default)]
pub struct RetryRequest {
    /// Which posts; only `failed` and `retrying` ones are taken.
    pub filter: PostFilter,
    /// Only these of them.
    pub ids: Option<Vec<PostId>>,
    /// Take posts over the attempt limit as well, and set their attempts to 0.
    pub force: bool,
    /// At most this many, the longest unchanged first.
    pub limit: Option<u32>,
    /// Count, change nothing.
    pub dry_run: bool,
}

/// What came of a [`RetryRequest`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RetryReport {
    /// Posts that fit.
    pub matched: i64,
    /// Posts enqueued (0 in a dry run).
    pub queued: i64,
    /// Posts left out because a person decided about them by hand.
    pub by_hand: i64,
    /// Most calls that can cost.
    pub worst_case_calls: u64,
}

/// What a person can ask for; clones share one database and one engine.
#[derive(Clone, Debug)]
pub struct Ops {
    store: Store,
    tagging: Arc<Tagging>,
    snapshot: watch::Receiver<Snapshot>,
    /// Of the engine of this process.
    own_log: Option<EventLog>,
    /// Of all workers; made when it is first asked for, which most commands never do.
    log: Arc<OnceLock<EventLog>>,
    /// Where documents are stored, if anywhere.
    blobs: Option<BlobStore>,
    /// What is examined when somebody asks.
    patient: Option<Arc<doctor::Patient>>,
    /// Wakes the engine of this process, if there is one.
    waker: Option<mpsc::Sender<()>>,
    /// The models that can be asked for by name.
    catalogue: Arc<models::Catalogue>,
    /// Nothing is changed, whoever asks.
    read_only: bool,
}

impl Ops {
    /// On a database with the engine of this process.
    pub fn with_engine(store: Store, tagging: &Tagging, engine: &Engine) -> Self {
        Self {
            store,
            tagging: Arc::new(tagging.clone()),
            snapshot: engine.watch(),
            own_log: Some(engine.log()),
            log: Arc::default(),
            blobs: None,
            patient: None,
            waker: Some(engine.waker()),
            catalogue: Arc::default(),
            read_only: false,
        }
    }

    /// On a database that other processes work on, or nobody.
    pub fn observing(store: Store, tagging: &Tagging) -> Self {
        let tagging = Arc::new(tagging.clone());
        let snapshot = observe::follow(store.clone(), Arc::clone(&tagging));
        Self {
            store,
            tagging,
            snapshot,
            own_log: None,
            log: Arc::default(),
            blobs: None,
            patient: None,
            waker: None,
            catalogue: Arc::default(),
            read_only: false,
        }
    }

    /// The same for somebody who must not change anything: whatever would is refused, with [`OpsError::ReadOnly`].
    #[must_use]
    pub fn only_watching(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// The store, for what changes something.
    fn changing(&self) -> Result<&Store, OpsError> {
        if self.read_only || self.store.is_read_only() { Err(OpsError::ReadOnly) } else { Ok(&self.store) }
    }

    /// The same with the blob store that documents lie in.
    #[must_use]
    pub fn with_blobs(self, blobs: BlobStore) -> Self {
        Self { blobs: Some(blobs), ..self }
    }

    /// Counts, for one user or all; `None`: no such user.
    pub async fn stats(&self, user: Option<UserId>) -> Result<Option<Stats>, OpsError> {
        let stats = self.store.stats(user, self.tagging.max_attempts).await?;
        Ok(stats.map(|stats| Stats {
            tagging_enabled: self.tagging.enabled,
            max_retry_attempts: i64::from(self.tagging.max_attempts),
            ..stats
        }))
    }

    /// A page of posts, newest change first.
    pub async fn posts(&self, filter: &PostFilter, after: Option<PageKey>, limit: u32) -> Result<Vec<PostLine>, OpsError> {
        Ok(self.store.posts(filter, after, limit).await?)
    }

    /// As [`Ops::posts`], but looks through about `budget` posts only and says where to go on: for a search that somebody waits for.
    pub async fn posts_within(
        &self,
        filter: &PostFilter,
        after: Option<PageKey>,
        limit: u32,
        budget: u32,
    ) -> Result<PostPage, OpsError> {
        Ok(self.store.posts_within(filter, after, limit, budget).await?)
    }

    /// Posts that fit and have one of these statuses, in an order of choice (see [`PostOrder::lists`]).
    pub async fn posts_in_order(
        &self,
        filter: &PostFilter,
        statuses: &[Status],
        order: PostOrder,
        after: Option<PostPlace>,
        limit: u32,
    ) -> Result<PostsInOrder, OpsError> {
        Ok(self.store.posts_in_order(filter, statuses, order, after, limit).await?)
    }

    /// How many posts fit. A text is searched for in every post.
    pub async fn count(&self, filter: &PostFilter) -> Result<i64, OpsError> {
        Ok(self.store.count(filter).await?)
    }

    /// One post with its history; `None`: no such post.
    pub async fn post(&self, id: PostId) -> Result<Option<PostDetail>, OpsError> {
        Ok(self.store.post(id).await?)
    }

    /// A call with the answer that came; `None`: no such call.
    pub async fn answer(&self, id: CallId) -> Result<Option<Answer>, OpsError> {
        Ok(self.store.answer(id).await?)
    }

    /// Failed posts by error class, the most frequent first.
    pub async fn failures_by_class(&self) -> Result<Vec<(String, i64)>, OpsError> {
        Ok(self.store.failures_by_class().await?)
    }

    /// Enqueues failed and retrying posts again.
    pub async fn retry(&self, request: &RetryRequest) -> Result<RetryReport, OpsError> {
        self.require_tagging()?;
        let store = if request.dry_run { &self.store } else { self.changing()? };
        let requeued = store
            .requeue(&Requeue {
                filter: request.filter.clone(),
                ids: request.ids.clone(),
                force: request.force,
                limit: request.limit,
                dry_run: request.dry_run,
                max_attempts: self.tagging.max_attempts,
                model: None,
                by_hand: false,
            })
            .await?;
        self.wake();
        let matched = u64::try_from(requeued.matched).unwrap_or(0);
        Ok(RetryReport {
            matched: requeued.matched,
            queued: requeued.queued,
            by_hand: requeued.by_hand,
            worst_case_calls: matched.saturating_mul(self.worst_case().calls()),
        })
    }

    /// Tags one post anew, whatever its status; always forced. With a `model`, as the route's entries are written, that one is
    /// asked first and the route follows only if it fails; which one that is.
    pub async fn regenerate(&self, id: PostId, model: Option<&str>) -> Result<Option<ModelKey>, OpsError> {
        self.require_tagging()?;
        self.changing()?;
        let post = self.store.post(id).await?.ok_or(OpsError::NoPost(id))?;
        if post.text.trim().is_empty() && post.images.is_empty() {
            return Err(OpsError::NoText(id));
        }
        let model = match model {
            Some(written) => Some(self.named(written).await?),
            None => None,
        };
        let what = Requeue {
            ids: Some(vec![id]),
            force: true,
            max_attempts: self.tagging.max_attempts,
            model: model.clone(),
            by_hand: true,
            ..Requeue::default()
        };
        self.changing()?.requeue(&what).await?;
        self.wake();
        Ok(model)
    }

    /// Stops claiming, on every engine of this database, until [`Ops::resume`].
    pub async fn pause(&self) -> Result<(), OpsError> {
        let pause = Pause { scope: PauseScope::All, until: None, reason: Safe::fixed("paused by the operator") };
        self.changing()?.set_pause(&pause).await?;
        self.wake();
        Ok(())
    }

    /// Lifts the operator's pause; without one, the engine's own: whoever asks has seen to their cause.
    pub async fn resume(&self) -> Result<(), OpsError> {
        let pauses = self.changing()?.pauses().await?;
        if !pauses.iter().any(|pause| pause.scope == PauseScope::All) {
            return self.resume_all().await;
        }
        self.store.clear_pause(&PauseScope::All).await?;
        self.wake();
        Ok(())
    }

    /// Lifts every pause, the operator's and the engine's own.
    pub async fn resume_all(&self) -> Result<(), OpsError> {
        self.changing()?;
        for pause in self.store.pauses().await? {
            self.store.clear_pause(&pause.scope).await?;
        }
        self.wake();
        Ok(())
    }

    /// The numbers, as they change.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// The live log, of every worker on this database.
    pub fn log(&self) -> EventLog {
        self.log.get_or_init(|| chorus::gather(&self.store, self.own_log.as_ref())).clone()
    }

    /// Who works on this database, and who did within the last hour without saying goodbye.
    pub async fn workers(&self) -> Result<Vec<WorkerSeen>, OpsError> {
        Ok(self.store.workers().await?)
    }

    /// Most calls one post can cost on the route as it stands.
    pub fn worst_case(&self) -> WorstCase {
        let known = self.snapshot.borrow().worst_case;
        if known.models > 0 { known } else { planned(&self.tagging) }
    }

    fn require_tagging(&self) -> Result<(), OpsError> {
        if self.tagging.enabled { Ok(()) } else { Err(OpsError::TaggingOff) }
    }

    /// A full channel means that the engine is being woken already; a closed one that it has ended.
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            let _ = waker.try_send(());
        }
    }
}

/// The worst case as far as the settings tell it, without asking any provider: an `auto:` entry counts as one model.
fn planned(tagging: &Tagging) -> WorstCase {
    let models = tagging.route.iter().filter(|entry| !entry.starts_with(LOCAL)).count() as u64;
    WorstCase {
        models,
        calls_per_pass: if models == 0 { 0 } else { u64::from(tagging.pass_calls) },
        passes: u64::from(tagging.max_attempts),
    }
}

//! What the main loop and every watcher know of the reading: who is at it, what was done, whether anything is left.
//! It is written by the reading and decides nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::progress::Progress;
use crate::domain::{JobId, Millis, OcrBusy, OcrNumbers, OcrTotals, PostId, Status};
use crate::engine::event::wall_clock;
use crate::ocr::document::EngineLabel;
use crate::text::Safe;

/// See the module.
#[derive(Default)]
pub struct Standing {
    state: Mutex<State>,
    /// Readings that ended: each may have made a post due.
    ended: AtomicU64,
    /// Wakes the main loop.
    pub news: Notify,
}

#[derive(Default)]
struct State {
    busy: BTreeMap<JobId, Busy>,
    totals: OcrTotals,
    label: Option<EngineLabel>,
    trouble: Option<Safe>,
    stuck: u32,
    idle: bool,
    /// Why what is left cannot be done now.
    blocked: Option<Safe>,
}

/// Whether anything is left to read.
pub enum Idle {
    /// Something is, or that is not known.
    No,
    /// Nothing that falls due soon.
    Done,
    /// Something that cannot be read now, and why.
    Blocked(Safe),
}

struct Busy {
    post: Option<PostId>,
    image: Safe,
    since: Millis,
    progress: Arc<Progress>,
}

impl Standing {
    /// A thread begins to read.
    pub fn begun(&self, job: JobId, post: Option<PostId>, image: &Safe, progress: &Arc<Progress>) {
        let busy = Busy { post, image: image.clone(), since: wall_clock(), progress: Arc::clone(progress) };
        self.lock().busy.insert(job, busy);
    }

    /// Nobody reads it any more.
    pub fn left(&self, job: JobId) {
        self.lock().busy.remove(&job);
    }

    /// A reading came to an end that is final.
    pub fn finished(&self, status: Status) {
        {
            let totals = &mut self.lock().totals;
            match status {
                Status::Success => totals.success += 1,
                Status::Failed => totals.failed += 1,
                Status::Skipped => totals.skipped += 1,
                Status::Pending | Status::Retrying => {}
            }
        }
        self.post_may_be_due();
    }

    /// Posts that waited for images may be due: the main loop looks.
    pub fn post_may_be_due(&self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
        self.news.notify_one();
    }

    /// Grows with each reading that ended: what was seen of the tag jobs before is old.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }

    /// What really reads.
    pub fn label(&self, label: EngineLabel) {
        self.lock().label = Some(label);
    }

    /// Why no image is read, or that there is no such reason; true when that is news.
    pub fn set_trouble(&self, trouble: Option<Safe>) -> bool {
        let mut state = self.lock();
        let news = state.trouble != trouble;
        state.trouble = trouble;
        news
    }

    /// Why no image is read, when that is so.
    pub fn trouble(&self) -> Option<Safe> {
        self.lock().trouble.clone()
    }

    /// True unless something keeps this engine from reading: then posts must not wait for it.
    pub fn is_able(&self) -> bool {
        self.lock().trouble.is_none()
    }

    /// How many threads were given up and have not come back.
    pub fn set_stuck(&self, stuck: u32) {
        self.lock().stuck = stuck;
    }

    /// Whether anything is left that can be done within the horizon, and why not what is left.
    pub fn set_idle(&self, idle: bool, blocked: Option<Safe>) {
        let mut state = self.lock();
        let news = idle && !state.idle;
        (state.idle, state.blocked) = (idle, blocked);
        drop(state);
        if news {
            self.news.notify_one();
        }
    }

    /// Whether a run until idle may end.
    pub fn idle(&self) -> Idle {
        let state = self.lock();
        match (state.idle, &state.blocked) {
            (false, _) => Idle::No,
            (true, None) => Idle::Done,
            (true, Some(why)) => Idle::Blocked(why.clone()),
        }
    }

    /// Totals so far.
    pub fn totals(&self) -> OcrTotals {
        self.lock().totals
    }

    /// True while an image is in hand.
    pub fn is_busy(&self) -> bool {
        !self.lock().busy.is_empty()
    }

    /// For the snapshot; the counts are the database's and not here.
    pub fn numbers(&self) -> OcrNumbers {
        let state = self.lock();
        let mut busy: Vec<OcrBusy> = state.busy.values().map(Busy::shown).collect();
        busy.sort_by_key(|one| one.since);
        OcrNumbers {
            busy,
            provider: state.label.as_ref().map(|label| Safe::fixed(label.provider)),
            reason: state.label.as_ref().map(|label| label.reason.clone()),
            trouble: state.trouble.clone(),
            stuck_threads: state.stuck,
            totals: state.totals,
            ..OcrNumbers::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Busy {
    fn shown(&self) -> OcrBusy {
        let (stage, page, pages) = self.progress.place();
        OcrBusy { post: self.post, image: self.image.clone(), stage: stage.word(), page: (page, pages), since: self.since }
    }
}

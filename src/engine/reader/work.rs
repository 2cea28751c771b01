//! One image from claim to finish: loaded, compared, handed to a thread, watched, and finished under the fence.
//! What the image says is the thread's; when the next one is claimed is the loop's.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedMutexGuard, Semaphore, oneshot, watch};

use super::Setup;
use super::content::{self, Content, Contents};
use super::progress::{Progress, Why};
use super::thread::{Fault, Readout, Task, Thread, Threads};
use crate::domain::{EventKind, Fence, JobId, Status};
use crate::engine::event::Draft;
use crate::engine::persist::persist;
use crate::engine::shared::{Shared, Stop, duration_words};
use crate::engine::uploader::output;
use crate::ocr::OcrError;
use crate::store::{Claim, Finish, NewDocument, NewOutput, Reused, StoreError};
use crate::text::{Safe, grouped};

/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(100);
/// Time that a page gets to end by itself after a stop was asked for, and then to follow the request to end.
const LAST_PAGE: Duration = Duration::from_secs(3);
const LAST_STEP: Duration = Duration::from_millis(800);
/// Waits before an image is tried again after the engine failed over it; the last one repeats.
const AGAIN: [Duration; 4] = [Duration::from_secs(2), Duration::from_secs(15), Duration::from_mins(1), Duration::from_mins(5)];

/// What all readings of one engine share.
pub struct Room {
    pub shared: Arc<Shared>,
    pub setup: Setup,
    pub threads: Threads,
    pub contents: Contents,
    /// One permit a thread.
    pub turns: Semaphore,
}

/// How a reading ended for the loop.
#[derive(Debug)]
pub struct Finished {
    pub job: JobId,
    pub fence: Fence,
    /// Another worker had claimed the job meanwhile; nothing was changed.
    pub lost_lease: bool,
    /// A thread has made a document of it: reading works.
    pub read: bool,
    /// The engine cannot read at all, and why.
    pub trouble: Option<Safe>,
    /// The database did not take the result; the lease runs out and the image is read again.
    pub error: Option<StoreError>,
}

/// What a reading came to.
enum Came {
    /// A new document, the hash of the image, and how long it took.
    Read(Readout, String, Duration),
    /// The document of an image of the same content; characters of its text.
    Known(usize),
    /// Nothing, and trying again would change nothing.
    Failed(&'static str, String),
    /// Nothing this time.
    Again(&'static str, String),
    /// An operator does not want it.
    Cancelled,
    /// The engine stops, or cannot read at all: given back, uncounted.
    GivenBack(Option<Safe>),
    /// Its job is somebody else's.
    Lost,
}

/// Does one job from claim to finish.
pub async fn work(room: Arc<Room>, claim: Claim, progress: Arc<Progress>) -> Finished {
    let (job, fence) = (claim.job, claim.fence);
    let image = content::name(claim.image.as_deref().unwrap_or_default());
    let work = Work { room, claim, image, progress };
    let mut finished = Finished { job, fence, lost_lease: false, read: false, trouble: None, error: None };
    let mut alone = None;
    let came = work.read(&mut alone).await;
    finished.read = matches!(came, Ok(Came::Read(..)));
    let done = match came {
        Ok(Came::GivenBack(trouble)) => {
            finished.trouble = trouble;
            work.give_back().await.map(|()| true)
        }
        Ok(Came::Lost) => Ok(false),
        Ok(came) => work.finish(came).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(kept) => finished.lost_lease = !kept,
        Err(error) => finished.error = Some(error),
    }
    finished
}

struct Work {
    room: Arc<Room>,
    claim: Claim,
    image: Safe,
    progress: Arc<Progress>,
}

impl Work {
    /// Leaves the content's lock in `alone`: whoever waits for it is to find the document.
    async fn read(&self, alone: &mut Option<OwnedMutexGuard<()>>) -> Result<Came, StoreError> {
        let path = self.claim.image.clone().unwrap_or_default();
        let loaded = tokio::task::spawn_blocking(move || content::load(&path)).await;
        let Content { bytes, sha256 } = match loaded {
            Ok(Ok(content)) => content,
            Ok(Err(why)) if why.permanent => return Ok(Came::Failed(why.class, why.reason)),
            Ok(Err(why)) => return Ok(Came::Again(why.class, why.reason)),
            Err(_) => return Ok(Came::GivenBack(None)),
        };
        let same = self.room.contents.of(&sha256);
        let Some(lock) = self.unless_ended(same.lock_owned()).await else { return Ok(self.ended()) };
        *alone = Some(lock);
        let (store, job, fence) = (&self.room.shared.store, self.claim.job, self.claim.fence);
        let output = self.output(&sha256);
        let reuse = || store.reuse_document(job, fence, &sha256, output.as_ref());
        match persist(&self.room.shared, self.claim.post, reuse).await? {
            Reused::Nothing => {}
            Reused::Done { chars } => {
                self.room.shared.uploading.came();
                return Ok(Came::Known(chars));
            }
            Reused::Lost => return Ok(Came::Lost),
        }
        let Some(Ok(_turn)) = self.unless_ended(self.room.turns.acquire()).await else { return Ok(self.ended()) };
        let standing = &self.room.shared.reading;
        standing.begun(job, self.claim.post, &self.image, &self.progress);
        let size = grouped(bytes.len().div_ceil(1024) as i64);
        self.tell(EventKind::OcrStart, &format!("{} · {size} KB", self.image));
        let came = self.on_a_thread(bytes, sha256).await;
        standing.left(job);
        Ok(came)
    }

    async fn on_a_thread(&self, bytes: Vec<u8>, sha256: String) -> Came {
        let (threads, began) = (&self.room.threads, Instant::now());
        let (reply, answer) = oneshot::channel();
        let source = self.claim.image.clone().unwrap_or_default();
        let mut task = Task { source, bytes, progress: Arc::clone(&self.progress), reply };
        let thread = loop {
            let thread = match threads.take() {
                Ok(thread) => thread,
                Err(error) => return Came::GivenBack(Some(Safe::line(&format!("no thread can be started: {error}")))),
            };
            match thread.give(task) {
                Ok(()) => break thread,
                // Gone while it was idle; the next one is another, or new.
                Err(unsent) => task = *unsent,
            }
        };
        match self.watch(thread, answer).await {
            Some(Ok(readout)) => Came::Read(readout, sha256, began.elapsed()),
            Some(Err(fault)) => self.failed(fault),
            None => self.stuck(),
        }
    }

    /// The thread's answer; `None` when it was asked to end and did not come back in time.
    async fn watch(
        &self,
        thread: Thread,
        mut answer: oneshot::Receiver<Result<Readout, Fault>>,
    ) -> Option<Result<Readout, Fault>> {
        let threads = &self.room.threads;
        let mut look = tokio::time::interval(LOOK);
        let stopping = last_page(self.room.shared.stop.clone());
        tokio::pin!(stopping);
        let (mut asked, mut grace, mut told) = (None, self.room.setup.grace, false);
        loop {
            tokio::select! {
                answered = &mut answer => {
                    threads.put_back(thread);
                    let gone = || Err(Fault::Panic(Safe::fixed("its thread ended without an answer")));
                    return Some(answered.unwrap_or_else(|_| gone()));
                }
                _ = look.tick() => {
                    self.progress.stop_after(self.room.setup.page_timeout);
                    if self.progress.why().is_some() && asked.get_or_insert_with(Instant::now).elapsed() > grace {
                        threads.give_up(&thread);
                        self.room.shared.reading.set_stuck(threads.stuck());
                        return None;
                    }
                }
                left = &mut stopping, if !told => {
                    self.progress.stop(Why::Stop);
                    (asked, grace, told) = (Some(Instant::now()), left, true);
                }
            }
        }
    }

    /// What a failure means for the job.
    fn failed(&self, fault: Fault) -> Came {
        let error = match fault {
            Fault::Ocr(error) => error,
            Fault::Panic(said) => {
                return Came::Failed("ocr_failed", format!("a bug in the reading, please report it with the image: {said}"));
            }
        };
        // Asked to end, it may fail in any way.
        if self.progress.why().is_some() {
            return self.ended();
        }
        let class = error.class();
        match error {
            OcrError::Engine(_) => Came::GivenBack(Some(Safe::line(&error.to_string()))),
            OcrError::Run(_) => Came::Again(class, error.to_string()),
            OcrError::Image(_) | OcrError::TooLarge(_) | OcrError::Deadline { .. } => Came::Failed(class, error.to_string()),
            OcrError::Cancelled => Came::Cancelled,
        }
    }

    /// What it means that somebody asked for the end.
    fn ended(&self) -> Came {
        match self.progress.why() {
            Some(Why::Deadline { after, stage }) => {
                let error = OcrError::Deadline { seconds: after.as_secs(), stage };
                Came::Failed(error.class(), error.to_string())
            }
            Some(Why::Operator) => Came::Cancelled,
            Some(Why::Lost) => Came::Lost,
            Some(Why::Stop) | None => Came::GivenBack(None),
        }
    }

    /// The same when the thread did not come back.
    fn stuck(&self) -> Came {
        let came = self.ended();
        if !matches!(self.progress.why(), Some(Why::Stop)) {
            let (stage, page, _) = self.progress.place();
            let text = format!("{}: its thread is stuck at {stage} of page {page} and was replaced by a new one", self.image);
            self.tell(EventKind::Engine, &text);
        }
        match came {
            Came::Failed(class, reason) => Came::Failed(class, format!("{reason}; its thread did not end and was given up")),
            other => other,
        }
    }

    /// `None` when the reading is to end first.
    async fn unless_ended<T>(&self, wanted: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.room.shared.stop.clone();
        let asked = async {
            let mut look = tokio::time::interval(LOOK);
            while self.progress.why().is_none() {
                look.tick().await;
            }
        };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop != Stop::No) => None,
            () = asked => None,
            got = wanted => Some(got),
        }
    }

    async fn give_back(&self) -> Result<(), StoreError> {
        let (store, held) = (&self.room.shared.store, [(self.claim.job, self.claim.fence)]);
        persist(&self.room.shared, self.claim.post, || store.release(&held)).await
    }

    /// Writes the end under the fence and says so when it counted.
    async fn finish(&self, came: Came) -> Result<bool, StoreError> {
        let (shared, claim, image) = (&self.room.shared, &self.claim, &self.image);
        let (store, job, fence) = (&shared.store, claim.job, claim.fence);
        let (finish, status, text) = match came {
            Came::Lost | Came::GivenBack(_) => return Ok(false),
            Came::Known(chars) => {
                self.tell(EventKind::OcrDone, &format!("{image} · read before · {} characters", grouped(chars as i64)));
                self.finished(Status::Success);
                return Ok(true);
            }
            Came::Read(Readout { text, markdown, json, engine }, sha256, took) => {
                shared.reading.label(engine);
                let (ms, chars) = (grouped(took.as_millis() as i64), grouped(text.chars().count() as i64));
                let output = self.output(&sha256);
                let document = NewDocument { sha256, text, markdown, json };
                let kept = persist(shared, claim.post, || store.finish_ocr(job, fence, &document, output.as_ref())).await?;
                if kept {
                    shared.uploading.came();
                    self.tell(EventKind::OcrDone, &format!("{image} · {ms} ms · {chars} characters"));
                    self.finished(Status::Success);
                }
                return Ok(kept);
            }
            Came::Cancelled => {
                let finish = Finish::Skipped { class: "cancelled".to_owned(), reason: "cancelled by the operator".to_owned() };
                (finish, Status::Skipped, format!("{image}: cancelled"))
            }
            Came::Again(class, reason) if claim.attempts < claim.max_attempts => {
                let nth = usize::try_from(claim.attempts - 1).unwrap_or(0);
                let after = AGAIN.get(nth).or(AGAIN.last()).copied().unwrap_or_default();
                let reason = format!("{image}: {reason}");
                let text = format!("{reason}; again in {}", duration_words(after));
                (Finish::Retry { class: class.to_owned(), reason, after }, Status::Retrying, text)
            }
            Came::Failed(class, reason) | Came::Again(class, reason) => {
                let reason = format!("{image}: {reason}");
                (Finish::Failed { class: class.to_owned(), reason: reason.clone() }, Status::Failed, reason)
            }
        };
        let kept = persist(shared, claim.post, || store.finish(job, fence, &finish)).await?;
        if kept {
            self.tell(EventKind::OcrFailed, &text);
            self.finished(status);
        }
        Ok(kept)
    }

    /// Where its document goes, when documents are stored.
    fn output(&self, sha256: &str) -> Option<NewOutput> {
        let path = self.claim.image.as_deref()?;
        self.room.shared.uploading.is_wanted().then(|| output(path, sha256, self.room.shared.now()))
    }

    fn finished(&self, status: Status) {
        self.room.shared.board().changed();
        self.room.shared.reading.finished(status);
    }

    fn tell(&self, kind: EventKind, text: &str) {
        let draft = Draft::new(kind, Safe::line(text));
        self.room.shared.log.publish(match self.claim.post {
            Some(post) => draft.post(post),
            None => draft,
        });
    }
}

/// Returns when the page in hand is to be ended because the engine stops, with the time it has to follow.
async fn last_page(mut stop: watch::Receiver<Stop>) -> Duration {
    // An error means that the engine is gone, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop != Stop::No).await;
    tokio::select! {
        _ = stop.wait_for(|stop| *stop == Stop::Now) => Duration::ZERO,
        () = tokio::time::sleep(LAST_PAGE) => LAST_STEP,
    }
}

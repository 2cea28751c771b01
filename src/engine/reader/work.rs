//! One image from claim to finish: loaded, compared, read at a desk, and finished under the fence.
//! What the image says is the thread's; when the next one is claimed is the loop's.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedMutexGuard, Semaphore, mpsc, oneshot};

use super::Remote;
use super::away::{Told, Written};
use super::content::{self, Content, Contents};
use super::desk::{LOOK, Waiting, last_page};
use super::progress::{Progress, Why};
use super::thread::{Fault, Image, Readout};
use crate::domain::{EventKind, Fence, ImageId, JobId, Status};
use crate::engine::event::Draft;
use crate::engine::persist::persist;
use crate::engine::shared::{Shared, Stop, duration_words};
use crate::engine::uploader::output;
use crate::ocr::OcrError;
use crate::store::{Claim, Finish, NewDocument, NewOutput, Reused, StoreError};
use crate::text::{Safe, counted, grouped};

/// Waits before an image is tried again after the engine failed over it; the last one repeats.
const AGAIN: [Duration; 4] = [Duration::from_secs(2), Duration::from_secs(15), Duration::from_mins(1), Duration::from_mins(5)];

/// What all readings of one engine share.
pub struct Room {
    pub shared: Arc<Shared>,
    pub contents: Contents,
    /// The engine behind HTTP that is asked first, if one is.
    pub remote: Option<Arc<Remote>>,
    /// To the desks.
    pub line: mpsc::UnboundedSender<Waiting>,
    /// A permit a megabyte of files that are loaded or about to be.
    pub memory: Semaphore,
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
    // Reading over HTTP makes it a large future.
    let came = Box::pin(work.read(&mut alone)).await;
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
        let Some(Ok(_memory)) = self.unless_ended(self.room.memory.acquire_many(content::megabytes(&path))).await else {
            return Ok(self.ended());
        };
        let file = path.clone();
        let loaded = tokio::task::spawn_blocking(move || content::load(&file)).await;
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
        let (bytes, away) = Box::pin(self.elsewhere(bytes, &sha256)).await;
        match away {
            Some(came) => Ok(came),
            None => Ok(self.at_a_desk(path, bytes, sha256).await),
        }
    }

    fn begun(&self, bytes: usize) {
        self.room.shared.reading.begun(self.claim.job, self.claim.post, &self.image, &self.progress);
        let size = grouped(bytes.div_ceil(1024) as i64);
        self.tell(EventKind::OcrStart, &format!("{} · {size} KB", self.image));
    }

    /// What an engine behind HTTP made of it; `None`: there is no such engine, or this machine is to read what it did not.
    async fn elsewhere(&self, bytes: Vec<u8>, sha256: &str) -> (Vec<u8>, Option<Came>) {
        let Some(remote) = &self.room.remote else { return (bytes, None) };
        let Some(Some(_turn)) = self.unless_ended(remote.turn()).await else { return (bytes, Some(self.ended())) };
        self.begun(bytes.len());
        let (began, bytes, shared) = (Instant::now(), bytes::Bytes::from(bytes), &self.room.shared);
        let source = self.claim.image.as_deref().unwrap_or_default();
        let account = Written { shared, claim: &self.claim };
        let told = Told { shared, claim: &self.claim, image: &self.image, progress: &self.progress };
        let read = remote.read(crate::ocr::remote::Image { source, bytes: &bytes, sha256 }, &account, &told);
        let came = match self.unless(last_page(shared.stop.clone()), Box::pin(read)).await {
            None => Some(self.ended()),
            Some(Ok(document)) => Some(Came::Read(super::thread::render(&document), sha256.to_owned(), began.elapsed())),
            Some(Err(error)) if remote.falls_back(&error) && self.progress.why().is_none() => {
                self.tell(EventKind::OcrFailed, &format!("{}: {error}; it is read on this machine instead", self.image));
                None
            }
            Some(Err(error)) => Some(self.failed(&error)),
        };
        shared.reading.left(self.claim.job);
        (bytes.into(), came)
    }

    /// Waits in the line of those that this machine reads.
    async fn at_a_desk(&self, path: String, bytes: Vec<u8>, sha256: String) -> Came {
        let (taken, turn) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let size = bytes.len();
        let image = Image { source: path, bytes: bytes.into(), progress: Arc::clone(&self.progress) };
        // The desks are gone with the engine, and so is who waits here.
        let _ = self.room.line.send(Waiting { image, taken, reply });
        let Some(Ok(())) = self.unless_ended(turn).await else { return self.ended() };
        let began = Instant::now();
        self.begun(size);
        let answered = answer.await;
        self.room.shared.reading.left(self.claim.job);
        let gone = || Err(Fault::Panic(Safe::fixed("nobody has answered for it")));
        match answered.unwrap_or_else(|_| gone()) {
            Ok(readout) => Came::Read(readout, sha256, began.elapsed()),
            Err(Fault::Stuck) => self.stuck(),
            Err(Fault::Ocr(error)) => self.failed(&error),
            Err(Fault::Panic(said)) => {
                Came::Failed("ocr_failed", format!("a bug in the reading, please report it with the image: {said}"))
            }
        }
    }

    /// What a failure means for the job.
    fn failed(&self, error: &OcrError) -> Came {
        // Asked to end, it may fail in any way.
        if self.progress.why().is_some() {
            return self.ended();
        }
        let class = error.class();
        match error {
            OcrError::Engine(_) => Came::GivenBack(Some(Safe::line(&error.to_string()))),
            OcrError::Run(_) | OcrError::Remote(_) => Came::Again(class, error.to_string()),
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

    /// `None` when the engine stops or the reading is to end first: for what comes before the reading.
    async fn unless_ended<T>(&self, wanted: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.room.shared.stop.clone();
        self.unless(async move { stop.wait_for(|stop| *stop != Stop::No).await.is_ok() }, wanted).await
    }

    /// `None` when the time of a stop is over or the reading is to end first.
    async fn unless<S, T>(&self, stopped: impl Future<Output = S>, wanted: impl Future<Output = T>) -> Option<T> {
        let asked = async {
            let mut look = tokio::time::interval(LOOK);
            while self.progress.why().is_none() {
                look.tick().await;
            }
        };
        tokio::select! {
            biased;
            _ = stopped => None,
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
                self.tell(EventKind::OcrDone, &format!("{image} · read before · {}", characters(chars)));
                self.finished(Status::Success);
                return Ok(true);
            }
            Came::Read(Readout { text, markdown, json, engine }, sha256, took) => {
                shared.reading.label(engine);
                let (ms, chars) = (grouped(took.as_millis() as i64), characters(text.chars().count()));
                let output = self.output(&sha256);
                let document = NewDocument { sha256, text, markdown, json };
                let kept = persist(shared, claim.post, || store.finish_ocr(job, fence, &document, output.as_ref())).await?;
                if kept {
                    shared.uploading.came();
                    self.tell(EventKind::OcrDone, &format!("{image} · {ms} ms · {chars}"));
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
        let draft = Draft::new(kind, Safe::line(text)).image(ImageId(self.claim.ref_id));
        self.room.shared.log.publish(match self.claim.post {
            Some(post) => draft.post(post),
            None => draft,
        });
    }
}

fn characters(count: usize) -> String {
    counted(count as i64, "character", "characters")
}

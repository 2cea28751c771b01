//! The threads that read: each has a reader of its own, opened with its first image and dropped when it idles.
//! They know no job and no database; images go in, a rendered document or a fault comes out for each.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::progress::Progress;
use crate::ocr::document::EngineLabel;
use crate::ocr::pipeline::{Reads, Source};
use crate::ocr::{Document, OcrError, markdown};
use crate::text::Safe;

/// Opens readers, one a thread, when there is something to read.
pub trait Readers: Send + Sync + 'static {
    /// Loads what reading takes; may take seconds.
    fn open(&self) -> Result<Box<dyn Reads>, OcrError>;
}

/// An image to be read.
#[derive(Clone)]
pub struct Image {
    /// Its name as the document is to give it.
    pub source: String,
    pub bytes: Arc<Vec<u8>>,
    pub progress: Arc<Progress>,
}

/// Images on their way to a thread; an answer for each goes back, in their order.
pub struct Task {
    pub images: Vec<Image>,
    pub reply: oneshot::Sender<Vec<Result<Readout, Fault>>>,
}

/// A document as it is stored and told of.
#[derive(Debug)]
pub struct Readout {
    pub text: String,
    pub markdown: String,
    pub json: String,
    pub engine: EngineLabel,
}

/// Why there is none.
#[derive(Debug)]
pub enum Fault {
    /// The reader says so.
    Ocr(OcrError),
    /// The reader panicked, which is a bug.
    Panic(Safe),
    /// The thread did not come back in time and was given up.
    Stuck,
}

/// One thread. Dropped, it ends after what it is doing, and its reader with it.
pub struct Thread {
    tasks: mpsc::Sender<Task>,
    given_up: Arc<AtomicBool>,
    idle_since: Instant,
}

impl Thread {
    /// Hands it images; the task comes back when the thread is gone.
    pub fn give(&self, task: Task) -> Result<(), Box<Task>> {
        self.tasks.send(task).map_err(|unsent| Box::new(unsent.0))
    }
}

/// The threads of one engine that have nothing to do, and the making of new ones.
pub struct Threads {
    readers: Arc<dyn Readers>,
    idle: Mutex<Vec<Thread>>,
    /// Given up and not come back.
    stuck: Arc<AtomicU32>,
    /// Images that are worth reading together; known once a reader was opened.
    at_once: Arc<AtomicUsize>,
}

impl Threads {
    pub fn new(readers: Arc<dyn Readers>) -> Self {
        Self { readers, idle: Mutex::default(), stuck: Arc::default(), at_once: Arc::new(1.into()) }
    }

    /// One that has nothing to do, or a new one.
    pub fn take(&self) -> std::io::Result<Thread> {
        match self.lock().pop() {
            Some(thread) => Ok(thread),
            None => self.start(),
        }
    }

    /// It has answered.
    pub fn put_back(&self, mut thread: Thread) {
        thread.idle_since = Instant::now();
        self.lock().push(thread);
    }

    /// It has not answered and nobody waits for it any more; should it come back, it ends.
    pub fn give_up(&self, thread: &Thread) {
        self.stuck.fetch_add(1, Ordering::Relaxed);
        thread.given_up.store(true, Ordering::Relaxed);
    }

    /// How many were given up and have not come back.
    pub fn stuck(&self) -> u32 {
        self.stuck.load(Ordering::Relaxed)
    }

    /// How many images are worth reading together, as far as is known.
    pub fn at_once(&self) -> usize {
        self.at_once.load(Ordering::Relaxed).max(1)
    }

    /// Ends those that had nothing to do for so long: their models' memory goes back to the system.
    pub fn drop_idle(&self, after: Duration) {
        self.lock().retain(|thread| thread.idle_since.elapsed() < after);
    }

    fn start(&self) -> std::io::Result<Thread> {
        let (tasks, received) = mpsc::channel();
        let given_up = Arc::new(AtomicBool::new(false));
        let (readers, at_once) = (Arc::clone(&self.readers), Arc::clone(&self.at_once));
        let (stuck, flag) = (Arc::clone(&self.stuck), Arc::clone(&given_up));
        std::thread::Builder::new().name("ocr".to_owned()).spawn(move || {
            read_all(&*readers, &received, &at_once);
            if flag.load(Ordering::Relaxed) {
                stuck.fetch_sub(1, Ordering::Relaxed);
            }
        })?;
        Ok(Thread { tasks, given_up, idle_since: Instant::now() })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_all(readers: &dyn Readers, tasks: &mpsc::Receiver<Task>, at_once: &AtomicUsize) {
    let mut open: Option<Box<dyn Reads>> = None;
    while let Ok(Task { images, reply }) = tasks.recv() {
        let done = catch_unwind(AssertUnwindSafe(|| read(readers, &mut open, &images, at_once)));
        for image in &images {
            image.progress.ends_by(None);
        }
        let answers = done.unwrap_or_else(|panic| {
            let said = words(&*panic);
            images.iter().map(|_| Err(Fault::Panic(said.clone()))).collect()
        });
        // A model that failed half-way, or code that panicked, may have left a reader behind that is no good any more.
        let failed = |answer| matches!(answer, &Err(Fault::Panic(_) | Fault::Ocr(OcrError::Run(_) | OcrError::Engine(_))));
        if answers.iter().any(failed) {
            open = None;
        }
        // Nobody waits for it when it was given up.
        let _ = reply.send(answers);
    }
}

fn read(
    readers: &dyn Readers,
    open: &mut Option<Box<dyn Reads>>,
    images: &[Image],
    at_once: &AtomicUsize,
) -> Vec<Result<Readout, Fault>> {
    for image in images {
        image.progress.begin();
    }
    let reader = match open {
        Some(reader) => reader,
        empty => match readers.open() {
            Ok(opened) => empty.insert(opened),
            Err(error) => return images.iter().map(|_| Err(Fault::Ocr(error.clone()))).collect(),
        },
    };
    at_once.store(reader.at_once(), Ordering::Relaxed);
    for image in images {
        // Opening takes its time from the first page otherwise.
        image.progress.begin();
        image.progress.ends_by(reader.ender());
    }
    let sources: Vec<_> = images.iter().map(|i| Source { name: &i.source, bytes: &i.bytes, watch: &*i.progress }).collect();
    let read = reader.read_many(&sources).into_iter();
    read.map(|result| result.map(|document| render(&document)).map_err(Fault::Ocr)).collect()
}

/// As it is stored.
pub fn render(document: &Document) -> Readout {
    Readout {
        text: markdown::text(document),
        markdown: markdown::markdown(document),
        json: serde_json::to_string(document).unwrap_or_default(),
        engine: document.engine.clone(),
    }
}

fn words(panic: &(dyn Any + Send)) -> Safe {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Safe::line(said.unwrap_or("no words")).clipped(200)
}

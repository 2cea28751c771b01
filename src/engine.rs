//! The engine: background tasks that claim jobs, do them and finish them under a fence.
//! It draws nothing and asks nobody; watchers read its events and its snapshot.

mod claimer;
mod cycle;
pub mod event;
mod lease;
mod legacy_log;
pub mod lock;
mod persist;
pub mod reader;
mod route;
mod score;
mod share;
mod shared;
mod tagger;
pub mod uploader;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::domain::{OcrTotals, Snapshot, Totals, UploadTotals};
use crate::store::{Outlook, Store};
use crate::text::Safe;
use cycle::Cycle;
use event::EventLog;
use reader::Setup;
pub use score::p95;
use share::Sharing;
use shared::{Shared, Stop};

/// The end of everything after a stop was asked for; the promise is 5 s in all, whatever the database does.
const OVERDUE: Duration = Duration::from_millis(4_700);
/// The same after a second stop: "at once", but for the few writes that give things back.
const OVERDUE_NOW: Duration = Duration::from_secs(1);

/// How one engine runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// End when nothing is due within this time; `None`: run until stopped.
    pub until_idle: Option<Duration>,
    /// Overrides `tagging.concurrency`.
    pub concurrency: Option<u32>,
    /// What it does.
    pub kinds: Kinds,
}

/// Kinds of work that an engine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Tags posts.
    pub tag: bool,
    /// Reads images.
    pub ocr: bool,
    /// Stores what was read.
    pub upload: bool,
}

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self { tag: true, ocr: true, upload: true };
}

impl Default for Kinds {
    fn default() -> Self {
        Self::ALL
    }
}

/// A running engine: what to read from it and how to end it. Dropped, it stops softly by itself.
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
    /// What it did to posts.
    pub totals: Totals,
    /// What it did to images.
    pub ocr: OcrTotals,
    /// What it stored.
    pub upload: UploadTotals,
    /// Posts it leaves behind.
    pub left: Outlook,
    /// Images it leaves behind, if it is one that reads them.
    pub ocr_left: Outlook,
    /// Documents it leaves unstored, if it is one that stores them.
    pub upload_left: Outlook,
    /// Why it could not go on, if that is so.
    pub trouble: Option<Safe>,
}

impl Ended {
    /// What this engine and those before it did, and what is left now.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let (totals, ocr) = (self.totals + before.totals, self.ocr + before.ocr);
        Self { totals, ocr, upload: self.upload + before.upload, ..self }
    }
}

impl Engine {
    /// Starts the engine's tasks; they begin by picking up what a crash left behind.
    pub fn start(store: Store, config: &Config, options: Options) -> Self {
        Self::start_with(store, config, options, Setup::of(config))
    }

    /// As [`Engine::start`], reading images in another way than the settings say.
    pub fn start_with(store: Store, config: &Config, mut options: Options, reading: Setup) -> Self {
        options.kinds.ocr &= config.ocr.enabled;
        options.kinds.upload &= config.blob.upload;
        let worker = lease::worker_name();
        let log = EventLog::new(worker.clone());
        let (publish, snapshot) = watch::channel(Snapshot::default());
        let (stop, stopping) = watch::channel(Stop::No);
        let (wake, woken) = mpsc::channel(1);
        let shared = Arc::new(Shared::new(store, config, &options, worker.into(), log.clone(), stopping.clone()));
        let cycle = Cycle::new(Arc::clone(&shared), options, reading, config.blob.clone(), publish, woken);
        let task = tokio::spawn(async move {
            let sharing = Sharing::start(Arc::clone(&shared));
            let ended = tokio::select! {
                ended = cycle.run() => ended,
                () = overdue(stopping) => Ended {
                    totals: shared.board().totals,
                    ocr: shared.reading.totals(),
                    upload: shared.uploading.totals(),
                    trouble: Some(Safe::fixed("the database did not answer in time; what was in flight is picked up at the next start")),
                    ..Ended::default()
                },
            };
            sharing.end().await;
            ended
        });
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
        let Self { task, stop: _held, snapshot, .. } = self;
        // Whoever only waits watches no numbers, and for nobody they are not read.
        drop(snapshot);
        match task.await {
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

/// Returns when a stop was asked for and its time is over. A database that hangs then keeps nobody waiting.
async fn overdue(mut stop: watch::Receiver<Stop>) {
    // An error means that every handle is gone, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop != Stop::No).await;
    let at_once = async {
        if stop.wait_for(|stop| *stop == Stop::Now).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(OVERDUE_NOW).await;
    };
    tokio::select! {
        () = tokio::time::sleep(OVERDUE) => {}
        () = at_once => {}
    }
}

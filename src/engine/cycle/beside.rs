//! What works beside the loop that tags: the reading of images and the upload of documents, each a task of its own.
//! Here they begin and end; how they work is theirs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

use crate::config;
use crate::engine::Kinds;
use crate::engine::reader::{Reading, Setup};
use crate::engine::shared::Shared;
use crate::engine::uploader::Uploader;

/// Both.
pub struct Beside {
    reading: Side<Setup>,
    uploading: Side<config::Blob>,
}

enum Side<T> {
    /// Not begun; how it is to be done.
    Waiting(T),
    /// A task, and how to end it.
    Running(JoinHandle<()>, oneshot::Sender<()>),
    /// None.
    None,
}

impl Beside {
    pub fn new(kinds: Kinds, reading: Setup, uploading: config::Blob) -> Self {
        Self {
            reading: if kinds.ocr { Side::Waiting(reading) } else { Side::None },
            uploading: if kinds.upload { Side::Waiting(uploading) } else { Side::None },
        }
    }

    /// Begins what has not begun.
    pub fn begin(&mut self, shared: &Arc<Shared>, until_idle: Option<Duration>) {
        self.reading.begin(|setup, left| tokio::spawn(Reading::new(Arc::clone(shared), setup, until_idle).run(left)));
        self.uploading.begin(|settings, left| tokio::spawn(Uploader::new(Arc::clone(shared), settings, until_idle).run(left)));
    }

    /// Ends both; says what had ended before, and not in order.
    pub async fn end(&mut self) -> Vec<String> {
        let ends = [("the reading of images", self.reading.end().await), ("the upload of documents", self.uploading.end().await)];
        ends.into_iter().filter_map(|(what, error)| Some(format!("{what} ended unexpectedly: {}", error?))).collect()
    }
}

impl<T> Side<T> {
    fn begin(&mut self, start: impl FnOnce(T, oneshot::Receiver<()>) -> JoinHandle<()>) {
        *self = match std::mem::replace(self, Self::None) {
            Self::Waiting(how) => {
                let (leave, left) = oneshot::channel();
                Self::Running(start(how, left), leave)
            }
            other => other,
        };
    }

    /// Ends it; why it had ended before, if that was not in order.
    async fn end(&mut self) -> Option<JoinError> {
        let Self::Running(task, leave) = std::mem::replace(self, Self::None) else { return None };
        // Gone already, it has left by itself.
        let _ = leave.send(());
        task.await.err()
    }
}

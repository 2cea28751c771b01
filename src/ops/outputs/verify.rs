//! Compares the database with the blob store: is every stored document there with the right hash, and what is there that nobody knows.
//! It changes nothing; what is missing can be enqueued again by whoever asked.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{OURS, Outputs, OutputsError, PAGE};
use crate::blob::{self, List};
use crate::domain::{Millis, Output, OutputState};

/// Objects asked about at once.
const AT_ONCE: usize = 16;

/// How far a comparison is, for whoever waits; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<State>);

#[derive(Debug, Default)]
struct State {
    done: AtomicU64,
    total: AtomicU64,
    listed: AtomicU64,
    cancelled: AtomicBool,
}

impl PartialEq for Progress {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Progress {
    /// Documents compared, of how many, and names of the store gone through after that.
    pub fn numbers(&self) -> (u64, u64, u64) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (read(&self.0.done), read(&self.0.total), read(&self.0.listed))
    }

    /// Ends it early; what was found so far is told.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "trouble", rename_all = "snake_case")]
pub enum Trouble {
    /// The database says it is stored, the store has no such object.
    Missing {
        /// Its whole name.
        key: String,
        /// Of the image, lower-case hex.
        sha256: String,
    },
    /// It is there with another content.
    Differs {
        /// Its whole name.
        key: String,
        /// Of the image, lower-case hex.
        sha256: String,
        /// Hash of what was stored, lower-case hex.
        expected: String,
        /// Hash of what is there; `None`: its size alone tells.
        found: Option<String>,
    },
    /// It lies below [`OURS`], and this database knows nothing of it.
    Orphan {
        /// Its whole name.
        key: String,
        /// Bytes.
        size: u64,
        /// When it was written.
        modified: Option<Millis>,
    },
}

impl Trouble {
    /// The whole name of the object, foreign.
    pub fn key(&self) -> &str {
        match self {
            Self::Missing { key, .. } | Self::Differs { key, .. } | Self::Orphan { key, .. } => key,
        }
    }
}

/// How database and store compare. Documents are counted, each with its Markdown and its JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// In the store with the right content.
    pub right: u64,
    /// Said to be stored, and at least one of both is gone.
    pub missing: u64,
    /// There with another content.
    pub differing: u64,
    /// Enqueued, not stored yet.
    pub waiting: u64,
    /// Given up by the engine.
    pub failed: u64,
    /// Removed by somebody, which is as it should be.
    pub removed: u64,
    /// Stored in another place than the one of the settings.
    pub elsewhere: u64,
    /// Read while nothing was to be stored.
    pub unsent: u64,
    /// Objects below [`OURS`] that this database knows nothing of.
    pub orphaned: u64,
    /// Everything was gone through.
    pub complete: bool,
}

impl Verified {
    /// True when every document is where it should be.
    pub const fn is_right(&self) -> bool {
        self.complete
            && self.missing + self.differing + self.waiting + self.failed + self.elsewhere + self.unsent + self.orphaned == 0
    }
}

impl Outputs {
    /// Compares everything. With `deep` each object is read and hashed; otherwise the hash that the store keeps with it is believed.
    pub async fn verify(
        &self,
        deep: bool,
        progress: &Progress,
        told: &mut (dyn FnMut(Trouble) + Send),
    ) -> Result<Verified, OutputsError> {
        let mut verified = Verified { unsent: count(self.store.count_unsent().await?), ..Verified::default() };
        progress.0.total.store(count(self.store.count_outputs().await?), Ordering::Relaxed);
        let place = self.blobs.place();
        let mut after = 0;
        loop {
            let outputs = self.store.outputs(after, PAGE as u32).await?;
            let Some(last) = outputs.last() else { break };
            after = last.id;
            let mut here = Vec::with_capacity(outputs.len());
            for output in outputs {
                match output.state {
                    OutputState::Waiting => verified.waiting += 1,
                    OutputState::Failed => verified.failed += 1,
                    OutputState::Removed => verified.removed += 1,
                    OutputState::Stored if output.place.as_deref().is_some_and(|at| *at != *place) => verified.elsewhere += 1,
                    OutputState::Stored => {
                        here.push(output);
                        continue;
                    }
                }
                progress.0.done.fetch_add(1, Ordering::Relaxed);
            }
            let mut compared = stream::iter(here).map(|output| self.compare(output, deep)).buffered(AT_ONCE);
            while let Some(troubles) = compared.try_next().await? {
                progress.0.done.fetch_add(1, Ordering::Relaxed);
                let missing = troubles.iter().any(|trouble| matches!(trouble, Trouble::Missing { .. }));
                let counted = if missing { &mut verified.missing } else { &mut verified.differing };
                *if troubles.is_empty() { &mut verified.right } else { counted } += 1;
                troubles.into_iter().for_each(&mut *told);
                if progress.is_cancelled() {
                    return Ok(verified);
                }
            }
        }
        self.find_orphans(progress, &mut verified, told).await?;
        Ok(verified)
    }

    /// What is wrong with the two objects of a document.
    async fn compare(&self, output: Output, deep: bool) -> Result<Vec<Trouble>, OutputsError> {
        let mut troubles = Vec::new();
        for (ending, expected) in [("md", &output.md_sha256), ("json", &output.json_sha256)] {
            let Some(expected) = expected else { continue };
            let key = format!("{}.{ending}", output.key);
            let sha256 = output.sha256.clone();
            let Some(head) = self.blobs.head(&key).await? else {
                troubles.push(Trouble::Missing { key, sha256 });
                continue;
            };
            let found = match head.sha256.filter(|_| !deep) {
                Some(told) => Some(told),
                // Longer than both together: it cannot be it, and need not be fetched.
                None if head.size > u64::try_from(output.bytes).unwrap_or(0) => None,
                None => Some(blob::sha256(&self.blobs.get(&key, None).await?)),
            };
            if found.as_ref() != Some(expected) {
                troubles.push(Trouble::Differs { key, sha256, expected: expected.clone(), found });
            }
        }
        Ok(troubles)
    }

    async fn find_orphans(
        &self,
        progress: &Progress,
        verified: &mut Verified,
        told: &mut (dyn FnMut(Trouble) + Send),
    ) -> Result<(), OutputsError> {
        let mut after = None;
        loop {
            let list = List { prefix: OURS.to_owned(), folders: false, after, limit: PAGE };
            let page = self.blobs.list(&list).await?;
            progress.0.listed.fetch_add(page.objects.len() as u64, Ordering::Relaxed);
            let stems: Vec<String> = page.objects.iter().filter_map(|object| stem(&object.key)).map(str::to_owned).collect();
            let known: HashSet<String> = self.store.known_keys(&stems).await?.into_iter().collect();
            for object in page.objects {
                if stem(&object.key).is_none_or(|stem| !known.contains(stem)) {
                    verified.orphaned += 1;
                    told(Trouble::Orphan { key: object.key, size: object.size, modified: object.modified });
                }
            }
            if progress.is_cancelled() {
                return Ok(());
            }
            after = page.next;
            if after.is_none() {
                verified.complete = true;
                return Ok(());
            }
        }
    }
}

/// A key without the ending that our documents have.
pub(super) fn stem(key: &str) -> Option<&str> {
    key.strip_suffix(".md").or_else(|| key.strip_suffix(".json"))
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

//! The jobs this engine holds: claimed, kept alive by heartbeats, released when it stops.
//! It does not do the jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{Fence, JobId, JobKind};
use crate::store::{Claim, Store, StoreError};
use crate::text::Safe;

/// Time a claim lasts without a heartbeat.
pub const LEASE: Duration = Duration::from_mins(1);

/// This process among all workers: host and process id.
pub fn worker_name() -> Safe {
    let host = hostname::get().map_or_else(|_| "host".to_owned(), |name| name.to_string_lossy().into_owned());
    Safe::line(&format!("{host}:{}", std::process::id()))
}

/// Claims in hand.
pub struct Held {
    store: Store,
    worker: String,
    jobs: BTreeMap<JobId, Fence>,
}

impl Held {
    /// Nothing held yet.
    pub fn new(store: Store) -> Self {
        Self { store, worker: worker_name().into(), jobs: BTreeMap::new() }
    }

    /// Claims at most `limit` jobs.
    pub async fn claim(&mut self, kind: JobKind, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let claims = self.store.claim(kind, &self.worker, limit, LEASE).await?;
        self.jobs.extend(claims.iter().map(|claim| (claim.job, claim.fence)));
        Ok(claims)
    }

    /// The job is finished or lost.
    pub fn forget(&mut self, job: JobId) {
        self.jobs.remove(&job);
    }

    /// Shows that this worker lives, prolongs its leases, and lets posts stop waiting for images that nobody reads.
    /// Leases lost to another worker are forgotten: their finish will change nothing.
    pub async fn beat(&mut self) -> Result<(), StoreError> {
        self.store.heartbeat(&self.worker, &[JobKind::Tag], env!("CARGO_PKG_VERSION")).await?;
        if self.store.live_workers(JobKind::Ocr).await? == 0 {
            self.store.stop_waiting_for_ocr().await?;
        }
        let held: Vec<(JobId, Fence)> = self.jobs.iter().map(|(job, fence)| (*job, *fence)).collect();
        if !held.is_empty() {
            for lost in self.store.extend(&held, LEASE).await? {
                self.jobs.remove(&lost);
            }
        }
        Ok(())
    }

    /// Gives everything back, uncounted and due at once.
    pub async fn release_all(&mut self) -> Result<(), StoreError> {
        let held: Vec<(JobId, Fence)> = std::mem::take(&mut self.jobs).into_iter().collect();
        if held.is_empty() { Ok(()) } else { self.store.release(&held).await }
    }
}

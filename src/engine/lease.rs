//! The jobs this engine holds: claimed, kept alive by heartbeats, released when it stops.
//! It does not do the jobs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::event::wall_clock;
use crate::domain::{Fence, JobId, JobKind, Millis};
use crate::store::{Claim, Store, StoreError, Upload};
use crate::text::Safe;

/// Time a claim lasts without a heartbeat.
pub const LEASE: Duration = Duration::from_mins(1);

/// A new engine's name among all workers: host and process id, and its number from the second of one process on.
pub fn worker_name() -> Safe {
    static ENGINES: AtomicU32 = AtomicU32::new(0);
    let host = hostname::get().map_or_else(|_| "host".to_owned(), |name| name.to_string_lossy().into_owned());
    let number = match ENGINES.fetch_add(1, Ordering::Relaxed) {
        0 => String::new(),
        n => format!("/{}", n + 1),
    };
    Safe::line(&format!("{host}:{}{number}", std::process::id()))
}

/// Claims in hand.
pub struct Held {
    store: Store,
    worker: String,
    jobs: BTreeMap<JobId, Fence>,
    /// This machine's clock at the last heartbeat, which goes on while the machine sleeps.
    beaten_at: Millis,
}

impl Held {
    /// Nothing held yet.
    pub fn new(store: Store, worker: String) -> Self {
        Self { store, worker, jobs: BTreeMap::new(), beaten_at: wall_clock() }
    }

    /// Claims at most `limit` jobs; besides, what those are about that are given up because engines kept ending over them.
    pub async fn claim(&mut self, kind: JobKind, limit: u32) -> Result<(Vec<Claim>, Vec<i64>), StoreError> {
        let (claims, given_up) = self.store.claim_or_give_up(kind, &self.worker, limit, LEASE).await?;
        self.jobs.extend(claims.iter().map(|claim| (claim.job, claim.fence)));
        Ok((claims, given_up))
    }

    /// Claims at most `limit` posts whose model an operator asked for.
    pub async fn claim_asked(&mut self, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let claims = self.store.claim_asked(&self.worker, limit, LEASE).await?;
        self.jobs.extend(claims.iter().map(|claim| (claim.job, claim.fence)));
        Ok(claims)
    }

    /// Claims at most `limit` uploads.
    pub async fn claim_uploads(&mut self, limit: u32) -> Result<Vec<Upload>, StoreError> {
        let uploads = self.store.claim_uploads(&self.worker, limit, LEASE).await?;
        self.jobs.extend(uploads.iter().map(|upload| (upload.job, upload.fence)));
        Ok(uploads)
    }

    /// That claim is finished or lost; a later claim of the same job stays.
    pub fn forget(&mut self, job: JobId, fence: Fence) {
        if self.holds(job, fence) {
            self.jobs.remove(&job);
        }
    }

    /// Whoever did this job is gone: its lease is not prolonged.
    pub fn abandon(&mut self, job: JobId) {
        self.jobs.remove(&job);
    }

    /// True while this claim is this engine's, as far as is known.
    pub fn holds(&self, job: JobId, fence: Fence) -> bool {
        self.jobs.get(&job) == Some(&fence)
    }

    /// True when heartbeats have failed to come for so long that leases may be over.
    pub fn is_stale(&self) -> bool {
        !self.jobs.is_empty() && u128::from(wall_clock().abs_diff(self.beaten_at)) > LEASE.as_millis() / 2
    }

    /// Prolongs the leases; those lost to another worker are forgotten and returned: their finish will change nothing.
    pub async fn extend(&mut self) -> Result<Vec<JobId>, StoreError> {
        let held: Vec<(JobId, Fence)> = self.jobs.iter().map(|(job, fence)| (*job, *fence)).collect();
        let lost = self.store.extend(&held, LEASE).await?;
        for job in &lost {
            self.jobs.remove(job);
        }
        self.beaten_at = wall_clock();
        Ok(lost)
    }

    /// Shows that this worker lives and what it can do, and lets posts stop waiting for images that nobody reads.
    pub async fn announce(&self, kinds: &[JobKind]) -> Result<(), StoreError> {
        self.store.heartbeat(&self.worker, kinds, env!("CARGO_PKG_VERSION")).await?;
        if self.store.live_workers(JobKind::Ocr).await? == 0 {
            self.store.stop_waiting_for_ocr().await?;
        }
        Ok(())
    }

    /// The jobs held.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> {
        self.jobs.keys().copied()
    }

    /// Gives claims back, uncounted and due at once.
    pub async fn release(&mut self, claims: impl Iterator<Item = &Claim>) -> Result<(), StoreError> {
        let held: Vec<(JobId, Fence)> = claims.map(|claim| (claim.job, claim.fence)).collect();
        self.release_jobs(&held).await
    }

    /// The same by job and fence.
    pub async fn release_jobs(&mut self, held: &[(JobId, Fence)]) -> Result<(), StoreError> {
        self.store.release(held).await?;
        for (job, fence) in held {
            self.forget(*job, *fence);
        }
        Ok(())
    }

    /// Gives everything back.
    pub async fn release_all(&mut self) -> Result<(), StoreError> {
        let held: Vec<(JobId, Fence)> = std::mem::take(&mut self.jobs).into_iter().collect();
        self.store.release(&held).await
    }

    /// Takes this worker off the list.
    pub async fn farewell(&self) -> Result<(), StoreError> {
        self.store.farewell(&self.worker).await
    }
}

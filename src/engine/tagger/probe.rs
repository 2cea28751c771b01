//! Half-open breakers of a fleet: one call of one worker finds out, and the others wait for its news.
//! What that call found out is told to all by the model's stored state.

use std::time::Duration;

use super::Worker;
use crate::domain::{Millis, Probe};
use crate::llm::route::{Call, Pass};
use crate::store::StoreError;

/// How long another worker may be at it; one that was killed meanwhile is not waited for any longer.
const LEASE: Duration = Duration::from_millis(crate::llm::breaker::PROBE_LEASE.unsigned_abs());
/// How soon to look again: the call may end without having found anything out.
const LOOK_AGAIN: Millis = 5_000;

impl Worker {
    /// True when a call that is to find something out may be made: no other worker does.
    pub(super) async fn may_probe(&self, call: &Call, pass: &mut Pass) -> Result<bool, StoreError> {
        // The only engine of a file knows its own calls.
        if call.probes.is_empty() || self.shared.store.is_embedded() {
            return Ok(true);
        }
        let taken = self.persist(|| self.shared.store.take_probes(&call.probes, &self.shared.worker, LEASE)).await?;
        let Some(until) = taken else { return Ok(true) };
        let now = self.shared.now();
        pass.left_to_others(until.clamp(now + 1, now + LOOK_AGAIN), &mut self.shared.route().health, now);
        Ok(false)
    }

    /// The call has ended; what it did not find out another may.
    pub(super) async fn probed(&self, call: &Call) -> Result<(), StoreError> {
        if call.probes.is_empty() || self.shared.store.is_embedded() {
            return Ok(());
        }
        let still = self.shared.route().health.probes(call.model, self.shared.now());
        let unknown: Vec<Probe> = call.probes.iter().filter(|probe| still.contains(probe)).cloned().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        self.persist(|| self.shared.store.give_back_probes(&unknown, &self.shared.worker)).await
    }
}

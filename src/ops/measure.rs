//! What a monitor asks for: whether the database answers, who works on it, and what calls came to.
//! It keeps no number of its own.

use std::collections::BTreeMap;

use super::{Ops, OpsError};
use crate::domain::{JobKind, OutputState};
use crate::store::CallCount;

/// That the database answers, and who works on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Engines that tag.
    pub taggers: i64,
    /// Engines that read images.
    pub readers: i64,
}

/// Which calls were counted so far; the default counts from now on.
#[derive(Clone, Debug, Default)]
pub struct CallTally {
    settled: Option<i64>,
    /// Counted, but after calls that were in flight then: they are counted again, and told less these.
    loose: BTreeMap<CallCount, i64>,
}

impl Ops {
    /// Asks the database for as little as shows that it answers.
    pub async fn pulse(&self) -> Result<Pulse, OpsError> {
        Ok(Pulse { taggers: self.store.live_workers(JobKind::Tag).await?, readers: self.store.live_workers(JobKind::Ocr).await? })
    }

    /// Documents on their way into the blob store, by state. It walks an index over all of them.
    pub async fn uploads(&self) -> Result<[(OutputState, i64); 3], OpsError> {
        let (stored, failed) = self.store.output_counts().await?;
        let waiting = self.store.waiting_uploads().await?.documents;
        Ok([(OutputState::Waiting, waiting), (OutputState::Stored, stored), (OutputState::Failed, failed)])
    }

    /// Calls that ended since the last look, of all engines on the database.
    pub async fn calls_since(&self, tally: &mut CallTally) -> Result<Vec<(CallCount, i64)>, OpsError> {
        let seen = self.store.calls_after(tally.settled).await?;
        let mut all: BTreeMap<CallCount, i64> = BTreeMap::new();
        let mut loose = BTreeMap::new();
        for (which, settled, count) in seen.counts {
            if !settled {
                loose.insert(which.clone(), count);
            }
            *all.entry(which).or_default() += count;
        }
        let told = all.into_iter().map(|(which, count)| {
            let before = tally.loose.get(&which).copied().unwrap_or_default();
            (which, count - before)
        });
        let told = told.filter(|(_, new)| *new > 0).collect();
        *tally = CallTally { settled: Some(seen.settled), loose };
        Ok(told)
    }
}

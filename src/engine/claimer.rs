//! Claims jobs of one kind when it is time to: reads before it writes, polls, and knows whether anything is left.
//! What is done with a job, and for how many there is room, is its owner's.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use super::lease::Held;
use super::shared::Shared;
use crate::domain::JobKind;
use crate::store::{Claim, Outlook, StoreError, Upload};

/// The next look after one that failed.
const AGAIN: Duration = Duration::from_secs(1);
/// The soonest look after one that found something that could not be claimed.
const SOON: Duration = Duration::from_millis(5);

/// See the module.
pub struct Claimer {
    /// What was claimed and is not finished; its owner prolongs and forgets it.
    pub held: Held,
    shared: Arc<Shared>,
    kind: JobKind,
    /// What was due when last looked; `None` when that is not known any more.
    outlook: Option<Outlook>,
    look_at: Instant,
    /// The last claim found nothing: read before claiming again, since a claim is a write.
    dry: bool,
    /// Changes when another process says that something may be due.
    stirred: watch::Receiver<u64>,
}

impl Claimer {
    /// Of one engine; it looks at once.
    pub fn new(shared: &Arc<Shared>, kind: JobKind) -> Self {
        let held = Held::new(shared.store.clone(), shared.worker.clone());
        Self {
            held,
            shared: Arc::clone(shared),
            kind,
            outlook: None,
            look_at: Instant::now(),
            dry: false,
            stirred: shared.stirred(),
        }
    }

    /// Returns when it is time to claim or look: as noted, or as soon as another process says that there may be something.
    pub async fn wait(&mut self) {
        let look_at = self.look_at;
        tokio::select! {
            () = sleep_until(look_at) => {}
            Ok(()) = self.stirred.changed() => self.look_now(),
        }
    }

    /// True when it is time to claim or look.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.look_at
    }

    /// Something has changed, or there is room again.
    pub fn look_now(&mut self) {
        self.look_at = Instant::now();
    }

    /// Something changes after that time: not later than then.
    pub fn look_within(&mut self, wait: Duration) {
        self.look_at = self.look_at.min(Instant::now() + wait);
    }

    /// The database did not answer.
    pub fn look_later(&mut self) {
        self.look_at = Instant::now() + AGAIN;
    }

    /// Claims at most `limit` jobs, mostly none when the last claim found none; besides, what those are about that are given up
    /// because engines kept ending over them.
    pub async fn claim(&mut self, limit: usize) -> Result<(Vec<Claim>, Vec<i64>), StoreError> {
        if self.dry && !self.look().await? {
            return Ok(Default::default());
        }
        let claimed = self.held.claim(self.kind, u32::try_from(limit).unwrap_or(u32::MAX)).await;
        let (claims, given_up) = self.known(claimed)?;
        if claims.is_empty() && given_up.is_empty() {
            let looked = std::mem::replace(&mut self.dry, true);
            if !looked && self.look().await? {
                self.look_at = Instant::now() + SOON;
            }
        } else {
            (self.dry, self.outlook) = (false, None);
        }
        Ok((claims, given_up))
    }

    /// Claims at most `limit` uploads, the oldest first.
    pub async fn claim_uploads(&mut self, limit: usize) -> Result<Vec<Upload>, StoreError> {
        let claimed = self.held.claim_uploads(u32::try_from(limit).unwrap_or(u32::MAX)).await;
        let uploads = self.known(claimed)?;
        if !uploads.is_empty() {
            self.outlook = None;
        }
        Ok(uploads)
    }

    /// Reads what is due and notes when to look again; true when something can be claimed.
    pub async fn look(&mut self) -> Result<bool, StoreError> {
        let read = self.shared.store.outlook(self.kind).await;
        let outlook = self.known(read)?;
        let poll = self.shared.poll();
        let next = outlook.next_at.map_or(poll, |next| self.shared.until(next).max(SOON));
        self.look_at = Instant::now() + next.min(poll);
        self.outlook = Some(outlook);
        Ok(outlook.due > 0)
    }

    /// Whether anything falls due within the horizon that nobody holds; `None` when it is time to look, or the last look failed.
    pub fn left_within(&self, horizon: Duration) -> Option<bool> {
        let outlook = self.outlook.filter(|_| !self.is_due())?;
        let far = self.shared.far(horizon);
        Some(outlook.due > 0 || outlook.next_at.is_some_and(|next| next <= far))
    }

    /// What was due when last looked.
    pub fn outlook(&self) -> Option<Outlook> {
        self.outlook
    }

    fn known<T>(&mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.is_err() {
            self.outlook = None;
            self.look_later();
        }
        answer
    }
}

/// Ticks at once and then so often; what was missed is not made up for.
pub fn ticker(period: Duration) -> Interval {
    let mut ticker = interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

//! What the main loop takes on and what it gives back: claims, the queue, the exchange of the route, when a run is over.
//! It ends no pass and publishes nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Cycle, POLL};
use crate::domain::{EventKind, JobKind, Millis, PostId, Status};
use crate::engine::event::Draft;
use crate::engine::reader::standing::Idle;
use crate::engine::tagger;
use crate::text::Safe;

/// The soonest look after one that found something that could not be claimed.
const SOON: Duration = Duration::from_millis(5);
/// Most claims waiting for their turn here: others could do them meanwhile.
const QUEUE: usize = 64;

impl Cycle {
    /// Claims what there is room for and starts passes; while nobody can be asked, gives back what waits here.
    pub(super) async fn fill(&mut self) {
        if !self.shared.kinds.tag {
            return;
        }
        if self.shared.has_next_route() && !self.exchange_route().await {
            return;
        }
        let due = Instant::now() >= self.look_at;
        if let Some(blocked) = self.shared.blocked() {
            // A claim would only send the posts away again, and other engines may have somebody to ask.
            self.give_back_queue().await;
            if due {
                self.look().await;
            }
            if let Some(until) = blocked.until {
                self.look_at = self.look_at.min(Instant::now() + self.until(until));
            }
            return;
        }
        if due && self.queue.len() < self.room() {
            self.claim().await;
        }
        while self.passes.len() < self.shared.concurrency() {
            let Some(claim) = self.queue.pop_front() else { break };
            let about = (claim.job, PostId(claim.ref_id));
            let task = self.passes.spawn(tagger::work(Arc::clone(&self.shared), claim));
            self.doing.insert(task.id(), about);
        }
        self.shared.board().in_flight = self.passes.len();
    }

    /// Posts that could be started now.
    pub(super) fn room(&self) -> usize {
        self.shared.concurrency().saturating_sub(self.passes.len())
    }

    /// Puts a newly checked route up once no pass walks the old one; false while that is awaited.
    async fn exchange_route(&mut self) -> bool {
        if !self.passes.is_empty() {
            return false;
        }
        let store = &self.shared.store;
        let remembered = async {
            // The passes that have just ended may have set a pause that was not read back so far.
            self.shared.follow_pauses(store.pauses().await?);
            store.model_states().await
        };
        match remembered.await {
            Ok(remembered) => {
                self.shared.take_next_route(&remembered);
                true
            }
            Err(error) => {
                self.trouble_with(&error);
                self.look_at = Instant::now() + POLL;
                false
            }
        }
    }

    async fn claim(&mut self) {
        if self.held.is_stale() {
            // After a suspend or a long lock our own leases may be over: prolonged first, they are not claimed as somebody's crash.
            self.heartbeat().await;
        }
        if self.dry && !self.look().await {
            return;
        }
        let wanted = self.room().max(self.shared.tagging.batch_size as usize).min(QUEUE).saturating_sub(self.queue.len());
        match self.held.claim(JobKind::Tag, wanted as u32).await {
            Ok((claims, given_up)) if claims.is_empty() && given_up.is_empty() => {
                if !self.dry && self.look().await {
                    self.look_at = Instant::now() + SOON;
                }
                self.dry = true;
            }
            Ok((claims, given_up)) => {
                (self.dry, self.outlook, self.trouble) = (false, None, None);
                for post in given_up {
                    let text = Safe::fixed("failed: engines kept ending in the middle of it, see the post");
                    self.shared.log.publish(Draft::new(EventKind::Failed, text).post(PostId(post)));
                    self.shared.board().finished(Status::Failed);
                }
                self.queue.extend(claims);
            }
            Err(error) => {
                self.outlook = None;
                self.trouble_with(&error);
                self.look_at = Instant::now() + POLL;
            }
        }
    }

    /// Reads what is due and notes when to look again; true when something can be claimed.
    async fn look(&mut self) -> bool {
        let mut wait = POLL;
        self.readings_seen = self.shared.reading.ended();
        self.outlook = match self.shared.store.outlook(JobKind::Tag).await {
            Ok(outlook) => {
                self.trouble = None;
                if let Some(next) = outlook.next_at {
                    wait = wait.min(self.until(next).max(SOON));
                }
                Some(outlook)
            }
            Err(error) => {
                self.trouble_with(&error);
                None
            }
        };
        self.look_at = Instant::now() + wait;
        self.outlook.is_some_and(|outlook| outlook.due > 0)
    }

    /// Gives claims that have not begun back, uncounted and due at once.
    async fn give_back_queue(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        match self.held.release(self.queue.iter()).await {
            Ok(()) => self.queue.clear(),
            Err(error) => self.trouble_with(&error),
        }
    }

    fn until(&self, at: Millis) -> Duration {
        Duration::from_millis(u64::try_from(at.saturating_sub(self.shared.now())).unwrap_or(0))
    }

    /// True when `until_idle` is fulfilled: nothing in hand, and nothing can be done within the horizon.
    pub(super) fn is_idle(&mut self) -> bool {
        let Some(horizon) = self.options.until_idle else { return false };
        let unread = match self.shared.reading.idle() {
            Idle::No if self.shared.kinds.ocr => return false,
            Idle::No | Idle::Done => None,
            Idle::Blocked(why) => Some(why),
        };
        if !self.shared.kinds.tag {
            self.trouble = self.trouble.take().or(unread);
            return true;
        }
        let in_hand = !self.passes.is_empty() || !self.queue.is_empty() || self.shared.has_next_route();
        // An image that was read meanwhile may have made a post due.
        let seen = !in_hand && Instant::now() < self.look_at && self.readings_seen == self.shared.reading.ended();
        // Only a look that succeeded says that there is nothing.
        let Some(outlook) = self.outlook.filter(|_| seen) else { return false };
        let far = self.shared.now().saturating_add(i64::try_from(horizon.as_millis()).unwrap_or(i64::MAX));
        if outlook.due == 0 && outlook.next_at.is_none_or(|next| next > far) {
            self.trouble = self.trouble.take().or(unread);
            return true;
        }
        match self.shared.blocked() {
            Some(blocked) if blocked.until.is_none_or(|until| until > far) => {
                self.trouble = Some(blocked.reason);
                true
            }
            _ => false,
        }
    }
}

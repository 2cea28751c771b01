//! What the main loop takes on and what it gives back: claims, the queue, the exchange of the route, when a run is over.
//! It ends no pass and publishes nothing.

use std::sync::Arc;

use super::Cycle;
use crate::domain::{EventKind, PostId, Status};
use crate::engine::event::Draft;
use crate::engine::reader::standing::Idle;
use crate::engine::tagger;
use crate::text::Safe;

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
        let due = self.claimer.is_due();
        if let Some(blocked) = self.shared.blocked() {
            // A claim would only send the posts away again, and other engines may have somebody to ask.
            self.give_back_queue().await;
            if due {
                if !blocked.entirely {
                    self.claim_asked().await;
                }
                self.look().await;
            }
            self.begin();
            if let Some(until) = blocked.until {
                self.claimer.look_within(self.shared.until(until));
            }
            return;
        }
        if due && self.queue.len() < self.room() {
            self.claim().await;
        }
        self.begin();
    }

    /// Starts passes for what waits here.
    fn begin(&mut self) {
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
                self.claimer.look_later();
                false
            }
        }
    }

    async fn claim(&mut self) {
        if self.claimer.held.is_stale() {
            // After a suspend or a long lock our own leases may be over: prolonged first, they are not claimed as somebody's crash.
            self.heartbeat().await;
        }
        self.readings_seen = self.shared.reading.ended();
        let wanted = self.room().max(self.shared.tagging.batch_size as usize).min(QUEUE).saturating_sub(self.queue.len());
        match self.claimer.claim(wanted).await {
            Ok((claims, given_up)) => {
                self.trouble = None;
                for post in given_up {
                    let text = Safe::fixed("failed: engines kept ending in the middle of it, see the post");
                    self.shared.log.publish(Draft::new(EventKind::Failed, text).post(PostId(post)));
                    self.shared.board().finished(Status::Failed);
                }
                self.queue.extend(claims);
            }
            Err(error) => self.trouble_with(&error),
        }
    }

    /// A person asked for another model than those of the route, which has nobody to ask now.
    async fn claim_asked(&mut self) {
        let Ok(room @ 1..) = u32::try_from(self.room()) else { return };
        match self.claimer.held.claim_asked(room).await {
            Ok(claims) => self.queue.extend(claims),
            Err(error) => self.trouble_with(&error),
        }
    }

    async fn look(&mut self) {
        self.readings_seen = self.shared.reading.ended();
        match self.claimer.look().await {
            Ok(_) => self.trouble = None,
            Err(error) => self.trouble_with(&error),
        }
    }

    /// Gives claims that have not begun back, uncounted and due at once.
    async fn give_back_queue(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        match self.claimer.held.release(self.queue.iter()).await {
            Ok(()) => self.queue.clear(),
            Err(error) => self.trouble_with(&error),
        }
    }

    /// True when `until_idle` is fulfilled: nothing in hand, and nothing can be done within the horizon.
    pub(super) fn is_idle(&mut self) -> bool {
        let Some(horizon) = self.options.until_idle else { return false };
        let unread = match self.shared.reading.idle() {
            Idle::No if self.shared.kinds.ocr => return false,
            Idle::No | Idle::Done => None,
            Idle::Blocked(why) => Some(why),
        };
        // After the reading: what it enqueued last is counted.
        let unread = match self.shared.uploading.idle() {
            Idle::No if self.shared.kinds.upload => return false,
            Idle::No | Idle::Done => unread,
            Idle::Blocked(why) => Some(why),
        };
        if !self.shared.kinds.tag {
            self.trouble = self.trouble.take().or(unread);
            return true;
        }
        let in_hand = !self.passes.is_empty() || !self.queue.is_empty() || self.shared.has_next_route();
        // An image that was read meanwhile may have made a post due.
        if in_hand || self.readings_seen != self.shared.reading.ended() {
            return false;
        }
        // Only a look that succeeded says that there is nothing.
        let Some(left) = self.claimer.left_within(horizon) else { return false };
        if !left {
            self.trouble = self.trouble.take().or(unread);
            return true;
        }
        let far = self.shared.far(horizon);
        match self.shared.blocked() {
            Some(blocked) if blocked.until.is_none_or(|until| until > far) => {
                self.trouble = Some(blocked.reason);
                true
            }
            _ => false,
        }
    }
}

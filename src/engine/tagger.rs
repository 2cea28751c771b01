//! One pass over one post: walks the route, has the calls made, and finishes under the fence.
//! Which model is next, and what an answer means, is `llm`'s to say.

mod call;
mod probe;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::Draft;
use super::persist::persist;
use super::shared::{Shared, Stop, duration_words};
use crate::domain::{CallId, EventKind, Fence, JobId, Millis, Outcome, PostId, Status};
use crate::llm::route::{Note, Pass, PassEnd, Step};
use crate::llm::{Verdict, prompt};
use crate::store::{CallEnd, Claim, Finish, StoreError};
use crate::text::Safe;

/// When a post whose model was asked for, and could not be, is looked at again while the route has nobody to ask.
const ASKED_AGAIN: Duration = Duration::from_mins(1);

/// How a pass ended for the main loop.
#[derive(Debug)]
pub struct Finished {
    pub job: JobId,
    pub fence: Fence,
    pub post: PostId,
    /// Another worker had claimed the job meanwhile; nothing was changed.
    pub lost_lease: bool,
    /// The database did not take the result; the lease runs out and the post is tried again.
    pub error: Option<StoreError>,
}

/// What became of a call.
enum Answer {
    /// It was made.
    Verdict(Verdict),
    /// Our own limit did not let it out.
    Denied { until: Millis, reason: Safe },
}

/// What a pass came to.
enum Came {
    To(PassEnd),
    /// The engine stops: the job is released, uncounted.
    Stopped,
}

/// Does one job from claim to finish.
pub async fn work(shared: Arc<Shared>, claim: Claim) -> Finished {
    let (job, fence, post) = (claim.job, claim.fence, PostId(claim.ref_id));
    let mut worker = Worker { shared, claim, post, vocabulary: Arc::from([]), answered: None, began: Instant::now() };
    let mut finished = worker.pass_and_finish().await;
    if finished.is_err()
        && let Err(error) = worker.keep_answer().await
    {
        finished = Err(error);
    }
    match finished {
        Ok(kept) => Finished { job, fence, post, lost_lease: !kept, error: None },
        Err(error) => Finished { job, fence, post, lost_lease: false, error: Some(error) },
    }
}

struct Worker {
    shared: Arc<Shared>,
    claim: Claim,
    post: PostId,
    vocabulary: Arc<[String]>,
    /// The end of the call whose answer ends the pass, not recorded so far: it is written together with what it leads to.
    answered: Option<(CallId, CallEnd)>,
    began: Instant,
}

impl Worker {
    async fn pass_and_finish(&mut self) -> Result<bool, StoreError> {
        let tagging = &self.shared.tagging;
        if !prompt::worth_a_call(&self.claim.text, &self.claim.image_text, tagging.min_chars) {
            let reason = match tagging.min_chars {
                1 => "no character of text".to_owned(),
                least => format!("fewer than {least} characters of text"),
            };
            return self.finish(Finish::Skipped { class: "too_short".to_owned(), reason }).await;
        }
        let (shared, channel) = (Arc::clone(&self.shared), self.claim.channel);
        self.vocabulary = self.persist(|| shared.vocabulary(channel)).await?;
        match self.pass().await? {
            Came::Stopped => {
                let (store, held) = (self.shared.store.clone(), [(self.claim.job, self.claim.fence)]);
                self.persist(|| store.release(&held)).await?;
                Ok(true)
            }
            Came::To(end) => self.conclude(end).await,
        }
    }

    /// Records an answer that led to nothing.
    async fn keep_answer(&mut self) -> Result<(), StoreError> {
        let Some((id, end)) = self.answered.take() else { return Ok(()) };
        let store = &self.shared.store;
        self.persist(|| store.end_call(id, &end)).await
    }

    /// Walks the route until it is done.
    async fn pass(&mut self) -> Result<Came, StoreError> {
        let asked = self.asked().await;
        let mut pass = {
            let models = self.shared.route().own().len();
            // What the prompt puts between the texts counts as well, or the last of them would lose its end.
            let images = self.claim.image_text.iter().map(|text| text.chars().count() + 2);
            let chars = self.claim.text.chars().count() + images.sum::<usize>();
            let pass = Pass::new(&self.shared.rules, models, self.shared.seed()).with_text_of(chars);
            asked.into_iter().fold(pass, Pass::asking)
        };
        loop {
            let now = self.shared.now();
            let step = {
                let mut route = self.shared.route();
                let step = pass.next(&mut route.health, now);
                match step {
                    // The route is only exchanged between passes, so the place is there; without it there is nobody to ask.
                    Step::Call(call) => match route.models.get(call.model).cloned() {
                        Some(model) => Ok((call, model)),
                        None => return Ok(Came::Stopped),
                    },
                    Step::Wait { until } => Err(until),
                    Step::Done(end) => return Ok(Came::To(end)),
                }
            };
            match step {
                Err(until) => {
                    if !self.wait_until(until).await {
                        return Ok(Came::Stopped);
                    }
                }
                Ok((call, model)) => {
                    if *self.shared.stop.borrow() != Stop::No {
                        return Ok(Came::Stopped);
                    }
                    if !self.may_probe(&call, &mut pass).await? {
                        continue;
                    }
                    let sent_at = self.shared.now();
                    let answer = if model.key.is_local_keywords() {
                        self.tag_locally(&call, &model.key).await?
                    } else {
                        self.call(&call, &model, sent_at).await?
                    };
                    let now = self.shared.now();
                    let (notes, cancelled) = {
                        let health = &mut self.shared.route().health;
                        match answer {
                            Answer::Verdict(verdict) => {
                                (pass.report(&verdict, health, now), verdict.outcome == Outcome::Cancelled)
                            }
                            Answer::Denied { until, reason } => (pass.denied(until, &reason, health, now), false),
                        }
                    };
                    self.take_note(&notes, sent_at).await?;
                    self.probed(&call).await?;
                    if cancelled {
                        return Ok(Came::Stopped);
                    }
                }
            }
        }
    }

    /// The place of the model that an operator asked for; says what becomes of the wish.
    async fn asked(&self) -> Option<usize> {
        let key = self.claim.model.as_ref()?;
        let admitted = self.shared.admit(key).await;
        let text = match &admitted {
            Ok(_) => Safe::fixed("asked for by the operator: it is asked first"),
            Err(why) => Safe::line(&format!("asked for by the operator, but {why}; the route is asked instead")),
        };
        self.publish(Draft::new(EventKind::Engine, text).post(self.post).model(key));
        admitted.ok()
    }

    /// True when the time has come, false when the engine stops first.
    async fn wait_until(&self, until: Millis) -> bool {
        let wait = Duration::from_millis(u64::try_from(until - self.shared.now()).unwrap_or(0));
        let mut stop = self.shared.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            _ = stop.wait_for(|stop| *stop != Stop::No) => false,
        }
    }

    /// Publishes what a call changed and keeps what must survive a restart.
    async fn take_note(&self, notes: &[Note], sent_at: Millis) -> Result<(), StoreError> {
        for note in notes {
            self.shared.apply(note, sent_at, self.post);
            if let Note::Pause(pause) = note {
                let store = self.shared.store.clone();
                self.persist(|| store.set_pause(pause)).await?;
            }
        }
        let changed: BTreeSet<usize> = notes.iter().filter_map(Note::changed_model).collect();
        let providers = notes.iter().filter_map(Note::changed_provider).filter_map(|name| self.shared.provider_state(name));
        let states: Vec<_> = changed.into_iter().filter_map(|index| self.shared.model_state(index)).chain(providers).collect();
        for state in states {
            let store = self.shared.store.clone();
            self.persist(|| store.save_model_state(&state)).await?;
        }
        Ok(())
    }

    async fn conclude(&mut self, end: PassEnd) -> Result<bool, StoreError> {
        let shared = Arc::clone(&self.shared);
        let tagging = &shared.tagging;
        let used_up = self.claim.attempts >= self.claim.max_attempts;
        let finish = match end {
            PassEnd::Tagged { tags, model } => {
                let model = self.shared.route().models.get(model).map(|m| m.key.clone());
                let kept = self.finish(Finish::Tagged { tags: tags.clone() }).await?;
                if kept {
                    let text = format!("{:.1} s · {}", self.began.elapsed().as_secs_f64(), tags.join(" · "));
                    let draft = Draft::new(EventKind::Success, Safe::line(&text)).post(self.post);
                    self.publish(model.map_or(draft.clone(), |model| draft.model(&model)));
                    self.shared.board().finished(Status::Success);
                }
                return Ok(kept);
            }
            PassEnd::Skipped { class, reason } => Finish::Skipped { class: class.to_owned(), reason: reason.into() },
            PassEnd::PutOff { outcome, reason, until } => {
                // While this engine claims nothing anyway, the post need not wait longer than the pause, or the operator, says.
                let after = match self.shared.blocked() {
                    Some(_) if self.claim.model.is_none() => Duration::ZERO,
                    // Such a post is claimed all the same, for the sake of the model that was asked for.
                    Some(_) => ASKED_AGAIN,
                    None => Duration::from_millis(u64::try_from(until - self.shared.now()).unwrap_or(0)),
                };
                Finish::PutOff { class: outcome.as_str().to_owned(), reason: reason.into(), after }
            }
            PassEnd::Failed { outcome, reason, permanent } if permanent || used_up => {
                Finish::Failed { class: outcome.as_str().to_owned(), reason: reason.into() }
            }
            PassEnd::Failed { outcome, reason, .. } => {
                let nth = usize::try_from(self.claim.attempts - 1).unwrap_or(0);
                let after = tagging.pass_delays.get(nth).or(tagging.pass_delays.last()).copied().unwrap_or_default();
                Finish::Retry { class: outcome.as_str().to_owned(), reason: reason.into(), after }
            }
        };
        self.finish(finish).await
    }

    /// Writes the end of the pass under the fence, and says so when it counted.
    async fn finish(&mut self, finish: Finish) -> Result<bool, StoreError> {
        let (store, claim) = (&self.shared.store, &self.claim);
        let held = (claim.job, claim.fence);
        let write = || async {
            match &self.answered {
                Some((call, end)) => store.finish_with_call(held, &finish, *call, end).await,
                None => store.finish(claim.job, claim.fence, &finish).await,
            }
        };
        let kept = self.persist(write).await?;
        self.answered = None;
        if !kept {
            return Ok(false);
        }
        let said = match &finish {
            Finish::Tagged { .. } => None,
            Finish::Skipped { reason, .. } => Some((EventKind::Skipped, Status::Skipped, reason.clone())),
            Finish::Failed { reason, .. } => {
                let text = format!("given up in pass {}/{}: {reason}", claim.attempts, claim.max_attempts);
                Some((EventKind::Failed, Status::Failed, text))
            }
            Finish::PutOff { reason, after, .. } => {
                let when = if after.is_zero() {
                    "put off until somebody can be asked".to_owned()
                } else {
                    format!("put off for {}", duration_words(*after))
                };
                Some((EventKind::PutOff, Status::Pending, format!("{reason}; {when}")))
            }
            Finish::Retry { reason, after, .. } => {
                let text =
                    format!("pass {}/{}: {reason}; next in {}", claim.attempts, claim.max_attempts, duration_words(*after));
                Some((EventKind::PassFailed, Status::Retrying, text))
            }
        };
        if let Some((kind, status, text)) = said {
            self.publish(Draft::new(kind, Safe::line(&text)).post(self.post));
            self.shared.board().finished(status);
        }
        Ok(true)
    }

    async fn persist<T, F: Future<Output = Result<T, StoreError>>>(&self, write: impl Fn() -> F) -> Result<T, StoreError> {
        persist(&self.shared, Some(self.post), write).await
    }

    fn publish(&self, draft: Draft) {
        self.shared.log.publish(draft);
    }
}

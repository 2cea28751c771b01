//! One image read by an engine behind HTTP, seen from its job: its calls written down before they are sent, its story told in the log.
//! Where the image is read when that fails is `work`'s.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::progress::Progress;
use crate::domain::{CallId, EventKind, ImageId, ModelKey, Outcome, PostId};
use crate::engine::event::Draft;
use crate::engine::persist::persist;
use crate::engine::shared::Shared;
use crate::ocr::pipeline::Watch;
use crate::ocr::remote::{Account, Before, Callee, Came, End, Ticket};
use crate::ocr::{OcrError, Stage};
use crate::store::{CallEnd, Claim, NewCall, Reserved};
use crate::text::Safe;

/// Longest wait for a provider's minute to have room again.
const LONGEST_WAIT: Duration = Duration::from_secs(90);
/// What is reserved of a budget, millionths of a dollar: what a page will cost is not known, but a spent budget must not be passed.
const RESERVE: i64 = 1;

/// The account of one job's calls: `job_calls`.
pub struct Written<'a> {
    pub shared: &'a Shared,
    pub claim: &'a Claim,
}

impl Written<'_> {
    async fn reserve(&self, callee: &Callee) -> Result<Ticket, Safe> {
        let limits = self.shared.limits(&callee.provider);
        let call = NewCall {
            job: self.claim.job,
            // An image without a post has its calls all the same.
            post: self.claim.post.unwrap_or(PostId(0)),
            worker: self.shared.worker.clone(),
            pass: self.claim.attempts,
            model: ModelKey { provider: callee.provider.clone(), model: callee.model.clone() },
            reserve_micros: if self.shared.providers.contains_key(&callee.provider) { RESERVE } else { 0 },
            why: None,
        };
        let mut waited = Duration::ZERO;
        loop {
            let reserved = persist(self.shared, self.claim.post, || self.shared.store.reserve_call(&call, &limits)).await;
            match reserved {
                Ok(Reserved::Sent(id)) => return Ok(Ticket(id.0)),
                Ok(Reserved::Denied { until, limit }) => {
                    let left = Duration::from_millis(u64::try_from(until - self.shared.now()).unwrap_or(0).max(50));
                    waited += left;
                    if waited > LONGEST_WAIT {
                        let told = format!("providers.{limit} of {} is reached; raise it, or wait for tomorrow", callee.provider);
                        return Err(Safe::line(&told));
                    }
                    tokio::time::sleep(left).await;
                }
                Err(error) => return Err(Safe::line(&format!("the call cannot be written down, so it is not made: {error}"))),
            }
        }
    }
}

impl Account for Written<'_> {
    fn before<'a>(&'a self, callee: &'a Callee, window: Duration) -> BoxFuture<'a, Option<Before>> {
        Box::pin(async move {
            // A look that fails costs a second submission at worst; the job goes on.
            let last = self.shared.store.last_call(self.claim.job, &callee.provider, window).await.ok()??;
            let came = match last.outcome {
                None | Some(Outcome::Unknown | Outcome::Timeout | Outcome::ServerError | Outcome::Cancelled) => Came::Lost,
                Some(Outcome::Success) => Came::Answer,
                Some(_) => Came::Refusal,
            };
            Some(Before { age: last.age, came })
        })
    }

    fn sent<'a>(&'a self, callee: &'a Callee) -> BoxFuture<'a, Result<Ticket, Safe>> {
        Box::pin(self.reserve(callee))
    }

    fn ended<'a>(&'a self, ticket: Ticket, end: &'a End) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let written = CallEnd {
                outcome: outcome(end),
                http_status: end.status,
                elapsed_ms: i64::try_from(end.elapsed.as_millis()).unwrap_or(i64::MAX),
                prompt_tokens: end.prompt_tokens,
                completion_tokens: end.completion_tokens,
                cost_micros: end.cost_micros,
                request_id: None,
                body: None,
                reason: end.reason.as_ref().map(ToString::to_string),
                headers: std::collections::BTreeMap::new(),
            };
            let store = &self.shared.store;
            if let Err(error) = persist(self.shared, self.claim.post, || store.end_call(CallId(ticket.0), &written)).await {
                tracing::warn!(error = %Safe::line(&error.to_string()), "the end of a call is not written down");
            }
        })
    }
}

/// `before` reads it back: what may go on behind a lost answer must not look like a refusal.
const fn outcome(end: &End) -> Outcome {
    match (end.came, end.status) {
        (Came::Answer, _) => Outcome::Success,
        (Came::Lost, None | Some(408 | 504 | 524)) => Outcome::Timeout,
        (Came::Lost, Some(_)) => Outcome::ServerError,
        (Came::Refusal, None) => Outcome::Unreachable,
        (Came::Refusal, Some(401 | 403)) => Outcome::BadKey,
        (Came::Refusal, Some(402)) => Outcome::OutOfCredit,
        (Came::Refusal, Some(404)) => Outcome::ModelGone,
        (Came::Refusal, Some(413)) => Outcome::TooLarge,
        (Came::Refusal, Some(429)) => Outcome::RateLimited,
        (Came::Refusal, Some(503)) => Outcome::Loading,
        (Came::Refusal, Some(400..=499)) => Outcome::BadRequest,
        (Came::Refusal, Some(500..)) => Outcome::ProviderRejected,
        (Came::Refusal, Some(_)) => Outcome::Malformed,
    }
}

/// Follows one reading: what it notes becomes a line of the log.
pub struct Told<'a> {
    pub shared: &'a Shared,
    pub claim: &'a Claim,
    pub image: &'a Safe,
    pub progress: &'a Arc<Progress>,
}

impl Watch for Told<'_> {
    fn stage(&self, stage: Stage, page: u32, pages: u32) {
        self.progress.stage(stage, page, pages);
    }

    fn stopped(&self) -> Option<OcrError> {
        self.progress.stopped()
    }

    fn note(&self, text: &Safe) {
        let draft = Draft::new(EventKind::OcrStart, Safe::line(&format!("{}: {text}", self.image)));
        let draft = draft.image(ImageId(self.claim.ref_id));
        self.shared.log.publish(match self.claim.post {
            Some(post) => draft.post(post),
            None => draft,
        });
    }
}

//! One call of a pass: reserved and recorded, sent, recorded again before anybody acts upon its answer.
//! Which model is called, and what the answer leads to, is decided above.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Answer, Worker};
use crate::domain::{CallId, Millis, ModelKey, Outcome, Why};
use crate::engine::shared::Stop;
use crate::llm::route::{Call, Note, RouteModel};
use crate::llm::wire::Reply;
use crate::llm::{Ask, Verdict, keywords, prompt, quota};
use crate::store::{CallEnd, NewCall, Reserved, StoreError};
use crate::text::Safe;

/// Time that a call in flight gets after a stop was asked for.
const LAST_CALL: Duration = Duration::from_millis(3_500);

/// A reservation that took longer, as when the database was away, stands at a time at which nothing was sent.
const PROMPT: Duration = Duration::from_millis(500);

impl Worker {
    /// One HTTP call: reserved and recorded, sent, recorded again with its raw body before anybody acts upon it.
    pub(super) async fn call(&mut self, call: &Call, model: &RouteModel, sent_at: Millis) -> Result<Answer, StoreError> {
        let shared = Arc::clone(&self.shared);
        // Before anything is recorded: a call that cannot go out must not stand there as sent.
        let Some(wire) = shared.wires.get(&model.key.provider) else {
            let reason = Safe::line(&format!("provider {} cannot be reached from this process", model.key.provider));
            return Ok(Answer::Verdict(Verdict::plain(Outcome::Unreachable, reason)));
        };
        let ask = self.ask(call);
        let prompt_chars = ask.messages.iter().map(|m| m.content.chars().count()).sum();
        let reserve = quota::reserve_micros(model.listing.as_ref(), prompt_chars, ask.max_tokens);
        let id = match self.reserve(&model.key, reserve, &call.why).await? {
            Reserved::Sent(id) => id,
            Reserved::Denied { until, limit } => return Ok(denied(&model.key, until, limit)),
        };
        let started = Instant::now();
        let reply = self.unless_stopped(wire.send(&model.key.model, &ask)).await;
        let elapsed = started.elapsed();
        let verdict = match &reply {
            Some(reply) => reply.verdict(shared.now()),
            None => Verdict::plain(Outcome::Cancelled, Safe::fixed("the engine stopped before the answer came")),
        };
        if reply.as_ref().is_some_and(Reply::is_overloaded) {
            shared.apply(&Note::HalveConcurrency, sent_at, self.post);
        }
        self.called(id, &model.key, verdict, reply.as_ref(), elapsed).await
    }

    /// Counts a call that ended and records how: an answer with what it leads to, anything else at once.
    async fn called(
        &mut self,
        id: CallId,
        model: &ModelKey,
        verdict: Verdict,
        reply: Option<&Reply>,
        elapsed: Duration,
    ) -> Result<Answer, StoreError> {
        self.shared.board().called(model, &verdict, elapsed);
        let end = call_end(&verdict, reply, elapsed);
        if matches!(verdict.outcome, Outcome::Success | Outcome::NoTopic) {
            self.answered = Some((id, end));
        } else {
            let store = &self.shared.store;
            self.persist(|| store.end_call(id, &end)).await?;
        }
        Ok(Answer::Verdict(verdict))
    }

    /// The built-in last resort; recorded like a call, so that a post's history says where its tags come from.
    pub(super) async fn tag_locally(&mut self, call: &Call, model: &ModelKey) -> Result<Answer, StoreError> {
        let id = match self.reserve(model, 0, &call.why).await? {
            Reserved::Sent(id) => id,
            Reserved::Denied { until, limit } => return Ok(denied(model, until, limit)),
        };
        let started = Instant::now();
        let mut text = self.claim.text.clone();
        for part in &self.claim.image_text {
            text.push_str("\n\n");
            text.push_str(part);
        }
        let vocabulary = Arc::clone(&self.vocabulary);
        let found =
            tokio::task::spawn_blocking(move || keywords::tags(&text, &keywords::Vocabulary { channel_tags: &vocabulary }));
        let tags = found.await.unwrap_or_default();
        let mut verdict = if tags.is_empty() {
            Verdict::plain(Outcome::NoTopic, Safe::fixed("no key phrase stands out"))
        } else {
            Verdict::plain(Outcome::Success, Safe::fixed("tagged from its own words, without a model"))
        };
        verdict.tags = tags;
        verdict.answered = true;
        self.called(id, model, verdict, None, started.elapsed()).await
    }

    async fn reserve(&self, model: &ModelKey, reserve_micros: i64, why: &Why) -> Result<Reserved, StoreError> {
        let limits = self.shared.limits(&model.provider);
        let call = NewCall {
            job: self.claim.job,
            post: self.post,
            worker: self.shared.worker.clone(),
            pass: self.claim.attempts,
            model: model.clone(),
            reserve_micros,
            why: Some(why.clone()),
        };
        let (store, asked) = (self.shared.store.clone(), Instant::now());
        let reserved = self.persist(|| store.reserve_call(&call, &limits)).await?;
        if let (Reserved::Sent(id), Some(_), true) = (reserved, limits.per_minute, asked.elapsed() > PROMPT) {
            self.persist(|| store.call_goes_out(id)).await?;
        }
        Ok(reserved)
    }

    fn ask(&self, call: &Call) -> Ask {
        let messages = prompt::messages(&prompt::PromptParts {
            text: &self.claim.text,
            image_text: &self.claim.image_text,
            vocabulary: &self.vocabulary,
            max_chars: call.text_chars,
        });
        let messages = match &call.repair {
            Some(answer) => prompt::repair(messages, answer),
            None => messages,
        };
        Ask {
            messages,
            format: call.format,
            max_tokens: call.max_tokens,
            temperature: self.shared.tagging.temperature,
            reasoning_off: call.reasoning_off,
            without: call.without.clone(),
        }
    }

    /// `None` when the engine stops and the answer has not come within the time that is left.
    async fn unless_stopped(&self, sending: impl Future<Output = Reply>) -> Option<Reply> {
        let mut stop = self.shared.stop.clone();
        let deadline = async {
            // An error means that the engine is gone, which is a stop as well.
            let _ = stop.wait_for(|stop| *stop != Stop::No).await;
            let mut now = stop.clone();
            tokio::select! {
                _ = now.wait_for(|stop| *stop == Stop::Now) => {}
                () = tokio::time::sleep(LAST_CALL) => {}
            }
        };
        tokio::select! {
            reply = sending => Some(reply),
            () = deadline => None,
        }
    }
}

fn denied(model: &ModelKey, until: Millis, limit: &str) -> Answer {
    Answer::Denied { until, reason: Safe::line(&format!("our own limit for {}: {limit}", model.provider)) }
}

fn call_end(verdict: &Verdict, reply: Option<&Reply>, elapsed: Duration) -> CallEnd {
    CallEnd {
        outcome: verdict.outcome,
        http_status: reply.and_then(|r| r.status),
        elapsed_ms: i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX),
        prompt_tokens: verdict.usage.prompt_tokens,
        completion_tokens: verdict.usage.completion_tokens,
        cost_micros: verdict.usage.cost_micros,
        request_id: verdict.request_id.clone(),
        body: reply.map(|r| r.body.to_vec()).filter(|body| !body.is_empty()),
        reason: Some(verdict.reason.to_string()).filter(|reason| !reason.is_empty()),
        headers: match (verdict.outcome, reply) {
            (Outcome::Success | Outcome::NoTopic, _) | (_, None) => BTreeMap::new(),
            (_, Some(reply)) => reply.headers.telling(),
        },
    }
}

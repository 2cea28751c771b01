//! FAILURES.md's table: what each outcome of a call leads to within a pass.
//! It counts no calls and knows no limits of the pass but through `may_repeat`.

use std::time::Duration;

use super::health::{Cause, Health};
use super::pass::{Next, Pass, SHORT, millis};
use super::visit::{Correction, Visit};
use super::{Note, PassEnd};
use crate::domain::{Millis, Outcome, Pause, PauseScope};
use crate::llm::quota::next_utc_midnight;
use crate::llm::{Verdict, Wait};
use crate::text::Safe;

/// Most calls at one model that only correct the request: format twice, length twice, reasoning, tokens, repair, budget,
/// and each parameter it can do without.
pub(super) const CORRECTIONS: u64 = 8 + DISPENSABLE.len() as u64;
/// Most looks at a server that loads its model, in one visit.
pub(super) const POLLS: u32 = 6;
/// Time between looks at a server that loads its model.
const POLL: Duration = Duration::from_secs(5);
/// Wait where the server names none.
const MINUTE: Millis = 60_000;
/// Longest hint that is believed for a limit by rate; a year 2099 is a wrong unit.
const DAY: Millis = 86_400_000;
/// The same for limits of money and keys.
const MONTH: Millis = 31 * DAY;
/// Parameters that the request can do without.
const DISPENSABLE: [&str; 5] = ["temperature", "max_tokens", "max_completion_tokens", "reasoning", "usage"];

impl Pass {
    /// What follows from the verdict on the model being visited; notes and health are brought up to date on the way.
    pub(super) fn decide(&mut self, verdict: &Verdict, health: &mut Health, now: Millis, notes: &mut Vec<Note>) -> Next {
        use Outcome as O;
        let Some(model) = self.visit.as_ref().map(|visit| visit.model) else { return Next::Leave };
        // The built-in tagger has no server behind it that a pause or a retry could help.
        if health.models[model].key.is_local_keywords() && !matches!(verdict.outcome, O::Success | O::NoTopic | O::Cancelled) {
            return Next::Leave;
        }
        let cause = Cause { outcome: verdict.outcome, reason: verdict.reason.clone() };
        match verdict.outcome {
            O::Success | O::NoTopic => self.answered(model, verdict, health, notes),
            // The third failure in a row opens the provider's breaker by itself, unless another pass got through between.
            O::Unreachable => {
                let next = self.retry(2, None, health, now);
                if matches!(next, Next::Leave) && self.visit.as_ref().is_some_and(|visit| visit.retries >= 2) {
                    notes.extend(health.close_provider(model, None, cause, now));
                }
                next
            }
            O::Timeout => {
                notes.push(Note::HalveConcurrency);
                self.retry(1, None, health, now)
            }
            O::EmptyAnswer | O::AnswerError | O::Malformed => self.retry(1, None, health, now),
            O::NotUtf8 => self.retry(u32::MAX, None, health, now),
            O::ServerError => self.retry(u32::MAX, verdict.wait, health, now),
            O::Loading => self.poll(model, verdict, health, now, notes),
            O::RateLimited => self.rate_limited(model, verdict, health, now, notes),
            O::InFlightBudget => self.in_flight_budget(model, verdict, health, now, notes),
            O::FreeDaily | O::FreePerMinute => {
                free_limit(model, verdict, health, now, notes);
                Next::Leave
            }
            O::BadKey | O::Tls | O::OutOfCredit | O::KeyLimit => {
                let until = verdict.wait.map(|wait| come_back(wait, now, MONTH));
                notes.extend(pause(PauseScope::Provider(health.models[model].key.provider.clone()), until, &cause, health, now));
                Next::Leave
            }
            O::ModelGone | O::Region => {
                health.models[model].off = Some(verdict.reason.clone());
                notes.push(Note::ModelOff { model, reason: verdict.reason.clone() });
                Next::Leave
            }
            O::FormatUnsupported => self.weaker_format(model, health, now, notes),
            O::ParameterUnsupported => self.without_parameter(model, verdict, health, now, notes),
            O::ContextLength => self.correct(health, now, |visit| {
                visit.text_chars = (visit.text_chars / 2).max(1);
                visit.first(Correction::Shorter)
            }),
            O::TooLarge => self.too_large(verdict, health, now),
            O::ReasoningOnly => self.correct(health, now, |visit| {
                visit.reasoning_off = true;
                visit.first(Correction::NoReasoning)
            }),
            O::Truncated => self.correct(health, now, |visit| !visit.wants_more_tokens() && visit.first(Correction::MoreTokens)),
            O::NotTags => self.correct(health, now, |visit| {
                let first = visit.repair.is_none();
                visit.repair = visit.repair.take().or_else(|| verdict.answer.clone());
                first && visit.repair.is_some()
            }),
            // Html has had its strike against the provider in `observe`.
            O::BadRequest | O::ProviderRejected | O::Moderated | O::BodyTooLarge | O::Html | O::Unknown => Next::Leave,
            O::Cancelled => Next::End(PassEnd::PutOff { outcome: O::Cancelled, reason: verdict.reason.clone(), until: now }),
        }
    }

    fn answered(&self, model: usize, verdict: &Verdict, health: &mut Health, notes: &mut Vec<Note>) -> Next {
        // Paying twice for every post would be the alternative: this model answers only so.
        if self.visit.as_ref().is_some_and(|visit| visit.has_tried(Correction::NoReasoning)) {
            health.models[model].reasoning_off = true;
        }
        if !health.models[model].key.is_local_keywords() {
            notes.push(Note::GrowConcurrency);
        }
        Next::End(if verdict.tags.is_empty() {
            PassEnd::Skipped { class: "no_topic", reason: verdict.reason.clone() }
        } else {
            PassEnd::Tagged { tags: verdict.tags.clone(), model }
        })
    }

    /// `max_retries` on the last healthy model, `retries_before_fallback` before it.
    fn allowance(&self, health: &Health, now: Millis) -> u32 {
        if self.others(health, now) == 0 { self.rules.max_retries } else { self.rules.retries_before_fallback }
    }

    /// The same request again, if fewer than `times` retries were spent here (and than the settings allow: all of the
    /// table's own numbers become 0 when they say 0).
    fn retry(&mut self, times: u32, hint: Option<Wait>, health: &Health, now: Millis) -> Next {
        let allowed = match self.allowance(health, now) {
            0 => 0,
            allowed if times == u32::MAX => allowed,
            _ => times,
        };
        let Some(visit) = &self.visit else { return Next::Leave };
        let spent = visit.retries;
        // A probe that failed has found out what it was sent for.
        if spent >= allowed || visit.probe {
            return Next::Leave;
        }
        let mut wait = self.backoff(spent);
        if let Some(hint) = hint {
            let hint = after(hint, now);
            if hint > Duration::from_mins(1) {
                return Next::Leave;
            }
            wait = wait.max(hint);
        }
        self.spend(wait, health, now)
    }

    fn spend(&mut self, wait: Duration, health: &Health, now: Millis) -> Next {
        if !self.may_repeat(wait, health, now) {
            return Next::Leave;
        }
        if let Some(visit) = &mut self.visit {
            visit.retries += 1;
        }
        Next::Retry(wait)
    }

    /// A corrected request at once, when `change` says that it was not corrected so before.
    fn correct(&mut self, health: &Health, now: Millis, change: impl FnOnce(&mut Visit) -> bool) -> Next {
        let room = self.may_repeat(Duration::ZERO, health, now);
        let changed = self.visit.as_mut().is_some_and(change);
        if changed && room { Next::Again } else { Next::Leave }
    }

    /// Looks again every 5 s for half a minute when there is nobody else to ask; then the post is put off.
    fn poll(&mut self, model: usize, verdict: &Verdict, health: &mut Health, now: Millis, notes: &mut Vec<Note>) -> Next {
        let wait = verdict.wait.map_or(POLL, |wait| after(wait, now).clamp(Duration::from_secs(1), SHORT));
        let others = self.others(health, now) > 0;
        let spent = self.visit.as_ref().map_or(0, |visit| visit.retries);
        if spent < if others { self.rules.retries_before_fallback } else { POLLS }
            && let next @ Next::Retry(_) = self.spend(wait, health, now)
        {
            return next;
        }
        let cause = Cause { outcome: verdict.outcome, reason: verdict.reason.clone() };
        notes.push(health.hold_model(model, now + millis(wait), cause, now));
        Next::Leave
    }

    fn rate_limited(&mut self, model: usize, verdict: &Verdict, health: &mut Health, now: Millis, notes: &mut Vec<Note>) -> Next {
        notes.push(Note::HalveConcurrency);
        let hint = verdict.wait.map(|wait| after(wait, now));
        let spent = self.visit.as_ref().map_or(0, |visit| visit.retries);
        if let Some(short) = hint.filter(|hint| *hint <= SHORT)
            && self.others(health, now) == 0
            && spent < self.rules.max_retries
            && let next @ Next::Retry(_) = self.spend(short, health, now)
        {
            return next;
        }
        let until = verdict.wait.map_or(now + MINUTE, |wait| come_back(wait, now, DAY));
        let cause = Cause { outcome: verdict.outcome, reason: verdict.reason.clone() };
        notes.push(health.hold_model(model, until, cause, now));
        Next::Leave
    }

    /// 402 because of our own other requests: a short wait once, then the whole provider rests until the hint.
    fn in_flight_budget(
        &mut self,
        model: usize,
        verdict: &Verdict,
        health: &mut Health,
        now: Millis,
        notes: &mut Vec<Note>,
    ) -> Next {
        let hint = verdict.wait.map_or(POLL, |wait| after(wait, now));
        let first = self.visit.as_mut().is_some_and(|visit| visit.first(Correction::BudgetWait));
        if first && hint <= SHORT && self.may_repeat(hint, health, now) {
            return Next::Retry(hint);
        }
        let until = verdict.wait.map_or(now + MINUTE / 2, |wait| come_back(wait, now, DAY));
        let cause = Cause { outcome: verdict.outcome, reason: verdict.reason.clone() };
        notes.extend(health.close_provider(model, Some(until), cause, now));
        Next::Leave
    }

    fn weaker_format(&self, model: usize, health: &mut Health, now: Millis, notes: &mut Vec<Note>) -> Next {
        let known = &mut health.models[model];
        let Some(to) = known.format.weaker() else { return Next::Leave };
        known.format = to;
        notes.push(Note::FormatDown { model, to });
        if self.may_repeat(Duration::ZERO, health, now) { Next::Again } else { Next::Leave }
    }

    fn without_parameter(
        &self,
        model: usize,
        verdict: &Verdict,
        health: &mut Health,
        now: Millis,
        notes: &mut Vec<Note>,
    ) -> Next {
        let named = verdict.parameter.as_deref().unwrap_or_default();
        let name = named.split(['.', '[']).next().unwrap_or_default();
        if name == "response_format" {
            return self.weaker_format(model, health, now, notes);
        }
        let Some(name) = DISPENSABLE.into_iter().find(|known| *known == name) else { return Next::Leave };
        if !health.models[model].without.insert(name.to_owned()) {
            return Next::Leave;
        }
        notes.push(Note::ParameterDropped { model, parameter: name.to_owned() });
        if self.may_repeat(Duration::ZERO, health, now) { Next::Again } else { Next::Leave }
    }

    fn too_large(&mut self, verdict: &Verdict, health: &Health, now: Millis) -> Next {
        if std::mem::replace(&mut self.was_too_large, true) {
            let reason = Safe::line(&format!("{}, though shortened", verdict.reason));
            return Next::End(PassEnd::Failed { outcome: verdict.outcome, reason, permanent: true });
        }
        self.text_chars = (self.text_chars / 2).max(1);
        let half = self.text_chars;
        self.correct(health, now, |visit| {
            visit.text_chars = visit.text_chars.min(half);
            true
        })
    }
}

fn free_limit(model: usize, verdict: &Verdict, health: &mut Health, now: Millis, notes: &mut Vec<Note>) {
    let daily = verdict.outcome == Outcome::FreeDaily;
    if !daily {
        notes.push(Note::HalveConcurrency);
    }
    let missing = if daily { next_utc_midnight(now) } else { now + MINUTE };
    // A reset that has passed already, as after a clock of theirs or ours that is wrong, is as good as none.
    let stated = verdict.wait.filter(|wait| !matches!(wait, Wait::Until(at) if *at <= now));
    let until = stated.map_or(missing, |wait| come_back(wait, now, 2 * DAY));
    let cause = Cause { outcome: verdict.outcome, reason: verdict.reason.clone() };
    let key = health.models[model].key.clone();
    notes.extend(pause(PauseScope::Free(key.provider.clone()), Some(until), &cause, health, now));
    if !key.is_free() {
        notes.push(health.hold_model(model, until, cause, now));
    }
}

/// The note that tells of a pause, unless it is in force already.
fn pause(scope: PauseScope, until: Option<Millis>, cause: &Cause, health: &mut Health, now: Millis) -> Option<Note> {
    let pause = Pause { scope, until, reason: cause.reason.clone() };
    health.pause_for(&pause, cause.outcome, now).then_some(Note::Pause(pause))
}

/// How long a hint means from now.
fn after(wait: Wait, now: Millis) -> Duration {
    match wait {
        Wait::For(duration) => duration,
        Wait::Until(at) => Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or(0)),
    }
}

/// When a hint means: a second from now at the earliest, `most` milliseconds from now at the latest.
fn come_back(wait: Wait, now: Millis, most: Millis) -> Millis {
    now + millis(after(wait, now)).clamp(1000, most)
}

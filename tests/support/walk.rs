//! Walks a pass to its end against scripted verdicts, on a clock that only waits move.
//! It sends nothing; the engine does the same with a real wire and a real clock.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::collections::BTreeMap;
use std::time::Duration;

use tagdeck::config::Tagging;
use tagdeck::domain::{Millis, ModelKey, Outcome};
use tagdeck::llm::route::{Call, Health, Note, Pass, PassEnd, RouteModel, Rules, Step};
use tagdeck::llm::{Verdict, Wait};
use tagdeck::text::Safe;

/// A Thursday in 2026, 10:00 UTC.
pub const START: Millis = 1_780_567_200_000;

pub fn rules() -> Rules {
    Rules::from(&Tagging::default())
}

/// `PROVIDER/MODEL` each.
pub fn route(models: &[&str]) -> Vec<RouteModel> {
    let model = |name: &&str| {
        let (provider, model) = name.split_once('/').unwrap();
        RouteModel { key: ModelKey { provider: provider.to_owned(), model: model.to_owned() }, listing: None }
    };
    models.iter().map(model).collect()
}

pub fn said(outcome: Outcome) -> Verdict {
    let mut verdict = Verdict::plain(outcome, Safe::line(&format!("cause {outcome}")));
    if outcome == Outcome::Success {
        verdict.tags = vec!["рыба".to_owned()];
    }
    verdict
}

pub fn said_wait(outcome: Outcome, wait: Wait) -> Verdict {
    Verdict { wait: Some(wait), ..said(outcome) }
}

/// What a pass did.
#[derive(Debug)]
pub struct Walked {
    pub end: PassEnd,
    pub calls: Vec<Call>,
    pub waits: Vec<Duration>,
    pub notes: Vec<Note>,
    pub ended_at: Millis,
}

impl Walked {
    /// Indices of the models in the order they were called.
    pub fn asked(&self) -> Vec<usize> {
        self.calls.iter().map(|call| call.model).collect()
    }

    pub fn fallbacks(&self) -> Vec<(usize, usize)> {
        let pair = |note: &Note| if let Note::Fallback { from, to, .. } = note { Some((*from, *to)) } else { None };
        self.notes.iter().filter_map(pair).collect()
    }
}

/// One pass; each call takes `each` and is answered by `answer`.
pub fn walk_timed(
    rules: &Rules,
    health: &mut Health,
    start: Millis,
    each: Millis,
    mut answer: impl FnMut(&Call) -> Verdict,
) -> Walked {
    let mut pass = Pass::new(rules, health.len(), 7);
    let mut walked = Walked {
        end: PassEnd::Skipped { class: "", reason: Safe::default() },
        calls: Vec::new(),
        waits: Vec::new(),
        notes: Vec::new(),
        ended_at: start,
    };
    let mut now = start;
    for _ in 0..1000 {
        match pass.next(health, now) {
            Step::Call(call) => {
                now += each;
                let verdict = answer(&call);
                walked.calls.push(call);
                walked.notes.extend(pass.report(&verdict, health, now));
            }
            Step::Wait { until } => {
                assert!(until > now, "a wait must move the clock");
                walked.waits.push(Duration::from_millis((until - now) as u64));
                now = until;
            }
            Step::Done(end) => {
                walked.end = end;
                walked.ended_at = now;
                return walked;
            }
        }
    }
    panic!("the pass did not end: {walked:?}");
}

/// One pass from [`START`], calls of 100 ms.
pub fn walk(health: &mut Health, answer: impl FnMut(&Call) -> Verdict) -> Walked {
    walk_timed(&rules(), health, START, 100, answer)
}

/// One pass in which each model, by index, says its verdicts in turn and its last one for ever.
pub fn walk_script(models: &[&str], script: &[&[Verdict]]) -> (Walked, Health) {
    let mut health = Health::new(&route(models));
    let mut at: BTreeMap<usize, usize> = BTreeMap::new();
    let walked = walk(&mut health, |call| {
        let place = at.entry(call.model).or_default();
        let lines = script[call.model];
        let verdict = lines[(*place).min(lines.len() - 1)].clone();
        *place += 1;
        verdict
    });
    (walked, health)
}

pub fn ok() -> Verdict {
    said(Outcome::Success)
}

/// Every model always says the same.
pub fn all_say(models: &[&str], verdict: &Verdict) -> (Walked, Health) {
    let mut health = Health::new(&route(models));
    (walk(&mut health, |_| verdict.clone()), health)
}

pub fn put_off(end: &PassEnd) -> (Outcome, i64) {
    let PassEnd::PutOff { outcome, until, .. } = end else { panic!("{end:?}") };
    (*outcome, *until)
}

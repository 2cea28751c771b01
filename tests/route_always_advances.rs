//! The trap of the system this replaces: a retry budget spent on the first model meant that no other was ever asked.
//! Here any sequence of outcomes on any route must reach every healthy model, and every pass must end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/walk.rs"]
mod walk;

use std::time::Duration;

use proptest::prelude::*;
use tagdeck::domain::Outcome;
use tagdeck::llm::route::{Health, Note, PassEnd, Rules, worst_case};
use tagdeck::llm::{Verdict, Wait};
use tagdeck::text::Safe;
use walk::{START, Walked, route, rules, said, walk, walk_timed};

/// Each of these neither ends the pass nor closes another model.
const ADVANCING: [Outcome; 18] = [
    Outcome::Timeout,
    Outcome::ContextLength,
    Outcome::FormatUnsupported,
    Outcome::ModelGone,
    Outcome::ParameterUnsupported,
    Outcome::BadRequest,
    Outcome::Moderated,
    Outcome::RateLimited,
    Outcome::ServerError,
    Outcome::ProviderRejected,
    Outcome::Loading,
    Outcome::EmptyAnswer,
    Outcome::ReasoningOnly,
    Outcome::Truncated,
    Outcome::AnswerError,
    Outcome::NotTags,
    Outcome::Malformed,
    Outcome::NotUtf8,
];

const NAMES: [&str; 12] = ["p/a", "p/b:free", "q/c", "p/d", "q/e:free", "r/f", "p/g", "q/h", "r/i:free", "p/j", "q/k", "r/l"];

#[test]
fn a_retry_budget_spent_on_the_first_model_never_keeps_the_second_from_being_tried() {
    for outcome in ADVANCING {
        let mut health = Health::new(&route(&["p/first", "p/second"]));
        let walked = walk(&mut health, |call| if call.model == 0 { said(outcome) } else { said(Outcome::Success) });
        assert_eq!(walked.end, PassEnd::Tagged { tags: vec!["рыба".to_owned()], model: 1 }, "{outcome}: {walked:?}");
        assert_eq!(walked.fallbacks(), [(0, 1)], "{outcome}");
    }
}

#[test]
fn even_a_thousand_retries_allowed_leave_calls_for_the_others() {
    let greedy = Rules { max_retries: 1000, retries_before_fallback: 1000, retry_delay: Duration::ZERO, ..rules() };
    let mut health = Health::new(&route(&["p/a", "q/b", "r/c"]));
    let walked = walk_timed(&greedy, &mut health, START, 1, |_| said(Outcome::NotUtf8));
    assert_eq!(walked.asked().len(), 8);
    assert!([0, 1, 2].iter().all(|model| walked.asked().contains(model)), "{:?}", walked.asked());
}

#[test]
fn with_more_models_than_calls_each_is_asked_once_until_the_calls_are_used_up() {
    let mut health = Health::new(&route(&NAMES));
    let walked = walk(&mut health, |_| said(Outcome::ServerError));
    assert_eq!(walked.asked(), [0, 1, 2, 3, 4, 5, 6, 7]);
    let PassEnd::Failed { reason, permanent: false, .. } = walked.end else { panic!("{:?}", walked.end) };
    assert_eq!(&*reason, "cause server_error, 8 of 12 models; 8 calls of one pass are used up");
}

#[test]
fn the_last_resort_is_reached_even_with_all_calls_used_up() {
    let mut names = NAMES.to_vec();
    names.push("local/keywords");
    let mut health = Health::new(&route(&names));
    let walked = walk(&mut health, |call| said(if call.model == 12 { Outcome::Success } else { Outcome::ServerError }));
    assert_eq!((walked.calls.len(), walked.asked().last()), (9, Some(&12)));
    assert!(matches!(walked.end, PassEnd::Tagged { model: 12, .. }));
}

fn any_verdict(among: &'static [Outcome]) -> impl Strategy<Value = Verdict> {
    let wait = prop::option::of(prop_oneof![
        (0_u64..200_000).prop_map(|ms| Wait::For(Duration::from_millis(ms))),
        any::<i64>().prop_map(Wait::Until),
    ]);
    let parameter =
        prop::option::of(prop::sample::select(vec!["temperature", "max_tokens", "reasoning.enabled", "stop", "response_format"]));
    (prop::sample::select(among), wait, parameter, any::<bool>()).prop_map(|(outcome, wait, parameter, text)| Verdict {
        wait,
        parameter: parameter.map(str::to_owned),
        answer: text.then(|| "prose".to_owned()),
        ..said(outcome)
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    (0_u32..6, 0_u32..6, 0_u64..5_000, 0_u32..14, 0_u64..200).prop_map(|(last, before, delay, calls, seconds)| Rules {
        max_retries: last,
        retries_before_fallback: before,
        retry_delay: Duration::from_millis(delay),
        pass_calls: calls,
        pass_time: Duration::from_secs(seconds),
        ..rules()
    })
}

fn play(rules: &Rules, health: &mut Health, verdicts: &[Verdict], each: i64) -> Walked {
    let mut at = 0;
    walk_timed(rules, health, START, each, |_| {
        at += 1;
        verdicts[(at - 1) % verdicts.len()].clone()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// No permanent or pausing outcome: a failed pass has asked every model, or says which limit kept it from that.
    #[test]
    fn every_healthy_model_is_tried_before_a_pass_fails(
        size in 1_usize..=12, rules in any_rules(), each in 1_i64..40_000,
        verdicts in prop::collection::vec(any_verdict(&ADVANCING), 1..40),
    ) {
        let mut health = Health::new(&route(&NAMES[..size]));
        let walked = play(&rules, &mut health, &verdicts, each);
        let asked = walked.asked();
        let all = (0..size).all(|model| asked.contains(&model));
        let calls_up = asked.len() >= rules.pass_calls.max(1) as usize;
        let time_up = walked.ended_at - START >= rules.pass_time.as_millis() as i64;
        prop_assert!(all || calls_up || time_up, "{:?}", walked);
        // Enough calls for one each, and time to spare: then nothing at all excuses leaving one out.
        if rules.pass_calls as usize >= size && !time_up {
            prop_assert!(all, "{:?}", walked);
        }
        if let PassEnd::Failed { reason, .. } = &walked.end && !all {
            prop_assert!(reason.contains("used up"), "{}", reason);
        }
    }

    /// Whatever comes back, a pass ends, in its calls and nearly in its time, and each model's visit is one unbroken stay.
    #[test]
    fn every_pass_ends_within_its_limits(
        size in 0_usize..=12, rules in any_rules(), each in 0_i64..40_000, keywords in any::<bool>(),
        verdicts in prop::collection::vec(any_verdict(Outcome::ALL), 1..40),
    ) {
        let mut names = NAMES[..size].to_vec();
        if keywords { names.push("local/keywords") }
        let models = route(&names);
        let mut health = Health::new(&models);
        let walked = play(&rules, &mut health, &verdicts, each);
        let http = walked.asked().iter().filter(|model| **model < size).count() as u64;
        prop_assert!(http <= worst_case(&models, &rules), "{} calls, worst case {}", http, worst_case(&models, &rules));
        prop_assert!(walked.ended_at - START <= rules.pass_time.as_millis() as i64 + each * 2, "{:?}", walked);
        let mut stays = walked.asked();
        stays.dedup();
        let mut distinct = stays.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(stays.len(), distinct.len(), "came back to a model: {:?}", walked.asked());
        if let PassEnd::PutOff { until, outcome, .. } = walked.end {
            prop_assert!(until > walked.ended_at || outcome == Outcome::Cancelled);
        }
    }

    /// Passes one after another over one health, with the clock going on: no state blocks the route for ever.
    #[test]
    fn the_route_comes_back_after_any_storm(
        size in 1_usize..=5, storms in prop::collection::vec(prop::collection::vec(any_verdict(&ADVANCING), 1..10), 1..20),
    ) {
        let models = route(&NAMES[..size]);
        let mut health = Health::new(&models);
        let mut now = START;
        for storm in &storms {
            let mut at = 0;
            let walked = walk_timed(&rules(), &mut health, now, 50, |_| { at += 1; storm[at % storm.len()].clone() });
            now = walked.ended_at + 1;
            if let PassEnd::PutOff { until, .. } = walked.end { now = now.max(until) }
        }
        health.route_checked(&[]);
        // Longer than any hint is believed.
        now += 3 * 86_400_000;
        let walked = walk_timed(&rules(), &mut health, now, 50, |_| said(Outcome::Success));
        prop_assert_eq!(walked.end, PassEnd::Tagged { tags: vec!["рыба".to_owned()], model: 0 });
    }
}

#[test]
fn a_lost_answer_leaves_a_probe_that_another_pass_may_take_up() {
    use tagdeck::llm::route::{Availability, Pass, Step};
    let mut health = Health::new(&route(&["p/a"]));
    walk(&mut health, |_| said(Outcome::ServerError));
    let later = START + 600_000;
    assert_eq!(health.availability(0, later), Availability::ProbeOnly);
    let mut lost = Pass::new(&rules(), 1, 1);
    assert!(matches!(lost.next(&mut health, later), Step::Call(_)));
    drop(lost);
    let mut second = Pass::new(&rules(), 1, 2);
    let Step::Done(PassEnd::PutOff { until, .. }) = second.next(&mut health, later + 1) else { panic!("one probe at a time") };
    assert_eq!(until, later + 60_000);
    let mut third = Pass::new(&rules(), 1, 3);
    assert!(matches!(third.next(&mut health, until), Step::Call(_)));
    let notes = third.report(&said(Outcome::Success), &mut health, until + 5);
    assert!(notes.iter().any(|note| matches!(note, Note::Breaker { reason, .. } if *reason == Safe::default())), "{notes:?}");
    assert_eq!(health.availability(0, until + 6), Availability::Available);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Passes side by side over one health, as the engine runs them: each ends, within its own calls.
    #[test]
    fn passes_side_by_side_all_end(
        size in 1_usize..=5, turns in prop::collection::vec((0_usize..6, 1_i64..3_000), 1..60),
        verdicts in prop::collection::vec(any_verdict(Outcome::ALL), 1..40),
    ) {
        use tagdeck::llm::route::{Pass, Step};
        let mut health = Health::new(&route(&NAMES[..size]));
        let mut passes: Vec<(Pass, bool)> = (0..6).map(|seed| (Pass::new(&rules(), size, seed), false)).collect();
        let (mut now, mut said_so_far) = (START, 0);
        // Calls in flight end in any order: a pass that was told to call reports at its next turn.
        for (who, later) in turns.iter().cycle().take(3_000) {
            now += later;
            let (pass, in_flight) = &mut passes[*who];
            if std::mem::take(in_flight) {
                said_so_far += 1;
                pass.report(&verdicts[said_so_far % verdicts.len()], &mut health, now);
            }
            *in_flight = matches!(pass.next(&mut health, now), Step::Call(_));
            prop_assert!(pass.calls() <= 8);
        }
        for (pass, in_flight) in &mut passes {
            if std::mem::take(in_flight) { pass.report(&verdicts[0], &mut health, now); }
            let ended = (0..100).any(|_| match pass.next(&mut health, now) {
                Step::Call(_) => { pass.report(&said(Outcome::BadRequest), &mut health, now); false }
                Step::Wait { until } => { now = until; false }
                Step::Done(_) => true,
            });
            prop_assert!(ended && pass.calls() <= 8);
        }
    }
}

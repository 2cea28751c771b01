//! What passes of one engine remember together, and what stops them from outside: breakers, pauses, our own limits, the database.
//! What one outcome leads to within one pass is tested in `route_follows_the_table`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/walk.rs"]
mod walk;

use tagdeck::domain::{Outcome as O, Pause, PauseScope};
use tagdeck::llm::route::{Availability, Health, Note, Pass, PassEnd, Step};
use tagdeck::llm::{Format, Verdict};
use tagdeck::text::Safe;
use walk::{START, all_say, ok, put_off, route, rules, said, walk, walk_script, walk_timed};

const DAY: i64 = 86_400_000;
const TWO: [&str; 2] = ["p/a", "q/b"];

#[test]
fn cancelling_gives_the_attempt_back_at_once() {
    let (walked, health) = all_say(&TWO, &said(O::Cancelled));
    assert_eq!((walked.asked(), put_off(&walked.end)), (vec![0], (O::Cancelled, walked.ended_at)));
    assert_eq!(health.availability(0, walked.ended_at), Availability::Available);
}

#[test]
fn a_failed_probe_is_not_retried_and_doubles_the_wait() {
    let (walked, mut health) = all_say(&["p/a"], &said(O::ServerError));
    let Some(closed) = health.closed(walked.ended_at) else { panic!("open") };
    let probe = walk_timed(&rules(), &mut health, closed.until, 0, |_| said(O::ServerError));
    assert_eq!((probe.calls.len(), probe.waits.len()), (1, 0));
    assert!(matches!(probe.end, PassEnd::Failed { permanent: false, .. }), "a pass with a call that failed counts");
    assert_eq!(health.closed(closed.until).unwrap().until, closed.until + 60_000);
}

#[test]
fn a_probe_that_another_worker_makes_is_waited_for_as_an_open_breaker_is() {
    for (models, then) in [(&["p/a"][..], None), (&["p/a", "q/b"][..], Some(1))] {
        let mut health = Health::new(&route(models));
        let fails = |call: &tagdeck::llm::route::Call| said(if call.model == 0 { O::ServerError } else { O::Success });
        let first = walk_timed(&rules(), &mut health, START, 0, fails);
        walk_timed(&rules(), &mut health, first.ended_at, 0, fails);
        let Availability::Until(now, _) = health.availability(0, first.ended_at + 1) else { panic!("closed") };
        let mut pass = Pass::new(&rules(), models.len(), 7);
        let Step::Call(call) = pass.next(&mut health, now) else { panic!("half-open") };
        assert_eq!((call.model, call.probes.len(), call.probes[0].opening), (0, 1, now));
        pass.left_to_others(now + 5_000, &mut health, now);
        match (pass.next(&mut health, now), then) {
            (Step::Done(PassEnd::PutOff { until, .. }), None) => assert_eq!((until, pass.calls()), (now + 5_000, 0)),
            (Step::Call(call), Some(next)) => assert_eq!((call.model, call.probes.len(), pass.calls()), (next, 0, 1)),
            (other, _) => panic!("{other:?}"),
        }
        // The other worker may have died over it.
        let Step::Call(again) = Pass::new(&rules(), models.len(), 7).next(&mut health, now + 5_000) else { panic!("half-open") };
        assert_eq!(again.probes, call.probes);
    }
}

#[test]
fn content_errors_never_open_a_breaker() {
    let mut health = Health::new(&route(&["p/a"]));
    for outcome in [O::BadRequest, O::Moderated, O::ContextLength, O::ProviderRejected, O::NotTags, O::Cancelled] {
        for _ in 0..10 {
            walk(&mut health, |_| said(outcome));
        }
        assert_eq!(health.availability(0, START), Availability::Available, "{outcome}");
    }
}

#[test]
fn what_was_learned_survives_the_database() {
    let (_, mut health) = walk_script(
        &TWO,
        &[
            &[
                said(O::FormatUnsupported),
                Verdict { parameter: Some("temperature".to_owned()), ..said(O::ParameterUnsupported) },
                said(O::RateLimited),
            ],
            &[said(O::Region)],
        ],
    );
    let models = route(&TWO);
    let stored: Vec<_> = (0..2).map(|index| (models[index].key.clone(), health.kept(index).unwrap())).collect();
    assert_eq!((stored[0].1.format.as_str(), stored[1].1.off_reason.as_deref()), ("json_object", Some("cause region")));
    let mut loaded = Health::new(&models);
    loaded.load(&stored);
    for index in 0..2 {
        assert_eq!(loaded.availability(index, START + 5000), health.availability(index, START + 5000));
    }
    let (walked, old) = (
        walk_timed(&rules(), &mut loaded, START + DAY, 1, |_| ok()),
        walk_timed(&rules(), &mut health, START + DAY, 1, |_| ok()),
    );
    assert_eq!((walked.calls[0].format, walked.calls[0].without.len()), (Format::JsonObject, 1));
    assert_eq!(walked.calls, old.calls);
    loaded.load(&[(
        models[0].key.clone(),
        tagdeck::llm::route::Kept { format: "?".to_owned(), breaker: "{".to_owned(), off_reason: None },
    )]);
}

#[test]
fn the_operators_pause_stops_even_the_last_resort() {
    let mut health = Health::new(&route(&["p/a", "local/keywords"]));
    health.set_pause(&Pause { scope: PauseScope::All, until: None, reason: Safe::fixed("paused by the operator") });
    let walked = walk(&mut health, |_| ok());
    assert!(walked.calls.is_empty());
    assert_eq!(put_off(&walked.end), (O::Cancelled, START + 60_000));
    health.clear_pause(&PauseScope::All);
    assert_eq!((health.pauses(START).len(), walk(&mut health, |_| ok()).asked()), (0, vec![0]));
}

#[test]
fn the_built_in_tagger_answers_when_everything_else_is_paused() {
    let (walked, _) = walk_script(&["p/a", "local/keywords"], &[&[said(O::BadKey)], &[ok()]]);
    assert_eq!((walked.asked(), walked.notes.contains(&Note::GrowConcurrency)), (vec![0, 1], false));
    let (walked, _) = walk_script(&["local/keywords"], &[&[Verdict { tags: Vec::new(), ..ok() }]]);
    assert!(matches!(walked.end, PassEnd::Skipped { class: "no_topic", .. }));
}

#[test]
fn our_own_limit_is_waited_out_when_short_and_hands_over_when_long() {
    let limit = Safe::fixed("20 calls a minute are used up");
    let mut health = Health::new(&route(&["p/a"]));
    let mut pass = Pass::new(&rules(), 1, 1);
    assert!(matches!(pass.next(&mut health, START), Step::Call(_)));
    assert!(pass.denied(START + 4000, &limit, &mut health, START).is_empty());
    assert_eq!((pass.next(&mut health, START), pass.calls()), (Step::Wait { until: START + 4000 }, 0));
    assert!(matches!(pass.next(&mut health, START + 4000), Step::Call(_)));
    pass.denied(START + DAY, &limit, &mut health, START + 4000);
    let Step::Done(end) = pass.next(&mut health, START + 4000) else { panic!("nobody else") };
    assert_eq!(end, PassEnd::PutOff { outcome: O::RateLimited, reason: limit.clone(), until: START + DAY });

    let mut health = Health::new(&route(&TWO));
    let mut pass = Pass::new(&rules(), 2, 1);
    pass.next(&mut health, START);
    let notes = pass.denied(START + 4000, &limit, &mut health, START);
    assert!(notes.iter().any(|note| matches!(note, Note::Fallback { from: 0, to: 1, .. })), "{notes:?}");
    assert!(matches!(pass.next(&mut health, START), Step::Call(call) if call.model == 1));
}

#[test]
fn a_retry_is_not_sent_into_what_another_pass_found_closed_meanwhile() {
    for said_by_other in [O::RateLimited, O::BadKey] {
        let mut health = Health::new(&route(&["p/a", "p/b"]));
        health.route_checked(&[(route(&["p/b"])[0].key.clone(), Safe::fixed("gone"))]);
        let mut pass = Pass::new(&rules(), 2, 1);
        pass.next(&mut health, START);
        pass.report(&said(O::ServerError), &mut health, START);
        assert!(matches!(pass.next(&mut health, START), Step::Wait { .. }), "{said_by_other}");
        // Another pass hears of a limit while this one waits.
        let mut other = Pass::new(&rules(), 2, 2);
        other.next(&mut health, START + 10);
        other.report(&said(said_by_other), &mut health, START + 20);
        let Step::Done(PassEnd::Failed { outcome, .. }) = pass.next(&mut health, START + 5000) else { panic!("{said_by_other}") };
        assert_eq!((outcome, pass.calls()), (O::ServerError, 1));
    }
}

#[test]
fn a_retry_is_not_sent_to_a_provider_that_went_away_meanwhile() {
    let mut health = Health::new(&route(&["p/a"]));
    let mut pass = Pass::new(&rules(), 1, 1);
    pass.next(&mut health, START);
    pass.report(&said(O::ServerError), &mut health, START);
    assert_eq!(walk_timed(&rules(), &mut health, START + 1, 1, |_| said(O::Unreachable)).calls.len(), 3);
    assert!(matches!(pass.next(&mut health, START + 20_000), Step::Done(PassEnd::Failed { outcome: O::ServerError, .. })));
}

#[test]
fn a_fallback_after_a_wait_is_told_with_the_next_report() {
    let mut health = Health::new(&route(&TWO));
    let mut pass = Pass::new(&rules(), 2, 1);
    pass.next(&mut health, START);
    pass.report(&said(O::ServerError), &mut health, START);
    let closed = Pause { scope: PauseScope::Provider("p".to_owned()), until: None, reason: Safe::fixed("by hand") };
    health.set_pause(&closed);
    assert!(matches!(pass.next(&mut health, START + 5000), Step::Call(call) if call.model == 1));
    let notes = pass.report(&ok(), &mut health, START + 5001);
    assert!(matches!(notes[0], Note::Fallback { from: 0, to: 1, outcome: O::ServerError, after_retries: 1, .. }), "{notes:?}");
}

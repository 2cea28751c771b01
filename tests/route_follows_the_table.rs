//! FAILURES.md row by row: what a pass does about each outcome, seen from outside.
//! How a response becomes an outcome is tested elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/walk.rs"]
mod walk;

use std::time::Duration;

use tagdeck::domain::{BreakerState, Outcome as O, Pause, PauseScope};
use tagdeck::llm::route::{Availability, Health, Note, PassEnd, Rules};
use tagdeck::llm::{Format, Verdict, Wait};
use tagdeck::text::Safe;
use walk::{START, Walked, all_say, ok, put_off, route, rules, said, said_wait, walk, walk_script, walk_timed};

const DAY: i64 = 86_400_000;
const TWO: [&str; 2] = ["p/a", "q/b"];

fn seconds(seconds: u64) -> Wait {
    Wait::For(Duration::from_secs(seconds))
}

/// The first model says this once, then tags; the second would too.
fn once(verdict: Verdict) -> (Walked, Health) {
    walk_script(&TWO, &[&[verdict, ok()], &[ok()]])
}

fn pauses(walked: &Walked) -> Vec<(PauseScope, Option<i64>)> {
    let pause = |note: &Note| if let Note::Pause(pause) = note { Some((pause.scope.clone(), pause.until)) } else { None };
    walked.notes.iter().filter_map(pause).collect()
}

#[test]
fn tags_end_the_pass_and_let_concurrency_grow() {
    let (walked, _) = all_say(&TWO, &ok());
    assert_eq!(walked.end, PassEnd::Tagged { tags: vec!["рыба".to_owned()], model: 0 });
    assert_eq!(walked.notes, [Note::GrowConcurrency]);
}

#[test]
fn no_topic_skips_at_once() {
    let (walked, _) = all_say(&TWO, &said(O::NoTopic));
    assert!(matches!(walked.end, PassEnd::Skipped { class: "no_topic", .. }));
    assert_eq!(walked.asked(), [0]);
}

#[test]
fn server_errors_are_retried_once_before_a_fallback_and_three_times_on_the_last_model() {
    let (walked, _) = all_say(&["p/a", "q/b", "r/c"], &said(O::ServerError));
    assert_eq!(walked.asked(), [0, 0, 1, 1, 2, 2, 2, 2]);
    assert_eq!(walked.fallbacks(), [(0, 1), (1, 2)]);
    let PassEnd::Failed { outcome: O::ServerError, reason, permanent: false } = walked.end else { panic!("{:?}", walked.end) };
    assert_eq!(&*reason, "cause server_error, all 3 models");
}

#[test]
fn the_only_model_gets_all_its_retries_with_doubling_waits() {
    let (walked, health) = all_say(&["p/a"], &said(O::ServerError));
    assert_eq!(walked.calls.len(), 4);
    for (wait, base) in walked.waits.iter().zip([2.0, 4.0, 8.0]) {
        assert!((0.8 * base - 0.002..=1.2 * base).contains(&wait.as_secs_f64()), "{wait:?}");
    }
    assert!(matches!(health.availability(0, walked.ended_at), Availability::Until(..)), "and its breaker is open for others");
}

#[test]
fn success_on_the_last_retry_closes_the_breaker_that_the_failures_opened() {
    let bad = said(O::ServerError);
    let (walked, health) = walk_script(&["p/a"], &[&[bad.clone(), bad.clone(), bad, ok()]]);
    assert!(matches!(walked.end, PassEnd::Tagged { model: 0, .. }));
    assert_eq!(health.availability(0, walked.ended_at), Availability::Available);
    let states: Vec<BreakerState> =
        walked.notes.iter().filter_map(|n| if let Note::Breaker { state, .. } = n { Some(*state) } else { None }).collect();
    assert_eq!(states, [BreakerState::Open, BreakerState::Closed]);
}

#[test]
fn waits_never_exceed_a_minute_and_a_server_that_asks_for_longer_is_left() {
    let slow = Rules { retry_delay: Duration::from_secs(500), pass_time: Duration::from_hours(1), ..rules() };
    let mut health = Health::new(&route(&["p/a"]));
    let walked = walk_timed(&slow, &mut health, START, 1, |_| said(O::ServerError));
    assert!(walked.waits.len() == 3 && walked.waits.iter().all(|wait| *wait <= Duration::from_mins(1)), "{:?}", walked.waits);
    let (walked, _) = all_say(&TWO, &said_wait(O::ServerError, seconds(90)));
    assert_eq!(walked.asked(), [0, 1]);
    let (walked, _) = once(said_wait(O::ServerError, seconds(30)));
    assert_eq!((walked.asked(), walked.waits), (vec![0, 0], vec![Duration::from_secs(30)]));
}

#[test]
fn no_connection_twice_again_then_the_whole_provider_rests_uncounted() {
    let (walked, health) = all_say(&["p/a", "p/b"], &said(O::Unreachable));
    assert_eq!(walked.asked(), [0, 0, 0], "the other model lives on the same host");
    let (outcome, until) = put_off(&walked.end);
    assert_eq!((outcome, until - walked.ended_at), (O::Unreachable, 30_000));
    assert!(matches!(health.availability(1, walked.ended_at), Availability::Until(..)));
    assert!(walked.notes.iter().any(|note| matches!(note, Note::ProviderBreaker { state: BreakerState::Open, .. })));
}

#[test]
fn another_provider_is_asked_before_a_pass_is_put_off() {
    let (walked, _) = walk_script(&["p/a", "p/b", "q/c"], &[&[said(O::Unreachable)], &[ok()], &[ok()]]);
    assert_eq!((walked.asked(), walked.fallbacks()), (vec![0, 0, 0, 2], vec![(0, 2)]));
}

#[test]
fn a_timeout_is_retried_once_and_halves_the_concurrency_each_time() {
    let (walked, _) = all_say(&TWO, &said(O::Timeout));
    assert_eq!(walked.asked(), [0, 0, 1, 1]);
    assert_eq!(walked.notes.iter().filter(|note| **note == Note::HalveConcurrency).count(), 4);
}

#[test]
fn empty_and_broken_answers_are_retried_once() {
    for outcome in [O::EmptyAnswer, O::AnswerError, O::Malformed] {
        assert_eq!(all_say(&TWO, &said(outcome)).0.asked(), [0, 0, 1, 1], "{outcome}");
    }
}

#[test]
fn no_retries_in_the_settings_means_none() {
    let none = Rules { max_retries: 0, retries_before_fallback: 0, ..rules() };
    for outcome in [O::ServerError, O::Timeout, O::EmptyAnswer, O::NotUtf8] {
        let mut health = Health::new(&route(&TWO));
        assert_eq!(walk_timed(&none, &mut health, START, 1, |_| said(outcome)).asked(), [0, 1], "{outcome}");
    }
}

#[test]
fn a_text_too_long_is_halved_once_for_that_model() {
    let (walked, _) = all_say(&TWO, &said(O::ContextLength));
    let lengths: Vec<usize> = walked.calls.iter().map(|call| call.text_chars).collect();
    assert_eq!((walked.asked(), lengths), (vec![0, 0, 1, 1], vec![2000, 1000, 2000, 1000]));
    assert!(matches!(walked.end, PassEnd::Failed { permanent: false, .. }));
}

#[test]
fn too_large_is_shortened_once_then_given_up() {
    let (walked, _) = all_say(&TWO, &said(O::TooLarge));
    assert_eq!(walked.calls.iter().map(|call| call.text_chars).collect::<Vec<_>>(), [2000, 1000]);
    assert!(matches!(walked.end, PassEnd::Failed { outcome: O::TooLarge, permanent: true, .. }));
}

#[test]
fn a_format_is_stepped_down_without_spending_a_retry_and_remembered() {
    let (walked, mut health) =
        walk_script(&["p/a"], &[&[said(O::FormatUnsupported), said(O::FormatUnsupported), said(O::ServerError), ok()]]);
    let formats: Vec<Format> = walked.calls.iter().map(|call| call.format).collect();
    assert_eq!(formats, [Format::JsonSchema, Format::JsonObject, Format::Plain, Format::Plain]);
    assert_eq!(walked.notes.iter().filter(|note| matches!(note, Note::Retry { .. })).count(), 1);
    assert_eq!(walked.notes.iter().filter(|note| matches!(note, Note::FormatDown { .. })).count(), 2);
    assert_eq!(walk(&mut health, |_| ok()).calls[0].format, Format::Plain);
    let (walked, _) = all_say(&TWO, &said(O::FormatUnsupported));
    assert_eq!(walked.asked(), [0, 0, 0, 1, 1, 1], "plain cannot be stepped down");
}

#[test]
fn a_model_that_is_gone_is_off_until_the_route_is_checked() {
    for outcome in [O::ModelGone, O::Region] {
        let (walked, mut health) = walk_script(&TWO, &[&[said(outcome)], &[ok()]]);
        assert_eq!(walked.asked(), [0, 1]);
        assert!(matches!(health.availability(0, START + 30 * DAY), Availability::Off(_)));
        assert_eq!(walk(&mut health, |_| ok()).asked(), [1]);
        health.route_checked(&[]);
        assert_eq!(walk(&mut health, |_| ok()).asked(), [0]);
    }
}

#[test]
fn a_route_without_a_model_in_service_puts_off_for_a_minute_without_a_call() {
    let (walked, mut health) = all_say(&TWO, &said(O::ModelGone));
    assert_eq!(put_off(&walked.end).0, O::ModelGone);
    let again = walk(&mut health, |_| ok());
    assert_eq!((again.calls.len(), put_off(&again.end)), (0, (O::ModelGone, START + 60_000)));
    assert!(health.closed(START).unwrap().needs_operator);
}

#[test]
fn a_parameter_is_left_out_once_and_remembered() {
    let about = |parameter: &str| Verdict { parameter: Some(parameter.to_owned()), ..said(O::ParameterUnsupported) };
    let (walked, mut health) = once(about("temperature"));
    assert_eq!((walked.asked(), walked.calls[1].without.clone()), (vec![0, 0], vec!["temperature".to_owned()]));
    assert_eq!(walk(&mut health, |_| ok()).calls[0].without, ["temperature"]);
    assert_eq!(all_say(&TWO, &about("temperature")).0.asked(), [0, 0, 1, 1]);
    assert_eq!(all_say(&TWO, &about("messages[3]")).0.asked(), [0, 1], "the request cannot do without messages");
    assert_eq!(once(about("response_format.type")).0.calls[1].format, Format::JsonObject);
}

#[test]
fn bad_requests_fail_for_good_only_when_every_model_says_so() {
    let (walked, _) = all_say(&TWO, &said(O::BadRequest));
    assert!(matches!(walked.end, PassEnd::Failed { outcome: O::BadRequest, permanent: true, .. }));
    let (walked, _) = walk_script(&TWO, &[&[said(O::BadRequest)], &[said(O::NotUtf8)]]);
    assert!(matches!(walked.end, PassEnd::Failed { permanent: false, .. }));
    let mut health = Health::new(&route(&TWO));
    health.set_pause(&Pause { scope: PauseScope::Provider("q".to_owned()), until: None, reason: Safe::fixed("by hand") });
    assert!(matches!(walk(&mut health, |_| said(O::BadRequest)).end, PassEnd::Failed { permanent: false, .. }));
    let (walked, _) = walk_script(&TWO, &[&[said(O::ModelGone)], &[said(O::BadRequest)]]);
    assert!(matches!(walked.end, PassEnd::Failed { permanent: true, .. }), "a model that is gone has no say");
}

#[test]
fn moderation_by_all_skips() {
    let (walked, _) = all_say(&TWO, &said(O::Moderated));
    assert!(matches!(walked.end, PassEnd::Skipped { class: "moderated", .. }));
    assert_eq!(walked.asked(), [0, 1]);
    let (walked, _) = walk_script(&TWO, &[&[said(O::Moderated)], &[said(O::ServerError)]]);
    assert!(matches!(walked.end, PassEnd::Failed { .. }));
}

#[test]
fn a_key_or_money_problem_pauses_the_provider_and_others_go_on() {
    for outcome in [O::BadKey, O::Tls, O::OutOfCredit, O::KeyLimit] {
        let (walked, mut health) = walk_script(&["p/a", "p/b", "q/c"], &[&[said(outcome)], &[ok()], &[ok()]]);
        assert_eq!(walked.asked(), [0, 2], "{outcome}");
        assert_eq!(pauses(&walked), [(PauseScope::Provider("p".to_owned()), None)]);
        health.clear_pauses();
        assert_eq!(walk(&mut health, |_| ok()).asked(), [0], "until the operator says so");
    }
    let (walked, health) = all_say(&["p/a", "p/b"], &said(O::BadKey));
    assert_eq!((walked.asked(), put_off(&walked.end)), (vec![0], (O::BadKey, walked.ended_at + 60_000)));
    assert!(health.closed(START + DAY).unwrap().needs_operator);
    let (walked, _) = all_say(&["p/a"], &said_wait(O::KeyLimit, seconds(3600)));
    assert_eq!(put_off(&walked.end).1, walked.ended_at + 3_600_000);
}

#[test]
fn an_in_flight_budget_is_waited_for_once_then_the_post_is_put_off() {
    let (walked, _) = once(said_wait(O::InFlightBudget, seconds(3)));
    assert_eq!((walked.asked(), walked.waits), (vec![0, 0], vec![Duration::from_secs(3)]));
    let (walked, _) = all_say(&["p/a", "p/b"], &said_wait(O::InFlightBudget, seconds(3)));
    assert_eq!((walked.asked(), put_off(&walked.end)), (vec![0, 0], (O::InFlightBudget, walked.ended_at + 3000)));
    let (walked, _) = all_say(&["p/a"], &said_wait(O::InFlightBudget, seconds(40)));
    assert_eq!((walked.calls.len(), put_off(&walked.end).1), (1, walked.ended_at + 40_000));
}

#[test]
fn the_daily_limit_stops_the_free_models_and_paid_ones_go_on() {
    let free = ["p/a:free", "p/b:free", "p/c"];
    let midnight = START + 14 * 3_600_000;
    let (walked, mut health) = walk_script(&free, &[&[said(O::FreeDaily)], &[ok()], &[ok()]]);
    assert_eq!((walked.asked(), pauses(&walked)), (vec![0, 2], vec![(PauseScope::Free("p".to_owned()), Some(midnight))]));
    assert_eq!(walk_timed(&rules(), &mut health, midnight - 1, 0, |_| ok()).asked(), [2]);
    assert_eq!(walk_timed(&rules(), &mut health, midnight, 0, |_| ok()).asked(), [0]);
    let (walked, _) = all_say(&free[..2], &said_wait(O::FreeDaily, Wait::Until(START + 5 * 3_600_000)));
    assert_eq!((walked.asked(), put_off(&walked.end)), (vec![0], (O::FreeDaily, START + 5 * 3_600_000)));
    let (walked, _) = all_say(&free[..2], &said_wait(O::FreeDaily, Wait::Until(START / 1000)));
    assert_eq!(put_off(&walked.end).1, midnight, "a reset in the past is none");
}

#[test]
fn the_per_minute_limit_stops_all_free_models_until_its_reset() {
    let (walked, _) =
        walk_script(&["p/a:free", "p/b:free", "p/c"], &[&[said_wait(O::FreePerMinute, seconds(20))], &[ok()], &[ok()]]);
    assert_eq!((walked.asked(), pauses(&walked).len()), (vec![0, 2], 1));
    let (walked, _) = all_say(&["p/a:free", "p/b:free"], &said(O::FreePerMinute));
    assert_eq!((walked.asked(), put_off(&walked.end)), (vec![0], (O::FreePerMinute, walked.ended_at + 60_000)));
}

#[test]
fn a_short_rate_limit_is_waited_out_only_when_nobody_else_is_healthy() {
    let short = said_wait(O::RateLimited, seconds(4));
    let (walked, _) = walk_script(&["p/a"], &[&[short.clone(), ok()]]);
    assert_eq!((walked.asked(), walked.waits), (vec![0, 0], vec![Duration::from_secs(4)]));
    let (walked, health) = walk_script(&TWO, &[std::slice::from_ref(&short), &[ok()]]);
    assert_eq!(walked.asked(), [0, 1]);
    assert!(matches!(health.availability(0, walked.ended_at), Availability::Until(until, _) if until < walked.ended_at + 4000));
    let (walked, _) = walk_script(&["p/a", "local/keywords"], &[&[short, ok()], &[ok()]]);
    assert_eq!(walked.asked(), [0, 0], "the last resort is no healthy model");
}

#[test]
fn all_limited_puts_off_until_the_earliest() {
    let (walked, mut health) = walk_script(&TWO, &[&[said(O::RateLimited)], &[said_wait(O::RateLimited, seconds(25))]]);
    assert_eq!(walked.asked(), [0, 1]);
    assert_eq!(put_off(&walked.end), (O::RateLimited, START + 200 + 25_000));
    let again = walk_timed(&rules(), &mut health, START + 1000, 1, |_| ok());
    assert_eq!((again.calls.len(), put_off(&again.end).1), (0, START + 200 + 25_000));
    assert!(walk_timed(&rules(), &mut health, START + 26_000, 1, |_| ok()).asked() == [1], "as a probe");
}

#[test]
fn a_provider_that_rejects_moderates_or_overflows_is_left_at_once() {
    for outcome in [O::ProviderRejected, O::Moderated, O::BodyTooLarge, O::BadRequest] {
        assert_eq!(once(said(outcome)).0.asked(), [0, 1], "{outcome}");
    }
}

#[test]
fn a_loading_server_is_polled_then_the_post_is_put_off() {
    let loading = said(O::Loading);
    let (walked, _) = walk_script(&["p/a"], &[&[loading.clone(), loading.clone(), ok()]]);
    assert_eq!((walked.asked(), walked.waits), (vec![0; 3], vec![Duration::from_secs(5); 2]));
    let (walked, health) = all_say(&["p/a"], &loading);
    assert_eq!((walked.calls.len(), put_off(&walked.end)), (7, (O::Loading, walked.ended_at + 5000)));
    assert!(health.closed(walked.ended_at + 5000).is_none());
}

#[test]
fn reasoning_alone_is_asked_again_without_it_and_with_twice_the_tokens() {
    let (walked, mut health) = once(said(O::ReasoningOnly));
    let (first, second) = (&walked.calls[0], &walked.calls[1]);
    assert_eq!((first.reasoning_off, first.max_tokens, second.reasoning_off, second.max_tokens), (false, 150, true, 300));
    assert!(walk(&mut health, |_| ok()).calls[0].reasoning_off, "remembered once it helped");
    assert_eq!(all_say(&TWO, &said(O::ReasoningOnly)).0.asked(), [0, 0, 1, 1]);
}

#[test]
fn a_truncated_answer_without_tags_gets_twice_the_tokens_once() {
    let (walked, _) = all_say(&TWO, &said(O::Truncated));
    assert_eq!(walked.calls.iter().map(|call| call.max_tokens).collect::<Vec<_>>(), [150, 300, 150, 300]);
}

#[test]
fn prose_gets_one_repair_prompt_with_the_answer() {
    let prose = Verdict { answer: Some("Конечно! Вот теги".to_owned()), ..said(O::NotTags) };
    let (walked, _) = all_say(&TWO, &prose);
    let repairs: Vec<Option<&str>> = walked.calls.iter().map(|call| call.repair.as_deref()).collect();
    assert_eq!(repairs, [None, Some("Конечно! Вот теги"), None, Some("Конечно! Вот теги")]);
    assert_eq!(all_say(&TWO, &said(O::NotTags)).0.asked(), [0, 1], "nothing to repair");
}

#[test]
fn three_html_pages_open_the_providers_breaker() {
    let (walked, health) = all_say(&["p/a", "p/b", "p/c", "p/d", "q/e"], &said(O::Html));
    assert_eq!(walked.asked(), [0, 1, 2, 4]);
    assert!(matches!(health.availability(3, walked.ended_at), Availability::Until(..)));
    assert!(matches!(walked.end, PassEnd::Failed { outcome: O::Html, .. }));
}

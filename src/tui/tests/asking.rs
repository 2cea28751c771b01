//! What a person does to one post beyond a retry: another model, the answers that came, posts decided by hand; and to all images
//! that match.
//! Single keys are tested in `keys`.

use super::keys::at;
use crate::domain::{Answer, CallId, ImageFilter, ModelKey, PostId, Status};
use crate::engine::event::Batch;
use crate::ops::{Offered, WhichImages};
use crate::text::Safe;
use crate::tui::effect::{Done, Effect, ImageChange, Reckoning, Retry};
use crate::tui::fixture::{self, SIZES, failed_id, press};
use crate::tui::keymap::Section;
use crate::tui::model::{Model, Popup};
use crate::tui::update::{Msg, update};

/// What came back for the call that the open page is about.
pub(super) fn answer(body: &str) -> Answer {
    let post = fixture::failed_posts().remove(0);
    Answer {
        call: post.calls[5].clone(),
        post: post.line.id,
        worker: "host:4711".to_owned(),
        elapsed_ms: Some(240),
        request_id: Some("gen-1732".to_owned()),
        headers: [("retry-after", "30"), ("x-ratelimit-remaining", "0")].map(|(name, value)| (name.into(), value.into())).into(),
        body: Some(body.to_owned()),
        cut: false,
    }
}

const BODY: &str = r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"temporarily rate-limited upstream","provider_name":"Chutes"}},"user_id":"user_2"}"#;

/// Fills the open answer, whichever call it is of.
pub(super) fn answered(model: &mut Model) {
    let Some(Popup::Page(page)) = model.popups.last() else { panic!("no answer is open") };
    let crate::tui::model::page::About::Answer { calls, at } = &page.about else { panic!("another page is open") };
    let id = calls[*at];
    update(model, Msg::Answer(id, Ok(Some(Box::new(answer(BODY))))));
}

fn offered() -> Vec<Offered> {
    let of = |model: &str, price, in_route| Offered {
        model: ModelKey { provider: "openrouter".to_owned(), model: model.to_owned() },
        price,
        in_route,
    };
    vec![
        of("google/gemini-2.5-flash", Some((300_000, 2_500_000)), true),
        of("meta-llama/llama-4-scout:free", Some((0, 0)), true),
        of("anthropic/claude-sonnet-4.5", Some((3_000_000, 15_000_000)), false),
        of("mistralai/mistral-small-3.2", None, false),
    ]
}

#[test]
fn another_model_is_found_by_part_of_its_name_and_asked_for() {
    for section in [Section::Failed, Section::Detail] {
        let mut model = at(section);
        assert_eq!(press(&mut model, "m"), [Effect::Models]);
        update(&mut model, Msg::Models(offered()));
        fixture::type_text(&mut model, "sonnet");
        let wanted = "openrouter/anthropic/claude-sonnet-4.5".to_owned();
        assert_eq!(press(&mut model, "enter"), [Effect::Regenerate(failed_id(), Some(wanted))], "{section:?}");
        let model_key = ModelKey { provider: "openrouter".to_owned(), model: "anthropic/claude-sonnet-4.5".to_owned() };
        update(&mut model, Msg::Done(Ok(Done::Regenerated(failed_id(), Some(model_key)))));
        assert!(model.toast.clone().unwrap().text.contains("claude-sonnet-4.5 is asked first"));
    }
}

#[test]
fn a_model_that_nobody_lists_is_asked_for_as_typed() {
    let mut model = at(Section::Failed);
    press(&mut model, "m");
    update(&mut model, Msg::Models(offered()));
    fixture::type_text(&mut model, "lan/qwen3:8b");
    assert!(fixture::screen(&model).contains("as typed"));
    assert_eq!(press(&mut model, "enter"), [Effect::Regenerate(failed_id(), Some("lan/qwen3:8b".to_owned()))]);
}

#[test]
fn tags_are_not_replaced_by_another_model_without_a_question_that_names_both() {
    let mut model = at(Section::Failed);
    model.failed.list.rows[0].tags = 3;
    (model.failed.list.rows[0].status, model.failed.list.rows[0].class) = (Some(Status::Skipped), Some("by_hand".to_owned()));
    press(&mut model, "m");
    update(&mut model, Msg::Models(offered()));
    fixture::type_text(&mut model, "gemini");
    assert_eq!(press(&mut model, "enter"), []);
    let screen = fixture::screen(&model);
    for part in
        ["Regenerate with openrouter/google/gemini-2.5-flash", "its 3 tags are replaced", "decided about this post by hand"]
    {
        assert!(screen.contains(part), "{part} is not in\n{screen}");
    }
    assert!(matches!(press(&mut model, "y").as_slice(), [Effect::Regenerate(_, Some(_))]));
}

#[test]
fn the_choice_of_a_model_as_seen() {
    for (name, size) in SIZES {
        let mut model = fixture::busy(size);
        model.focus = crate::tui::model::Pane::Failed;
        press(&mut model, "m");
        update(&mut model, Msg::Models(offered()));
        insta::assert_snapshot!(format!("other_model_{name}"), fixture::screen(&model));
    }
}

#[test]
fn an_answer_as_seen() {
    for (name, size) in SIZES {
        let mut model = fixture::busy(size);
        model.focus = crate::tui::model::Pane::Failed;
        press(&mut model, "enter");
        press(&mut model, "b");
        answered(&mut model);
        insta::assert_snapshot!(format!("answer_{name}"), fixture::screen(&model));
    }
}

#[test]
fn answers_are_walked_through_call_by_call_and_searched() {
    let mut model = at(Section::Detail);
    let calls: Vec<CallId> = fixture::failed_posts()[0].calls.iter().map(|call| call.id).collect();
    assert_eq!(press(&mut model, "b"), [Effect::Answer(calls[5])]);
    assert!(fixture::screen(&model).contains("Answer 6 of 6"));
    assert_eq!(press(&mut model, "left"), [Effect::Answer(calls[4])]);
    // An answer that comes late belongs to another page.
    update(&mut model, Msg::Answer(calls[5], Ok(Some(Box::new(answer("late"))))));
    assert!(fixture::screen(&model).contains("Loading"));
    answered(&mut model);
    press(&mut model, "s");
    fixture::type_text(&mut model, "CHUTES");
    press(&mut model, "enter");
    assert!(fixture::screen(&model).contains("1 of 1 line"), "{}", fixture::screen(&model));
    press(&mut model, "n");
    assert!(model.toast.clone().unwrap().text.contains("No other line"));
    press(&mut model, "esc");
    assert!(matches!(model.popups.last(), Some(Popup::Post(_))), "the post stands behind it");
}

#[test]
fn a_forced_retry_says_how_many_posts_decided_by_hand_it_leaves_out() {
    let mut model = at(Section::Failed);
    let marked = Retry { posts: Some(vec![PostId(1), PostId(2), PostId(3)]), force: true, ..Retry::default() };
    let counted = Reckoning { matched: 2, queued: 0, calls: 80, by_hand: 1 };
    update(&mut model, Msg::Asked(Ok(vec![(marked.clone(), counted)])));
    let screen = fixture::screen(&model);
    assert!(screen.contains("the 2 marked posts") && screen.contains("1 post decided by hand is left out"), "{screen}");
    press(&mut model, "esc");
    update(&mut model, Msg::Asked(Ok(vec![(marked, Reckoning { by_hand: 3, ..Reckoning::default() })])));
    assert!(model.popups.is_empty());
    assert!(model.toast.clone().unwrap().text.contains("3 posts decided by hand are left out"));
}

#[test]
fn all_images_that_match_are_counted_asked_about_and_wait_a_moment() {
    for (key, change, told) in
        [("r", ImageChange::Reread, "read again 1 234 images"), ("x", ImageChange::Cancel, "cancel 1 234 readings")]
    {
        let mut model = at(Section::Ocr);
        press(&mut model, "s");
        fixture::fill_images(&mut model, &fixture::images());
        press(&mut model, "a");
        let which = WhichImages::Matching(ImageFilter { statuses: vec![Status::ALL[0]], ..ImageFilter::default() });
        assert_eq!(press(&mut model, key), [Effect::CountImages(change, which.clone())]);
        update(&mut model, Msg::ImagesCounted(change, which.clone(), Ok(1_234)));
        assert!(fixture::screen(&model).contains(told), "{}", fixture::screen(&model));
        assert_eq!(press(&mut model, "y"), []);
        assert!(update(&mut model, Msg::Tick(fixture::NOW + 5_000)).contains(&Effect::ChangeImages(change, which.clone())));
        update(&mut model, Msg::ImagesCounted(change, which, Ok(0)));
        assert!(model.popups.is_empty());
    }
}

#[test]
fn an_open_post_shows_what_comes_of_it() {
    let mut model = at(Section::Detail);
    let mut events = fixture::events();
    events.retain(|event| event.post == Some(failed_id()));
    assert!(!events.is_empty());
    let told = update(&mut model, Msg::Events(Batch { events, dropped: 0, next: 99 }));
    assert!(told.contains(&Effect::Post(failed_id())), "{told:?}");
    let other = update(&mut model, Msg::Events(Batch::default()));
    assert!(!other.contains(&Effect::Post(failed_id())), "{other:?}");
}

#[test]
fn an_answer_that_cannot_be_had_says_so() {
    let mut model = at(Section::Detail);
    press(&mut model, "b");
    let id = fixture::failed_posts()[0].calls[5].id;
    update(&mut model, Msg::Answer(id, Err(Safe::fixed("The database is away."))));
    assert!(fixture::screen(&model).contains("The database is away."));
}

//! Every key of the keymap, driven through `update`; and what the commands promise.

use crate::domain::{EventKind, ImageId, Pause, PauseScope, Phase, PostFilter, PostImage, Snapshot, Status};
use crate::ops::WhichImages;
use crate::text::Safe;
use crate::tui::effect::outputs::Wish;
use crate::tui::effect::{Effect, ImageChange, Reckoning, Retry};
use crate::tui::fixture::{self, failed_id, press};
use crate::tui::keymap::{Action, Section};
use crate::tui::model::{Model, Pane, Pending, Popup, Tone};
use crate::tui::update::{Msg, update};

pub(super) fn at(section: Section) -> Model {
    let mut model = fixture::reading((120, 36));
    model.focus = match section {
        Section::Overview => Pane::Overview,
        Section::Log | Section::Kinds => Pane::Log,
        Section::Ocr | Section::Image => Pane::Ocr,
        Section::Outputs | Section::Object => Pane::Outputs,
        _ => Pane::Failed,
    };
    if matches!(section, Section::Outputs | Section::Object) {
        let mut model = fixture::outputs::busy((120, 36));
        if section == Section::Object {
            let effects = press(&mut model, "down");
            fixture::outputs::answer(&mut model, effects);
            let effects = press(&mut model, "enter");
            fixture::outputs::answer(&mut model, effects);
        }
        return model;
    }
    match section {
        Section::Image | Section::Detail => drop(press(&mut model, "enter")),
        Section::Answer => {
            press(&mut model, "enter");
            press(&mut model, "b");
            super::asking::answered(&mut model);
        }
        Section::Popup => drop(press(&mut model, "?")),
        Section::Confirm => ask(&mut model),
        Section::Prompt => drop(press(&mut model, "/")),
        Section::Kinds => drop(press(&mut model, "c")),
        _ => {}
    }
    model
}

fn ask(model: &mut Model) {
    let one = Retry { force: true, ..Retry::one(failed_id()) };
    let all = Retry { force: true, ..Retry::default() };
    let counted = |n| Reckoning { matched: n, queued: 0, calls: 40, by_hand: 0 };
    update(model, Msg::Asked(Ok(vec![(one, counted(1)), (all, counted(65))])));
}

/// What a person could tell apart: the screen, what lies on it, what was asked for.
fn told(model: &Model, effects: &[Effect]) -> String {
    format!("{}\n{effects:?}", fixture::screen(model))
}

#[test]
fn every_key_of_the_keymap_does_something_where_it_works() {
    let keymap = fixture::empty((80, 24)).keymap;
    for (section, action, chord) in keymap.bindings() {
        let mut model = at(*section);
        prepare(&mut model, *section, *action);
        let before = told(&model, &[]);
        let effects = update(&mut model, Msg::Key(fixture::event(*chord)));
        assert_ne!(told(&model, &effects), before, "{section:?} {action:?} {chord:?}");
    }
}

/// Brings the model where the action has something to do: not at the edge it moves to, nor showing what it would show.
fn prepare(model: &mut Model, section: Section, action: Action) {
    match action {
        Action::Up | Action::PageUp | Action::First => drop((press(model, "down"), press(model, "down"))),
        Action::Failed => model.focus = Pane::Log,
        Action::EveryKind => drop(press(model, "space")),
        Action::ClearFilter if section == Section::Log => drop((press(model, "c"), press(model, "o"), press(model, "esc"))),
        Action::ClearFilter if section == Section::Ocr => drop(press(model, "s")),
        Action::ClearFilter if section != Section::Outputs => drop((press(model, "c"), press(model, "s"))),
        Action::OutputsOf if section == Section::Detail => {
            let mut posts = fixture::failed_posts();
            posts[0].images = vec![PostImage {
                id: ImageId(1),
                path: "a.png".to_owned(),
                status: None,
                error_class: None,
                error: None,
                text: None,
            }];
            model.popups.clear();
            fixture::fill(model, &posts);
            press(model, "enter");
        }
        Action::NextAnswer => {
            press(model, "left");
            super::asking::answered(model);
        }
        Action::SearchNext | Action::SearchPrevious if section == Section::Answer => {
            press(model, "s");
            fixture::type_text(model, "upstream");
            press(model, "enter");
            model.toast = None;
        }
        Action::Undo => model.pending = Some(Pending { what: Safe::fixed("it"), effect: Effect::Pause, at: i64::MAX }),
        Action::Follow | Action::Open if section == Section::Log => {
            press(model, "up");
        }
        _ => {}
    }
}

#[test]
fn a_key_without_meaning_changes_nothing() {
    let mut model = at(Section::Failed);
    let before = told(&model, &[]);
    model.dirty = false;
    let effects = press(&mut model, "w");
    assert_eq!(told(&model, &effects), before);
    assert!(!model.dirty);
}

#[test]
fn retry_asks_for_the_post_under_the_cursor() {
    let mut model = at(Section::Failed);
    assert_eq!(press(&mut model, "r"), [Effect::Retry(Retry::one(failed_id()))]);
}

#[test]
fn a_forced_retry_is_asked_first_with_count_and_worst_case() {
    let mut model = at(Section::Failed);
    press(&mut model, "s");
    model.failed.list.loaded = true;
    fixture::fill(&mut model, &fixture::failed_posts());
    let effects = press(&mut model, "F");
    let failed = PostFilter { status: Some(Status::Failed), ..PostFilter::default() };
    let one = Retry { force: true, ..Retry::one(failed_id()) };
    let all = Retry { filter: failed, posts: None, force: true };
    assert_eq!(effects, [Effect::Ask(vec![one.clone(), all.clone()])]);
    let counted = |n: i64| Reckoning { matched: n, queued: 0, calls: 40 * n.unsigned_abs(), by_hand: 0 };
    update(&mut model, Msg::Asked(Ok(vec![(one.clone(), counted(1)), (all.clone(), counted(14))])));
    let screen = fixture::screen(&model);
    assert!(screen.contains("all 14 failed posts") && screen.contains("at most 560 calls"), "{screen}");
    let mut other = model.clone();
    assert_eq!(press(&mut model, "enter"), [Effect::Retry(one)]);
    press(&mut other, "down");
    // Everything from the beginning has to be typed, and waits a moment then.
    assert_eq!(press(&mut other, "y"), []);
    fixture::type_text(&mut other, "13");
    assert_eq!(press(&mut other, "enter"), []);
    assert!(fixture::screen(&other).contains("Type 14 to go on"));
    press(&mut other, "backspace");
    fixture::type_text(&mut other, "4");
    assert_eq!(press(&mut other, "enter"), []);
    assert!(other.popups.is_empty());
    assert!(fixture::screen(&other).contains("in 5 s: all 14 failed posts"));
    let early = update(&mut other.clone(), Msg::Tick(fixture::NOW + 4_000));
    assert!(!early.iter().any(|effect| matches!(effect, Effect::Retry(_))), "{early:?}");
    assert!(update(&mut other.clone(), Msg::Tick(fixture::NOW + 5_000)).contains(&Effect::Retry(all)));
    press(&mut other, "u");
    let later = update(&mut other, Msg::Tick(fixture::NOW + 5_000));
    assert!(!later.iter().any(|effect| matches!(effect, Effect::Retry(_))), "{later:?}");
}

#[test]
fn no_is_no() {
    let mut model = at(Section::Confirm);
    assert_eq!(press(&mut model, "esc"), []);
    assert!(model.popups.is_empty());
}

#[test]
fn a_retry_of_nothing_says_why_and_what_helps() {
    let mut model = at(Section::Failed);
    update(&mut model, Msg::Asked(Ok(vec![(Retry::default(), Reckoning::default())])));
    let toast = model.toast.clone().unwrap();
    assert_eq!(toast.tone, Tone::Warn);
    assert!(toast.text.contains("F gives them back"), "{}", toast.text);
}

#[test]
fn read_only_refuses_every_change_and_says_so() {
    let keymap = fixture::empty((80, 24)).keymap;
    let mut refused = std::collections::BTreeSet::new();
    for (section, action, chord) in keymap.bindings() {
        let mut model = at(*section);
        model.options.read_only = true;
        if *section == Section::Ocr {
            press(&mut model, "a");
        }
        for effect in update(&mut model, Msg::Key(fixture::event(*chord))) {
            let reads = matches!(
                effect,
                Effect::Page(_)
                    | Effect::Post(_)
                    | Effect::Classes
                    | Effect::Images(_)
                    | Effect::Image(_)
                    | Effect::Mouse(_)
                    | Effect::Copy(_)
                    | Effect::Export(..)
                    | Effect::Answer(_)
                    | Effect::Doctor
            ) || matches!(&effect, Effect::Outputs(wish) if !matches!(wish, Wish::Delete(_)));
            let leaves = matches!(effect, Effect::Quit | Effect::Redraw | Effect::Suspend);
            assert!(reads || leaves, "{section:?} {action:?} asks for {effect:?}");
        }
        assert!(model.pending.is_none(), "{section:?} {action:?}");
        if model.toast.is_some_and(|toast| toast.text.contains("--read-only")) {
            refused.insert(*action);
        }
    }
    for action in [
        Action::Retry,
        Action::RetryAll,
        Action::Force,
        Action::Regenerate,
        Action::RegenerateWith,
        Action::EditTags,
        Action::Skip,
        Action::Reread,
        Action::CancelReading,
        Action::Submit,
        Action::Pause,
        Action::Resume,
        Action::Drain,
    ] {
        assert!(refused.contains(&action), "{action:?}");
    }
}

#[test]
fn pause_is_a_switch() {
    let mut model = at(Section::Overview);
    assert_eq!(press(&mut model, "p"), [Effect::Pause]);
    let pauses = vec![Pause { scope: PauseScope::All, until: None, reason: Safe::fixed("paused by the operator") }];
    update(&mut model, Msg::Snapshot(Box::new(Snapshot { phase: Phase::Paused, pauses, ..fixture::snapshot() })));
    assert_eq!(press(&mut model, "p"), [Effect::Resume]);
}

#[test]
fn regenerate_asks_first_only_when_there_are_tags_to_lose() {
    let mut model = at(Section::Failed);
    assert_eq!(press(&mut model, "g"), [Effect::Regenerate(failed_id(), None)]);
    model.failed.list.rows[0].tags = 3;
    assert_eq!(press(&mut model, "g"), []);
    assert_eq!(press(&mut model, "y"), [Effect::Regenerate(failed_id(), None)]);
}

#[test]
fn a_cyrillic_layout_quits_too() {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let mut model = at(Section::Overview);
    let key = |c, modifiers| Msg::Key(KeyEvent::new(KeyCode::Char(c), modifiers));
    assert_eq!(update(&mut model, key('й', KeyModifiers::NONE)), [Effect::Quit]);
    assert_eq!(update(&mut model, key('с', KeyModifiers::CONTROL)), [Effect::Quit]);
    ask(&mut model);
    assert_eq!(update(&mut model, key('c', KeyModifiers::CONTROL)), [Effect::Quit]);
}

#[test]
fn the_clock_redraws_once_a_minute_and_countdowns_once_a_second() {
    let mut model = fixture::empty((80, 24));
    let second = |model: &mut Model, at: i64| {
        model.dirty = false;
        update(model, Msg::Tick(at));
        model.dirty
    };
    assert!(!second(&mut model, fixture::NOW + 1_000));
    assert!(second(&mut model, fixture::NOW + 29_000));
    update(&mut model, Msg::Snapshot(Box::new(fixture::snapshot())));
    assert!(second(&mut model, fixture::NOW + 30_000));
}

#[test]
fn nothing_new_is_an_identical_frame() {
    let mut model = fixture::empty((120, 36));
    let before = fixture::drawn(&model).backend().buffer().clone();
    update(&mut model, Msg::Tick(fixture::NOW + 5_000));
    update(&mut model, Msg::Snapshot(Box::new(Snapshot { phase: Phase::Idle, version: 9, ..Snapshot::default() })));
    assert_eq!(*fixture::drawn(&model).backend().buffer(), before);
}

#[test]
fn a_change_in_the_database_reloads_the_list_but_not_more_than_every_two_seconds() {
    let mut model = at(Section::Failed);
    let snapshot = |failed| {
        let mut snapshot = fixture::snapshot();
        snapshot.counts.failed = failed;
        Msg::Snapshot(Box::new(snapshot))
    };
    model.classes_at = fixture::NOW;
    assert_eq!(update(&mut model, snapshot(15)), []);
    let later = update(&mut model, Msg::Tick(fixture::NOW + 2_000));
    assert!(matches!(later.as_slice(), [Effect::Page(_), Effect::Classes]), "{later:?}");
    assert_eq!(update(&mut model, snapshot(16)), []);
}

#[test]
fn a_quiet_database_is_asked_nothing() {
    let mut model = at(Section::Overview);
    let asked: Vec<Effect> = (1..60).flat_map(|second| update(&mut model, Msg::Tick(fixture::NOW + second * 1_000))).collect();
    assert!(asked.len() <= 1, "{asked:?}");
}

#[test]
fn two_hurried_requests_ask_one_question() {
    let mut model = at(Section::Failed);
    ask(&mut model);
    ask(&mut model);
    assert_eq!(model.popups.len(), 1);
}

#[test]
fn low_bandwidth_draws_no_sparkline() {
    let mut model = at(Section::Overview);
    assert!(fixture::screen(&model).contains('▇'));
    model.options.low_bandwidth = true;
    assert!(!fixture::screen(&model).contains('▇'));
}

#[test]
fn an_error_of_the_database_is_shown_and_the_list_kept() {
    let mut model = at(Section::Failed);
    update(&mut model, Msg::Done(Err(Safe::fixed("The database is locked by another engine; stop it or use --observe."))));
    let screen = fixture::screen(&model);
    assert!(screen.contains("locked by another engine") && screen.contains("4983"), "{screen}");
}

#[test]
fn the_failed_list_can_be_narrowed_and_widened_again() {
    let mut model = at(Section::Failed);
    press(&mut model, "c");
    assert_eq!(model.failed.filter.class.as_deref(), Some("server_error"));
    press(&mut model, "s");
    assert_eq!(model.failed.filter.statuses, [Status::Failed]);
    press(&mut model, "esc");
    assert!(model.failed.filter.is_empty());
}

#[test]
fn counts_are_typed_with_alt_and_lead_to_a_line_before_g() {
    let mut model = at(Section::Failed);
    for (keys, line) in [(["alt-3", "j"], 4), (["alt-2", "k"], 2), (["alt-5", "G"], 5), (["alt-1", "G"], 1)] {
        for key in keys {
            press(&mut model, key);
        }
        assert_eq!(model.failed.list.position(), line, "{keys:?}");
    }
    for key in ["alt-9", "alt-9", "G"] {
        press(&mut model, key);
    }
    assert_eq!((model.failed.list.position(), model.count), (fixture::failed_posts().len(), None));
    press(&mut model, "3");
    for key in ["alt-2", "G"] {
        press(&mut model, key);
    }
    assert_eq!(model.log.selected().unwrap().seq, fixture::events()[1].seq);
    let mut help = at(Section::Failed);
    press(&mut help, "?");
    let mut shown = String::new();
    for _ in 0..4 {
        shown.push_str(&fixture::screen(&help));
        press(&mut help, "pagedown");
    }
    assert!(shown.contains("Alt-0 … Alt-9") && shown.contains("a count before a motion"), "{shown}");
}

#[test]
fn a_line_of_the_log_leads_to_its_post_and_to_its_image() {
    let mut model = at(Section::Log);
    let mut event = fixture::events()[1].clone();
    (event.seq, event.kind, event.post, event.image) = (100, EventKind::OcrDone, Some(failed_id()), Some(ImageId(9)));
    let mut alone = event.clone();
    (alone.seq, alone.post) = (101, None);
    update(&mut model, Msg::Events(crate::engine::event::Batch { next: 102, dropped: 0, events: vec![event, alone] }));
    press(&mut model, "up");
    let mut by_post = model.clone();
    press(&mut by_post, "o");
    assert!(matches!(by_post.popups.last(), Some(Popup::Post(post)) if post.id == failed_id()));
    press(&mut model, "enter");
    assert!(fixture::screen(&model).contains("photo_9@22-11-2026.jpg"), "{}", fixture::screen(&model));
    // From the window of the image to its post, and back to the log.
    press(&mut model, "o");
    assert!(matches!(model.popups.last(), Some(Popup::Post(post)) if post.id.0 == 4_982), "{:?}", model.popups.last());
    press(&mut model, "esc");
    assert_eq!(
        press(&mut model, "r"),
        [Effect::ChangeImages(ImageChange::Reread, WhichImages::These(vec![ImageId(9)]))],
        "the open image, whatever the list shows"
    );
    press(&mut model, "esc");
    press(&mut model, "down");
    assert_eq!(press(&mut model, "O"), [Effect::Outputs(Wish::Of(ImageId(9)))]);
    press(&mut model, "o");
    assert!(model.toast.is_some_and(|toast| toast.text.contains("about no post")));
}

#[test]
fn a_small_terminal_is_told_what_it_needs() {
    for size in [(59, 20), (60, 19), (20, 5), (1, 1), (0, 0)] {
        let model = fixture::busy(size);
        let screen = fixture::screen(&model);
        assert!(size.0 < 20 || screen.starts_with("too small: "), "{screen}");
    }
    let smallest = fixture::screen(&fixture::busy((60, 20)));
    assert!(smallest.contains("Attention"), "{smallest}");
}

#[test]
fn without_colour_the_panes_still_tell_statuses_apart() {
    let mut model = fixture::ascii(at(Section::Failed));
    let screen = fixture::screen(&model);
    assert!(screen.is_ascii());
    let line = |id: &str| screen.lines().find(|line| line.contains(id)).unwrap().to_owned();
    assert_ne!(line("4811").chars().nth(1), line("4790").chars().nth(1));
    model.popups.push(Popup::Help { of: model.sections(), scroll: 0 });
    assert!(fixture::screen(&model).is_ascii());
}

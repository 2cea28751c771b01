//! Every key of the keymap, driven through `update`; and what the commands promise.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::domain::{EventKind, ImageId, Pause, PauseScope, Phase, PostFilter, PostId, PostImage, Snapshot, Status};
use crate::text::Safe;
use crate::tui::effect::outputs::Wish;
use crate::tui::effect::{Done, Effect, Reckoning, Retry};
use crate::tui::fixture::{self, failed_id, press};
use crate::tui::keymap::{Action, Section};
use crate::tui::model::{Model, Pane, Pending, Popup, Tone};
use crate::tui::update::{Msg, update};

fn at(section: Section) -> Model {
    let mut model = fixture::reading((120, 36));
    model.focus = match section {
        Section::Overview => Pane::Overview,
        Section::Log => Pane::Log,
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
        Section::Image => drop(press(&mut model, "enter")),
        Section::Detail => drop(press(&mut model, "enter")),
        Section::Popup => drop(press(&mut model, "?")),
        Section::Confirm => ask(&mut model),
        Section::Prompt => drop(press(&mut model, "/")),
        _ => {}
    }
    model
}

fn ask(model: &mut Model) {
    let one = Retry { force: true, ..Retry::one(failed_id()) };
    let all = Retry { force: true, ..Retry::default() };
    let counted = |n| Reckoning { matched: n, queued: 0, calls: 40 };
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
    let counted = |n: i64| Reckoning { matched: n, queued: 0, calls: 40 * n.unsigned_abs() };
    update(&mut model, Msg::Asked(Ok(vec![(one.clone(), counted(1)), (all.clone(), counted(14))])));
    let screen = fixture::screen(&model);
    assert!(screen.contains("all 14 posts") && screen.contains("at most 560 calls"), "{screen}");
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
    assert!(fixture::screen(&other).contains("in 5 s: all 14 posts that match"));
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
fn marked_posts_are_retried_together_after_a_question_and_a_moment() {
    let mut model = at(Section::Failed);
    press(&mut model, "space");
    press(&mut model, "space");
    let ids = vec![PostId(4811), PostId(4983)];
    let retry = Retry { posts: Some(ids), ..Retry::default() };
    assert_eq!(press(&mut model, "r"), [Effect::Ask(vec![retry.clone()])]);
    update(&mut model, Msg::Asked(Ok(vec![(retry.clone(), Reckoning { matched: 2, queued: 0, calls: 80 })])));
    let screen = fixture::screen(&model);
    assert!(screen.contains("the 2 marked posts") && screen.contains("at most 80 calls"), "{screen}");
    press(&mut model, "y");
    assert!(update(&mut model, Msg::Tick(fixture::NOW + 5_000)).contains(&Effect::Retry(retry)));
}

#[test]
fn a_cause_is_retried_as_one_and_opened_as_a_list() {
    let mut model = at(Section::Failed);
    press(&mut model, "b");
    press(&mut model, "down");
    let class = Some("moderated".to_owned());
    let filter = PostFilter { status: Some(Status::Failed), class, ..PostFilter::default() };
    assert_eq!(press(&mut model, "r"), [Effect::Ask(vec![Retry { filter, ..Retry::default() }])]);
    press(&mut model, "enter");
    assert_eq!(model.failed.filter.typed(), "status:failed class:moderated");
}

#[test]
fn tags_written_by_hand_are_text_whatever_the_layout() {
    let mut model = at(Section::Failed);
    press(&mut model, "t");
    fixture::type_text(&mut model, "Луна,  q: космос");
    update(&mut model, Msg::Paste(", rust\n".to_owned()));
    let tags = ["Луна", "q: космос", "rust"].map(str::to_owned).to_vec();
    assert_eq!(press(&mut model, "enter"), [Effect::SetTags(failed_id(), tags)]);
}

#[test]
fn a_paste_where_nothing_is_typed_does_nothing() {
    let mut model = at(Section::Failed);
    assert_eq!(update(&mut model, Msg::Paste("qRFy".to_owned())), []);
    assert!(model.popups.is_empty() && model.pending.is_none());
}

#[test]
fn a_filter_is_typed_completed_corrected_and_applied() {
    let mut model = at(Section::Overview);
    press(&mut model, "/");
    assert_eq!(model.focus, Pane::Failed);
    fixture::type_text(&mut model, "user:me ");
    assert!(fixture::screen(&model).contains("user: takes a number"));
    press(&mut model, "ctrl-u");
    fixture::type_text(&mut model, "cla");
    press(&mut model, "tab");
    fixture::type_text(&mut model, "mod");
    press(&mut model, "tab");
    let effects = press(&mut model, "enter");
    assert!(matches!(effects.as_slice(), [Effect::Page(_), ..]), "{effects:?}");
    assert_eq!(model.failed.filter.typed(), "class:moderated");
}

#[test]
fn a_command_is_found_by_part_of_its_name() {
    let mut model = at(Section::Overview);
    press(&mut model, ":");
    fixture::type_text(&mut model, "pause engine");
    assert_eq!(press(&mut model, "enter"), [Effect::Pause]);
    assert!(model.popups.is_empty());
}

#[test]
fn a_number_with_alt_repeats_a_motion() {
    let mut model = at(Section::Failed);
    press(&mut model, "alt-3");
    press(&mut model, "j");
    assert_eq!((model.failed.list.cursor, model.count), (3, None));
    press(&mut model, "alt-1");
    press(&mut model, "alt-0");
    press(&mut model, "k");
    assert_eq!(model.failed.list.cursor, 0);
}

#[test]
fn draining_leaves_when_nothing_is_in_flight() {
    let mut model = at(Section::Overview);
    assert_eq!(press(&mut model, "Q"), [Effect::Pause]);
    let pauses = vec![Pause { scope: PauseScope::All, until: None, reason: Safe::fixed("paused by the operator") }];
    let snapshot = |in_flight| {
        Msg::Snapshot(Box::new(Snapshot { phase: Phase::Paused, in_flight, pauses: pauses.clone(), ..fixture::snapshot() }))
    };
    assert_eq!(update(&mut model, snapshot(2)), []);
    assert_eq!(update(&mut model, snapshot(0)), [Effect::Drained]);
    assert_eq!(update(&mut model, Msg::Done(Ok(Done::Drained))), [Effect::Quit]);
}

fn click(model: &mut Model, kind: MouseEventKind, column: u16, row: u16) -> Vec<Effect> {
    update(model, Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

#[test]
fn the_mouse_chooses_tabs_and_lines_scrolls_and_drags_the_border() {
    let press_left = MouseEventKind::Down(MouseButton::Left);
    let mut model = at(Section::Overview);
    click(&mut model, press_left, 16, 1);
    assert_eq!(model.focus, Pane::Failed);
    click(&mut model, press_left, 30, 6);
    assert_eq!(model.failed.list.cursor, 1);
    click(&mut model, press_left, 30, 6);
    assert!(matches!(model.popups.last(), Some(Popup::Post(_))));
    press(&mut model, "esc");
    click(&mut model, MouseEventKind::ScrollDown, 30, 6);
    assert_eq!(model.failed.list.cursor, 4);
    let border = crate::tui::layout::parts(&model).detail.y;
    click(&mut model, press_left, 30, border);
    click(&mut model, MouseEventKind::Drag(MouseButton::Left), 30, border - 4);
    assert_eq!(crate::tui::layout::parts(&model).detail.y, border - 4);
    click(&mut model, MouseEventKind::Up(MouseButton::Left), 30, border - 4);
    click(&mut model, MouseEventKind::Drag(MouseButton::Left), 30, 20);
    assert_eq!(crate::tui::layout::parts(&model).detail.y, border - 4);
    model.focus = Pane::Log;
    click(&mut model, press_left, 30, 6);
    assert!(!model.log.following() && model.log.selected().is_some());
}

#[test]
fn a_click_anywhere_at_any_size_does_no_harm() {
    for size in [(0, 0), (1, 1), (60, 20), (61, 20), (200, 60)] {
        for pane in Pane::ALL {
            let mut model = fixture::reading(size);
            model.focus = pane;
            for (column, row) in [(0, 0), (1, 1), (5, 1), (59, 19), (30, 7), (199, 59), (u16::MAX, u16::MAX)] {
                for kind in [
                    MouseEventKind::Down(MouseButton::Left),
                    MouseEventKind::Drag(MouseButton::Left),
                    MouseEventKind::ScrollUp,
                    MouseEventKind::ScrollDown,
                    MouseEventKind::Up(MouseButton::Left),
                ] {
                    click(&mut model, kind, column, row);
                    fixture::screen(&model);
                }
                model.popups.clear();
            }
        }
    }
}

#[test]
fn five_hundred_sizes_leave_the_screen_right() {
    let mut model = fixture::reading((120, 36));
    let mut random = fastrand::Rng::with_seed(7);
    for step in 0..500 {
        let size = if step % 10 == 0 { (1, 1) } else { (random.u16(0..260), random.u16(0..90)) };
        update(&mut model, Msg::Resize(size.0, size.1));
        model.focus = Pane::ALL[step % Pane::ALL.len()];
        let key = ["down", "up", "enter", "?", "z", "+", "/", ":"][random.usize(0..8)];
        // A filter made of such keys would leave another list.
        let typing = matches!(model.popups.last(), Some(Popup::Prompt(_)));
        press(&mut model, if typing && key == "enter" { "esc" } else { key });
        fixture::screen(&model);
        if model.popups.len() > 2 {
            model.popups.clear();
        }
    }
    model.popups.clear();
    update(&mut model, Msg::Resize(120, 36));
    (model.focus, model.zoomed, model.split) = (Pane::Ocr, false, 0);
    let mut fresh = fixture::reading((120, 36));
    fresh.focus = Pane::Ocr;
    fresh.images = model.images.clone();
    update(&mut fresh, Msg::Resize(120, 36));
    (fresh.pending, fresh.toast) = (model.pending.clone(), model.toast.clone());
    assert_eq!(fixture::screen(&model), fixture::screen(&fresh));
}

#[test]
fn a_path_is_typed_completed_and_handed_in() {
    let mut model = at(Section::Ocr);
    press(&mut model, "n");
    let asked = fixture::type_text(&mut model, "/mnt/sc");
    assert_eq!(asked.last(), Some(&Effect::Paths("/mnt/sc".to_owned())));
    update(&mut model, Msg::Paths("/mnt/s".to_owned(), vec!["/mnt/stale/".to_owned()]));
    update(&mut model, Msg::Paths("/mnt/sc".to_owned(), vec!["/mnt/scans/".to_owned(), "/mnt/scripts/".to_owned()]));
    press(&mut model, "tab");
    assert_eq!(press(&mut model, "enter"), [Effect::Submit("/mnt/scans/".to_owned())]);
}

#[test]
fn images_are_read_again_and_cancelled() {
    let mut model = at(Section::Ocr);
    assert_eq!(press(&mut model, "r"), [Effect::Reread(vec![ImageId(9)])]);
    press(&mut model, "down");
    assert_eq!(press(&mut model, "x"), [Effect::CancelReading(vec![ImageId(8)])]);
    press(&mut model, "a");
    assert_eq!(press(&mut model, "x"), []);
    assert!(fixture::screen(&model).contains("cancel 6 readings"));
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
    assert_eq!(press(&mut model, "g"), [Effect::Regenerate(failed_id())]);
    model.failed.list.rows[0].tags = 3;
    assert_eq!(press(&mut model, "g"), []);
    assert_eq!(press(&mut model, "y"), [Effect::Regenerate(failed_id())]);
}

#[test]
fn a_cyrillic_layout_quits_too() {
    use crossterm::event::{KeyCode, KeyEvent};
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
fn the_log_filter_walks_through_the_kinds_that_occurred() {
    let mut model = at(Section::Log);
    press(&mut model, "c");
    assert_eq!(model.log.filter.kind, Some(EventKind::Success));
    let screen = fixture::screen(&model);
    assert!(screen.contains("луна") && !screen.contains("Upstream"), "{screen}");
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

//! What a person does with marks, filters, prompts and the mouse, driven through `update`.
//! Single keys are tested in `keys`.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::keys::at;
use crate::domain::{ImageId, Pause, PauseScope, Phase, PostFilter, PostId, Snapshot, Status};
use crate::ops::WhichImages;
use crate::text::Safe;
use crate::tui::effect::{Done, Effect, ImageChange, Reckoning, Retry};
use crate::tui::fixture::{self, failed_id, press};
use crate::tui::keymap::Section;
use crate::tui::model::{Model, Pane, Popup};
use crate::tui::update::{Msg, update};

#[test]
fn marked_posts_are_retried_together_after_a_question_and_a_moment() {
    let mut model = at(Section::Failed);
    press(&mut model, "space");
    press(&mut model, "space");
    let ids = vec![PostId(4811), PostId(4983)];
    let retry = Retry { posts: Some(ids), ..Retry::default() };
    assert_eq!(press(&mut model, "r"), [Effect::Ask(vec![retry.clone()])]);
    update(&mut model, Msg::Asked(Ok(vec![(retry.clone(), Reckoning { matched: 2, queued: 0, calls: 80, by_hand: 0 })])));
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
fn over_the_causes_force_offers_the_cause_and_all_failed_posts_each_once() {
    let mut model = at(Section::Failed);
    model.failed.filter.text = Some("Луна".to_owned());
    press(&mut model, "b");
    let failed = |class: Option<&str>| {
        let filter = PostFilter { status: Some(Status::Failed), class: class.map(str::to_owned), ..PostFilter::default() };
        Retry { filter, posts: None, force: true }
    };
    let offers = vec![failed(Some("server_error")), failed(None)];
    assert_eq!(press(&mut model, "F"), [Effect::Ask(offers.clone())]);
    let asked = |model: &mut Model, counts: [i64; 2]| {
        let counted = counts.map(|n| Reckoning { matched: n, queued: 0, calls: 40 * n.unsigned_abs(), by_hand: 0 });
        update(model, Msg::Asked(Ok(offers.clone().into_iter().zip(counted).collect())));
        let Some(Popup::Confirm(confirm)) = model.popups.pop() else { panic!("no question") };
        confirm.choices.iter().map(|choice| choice.label.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(asked(&mut model, [9, 14]), ["all 9 posts that match · server error", "all 14 failed posts"]);
    assert_eq!(asked(&mut model, [9, 9]), ["all 9 posts that match · server error"], "there is no other cause");
}

#[test]
fn one_post_that_is_all_there_is_is_offered_once() {
    let mut model = at(Section::Failed);
    let counted = Reckoning { matched: 1, queued: 0, calls: 40, by_hand: 0 };
    let (one, all) = (Retry { force: true, ..Retry::one(failed_id()) }, Retry { force: true, ..Retry::default() });
    update(&mut model, Msg::Asked(Ok(vec![(one, counted), (all, counted)])));
    let Some(Popup::Confirm(confirm)) = model.popups.last() else { panic!("no question") };
    assert_eq!(confirm.choices.len(), 1, "{:?}", confirm.choices);
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
        press(&mut model, ["down", "up", "enter", "?", "z", "+", "/", ":"][random.usize(0..8)]);
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
    assert_eq!(press(&mut model, "r"), [Effect::ChangeImages(ImageChange::Reread, WhichImages::These(vec![ImageId(9)]))]);
    press(&mut model, "down");
    assert_eq!(press(&mut model, "x"), [Effect::ChangeImages(ImageChange::Cancel, WhichImages::These(vec![ImageId(8)]))]);
    press(&mut model, "space");
    press(&mut model, "space");
    assert_eq!(press(&mut model, "x"), []);
    assert!(fixture::screen(&model).contains("cancel 2 readings"));
}

//! The pane as a person sees it, and what keys do there.

use crate::domain::PostId;
use crate::ops::outputs::{Entry, Order};
use crate::text::Safe;
use crate::tui::effect::Effect;
use crate::tui::effect::outputs::{Told, Wish};
use crate::tui::fixture::outputs::{answer, busy, fill, object, page};
use crate::tui::fixture::{self, press};
use crate::tui::model::{Model, Pane, Popup, Tone};
use crate::tui::update::{Msg, update};

const SIZES: [(&str, (u16, u16)); 3] = [("80x24", (80, 24)), ("120x40", (120, 40)), ("200x60", (200, 60))];

/// Presses a key and answers what it asks for; returns the effects that are left.
fn pressed(model: &mut Model, key: &str) -> Vec<Effect> {
    let effects = press(model, key);
    answer(model, effects)
}

/// Types a line into the window on top.
fn type_in(model: &mut Model, text: &str) {
    for c in text.chars() {
        press(model, &c.to_string().replace(' ', "space"));
    }
}

fn said(model: &Model) -> String {
    model.toast.as_ref().map(|toast| toast.text.to_string()).unwrap_or_default()
}

#[test]
fn outputs_as_seen() {
    for (name, size) in SIZES {
        let mut model = busy(size);
        pressed(&mut model, "down");
        pressed(&mut model, "down");
        insta::assert_snapshot!(format!("outputs_{name}"), fixture::screen(&model));
    }
}

#[test]
fn an_output_in_a_window_as_seen() {
    for (name, size) in SIZES {
        let mut model = busy(size);
        pressed(&mut model, "down");
        pressed(&mut model, "enter");
        insta::assert_snapshot!(format!("reading_{name}"), fixture::screen(&model));
    }
}

#[test]
fn an_empty_pane_says_what_would_fill_it() {
    let shown = |change: &dyn Fn(&mut Model)| {
        let mut model = fixture::empty((80, 24));
        model.focus = Pane::Outputs;
        let wanted = model.outputs.reload();
        page(&mut model, wanted, &[]);
        change(&mut model);
        fixture::screen(&model)
    };
    assert!(shown(&|_| {}).contains("`tagdeck ocr FILE --store` reads and stores."));
    assert!(shown(&|model| model.outputs.filter = Some("x".to_owned())).contains("Esc shows all names again."));
    assert!(shown(&|model| model.outputs.prefix = "a/".to_owned()).contains("Esc goes one folder up."));
    assert!(shown(&|model| model.outputs.order = Order::Newest).contains("s lists all names"));
    assert!(shown(&|model| model.outputs.list.loaded = false).contains("Loading…"));
    assert!(shown(&|model| model.outputs.place = None).contains("no blob store"));
    let denied = "cannot list: access denied; give the key s3:ListBucket";
    assert!(shown(&|model| model.outputs.list.error = Some(Safe::fixed(denied))).contains("s3:ListBucket"));
}

#[test]
fn folders_are_entered_and_left_and_the_filter_goes_first() {
    let mut model = busy((120, 40));
    let effects = press(&mut model, "enter");
    assert!(
        matches!(&effects[..], [Effect::Outputs(Wish::Page(wanted))] if wanted.ask.prefix == "ocr-results/2026/11/22/archive/")
    );
    press(&mut model, "/");
    type_in(&mut model, "чек 1");
    let effects = press(&mut model, "enter");
    assert!(matches!(&effects[..], [Effect::Outputs(Wish::Page(wanted))] if wanted.ask.contains.as_deref() == Some("чек 1")));
    let effects = press(&mut model, "esc");
    assert!(matches!(&effects[..], [Effect::Outputs(Wish::Page(wanted))] if wanted.ask.contains.is_none()));
    let effects = press(&mut model, "esc");
    assert!(matches!(&effects[..], [Effect::Outputs(Wish::Page(wanted))] if wanted.ask.prefix == "ocr-results/2026/11/22/"));
    let effects = press(&mut model, "backspace");
    assert!(matches!(&effects[..], [Effect::Outputs(Wish::Page(wanted))] if wanted.ask.prefix == "ocr-results/2026/11/"));
}

#[test]
fn the_order_is_a_cycle() {
    let mut model = busy((120, 40));
    let orders: Vec<Order> = (0..3)
        .map(|_| {
            press(&mut model, "s");
            model.outputs.order
        })
        .collect();
    assert_eq!(orders, [Order::Newest, Order::Flat, Order::Folders]);
}

#[test]
fn deleting_takes_the_whole_word_on_either_layout_and_can_be_taken_back() {
    for (word, done) in [("delete", true), ("вудуеу", true), ("delet", false), ("yes", false), ("", false)] {
        let mut model = busy((120, 40));
        pressed(&mut model, "down");
        press(&mut model, "x");
        assert!(fixture::screen(&model).contains("Delete ocr-results/2026/11/22/чек"), "{}", fixture::screen(&model));
        type_in(&mut model, word);
        assert_eq!(press(&mut model, "enter"), [], "there is time to take it back");
        let pending = model.pending.as_ref().map(|pending| pending.effect.clone());
        let wished = matches!(&pending, Some(Effect::Outputs(Wish::Delete(key))) if key.ends_with("чек-0a1b2c3d4e5f.json"));
        assert_eq!(wished, done, "{word}: {pending:?}");
    }
    let mut model = busy((120, 40));
    pressed(&mut model, "down");
    press(&mut model, "x");
    type_in(&mut model, "delete");
    assert_eq!(press(&mut model, "esc"), []);
    assert!(model.popups.is_empty() && model.pending.is_none());
    model.options.read_only = true;
    press(&mut model, "x");
    assert!(model.popups.is_empty() && said(&model).contains("--read-only"));
}

#[test]
fn what_was_deleted_leaves_the_list_and_the_window() {
    let mut model = busy((120, 40));
    pressed(&mut model, "down");
    pressed(&mut model, "enter");
    let key = "ocr-results/2026/11/22/чек-0a1b2c3d4e5f.json".to_owned();
    let effects = update(&mut model, Msg::Outputs(Told::Deleted(key, Ok(()))));
    answer(&mut model, effects);
    assert!(model.popups.is_empty() && model.outputs.list.rows.len() == 5);
    assert!(said(&model).starts_with("Deleted ") && !fixture::screen(&model).contains("0a1b2c3d4e5f.json "));
}

#[test]
fn a_download_asks_for_the_folder_and_remembers_it() {
    let mut model = busy((120, 40));
    pressed(&mut model, "down");
    press(&mut model, "d");
    press(&mut model, "backspace");
    type_in(&mut model, "~/texts");
    let effects = press(&mut model, "enter");
    assert!(matches!(&effects[..], [Effect::Outputs(Wish::Save { folder, .. })] if folder == "~/texts"), "{effects:?}");
    press(&mut model, "d");
    assert!(fixture::screen(&model).contains("~/texts"));
}

#[test]
fn keys_and_links_are_copied() {
    let mut model = busy((120, 40));
    pressed(&mut model, "down");
    assert_eq!(press(&mut model, "y"), [Effect::Copy("ocr-results/2026/11/22/чек-0a1b2c3d4e5f.json".to_owned())]);
    assert!(matches!(&press(&mut model, "Y")[..], [Effect::Outputs(Wish::Link(_))]));
    let link = "https://s3.example/b/k?X-Amz-Signature=1".to_owned();
    assert_eq!(update(&mut model, Msg::Outputs(Told::Link(Ok(Some(link.clone()))))), [Effect::Copy(link)]);
    assert!(!said(&model).contains("X-Amz"), "a link is a key: it is not shown");
    assert_eq!(update(&mut model, Msg::Outputs(Told::Link(Ok(None)))), []);
    assert!(said(&model).contains("no links"));
    let folder = press(&mut busy((120, 40)), "y");
    assert_eq!(folder, [], "the cursor is on a folder");
}

#[test]
fn from_an_output_to_its_post_and_from_a_post_to_its_outputs() {
    let mut model = busy((120, 40));
    pressed(&mut model, "down");
    // It is the post that the list of failed ones has open, so nothing has to be asked for.
    press(&mut model, "o");
    assert!(matches!(model.popups.last(), Some(Popup::Post(post)) if post.id == PostId(4983)));
    let effects = update(&mut model, Msg::Outputs(Told::Of(Ok(Some("ocr-results/2026/11/22/чек-0a1b".to_owned())))));
    assert!(model.popups.is_empty() && model.focus == Pane::Outputs);
    assert!(matches!(&effects[..], [Effect::Outputs(Wish::Page(wanted))] if wanted.ask.prefix.ends_with("чек-0a1b")));
    update(&mut model, Msg::Outputs(Told::Of(Ok(None))));
    assert_eq!(model.toast.as_ref().map(|toast| toast.tone), Some(Tone::Warn));
}

#[test]
fn json_is_folded_by_key_and_laid_out_elsewhere() {
    let mut model = busy((120, 40));
    pressed(&mut model, "down");
    pressed(&mut model, "enter");
    assert!(!fixture::screen(&model).contains("\"words\""));
    let effects = press(&mut model, "f");
    assert!(matches!(&effects[..], [Effect::Outputs(Wish::Lay(..))]), "drawing lays nothing out: {effects:?}");
    answer(&mut model, effects);
    assert!(fixture::screen(&model).contains("\"words\": []"), "{}", fixture::screen(&model));
}

#[test]
fn an_image_is_asked_for_only_when_wanted_and_decoded_elsewhere() {
    let mut model = busy((120, 40));
    pressed(&mut model, "down");
    assert_eq!(pressed(&mut model, "enter"), []);
    let effects = pressed(&mut model, "i");
    let [Effect::Outputs(Wish::Picture(key, path, place))] = &effects[..] else { panic!("{effects:?}") };
    assert!(path.ends_with("чек.png") && place.0 > 20 && place.1 > 20);
    assert!(fixture::screen(&model).contains("Loading the image…"));
    let gone = Safe::fixed("the image /gone/чек.png cannot be read");
    update(&mut model, Msg::Outputs(Told::Pictured(key.clone(), *place, Err(gone))));
    assert!(fixture::screen(&model).contains("cannot be read"));
}

#[test]
fn only_the_object_under_the_cursor_is_looked_into_and_one_at_a_time() {
    let mut model = busy((120, 40));
    let first = press(&mut model, "down");
    assert!(matches!(&first[..], [Effect::Outputs(Wish::Look(key))] if key.contains(".json")));
    assert_eq!(press(&mut model, "down"), [], "the first has not come yet");
    let effects = answer(&mut model, first);
    assert_eq!(effects, []);
    let reading = model.outputs.reading.as_ref().unwrap();
    assert!(reading.key.ends_with("4e5f.md") && !reading.laid.lines.is_empty());
}

#[test]
fn a_comparison_is_seen_going_on_and_can_be_ended() {
    let mut model = busy((120, 40));
    assert!(matches!(&press(&mut model, "v")[..], [Effect::Outputs(Wish::Verify(_))]));
    assert!(fixture::screen(&model).contains("verifying 0 of 0"));
    assert_eq!(press(&mut model, "v"), []);
    update(&mut model, Msg::Outputs(Told::Verified(Err(Safe::fixed("cannot list")))));
    assert!(model.verifying.is_none() && said(&model).contains("cannot list"));
}

#[test]
fn names_without_anything_to_see_are_still_seen() {
    let mut model = busy((80, 24));
    fill(&mut model, "", &[object("\u{202e}\u{200b}", 1, 1), object(" ", 1, 1), Entry::Folder("/".to_owned())]);
    let screen = fixture::screen(&model);
    assert_eq!(screen.matches("(nothing to see)").count(), 3, "{screen}");
}

//! Nothing that came from outside acts on the terminal: through every pane and window, onto cells and through a terminal emulator.

use std::io;

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::domain::{Event, EventKind, ImageId, ModelKey, Outcome, Pause, PauseScope, PostId, PostImage, Snapshot, Status};
use crate::engine::event::Batch;
use crate::ops::outputs::{Entry, Preview, Trouble, Verified};
use crate::text::Safe;
use crate::tui::effect::outputs::Told;
use crate::tui::effect::{Reckoning, Retry};
use crate::tui::fixture::{self, press};
use crate::tui::model::verdict::Verdict;
use crate::tui::model::{Model, Pane};
use crate::tui::update::{Msg, update};
use crate::tui::view::view;

const HOSTILE: &[&str] = &[
    "\u{1b}[2J\u{1b}[H\u{1b}]0;owned\u{7}",
    "\u{1b}]52;c;cm0gLXJmIC8=\u{7}\u{1b}P1$r\u{1b}\\",
    "\u{9b}31m\u{9d}8;;http://evil\u{9c}click\u{90}q\u{9c}",
    "abc\u{202e}gpj.exe\u{2066}x\u{2069}\u{200f}",
    "z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{489}\u{489}\u{489}\u{489}algo",
    "👨\u{200d}👩\u{200d}👧\u{200d}👦 ❤\u{fe0f} 🏴\u{e0067}\u{e0062}\u{e007f}",
    "漢字かな交じり文漢字かな交じり文漢字かな交じり文漢字かな交じり文",
    "one\r\ntwo\u{2028}three\u{85}four\u{b}five\u{8}\u{8}\u{8}six\u{7f}",
    "\u{0}\u{feff}\u{ad}\u{3164}\u{115f}\u{e000}\u{fffe}",
    "नमस्ते क्ष्म्य ﷽﷽﷽ لا لا",
];

fn hostile_model(text: &str, size: (u16, u16)) -> Model {
    let mut model = fixture::empty(size);
    model.title = Safe::line(text);
    let mut snapshot: Snapshot = fixture::snapshot();
    for score in &mut snapshot.models {
        score.model = ModelKey { provider: text.to_owned(), model: format!("{text}:free") };
        score.reason = Some(Safe::line(text));
        score.breaker = crate::domain::BreakerState::Off;
    }
    snapshot.pauses = vec![Pause { scope: PauseScope::Free(text.to_owned()), until: None, reason: Safe::line(text) }];
    snapshot.trouble = Some(Safe::line(text));
    update(&mut model, Msg::Snapshot(Box::new(snapshot)));
    let event = |seq, kind| Event {
        seq,
        time: fixture::NOW,
        worker: Safe::line(text),
        kind,
        post: Some(PostId(4983)),
        image: None,
        model: Some(Safe::line(text)),
        outcome: Some(Outcome::ServerError),
        text: Safe::line(text),
    };
    let events = (0..).zip(EventKind::ALL).map(|(seq, kind)| event(seq, *kind)).collect();
    update(&mut model, Msg::Events(Batch { events, dropped: 3, next: 11 }));
    update(&mut model, Msg::Classes(Ok(vec![(text.to_owned(), 9)])));
    let mut posts = fixture::failed_posts();
    for post in &mut posts {
        post.line.channel = text.to_owned();
        post.line.error = Some(text.to_owned());
        post.line.error_class = Some(text.to_owned());
        post.line.tags = vec![text.to_owned()];
        post.text = format!("{text}\n{}", text.repeat(40));
        post.url = Some(text.to_owned());
        post.images = vec![PostImage {
            id: ImageId(1),
            path: text.to_owned(),
            status: Some(Status::Failed),
            error_class: Some(text.to_owned()),
            error: Some(text.to_owned()),
            text: Some(text.to_owned()),
        }];
        for call in &mut post.calls {
            call.model = ModelKey { provider: text.to_owned(), model: text.to_owned() };
            call.reason = Some(text.to_owned());
        }
    }
    fixture::fill(&mut model, &posts);
    let mut images = fixture::images();
    for image in &mut images {
        image.line.path = text.to_owned();
        image.line.error = Some(text.to_owned());
        if let Some(read) = &mut image.read {
            (read.text, read.provider) = (text.repeat(20), Some(text.to_owned()));
            (read.timings_ms, read.warnings) = (vec![(text.to_owned(), 50.0)], vec![text.to_owned()]);
        }
    }
    fixture::fill_images(&mut model, &images);
    model
}

/// Every pane and window with this text in it.
fn screens(text: &str, size: (u16, u16)) -> Vec<Model> {
    let base = hostile_model(text, size);
    let shown = |pane: Pane, keys: &[&str]| {
        let mut model = base.clone();
        model.focus = pane;
        for key in keys {
            press(&mut model, key);
        }
        model
    };
    let mut filtered = shown(Pane::Failed, &["c"]);
    filtered.failed.list.error = Some(Safe::line(text));
    let mut asked = shown(Pane::Failed, &["g"]);
    let one = Retry { force: true, ..Retry::one(fixture::failed_id()) };
    update(&mut asked, Msg::Asked(Ok(vec![(one, Reckoning { matched: 1, queued: 1, calls: 40 })])));
    let mut said = shown(Pane::Overview, &[]);
    update(&mut said, Msg::Done(Err(Safe::line(text))));
    let mut retrying = shown(Pane::Failed, &["down", "down"]);
    retrying.failed.list.rows[2].status = Some(Status::Retrying);
    let mut typed = shown(Pane::Failed, &["/"]);
    update(&mut typed, Msg::Paste(text.to_owned()));
    let mut narrowed = typed.clone();
    press(&mut narrowed, "enter");
    let mut tags = shown(Pane::Failed, &["enter", "t"]);
    update(&mut tags, Msg::Paste(text.to_owned()));
    let mut outputs = base.clone();
    outputs.focus = Pane::Outputs;
    outputs.outputs.place = Some(Safe::line(text));
    let object = |key: String| fixture::outputs::object(&key, u64::MAX, 1);
    let prefix = format!("{text}/");
    let entries = [object(format!("{prefix}{text}.md")), Entry::Folder(format!("{prefix}{text}/")), object(text.repeat(30))];
    fixture::outputs::fill(&mut outputs, &prefix, &entries);
    let with = |keys: &[&str]| {
        let mut model = outputs.clone();
        for key in keys {
            let effects = press(&mut model, key);
            fixture::outputs::answer(&mut model, effects);
        }
        model
    };
    let mut refused = with(&[]);
    refused.outputs.list.rows.clear();
    refused.outputs.list.error = Some(Safe::line(text));
    let mut verified = with(&[]);
    let troubles = [Trouble::Missing { key: text.to_owned(), sha256: String::new() }];
    let verdict = Verdict::new(&Verified { missing: 1, ..Verified::default() }, &troubles);
    update(&mut verified, Msg::Outputs(Told::Verified(Ok(Box::new(verdict)))));
    let mut read = with(&["enter"]);
    let preview = Preview {
        key: format!("{prefix}{text}.md"),
        size: 1,
        content_type: Some(text.to_owned()),
        bytes: text.repeat(9).into_bytes().into(),
        origin: None,
    };
    read.outputs.reading = None;
    read.outputs.asked = Some(preview.key.clone());
    let effects = update(&mut read, Msg::Outputs(Told::Looked(preview.key.clone(), Ok(preview.into()))));
    fixture::outputs::answer(&mut read, effects);
    vec![
        with(&[]),
        with(&["down", "down"]),
        with(&["enter"]),
        with(&["x"]),
        with(&["d"]),
        with(&["y"]),
        refused,
        verified,
        read,
        typed,
        narrowed,
        tags,
        shown(Pane::Failed, &["b"]),
        shown(Pane::Failed, &["/", "tab", "tab"]),
        shown(Pane::Ocr, &[]),
        shown(Pane::Ocr, &["enter"]),
        shown(Pane::Ocr, &["z", "down"]),
        shown(Pane::Log, &["up", "enter"]),
        shown(Pane::Overview, &[]),
        shown(Pane::Failed, &[]),
        shown(Pane::Failed, &["enter"]),
        shown(Pane::Failed, &["enter", "pagedown"]),
        shown(Pane::Log, &[]),
        shown(Pane::Log, &["up"]),
        shown(Pane::Log, &["?"]),
        filtered,
        asked,
        said,
        retrying,
    ]
}

/// True for what may stand in a cell: nothing that moves the cursor, hides itself or turns the line around.
fn harmless(symbol: &str) -> bool {
    &*Safe::line(symbol) == symbol.trim() && !symbol.contains('\u{1b}')
}

#[test]
fn no_cell_of_any_pane_holds_what_acts() {
    for text in HOSTILE {
        for size in [(60, 20), (120, 36)] {
            for model in screens(text, size) {
                for cell in &fixture::drawn(&model).backend().buffer().content {
                    assert!(harmless(cell.symbol()), "{:?} of {text:?}", cell.symbol());
                }
            }
        }
    }
}

/// Bytes a real terminal would get for one whole frame.
fn bytes(model: &Model) -> Vec<u8> {
    let mut bytes = Vec::new();
    let viewport = Viewport::Fixed(Rect::new(0, 0, model.size.0, model.size.1));
    let mut terminal =
        Terminal::with_options(CrosstermBackend::new(io::Cursor::new(&mut bytes)), TerminalOptions { viewport }).unwrap();
    terminal.draw(|frame| view(model, frame)).unwrap();
    drop(terminal);
    bytes
}

#[test]
fn a_terminal_shows_the_frame_and_nothing_else_happens() {
    for text in HOSTILE {
        let (width, height) = (120, 36);
        for model in screens(text, (width, height)) {
            let bytes = bytes(&model);
            only_moves_and_colours(&bytes);
            let mut terminal = vt100::Parser::new(cells(height), cells(width), 0);
            // vt100 leaves the replacement character out; terminals show it, one cell wide.
            terminal.process(String::from_utf8(bytes).unwrap().replace('\u{fffd}', "?").as_bytes());
            // The right border of the panes stands where it belongs only if no cell before it acted or was mismeasured.
            let screen = terminal.screen();
            let drawn = fixture::drawn(&model);
            let buffer = drawn.backend().buffer();
            for row in 0..height {
                let cell = screen.cell(row, width - 1).map(|cell| cell.contents().to_owned()).unwrap_or_default();
                assert_eq!(cell.trim(), buffer[(width - 1, row)].symbol().trim(), "row {row} of {text:?}");
            }
        }
    }
}

fn cells(count: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(count).unwrap()
}

/// Every escape of a frame is a cursor move, a colour or the cursor's visibility; no other control byte is in it.
fn only_moves_and_colours(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            assert_eq!(characters.next(), Some('['), "an escape that is no CSI");
            let last = characters.find(|c| !c.is_ascii_digit() && !matches!(c, ';' | '?'));
            assert!(matches!(last, Some('H' | 'm' | 'l' | 'h')), "CSI … {last:?}");
        } else {
            assert!(!c.is_control(), "{c:?}");
        }
    }
}

#[test]
fn the_strings_others_broke_on_are_shown_harmlessly() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/posts/nasty_open.jsonl");
    let Ok(file) = std::fs::read_to_string(path) else {
        println!("not here, so not checked: {path}");
        return;
    };
    for line in file.lines() {
        let post: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = post["text"].as_str().unwrap_or_default();
        let mut model = hostile_model(text, (80, 24));
        model.focus = Pane::Failed;
        only_moves_and_colours(&bytes(&model));
        press(&mut model, "enter");
        only_moves_and_colours(&bytes(&model));
    }
}

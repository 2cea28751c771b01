//! Nothing that came from outside acts on the terminal: through every pane and window, onto cells and through a terminal emulator.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::domain::{Event, EventKind, ImageId, ModelKey, Outcome, Pause, PauseScope, PostId, PostImage, Snapshot, Status};
use crate::engine::event::Batch;
use crate::ops::Offered;
use crate::ops::doctor::{Check, State};
use crate::ops::outputs::{Entry, Preview, Trouble, Verified};
use crate::text::Safe;
use crate::tui::clipboard;
use crate::tui::effect::outputs::Told;
use crate::tui::effect::{Done, Effect, Reckoning, Retry};
use crate::tui::fixture::{self, press};
use crate::tui::locale::Language;
use crate::tui::model::verdict::Verdict;
use crate::tui::model::{Model, Pane, Pending};
use crate::tui::terminal::canvas::Canvas;
use crate::tui::update::{Msg, update};
use crate::tui::view::draw;

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

/// The answer to a call with this text in every place.
fn answered(mut model: Model, text: &str) -> Model {
    let id = fixture::failed_posts()[0].calls[5].id;
    let mut came = super::asking::answer(text);
    came.headers = [(text.to_owned(), text.to_owned())].into();
    came.request_id = Some(text.to_owned());
    update(&mut model, Msg::Answer(id, Ok(Some(Box::new(came)))));
    model
}

/// The choice of a model of this name.
fn offered(mut model: Model, text: &str) -> Model {
    let offered = |name: &str| Offered {
        model: ModelKey { provider: "openrouter".to_owned(), model: name.to_owned() },
        price: None,
        in_route: false,
    };
    update(&mut model, Msg::Models(vec![offered(text), offered("a")]));
    model
}

/// Every place that foreign text reaches, by its name, with this text in it.
fn screens(text: &str, size: (u16, u16)) -> Vec<(&'static str, Model)> {
    let base = hostile_model(text, size);
    let shown = |pane: Pane, keys: &[&str]| {
        let mut model = base.clone();
        model.focus = pane;
        for key in keys {
            press(&mut model, key);
        }
        model
    };
    // Typed, or pasted, into a line that these keys open.
    let typed = |pane: Pane, keys: &[&str]| {
        let mut model = shown(pane, keys);
        update(&mut model, Msg::Paste(text.to_owned()));
        model
    };
    let told = |msg: Msg| {
        let mut model = shown(Pane::Overview, &[]);
        update(&mut model, msg);
        model
    };
    let mut failing = shown(Pane::Failed, &["c"]);
    failing.failed.list.error = Some(Safe::line(text));
    let mut asked = shown(Pane::Failed, &["g"]);
    let one = Retry { force: true, ..Retry::one(fixture::failed_id()) };
    update(&mut asked, Msg::Asked(Ok(vec![(one, Reckoning { matched: 1, queued: 1, calls: 40, by_hand: 0 })])));
    let mut narrowed = typed(Pane::Failed, &["/"]);
    press(&mut narrowed, "enter");
    let mut narrowed_log = typed(Pane::Log, &["/"]);
    press(&mut narrowed_log, "enter");
    let mut searched = typed(Pane::Log, &["s"]);
    press(&mut searched, "enter");
    let mut paths = shown(Pane::Ocr, &["n"]);
    update(&mut paths, Msg::Paths(String::new(), vec![text.to_owned(), format!("{text}/")]));
    let mut retrying = shown(Pane::Failed, &["down", "down"]);
    retrying.failed.list.rows[2].status = Some(Status::Retrying);
    let mut watching = shown(Pane::Overview, &[]);
    (watching.options.observe, watching.observing) = (true, Some(Safe::line(text)));
    let mut fleet = shown(Pane::Overview, &[]);
    fleet.snapshot.workers = fixture::workers();
    for worker in &mut fleet.snapshot.workers {
        (worker.name, worker.version, worker.doing) = (Safe::line(text), Safe::line(text), Safe::line(text));
        worker.provider = Some(Safe::line(text));
    }
    let mut waiting = shown(Pane::Overview, &[]);
    waiting.pending = Some(Pending { what: Safe::line(text), effect: Effect::Pause, at: fixture::NOW + 4_000 });
    let mut russian = shown(Pane::Log, &["up"]);
    russian.language = Language::Russian;
    let checks: Vec<Check> =
        vec![Check { check: "database", state: State::Fail, saw: Safe::line(text), remedy: Some(Safe::line(text)) }];
    let mut read_image = shown(Pane::Log, &[]);
    let line =
        Event { seq: 99, image: Some(ImageId(9)), kind: EventKind::OcrDone, ..read_image.log.shown().next().unwrap().clone() };
    update(&mut read_image, Msg::Events(Batch { events: vec![line], dropped: 0, next: 100 }));
    press(&mut read_image, "f");
    press(&mut read_image, "enter");

    let mut all = vec![
        ("header and overview: title, models, pauses, trouble, log, classes", shown(Pane::Overview, &[])),
        ("why this window only watches", watching),
        ("workers", fleet),
        ("a model's page", shown(Pane::Overview, &["enter"])),
        ("a toast", told(Msg::Done(Err(Safe::line(text))))),
        ("a toast about a file", told(Msg::Done(Ok(Done::Written(3, Safe::line(text)))))),
        ("a toast about a refused image", told(Msg::Done(Ok(Done::Submitted(1, 2, Safe::line(text)))))),
        ("what waits to be done", waiting),
        ("the doctor's window", told(Msg::Examined(checks))),
        ("posts and what is known of one", shown(Pane::Failed, &[])),
        ("posts in another order", shown(Pane::Failed, &["o"])),
        ("a retried post", retrying),
        ("posts that could not be loaded", failing),
        ("causes", shown(Pane::Failed, &["b"])),
        ("a filter being typed", typed(Pane::Failed, &["/"])),
        ("a filter in force", narrowed),
        ("what is offered for a filter", shown(Pane::Failed, &["/", "tab", "tab"])),
        ("a question", asked),
        ("an open post: text, images, tags, calls", shown(Pane::Failed, &["enter"])),
        ("the end of an open post", shown(Pane::Failed, &["enter", "pagedown"])),
        ("the answer to a call", answered(shown(Pane::Failed, &["enter", "b"]), text)),
        ("models to choose from", offered(shown(Pane::Failed, &["m"]), text)),
        ("tags being typed", typed(Pane::Failed, &["enter", "t"])),
        ("a file name being typed", typed(Pane::Failed, &["e"])),
        ("a command being typed", typed(Pane::Failed, &[":"])),
        ("the log", shown(Pane::Log, &[])),
        ("the log standing still, its line whole", shown(Pane::Log, &["up"])),
        ("the log in Russian", russian),
        ("an open line of the log", shown(Pane::Log, &["up", "enter"])),
        ("the image of a line of the log", read_image),
        ("levels and kinds over the log", shown(Pane::Log, &["c"])),
        ("the help over the log", shown(Pane::Log, &["?"])),
        ("a filter of the log in force", narrowed_log),
        ("words being looked for", typed(Pane::Log, &["s"])),
        ("words found", searched),
        ("images and what is known of one", shown(Pane::Ocr, &[])),
        ("an open image", shown(Pane::Ocr, &["enter"])),
        ("the images zoomed", shown(Pane::Ocr, &["z", "down"])),
        ("a path being typed", typed(Pane::Ocr, &["n"])),
        ("paths offered", paths),
    ];
    all.extend(outputs(base.clone(), text));
    all
}

/// The same of the outputs: keys, contents, what is asked about them.
fn outputs(mut outputs: Model, text: &str) -> Vec<(&'static str, Model)> {
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
    let mut narrowed = with(&["/"]);
    update(&mut narrowed, Msg::Paste(text.to_owned()));
    press(&mut narrowed, "enter");
    let mut saved = with(&[]);
    update(&mut saved, Msg::Outputs(Told::Saved(Ok(Safe::line(text)))));
    vec![
        ("outputs: place, folder, keys", with(&[])),
        ("an output of a long key", with(&["down", "down"])),
        ("an open output", with(&["enter"])),
        ("an open output of hostile content", read),
        ("an output to be deleted", with(&["x"])),
        ("an output to be downloaded", with(&["d"])),
        ("a copied key", with(&["y"])),
        ("where an output was saved", saved),
        ("outputs that are refused", refused),
        ("outputs narrowed", narrowed),
        ("outputs compared", verified),
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
            for (place, model) in screens(text, size) {
                for cell in &fixture::drawn(&model).backend().buffer().content {
                    assert!(harmless(cell.symbol()), "{place}: {:?} of {text:?}", cell.symbol());
                }
            }
        }
    }
}

/// Bytes a real terminal would get for one whole frame, behind those that clear it.
fn bytes(model: &Model) -> Vec<u8> {
    let bytes = Canvas::default().draw(model.size, |buffer| draw(model, buffer)).unwrap();
    bytes.strip_prefix(b"\x1b[?2026h\x1b[2J").unwrap().to_vec()
}

/// A terminal that got the frame of this model shows its cells, each where it belongs, and is otherwise as it was.
fn shows_the_frame_and_nothing_else(place: &str, model: &Model, text: &str) {
    let (width, height) = model.size;
    let bytes = bytes(model);
    only_moves_and_colours(&bytes);
    let mut terminal = vt100::Parser::new(cells(height), cells(width), 0);
    // vt100 leaves the replacement character out; terminals show it, one cell wide.
    terminal.process(String::from_utf8(bytes).unwrap().replace('\u{fffd}', "?").as_bytes());
    let screen = terminal.screen();
    let drawn = fixture::drawn(model);
    let buffer = drawn.backend().buffer();
    // Whole lines: some terminals give each letter of a cluster a cell of its own; what stands behind it must stand where it did.
    for (row, shown) in (0..height).zip(screen.rows(0, width)) {
        let (mut wanted, mut covered) = (String::new(), 0);
        for column in 0..width {
            let symbol = buffer[(column, row)].symbol();
            if covered == 0 {
                wanted.push_str(&symbol.replace('\u{fffd}', "?"));
                covered = Safe::block(symbol).cells().max(1);
            }
            covered -= 1;
        }
        assert_eq!(shown.trim_end(), wanted.trim_end(), "{place}: line {row} of {text:?}");
        let last = screen.cell(row, width - 1).map(|cell| cell.contents().to_owned()).unwrap_or_default();
        assert_eq!(last.trim(), buffer[(width - 1, row)].symbol().trim(), "{place}: the end of line {row} of {text:?}");
    }
    assert!(!screen.application_cursor() && !screen.application_keypad() && !screen.bracketed_paste(), "{place}: {text:?}");
    assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{place}: {text:?}");
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "{place}: {text:?}");
}

#[test]
fn a_terminal_shows_the_frame_and_nothing_else_happens() {
    for text in HOSTILE {
        for (place, model) in screens(text, (120, 36)) {
            shows_the_frame_and_nothing_else(place, &model, text);
        }
    }
}

/// Pieces that texts others broke on are made of: escapes, joiners, marks, wide and turned-around letters, line ends, long words.
const PIECES: &[&str] = &[
    "\u{1b}[",
    "\u{1b}]",
    "\u{1b}P",
    "\u{9b}",
    "\u{7}",
    "2J",
    "?1049l",
    "0;x",
    "52;c;eA==",
    "\r",
    "\n",
    "\t",
    "\u{8}",
    "\u{7f}",
    "\u{0}",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{2066}",
    "\u{2069}",
    "\u{200d}",
    "\u{200b}",
    "\u{fe0f}",
    "\u{feff}",
    "\u{e0067}",
    "\u{301}",
    "\u{489}",
    "👨",
    "❤",
    "🏴",
    "漢",
    "字",
    "ｗ",
    "א",
    "م",
    "﷽",
    "ä",
    "я",
    "a",
    " ",
    "-",
    "x:y ",
    "very_long_word_without_any_space_in_it_",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn whatever_a_text_is_made_of_no_cell_but_its_own_changes(pieces in vec(select(PIECES), 1..24), any in "\\PC{0,12}", narrow in any::<bool>()) {
        let text = format!("{}{any}", pieces.concat());
        for (place, model) in screens(&text, if narrow { (60, 20) } else { (100, 30) }) {
            shows_the_frame_and_nothing_else(place, &model, &text);
        }
    }

    #[test]
    fn what_leaves_the_screen_by_clipboard_or_file_acts_on_no_terminal(pieces in vec(select(PIECES), 1..24)) {
        let text = pieces.concat();
        // Copied: base64 for the terminal, and nothing for the shell it is pasted into.
        let (pasted, _) = clipboard::pasteable(&text);
        prop_assert!(!pasted.chars().any(char::is_control), "{pasted:?}");
        for between in [clipboard::Between::Nothing, clipboard::Between::Tmux, clipboard::Between::Screen] {
            let sequence = clipboard::sequence(&pasted, between);
            prop_assert!(sequence.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, 0x1b | 7)));
        }
        // A text screenshot: lines of what is seen.
        let model = hostile_model(&text, (80, 24));
        let shot = crate::tui::view::text(&model);
        prop_assert!(shot.lines().count() == 24 && shot.lines().all(|line| !line.chars().any(char::is_control)));
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

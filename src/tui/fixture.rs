//! Models for the tests of the dashboard: a busy one, an empty one, and how a screen is read.
//! The clock stands at 14:07:31 UTC; nothing here depends on this machine.

mod fleet;
pub mod outputs;

use crossterm::event::{KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

pub use fleet::workers;

use crate::domain::{
    BreakerState, Call, CallId, Event, EventKind, ImageId, ImageLine, ImageReading, Millis, ModelKey, ModelScore, OcrBusy,
    OcrNumbers, Outcome, PassedOver, Pause, PauseScope, Phase, PostDetail, PostId, PostLine, Reading, Snapshot, Status, Turn,
    Unfit, Why, WorstCase,
};
use crate::engine::event::Batch;
use crate::text::Safe;
use crate::tui::Options;
use crate::tui::effect::Effect;
use crate::tui::keymap::{Chord, Keymap};
use crate::tui::model::failed::Row;
use crate::tui::model::list::Came;
use crate::tui::model::post::Known;
use crate::tui::model::{Model, images};
use crate::tui::theme::Theme;
use crate::tui::update::{Msg, update};
use crate::tui::view::draw;

/// The three sizes every pane is looked at.
pub const SIZES: [(&str, (u16, u16)); 3] = [("80x24", (80, 24)), ("120x36", (120, 36)), ("200x60", (200, 60))];

/// 2026-11-22 14:07:31 UTC.
pub const NOW: Millis = 1_795_356_451_000;

/// Nothing in the database, nothing done.
pub fn empty(size: (u16, u16)) -> Model {
    let blobs = Some(Ok(Safe::fixed("s3://tagdeck at s3.example")));
    let options = Options { title: "bot.db".to_owned(), blobs, ..Options::default() };
    let mut model = Model::new(&options, Keymap::embedded().unwrap(), Theme::new(true, true), TimeZone::UTC, NOW);
    update(&mut model, Msg::Resize(size.0, size.1));
    update(&mut model, Msg::Snapshot(Box::new(Snapshot { phase: Phase::Idle, ..Snapshot::default() })));
    model.failed.list.loaded = true;
    model
}

/// A model as one for an ASCII terminal.
pub fn ascii(mut model: Model) -> Model {
    model.theme = Theme::new(false, false);
    model
}

/// An id that stands in the list of [`busy`].
pub const fn failed_id() -> PostId {
    PostId(4983)
}

fn key(provider: &str, model: &str) -> ModelKey {
    ModelKey { provider: provider.to_owned(), model: model.to_owned() }
}

/// Numbers as in the middle of a working day.
pub fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot { phase: Phase::Running, in_flight: 3, concurrency: 4, total: 5_054, ..Snapshot::default() };
    snapshot.counts.success = 4_812;
    snapshot.counts.retrying = 51;
    snapshot.counts.failed = 14;
    snapshot.counts.pending = 167;
    snapshot.counts.skipped = 10;
    snapshot.finished_per_second = (0..60).map(|n| 2 + (n * 7) % 5 - u32::from(n % 3 == 0)).collect();
    snapshot.eta_seconds = Some(67);
    snapshot.worst_case = WorstCase { models: 4, calls_per_pass: 8, passes: 5 };
    let score = |provider: &str, model: &str, calls, successes, answers, p95_ms, breaker, until| ModelScore {
        model: key(provider, model),
        calls,
        successes,
        answers,
        p95_ms,
        calls_today: i64::try_from(calls).unwrap(),
        limit_today: None,
        breaker,
        until,
        reason: None,
    };
    let mut free = score("openrouter", "qwen/qwen3-30b-a3b:free", 0, 0, 0, None, BreakerState::Open, Some(NOW + 48_000));
    (free.calls_today, free.limit_today) = (50, Some(50));
    snapshot.models = vec![
        score("openrouter", "google/gemini-2.5-flash", 212, 172, 174, Some(1_900), BreakerState::Closed, None),
        score("openrouter", "meta-llama/llama-4-scout:free", 118, 76, 82, Some(4_100), BreakerState::HalfOpen, None),
        free,
        score("local", "keywords", 9, 9, 9, Some(2), BreakerState::Closed, None),
    ];
    snapshot.pauses = vec![Pause {
        scope: PauseScope::Free("openrouter".to_owned()),
        until: Some(NOW + 35_549_000),
        reason: Safe::fixed("free-models-per-day 50/50"),
    }];
    snapshot.spent_micros = 21_400;
    snapshot
}

/// Events as in the same minute.
pub fn events() -> Vec<Event> {
    let event = |(seq, (ago, kind, post, model, outcome, text)): (u64, Told)| Event {
        seq,
        time: NOW - ago,
        worker: Safe::fixed("deck-1"),
        kind,
        post: post.map(PostId),
        image: None,
        model: model.map(Safe::fixed),
        outcome,
        text: Safe::fixed(text),
    };
    let gemini = Some("openrouter/google/gemini-2.5-flash");
    let llama = Some("openrouter/meta-llama/llama-4-scout:free");
    let tagged = |ago, post, model, text| (ago, EventKind::Success, Some(post), model, None, text);
    let upstream = Some(Outcome::ServerError);
    let told: Vec<Told> = vec![
        (60_000, EventKind::Engine, None, None, None, "engine started"),
        tagged(9_400, 4_971, gemini, "0.9 s · нейросети · ии · языковая модель"),
        tagged(9_100, 4_972, llama, "3.2 s · экзопланеты · телескоп джеймса уэбба"),
        (8_700, EventKind::Skipped, Some(4_973), None, None, "fewer than 10 characters of text"),
        tagged(8_200, 4_974, gemini, "1.0 s · rust · async · tokio"),
        tagged(7_600, 4_976, gemini, "0.8 s · московское метро · ремонт · бкл"),
        (
            6_900,
            EventKind::Retry,
            Some(4_975),
            llama,
            Some(Outcome::NotTags),
            "no tags in the answer: Sure! Here are…; again with a corrected request",
        ),
        tagged(6_100, 4_977, gemini, "1.1 s · postgres · индексы · производительность"),
        tagged(5_300, 4_975, llama, "4.4 s · вулканы · камчатка"),
        tagged(4_000, 4_981, llama, "1.2 s · наука · космос · луна"),
        (2_000, EventKind::Retry, Some(4_983), gemini, upstream, "502: Upstream error from OpenInference; again in 2.0 s"),
        (
            1_000,
            EventKind::Fallback,
            Some(4_983),
            gemini,
            upstream,
            "→ llama-4-scout:free after 1 retry: 502: Upstream error from OpenInference",
        ),
        (900, EventKind::Breaker, None, llama, None, "is tried again: 429: temporarily rate-limited upstream"),
        (
            500,
            EventKind::PassFailed,
            Some(4_983),
            None,
            upstream,
            "pass 2/5: 502: Upstream error from OpenInference; next in 5 min",
        ),
        (300, EventKind::Failed, Some(4_640), None, Some(Outcome::NotTags), "given up in pass 5/5: no tags in the answer"),
        (
            100,
            EventKind::Paused,
            None,
            None,
            Some(Outcome::FreeDaily),
            ":free models of openrouter paused for 9 h 52 min: free-models-per-day 50/50",
        ),
    ];
    (0..).zip(told).map(event).collect()
}

/// How long ago, kind, post, model, outcome, words.
type Told = (i64, EventKind, Option<i64>, Option<&'static str>, Option<Outcome>, &'static str);

/// A failed post with its calls.
pub fn detail(id: i64, channel: &str, status: Status, minutes: i64, attempts: i64, class: Outcome, error: &str) -> PostDetail {
    let updated_at = NOW - minutes * 60_000;
    let call = |n: i64, pass, model: ModelKey, outcome, status, ms, why: &Why| Call {
        id: CallId(n),
        pass,
        model,
        sent_at: updated_at - 60_000 + n * 2_000,
        ended_at: Some(updated_at - 60_000 + n * 2_000 + ms),
        outcome: Some(outcome),
        http_status: status,
        prompt_tokens: Some(312),
        completion_tokens: Some(24),
        cost_micros: Some(130),
        reason: Some("Upstream error from OpenInference".to_owned()),
        why: Some(why.clone()),
    };
    let gemini = || key("openrouter", "google/gemini-2.5-flash");
    let llama = || key("openrouter", "meta-llama/llama-4-scout:free");
    let again = Why { after: Some(class), ..Why::of(Turn::Retry) };
    let paused = PassedOver { model: key("openrouter", "qwen/qwen3-30b-a3b:free"), because: Unfit::Open };
    let instead = Why { turn: Turn::Fallback, from: Some(gemini()), after: Some(class), passed_over: vec![paused] };
    let calls = (1..=attempts.min(2))
        .flat_map(|pass| {
            [
                call(pass * 3, pass, gemini(), class, Some(502), 900, &Why::of(Turn::First)),
                call(pass * 3 + 1, pass, gemini(), class, Some(502), 1_100, &again),
                call(pass * 3 + 2, pass, llama(), Outcome::RateLimited, Some(429), 240, &instead),
            ]
        })
        .collect();
    PostDetail {
        line: PostLine {
            id: PostId(id),
            channel: channel.to_owned(),
            message_id: id,
            posted_at: Some(updated_at - 3_600_000),
            status: Some(status),
            attempts,
            tags: Vec::new(),
            error_class: Some(class.as_str().to_owned()),
            error: Some(error.to_owned()),
            updated_at,
            next_at: (status == Status::Retrying).then_some(NOW + 200_000),
            excerpt: String::new(),
        },
        user_id: None,
        text: "В Китае нашли ударный кратер необычной формы: он вытянут с севера на юг и почти не тронут эрозией.\n\n\
               Геологи связывают его с падением роя обломков около 50 тысяч лет назад. Подробнее: https://example.org/crater"
            .to_owned(),
        url: Some("https://t.me/nakedscience/4983".to_owned()),
        images: Vec::new(),
        max_attempts: 5,
        asked_model: None,
        worker: None,
        calls,
    }
}

/// The failed posts of [`busy`].
pub fn failed_posts() -> Vec<PostDetail> {
    let upstream = "502 upstream, all 3 models";
    vec![
        detail(4983, "Naked Science", Status::Failed, 2, 5, Outcome::ServerError, upstream),
        detail(4811, "Хабр", Status::Failed, 14, 5, Outcome::ServerError, upstream),
        detail(4790, "Новости Москвы и области", Status::Retrying, 33, 2, Outcome::RateLimited, "429 on every model, waiting"),
        detail(
            4640,
            "Новости Москвы и области",
            Status::Failed,
            61,
            3,
            Outcome::NotTags,
            "the answer holds no tags (llama-4-scout:free)",
        ),
        detail(977, "漢字かな交じり文", Status::Failed, 4_000, 5, Outcome::Moderated, "refused: «I can't help with that»"),
    ]
}

/// A dashboard in the middle of a working day.
pub fn busy(size: (u16, u16)) -> Model {
    let mut model = empty(size);
    update(&mut model, Msg::Snapshot(Box::new(snapshot())));
    update(&mut model, Msg::Events(Batch { events: events(), dropped: 0, next: 16 }));
    let classes = [("server_error", 9), ("moderated", 3), ("not_tags", 2)];
    update(&mut model, Msg::Classes(Ok(classes.iter().map(|(class, count)| ((*class).to_owned(), *count)).collect())));
    fill(&mut model, &failed_posts());
    model
}

/// The same while images are being read.
pub fn reading(size: (u16, u16)) -> Model {
    let mut model = busy(size);
    let busy = |post, image, stage, page, ago| OcrBusy {
        post: Some(PostId(post)),
        image: Safe::fixed(image),
        stage,
        page,
        since: NOW - ago,
    };
    let mut ocr = OcrNumbers {
        provider: Some(Safe::fixed("cpu")),
        reason: Some(Safe::fixed("no GPU was found")),
        busy: vec![
            busy(4_983, "photo_1@22-11-2026.jpg", "recognise", (2, 3), 3_400),
            busy(4_984, "чек из магазина.png", "detect", (1, 1), 600),
        ],
        ..OcrNumbers::default()
    };
    (ocr.counts.pending, ocr.counts.success, ocr.counts.failed) = (12, 318, 2);
    update(&mut model, Msg::Snapshot(Box::new(Snapshot { ocr, ..snapshot() })));
    fill_images(&mut model, &images());
    model
}

/// Images in every state.
pub fn images() -> Vec<ImageReading> {
    let line = |id, post: i64, path: &str, status, ago: i64, error: Option<&str>| ImageLine {
        id: ImageId(id),
        post: Some(PostId(post)).filter(|post| post.0 > 0),
        path: path.to_owned(),
        status,
        attempts: i64::from(status != Status::Pending),
        max_attempts: 3,
        error_class: error.map(|_| "not_an_image".to_owned()),
        error: error.map(str::to_owned),
        updated_at: NOW - ago,
        next_at: (status == Status::Retrying).then_some(NOW + 95_000),
        leased: id == 7,
    };
    let read = Reading {
        text: "ОБЪЯВЛЕНИЕ\nЗавтра с 9 до 17 отключат воду".to_owned(),
        provider: Some("cpu".to_owned()),
        timings_ms: vec![("detect".to_owned(), 412.0), ("recognise".to_owned(), 1_530.0)],
        warnings: Vec::new(),
    };
    let photos = "/home/anna/export/photos";
    vec![
        ImageReading {
            line: line(9, 4_982, &format!("{photos}/photo_9@22-11-2026.jpg"), Status::Success, 9_000, None),
            read: Some(read),
        },
        ImageReading {
            line: line(8, 4_984, &format!("{photos}/чек из магазина.png"), Status::Pending, 60_000, None),
            read: None,
        },
        ImageReading {
            line: line(7, 4_990, &format!("{photos}/скан договора.tif"), Status::Pending, 61_000, None), read: None
        },
        ImageReading {
            line: line(6, 4_811, "/mnt/inbox/page_0001 (3).png", Status::Retrying, 130_000, Some("it took longer than 120 s")),
            read: None,
        },
        ImageReading {
            line: line(
                5,
                0,
                "/mnt/inbox/漢字.gif",
                Status::Failed,
                7_200_000,
                Some("漢字.gif: it is not an image that can be read"),
            ),
            read: None,
        },
        ImageReading { line: line(4, 4_700, &format!("{photos}/photo_4.jpg"), Status::Skipped, 90_000_000, None), read: None },
    ]
}

/// Answers the requests of the images' pane with these.
pub fn fill_images(model: &mut Model, details: &[ImageReading]) {
    let wanted = model.images.reload();
    let rows = details.iter().map(|detail| images::Row::from(&detail.line)).collect();
    let page = wanted.page(rows);
    update(model, Msg::Images(wanted, Ok(page)));
    if let Some(first) = details.first() {
        update(model, Msg::Image(first.line.id, Ok(Some(Box::new(images::Known::from(first))))));
    }
}

/// Answers the list's and the detail's requests with these posts.
pub fn fill(model: &mut Model, posts: &[PostDetail]) {
    let wanted = model.failed.reload();
    let rows: Vec<Row> = posts.iter().map(|post| Row::from(&post.line)).collect();
    update(model, Msg::Page(wanted, Ok(Came { rows, next: None })));
    if let Some(first) = posts.first() {
        update(model, Msg::Post(first.line.id, Ok(Some(Box::new(Known::from(first))))));
    }
}

/// Presses a key as written in the keymap.
pub fn press(model: &mut Model, key: &str) -> Vec<Effect> {
    update(model, Msg::Key(event(Chord::parse(key).unwrap())))
}

/// Types a text, a key for each character, on whatever layout it needs.
pub fn type_text(model: &mut Model, text: &str) -> Vec<Effect> {
    let key = |c| Msg::Key(KeyEvent::new(crossterm::event::KeyCode::Char(c), KeyModifiers::NONE));
    text.chars().flat_map(|c| update(model, key(c))).collect()
}

/// A chord as the terminal would report it.
pub fn event(chord: Chord) -> KeyEvent {
    let mut modifiers = KeyModifiers::NONE;
    modifiers.set(KeyModifiers::CONTROL, chord.ctrl);
    modifiers.set(KeyModifiers::ALT, chord.alt);
    modifiers.set(KeyModifiers::SHIFT, chord.shift);
    KeyEvent::new(chord.code, modifiers)
}

/// The model drawn on a terminal of its size.
pub fn drawn(model: &Model) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(model.size.0, model.size.1)).unwrap();
    terminal.draw(|frame| draw(model, frame.buffer_mut())).unwrap();
    terminal
}

/// The screen as text, a line a row, as a person sees it.
pub fn screen(model: &Model) -> String {
    crate::tui::view::text(model).trim_end_matches('\n').to_owned()
}

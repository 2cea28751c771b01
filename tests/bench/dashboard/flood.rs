//! 100,000 events a second into the log of an engine at work: what it loses to them and to the dashboard that shows them.
//! The dashboard here is the library's, in a process of this bench: no program has a way to make so many events.

use std::path::Path;
use std::time::{Duration, Instant};

use tagdeck::domain::{EventKind, ModelKey, PostId};
use tagdeck::engine::event::{Draft, EventLog};
use tagdeck::engine::{Engine, Kinds, Options};
use tagdeck::ops::Ops;
use tagdeck::store::{Access, Store};
use tagdeck::text::Safe;
use tagdeck::tui;
use tokio::runtime::Runtime;

use super::deck::Deck;
use super::program::Home;
use super::sources::{ROLE, Source};
use super::{SIZE, engines, told};

const EVENTS_A_SECOND: f64 = 100_000.0;
/// Of each measurement; the first seconds are the engine's ramp.
const RAMP: Duration = Duration::from_secs(4);
const TIME: Duration = Duration::from_secs(8);
const POSTS: usize = 12_000;
/// What waits for the server is not to wait for the log: 16 calls of 50 ms are 320 posts a second, and leave two cores room.
const LATENCY_MS: u64 = 50;
const CONCURRENCY: u32 = 16;
const ROUNDS: usize = 5;

/// See the module; the three ways in turn, so that what the machine does besides falls on all of them.
pub fn run() {
    let server = Source::server(LATENCY_MS);
    let (mut alone, mut watched, mut flooded) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory = (0, 0);
    for _ in 0..ROUNDS {
        alone.push(measured("alone", &server).pace);
        watched.push(measured("watched", &server).pace);
        let flood = measured("flooded", &server);
        println!("   {:.0} events/s, {} MB after the ramp, {} MB at the end", flood.events, flood.memory.0, flood.memory.1);
        assert!(flood.events > 0.95 * EVENTS_A_SECOND, "this machine was too slow for the flood: nothing is shown");
        flooded.push(flood.pace);
        memory = (memory.0.max(flood.memory.0), memory.1.max(flood.memory.1));
    }
    let (alone, watched, flooded) = (median(alone), median(watched), median(flooded));
    println!(
        "   posts a second, medians of {ROUNDS}: engine alone {alone:.0}, with its dashboard {watched:.0}, in the flood {flooded:.0}"
    );
    told("100k events/s on the screen: the engine is slower by", (1.0 - flooded / alone) * 100.0, "%", 5.0);
    told("100k events/s: resident memory", memory.1 as f64, "MB", 100.0);
    told("100k events/s: memory grows after the ramp by", memory.1.saturating_sub(memory.0) as f64, "MB", 8.0);
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

struct Measured {
    /// Posts a second.
    pace: f64,
    /// Events a second.
    events: f64,
    /// Resident megabytes, after the ramp and at the end.
    memory: (u64, u64),
}

fn measured(how: &str, server: &Source) -> Measured {
    let home = Home::new();
    crate::measured_posts::fill(&home.database(), POSTS);
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, format!("deck {how} {} {}", home.path().display(), server.said)).env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8").current_dir(home.path());
    let mut deck = Deck::open(&command, SIZE);
    let runtime = Runtime::new().unwrap();
    let store = runtime.block_on(Store::open(&home.database(), Access::ReadOnly)).unwrap();
    let done = || runtime.block_on(store.stats(None, 5)).unwrap().unwrap().stats_by_status.success;
    let events = || std::fs::read_to_string(home.path().join("events")).map_or(0.0, |text| text.parse().unwrap());
    deck.listen(RAMP);
    let (from, published, memory, began) = (done(), events(), deck.resident_mb(), Instant::now());
    deck.listen(TIME);
    let (to, seconds) = (done(), began.elapsed().as_secs_f64());
    assert!(from > 0 && to < POSTS as i64, "{how}: {from} and {to} of {POSTS} posts; the screen is\n{}", deck.screen());
    Measured {
        pace: (to - from) as f64 / seconds,
        events: (events() - published) / seconds,
        memory: (memory, deck.resident_mb()),
    }
}

/// The process that is measured: an engine, and as told its dashboard and the flood.
pub fn deck(about: &str) {
    let [how, folder, server] = about.split(' ').collect::<Vec<_>>()[..] else { panic!("{about}") };
    let folder = Path::new(folder);
    let url = format!("sqlite://{}", folder.join("tagdeck.db").display());
    Runtime::new().unwrap().block_on(async {
        let store = Store::open(&url, Access::ReadWrite).await.unwrap();
        let config = engines::config(&url, vec![engines::provider("bench", server)], &["demo/tortoise-steady"]);
        let options = Options {
            concurrency: Some(CONCURRENCY),
            kinds: Kinds { tag: true, ocr: false, upload: false },
            ..Options::default()
        };
        let engine = Engine::start(store.clone(), &config, options);
        let log = engine.log();
        let note = folder.join("events");
        if how == "flooded" {
            std::thread::spawn(move || flood(&log, &note));
        }
        if how == "alone" {
            std::future::pending::<()>().await;
        }
        let shown = tui::Options { title: "tagdeck.db".to_owned(), ..tui::Options::default() };
        tui::run(Ops::with_engine(store, &config.tagging, &engine), shown).await.unwrap();
    });
}

fn flood(log: &EventLog, note: &Path) {
    let model = ModelKey { provider: "openrouter".to_owned(), model: "google/gemini-2.5-flash".to_owned() };
    let (began, mut published, mut noted) = (Instant::now(), 0_u64, 0);
    loop {
        let due = (began.elapsed().as_secs_f64() * EVENTS_A_SECOND) as u64;
        for n in published..due {
            let text = Safe::line(&format!("1.{} s · наука · космос · Луна {n}", n % 10));
            log.publish(Draft::new(EventKind::Success, text).post(PostId((n % 12_000) as i64)).model(&model));
        }
        published = due;
        if published - noted > 10_000 {
            noted = published;
            // Whole or not at all: it is read meanwhile.
            std::fs::write(note.with_extension("new"), published.to_string()).unwrap();
            std::fs::rename(note.with_extension("new"), note).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

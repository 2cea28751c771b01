//! What the dashboard costs whoever keeps it open all day: the real program on a real pseudo-terminal of 200×60, measured from outside.
//! `cargo bench --bench dashboard`, or with the name of a part behind `--`: idle, busy, own, million, flood. Each figure stands
//! beside the wanted one, and a missed one fails the bench. What a frame costs inside is `cargo test --release --lib speed`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs, dead_code)]

#[path = "../support/databases.rs"]
mod databases;
#[path = "../support/deck.rs"]
mod deck;
#[path = "../support/engines.rs"]
mod engines;
#[path = "dashboard/flood.rs"]
mod flood;
#[path = "../support/measured_posts.rs"]
mod measured_posts;
#[path = "../support/million.rs"]
mod million;
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/program.rs"]
mod program;
#[path = "dashboard/sources.rs"]
mod sources;

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use databases::Db;
use deck::Deck;
use program::Home;
use sources::Source;
use tagdeck::domain::{PageKey, PostFilter, Status};
use tokio::runtime::Runtime;

const SIZE: (u16, u16) = (200, 60);
const FRAME: &[u8] = b"\x1b[?2026h";
const IDLE: Duration = Duration::from_mins(1);
const BUSY: Duration = Duration::from_secs(20);

static MISSED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn main() {
    if sources::played_a_role() {
        return;
    }
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    for (part, run) in [("idle", idle as fn()), ("busy", busy), ("own", own), ("million", million), ("flood", flood::run)] {
        if wanted(part) {
            println!("== {part}");
            run();
        }
    }
    let missed = MISSED.lock().unwrap();
    assert!(missed.is_empty(), "missed: {missed:#?}");
}

/// Prints a figure beside the wanted one.
fn told(what: &str, seen: f64, unit: &str, at_most: f64) {
    let missed = seen > at_most;
    println!("{what:<66} {seen:>9.3} {unit:<5} wanted at most {at_most}{}", if missed { "   MISSED" } else { "" });
    if missed {
        MISSED.lock().unwrap().push(format!("{what}: {seen:.3} {unit}"));
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn at(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// A home with so many posts in its database.
fn home_with(posts: usize) -> Home {
    let home = Home::new();
    let mut lines = String::new();
    for n in 1..=posts {
        writeln!(
            lines,
            r#"{{"channel":"Наука","message_id":{n},"date":"2026-11-20T10:00:00Z","text":"Учёные нашли ударный кратер на Луне, запись {n} #космос"}}"#
        )
        .unwrap();
    }
    home.write("posts.jsonl", lines);
    home.ok(&["import", "posts.jsonl"]);
    home
}

/// Nothing is due, in the window whose engine runs and in one that only watches.
fn idle() {
    let home = home_with(50);
    for (what, args) in [("with its engine", &[][..]), ("observing", &["--observe"])] {
        let mut deck = Deck::open(&home.tagdeck(args), SIZE);
        deck.until("all tagged", |screen| screen.contains("100 %"));
        // Until the pace of the last minute is that of an idle one, and what the start has to do is done.
        deck.listen(Duration::from_secs(70));
        let (cpu, sleeps, began) = (deck.cpu(), deck.sleeps(), Instant::now());
        let bytes = deck.listen(IDLE);
        let share = deck.cpu().saturating_sub(cpu).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
        let sleeps = (deck.sleeps() - sleeps) as f64 / began.elapsed().as_secs_f64();
        told(&format!("idle {what}: bytes to the terminal in 60 s"), bytes as f64, "B", 0.0);
        told(&format!("idle {what}: share of a core"), share, "%", 0.2);
        println!("   woken {sleeps:.1} times a second, resident {} MB", deck.resident_mb());
        deck.press("q");
        deck.ended(Duration::from_secs(8));
    }
}

/// Keys that open a pane or a window, and what that shows.
const KEYS: [(&str, &str); 5] =
    [("3", "all events"), ("?", "Keys · Log"), ("q", ""), ("2", "failed and retrying"), ("1", "Attention")];

/// Times from a key to the screen that answers it, in order.
fn key_to_paint(deck: &mut Deck, rounds: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for round in 0..rounds {
        for (nth, (key, words)) in KEYS.iter().enumerate() {
            // At no fixed place between two frames.
            deck.listen(Duration::from_millis(20 + ((round * 7 + nth * 13) % 37) as u64));
            let pressed = Instant::now();
            deck.press(key);
            if words.is_empty() {
                deck.hides("Keys · Log");
            } else {
                deck.shows(words);
            }
            times.push(pressed.elapsed());
        }
    }
    times.sort_unstable();
    times
}

fn rate(deck: &mut Deck, time: Duration) -> (f64, f64) {
    let (from, began) = (deck.seen.len(), Instant::now());
    deck.listen(time);
    let seconds = began.elapsed().as_secs_f64();
    let frames = deck.seen[from..].windows(FRAME.len()).filter(|window| *window == FRAME).count();
    ((deck.seen.len() - from) as f64 / seconds, frames as f64 / seconds)
}

/// Bytes a second on the panes that change most.
fn bytes(deck: &mut Deck, what: &str, at_most: f64) {
    for (key, words, pane) in [("1", "Attention", "overview"), ("3", "all events", "log"), ("2", "failed and retrying", "failed")]
    {
        deck.press_for(key, words);
        deck.listen(Duration::from_secs(2));
        let cpu = deck.cpu();
        let (bytes, frames) = rate(deck, BUSY);
        let cpu = deck.cpu().saturating_sub(cpu).as_secs_f64() / BUSY.as_secs_f64() * 100.0;
        told(&format!("{what}: bytes to the terminal in a second, {pane}"), bytes, "B/s", at_most);
        println!("   {frames:.1} frames a second, {cpu:.1} % of a core");
    }
}

fn answers(deck: &mut Deck, what: &str) {
    let times = key_to_paint(deck, 40);
    println!(
        "   {what}: key to paint p50 {:.1} ms, slowest {:.1} ms of {}",
        ms(at(&times, 0.5)),
        ms(at(&times, 1.0)),
        times.len()
    );
    told(&format!("{what}: key to paint p99"), ms(at(&times, 0.99)), "ms", 20.0);
}

/// Other processes write 10,000 events a second into the log that all share; this window watches them.
fn busy() {
    let home = home_with(2_000);
    let source = Source::events(&home.database());
    let (before, began) = (source.written(), Instant::now());
    let mut deck = Deck::open(&home.tagdeck(&["--observe"]), SIZE);
    deck.shows("2 000 posts");
    bytes(&mut deck, "10k events/s", 8_000.0);
    answers(&mut deck, "10k events/s");
    println!("   resident {} MB", deck.resident_mb());
    deck.press("q");
    deck.ended(Duration::from_secs(8));
    let mut deck = Deck::open(&home.tagdeck(&["--observe", "--low-bandwidth"]), SIZE);
    deck.shows("2 000 posts");
    bytes(&mut deck, "10k events/s, --low-bandwidth", 1_000.0);
    answers(&mut deck, "10k events/s, --low-bandwidth");
    let pace = (source.written() - before) as f64 / began.elapsed().as_secs_f64();
    println!("   the source wrote {pace:.0} events/s");
    assert!(pace > 9_500.0, "this machine was too slow for the source: nothing is shown");
}

/// The engine of this window works as fast as it can, which is as much as two cores do.
fn own() {
    let server = Source::server(0);
    let home = Home::new();
    home.write(
        "config.toml",
        format!(
            "[tagging]\nroute = [\"demo/tortoise-steady\"]\nvocabulary = false\n[[providers]]\nname = \"bench\"\nbase_url = \"{}\"\nkey = \"sk-test\"\n",
            server.said
        ),
    );
    measured_posts::fill(&home.database(), 150_000);
    let mut deck = Deck::open(&home.tagdeck(&[]), SIZE);
    deck.shows("150 000 posts");
    bytes(&mut deck, "own engine at full speed", 8_000.0);
    answers(&mut deck, "own engine at full speed");
    deck.press_for("1", "in flight");
    println!("   {}", deck.screen().lines().find(|line| line.contains("150 000 posts")).unwrap_or_default().trim());
}

/// A million posts, first an old busy database, then nothing but failures.
fn million() {
    let runtime = Runtime::new().unwrap();
    let mixed = Db::sqlite();
    runtime.block_on(million::fill(&mixed, million::MIXED, million::AS_IMPORTED));
    start(&mixed);
    drop(mixed);
    let failed = Db::sqlite();
    runtime.block_on(million::fill(&failed, million::FAILED, million::SCATTERED));
    pages(&failed, &runtime);
    walk(&failed);
}

fn observer(db: &Db, folder: &Home) -> Deck {
    Deck::open(&folder.tagdeck(&["--observe", "--database", &db.url]), SIZE)
}

/// Start to a first frame that shows the million.
fn start(db: &Db) {
    let folder = Home::new();
    let mut times = Vec::new();
    let mut memory = 0;
    for _ in 0..7 {
        let began = Instant::now();
        let mut deck = observer(db, &folder);
        deck.shows("1 000 000");
        times.push(began.elapsed());
        memory = memory.max(deck.resident_mb());
    }
    times.sort_unstable();
    println!("   slowest of seven {:.1} ms", ms(times[6]));
    told("a million posts: start to the first frame with the count, median", ms(times[3]), "ms", 100.0);
    told("a million posts: resident memory", memory as f64, "MB", 100.0);
}

/// The pages that the list asks for, from the newest to beyond the middle.
fn pages(db: &Db, runtime: &Runtime) {
    let filter = PostFilter { status: Some(Status::Failed), ..PostFilter::default() };
    let mut times = runtime.block_on(async {
        let store = db.store().await;
        let (mut after, mut times) = (None, Vec::new());
        for nth in 0..100 {
            let began = Instant::now();
            let lines = store.posts(&filter, after, 200).await.unwrap();
            times.push(began.elapsed());
            let last = lines.last().unwrap();
            after = Some(PageKey { updated_at: last.updated_at - nth * 100, id: last.id });
        }
        times
    });
    times.sort_unstable();
    println!("   slowest of a hundred {:.1} ms", ms(times[99]));
    told("a million failed posts: a page of 200 from the database, median", ms(at(&times, 0.5)), "ms", 20.0);
}

/// Page after page through the list of failed posts.
fn walk(db: &Db) {
    let folder = Home::new();
    let mut deck = observer(db, &folder);
    deck.shows("1 000 000");
    deck.press_for("2", "1 of 1 000 000");
    deck.listen(Duration::from_secs(1));
    let (cpu, from) = (deck.cpu(), deck.seen.len());
    let mut times = Vec::new();
    for _ in 0..200 {
        let (before, pressed) = (deck.line(2), Instant::now());
        while deck.line(2) == before {
            // At the end of what is loaded a key moves nothing until the next page has come: it is pressed again.
            deck.press("\x1b[6~");
            let again = Instant::now() + Duration::from_millis(40);
            while deck.line(2) == before && Instant::now() < again {
                deck.listen(Duration::from_millis(1));
            }
        }
        times.push(pressed.elapsed());
    }
    let frames = deck.seen[from..].windows(FRAME.len()).filter(|window| *window == FRAME).count();
    let cpu = deck.cpu().saturating_sub(cpu) / frames as u32;
    times.sort_unstable();
    println!("   {} frames for 200 pages; {}", frames, deck.line(2).trim());
    println!("   key to the next page p50 {:.1} ms, slowest {:.1} ms", ms(at(&times, 0.5)), ms(times[199]));
    told("a million failed posts: key to the next page on the screen, p99", ms(at(&times, 0.99)), "ms", 20.0);
    told("a million failed posts: all the program computes for a frame", ms(cpu), "ms", 2.0);
}

//! The dashboard on a real pseudo-terminal: what it leaves behind on every way out, and that it is silent when nothing happens.
//! The child is this test binary itself, running only [`dashboard`], so that these promises need no engine and no database.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::watch;

#[path = "../../../tests/support/deck.rs"]
mod deck;

use crate::domain::{EventKind, Phase, Snapshot};
use crate::engine::event::{Draft, EventLog};
use crate::text::Safe;
use crate::tui::effect::{Done, Effect};
use crate::tui::update::Msg;
use crate::tui::{Ended, Feeds, Options, fixture, session};
use deck::{Deck, ENTERED, FRAME, LEFT, PATIENCE};

const CHILD: &str = "TAGDECK_TEST_DASHBOARD";

/// Also the role of the child in the other tests of this file, taken when the variable asks for it.
#[test]
fn without_a_terminal_the_dashboard_names_what_works_instead() {
    if let Ok(spec) = std::env::var(CHILD) {
        return dashboard(&spec);
    }
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("ended");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(AS_CHILD)
        .env(CHILD, format!("busy:{}", note.display()))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    let ended = std::fs::read_to_string(note).unwrap();
    assert!(ended.contains("not a terminal") && ended.contains("`tagdeck run` works without one"), "{ended}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains('\u{1b}'));
}

/// Arguments that run only the child's role.
const AS_CHILD: [&str; 4] =
    ["tui::tests::pty::without_a_terminal_the_dashboard_names_what_works_instead", "--exact", "--nocapture", "--test-threads=1"];

/// The dashboard, on the terminal of this process. Writes how it ended to the file named.
fn dashboard(spec: &str) {
    let (mode, note) = spec.split_once(':').unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let log = EventLog::new(Safe::fixed("deck-1"));
    let snapshot = if mode == "idle" { Snapshot { phase: Phase::Idle, ..Snapshot::default() } } else { fixture::snapshot() };
    let snapshots = watch::Sender::new(snapshot);
    if mode == "flood" {
        let log = log.clone();
        runtime.spawn(async move {
            loop {
                log.publish(Draft::new(EventKind::Engine, Safe::line(&format!("event at {:?}", Instant::now()))));
                tokio::task::yield_now().await;
            }
        });
    }
    let perform = |effect| async move {
        match effect {
            Effect::Pause => panic!("a bug quoting a post: \u{1b}[31m\u{9b}2J"),
            Effect::Resume => Some(Msg::Done(Ok(Done::Resumed))),
            _ => None,
        }
    };
    let options = Options { title: "bot.db".to_owned(), ..Options::default() };
    let ended = runtime.block_on(session(Feeds { snapshots: snapshots.subscribe(), log }, &options, perform));
    std::fs::write(note, ended.map_or_else(|error| error.to_string(), |ended| format!("{ended:?}"))).unwrap();
}

/// The dashboard on a terminal, with the folder in which it notes how it ended.
fn open(mode: &str) -> (Deck, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let dashboard = std::env::current_exe().unwrap();
    // `job`: behind a shell, as a job of its session; else the dashboard leads the session itself.
    let mut command = if mode == "job" { Command::new("sh") } else { Command::new(&dashboard) };
    if mode == "job" {
        command.args(["-c", "\"$@\"; exit $?", "sh", dashboard.to_str().unwrap()]);
    }
    command.args(AS_CHILD).env(CHILD, format!("{mode}:{}", folder.path().join("ended").display()));
    for name in ["PATH", "HOME", "LD_LIBRARY_PATH"] {
        command.env(name, std::env::var_os(name).unwrap_or_default());
    }
    command.env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color");
    (Deck::open(&command, (120, 36)), folder)
}

/// Waits for the end; what the dashboard noted about it.
fn ended((mut deck, folder): (Deck, tempfile::TempDir)) -> (String, Deck) {
    deck.ended(PATIENCE);
    (std::fs::read_to_string(folder.path().join("ended")).unwrap_or_default(), deck)
}

#[test]
fn leaving_gives_the_terminal_back() {
    let mut open = open("busy");
    let deck = &mut open.0;
    deck.shows("Attention");
    assert!(!deck.cooked());
    deck.shows("gemini-2.5-flash");
    deck.press("q");
    let (how, deck) = ended(open);
    deck.given_back("q");
    assert_eq!(how, format!("{:?}", Ended::Quit));
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut open = open("busy");
        open.0.shows("Attention");
        open.0.signal(signal);
        let (how, deck) = ended(open);
        deck.given_back(&format!("{signal:?}"));
        assert_eq!(how, format!("{:?}", Ended::Terminated));
    }
}

#[test]
fn a_panic_in_the_background_gives_the_terminal_back_and_is_told_harmlessly() {
    let mut open = open("busy");
    open.0.shows("Attention");
    open.0.press("p");
    let (how, deck) = ended(open);
    deck.given_back("a panic");
    assert_eq!(how, format!("{:?}", Ended::Panicked));
    let raw = deck.raw();
    let told = &raw[raw.rfind(LEFT).unwrap() + LEFT.len()..];
    assert!(told.contains("a bug quoting a post: ␛[31m") && !told.contains("\u{1b}[31m"), "{told:?}");
}

#[test]
fn a_lost_terminal_ends_the_dashboard() {
    let mut open = open("busy");
    open.0.shows("Attention");
    open.0.hang_up();
    assert_eq!(ended(open).0, format!("{:?}", Ended::Lost));
}

#[test]
fn nothing_is_written_while_nothing_happens() {
    let mut open = open("idle");
    let deck = &mut open.0;
    deck.shows("Attention");
    deck.listen(Duration::from_millis(300));
    // The clock in the header may change its minute once within this time, not twice.
    let silent = (0..2).any(|_| deck.listen(Duration::from_millis(2_500)) == 0);
    assert!(silent, "{:?}", deck.raw());
    deck.press("q");
    ended(open);
}

#[test]
fn a_flood_of_events_is_drawn_at_thirty_frames_a_second_at_most() {
    // From before the first: however late they are read here, they were drawn within this time.
    let began = Instant::now();
    let mut open = open("flood");
    let deck = &mut open.0;
    deck.shows("Attention");
    let mut frames = 0;
    while frames <= 10 {
        assert!(began.elapsed() < PATIENCE, "only {frames} frames");
        deck.listen(Duration::from_millis(700));
        frames = deck.raw().matches(FRAME).count();
        assert!(frames as u128 <= began.elapsed().as_millis() / 33 + 2, "{frames}");
    }
    deck.press_for("3", "following");
    deck.press("\u{3}");
    let (how, deck) = ended(open);
    deck.given_back("Ctrl-C in a flood");
    assert_eq!(how, format!("{:?}", Ended::Quit));
}

#[test]
fn every_frame_is_one_synchronized_update() {
    let mut open = open("busy");
    open.0.shows("Attention");
    open.0.press_for("2", "Loading");
    open.0.press("q");
    let (_, deck) = ended(open);
    for frame in deck.raw().split(FRAME).skip(1) {
        assert!(frame.contains("\u{1b}[?2026l"), "{frame:?}");
    }
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let mut open = open("job");
    let deck = &mut open.0;
    deck.shows("Attention");
    deck.press("\u{1a}");
    deck.writes(0, LEFT);
    deck.until_stopped();
    assert!(deck.cooked());
    let from = deck.seen.len();
    deck.signal_job(Signal::CONT);
    deck.writes(from, ENTERED);
    deck.writes(from, "Attention");
    assert!(!deck.cooked());
    deck.press("q");
    assert_eq!(ended(open).0, format!("{:?}", Ended::Quit));
}

#[test]
fn ctrl_z_is_refused_where_nobody_could_wake_the_dashboard() {
    let mut open = open("busy");
    open.0.shows("Attention");
    open.0.press_for("\u{1a}", "no shell to return to");
    open.0.press("q");
    assert_eq!(ended(open).0, format!("{:?}", Ended::Quit));
}

#[test]
fn a_stop_from_outside_gives_the_terminal_back_too() {
    let mut open = open("busy");
    let deck = &mut open.0;
    deck.shows("Attention");
    deck.signal(Signal::TSTP);
    deck.writes(0, LEFT);
    deck.until_stopped();
    let from = deck.seen.len();
    deck.signal(Signal::CONT);
    deck.writes(from, "Attention");
    deck.signal(Signal::TERM);
    assert_eq!(ended(open).0, format!("{:?}", Ended::Terminated));
}

//! The dashboard on a real pseudo-terminal: what it leaves behind on every way out, and that it is silent when nothing happens.
//! The child is this test binary itself, running only [`dashboard`], so that these promises need no engine and no database.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::sync::watch;

use crate::domain::{EventKind, Phase, Snapshot};
use crate::engine::event::{Draft, EventLog};
use crate::text::Safe;
use crate::tui::effect::{Done, Effect};
use crate::tui::update::Msg;
use crate::tui::{Ended, Feeds, Options, fixture, session};

const CHILD: &str = "TAGDECK_TEST_DASHBOARD";
const LEFT: &str = "\u{1b}[?1049l";
const ENTERED: &str = "\u{1b}[?1049h";
const FRAME: &str = "\u{1b}[?2026h";
const PATIENCE: Duration = Duration::from_secs(10);

/// Also the role of the child in the other tests of this file, taken when the variable asks for it.
#[test]
fn without_a_terminal_the_dashboard_names_what_works_instead() {
    if let Ok(spec) = std::env::var(CHILD) {
        return dashboard(&spec);
    }
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("ended");
    let output = std::process::Command::new(std::env::current_exe().unwrap())
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

struct Deck {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    output: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    folder: tempfile::TempDir,
}

impl Deck {
    fn open(mode: &str) -> Self {
        let size = PtySize { rows: 36, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dashboard = std::env::current_exe().unwrap();
        // `job`: behind a shell, as a job of its session; else the dashboard leads the session itself.
        let mut command = if mode == "job" { CommandBuilder::new("sh") } else { CommandBuilder::new(&dashboard) };
        if mode == "job" {
            command.args(["-c", "\"$@\"; exit $?", "sh", dashboard.to_str().unwrap()]);
        }
        command.args(AS_CHILD);
        command.env(CHILD, format!("{mode}:{}", folder.path().join("ended").display()));
        command.env("LC_ALL", "C.UTF-8");
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (heard, output) = channel();
        std::thread::spawn(move || {
            let mut chunk = vec![0; 65_536];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                if heard.send(chunk[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let keys = Some(pair.master.take_writer().unwrap());
        Self { child, master: Some(pair.master), keys, output, seen: Vec::new(), folder }
    }

    /// Everything that comes within this time.
    fn listen(&mut self, time: Duration) -> usize {
        let (before, end) = (self.seen.len(), Instant::now() + time);
        while let Ok(bytes) = self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.seen.extend(bytes);
        }
        self.seen.len() - before
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads on until the output from `from` on holds this.
    fn until(&mut self, from: usize, words: &str) {
        let end = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.seen[from..]).contains(words) {
            let Ok(bytes) = self.output.recv_timeout(end.saturating_duration_since(Instant::now())) else {
                panic!("no {words:?} in {:?}", self.text());
            };
            self.seen.extend(bytes);
        }
    }

    fn screen(&self) -> String {
        let cells = |n| std::num::NonZero::new(n).unwrap();
        let mut terminal = vt100::Parser::new(cells(36), cells(120), 0);
        terminal.process(&self.seen);
        terminal.screen().contents()
    }

    fn press(&mut self, keys: &str) {
        self.keys.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// To the job as a whole, as `fg` does.
    fn signal_job(&self, signal: Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process_group(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// `T` while stopped; see proc(5).
    fn state(&self) -> String {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.process_id().unwrap())).unwrap_or_default();
        stat.rsplit(')').next().unwrap_or_default().trim().chars().take(1).collect()
    }

    fn until_stopped(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.state() != "T" {
            assert!(Instant::now() < end, "not stopped");
            self.listen(Duration::from_millis(10));
        }
    }

    /// Waits for the end; what the dashboard said about it.
    fn ended(mut self) -> (String, String) {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "still running: {:?}", self.text());
            self.listen(Duration::from_millis(20));
        }
        self.listen(Duration::from_millis(50));
        (std::fs::read_to_string(self.folder.path().join("ended")).unwrap_or_default(), self.text())
    }

    fn cooked(&self) -> bool {
        let flags = format!("{:?}", self.master.as_ref().unwrap().get_termios().unwrap().local_flags);
        flags.contains("ICANON") && flags.contains("ECHO")
    }
}

/// The terminal as it was: main screen, cursor shown, no bracketed paste.
fn given_back(output: &str) {
    for restored in [LEFT, "\u{1b}[?25h", "\u{1b}[?2004l"] {
        let at = output.rfind(restored).unwrap_or_else(|| panic!("no {restored:?} in {output:?}"));
        assert!(at > output.rfind(ENTERED).unwrap(), "{restored:?} came too early");
    }
    assert!(output.rfind(FRAME) < output.rfind(LEFT), "a frame after the end");
}

#[test]
fn leaving_gives_the_terminal_back() {
    let mut deck = Deck::open("busy");
    deck.until(0, "Attention");
    assert!(!deck.cooked());
    let screen = deck.screen();
    assert!(screen.contains("google/gemini") || screen.contains("gemini-2.5-flash"), "{screen}");
    deck.press("q");
    deck.until(0, LEFT);
    let end = Instant::now() + PATIENCE;
    while !deck.cooked() {
        assert!(Instant::now() < end);
        deck.listen(Duration::from_millis(10));
    }
    let (ended, output) = deck.ended();
    given_back(&output);
    assert_eq!(ended, format!("{:?}", Ended::Quit));
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut deck = Deck::open("busy");
        deck.until(0, "Attention");
        deck.signal(signal);
        let (ended, output) = deck.ended();
        given_back(&output);
        assert_eq!(ended, format!("{:?}", Ended::Terminated));
    }
}

#[test]
fn a_panic_in_the_background_gives_the_terminal_back_and_is_told_harmlessly() {
    let mut deck = Deck::open("busy");
    deck.until(0, "Attention");
    deck.press("p");
    let (ended, output) = deck.ended();
    given_back(&output);
    assert_eq!(ended, format!("{:?}", Ended::Panicked));
    let told = &output[output.rfind(LEFT).unwrap() + LEFT.len()..];
    assert!(told.contains("a bug quoting a post: ␛[31m") && !told.contains("\u{1b}[31m"), "{told:?}");
}

#[test]
fn a_lost_terminal_ends_the_dashboard() {
    let mut deck = Deck::open("busy");
    deck.until(0, "Attention");
    // What sshd does when the connection drops: the other end of the pseudo-terminal is closed.
    (deck.master, deck.keys) = (None, None);
    let output = std::mem::replace(&mut deck.output, channel().1);
    drop(output);
    deck.signal(Signal::HUP);
    let end = Instant::now() + PATIENCE;
    while deck.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "still running");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(std::fs::read_to_string(deck.folder.path().join("ended")).unwrap(), format!("{:?}", Ended::Lost));
}

#[test]
fn nothing_is_written_while_nothing_happens() {
    let mut deck = Deck::open("idle");
    deck.until(0, "Attention");
    deck.listen(Duration::from_millis(300));
    // The clock in the header may change its minute once within this time, not twice.
    let silent = (0..2).any(|_| deck.listen(Duration::from_millis(2_500)) == 0);
    assert!(silent, "{:?}", deck.text());
    deck.press("q");
    deck.ended();
}

#[test]
fn a_flood_of_events_is_drawn_at_thirty_frames_a_second_at_most() {
    let mut deck = Deck::open("flood");
    deck.until(0, "Attention");
    let (from, began) = (deck.seen.len(), Instant::now());
    deck.listen(Duration::from_millis(700));
    let frames = String::from_utf8_lossy(&deck.seen[from..]).matches(FRAME).count();
    assert!(frames > 2 && frames as u128 <= began.elapsed().as_millis() / 33 + 2, "{frames}");
    deck.press("3");
    deck.until(from, "following");
    deck.press("\u{3}");
    let (ended, output) = deck.ended();
    given_back(&output);
    assert_eq!(ended, format!("{:?}", Ended::Quit));
}

#[test]
fn every_frame_is_one_synchronized_update() {
    let mut deck = Deck::open("busy");
    deck.until(0, "Attention");
    deck.press("2");
    deck.until(0, "Loading");
    deck.press("q");
    let (_, output) = deck.ended();
    for frame in output.split(FRAME).skip(1) {
        assert!(frame.contains("\u{1b}[?2026l"), "{frame:?}");
    }
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let mut deck = Deck::open("job");
    deck.until(0, "Attention");
    deck.press("\u{1a}");
    deck.until(0, LEFT);
    deck.until_stopped();
    assert!(deck.cooked());
    let from = deck.seen.len();
    deck.signal_job(Signal::CONT);
    deck.until(from, ENTERED);
    deck.until(from, "Attention");
    assert!(!deck.cooked());
    deck.press("q");
    assert_eq!(deck.ended().0, format!("{:?}", Ended::Quit));
}

#[test]
fn ctrl_z_is_refused_where_nobody_could_wake_the_dashboard() {
    let mut deck = Deck::open("busy");
    deck.until(0, "Attention");
    deck.press("\u{1a}");
    deck.until(0, "no shell to return to");
    deck.press("q");
    assert_eq!(deck.ended().0, format!("{:?}", Ended::Quit));
}

#[test]
fn a_stop_from_outside_gives_the_terminal_back_too() {
    let mut deck = Deck::open("busy");
    deck.until(0, "Attention");
    deck.signal(Signal::TSTP);
    deck.until(0, LEFT);
    deck.until_stopped();
    let from = deck.seen.len();
    deck.signal(Signal::CONT);
    deck.until(from, "Attention");
    deck.signal(Signal::TERM);
    assert_eq!(deck.ended().0, format!("{:?}", Ended::Terminated));
}

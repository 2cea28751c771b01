//! The real dashboard on a pseudo-terminal: what it writes, byte for byte, and what a terminal makes of it.
//! It asserts nothing but that what is waited for comes in time, and that the terminal is given back.

#![allow(dead_code, reason = "each test uses its own part of it")]

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Longest wait for anything; two busy cores run several of these at once.
pub const PATIENCE: Duration = Duration::from_mins(1);

pub const LEFT: &str = "\u{1b}[?1049l";
pub const ENTERED: &str = "\u{1b}[?1049h";
pub const FRAME: &str = "\u{1b}[?2026h";

/// A running dashboard, ended when dropped.
pub struct Deck {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    output: Option<Receiver<Vec<u8>>>,
    stalled: Arc<AtomicBool>,
    /// Every byte written so far.
    pub seen: Vec<u8>,
    terminal: vt100::Parser,
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Deck {
    /// Starts a command (its environment, arguments and folder are taken over) on a terminal of this size.
    pub fn open(command: &Command, (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut started = CommandBuilder::new(command.get_program());
        started.args(command.get_args());
        started.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                started.env(name, value);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            started.cwd(folder);
        }
        let child = pair.slave.spawn_command(started).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (heard, output) = channel();
        let stalled = Arc::new(AtomicBool::new(false));
        let stands_still = Arc::clone(&stalled);
        std::thread::spawn(move || {
            let mut chunk = vec![0; 65_536];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                if heard.send(chunk[..read].to_vec()).is_err() {
                    return;
                }
                while stands_still.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        });
        let keys = Some(pair.master.take_writer().unwrap());
        let terminal = vt100::Parser::new(cells(rows), cells(columns), 0);
        Self { child, master: Some(pair.master), keys, output: Some(output), stalled, seen: Vec::new(), terminal }
    }

    /// Takes in what comes within this time; returns the bytes.
    pub fn listen(&mut self, time: Duration) -> usize {
        let (before, end) = (self.seen.len(), Instant::now() + time);
        while self.hear(end.saturating_duration_since(Instant::now())) {}
        self.seen.len() - before
    }

    /// Takes in what comes until nothing has come for half a second: a person would say that the screen stands still.
    pub fn settles(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.listen(Duration::from_millis(500)) > 0 {
            assert!(Instant::now() < end, "it does not come to rest; the screen is\n{}", self.screen());
        }
    }

    /// False when nothing came in time, or nothing will.
    fn hear(&mut self, time: Duration) -> bool {
        match self.output.as_ref().map(|output| output.recv_timeout(time)) {
            Some(Ok(bytes)) => {
                self.terminal.process(&bytes);
                self.seen.extend(bytes);
                true
            }
            Some(Err(RecvTimeoutError::Timeout)) | None => false,
            Some(Err(RecvTimeoutError::Disconnected)) => {
                std::thread::sleep(time.min(Duration::from_millis(5)));
                false
            }
        }
    }

    /// Nothing more is read from the terminal, as over a line that stands still; or it goes on.
    pub fn stall(&mut self, stalled: bool) {
        self.stalled.store(stalled, Ordering::SeqCst);
    }

    /// Everything written so far, escape sequences among it.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads on until what is written from byte `from` on holds this.
    pub fn writes(&mut self, from: usize, words: &str) {
        let end = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.seen[from..]).contains(words) {
            assert!(Instant::now() < end, "no {words:?} in {:?}", self.raw());
            self.hear(Duration::from_millis(50));
        }
    }

    /// The screen as a person sees it.
    pub fn screen(&self) -> String {
        self.terminal.screen().contents()
    }

    /// What the terminal is set to.
    pub fn state(&self) -> &vt100::Screen {
        self.terminal.screen()
    }

    /// One line of the screen.
    pub fn line(&self, row: usize) -> String {
        self.screen().lines().nth(row).unwrap_or_default().to_owned()
    }

    /// Reads on until the screen is as wanted.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !wanted(&self.screen()) {
            assert!(Instant::now() < end, "{what}: did not come; the screen is\n{}", self.screen());
            self.hear(Duration::from_millis(50));
        }
    }

    /// Reads on until the screen shows these words.
    pub fn shows(&mut self, words: &str) {
        self.until(words, |screen| screen.contains(words));
    }

    /// Reads on until the screen does not show these words any more.
    pub fn hides(&mut self, words: &str) {
        self.until(&format!("without {words}"), |screen| !screen.contains(words));
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.keys.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Types, and waits for what that shows.
    pub fn press_for(&mut self, keys: &str, words: &str) {
        self.press(keys);
        self.shows(words);
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
        self.terminal.screen_mut().set_size(cells(rows), cells(columns));
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.process_id().unwrap()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    /// To its job as a whole, as `fg` does.
    pub fn signal_job(&self, signal: Signal) {
        kill_process_group(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    /// Waits until it is stopped; see proc(5).
    pub fn until_stopped(&mut self) {
        let end = Instant::now() + PATIENCE;
        let stopped = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") T "));
        while !stopped(self.pid()) {
            assert!(Instant::now() < end, "not stopped");
            self.listen(Duration::from_millis(10));
        }
    }

    /// The terminal is as it was before: main screen, cursor shown, modes off, nothing drawn afterwards.
    pub fn given_back(&self, how: &str) {
        let raw = self.raw();
        let left = raw.rfind(LEFT).unwrap_or_else(|| panic!("{how}: the alternate screen was not left: {raw:?}"));
        assert!(left > raw.rfind(ENTERED).unwrap(), "{how}");
        assert!(raw.rfind(FRAME) < Some(left), "{how}: a frame after the end");
        for restored in ["\u{1b}[?25h", "\u{1b}[?2004l", "\u{1b}[?2026l"] {
            assert!(raw.rfind(restored) > raw.rfind(ENTERED), "{how}: no {restored:?}");
        }
        let state = self.state();
        assert!(!state.alternate_screen() && !state.hide_cursor() && !state.bracketed_paste(), "{how}");
        assert_eq!(state.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "{how}");
        assert!(!state.application_cursor() && !state.application_keypad(), "{how}");
        assert!(self.cooked(), "{how}: keys are not echoed");
    }

    /// True while the terminal echoes and gathers lines, as a shell leaves it.
    pub fn cooked(&self) -> bool {
        let flags = format!("{:?}", self.master.as_ref().unwrap().get_termios().unwrap().local_flags);
        flags.contains("ICANON") && flags.contains("ECHO")
    }

    /// What sshd does when the connection drops: the other end of the pseudo-terminal is closed.
    pub fn hang_up(&mut self) {
        self.stall(false);
        self.output = None;
        // The reading thread holds the terminal open until it has something to hand over and finds nobody there.
        self.press("\u{c}");
        (self.master, self.keys) = (None, None);
    }

    /// Waits for the end.
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.listen(Duration::from_millis(50));
                return status;
            }
            assert!(Instant::now() < end, "still running; the screen is\n{}", self.screen());
            if !self.hear(Duration::from_millis(20)) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Processor time of all its threads so far, exact where [`Deck::cpu_ticks`] counts hundredths; see proc(5), `schedstat`.
    pub fn cpu(&self) -> Duration {
        let nanoseconds = |text: String| text.split(' ').next().and_then(|first| first.parse::<u64>().ok());
        Duration::from_nanos(self.threads("schedstat").into_iter().filter_map(nanoseconds).sum())
    }

    /// How often a thread of it had nothing to do and slept since the start: once for each time that one was woken.
    /// Unlike processor time it does not grow with what else the machine does.
    pub fn sleeps(&self) -> u64 {
        let count = |text: String| {
            let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            line.trim().parse::<u64>().ok()
        };
        self.threads("status").into_iter().filter_map(count).sum()
    }

    /// Resident memory, MB.
    pub fn resident_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// This file of each of its threads.
    fn threads(&self, file: &str) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        // A thread may end while they are read.
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join(file)).ok()).collect()
    }

    /// Processor time used so far, user and system, in hundredths of a second; see proc(5).
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }
}

impl Drop for Deck {
    fn drop(&mut self) {
        self.stall(false);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

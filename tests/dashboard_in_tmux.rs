//! The dashboard in a real tmux, as most people keep it over SSH: start, sizes, suspend and return, copying, a session that is killed.
//! What needs no multiplexer is tested on a pseudo-terminal of its own, in `dashboard_in_a_terminal.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "support/program.rs"]
mod program;

use std::process::Command;
use std::time::{Duration, Instant};

use program::Home;

/// Two busy cores run several of these at once.
const PATIENCE: Duration = Duration::from_mins(1);

/// A tmux server of its own, with a shell in one window of 120×36; ended when dropped.
struct Tmux<'a> {
    home: &'a Home,
}

impl<'a> Tmux<'a> {
    /// `None`: there is no tmux on this machine.
    fn start(home: &'a Home) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            println!("no tmux on this machine, so nothing was checked in one");
            return None;
        }
        let tmux = Self { home };
        let folder = home.path().display().to_string();
        tmux.run(&["new-session", "-d", "-c", &folder, "-x", "120", "-y", "36", "sh"]);
        tmux.run(&["set-option", "-g", "set-clipboard", "on"]);
        Some(tmux)
    }

    fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.args(["-u", "-f", "/dev/null", "-S"]).arg(self.home.path().join("tmux")).args(args).env_clear();
        for (name, value) in self.home.tagdeck(&[]).get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let output = command.env("PS1", "shell> ").env("SHELL", "/bin/sh").output().unwrap();
        assert!(output.status.success(), "tmux {args:?}: {}", program::text(&output.stderr));
        program::text(&output.stdout)
    }

    fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !wanted(&self.screen()) {
            assert!(Instant::now() < end, "{what}: did not come; the screen is\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn shows(&self, words: &str) {
        self.until(words, |screen| screen.contains(words));
    }

    fn press(&self, key: &str) {
        self.run(&["send-keys", key]);
    }

    fn press_for(&self, key: &str, words: &str) {
        self.press(key);
        self.shows(words);
    }

    /// Starts the dashboard as a job of the shell; returns its process once it is there.
    fn dashboard(&self, args: &str) -> u32 {
        let binary = env!("CARGO_BIN_EXE_tagdeck");
        self.run(&["send-keys", "-l", &format!("sh -c 'echo $$ >pid; exec {binary} {args}'")]);
        self.press_for("Enter", "? help");
        std::fs::read_to_string(self.home.path().join("pid")).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.home.path().join("tmux")).arg("kill-server").output();
    }
}

fn home() -> Home {
    let home = Home::new();
    let post = r#"{"channel":"Наука","message_id":1,"date":"2026-11-20T10:00:00Z","text":"Учёные нашли ударный кратер на Луне #космос"}"#;
    home.write("posts.jsonl", post);
    home.ok(&["import", "posts.jsonl"]);
    home
}

#[test]
fn in_tmux_it_starts_follows_every_size_and_leaves_the_shell_as_it_was() {
    let home = home();
    let Some(tmux) = Tmux::start(&home) else { return };
    tmux.shows("shell>");
    tmux.dashboard("");
    tmux.shows("nothing is due");
    for (nth, (columns, rows)) in
        [(200, 60), (1, 1), (80, 24), (2, 50), (300, 100), (60, 20), (119, 35)].iter().cycle().take(35).enumerate()
    {
        tmux.run(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
        if nth % 5 == 0 {
            tmux.press(["1", "2", "3", "4", "5"][nth / 5 % 5]);
        }
    }
    tmux.run(&["resize-window", "-x", "120", "-y", "36"]);
    tmux.press_for("1", "Attention");
    tmux.until("every line to its end", |screen| {
        let lines: Vec<usize> = screen.lines().map(|line| line.chars().count()).collect();
        lines.len() == 36 && lines[2..35].iter().all(|columns| *columns == 120)
    });
    // The header has a clock.
    let below = |screen: &str| screen.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let before = below(&tmux.screen());
    tmux.press("C-l");
    std::thread::sleep(Duration::from_millis(100));
    tmux.until("the same after a whole redraw", |screen| below(screen) == before);
    tmux.press("q");
    tmux.until("the shell again", |screen| screen.contains("shell>") && !screen.contains("Attention"));
    // The keys are echoed again, and nothing of the dashboard is left in front of them.
    tmux.run(&["send-keys", "-l", "echo it$((1))works"]);
    tmux.press_for("Enter", "it1works");
}

#[test]
fn in_tmux_ctrl_z_and_fg_and_a_copied_line_work_and_a_killed_session_ends_it() {
    let home = home();
    let Some(tmux) = Tmux::start(&home) else { return };
    tmux.shows("shell>");
    let pid = tmux.dashboard("");
    tmux.shows("nothing is due");
    tmux.press("C-z");
    tmux.until("the shell", |screen| screen.contains("shell>") && !screen.contains("? help"));
    tmux.run(&["send-keys", "-l", "fg"]);
    tmux.press_for("Enter", "Attention");
    tmux.press_for("3", "following");
    tmux.press_for("Up", "standing still");
    tmux.press_for("y", "Copied ");
    let end = Instant::now() + PATIENCE;
    while !tmux.run(&["list-buffers"]).contains("buffer") {
        assert!(Instant::now() < end, "tmux has taken nothing");
        std::thread::sleep(Duration::from_millis(30));
    }
    assert!(tmux.run(&["show-buffer"]).contains(" · "), "{}", tmux.run(&["show-buffer"]));
    tmux.run(&["kill-session"]);
    let began = Instant::now();
    while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(began.elapsed() < Duration::from_secs(5), "still running");
        std::thread::sleep(Duration::from_millis(20));
    }
}

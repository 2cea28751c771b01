//! What the terminal can do, as far as its environment tells: colours, UTF-8, tmux and the clipboard, size.
//! It writes nothing to it: a question would be answered into whatever reads the keyboard.

use std::collections::BTreeMap;

use super::{Check, State};
use crate::text::Safe;

/// Smallest terminal that the dashboard draws on.
const SMALLEST: (u16, u16) = (60, 20);

/// What is known of the terminal.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// Columns and rows; `None`: stdout is no terminal.
    pub size: Option<(u16, u16)>,
    /// The variables that tell of it.
    pub environment: BTreeMap<String, String>,
}

impl Terminal {
    /// Variables that are looked at.
    pub const VARIABLES: [&'static str; 9] =
        ["TERM", "COLORTERM", "NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG", "TMUX", "STY", "SSH_CONNECTION"];

    pub(super) fn check(&self) -> Check {
        const NAME: &str = "terminal";
        let Some((columns, rows)) = self.size else {
            return Check::ok(NAME, "stdout is no terminal; the dashboard needs one");
        };
        let term = self.get("TERM");
        let utf8 = self.is_utf8();
        let mut seen = vec![format!("{} {columns}×{rows}", if term.is_empty() { "no TERM" } else { term })];
        seen.push(self.colours().to_owned());
        seen.push(if utf8 { "UTF-8".to_owned() } else { "no UTF-8 locale".to_owned() });
        seen.push(self.clipboard().to_owned());
        if !self.get("SSH_CONNECTION").is_empty() {
            seen.push("over SSH".to_owned());
        }
        let saw = seen.join(", ");
        let (state, remedy) = if term.is_empty() || term == "dumb" {
            (State::Warn, Some("the dashboard needs a terminal that moves its cursor: set TERM, such as xterm-256color"))
        } else if !utf8 {
            (State::Warn, Some("set LANG=C.UTF-8, or letters and bars will be wrong"))
        } else if columns < SMALLEST.0 || rows < SMALLEST.1 {
            (State::Warn, Some("make it larger: the dashboard draws from 60×20 on"))
        } else {
            (State::Ok, None)
        };
        Check::new(NAME, state, &saw, remedy)
    }

    fn get(&self, name: &str) -> &str {
        self.environment.get(name).map_or("", |value| value.trim())
    }

    fn colours(&self) -> &'static str {
        let term = self.get("TERM");
        if !self.get("NO_COLOR").is_empty() {
            "no colours (NO_COLOR)"
        } else if matches!(self.get("COLORTERM"), "truecolor" | "24bit") {
            "16 million colours"
        } else if term.contains("256") || term.contains("direct") {
            "256 colours"
        } else {
            "16 colours"
        }
    }

    /// The first that is set counts, as for the C library.
    fn is_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().map(|name| self.get(name)).find(|value| !value.is_empty());
        locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
    }

    fn clipboard(&self) -> &'static str {
        if !self.get("TMUX").is_empty() {
            "in tmux (copying needs `set -g set-clipboard on`)"
        } else if !self.get("STY").is_empty() {
            "in screen, which passes no copying on"
        } else if self.get("TERM") == "linux" {
            "a console without a clipboard"
        } else {
            "copying by OSC 52 where it is allowed"
        }
    }

    /// From the variables of this process.
    pub fn of(size: Option<(u16, u16)>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let environment = Self::VARIABLES
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), Safe::line(&variable(name)?).clipped(60).to_string())));
        Self { size, environment: environment.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(size: (u16, u16), pairs: &[(&str, &str)]) -> Check {
        let pairs: BTreeMap<&str, &str> = pairs.iter().copied().collect();
        Terminal::of(Some(size), |name| pairs.get(name).map(ToString::to_string)).check()
    }

    #[test]
    fn what_a_terminal_lacks_is_told_with_what_to_do() {
        let good = check((120, 36), &[("TERM", "xterm-256color"), ("LANG", "ru_RU.UTF-8"), ("TMUX", "/tmp/x")]);
        assert_eq!(good.state, State::Ok);
        assert_eq!(&*good.saw, "xterm-256color 120×36, 256 colours, UTF-8, in tmux (copying needs `set -g set-clipboard on`)");
        for (size, pairs, wanted) in [
            ((120, 36), &[("TERM", "dumb"), ("LANG", "C.UTF-8")][..], "set TERM"),
            ((120, 36), &[("TERM", "xterm"), ("LANG", "C.UTF-8"), ("LC_ALL", "POSIX")], "LANG=C.UTF-8"),
            ((40, 10), &[("TERM", "xterm"), ("LANG", "C.UTF-8")], "larger"),
        ] {
            let seen = check(size, pairs);
            assert!(seen.state == State::Warn && seen.remedy.as_ref().unwrap().contains(wanted), "{seen:?}");
        }
        assert_eq!(Terminal::default().check().state, State::Ok, "a pipe is no fault");
        assert!(check((80, 24), &[("TERM", "x\u{1b}[2Jterm"), ("LANG", "C.UTF-8")]).saw.contains('␛'));
    }
}

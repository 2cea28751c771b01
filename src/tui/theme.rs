//! Colours and symbols: the terminal's own 16 colours, one accent, and what carries the meaning where there are none.
//! It knows roles, not panes; which word gets which role is decided where the word is drawn.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::domain::{BreakerState, EventKind, Status};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Colours may be used; without them bold, reverse and symbols say the same.
    colour: bool,
    /// Nothing but ASCII may be written.
    ascii: bool,
}

#[allow(clippy::unused_self)] // every role is asked for in the same way, whether it depends on the terminal or not
impl Theme {
    /// A theme with or without colour, for a UTF-8 terminal or for a plain one.
    pub const fn new(colour: bool, utf8: bool) -> Self {
        Self { colour, ascii: !utf8 }
    }

    /// From the environment: `NO_COLOR`, then the first of `LC_ALL`, `LC_CTYPE`, `LANG` that is set.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let colour = set("NO_COLOR").is_none() && variable("TERM").is_none_or(|term| term != "dumb");
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default().to_lowercase();
        Self::new(colour, locale.contains("utf-8") || locale.contains("utf8"))
    }

    /// True when only ASCII may be written.
    pub const fn ascii(self) -> bool {
        self.ascii
    }

    /// True where nothing but bold, dim and reverse tells things apart.
    pub const fn is_colourless(self) -> bool {
        !self.colour
    }

    fn role(self, colour: Color, without: Modifier) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new().add_modifier(without) }
    }

    /// The accent: what has the focus, keys.
    pub fn accent(self) -> Style {
        self.role(Color::Cyan, Modifier::BOLD)
    }

    /// Less important than its neighbours. Dim rather than bright black, which some light palettes make invisible.
    pub fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// More important than its neighbours.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The line the cursor is on.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Went well.
    pub fn good(self) -> Style {
        self.role(Color::Green, Modifier::empty())
    }

    /// Will be tried again, or waits.
    pub fn warn(self) -> Style {
        self.role(Color::Yellow, Modifier::empty())
    }

    /// Went wrong.
    pub fn bad(self) -> Style {
        self.role(Color::Red, Modifier::BOLD)
    }

    /// Of a status.
    pub fn status(self, status: Status) -> Style {
        match status {
            Status::Success => self.good(),
            Status::Retrying => self.warn(),
            Status::Failed => self.bad(),
            Status::Pending => Style::new(),
            Status::Skipped => self.quiet(),
        }
    }

    /// Sign and style of an event.
    pub fn event(self, kind: EventKind) -> (&'static str, Style) {
        match kind {
            EventKind::Success => ("✓", self.good()),
            EventKind::Retry => ("↻", self.warn()),
            EventKind::Fallback => ("⇢", self.warn()),
            EventKind::PassFailed => ("!", self.warn()),
            EventKind::Failed => ("✗", self.bad()),
            EventKind::Skipped => ("–", self.quiet()),
            EventKind::PutOff => ("◷", self.warn()),
            EventKind::Paused => ("⏸", self.bad()),
            EventKind::Resumed => ("▶", self.good()),
            EventKind::Breaker => ("◐", self.warn()),
            EventKind::OcrStart => ("◌", self.quiet()),
            EventKind::OcrDone => ("●", self.good()),
            EventKind::OcrFailed => ("○", self.bad()),
            EventKind::Engine => ("·", self.quiet()),
        }
    }

    /// Sign and style of a breaker.
    pub fn breaker(self, state: BreakerState) -> (&'static str, Style) {
        match state {
            BreakerState::Closed => ("●", self.good()),
            BreakerState::HalfOpen => ("◐", self.warn()),
            BreakerState::Open => ("○", self.warn()),
            BreakerState::Off => ("✗", self.bad()),
        }
    }
}

/// Rewrites a frame in ASCII: lines and signs by likeness, letters of other scripts as `?`.
pub fn fold_to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let folded = ascii_for(cell.symbol().chars().next().unwrap_or(' '));
            cell.set_symbol(folded);
        }
    }
}

fn ascii_for(c: char) -> &'static str {
    match c {
        '│' | '▏' | '▎' | '▍' => "|",
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '✓' => "+",
        '█' | '▉' | '▊' | '▋' | '▌' | '▇' | '▆' => "#",
        '▁' | '▂' | '·' => ".",
        '▃' | '▄' | '▅' | '⏸' => "=",
        '●' => "*",
        '○' | '◷' => "o",
        '◐' => "%",
        '✗' | '×' => "x",
        '↻' => "r",
        // Not a dot: a word cut off must not look like the end of a sentence.
        '…' => "~",
        '⇢' | '→' | '▸' | '▶' => ">",
        '←' => "<",
        '↑' => "^",
        '↓' => "v",
        '─' | '–' | '—' | '−' => "-",
        '«' | '»' | '“' | '”' => "\"",
        '‘' | '’' => "'",
        '\u{a0}' | '\u{2009}' | '\u{202f}' => " ",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    fn environment(pairs: &'static [(&'static str, &'static str)]) -> Theme {
        Theme::detect(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_decides_about_colour_and_letters() {
        assert_eq!(environment(&[("LANG", "ru_RU.UTF-8")]), Theme::new(true, true));
        assert_eq!(environment(&[("LANG", "ru_RU.UTF-8"), ("LC_ALL", "C")]), Theme::new(true, false));
        assert_eq!(environment(&[("LC_CTYPE", "C.utf8"), ("NO_COLOR", "1")]), Theme::new(false, true));
        assert_eq!(environment(&[("LC_ALL", ""), ("LANG", "C.UTF-8"), ("NO_COLOR", "")]), Theme::new(true, true));
        assert_eq!(environment(&[]), Theme::new(true, false));
    }

    #[test]
    fn without_colour_no_style_has_one() {
        let theme = Theme::new(false, true);
        let styles = [theme.accent(), theme.good(), theme.warn(), theme.bad(), theme.quiet(), theme.selected()];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
    }

    #[test]
    fn a_folded_frame_is_ascii_alone() {
        let mut buffer = Buffer::with_lines(["┌─┐ ✓ Луна 漢 … ▂▃"]);
        buffer.resize(Rect::new(0, 0, 20, 1));
        fold_to_ascii(&mut buffer);
        assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
    }
}

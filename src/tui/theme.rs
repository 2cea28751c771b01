//! Colours and symbols: a theme's few roles, and signs that carry the meaning where there are no colours.
//! It knows roles, not panes; which word gets which role is decided where the word is drawn.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use crate::domain::{BreakerState, EventKind, Status};

/// The themes that come with the program, by name.
const THEMES: [(&str, &str); 6] = [
    ("terminal", include_str!("../../assets/themes/terminal.toml")),
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("night", include_str!("../../assets/themes/night.toml")),
    ("paper", include_str!("../../assets/themes/paper.toml")),
    ("mono", include_str!("../../assets/themes/mono.toml")),
];

/// Colours and what the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    accent: Style,
    quiet: Style,
    strong: Style,
    selected: Style,
    good: Style,
    warn: Style,
    bad: Style,
    /// Of every cell that says nothing else.
    base: Style,
    /// Nothing but ASCII may be written.
    ascii: bool,
    /// Emoji are drawn as a plain sign.
    replaces_emoji: bool,
}

/// The roles of a theme as its file names them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    accent: String,
    quiet: String,
    strong: String,
    selected: String,
    good: String,
    warn: String,
    bad: String,
    base: String,
}

impl Theme {
    /// The terminal's own colours or none, for a UTF-8 terminal or for a plain one.
    #[cfg(test)]
    pub fn new(colour: bool, utf8: bool) -> Self {
        Self { ascii: !utf8, ..Self::named(if colour { "terminal" } else { "mono" }) }
    }

    /// A theme by its name; a name that is none means the first.
    fn named(name: &str) -> Self {
        let text = THEMES.iter().find(|(known, _)| *known == name).map_or(THEMES[0].1, |(_, text)| text);
        Self::parse(text).unwrap_or_else(Self::plain)
    }

    /// Reads a theme; `None`: it names a role, a colour or a word that is none.
    fn parse(text: &str) -> Option<Self> {
        let roles: Roles = toml::from_str(text).ok()?;
        Some(Self {
            accent: style(&roles.accent)?,
            quiet: style(&roles.quiet)?,
            strong: style(&roles.strong)?,
            selected: style(&roles.selected)?,
            good: style(&roles.good)?,
            warn: style(&roles.warn)?,
            bad: style(&roles.bad)?,
            base: style(&roles.base)?,
            ..Self::plain()
        })
    }

    /// What needs no file; the tests see to it that every file is read.
    fn plain() -> Self {
        let (none, bold) = (Style::new(), Style::new().add_modifier(Modifier::BOLD));
        Self {
            accent: bold,
            quiet: none.add_modifier(Modifier::DIM),
            strong: bold,
            selected: none.add_modifier(Modifier::REVERSED),
            good: none,
            warn: none,
            bad: bold,
            base: none,
            ascii: false,
            replaces_emoji: false,
        }
    }

    /// The theme asked for, as far as the terminal can show it: `NO_COLOR`, then `TERM`, `COLORTERM`, and for letters the first
    /// of `LC_ALL`, `LC_CTYPE`, `LANG` that is set.
    pub fn detect(asked: &str, replaces_emoji: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let colour = set("NO_COLOR").is_none() && variable("TERM").is_none_or(|term| term != "dumb");
        let many = set("COLORTERM").is_some_and(|depth| depth.contains("truecolor") || depth.contains("24bit"));
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default().to_lowercase();
        let name = match asked {
            _ if !colour => "mono",
            "night" if !many => "dark",
            "paper" if !many => "light",
            asked => asked,
        };
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        Self { ascii: !utf8, replaces_emoji, ..Self::named(name) }
    }

    /// True when only ASCII may be written.
    pub const fn ascii(self) -> bool {
        self.ascii
    }

    /// True where nothing but bold, dim and reverse tells things apart.
    pub const fn is_colourless(self) -> bool {
        self.accent.fg.is_none() && self.good.fg.is_none()
    }

    /// The accent: what has the focus, keys.
    pub const fn accent(self) -> Style {
        self.accent
    }

    /// Less important than its neighbours.
    pub const fn quiet(self) -> Style {
        self.quiet
    }

    /// More important than its neighbours.
    pub const fn strong(self) -> Style {
        self.strong
    }

    /// The line the cursor is on.
    pub const fn selected(self) -> Style {
        self.selected
    }

    /// Went well.
    pub const fn good(self) -> Style {
        self.good
    }

    /// Will be tried again, or waits.
    pub const fn warn(self) -> Style {
        self.warn
    }

    /// Went wrong.
    pub const fn bad(self) -> Style {
        self.bad
    }

    /// The last strokes on a frame: the background, emoji, and ASCII where nothing else may be written.
    pub fn finish(self, buffer: &mut Buffer) {
        if self.base != Style::new() {
            for cell in &mut buffer.content {
                cell.fg = if cell.fg == Color::Reset { self.base.fg.unwrap_or(Color::Reset) } else { cell.fg };
                cell.bg = if cell.bg == Color::Reset { self.base.bg.unwrap_or(Color::Reset) } else { cell.bg };
            }
        }
        if self.replaces_emoji {
            replace_emoji(buffer);
        }
        if self.ascii {
            fold_to_ascii(buffer);
        }
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
            EventKind::OcrFailed => ("⊗", self.bad()),
            EventKind::UploadDone => ("↑", self.good()),
            EventKind::UploadFailed => ("↥", self.bad()),
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

/// `cyan`, `#7dcfff`, `black on bright-cyan bold`; empty: as the terminal draws by itself.
fn style(words: &str) -> Option<Style> {
    let (mut style, mut background) = (Style::new(), false);
    for word in words.split_whitespace() {
        let modifier = match word {
            "bold" => Some(Modifier::BOLD),
            "dim" => Some(Modifier::DIM),
            "reverse" => Some(Modifier::REVERSED),
            "underline" => Some(Modifier::UNDERLINED),
            "italic" => Some(Modifier::ITALIC),
            _ => None,
        };
        style = match (word, modifier) {
            ("on", _) => {
                background = true;
                style
            }
            (_, Some(modifier)) => style.add_modifier(modifier),
            (word, None) if background => style.bg(colour(word)?),
            (word, None) => style.fg(colour(word)?),
        };
    }
    Some(style)
}

fn colour(word: &str) -> Option<Color> {
    if let Some(digits) = word.strip_prefix('#').filter(|digits| digits.len() == 6) {
        return u32::from_str_radix(digits, 16).ok().map(Color::from_u32);
    }
    Some(match word {
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "gray" => Color::Gray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "white" => Color::White,
        _ => return None,
    })
}

/// Draws emoji as a sign one cell wide: terminals do not agree on their widths. The cell behind a wide one stays empty.
fn replace_emoji(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        match cell.symbol().chars().next() {
            Some('⏸') => drop(cell.set_symbol("=")),
            Some('▶') => drop(cell.set_symbol(">")),
            Some(c) if is_emoji(c) => drop(cell.set_symbol("▫")),
            _ => {}
        }
    }
}

/// The blocks of pictures, but for the ticks and crosses drawn here.
const fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b1b}'..='\u{2b55}' | '\u{231a}'..='\u{231b}' | '\u{23e9}'..='\u{23fa}')
        && !matches!(c, '✓' | '✗')
}

/// Rewrites a frame in ASCII: lines and signs by likeness, letters of other scripts as `?`.
fn fold_to_ascii(buffer: &mut Buffer) {
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
        '○' | '◌' | '▫' => "o",
        '◷' => "@",
        '⊗' => "X",
        '◐' => "%",
        '✗' | '×' => "x",
        '↻' => "r",
        // Not a dot: a word cut off must not look like the end of a sentence.
        '…' => "~",
        '→' | '▸' | '▶' => ">",
        '⇢' => "/",
        '←' => "<",
        '↑' | '▲' => "^",
        // Stored and not stored are told apart without colours too.
        '↥' => "V",
        '↓' | '▼' => "v",
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
        asked("terminal", pairs)
    }

    fn asked(name: &str, pairs: &'static [(&'static str, &'static str)]) -> Theme {
        Theme::detect(name, false, |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
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
    fn every_theme_is_whole_and_every_one_of_them_can_be_chosen() {
        for (name, text) in THEMES {
            assert!(Theme::parse(text).is_some(), "{name}");
            assert!(crate::config::UI_THEMES.contains(&name), "{name}");
        }
        assert_eq!(THEMES.len(), crate::config::UI_THEMES.len());
        assert!(Theme::parse(&THEMES[0].1.replace("cyan", "cyann")).is_none());
        let night = asked("night", &[("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")]);
        assert_eq!(night.accent().fg, Some(Color::Rgb(0x7d, 0xcf, 0xff)));
        assert_eq!(asked("night", &[("LANG", "C.UTF-8")]), Theme { ascii: false, ..Theme::named("dark") });
    }

    #[test]
    fn without_colour_no_style_has_one() {
        let theme = asked("paper", &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]);
        let styles = [theme.accent(), theme.good(), theme.warn(), theme.bad(), theme.quiet(), theme.selected(), theme.base];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
    }

    #[test]
    fn emoji_are_replaced_cell_by_cell_where_that_is_asked_for() {
        let mut buffer = Buffer::with_lines(["a👍b ❤ ✓ ⏸ Луна"]);
        Theme { replaces_emoji: true, ..Theme::new(true, true) }.finish(&mut buffer);
        assert_eq!(buffer, Buffer::with_lines(["a▫ b ▫ ✓ = Луна"]));
    }

    #[test]
    fn a_theme_with_a_background_covers_every_cell() {
        let mut buffer = Buffer::with_lines(["x"]);
        Theme::named("paper").finish(&mut buffer);
        assert!(buffer.content.iter().all(|cell| cell.bg != Color::Reset && cell.fg != Color::Reset));
    }

    #[test]
    fn a_folded_frame_is_ascii_alone() {
        let mut buffer = Buffer::with_lines(["┌─┐ ✓ Луна 漢 … ▂▃"]);
        buffer.resize(Rect::new(0, 0, 20, 1));
        fold_to_ascii(&mut buffer);
        assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
    }
}

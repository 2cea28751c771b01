//! Copies text to the clipboard of whoever sits at the terminal, through SSH and tmux too: OSC 52.
//! It cannot know whether the terminal takes it; it never reads the clipboard.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::text::Safe;

/// Bytes that terminals are sure to take: xterm and tmux give up on longer ones.
pub const MOST: usize = 50_000;

/// Bytes of a piece that GNU screen lets through.
const SCREEN_PIECE: usize = 700;

/// What stands between this program and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Nothing that needs to know.
    Nothing,
    /// tmux: takes the sequence itself when `set-clipboard` is `on`, and lets a wrapped one through with `allow-passthrough`.
    Tmux,
    /// GNU screen: lets a wrapped one through in pieces.
    Screen,
}

impl Between {
    /// From the environment.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let term = variable("TERM").unwrap_or_default();
        if variable("TMUX").is_some_and(|value| !value.is_empty()) || term.starts_with("tmux") {
            Self::Tmux
        } else if term.starts_with("screen") {
            Self::Screen
        } else {
            Self::Nothing
        }
    }
}

/// The bytes that copy a text. They hold it as base64: whatever is in it, nothing of it acts on the terminal.
pub fn sequence(text: &str, between: Between) -> Vec<u8> {
    let plain = format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode(text));
    match between {
        Between::Nothing => plain.into_bytes(),
        // Both: each of the two works under another setting of tmux, and copying twice does no harm.
        Between::Tmux => format!("{plain}\u{1b}Ptmux;{}\u{1b}\\", plain.replace('\u{1b}', "\u{1b}\u{1b}")).into_bytes(),
        Between::Screen => {
            let pieces = plain.as_bytes().chunks(SCREEN_PIECE);
            pieces.flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect()
        }
    }
}

/// A foreign name as it may be pasted: what would act on a shell's terminal, hide or turn the line around is written as `%XX`.
/// The second part tells whether anything was.
pub fn pasteable(name: &str) -> (String, bool) {
    let mut out = String::with_capacity(name.len());
    let mut changed = false;
    for c in name.chars() {
        let mut bytes = [0; 4];
        let text = c.encode_utf8(&mut bytes);
        if c == ' ' || *Safe::line(text) == *text {
            out.push(c);
        } else {
            changed = true;
            out.extend(text.bytes().map(|byte| format!("%{byte:02X}")));
        }
    }
    (out, changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_travels_as_base64_whatever_is_in_it() {
        assert_eq!(sequence("ключ\u{1b}]0;x\u{7}", Between::Nothing), b"\x1b]52;c;0LrQu9GO0YcbXTA7eAc=\x07");
    }

    #[test]
    fn tmux_gets_it_for_itself_and_for_the_terminal_behind_it() {
        let bytes = sequence("a", Between::Tmux);
        assert_eq!(bytes, b"\x1b]52;c;YQ==\x07\x1bPtmux;\x1b\x1b]52;c;YQ==\x07\x1b\\");
    }

    #[test]
    fn screen_gets_it_in_pieces_it_lets_through() {
        let bytes = sequence(&"x".repeat(3_000), Between::Screen);
        let text = String::from_utf8(bytes).unwrap();
        let pieces: Vec<&str> = text.split_terminator("\u{1b}\\").map(|piece| piece.strip_prefix("\u{1b}P").unwrap()).collect();
        assert!(pieces.len() > 4 && pieces.iter().all(|piece| piece.len() <= SCREEN_PIECE));
        assert_eq!(pieces.concat().into_bytes(), sequence(&"x".repeat(3_000), Between::Nothing));
    }

    #[test]
    fn what_stands_between_is_read_from_the_environment() {
        let between = |pairs: &'static [(&'static str, &'static str)]| {
            Between::detect(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(between(&[("TERM", "xterm-256color")]), Between::Nothing);
        assert_eq!(between(&[("TERM", "screen-256color"), ("TMUX", "/run/tmux,1,0")]), Between::Tmux);
        assert_eq!(between(&[("TERM", "tmux-256color")]), Between::Tmux);
        assert_eq!(between(&[("TERM", "screen"), ("TMUX", "")]), Between::Screen);
    }

    #[test]
    fn a_hostile_name_is_pasted_as_what_it_is_and_runs_nothing() {
        assert_eq!(pasteable("a b/чек 1.md"), ("a b/чек 1.md".to_owned(), false));
        assert_eq!(pasteable("x\nrm -rf ~\n\u{1b}[2J"), ("x%0Arm -rf ~%0A%1B[2J".to_owned(), true));
        assert_eq!(pasteable("a\u{202e}b"), ("a%E2%80%AEb".to_owned(), true));
    }
}

//! Reads what a program wrote as a terminal would, and says which of it acts.
//! It knows the few sequences `tagdeck` sends on purpose; everything else is an offence.

#![allow(dead_code, reason = "each test uses its own part of it")]

/// What may be in an output.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// A file or a pipe: text and line feeds.
    Plain,
    /// A terminal with the dashboard: cursor places, colours, its modes, clearing, lines moved within a region; outside it line ends too.
    Dashboard,
    /// A terminal with a progress bar: also moves by lines and clearing of lines.
    Progress,
}

/// The first thing in an output that acts on a terminal, or lies about what stands where, with what stands around it.
pub fn offence(output: &[u8], kind: Kind) -> Option<String> {
    let text = match std::str::from_utf8(output) {
        Ok(text) => text,
        Err(error) => return Some(format!("not UTF-8 at byte {}", error.valid_up_to())),
    };
    let (mut inside, mut region) = (false, false);
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let wrong = match c {
            '\u{1b}' if kind != Kind::Plain => {
                let sequence: String = {
                    let mut sequence = String::new();
                    if characters.next_if(|(_, c)| *c == '[').is_some() {
                        while let Some((_, c)) = characters.next_if(|(_, c)| matches!(c, '\u{20}'..='\u{3f}')) {
                            sequence.push(c);
                        }
                        sequence.extend(characters.next().map(|(_, last)| last));
                    }
                    sequence
                };
                inside = match sequence.as_str() {
                    "?1049h" => true,
                    "?1049l" => false,
                    _ => inside,
                };
                if sequence.ends_with('r') {
                    region = sequence != "r";
                }
                !ours(&sequence, kind)
            }
            '\n' => inside && !region,
            '\r' => inside,
            c => c.is_control() || is_hidden(c),
        };
        if wrong {
            let from = text[..at].char_indices().rev().nth(40).map_or(0, |(at, _)| at);
            let around: String = text[from..].chars().take(100).collect();
            return Some(format!("{c:?} at byte {at} in {around:?}"));
        }
    }
    None
}

/// A control sequence without its introducer.
fn ours(sequence: &str, kind: Kind) -> bool {
    let numbers = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == ';');
    let modes = [
        "?1000h", "?1000l", "?1002h", "?1002l", "?1006h", "?1006l", "?1049h", "?1049l", "?25h", "?25l", "?2004h", "?2004l",
        "?2026h", "?2026l",
    ];
    match sequence.chars().last() {
        Some('h' | 'l') => modes.contains(&sequence),
        Some('r') => kind == Kind::Dashboard && numbers(&sequence[..sequence.len() - 1]),
        Some('H' | 'm') => numbers(&sequence[..sequence.len() - 1]),
        Some('J') => matches!(sequence, "2J" | "J" | "0J"),
        Some('A' | 'B' | 'C' | 'D' | 'G' | 'K') => kind == Kind::Progress && numbers(&sequence[..sequence.len() - 1]),
        _ => false,
    }
}

/// Characters without a picture that turn the line around, join, hide or tag.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

//! The text of a line of Markdown: emphasis, escapes, entities, links and tags taken off.
//! A sign that may be the page's own (`5 * 3`, `a < b`, `snake_case`) stays.

/// Tags that are taken off; `<br>` becomes a line break.
const TAGS: [&str; 30] = [
    "br", "b", "i", "u", "s", "p", "em", "strong", "sub", "sup", "span", "div", "center", "font", "small", "big", "img", "a",
    "del", "ins", "mark", "table", "tr", "td", "th", "html", "body", "thead", "tbody", "caption",
];

/// How far the end of a mark is looked for, bytes: what opens and is not closed soon is text, and no line costs its square.
const REACH: usize = 1000;

/// What a line says.
pub(crate) fn words(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let (mut at, mut closing) = (0, Vec::new());
    while let Some(rest) = line.get(at..)
        && let Some(c) = rest.chars().next()
    {
        if closing.last() == Some(&at) {
            closing.pop();
            at += c.len_utf8();
            continue;
        }
        let (text, taken) = match c {
            '\\' => escape(rest),
            '&' => entity(rest),
            '<' => tag(rest),
            '!' if rest.starts_with("![") => link(rest, 1).map_or(("!".into(), 1), |(_, taken)| (String::new(), taken)),
            '[' => link(rest, 0).unwrap_or_else(|| ("[".to_owned(), 1)),
            '*' | '_' | '~' | '`' => match emphasis(rest, c, out.chars().next_back().unwrap_or(' ')) {
                Mark::Text(run) => (rest[..run].to_owned(), run),
                Mark::Off(run) => (String::new(), run),
                Mark::Pair(end) => {
                    closing.push(at + end);
                    (String::new(), 1)
                }
            },
            c => (c.to_string(), c.len_utf8()),
        };
        out.push_str(&text);
        at += taken;
    }
    out
}

/// A line of nothing but tags or a link, with a picture among them.
pub(crate) fn is_picture(line: &str) -> bool {
    line.contains("![") || line.to_ascii_lowercase().contains("<img")
}

fn escape(rest: &str) -> (String, usize) {
    match rest.chars().nth(1) {
        Some(c) if c.is_ascii_punctuation() => (c.to_string(), 2),
        _ => ("\\".to_owned(), 1),
    }
}

/// The few that engines write, and numbers.
fn entity(rest: &str) -> (String, usize) {
    let found = reach(rest).get(1..).and_then(|body| {
        let end = body.bytes().take(12).position(|b| b == b';')?;
        let name = &body[..end];
        let sign = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "nbsp" => ' ',
            "mdash" => '—',
            "ndash" => '–',
            "laquo" => '«',
            "raquo" => '»',
            _ => {
                let number = name.strip_prefix('#')?;
                let number = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(number)?
            }
        };
        Some((sign.to_string(), end + 2))
    });
    found.unwrap_or_else(|| ("&".to_owned(), 1))
}

/// A known tag is taken off; anything else that begins with `<` is the page's.
fn tag(rest: &str) -> (String, usize) {
    let body = rest[1..].trim_start_matches('/');
    let name: String = body.chars().take_while(char::is_ascii_alphanumeric).take(12).collect::<String>().to_ascii_lowercase();
    match reach(rest).find('>') {
        Some(end) if TAGS.contains(&name.as_str()) => {
            let breaks = name == "br";
            (if breaks { "\n".to_owned() } else { String::new() }, end + 1)
        }
        _ => ("<".to_owned(), 1),
    }
}

/// `[text](address)`: the text. `skip`: bytes before the bracket.
fn link(rest: &str, skip: usize) -> Option<(String, usize)> {
    let body = reach(rest).get(skip + 1..)?;
    let close = body.find("](")?;
    let text = &body[..close];
    // A bracket within: some other use of them.
    if text.len() > 500 || text.contains(['[', ']', '\n']) {
        return None;
    }
    let address = &body[close + 2..];
    let end = address.find(')')?;
    Some((text.replace(['*', '`'], ""), skip + 1 + close + 2 + end + 1))
}

enum Mark {
    /// So many signs stay.
    Text(usize),
    /// So many signs go.
    Off(usize),
    /// This sign goes, and the one so many bytes after it.
    Pair(usize),
}

/// Doubled signs are emphasis where they touch a word; a single one only at a word's edge, with its like at another edge. Longer runs
/// are lines to write on.
fn emphasis(rest: &str, sign: char, before: char) -> Mark {
    let run = rest.len() - rest.trim_start_matches(sign).len();
    let after = rest[run..].chars().next().unwrap_or(' ');
    let within = before.is_alphanumeric() && after.is_alphanumeric();
    let alone = before.is_whitespace() && after.is_whitespace();
    match (sign, run) {
        ('*' | '~', 2 | 3) if !alone => Mark::Off(run),
        ('_', 2 | 3) if !within && !alone => Mark::Off(run),
        ('*' | '_', 1) if !before.is_alphanumeric() && !after.is_whitespace() => {
            pair(rest, sign).map_or(Mark::Text(1), Mark::Pair)
        }
        ('`', 1) => pair(rest, sign).map_or(Mark::Text(1), Mark::Pair),
        _ => Mark::Text(run),
    }
}

/// Where the sign's like closes, bytes from it.
fn pair(rest: &str, sign: char) -> Option<usize> {
    let window = reach(rest);
    let end = 1 + window.get(1..)?.find(sign)?;
    let inside = &window[1..end];
    let beyond = window[end + 1..].chars().next().unwrap_or(' ');
    let closes = !inside.is_empty() && !inside.ends_with(char::is_whitespace) && !beyond.is_alphanumeric() && beyond != sign;
    closes.then_some(end)
}

/// The beginning of it, never a cut character.
pub(super) fn reach(text: &str) -> &str {
    let mut end = text.len().min(REACH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

//! Text made harmless in Markdown and in HTML.
//! Escapes are few, so that the Markdown still reads like the page: a sign is escaped only where it would act.

/// One line of Markdown that shows exactly this text.
pub(super) fn line(text: &str) -> String {
    let text = text.trim();
    let mut out = String::with_capacity(text.len() + 8);
    let lead = leading(text);
    let mut before = ' ';
    let mut signs = text.char_indices().peekable();
    while let Some((at, c)) = signs.next() {
        let after = signs.peek().map_or(' ', |(_, next)| *next);
        if lead == Some(at) || acts(before, c, after) {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

/// One cell of a pipe table, its lines set apart by `<br>`.
pub(super) fn cell(text: &str) -> String {
    text.split('\n').map(line).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("<br>")
}

/// The content of an HTML element. An empty line would end the HTML block in Markdown: there is none.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split('\n').map(str::trim).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push_str("<br>");
        }
        for c in line.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                c => out.push(c),
            }
        }
    }
    out
}

/// Signs that act wherever they stand. `_` inside of a word does not; `&` only where an entity may follow.
const fn acts(before: char, c: char, after: char) -> bool {
    match c {
        '\\' | '`' | '*' | '[' | ']' | '<' | '|' | '~' => true,
        '_' => !(before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric()),
        '&' => after.is_ascii_alphanumeric() || after == '#',
        _ => false,
    }
}

/// The sign that would make a heading, a list item, a quotation or a rule of the line.
fn leading(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let after = text.chars().nth(1);
    match first {
        '#' | '>' => Some(0),
        '-' | '+' | '=' if after.is_none_or(|next| next.is_whitespace() || next == first) => Some(0),
        '0'..='9' => {
            let end = text.find(|c: char| !c.is_ascii_digit())?;
            let mut rest = text.get(end..)?.chars();
            let stop = matches!(rest.next(), Some('.' | ')'));
            (stop && rest.next().is_none_or(char::is_whitespace)).then_some(end)
        }
        _ => None,
    }
}

//! Takes from a post what is no prose: links, names, Telegram Markdown, emoji; its hashtags are set apart.
//! It chooses no tags.

use unicode_normalization::char::is_combining_mark;

use crate::text::Safe;

/// Characters of a word; longer ones are codes and hashes.
const MAX_WORD: usize = 40;

/// A post in two parts.
pub(super) struct Cleaned {
    /// The post's own hashtags without `#`, in order.
    pub hashtags: Vec<String>,
    /// Sentences, one paragraph a line: words, blanks between them, and `.,!?` behind them; nothing else.
    pub prose: String,
}

/// Separates hashtags from prose and drops the rest.
pub(super) fn clean(text: &str) -> Cleaned {
    let safe = Safe::block(text);
    let unlinked = without_links(&safe);
    let mut cleaned = Cleaned { hashtags: Vec::new(), prose: String::with_capacity(unlinked.len()) };
    for line in unlinked.lines().filter(|line| !is_call_to_subscribe(line)) {
        let before = cleaned.prose.len();
        for word in line.split_whitespace() {
            let word = word.trim_matches(['*', '_', '~', '`', '|']);
            // "наука/космос" stays one word, "#наука#космос" are two hashtags.
            if let Some(tags) = word.trim_start_matches(['(', '[', '«', '"']).strip_prefix('#') {
                cleaned.hashtags.extend(tags.split('#').filter_map(hashtag));
                continue;
            }
            if is_address(word) {
                continue;
            }
            push_words(word, &mut cleaned.prose);
        }
        if cleaned.prose.len() > before {
            // A headline without a full stop must not run into the text below it.
            if cleaned.prose.ends_with(',') {
                cleaned.prose.pop();
            }
            if !cleaned.prose.ends_with(['.', '!', '?']) {
                cleaned.prose.push('.');
            }
            cleaned.prose.push('\n');
        }
    }
    cleaned
}

/// The channel's own footer under each post.
fn is_call_to_subscribe(line: &str) -> bool {
    let first = line.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default().to_lowercase();
    first.starts_with("подпис") || first.starts_with("подпиш") || first == "subscribe"
}

fn hashtag(word: &str) -> Option<String> {
    // "#наука@channel" is how Telegram scopes a hashtag to one channel.
    let tag =
        word.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next().unwrap_or_default().trim_matches(['_', '-']);
    (tag.chars().filter(|c| c.is_alphabetic()).count() >= 2).then(|| tag.to_owned())
}

fn is_address(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '@' && c != '/');
    let lower = bare.to_lowercase();
    lower.contains("://")
        || lower.starts_with("www.")
        || lower.starts_with("t.me/")
        || bare.contains('@')
        || lower.split_once('.').is_some_and(|(host, rest)| {
            // naked-science.ru, youtu.be/x: a name, a dot, a short Latin ending.
            let top: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
            !host.is_empty()
                && host.is_ascii()
                && (2..=6).contains(&top.len())
                && rest[top.len()..].chars().next().is_none_or(|c| matches!(c, '/' | '.' | ':' | '?'))
        })
}

/// `[text](url)` becomes `text`; one pass, nesting is not followed.
fn without_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("](") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        let end = after.find([')', '\n', ' ']).filter(|end| after[*end..].starts_with(')'));
        if let (Some(open), Some(end)) = (before.rfind('['), end) {
            out.push_str(&before[..open]);
            out.push_str(&before[open + 1..]);
            rest = &after[end + 1..];
        } else {
            out.push_str(&rest[..at + 2]);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Letters, digits and what joins them; a mark that ends a clause stays behind its word.
///
/// YAKE's tokenizer backtracks and gives up with a panic on long runs of quotes and brackets, so that nothing else may pass.
fn push_words(word: &str, prose: &mut String) {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '\'' | '’' | '+') || is_combining_mark(c);
    for part in word.split_inclusive(|c: char| !joins(c)) {
        let bare = part.trim_end_matches(|c: char| !joins(c)).trim_matches(['-', '\'', '’', '+']);
        if !bare.is_empty() && bare.chars().count() <= MAX_WORD {
            if !prose.is_empty() && !prose.ends_with('\n') {
                prose.push(' ');
            }
            prose.push_str(bare);
        }
        // A quote, a bracket or a slash ends a phrase as a comma does.
        let mark = match part.chars().next_back() {
            Some(c @ ('.' | '!' | '?' | ',')) => Some(c),
            Some('…') => Some('.'),
            Some(c) if !joins(c) => Some(','),
            Some(_) | None => None,
        };
        if let Some(mark) = mark.filter(|_| prose.ends_with(char::is_alphanumeric)) {
            prose.push(mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_names_markdown_and_emoji_are_no_prose() {
        let cleaned = clean(
            "**Марсоход** 🚀 нашёл [воду на Марсе](https://example.com/a_b)\n\nПодробнее: https://t.me/x @channel naked-science.ru #космос #наука@naked #2024",
        );
        assert_eq!(cleaned.hashtags, ["космос", "наука"]);
        assert_eq!(cleaned.prose, "Марсоход, нашёл воду на Марсе.\nПодробнее.\n");
    }

    #[test]
    fn an_unclosed_link_loses_nothing() {
        assert_eq!(without_links("a](b [c](d"), "a](b [c](d");
        assert_eq!(without_links("[a](u)[b](v)!"), "ab!");
    }
}

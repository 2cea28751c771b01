//! Finds the tags in whatever a model answered, and brings tags into their one form.
//! It is no JSON repair: it looks for a list of short words and takes nothing else.

mod lists;
mod refusal;
mod scan;
mod tags;

use std::borrow::Cow;

pub use self::tags::normalise;
pub(crate) use self::tags::{MAX_TAGS, stem_key, stem_word};
use crate::text::first_chars;

/// An answer is not searched beyond this; tags are short.
const MAX_SEARCHED: usize = 256 * 1024;

/// What an answer held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// At least one tag, as the model wrote it.
    Tags(Vec<String>),
    /// A valid empty list.
    NoTopic,
    /// The model refused; its words.
    Refusal(String),
    /// Neither tags nor a refusal.
    Nothing,
}

/// Searches an answer; `finish_reason_length`: it was cut at the token limit, so its last word may be incomplete.
///
/// Linear in the answer's length, no recursion.
pub fn salvage(content: &str, finish_reason_length: bool) -> Found {
    let content = if content.len() > MAX_SEARCHED { first_chars(content, MAX_SEARCHED / 4) } else { content };
    let thought_through = without_thinking(content);
    let text = unescaped(thought_through.trim());
    let text = text.trim();
    if text.is_empty() {
        return Found::Nothing;
    }
    let scanned = scan::arrays(text);
    if !scanned.items.is_empty() {
        return Found::Tags(scanned.items);
    }
    if scanned.empty_list {
        return Found::NoTopic;
    }
    if !scanned.looks_like_json
        && let Some(refused) = refusal::in_words(text)
    {
        return Found::Refusal(refused);
    }
    let items = if scanned.looks_like_json { Vec::new() } else { lists::items(text, finish_reason_length) };
    if items.is_empty() { Found::Nothing } else { Found::Tags(items) }
}

/// The answer without `<think>…</think>` and chat-template marks; nothing inside an unclosed one counts.
pub(crate) fn without_thinking(content: &str) -> Cow<'_, str> {
    if !content.contains(['<', '◁']) {
        return Cow::Borrowed(content);
    }
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    let mut depth = 0_usize;
    while let Some(at) = rest.find(['<', '◁']) {
        if depth == 0 {
            out.push_str(&rest[..at]);
        }
        rest = &rest[at..];
        let head = rest.get(..rest.len().min(24)).unwrap_or_else(|| first_chars(rest, 12));
        let lower = head.to_ascii_lowercase();
        if let Some(mark) = OPEN.iter().find(|mark| lower.starts_with(**mark)) {
            depth += 1;
            rest = &rest[mark.len()..];
        } else if let Some(mark) = CLOSE.iter().find(|mark| lower.starts_with(**mark)) {
            // DeepSeek's template opens the block in the prompt: what stands before a lone close was thinking too.
            if depth == 0 {
                out.clear();
            }
            depth = depth.saturating_sub(1);
            rest = &rest[mark.len()..];
        } else if lower.starts_with("<|") && head.contains("|>") {
            // gpt-oss: everything up to the mark of the final channel is analysis.
            if depth == 0 && lower.starts_with("<|message|>") {
                out.clear();
            }
            rest = rest.split_once("|>").map_or("", |(_, after)| after);
        } else if let Some(mark) = ["</s>", "<s>", "<br>", "<br/>"].iter().find(|mark| lower.starts_with(**mark)) {
            if depth == 0 {
                out.push('\n');
            }
            rest = &rest[mark.len()..];
        } else {
            let width = rest.chars().next().map_or(1, char::len_utf8);
            if depth == 0 {
                out.push_str(&rest[..width]);
            }
            rest = &rest[width..];
        }
    }
    if depth == 0 {
        out.push_str(rest);
    }
    Cow::Owned(out)
}

const OPEN: [&str; 5] = ["<think>", "<thinking>", "<reasoning>", "<thought>", "◁think▷"];
const CLOSE: [&str; 5] = ["</think>", "</thinking>", "</reasoning>", "</thought>", "◁/think▷"];

/// JSON that was put into a string, once or twice: `"{\"tags\": [\"наука\"]}"`, with or without the outer quotes.
fn unescaped(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..2 {
        let next = if text.starts_with('"') && text.ends_with('"') {
            serde_json::from_str::<String>(&text).ok()
        } else if text.contains("[\\\"") || text.contains("{\\\"") || text.contains("\\n[") || text.contains("\\n{") {
            Some(text.replace("\\\"", "\"").replace("\\n", "\n"))
        } else {
            None
        };
        match next {
            Some(next) => text = Cow::Owned(next),
            None => break,
        }
    }
    text
}

#[cfg(test)]
mod tests;

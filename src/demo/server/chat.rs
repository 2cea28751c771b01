//! What a chat request asks for: the model, the post inside the prompt, and the parameters that matter here.
//! It reads requests and builds no answer.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The lines before and after the post's text in a prompt, in the order in which they are tried.
const MARKS: [(&str, &str); 2] = [("<post>", "</post>"), ("<<<", ">>>")];

/// A chat request, as far as this server looks at it.
#[derive(Debug, Deserialize)]
pub struct Chat<'a> {
    /// Model asked for.
    #[serde(borrow)]
    pub model: Cow<'a, str>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(default)]
    temperature: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Content<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Parts(#[serde(borrow)] Vec<Part<'a>>),
}

#[derive(Debug, Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct ResponseFormat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

impl Chat<'_> {
    /// `response_format.type`, unless it is `text`.
    pub fn format(&self) -> Option<&str> {
        self.response_format.as_ref().map(|format| &*format.kind).filter(|kind| *kind != "text")
    }

    /// Whether the request has a `temperature`.
    pub fn has_temperature(&self) -> bool {
        self.temperature.is_some()
    }

    /// The post's text: what stands between the marking lines of the last user message that has them;
    /// without any, the whole of the first user message (a repair prompt follows after it).
    pub fn post(&self) -> Cow<'_, str> {
        let users = || self.messages.iter().filter(|message| message.role == "user").map(|message| message.content.text());
        let inside = |text: &str| {
            MARKS.iter().find_map(|(opens, closes)| between(text, opens, closes)).map(|range| text[range].to_owned())
        };
        let marked = users().filter_map(|text| inside(&text)).next_back();
        marked.map(Cow::Owned).or_else(|| users().next()).unwrap_or_default()
    }
}

impl Content<'_> {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Parts(parts) => parts.iter().filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join("\n").into(),
        }
    }
}

/// From after the first line that is `opens` alone to before the last line that is `closes` alone.
fn between(text: &str, opens: &str, closes: &str) -> Option<std::ops::Range<usize>> {
    let (mut start, mut end, mut at) = (None, None, 0);
    for line in text.split_inclusive('\n') {
        let word = line.trim();
        if word == opens && start.is_none() {
            start = Some(at + line.len());
        } else if word == closes {
            end = Some(at);
        }
        at += line.len();
    }
    let (start, end) = (start?, end?);
    // The line break before the closing mark belongs to the mark.
    (start <= end).then(|| start..start + text[start..end].trim_end_matches(['\r', '\n']).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(messages: &str) -> String {
        let body = format!(r#"{{"model":"m","messages":{messages}}}"#);
        serde_json::from_str::<Chat<'_>>(&body).unwrap().post().into_owned()
    }

    #[test]
    fn the_post_is_what_stands_between_the_marks() {
        assert_eq!(
            post(
                r#"[{"role":"system","content":"s"},{"role":"user","content":"Tags for:\n<<<\nПост\n>>> in the middle\n\n>>>\nJSON only."}]"#
            ),
            "Пост\n>>> in the middle"
        );
        assert_eq!(
            post(
                r#"[{"role":"user","content":"Tags: a, b\n<post>\nПост\nо Луне\n</post>\n<image_text>\nтекст\n</image_text>"}]"#
            ),
            "Пост\nо Луне"
        );
        assert_eq!(post(r#"[{"role":"user","content":"<<<\n>>>"}]"#), "");
        assert_eq!(post(r#"[{"role":"user","content":">>>\nodd\n<<<"}]"#), ">>>\nodd\n<<<");
    }

    #[test]
    fn without_marks_it_is_the_first_user_message_even_in_a_repair() {
        assert_eq!(
            post(
                r#"[{"role":"system","content":"s"},{"role":"user","content":"Пост"},{"role":"assistant","content":"?"},{"role":"user","content":"JSON only"}]"#
            ),
            "Пост"
        );
        assert_eq!(
            post(r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url"},{"type":"text","text":"b"}]}]"#),
            "a\nb"
        );
        assert_eq!(post("[]"), "");
    }

    #[test]
    fn parameters_are_seen() {
        let chat: Chat<'_> = serde_json::from_str(r#"{"model":"m","messages":[],"temperature":0.3,"response_format":{"type":"json_schema","json_schema":{"name":"tags"}}}"#).unwrap();
        assert_eq!((chat.format(), chat.has_temperature()), (Some("json_schema"), true));
        let chat: Chat<'_> =
            serde_json::from_str(r#"{"model":"m\u0041","messages":[],"response_format":{"type":"text"}}"#).unwrap();
        assert_eq!((chat.format(), chat.has_temperature(), &*chat.model), (None, false, "mA"));
    }
}

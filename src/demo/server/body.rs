//! Bodies: the good answer, and the templates of the catalogue filled in.
//! It decides nothing and sends nothing.
//!
//! Marks in templates: `%id% %model% %format%` as JSON text without quotes; `%minute% %day%` epoch milliseconds;
//! `%list%` the tags in the shape that was asked for, `%curly% %commas% %cut%` the same gone wrong;
//! `%first% %second%` both halves of `%list%` as JSON strings.

use serde_json::json;

use super::catalogue::{Body, Fault, Travel};
use super::roster::Model;

/// Bytes of a body that is too large.
const HUGE: usize = 1_300_000;

/// What answers may speak of.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Id of this generation.
    pub id: &'a str,
    /// The model as asked for.
    pub model: &'a str,
    /// Its line in the roster, for the price.
    pub priced: Option<&'a Model>,
    /// The tags for the post.
    pub tags: &'a [String],
    /// `response_format.type`, if one was asked for.
    pub format: Option<&'a str>,
    /// Bytes of the request, from which its tokens are guessed.
    pub request_bytes: usize,
    /// When the limit a minute ends, epoch milliseconds.
    pub minute: i64,
    /// When the limit a day ends, epoch milliseconds.
    pub day: i64,
}

impl Scene<'_> {
    /// The tags as a good model writes them: an object when JSON was asked for by name, else an array.
    pub fn list(&self) -> String {
        let array = json!(self.tags).to_string();
        if self.format.is_some() { format!("{{\"tags\": {array}}}") } else { array }
    }

    /// The good answer.
    pub fn answer(&self) -> String {
        self.completion(&self.list(), "stop", None)
    }

    /// Price of the good answer, millionths of a US dollar.
    pub fn cost_micros(&self) -> u64 {
        (self.cost(self.list().len()) * 1e6).round() as u64
    }

    fn tokens(&self, content_bytes: usize) -> (usize, usize) {
        (self.request_bytes / 4 + 1, content_bytes / 4 + 1)
    }

    fn cost(&self, content_bytes: usize) -> f64 {
        let (prompt, completion) = self.tokens(content_bytes);
        self.priced.map_or(0.0, |model| (prompt as f64 * model.prices.0 + completion as f64 * model.prices.1) / 1e6)
    }

    fn completion(&self, content: &str, finish: &str, reasoning: Option<&str>) -> String {
        let (prompt, completion) = self.tokens(content.len() + reasoning.map_or(0, str::len));
        json!({
            "id": self.id,
            "provider": "Demo",
            "model": self.model,
            "object": "chat.completion",
            "created": self.minute / 1000,
            "choices": [{
                "index": 0,
                "logprobs": null,
                "finish_reason": finish,
                "native_finish_reason": finish,
                "message": {"role": "assistant", "content": content, "refusal": null, "reasoning": reasoning},
            }],
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, "cost": self.cost(content.len())},
        })
        .to_string()
    }

    /// Content type and body of a fault.
    pub fn fault(&self, fault: &Fault) -> (&'static str, Vec<u8>) {
        let (kind, text) = match fault.body {
            Body::Json(template) => ("application/json", self.fill(template)),
            Body::Html(template) => ("text/html; charset=UTF-8", self.fill(template)),
            Body::Events(template) => ("text/event-stream", self.fill(template)),
            Body::Answer(content, finish, reasoning) => {
                ("application/json", self.completion(&self.fill_content(content), finish, reasoning))
            }
        };
        match fault.travel {
            Travel::Whole | Travel::Chunked | Travel::Drip | Travel::CutMidway | Travel::NoAnswer => (kind, text.into_bytes()),
            Travel::Huge => (kind, self.completion(&"тег ".repeat(HUGE / "тег ".len() + 1), "stop", None).into_bytes()),
            Travel::Cp1251 => {
                // Long enough that far more than a twentieth of what comes is unreadable.
                let content = format!(
                    "{} — вот теги, которые лучше всего подходят к этому посту. {}",
                    self.list(),
                    "Обратите внимание, что они на русском языке. ".repeat(8)
                );
                ("application/json; charset=utf-8", cp1251(&self.completion(&content, "stop", None)))
            }
        }
    }

    /// Fills in a template whose marks stand inside JSON.
    pub fn fill(&self, template: &str) -> String {
        if !template.contains('%') {
            return template.to_owned();
        }
        let quoted = |text: &str| json!(text).to_string();
        let inside = |text: &str| {
            let text = quoted(text);
            text[1..text.len() - 1].to_owned()
        };
        let list = self.list();
        let middle = list.char_indices().nth(list.chars().count() / 2).map_or(0, |(at, _)| at);
        template
            .replace("%id%", &inside(self.id))
            .replace("%minute%", &self.minute.to_string())
            .replace("%day%", &self.day.to_string())
            .replace("%format%", &inside(self.format.unwrap_or("text")))
            .replace("%first%", &quoted(&list[..middle]))
            .replace("%second%", &quoted(&list[middle..]))
            .replace("%model%", &inside(self.model))
    }

    /// Fills in the text of an answer, which becomes JSON later.
    fn fill_content(&self, template: &str) -> String {
        if !template.contains('%') {
            return template.to_owned();
        }
        let list = self.list();
        let end = list.rfind(']').unwrap_or(list.len());
        // Cut inside the last of several tags, so that complete ones stand before it.
        let cut = self
            .tags
            .last()
            .and_then(|tag| list.rfind(&json!(tag).to_string()))
            .map_or(end, |at| at + 1 + list[at + 1..].chars().next().map_or(0, char::len_utf8));
        let mut curly = String::with_capacity(list.len() + 16);
        let mut open = false;
        for c in list.chars() {
            if c == '"' {
                open = !open;
            }
            curly.push(match (c, open) {
                ('"', true) => '“',
                ('"', false) => '”',
                (c, _) => c,
            });
        }
        let cut = list.get(..cut).unwrap_or(&list[..1]);
        template
            .replace("%curly%", &curly)
            .replace("%commas%", &format!("{},{}", &list[..end], &list[end..]))
            .replace("%cut%", cut)
            .replace("%list%", &list)
    }
}

/// Windows-1251; what it does not have becomes `?`.
fn cp1251(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match c {
            '\0'..='\x7f' => c as u8,
            'А'..='я' => (u32::from(c) - u32::from('А') + 0xc0) as u8,
            'ё' => 0xb8,
            'Ё' => 0xa8,
            '—' => 0x97,
            _ => b'?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::server::catalogue::find;

    fn scene<'a>(tags: &'a [String], format: Option<&'a str>) -> Scene<'a> {
        Scene { id: "gen-1", model: "m\u{1b}\"x", priced: None, tags, format, request_bytes: 400, minute: 5, day: 9 }
    }

    fn content(scene: &Scene<'_>, name: &str) -> String {
        let body = String::from_utf8(scene.fault(find(name).unwrap()).1).unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }

    #[test]
    fn answers_have_the_shape_that_was_asked_for() {
        let tags = ["наука".to_owned(), "a \"b\"".to_owned()];
        assert_eq!(scene(&tags, None).list(), r#"["наука","a \"b\""]"#);
        assert_eq!(scene(&tags, Some("json_schema")).list(), r#"{"tags": ["наука","a \"b\""]}"#);
        let answer: serde_json::Value = serde_json::from_str(&scene(&tags, None).answer()).unwrap();
        assert_eq!((&answer["model"], &answer["usage"]["prompt_tokens"]), (&json!("m\u{1b}\"x"), &json!(101)));
    }

    #[test]
    fn malformed_lists_are_malformed_in_the_way_their_name_says() {
        let tags = ["наука".to_owned(), "космос".to_owned()];
        let scene = scene(&tags, None);
        assert_eq!(content(&scene, "truncated_json"), "[\"наука\",\"к");
        assert_eq!(content(&scene, "curly_quotes"), "[“наука”,“космос”]");
        assert_eq!(content(&scene, "trailing_commas"), "[\"наука\",\"космос\",]");
        assert_eq!(content(&self::scene(&[], None), "truncated_json"), "[");
    }

    #[test]
    fn a_wrong_encoding_leaves_far_more_than_a_twentieth_unreadable() {
        let tags = ["science".to_owned()];
        let (_, bytes) = scene(&tags, None).fault(find("not_utf8").unwrap());
        let text = String::from_utf8_lossy(&bytes);
        let lost = text.chars().filter(|&c| c == '\u{fffd}').count();
        assert!(lost * 5 > text.chars().count(), "{lost} of {}", text.chars().count());
    }
}

//! The JSON of one request: the prompt, and the page as a data URL.
//! What comes back is `stream`'s.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::picture::Picture;
use crate::config::OcrVlm;

/// What the model is told.
const PROMPT: &str = include_str!("../../../assets/prompts/page.txt");

/// Body of `POST /chat/completions`.
pub(super) fn json(settings: &OcrVlm, picture: &Picture, openrouter: bool) -> Value {
    let url = format!("data:image/jpeg;base64,{}", STANDARD.encode(&picture.jpeg));
    let mut body = json!({
        "model": settings.model,
        "messages": [
            {"role": "system", "content": PROMPT},
            {"role": "user", "content": [
                {"type": "text", "text": "Transcribe this page."},
                {"type": "image_url", "image_url": {"url": url}},
            ]},
        ],
        "temperature": 0,
        "max_tokens": settings.max_tokens,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    if openrouter && let Some(body) = body.as_object_mut() {
        body.insert("usage".to_owned(), json!({"include": true}));
    }
    body
}

//! What is known of an object, as `x-amz-meta-*` headers and back.
//! Headers are ASCII: texts are written as in an HTML form (`%D0%BF`, `+` for a space).

use std::collections::HashMap;

use aws_sdk_s3::primitives::DateTime;
use url::form_urlencoded;

use super::super::{About, Head};
use crate::domain::Millis;

const SHA256: &str = "sha256";
const SOURCE: &str = "source";
const IMAGE: &str = "image-sha256";
const ENGINE: &str = "engine";
const VERSION: &str = "version";
/// Bytes of one encoded text: all metadata together may have 2 KB.
const LONGEST: usize = 900;

pub(super) fn metadata(about: &About) -> HashMap<String, String> {
    [
        (SHA256, &about.sha256),
        (SOURCE, &about.source),
        (IMAGE, &about.image_sha256),
        (ENGINE, &about.engine),
        (VERSION, &about.version),
    ]
    .into_iter()
    .filter(|(_, text)| !text.is_empty())
    .map(|(name, text)| (name.to_owned(), encoded(text)))
    .collect()
}

pub(super) fn head(
    size: u64,
    modified: Option<&DateTime>,
    content_type: Option<&str>,
    metadata: Option<&HashMap<String, String>>,
) -> Head {
    let text = |name| metadata.and_then(|texts| texts.get(name)).map(|text| decoded(text));
    Head {
        size,
        modified: modified.and_then(millis),
        content_type: content_type.map(str::to_owned),
        sha256: text(SHA256),
        source: text(SOURCE),
        image_sha256: text(IMAGE),
        engine: text(ENGINE),
        version: text(VERSION),
    }
}

pub(super) fn millis(at: &DateTime) -> Option<Millis> {
    at.to_millis().ok()
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let piece: String = form_urlencoded::byte_serialize(c.encode_utf8(&mut [0; 4]).as_bytes()).collect();
        if out.len() + piece.len() > LONGEST {
            break;
        }
        out += &piece;
    }
    out
}

/// The text that [`encoded`] wrote, or a server that encodes keys in listings.
pub(super) fn decoded(text: &str) -> String {
    // A bare `&` would begin another field; whoever encodes at all encodes it.
    let field = format!("text={}", text.replace('&', "%26"));
    form_urlencoded::parse(field.as_bytes()).next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_travels_as_ascii_and_comes_back(text in "\\PC{0,60}|[\\x00-\\x7f]{0,60}") {
            let sent = encoded(&text);
            prop_assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()), "{sent:?}");
            prop_assert_eq!(decoded(&sent), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let sent = encoded(&"я".repeat(1000));
        assert_eq!((sent.len(), decoded(&sent)), (900, "я".repeat(150)));
    }
}

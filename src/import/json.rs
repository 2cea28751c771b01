//! Lenient JSON shapes shared by the readers: a value that may be a number or a string, a text that may be a string or a list of pieces.
//! It knows no format and no field name beyond those of a text piece.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Parses one record; half characters (`\ud83d` alone, from programs that cut texts by UTF-16 units) become `U+FFFD` instead of costing the post.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    match serde_json::from_slice(bytes) {
        Err(error) => match without_half_characters(bytes) {
            Some(mended) => serde_json::from_slice(&mended).map_err(|_| error),
            None => Err(error),
        },
        parsed => parsed,
    }
}

/// A copy in which `\uXXXX` escapes of lone surrogates are replaced; `None` when there are none.
fn without_half_characters(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] != b'\\' {
            i += 1;
            continue;
        }
        let step = match (unit(bytes, i), unit(bytes, i + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                let out = out.get_or_insert_with(|| bytes.to_vec());
                out[i..i + 6].copy_from_slice(b"\\ufffd");
                6
            }
            (Some(_), _) => 6,
            // Any other escape is two bytes; stepping over both keeps `\\u` from being taken for an escape.
            (None, _) => 2,
        };
        i += step;
    }
    out
}

/// The code unit of a `\uXXXX` escape that begins at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0u16, |sum, &d| Some(sum << 4 | char::from(d).to_digit(16)? as u16))
}

/// A single value of whatever type a writer chose for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Scalar {
    /// Missing, `null`, or something that is no single value.
    #[default]
    None,
    /// A whole number.
    Int(i64),
    /// Anything else that can be written as text.
    Text(String),
}

impl Scalar {
    /// The text, if it holds more than white space.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::None => None,
            Self::Int(number) => Some(Cow::Owned(number.to_string())),
            Self::Text(text) => Some(text.trim()).filter(|t| !t.is_empty()).map(Cow::Borrowed),
        }
    }

    /// The whole number, also when written as a string or as pandas writes it: `62809.0`.
    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Int(number) => Some(*number),
            Self::Text(text) => {
                let text = text.trim();
                let whole = text
                    .split_once('.')
                    .map_or(text, |(whole, rest)| if !rest.is_empty() && rest.bytes().all(|b| b == b'0') { whole } else { text });
                whole.parse().ok()
            }
        }
    }

    /// True when there is nothing in it.
    pub(super) fn is_none(&self) -> bool {
        self.text().is_none()
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::None)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_string()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(value).map_or_else(|_| Scalar::Text(value.to_string()), Scalar::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_string()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::None)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::None)
    }
}

/// A text as a reader sees it, from a string or from Telegram's list of strings and entities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rich(pub(super) String);

/// One entity of a text; formatting is dropped, its words and a hidden link's target stay.
#[derive(Deserialize)]
struct Piece {
    #[serde(default, rename = "type")]
    kind: Scalar,
    #[serde(default)]
    text: Scalar,
    #[serde(default)]
    href: Scalar,
}

impl Piece {
    fn push_to(&self, out: &mut String) {
        let text = match &self.text {
            Scalar::None => "",
            Scalar::Int(_) => return out.push_str(&self.text.text().unwrap_or_default()),
            Scalar::Text(text) => text,
        };
        out.push_str(text);
        let is_link = matches!(&self.kind, Scalar::Text(kind) if kind == "text_link");
        if let Some(href) = self.href.text().filter(|href| is_link && !same_address(text, href)) {
            // The space that often ends a linked text belongs after the address.
            let tail = text.len() - text.trim_end().len();
            out.truncate(out.len() - tail);
            out.push_str(if text.trim().is_empty() { "(" } else { " (" });
            out.push_str(&href);
            out.push(')');
            out.push_str(&text[text.len() - tail..]);
        }
    }
}

/// True when a link's visible text is its own address, give or take the scheme, `www.`, case and a last slash.
fn same_address(text: &str, href: &str) -> bool {
    fn bare(address: &str) -> String {
        let lower = address.trim().to_lowercase();
        let rest = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
        rest.trim_start_matches("www.").trim_end_matches('/').to_owned()
    }
    bare(text) == bare(href)
}

impl<'de> Deserialize<'de> for Rich {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RichVisitor)
    }
}

struct RichVisitor;

impl<'de> Visitor<'de> for RichVisitor {
    type Value = Rich;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_unit<E>(self) -> Result<Rich, E> {
        Ok(Rich::default())
    }
    fn visit_bool<E>(self, value: bool) -> Result<Rich, E> {
        Ok(Rich(value.to_string()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Rich, E> {
        Ok(Rich(value.to_string()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Rich, E> {
        Ok(Rich(value.to_string()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Rich, E> {
        Ok(Rich(value.to_string()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Rich, E> {
        Ok(Rich(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Rich, E> {
        Ok(Rich(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Rich, A::Error> {
        let mut out = String::new();
        while let Some(Rich(part)) = seq.next_element()? {
            out.push_str(&part);
        }
        Ok(Rich(out))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Rich, A::Error> {
        let mut out = String::new();
        Piece::deserialize(MapAccessDeserializer::new(map))?.push_to(&mut out);
        Ok(Rich(out))
    }
}

/// A list of single values; a value alone is a list of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Several(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Several {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = Several;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of paths")
            }
            fn visit_unit<E>(self) -> Result<Several, E> {
                Ok(Several::default())
            }
            fn visit_str<E>(self, value: &str) -> Result<Several, E> {
                Ok(Several(vec![value.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Several, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = seq.next_element::<Scalar>()? {
                    out.extend(item.text().map(Cow::into_owned));
                }
                Ok(Several(out))
            }
        }
        deserializer.deserialize_any(Items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_mixture_of_escapes_reads_as_some_text(units in proptest::collection::vec(any::<u16>().prop_map(|u| u % 0x2000 + 0xd000), 0..20)) {
            let escaped = units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
            let json = format!("\"a\\\\{escaped}\\n\"");
            let wanted = format!("a\\{}\n", String::from_utf16_lossy(&units));
            prop_assert_eq!(parse::<Rich>(json.as_bytes()).unwrap().0, wanted);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'8'), any::<u8>()], 0..60)) {
            let _ = parse::<Rich>(&bytes);
            let _ = parse::<Rich>(&[b"\"", bytes.as_slice(), b"\""].concat());
        }
    }

    fn rich(json: &str) -> String {
        parse::<Rich>(json.as_bytes()).unwrap().0
    }

    #[test]
    fn a_text_reads_as_a_person_sees_it() {
        assert_eq!(rich(r#""plain""#), "plain");
        assert_eq!(
            rich(r#"["a ",{"type":"bold","text":"b"},{"type":"custom_emoji","text":"🔥","document_id":"x"}," c"]"#),
            "a b🔥 c"
        );
        assert_eq!(rich("null"), "");
        assert_eq!(rich("[]"), "");
        assert_eq!(rich(r#"[{"type":"plain"},{"type":"pre","text":"x=1","language":"python"},null,7]"#), "x=17");
    }

    #[test]
    fn hidden_link_targets_are_kept_and_visible_ones_are_not_repeated() {
        let hidden = r#"[{"type":"text_link","text":"наш канал ","href":"https://t.me/x"},"и всё"]"#;
        assert_eq!(rich(hidden), "наш канал (https://t.me/x) и всё");
        assert_eq!(rich(r#"[{"type":"text_link","text":"www.Habr.com","href":"https://habr.com/"}]"#), "www.Habr.com");
        assert_eq!(rich(r#"[{"type":"link","text":"https://habr.com"}]"#), "https://habr.com");
        assert_eq!(rich(r#"[{"type":"text_link","text":"a","href":""}]"#), "a");
    }

    #[test]
    fn half_characters_cost_a_character_and_not_the_post() {
        assert_eq!(rich(r#""a\ud83d b\udc00""#), "a\u{fffd} b\u{fffd}");
        assert_eq!(rich(r#""\ud83d\ude00 \\ud83d""#), "😀 \\ud83d");
        assert!(parse::<Rich>(br#""\ud83""#).is_err());
    }

    #[test]
    fn numbers_are_read_however_they_were_written() {
        for json in ["62809", r#""62809""#, r#"" 62809 ""#, "62809.0", r#""62809.0""#] {
            assert_eq!(parse::<Scalar>(json.as_bytes()).unwrap().int(), Some(62809), "{json}");
        }
        for json in ["null", r#""""#, r#""abc""#, "[1]", "{}", "1.5", "true", r#""1.""#] {
            assert_eq!(parse::<Scalar>(json.as_bytes()).unwrap().int(), None, "{json}");
        }
    }
}

//! Tells what a file is by its first bytes, never by its name.
//! It reads no posts.

use std::io::BufRead;

use super::csv::delimiter;
use super::fault::Place;
use super::scan::Scanner;

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Telegram Desktop's `result.json`.
    Telegram,
    /// One JSON object a line.
    Jsonl,
    /// A table with a header row.
    Csv {
        /// Comma, semicolon or tab.
        delimiter: u8,
    },
}

impl Format {
    /// The word used in the summary.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Jsonl => "jsonl",
            Self::Csv { .. } => "csv",
        }
    }
}

/// Why a file cannot be taken, with what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("the file is empty")]
    Empty,
    #[error("the file is compressed; unpack it first")]
    Compressed,
    #[error("the file is UTF-16; convert it first: iconv -f utf-16 -t utf-8 OLD > NEW")]
    Utf16,
    #[error("the table is not UTF-8; convert it first, for Windows Cyrillic: iconv -f windows-1251 -t utf-8 OLD > NEW")]
    NotUtf8,
    #[error(
        "this is an HTML export; in Telegram Desktop choose \"Machine-readable JSON\" as the format, and import its result.json"
    )]
    Html,
    #[error(
        "a JSON object without `messages` or `chats`; expected Telegram Desktop's result.json, one JSON object a line, or CSV"
    )]
    OtherJson,
    #[error("one JSON list; write one object a line instead, for instance with: jq -c '.[]' OLD > NEW")]
    JsonList,
    #[error(
        "neither Telegram Desktop's result.json, nor one JSON object a line, nor CSV with a header row that names a column `text`"
    )]
    Unknown,
}

/// Tells the format from the first bytes (without a byte order mark); `all` reads the file from the same place on.
pub(super) fn tell<R: BufRead>(start: &[u8], all: R) -> Result<Format, Refused> {
    if start.starts_with(&[0x1f, 0x8b]) || start.starts_with(b"PK\x03\x04") || start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Err(Refused::Compressed);
    }
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(Refused::Utf16);
    }
    let text = start.trim_ascii_start();
    match text.first() {
        None => Err(Refused::Empty),
        Some(b'<') => Err(Refused::Html),
        Some(b'{') => match root(all) {
            Root::OneLine => Ok(Format::Jsonl),
            Root::Other | Root::Broken if is_lines(text) => Ok(Format::Jsonl),
            // `Broken`: cut off or damaged before its first telling key; the reader names the place.
            Root::Telegram | Root::Broken => Ok(Format::Telegram),
            Root::Other => Err(Refused::OtherJson),
        },
        Some(_) if is_lines(text) => Ok(Format::Jsonl),
        Some(b'[') => Err(Refused::JsonList),
        Some(_) => table(text),
    }
}

enum Root {
    Telegram,
    OneLine,
    Other,
    Broken,
}

/// Looks for a telling key of the first object; stops at the first.
fn root<R: BufRead>(all: R) -> Root {
    let mut scanner = Scanner::new(all, Place::START);
    let _ = scanner.token();
    let first_line = scanner.place().line;
    let mut telling = false;
    let end = scanner.object(&mut |s, key| {
        let wanted = match key {
            "messages" => b'[',
            "chats" | "left_chats" | "personal_information" => b'{',
            _ => return s.skip(),
        };
        telling |= s.token()? == Some(wanted);
        // Any fault ends the scan; what it was does not matter once the answer is known.
        if telling { Err(super::fault::Fault::Stopped) } else { s.skip() }
    });
    match end {
        _ if telling => Root::Telegram,
        Err(_) => Root::Broken,
        Ok(()) if scanner.place().line == first_line => Root::OneLine,
        Ok(()) => Root::Other,
    }
}

/// True when at least half of the whole lines look like one object each; so a broken first line does not hide what the file is.
fn is_lines(text: &[u8]) -> bool {
    let whole = text.iter().rposition(|&b| b == b'\n').map_or(text, |end| &text[..end]);
    let lines = || whole.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let objects = lines().filter(|line| line.len() > 2 && line.starts_with(b"{") && line.ends_with(b"}")).count();
    objects > 0 && objects * 2 >= lines().count()
}

fn table(text: &[u8]) -> Result<Format, Refused> {
    let header = text.split(|&b| b == b'\n').next().unwrap_or(text);
    let Ok(header) = std::str::from_utf8(header) else { return Err(Refused::NotUtf8) };
    let delimiter = delimiter(header).ok_or(Refused::Unknown)?;
    // The last line may be cut anywhere, also inside a character.
    let whole = text.iter().rposition(|&b| b == b'\n').map_or(text, |end| &text[..end]);
    let foreign = || whole.split(|&b| b == b'\n').filter(|line| !line.is_ascii());
    let broken = foreign().filter(|line| std::str::from_utf8(line).is_err()).count();
    if broken > 0 && broken * 2 >= foreign().count() { Err(Refused::NotUtf8) } else { Ok(Format::Csv { delimiter }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<Format, Refused> {
        tell(text.as_bytes(), text.as_bytes())
    }

    #[test]
    fn the_content_decides_what_a_file_is() {
        assert_eq!(told("{\"name\":\"a\",\"messages\":[]}"), Ok(Format::Telegram));
        assert_eq!(told("{\n \"about\": \"x\",\n \"chats\": {\n"), Ok(Format::Telegram));
        assert_eq!(told("{\"messages\":[],\"id\":1}"), Ok(Format::Telegram));
        assert_eq!(told("{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"b\"}\n"), Ok(Format::Jsonl));
        assert_eq!(told("{\"id\":1,\"text\":\"a\"}"), Ok(Format::Jsonl));
        assert_eq!(told("{\"id\":1,\"messages\":5,\"text\":\"a\"}"), Ok(Format::Jsonl));
        assert_eq!(told("id;text\n1;a\n"), Ok(Format::Csv { delimiter: b';' }));
    }

    #[test]
    fn a_broken_first_line_does_not_hide_json_lines() {
        assert_eq!(told("{\"id\":1,\"text\":\"a\n{\"id\":2,\"text\":\"b\"}\n{\"id\":3,\"text\":\"c\"}\n"), Ok(Format::Jsonl));
        assert_eq!(told("garbage\n{\"id\":2,\"text\":\"b\"}\n"), Ok(Format::Jsonl));
    }

    #[test]
    fn what_cannot_be_taken_is_told_with_a_remedy() {
        assert_eq!(told(""), Err(Refused::Empty));
        assert_eq!(told("{\n \"dependencies\": {}\n}"), Err(Refused::OtherJson));
        assert_eq!(told("[{\"id\":1}]"), Err(Refused::JsonList));
        assert_eq!(told("<!DOCTYPE html>"), Err(Refused::Html));
        assert_eq!(told("once upon a time"), Err(Refused::Unknown));
        assert_eq!(tell(b"\x1f\x8b\x08", &b""[..]), Err(Refused::Compressed));
        assert_eq!(tell(b"\xff\xfei\0d\0", &b""[..]), Err(Refused::Utf16));
        let cp1251 = b"id,text\n1,\xcf\xf0\xe8\xe2\xe5\xf2\n2,\xec\xe8\xf0\n";
        assert_eq!(tell(cp1251, &cp1251[..]), Err(Refused::NotUtf8));
    }
}

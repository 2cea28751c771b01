//! Walks a JSON file too large for memory: finds where each value begins and ends, and hands out one record's bytes at a time.
//! It is not a JSON parser: whether the bytes between two ends are valid is for `serde_json` to say, record by record.

use std::io::{self, BufRead};

use super::fault::{Fault, Place};

/// Longest key worth reading; a longer one is no key of ours.
const KEY_CAP: usize = 4096;

/// A forward-only reader that knows its place.
pub(super) struct Scanner<R> {
    input: R,
    at: Place,
    key: Vec<u8>,
    /// Blanks before the next byte, when nothing else stands before it on its line.
    indent: Option<usize>,
}

/// What became of a value asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Its bytes are in the buffer.
    Whole,
    /// It was longer than the cap; it was passed over.
    TooLarge {
        /// Bytes of the value.
        bytes: u64,
    },
    /// A quote is missing in it; the line that closes it was found by its indentation.
    Unquoted {
        /// The line break that no quoted text may hold.
        place: Place,
    },
}

impl<R: BufRead> Scanner<R> {
    /// Starts at `at`, which must be where `input` stands.
    pub(super) fn new(input: R, at: Place) -> Self {
        Self { input, at, key: Vec::new(), indent: None }
    }

    /// Where the next byte stands.
    pub(super) fn place(&self) -> Place {
        self.at
    }

    /// The next byte that is no white space, not consumed; `None` at the end of the file.
    pub(super) fn token(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let chunk = fill(&mut self.input, self.at)?;
            let Some(&first) = chunk.first() else { return Ok(None) };
            let blank = chunk.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(chunk.len());
            if blank == 0 {
                return Ok(Some(first));
            }
            self.indent = match chunk[..blank].iter().rposition(|&b| b == b'\n') {
                Some(end) => Some(blank - end - 1),
                None => self.indent.map(|before| before + blank),
            };
            self.at.pass(&chunk[..blank]);
            self.input.consume(blank);
        }
    }

    /// Reads an object key by key; `on_key` must consume the value (see [`Scanner::value`], [`Scanner::skip`]).
    pub(super) fn object(&mut self, on_key: &mut dyn FnMut(&mut Self, &str) -> Result<(), Fault>) -> Result<(), Fault> {
        self.open(b'{', "an object")?;
        self.members(on_key)
    }

    /// From in front of a value inside an object: passes over it and reads the keys after it.
    pub(super) fn rest_of_object(&mut self, on_key: &mut dyn FnMut(&mut Self, &str) -> Result<(), Fault>) -> Result<(), Fault> {
        self.skip()?;
        self.next_or(b'}')?;
        self.members(on_key)
    }

    fn members(&mut self, on_key: &mut dyn FnMut(&mut Self, &str) -> Result<(), Fault>) -> Result<(), Fault> {
        loop {
            match self.token()? {
                Some(b'}') => return self.bump(),
                Some(b'"') => {}
                found => return Err(self.unexpected(found, "a key in quotes or `}`")),
            }
            let mut raw = std::mem::take(&mut self.key);
            let taken = self.value(&mut raw, KEY_CAP)?;
            let key = if taken == Taken::Whole { serde_json::from_slice::<String>(&raw).ok() } else { None };
            self.key = raw;
            self.open(b':', "`:` after a key")?;
            match self.token()? {
                found @ (Some(b',' | b'}' | b']') | None) => return Err(self.unexpected(found, "a value")),
                Some(_) => on_key(self, key.as_deref().unwrap_or(""))?,
            }
            self.next_or(b'}')?;
        }
    }

    /// Reads an array item by item; `on_item` must consume the item.
    pub(super) fn array(&mut self, on_item: &mut dyn FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        self.open(b'[', "a list")?;
        loop {
            match self.token()? {
                Some(b']') => return self.bump(),
                found @ (Some(b',' | b'}') | None) => return Err(self.unexpected(found, "a value or `]`")),
                Some(_) => on_item(self)?,
            }
            self.next_or(b']')?;
        }
    }

    /// Passes over one value.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        self.value(&mut Vec::new(), 0).map(drop)
    }

    /// Takes one value's bytes into `into` (cleared first), at most `cap` of them; memory stays bounded whatever the value's length.
    pub(super) fn value(&mut self, into: &mut Vec<u8>, cap: usize) -> Result<Taken, Fault> {
        self.indent = None;
        self.take(into, cap, None)
    }

    /// Takes an object as [`Scanner::value`] does. If a quote is missing in it, which would turn all that follows inside out, and the file
    /// is written with an object's braces on lines of their own, as Telegram Desktop does, then only this object is lost.
    pub(super) fn record(&mut self, into: &mut Vec<u8>, cap: usize) -> Result<Taken, Fault> {
        let indent = if self.token()? == Some(b'{') { self.indent } else { None };
        self.indent = None;
        self.take(into, cap, indent)
    }

    fn take(&mut self, into: &mut Vec<u8>, cap: usize, indent: Option<usize>) -> Result<Taken, Fault> {
        into.clear();
        let start = self.at;
        let mut ends = Ends::default();
        let mut broken_line = None;
        loop {
            let chunk = fill(&mut self.input, self.at)?;
            if chunk.is_empty() {
                return Err(self.cut_off(start, broken_line, &ends));
            }
            let (used, done, break_at) = ends.feed(chunk);
            if let (None, Some(index)) = (broken_line, break_at) {
                let mut place = self.at;
                place.pass(&chunk[..index]);
                broken_line = Some(place);
                if let Some(indent) = indent {
                    self.at = place;
                    self.input.consume(index);
                    into.clear();
                    self.closing_line(indent).map_err(|_| self.cut_off(start, broken_line, &ends))?;
                    return Ok(Taken::Unquoted { place });
                }
            }
            if into.len() + used <= cap {
                into.extend_from_slice(&chunk[..used]);
            }
            self.at.pass(&chunk[..used]);
            self.input.consume(used);
            let bytes = self.at.byte - start.byte;
            if bytes > cap as u64 {
                into.clear();
            }
            if done {
                return Ok(if bytes > cap as u64 { Taken::TooLarge { bytes } } else { Taken::Whole });
            }
        }
    }

    /// Goes on to behind the next line that holds a closing brace after `indent` blanks.
    fn closing_line(&mut self, indent: usize) -> Result<(), Fault> {
        // Bytes of that line found so far, on a line that can still be it.
        let mut matched: Option<usize> = None;
        loop {
            let chunk = fill(&mut self.input, self.at)?;
            if chunk.is_empty() {
                return if matched == Some(indent + 1) { Ok(()) } else { Err(self.unexpected(None, "`}`")) };
            }
            let mut end = None;
            for (at, byte) in chunk.iter().enumerate() {
                matched = match (matched, byte) {
                    (Some(found), b',' | b'\n' | b'\r') if found == indent + 1 => {
                        end = Some(at);
                        break;
                    }
                    (_, b'\n') => Some(0),
                    (Some(found), b' ' | b'\t') if found < indent => Some(found + 1),
                    (Some(found), b'}') if found == indent => Some(found + 1),
                    _ => None,
                };
            }
            let used = end.unwrap_or(chunk.len());
            self.at.pass(&chunk[..used]);
            self.input.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn cut_off(&self, start: Place, broken_line: Option<Place>, ends: &Ends) -> Fault {
        if let Some(place) = broken_line {
            return Fault::damage(place, format!("a line break stands inside a quoted text of the value that begins at {start}"));
        }
        let inside = if ends.string { "a quoted text" } else { "a value" };
        Fault::damage(self.at, format!("the file ends in the middle of {inside} (the value begins at {start})"))
    }

    /// After a value: consumes a comma, or leaves the closing bracket to the caller.
    fn next_or(&mut self, close: u8) -> Result<(), Fault> {
        match self.token()? {
            Some(b',') => {
                self.bump()?;
                match self.token()? {
                    found @ Some(b'}' | b']') => Err(self.unexpected(found, "something after `,`")),
                    _ => Ok(()),
                }
            }
            Some(found) if found == close => Ok(()),
            found => Err(self.unexpected(found, "`,` or a closing bracket")),
        }
    }

    fn open(&mut self, byte: u8, what: &str) -> Result<(), Fault> {
        match self.token()? {
            Some(found) if found == byte => self.bump(),
            found => Err(self.unexpected(found, what)),
        }
    }

    fn unexpected(&self, found: Option<u8>, wanted: &str) -> Fault {
        let what = match found {
            None => format!("the file ends where {wanted} should come"),
            Some(byte) if byte.is_ascii_graphic() => format!("`{}` where {wanted} should come", char::from(byte)),
            Some(byte) => format!("byte 0x{byte:02x} where {wanted} should come"),
        };
        Fault::damage(self.at, what)
    }

    fn bump(&mut self) -> Result<(), Fault> {
        self.indent = None;
        let chunk = fill(&mut self.input, self.at)?;
        if let Some(first) = chunk.get(..1) {
            self.at.pass(first);
            self.input.consume(1);
        }
        Ok(())
    }
}

/// The buffered bytes; interrupted reads are tried again. A free function, so that the borrow stays on `input` alone.
pub(super) fn fill<R: BufRead>(input: &mut R, at: Place) -> Result<&[u8], Fault> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Io { place: at, error }),
        }
    }
    input.fill_buf().map_err(|error| Fault::Io { place: at, error })
}

/// Finds the end of one value in a run of chunks, by quotes and brackets alone; depth costs no stack.
#[derive(Debug, Default)]
struct Ends {
    depth: u64,
    string: bool,
    escaped: bool,
    begun: bool,
}

impl Ends {
    /// Bytes of `chunk` that belong to the value, whether it ended there, and where the first raw line break inside a string stands.
    fn feed(&mut self, chunk: &[u8]) -> (usize, bool, Option<usize>) {
        let mut line_break = None;
        let mut i = 0;
        while i < chunk.len() {
            if self.string {
                if self.escaped {
                    self.escaped = false;
                    i += 1;
                    continue;
                }
                let Some(step) = chunk[i..].iter().position(|b| matches!(b, b'"' | b'\\' | b'\n')) else {
                    return (chunk.len(), false, line_break);
                };
                i += step;
                match chunk[i] {
                    b'\\' => self.escaped = true,
                    b'\n' => line_break = line_break.or(Some(i)),
                    _ => self.string = false,
                }
                i += 1;
                if !self.string && self.depth == 0 {
                    return (i, true, line_break);
                }
                continue;
            }
            match chunk[i] {
                b'"' => self.string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (i + 1, true, line_break);
                    }
                }
                b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if self.depth == 0 && self.begun => {
                    return (i, true, line_break);
                }
                _ => {}
            }
            self.begun = true;
            i += 1;
        }
        (chunk.len(), false, line_break)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(json: &str, buffer: usize) -> (Vec<String>, Option<String>) {
        let mut scanner = Scanner::new(io::BufReader::with_capacity(buffer, json.as_bytes()), Place::START);
        let mut found = Vec::new();
        let mut buf = Vec::new();
        let end = scanner.array(&mut |s| {
            let taken = s.value(&mut buf, 20)?;
            found.push(match taken {
                Taken::Whole => String::from_utf8_lossy(&buf).into_owned(),
                Taken::TooLarge { bytes } => format!("<{bytes}>"),
                Taken::Unquoted { place } => format!("<{place}>"),
            });
            Ok(())
        });
        (found, end.err().map(|e| e.to_string()))
    }

    #[test]
    fn values_are_found_whatever_the_buffer_cuts() {
        let json = r#" [ {"a":"}]\"\\"} , "x,y" ,12, null ,[[],{}],{"long":"0123456789"},true ] "#;
        let whole = [r#"{"a":"}]\"\\"}"#, r#""x,y""#, "12", "null", "[[],{}]", "<21>", "true"];
        for buffer in 1..80 {
            let (found, error) = records(json, buffer);
            assert_eq!(found, whole, "buffer {buffer}");
            assert_eq!(error, None);
        }
    }

    #[test]
    fn damage_names_its_line_and_byte() {
        let (found, error) = records("[1,\n {\"a\": \"b", 8);
        assert_eq!(found, ["1"]);
        let error = error.unwrap();
        assert!(error.starts_with("line 2, byte 13: the file ends in the middle of a quoted text"), "{error}");
        assert!(error.contains("the value begins at line 2, byte 5"), "{error}");
        assert!(records("[1 2]", 8).1.unwrap().starts_with("line 1, byte 3: `2` where"), "two values without a comma");
        assert!(records("[,]", 8).1.unwrap().contains("`,` where a value"), "a missing value");
        assert!(records("[1,]", 8).1.unwrap().contains("after `,`"), "a comma too many");
    }

    #[test]
    fn an_unclosed_quote_is_placed_at_the_first_line_break_inside_it() {
        let error = records("[\"one\n \",\n2, {", 8).1.unwrap();
        assert!(error.contains("line 3"), "{error}");
        let error = records("[1, \"open\n, 2", 8).1.unwrap();
        assert!(error.starts_with("line 1, byte 9: a line break stands inside a quoted text"), "{error}");
    }

    #[test]
    fn a_lost_quote_costs_one_object_where_braces_have_their_own_lines() {
        let json = "[\n  {\n   \"a\": 1\n  },\n  {\n   \"b\": x\",\n   \"c\": {\n   }\n  },\n  {\n   \"d\": [\n   ]\n  }\n]";
        for buffer in 1..60 {
            let mut scanner = Scanner::new(io::BufReader::with_capacity(buffer, json.as_bytes()), Place::START);
            let (mut found, mut buf) = (Vec::new(), Vec::new());
            let end = scanner.array(&mut |s| {
                found.push((s.record(&mut buf, 100)?, String::from_utf8_lossy(&buf).into_owned()));
                Ok(())
            });
            assert!(end.is_ok(), "{end:?}");
            let lost = Taken::Unquoted { place: Place { line: 6, byte: 36 } };
            assert_eq!(found[1], (lost, String::new()), "buffer {buffer}");
            assert_eq!((found.len(), &found[0].1[..], found[2].0), (3, "{\n   \"a\": 1\n  }", Taken::Whole));
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("[{}{}]", "[".repeat(500_000), "]".repeat(500_000));
        assert_eq!(records(&deep, 4096), (vec!["<1000000>".to_owned()], None));
    }
}

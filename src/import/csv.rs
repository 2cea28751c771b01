//! Reads CSV with a header row of the JSONL names; the delimiter is the one that makes most sense of the header.
//! It guesses no encoding: the text is UTF-8, or `format` has already said how to convert it.

use std::io::{self, BufRead, Read};

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::RECORD_CAP;
use super::fault::{Fault, Place};
use super::intake::Intake;
use super::json::{Scalar, Several, parse};
use super::record::{Field, Record};
use super::summary::BROKEN;

/// The delimiter of a header line; `None` when no delimiter yields a column that this program knows.
pub(super) fn delimiter(header: &str) -> Option<u8> {
    let known =
        |delimiter: char| header.split(delimiter).filter(|name| Field::named(name.trim().trim_matches('"')).is_some()).count();
    let best = [',', ';', '\t'].into_iter().rev().max_by_key(|&d| (known(d), header.matches(d).count()))?;
    (known(best) > 0).then_some(best as u8)
}

/// Reads a whole file.
pub(super) fn read<R: BufRead>(
    input: R,
    at: Place,
    delimiter: u8,
    file_stem: &str,
    intake: &mut Intake<'_>,
) -> Result<(), Fault> {
    let input = Bounded { input, passed: 0, end: 0, window: Vec::new() };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(input);
    let mut row = ByteRecord::new();
    let mut columns: Option<Vec<Option<Field>>> = None;
    loop {
        let before = reader.position().clone();
        let input = reader.get_mut();
        input.end = before.byte() + RECORD_CAP as u64;
        let place = input.start_of_row(&before, at);
        let more = reader.read_byte_record(&mut row).map_err(|error| fault(error, place))?;
        if !more {
            return Ok(());
        }
        intake.advance(at.byte + reader.position().byte())?;
        let Some(known) = &columns else {
            columns = Some(header_of(&row, place)?);
            continue;
        };
        intake.file.counts.read += 1;
        match fields(&row, known) {
            Ok(parsed) => {
                let found = parsed.found(file_stem, &intake.zone);
                intake.take(found)?;
            }
            Err(what) => intake.file.broken(place, BROKEN, &what),
        }
    }
}

/// Which column is which field; of several synonyms the best is taken.
fn header_of(names: &ByteRecord, place: Place) -> Result<Vec<Option<Field>>, Fault> {
    let meant: Vec<_> = names.iter().map(|name| std::str::from_utf8(name).ok().and_then(Field::named)).collect();
    let columns: Vec<_> = meant
        .iter()
        .enumerate()
        .map(|(at, found)| {
            let (field, rank) = (*found)?;
            let better = |(other, &name): (usize, &Option<(Field, usize)>)| {
                name.is_some_and(|(f, r)| f == field && (r < rank || r == rank && other < at))
            };
            (!meant.iter().enumerate().any(better)).then_some(field)
        })
        .collect();
    if columns.iter().flatten().any(|field| matches!(field, Field::Text | Field::Images)) {
        return Ok(columns);
    }
    let names: Vec<_> = names.iter().map(String::from_utf8_lossy).collect();
    Err(Fault::damage(place, format!("no column is named `text` or `images`; the header names: {}", names.join(", "))))
}

fn fields(row: &ByteRecord, columns: &[Option<Field>]) -> Result<Record, String> {
    if row.len() != columns.len() {
        return Err(format!("{} fields, but the header has {}; is a quote or a delimiter missing?", row.len(), columns.len()));
    }
    let mut record = Record::default();
    for (cell, field) in row.iter().zip(columns) {
        let Some(field) = *field else { continue };
        let cell = std::str::from_utf8(cell).map_err(|_| {
            "not UTF-8; convert the file first, for Windows Cyrillic: iconv -f windows-1251 -t utf-8 OLD > NEW".to_owned()
        })?;
        match field {
            Field::Images => record.set_images(images(cell)),
            field => record.set(field, Scalar::Text(cell.to_owned())),
        }
    }
    Ok(record)
}

/// Several images in one cell: a JSON list, or paths separated by `;`, `|` or line breaks.
fn images(cell: &str) -> Vec<String> {
    let cell = cell.trim();
    if cell.starts_with('[')
        && let Ok(Several(paths)) = parse(cell.as_bytes())
    {
        return paths;
    }
    cell.split([';', '|', '\n']).map(str::trim).filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

fn fault(error: csv::Error, place: Place) -> Fault {
    let what = error.to_string();
    match error.into_kind() {
        ErrorKind::Io(error) if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Endless>) => {
            Fault::damage(place, "a row of more than 16 MiB begins here; most likely a quote is never closed")
        }
        ErrorKind::Io(error) => Fault::Io { place, error },
        _ => Fault::damage(place, what),
    }
}

/// Ends the reading when one row grows past its cap: the `csv` crate itself would go on until memory ends.
struct Bounded<R> {
    input: R,
    /// Bytes handed out.
    passed: u64,
    /// Bytes that may be handed out before the row in hand is too long.
    end: u64,
    /// The bytes handed out last; the next row begins among them or right after them.
    window: Vec<u8>,
}

impl<R: BufRead> Bounded<R> {
    /// Where the next row begins: the `csv` crate ends a row at `\r` and leaves the `\n`, and empty lines, for later.
    fn start_of_row(&mut self, position: &csv::Position, at: Place) -> Place {
        let mut place = Place { line: position.line(), byte: at.byte + position.byte() };
        let known = self.window.len() as u64;
        let skip = (position.byte() + known).saturating_sub(self.passed).min(known);
        // An error here comes back from the read that follows.
        let ahead = self.input.fill_buf().unwrap_or_default();
        let breaks = self.window[skip as usize..].iter().chain(ahead).take_while(|b| matches!(b, b'\r' | b'\n'));
        for &byte in breaks {
            place.pass(&[byte]);
        }
        place
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a row over the cap")]
struct Endless;

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.passed > self.end {
            return Err(io::Error::other(Endless));
        }
        let count = self.input.read(into)?;
        self.passed += count as u64;
        self.window.clear();
        self.window.extend_from_slice(&into[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_that_makes_sense_of_the_header() {
        assert_eq!(delimiter("id,channel,text"), Some(b','));
        assert_eq!(delimiter("id;channel;text, all of it"), Some(b';'));
        assert_eq!(delimiter("id\tchannel\ttext"), Some(b'\t'));
        assert_eq!(delimiter("\"id\";\"text\""), Some(b';'));
        assert_eq!(delimiter("text"), Some(b','));
        assert_eq!(delimiter("foo,bar"), None);
    }

    #[test]
    fn a_cell_may_name_several_images() {
        assert_eq!(images(r#"["a.png","b c.png"]"#), ["a.png", "b c.png"]);
        assert_eq!(images("a.png; b.png|c.png\n"), ["a.png", "b.png", "c.png"]);
        assert_eq!(images(" "), Vec::<String>::new());
    }
}

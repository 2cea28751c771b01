//! Reads JSON Lines: one post a line; a broken line costs that line alone.
//! It does not read JSON that spans lines.

use std::io::BufRead;

use super::RECORD_CAP;
use super::fault::{Fault, Place};
use super::intake::Intake;
use super::json;
use super::record::{Record, why};
use super::scan::fill;
use super::summary::{BROKEN, TOO_LARGE};

/// Reads a whole file.
pub(super) fn read<R: BufRead>(mut input: R, mut at: Place, file_stem: &str, intake: &mut Intake<'_>) -> Result<(), Fault> {
    let mut line = Vec::new();
    loop {
        let start = at;
        let length = take_line(&mut input, &mut at, &mut line)?;
        if length == 0 {
            return Ok(());
        }
        intake.advance(at.byte)?;
        let record = line.trim_ascii();
        if record.is_empty() && length <= RECORD_CAP as u64 {
            continue;
        }
        intake.file.counts.read += 1;
        if length > RECORD_CAP as u64 {
            intake.file.broken(start, TOO_LARGE, &format!("a line of {length} bytes; at most 16 MiB are read"));
            continue;
        }
        match json::parse::<Record>(record) {
            Ok(parsed) => {
                let found = parsed.found(file_stem, &intake.zone);
                intake.take(found)?;
            }
            Err(error) => intake.file.broken(start, BROKEN, &why(&error, record, start)),
        }
    }
}

/// Takes the next line, its end included, into `line`; of a line over the cap only the length is known. 0 at the end of the file.
fn take_line<R: BufRead>(input: &mut R, at: &mut Place, line: &mut Vec<u8>) -> Result<u64, Fault> {
    line.clear();
    let mut length = 0;
    loop {
        let chunk = fill(input, *at)?;
        let (used, done) = match chunk.iter().position(|&b| b == b'\n') {
            Some(end) => (end + 1, true),
            None => (chunk.len(), chunk.is_empty()),
        };
        length += used as u64;
        if length <= RECORD_CAP as u64 {
            line.extend_from_slice(&chunk[..used]);
        } else {
            line.clear();
        }
        at.pass(&chunk[..used]);
        input.consume(used);
        if done {
            return Ok(length);
        }
    }
}

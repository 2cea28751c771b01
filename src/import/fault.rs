//! What can go wrong while reading one file, each with its place in it.
//! It is not what the caller of an import sees: that is `ImportError` and the summary's own words.

use std::fmt;
use std::io;

use serde::Serialize;

use crate::text::{Safe, grouped};

/// A place in a file, as an editor and `tail -c +N` would find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Byte offset, from 0.
    pub byte: u64,
}

impl Place {
    /// The first byte of a file.
    pub(super) const START: Self = Self { line: 1, byte: 0 };

    /// Moves past `bytes`.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        self.byte += bytes.len() as u64;
        // A plain fold: the compiler turns it into vector code, which a byte-by-byte `match` would not become.
        self.line += bytes.iter().map(|&b| u64::from(b == b'\n')).sum::<u64>();
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, byte {}", grouped(self.line as i64), grouped(self.byte as i64))
    }
}

/// Why the reading of a file ended early.
#[derive(Debug)]
pub(super) enum Fault {
    /// The system could not read on.
    Io {
        /// How far it got.
        place: Place,
        /// What it said.
        error: io::Error,
    },
    /// The file itself is broken from here on.
    Damage {
        /// Where.
        place: Place,
        /// What stands there, in words.
        what: Safe,
    },
    /// Nobody wants the posts any more: the store failed or the import was called off.
    Stopped,
}

impl Fault {
    /// A broken file.
    pub(super) fn damage(place: Place, what: impl AsRef<str>) -> Self {
        Self::Damage { place, what: Safe::line(what.as_ref()).clipped(300) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { place, error } => write!(f, "{place}: could not be read: {}", Safe::line(&error.to_string())),
            Self::Damage { place, what } => write!(f, "{place}: {what}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

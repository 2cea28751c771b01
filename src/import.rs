//! Brings posts in: Telegram Desktop's `result.json`, JSON Lines and CSV, streamed into the store in slices.
//! It does not print and tags nothing; the caller draws the progress, and the store enqueues the jobs.
//!
//! A file is read on a blocking thread with bounded memory: one record, one album and three slices, whatever the file's size.
//! ```text
//! format ──> telegram (scan, message, album) ─┐
//!        ──> jsonl ──────────────────────────┼─ record ──> intake (images, counts) ──slices──> run ──> store
//!        ──> csv ────────────────────────────┘
//! ```

mod csv;
mod date;
mod fault;
mod format;
mod image;
mod intake;
mod json;
mod jsonl;
mod record;
mod scan;
mod summary;
mod telegram;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use self::fault::Fault;
use self::format::Format;
use self::image::Folder;
use self::intake::Intake;
use crate::domain::{Imported, UserId};
use crate::store::{Store, StoreError};
use crate::text::{Safe, grouped};

pub use self::fault::Place;
pub use self::intake::{OnSlice, Slice};
pub use self::summary::{Counts, FileSummary, PROBLEMS_KEPT, Problem, Reasons, Summary};

/// Longest record read, bytes: a message, a line or a row.
pub const RECORD_CAP: usize = 16 << 20;

/// Bytes read from the disk at once, and looked at to tell the format.
const BUFFER: usize = 256 << 10;

/// Slices waiting for the store.
const WAITING: usize = 2;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How posts are read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Take private chats, saved messages and login codes out of a whole-account export too. An export of one chat is always taken.
    pub private_chats: bool,
    /// The zone of dates that name none.
    pub zone: TimeZone,
}

impl Default for Reading {
    /// Channels and groups only; dates without a zone are this machine's local time.
    fn default() -> Self {
        Self { private_chats: false, zone: TimeZone::system() }
    }
}

/// How posts are read and stored.
#[derive(Clone, Debug)]
pub struct Options {
    /// Owner of the posts.
    pub user: UserId,
    /// Longest wait of a post for the text of its images; 0: none.
    pub wait_for_ocr: Duration,
    /// Passes each new job is allowed.
    pub max_attempts: u32,
    /// How the files are read.
    pub reading: Reading,
}

/// How far an import has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The file being read.
    pub file: Safe,
    /// Bytes read of all files.
    pub bytes_done: u64,
    /// Bytes of all files; 0 when a file's size is unknown (a pipe).
    pub bytes_total: u64,
    /// Records read of all files.
    pub read: u64,
    /// Posts written or found unchanged.
    pub stored: u64,
}

/// Why an import ended before its last file. What is wrong with a file never does; that stands in its summary.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database did not take a slice; the slices before it are in, and importing again goes on from there.
    #[error(
        "the posts of {file} could not be stored: {source}; what was stored before stays, so import again once that is mended"
    )]
    Store {
        /// The file being imported.
        file: Safe,
        /// What the database said.
        source: StoreError,
    },
    /// The reading thread ended abnormally; this is a fault of the program.
    #[error("reading {file} ended abnormally: {what}; please report this")]
    Reader {
        /// The file being imported.
        file: Safe,
        /// What is known of it.
        what: Safe,
    },
}

/// Imports files one after another; importing the same again adds nothing. Dropping the future stops after the slice in hand.
pub async fn run(
    store: &Store,
    files: &[PathBuf],
    options: &Options,
    progress: impl Fn(Progress),
) -> Result<Summary, ImportError> {
    let files: Vec<PathBuf> = files.iter().flat_map(|path| exports_in(path)).collect();
    let sizes: Vec<Option<u64>> = files.iter().map(|path| regular_size(path)).collect();
    let bytes_total = sizes.iter().copied().sum::<Option<u64>>().unwrap_or(0);
    let mut summary = Summary::default();
    for path in files {
        let name = shown(&path);
        let before = summary.files.iter().map(|file| file.bytes).sum::<u64>();
        let told = |bytes: u64, read: u64, stored: u64| {
            let total = &summary.total;
            progress(Progress {
                file: name.clone(),
                bytes_done: before + bytes,
                bytes_total,
                read: total.read + read,
                stored: total.posts + stored,
            });
        };
        let file = import_one(store, path, options, &name, told).await?;
        summary.push(file);
    }
    Ok(summary)
}

async fn import_one(
    store: &Store,
    path: PathBuf,
    options: &Options,
    name: &Safe,
    told: impl Fn(u64, u64, u64),
) -> Result<FileSummary, ImportError> {
    let (sender, mut slices) = mpsc::channel::<Slice>(WAITING);
    let reading = options.reading.clone();
    let reader = tokio::task::spawn_blocking(move || {
        read(&path, &reading, &mut |slice| match sender.blocking_send(slice) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    });
    let (mut new, mut updated, mut unchanged) = (0, 0, 0);
    told(0, 0, 0);
    while let Some(slice) = slices.recv().await {
        if !slice.posts.is_empty() {
            // An error drops the receiver on the way out, which is what stops the reader.
            let done = store.import(options.user, &slice.posts, options.wait_for_ocr, options.max_attempts).await;
            for imported in done.map_err(|source| ImportError::Store { file: name.clone(), source })? {
                match imported {
                    Imported::New => new += 1,
                    Imported::Updated => updated += 1,
                    Imported::Unchanged => unchanged += 1,
                }
            }
        }
        told(slice.bytes_done, slice.read, new + updated + unchanged);
    }
    let mut file = reader
        .await
        .map_err(|error| ImportError::Reader { file: name.clone(), what: Safe::line(&error.to_string()).clipped(200) })?;
    file.counts.new = new;
    file.counts.updated = updated;
    file.counts.unchanged = unchanged;
    Ok(file)
}

/// Reads one file, whatever of the three formats it is, and hands its posts on in slices; blocks. Never fails: what is wrong stands in the summary.
pub fn read(path: &Path, reading: &Reading, on_slice: &mut OnSlice<'_>) -> FileSummary {
    let zone = reading.zone.iana_name().map_or_else(|| Safe::fixed("a fixed offset"), |name| Safe::line(name).clipped(60));
    let file = FileSummary { file: shown(path), zone, ..FileSummary::default() };
    let mut intake = Intake::new(file, Folder::of(path), reading.zone.clone(), on_slice);
    if let Err(what) = read_into(path, reading, &mut intake) {
        intake.file.error = Some(Safe::line(&what));
    }
    intake.file
}

/// The error is a sentence for a person.
fn read_into(path: &Path, reading: &Reading, intake: &mut Intake<'_>) -> Result<(), String> {
    let cannot_read = |error: io::Error| format!("cannot be read: {error}; check the path and its permissions");
    if path.is_dir() {
        return Err(
            "is a folder without any result*.json in it; name the folder of a Telegram Desktop export, or a file".to_owned()
        );
    }
    let mut input = BufReader::with_capacity(BUFFER, File::open(path).map_err(cannot_read)?);
    let mut at = Place::START;
    let start = input.fill_buf().map_err(cannot_read)?;
    if let Some(mark) = start.get(..BYTE_ORDER_MARK.len()).filter(|mark| *mark == BYTE_ORDER_MARK) {
        at.pass(mark);
        input.consume(BYTE_ORDER_MARK.len());
    }
    let again = regular_size(path).is_some().then_some(path);
    let start = input.buffer();
    let told = match again.and_then(|path| File::open(path).ok()) {
        Some(file) => {
            let mut all = BufReader::with_capacity(BUFFER, file);
            all.fill_buf().map_err(cannot_read)?;
            all.consume(at.byte as usize);
            format::tell(start, all)
        }
        // A pipe can be read only once: its first bytes must do.
        None => format::tell(start, start),
    };
    let format = told.map_err(|refused| refused.to_string())?;
    intake.file.format = Some(format.word());
    let stem = path.file_stem().map_or_else(|| "import".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let end = match format {
        Format::Telegram => telegram::read(input, at, again, reading.private_chats, intake),
        Format::Jsonl => jsonl::read(input, at, &stem, intake),
        Format::Csv { delimiter } => csv::read(input, at, delimiter, &stem, intake),
    };
    // What was read before any damage is complete and goes in.
    match (end, intake.finish()) {
        (Err(Fault::Stopped), _) | (_, Err(Fault::Stopped)) => Err("stopped before its end; import it again".to_owned()),
        (Err(fault), _) | (Ok(()), Err(fault)) => Err(remedy(&fault, format, intake.file.counts.posts)),
        (Ok(()), Ok(())) => Ok(()),
    }
}

fn remedy(fault: &Fault, format: Format, posts: u64) -> String {
    let kept = match posts {
        0 => "no post stands before it".to_owned(),
        1 => "the post before it is imported".to_owned(),
        _ => format!("the {} posts before it are imported", grouped(posts as i64)),
    };
    let again = match (fault, format) {
        (Fault::Io { .. }, _) => "check the disk, then import the file again",
        (_, Format::Telegram) => "export the chat again, or mend the file there, and import it again",
        (_, Format::Jsonl | Format::Csv { .. }) => "mend the file there and import it again",
    };
    format!("{fault}; {kept}; {again}: what is already in is not doubled")
}

/// A folder stands for the exports in it: Telegram Desktop writes `result.json`, people keep `result_habr_300.json` beside it.
/// A folder without any stays as it is, and reading it says so.
fn exports_in(path: &Path) -> Vec<PathBuf> {
    let is_export = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        name.starts_with("result") && path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("json")) && path.is_file()
    };
    let listed = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = listed.filter(is_export).collect();
    found.sort();
    if found.is_empty() { vec![path.to_owned()] } else { found }
}

fn regular_size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
}

fn shown(path: &Path) -> Safe {
    Safe::line(&path.to_string_lossy()).clipped(200)
}

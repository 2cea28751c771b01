//! Which ONNX Runtime library is used: the order of search, and loading with an error that says what to do.
//! It unpacks nothing itself (see `shipped`) and tries no provider.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use ort::LoadDynamicError;
use ort::environment::EnvironmentBuilder;

use super::{Options, engine, shipped};
use crate::ocr::OcrError;
use crate::text::Safe;

/// Folder of the GPU install in the data folder.
pub const GPU_FOLDER: &str = "gpu";

/// Oldest ONNX Runtime that the binding speaks with (feature `api-24`).
const OLDEST: &str = "1.24";

/// Where a library was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `ocr.onnxruntime`.
    Setting,
    /// `ORT_DYLIB_PATH`.
    Variable,
    /// In the folder of the program.
    Beside,
    /// Fetched by `tagdeck gpu install`.
    GpuInstall,
    /// Part of the program, unpacked into the cache folder.
    Shipped,
}

impl Origin {
    /// For a sentence.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Setting => "named by ocr.onnxruntime",
            Self::Variable => "named by ORT_DYLIB_PATH",
            Self::Beside => "beside the program",
            Self::GpuInstall => "from the GPU install",
            Self::Shipped => "shipped with the program",
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::Setting => "correct ocr.onnxruntime, or leave it empty for the shipped one",
            Self::Variable => "correct ORT_DYLIB_PATH, or unset it for the shipped one",
            Self::Beside => "move it away for the shipped one",
            Self::GpuInstall => "run `tagdeck gpu install` again",
            Self::Shipped => "name another one in ocr.onnxruntime",
        }
    }
}

/// A loaded library.
#[derive(Clone, Debug)]
pub struct Library {
    /// The file.
    pub path: PathBuf,
    /// How it was found.
    pub origin: Origin,
    /// Such as `1.31.1`.
    pub version: Safe,
    /// Why one that stood before it in the order was left.
    pub passed_over: Option<Safe>,
}

/// A file, and who named it.
pub(super) struct Named {
    pub(super) path: PathBuf,
    pub(super) origin: Origin,
}

/// The library that somebody asked for by name.
pub(super) fn named(options: &Options) -> Option<Named> {
    let setting = options.library.clone().map(|path| Named { path, origin: Origin::Setting });
    setting.or_else(|| options.library_variable.clone().map(|path| Named { path, origin: Origin::Variable }))
}

/// Finds and loads the first library of the order. One that was named must work; a GPU install that does not is passed over.
pub(super) fn load(options: &Options) -> Result<(EnvironmentBuilder, Library), OcrError> {
    if let Some(library) = named(options).or_else(beside) {
        return open(&library);
    }
    let mut passed_over = None;
    if let Some(path) = options.data_dir.as_deref().and_then(|data| newest_in(&data.join(GPU_FOLDER).join("onnxruntime/capi"))) {
        match open(&Named { path, origin: Origin::GpuInstall }) {
            Ok(found) => return Ok(found),
            Err(error) => passed_over = Some(Safe::line(&error.to_string())),
        }
    }
    let path = shipped::unpacked(options.cache_dir.as_deref())?;
    let (builder, library) = open(&Named { path, origin: Origin::Shipped })?;
    Ok((builder, Library { passed_over, ..library }))
}

fn beside() -> Option<Named> {
    let program = std::env::current_exe().ok()?;
    newest_in(program.parent()?).map(|path| Named { path, origin: Origin::Beside })
}

/// The library in a folder; of several versions the last by name.
fn newest_in(folder: &Path) -> Option<PathBuf> {
    let name = format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let exact = folder.join(&name);
    if exact.is_file() {
        return Some(exact);
    }
    let versions = format!("{name}.");
    let files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    files.filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&versions))).max()
}

fn open(library: &Named) -> Result<(EnvironmentBuilder, Library), OcrError> {
    let Named { path, origin } = library;
    let wrong = |why: &str| {
        engine(&format!("the ONNX Runtime library {} ({}) {why}; {}", path.display(), origin.phrase(), origin.remedy()))
    };
    // ort looks for a relative path beside the program first.
    let path = &std::path::absolute(path).map_err(|error| wrong(&format!("cannot be found: {error}")))?;
    whole(path).map_err(|why| wrong(&why))?;
    let builder = ort::init_from(path).map_err(|error| match error {
        LoadDynamicError::Dlopen { error, .. } => wrong(&format!("cannot be loaded: {error}")),
        LoadDynamicError::MissingApi { .. } => wrong("is some other library"),
        LoadDynamicError::InvalidVersionString => wrong("does not tell its version"),
        LoadDynamicError::BadVersion { version_str, .. } => {
            wrong(&format!("is version {version_str}, {OLDEST} or newer is needed"))
        }
    })?;
    let library = Library { path: path.clone(), origin: *origin, version: version(path), passed_over: None };
    Ok((builder, library))
}

/// The full version stands in the name of the file, or of what it links to; the library itself only tells the middle number.
fn version(path: &Path) -> Safe {
    let minor = ort::util::probe(path).map_or_else(|| "unknown".to_owned(), |minor| format!("1.{minor}"));
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let from_name = name.find(&format!("{minor}.")).map(|at| &name[at..]);
    let full = from_name.map(|rest| rest.trim_end_matches(|c: char| !c.is_ascii_digit()));
    Safe::line(full.unwrap_or(&minor)).clipped(20)
}

/// A cut library does not fail to load, it kills the process (SIGBUS) when the loader reads behind its end. An ELF file ends
/// with its section headers, so a cut one is known by them.
fn whole(path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let about = file.metadata().map_err(|error| format!("cannot be read: {error}"))?;
    if !about.is_file() {
        return Err("is no file".to_owned());
    }
    let mut header = [0; 64];
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    file.read_exact(&mut header).map_err(|_| "is no library".to_owned())?;
    // Only 64-bit little-endian ELF: on other machines the loader judges alone.
    let [0x7f, b'E', b'L', b'F', class, order, ..] = header else { return Err("is no library".to_owned()) };
    if (class, order) != (2, 1) {
        return Ok(());
    }
    let number = |at: usize, bytes: usize| header[at..at + bytes].iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte));
    let (table, size, count) = (number(40, 8), number(58, 2), number(60, 2));
    let end = table.saturating_add(size * count);
    if end > about.len() { Err(format!("is cut short: {} of {end} bytes", about.len())) } else { Ok(()) }
}

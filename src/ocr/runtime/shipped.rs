//! The ONNX Runtime library that is part of the program: unpacked once into the cache folder, its hash checked at every start.
//! It loads nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::engine;
use crate::ocr::OcrError;
use crate::text::sha256;

/// Compressed with zstd; only where the wheel's build runs.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
pub(super) const PACKED: Option<&[u8]> =
    Some(include_bytes!("../../../assets/onnxruntime/libonnxruntime-1.31.1-linux-x86_64.so.zst"));
#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
pub(super) const PACKED: Option<&[u8]> = None;

const NAME: &str = "libonnxruntime-1.31.1.so";
/// Of the unpacked file, as in onnxruntime 1.31.1 on `PyPI` (see NOTICE).
const SHA256: &str = "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3";

/// The unpacked library in `cache`; one that is missing or damaged is written anew, beside others that do the same.
pub(super) fn unpacked(cache: Option<&Path>) -> Result<PathBuf, OcrError> {
    let Some(packed) = PACKED else {
        return Err(engine(&format!(
            "no ONNX Runtime is shipped for {}-{}: install version 1.24 or newer (for example `pip install onnxruntime`, or your \
             system's package) and name the library in ocr.onnxruntime or ORT_DYLIB_PATH",
            std::env::consts::OS,
            std::env::consts::ARCH
        )));
    };
    let Some(cache) = cache else {
        return Err(engine("no cache folder is known for the shipped ONNX Runtime: name a library in ocr.onnxruntime"));
    };
    let folder = cache.join("onnxruntime");
    let file = folder.join(NAME);
    let unwritable = |error: io::Error| {
        engine(&format!(
            "the shipped ONNX Runtime cannot be unpacked into {}: {error}; make room or give rights there, set XDG_CACHE_HOME to \
             another folder, or name a library in ocr.onnxruntime",
            folder.display()
        ))
    };
    let hash = |path: &Path| Ok::<_, io::Error>(sha256(File::open(path)?)?.1);
    if hash(&file).is_ok_and(|found| found == SHA256) {
        return Ok(file);
    }
    fs::create_dir_all(&folder).map_err(unwritable)?;
    let mut fresh = tempfile::NamedTempFile::new_in(&folder).map_err(unwritable)?;
    let mut reader =
        ruzstd::decoding::StreamingDecoder::new(packed).map_err(|error| unwritable(io::Error::other(error.to_string())))?;
    io::copy(&mut reader, &mut fresh).map_err(unwritable)?;
    fresh.flush().map_err(unwritable)?;
    if hash(fresh.path()).map_err(unwritable)? != SHA256 {
        return Err(engine("the ONNX Runtime inside the program is damaged: install the program again"));
    }
    // A rename is whole or not at all: of several processes the last one wins, and all wrote the same.
    fresh.persist(&file).map_err(|error| unwritable(error.error))?;
    Ok(file)
}

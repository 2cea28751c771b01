//! Readers on this machine: ONNX Runtime loaded with the first image, models opened for each thread.
//! It reads nothing by itself.

use std::sync::{Mutex, PoisonError};

use super::progress::Progress;
use super::thread::{Read, Readers};
use crate::ocr::image::Limits;
use crate::ocr::pipeline::Reader;
use crate::ocr::runtime::Runtime;
use crate::ocr::{Document, OcrError};

/// See the module.
pub struct Local {
    /// A load that failed is tried again with the next image.
    runtime: Mutex<Option<Runtime>>,
}

impl Local {
    /// Nothing is loaded yet.
    pub fn new() -> Self {
        Self { runtime: Mutex::new(None) }
    }

    fn runtime(&self) -> Result<Runtime, OcrError> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*runtime {
            return Ok(loaded.clone());
        }
        let path = std::env::var_os("ORT_DYLIB_PATH").unwrap_or_default();
        Ok(runtime.insert(Runtime::load(std::path::Path::new(&path))?).clone())
    }
}

impl Readers for Local {
    fn open(&self) -> Result<Box<dyn Read>, OcrError> {
        Ok(Box::new(Reader::open(&self.runtime()?, Limits::default())?))
    }
}

impl Read for Reader {
    fn read(&mut self, source: &str, bytes: &[u8], progress: &Progress) -> Result<Document, OcrError> {
        Self::read(self, source, bytes, progress)
    }
}

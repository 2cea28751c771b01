//! Readers on this machine: ONNX Runtime loaded with the first image, models opened for each thread.
//! It reads nothing by itself.

use std::sync::{Mutex, PoisonError};

use super::thread::Readers;
use crate::config::Config;
use crate::ocr::OcrError;
use crate::ocr::image::Limits;
use crate::ocr::pipeline::{Reader, Reads};
use crate::ocr::runtime::{Options, Provider, Runtime};

/// The settings of OCR as its runtime takes them.
pub fn runtime_options(config: &Config) -> Options {
    let ocr = &config.ocr;
    Options {
        // The settings know the same words; a test holds them together.
        provider: ocr.provider.parse().unwrap_or(Provider::Auto),
        library: ocr.onnxruntime.clone(),
        library_variable: ocr.onnxruntime_variable.clone(),
        data_dir: Some(config.data_dir.clone()),
        // Without a home folder the data folder serves.
        cache_dir: Some(ocr.cache_dir.clone().unwrap_or_else(|| config.data_dir.join("cache"))),
        gpu_memory: (ocr.gpu_memory_mb > 0).then_some(ocr.gpu_memory_mb << 20),
    }
}

/// See the module.
pub struct Local {
    options: Options,
    limits: Limits,
    /// A load that failed is tried again with the next image.
    runtime: Mutex<Option<Runtime>>,
}

impl Local {
    /// As the settings say; nothing is loaded yet.
    pub fn new(config: &Config) -> Self {
        let limits = Limits { max_pixels: config.ocr.max_pixels, ..Limits::default() };
        Self { options: runtime_options(config), limits, runtime: Mutex::new(None) }
    }

    fn runtime(&self) -> Result<Runtime, OcrError> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*runtime {
            return Ok(loaded.clone());
        }
        Ok(runtime.insert(Runtime::open(&self.options)?).clone())
    }
}

impl Readers for Local {
    fn open(&self) -> Result<Box<dyn Reads>, OcrError> {
        Ok(Box::new(Reader::open(&self.runtime()?, self.limits)?))
    }
}

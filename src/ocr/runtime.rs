//! ONNX Runtime: found, loaded once, and one small way to run a model. Nothing else names `ort`.

use std::path::Path;

use ort::environment::Environment;
use ort::session::Session;
use ort::value::TensorRef;

use super::OcrError;
use super::models::{self, Model};
use crate::text::Safe;

/// The loaded library. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
}

impl Runtime {
    /// Loads the library at `library`.
    pub fn load(library: &Path) -> Result<Self, OcrError> {
        let engine = |error: &dyn std::fmt::Display| OcrError::Engine(Safe::line(&error.to_string()).clipped(300));
        let environment = ort::init_from(library).map_err(|error| engine(&error))?.build().map_err(|error| engine(&error))?;
        Ok(Self { environment })
    }

    /// One model, ready to run on one thread of the CPU.
    pub fn net(&self, model: Model) -> Result<Net, OcrError> {
        let build = || -> ort::Result<Session> {
            let builder = Session::builder(&self.environment)?;
            let mut builder = builder.with_intra_threads(1)?.with_memory_pattern(false)?;
            builder.commit_from_memory(models::bytes(model))
        };
        let session = build().map_err(|error| OcrError::Engine(Safe::line(&error.to_string()).clipped(300)))?;
        Ok(Net { session })
    }
}

/// What one output of a model holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// A model with one image-like input.
pub struct Net {
    session: Session,
}

impl Net {
    /// Runs it on one batch: `shape` is N×C×H×W, `values` row-major. Returns all outputs in the model's order.
    pub fn run(&mut self, shape: [usize; 4], values: &[f32]) -> Result<Vec<Output>, OcrError> {
        let failed = |error: ort::Error| OcrError::Run(Safe::line(&error.to_string()).clipped(300));
        let input = TensorRef::from_array_view((shape, values)).map_err(failed)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(failed)?;
        let mut found = Vec::new();
        for (_, value) in &outputs {
            let (shape, values) = value.try_extract_tensor::<f32>().map_err(failed)?;
            found.push(Output {
                shape: shape.iter().map(|&n| usize::try_from(n).unwrap_or_default()).collect(),
                values: values.to_vec(),
            });
        }
        Ok(found)
    }
}

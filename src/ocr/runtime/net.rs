//! One model in memory: built for a device, run on batches, stopped from another thread.
//! It knows neither where the library came from nor what the numbers mean.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ort::environment::Environment;
use ort::ep::{self, ArenaExtendStrategy, ExecutionProviderDispatch};
use ort::session::{RunOptions, Session};
use ort::value::TensorRef;

use super::provider::Device;
use super::{engine, plain};
use crate::ocr::OcrError;
use crate::ocr::models::{Model, ModelBytes};

/// Input values above which the detector's arena is given back after a run: an A4 page at 200 dpi has 5.5 million, and a
/// worker that met one poster would hold its memory for ever (peak 645 MB when tiles of 1600×1600, 7.7 million, kept it; 537 without).
const LARGE_INPUT: usize = 5_600_000;

/// What one output of a model holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// Ends runs from another thread. Clones share it; one may serve all models of a worker.
#[derive(Clone)]
pub struct Stop {
    shared: Arc<StopShared>,
}

struct StopShared {
    stopped: AtomicBool,
    usual: RunOptions,
    /// Gives the arena back after the run.
    shrinking: RunOptions,
}

impl Stop {
    fn new() -> ort::Result<Self> {
        let mut shrinking = RunOptions::new()?;
        shrinking.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
        Ok(Self { shared: Arc::new(StopShared { stopped: AtomicBool::new(false), usual: RunOptions::new()?, shrinking }) })
    }

    /// Ends what runs now, between two layers (at most some 50 ms), and refuses what comes until [`Stop::reset`].
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        for options in [&self.shared.usual, &self.shared.shrinking] {
            // The only failure ONNX Runtime knows here is a null pointer.
            let _ = options.terminate();
        }
    }

    /// Lets runs go on.
    pub fn reset(&self) {
        for options in [&self.shared.usual, &self.shared.shrinking] {
            let _ = options.unterminate();
        }
        self.shared.stopped.store(false, Ordering::SeqCst);
    }

    /// True between [`Stop::stop`] and [`Stop::reset`].
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::SeqCst)
    }
}

/// A model with one image-like input.
pub struct Net {
    session: Session,
    stop: Stop,
    charset: Cow<'static, str>,
    has_arena: bool,
}

impl Net {
    /// Runs it on one batch: `shape` is N×C×H×W, `values` row-major. Returns all outputs in the model's order;
    /// [`OcrError::Cancelled`] when it was stopped.
    pub fn run(&mut self, shape: [usize; 4], values: &[f32]) -> Result<Vec<Output>, OcrError> {
        if self.stop.is_stopped() {
            return Err(OcrError::Cancelled);
        }
        let stop = self.stop.clone();
        let failed = |error: ort::Error| {
            if stop.is_stopped() { OcrError::Cancelled } else { OcrError::Run(plain(&error.to_string()).clipped(300)) }
        };
        let input = TensorRef::from_array_view((shape, values)).map_err(failed)?;
        let large = self.has_arena && values.len() > LARGE_INPUT;
        let options = if large { &stop.shared.shrinking } else { &stop.shared.usual };
        let outputs = self.session.run_with_options(ort::inputs![input], options).map_err(failed)?;
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

    /// Ends the profile that it was built with, and says in which file it is.
    pub(super) fn end_profile(&mut self) -> ort::Result<String> {
        self.session.end_profiling()
    }

    /// What ends its runs from another thread.
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// Ends with `stop` from now on: one handle for all models of a worker.
    pub fn stop_with(&mut self, stop: &Stop) {
        self.stop = stop.clone();
    }

    /// What the classes of a recogniser mean, one a line; empty for other models.
    pub fn charset(&self) -> &str {
        &self.charset
    }
}

/// Where a model is to run.
pub(super) struct Place<'a> {
    pub(super) device: Device,
    /// Bytes of GPU memory for its arena; `None`: no limit.
    pub(super) gpu_memory: Option<usize>,
    /// How the file begins into which ONNX Runtime writes what ran where, which costs time.
    pub(super) profile: Option<&'a Path>,
}

/// One intra-op thread: two ran slower than one under load, a worker per core fills the machine.
/// Memory pattern off: it plans for shapes that come again, ours do not (peak 508 against 394 MB).
/// Arena only for the detector: there it saves 40 % of the time (0.43 → 0.24 s a page); the recognisers gain 3 % and would
/// hold 65 MB more (peak 421 against 355 MB for three models).
pub(super) fn build(environment: &Environment, model: Model, bytes: ModelBytes, place: &Place<'_>) -> Result<Net, OcrError> {
    let has_arena = model == Model::Detector;
    let commit = || -> ort::Result<(Session, Stop)> {
        let mut providers = device_providers(place);
        providers.push(ep::CPU::default().with_arena_allocator(has_arena).build());
        let mut builder = Session::builder(environment)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_memory_pattern(false)?
            .with_execution_providers(providers)?;
        if let Some(profile) = place.profile {
            builder = builder.with_profiling(profile)?;
        }
        Ok((builder.commit_from_memory(&bytes.bytes)?, Stop::new()?))
    };
    let (session, stop) =
        commit().map_err(|error| engine(&format!("the model {} does not load: {}", model.role(), plain(&error.to_string()))))?;
    let mut net = Net { session, stop, charset: bytes.charset, has_arena };
    if bytes.is_foreign {
        fits(model, &mut net)?;
    }
    Ok(net)
}

/// Each fails loudly: ort's default is to go on with the CPU and say nothing.
fn device_providers(place: &Place<'_>) -> Vec<ExecutionProviderDispatch> {
    let Place { device, gpu_memory, .. } = *place;
    let cuda = || {
        // Line widths differ from batch to batch: an exhaustive search would time every algorithm anew for each.
        let cuda = ep::CUDA::default()
            .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
            .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested);
        match gpu_memory {
            Some(bytes) => cuda.with_memory_limit(bytes),
            None => cuda,
        }
        .build()
        .error_on_failure()
    };
    let tensorrt = || {
        let tensorrt = ep::TensorRT::default();
        match gpu_memory {
            Some(bytes) => tensorrt.with_max_workspace_size(bytes),
            None => tensorrt,
        }
        .build()
        .error_on_failure()
    };
    match device {
        Device::Cpu => Vec::new(),
        Device::Cuda => vec![cuda()],
        Device::Tensorrt => vec![tensorrt(), cuda()],
    }
}

/// The shape of a small input that the model takes.
pub(super) fn empty_input(model: Model) -> [usize; 4] {
    match model {
        Model::Detector => [1, 3, 64, 64],
        Model::Ruslat | Model::Latin => [1, 3, 48, 64],
        Model::PageOrientation => [1, 3, 224, 224],
        Model::TableStructure => [1, 3, 488, 488],
    }
}

/// A model from the data folder must answer as the one it replaces: it is tried on an empty input.
fn fits(model: Model, net: &mut Net) -> Result<(), OcrError> {
    // The blank comes before the lines of a charset; some recognisers have a class for the space after them.
    let lines = net.charset.lines().count();
    let outputs: &[&[usize]] = match model {
        Model::Detector => &[&[1], &[1], &[64], &[64]],
        Model::Ruslat | Model::Latin => &[&[1], &[], &[lines + 1, lines + 2]],
        Model::PageOrientation => &[&[1], &[4]],
        Model::TableStructure => &[&[1], &[], &[]],
    };
    let input = empty_input(model);
    let wrong = |why: &str| {
        let remedy = if model.is_recogniser() { "; name its alphabet with `charset = \"FILE\"`" } else { "" };
        engine(&format!("the model for {} in the data folder does not fit: {why}{remedy}", model.role()))
    };
    let found = net.run(input, &vec![0.0; input.iter().product()]).map_err(|error| wrong(&error.to_string()))?;
    let shape = found.first().map(|output| output.shape.clone()).unwrap_or_default();
    let same = shape.len() == outputs.len()
        && shape.iter().zip(outputs).all(|(size, allowed)| allowed.is_empty() || allowed.contains(size));
    if same { Ok(()) } else { Err(wrong(&format!("its output has the shape {shape:?}"))) }
}

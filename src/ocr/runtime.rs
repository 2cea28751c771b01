//! ONNX Runtime: found, checked, loaded once a process, and asked what it really runs on. Nothing else names `ort`.
//! It knows no settings file: a face turns the settings into [`Options`].

pub mod install;
mod library;
mod net;
mod nodes;
mod provider;
mod shipped;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

pub use library::{GPU_FOLDER, Library, Origin};
pub use net::{Net, Output, Stop};
pub use nodes::Nodes;
pub use provider::Provider;

use super::OcrError;
use super::document::EngineLabel;
use super::models::{Catalogue, Model};
use crate::text::Safe;
use library::Named;
use provider::{Device, Placement};

/// What the runtime is told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the models should run on.
    pub provider: Provider,
    /// `ocr.onnxruntime`: this library and no other.
    pub library: Option<PathBuf>,
    /// `ORT_DYLIB_PATH`: the same, if the setting is empty.
    pub library_variable: Option<PathBuf>,
    /// Holds the GPU install (`gpu/`) and further models (`models/manifest.toml`).
    pub data_dir: Option<PathBuf>,
    /// Where the shipped library is unpacked.
    pub cache_dir: Option<PathBuf>,
    /// Bytes of GPU memory for the arena of one model; `None`: no limit.
    pub gpu_memory: Option<usize>,
}

/// The loaded library with the models. Clones share it.
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

struct Shared {
    loaded: &'static Loaded,
    models: Catalogue,
    gpu_memory: Option<usize>,
    named_gpu: bool,
    placement: Mutex<Placement>,
}

struct Loaded {
    environment: Environment,
    library: Library,
}

/// With this variable at 1 ONNX Runtime sends nothing. Since 1.31 it reports to `mobile.events.data.microsoft.com` by default on
/// Linux too, with a device id and a database in `~/.cache/Microsoft` and a `.ses` in the folder for temporary files; all of that
/// is made when its environment is, so that `with_telemetry(false)`, which ort applies to a made one, comes too late.
const NO_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// ort takes one library and one environment a process; both stay until its end.
static LOADED: OnceLock<Loaded> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// Sets [`NO_TELEMETRY`]. A face calls it before it starts any thread: other threads may be reading the environment meanwhile.
pub fn silence() {
    if std::env::var_os(NO_TELEMETRY).is_none_or(|value| value != "1") {
        // What it reads is one line in memory.
        let _ = dotenvy::from_read_override(format!("{NO_TELEMETRY}=1\n").as_bytes());
    }
}

impl Runtime {
    /// Finds the library (`ocr.onnxruntime`, `ORT_DYLIB_PATH`, beside the binary, the GPU install, the shipped one), loads it,
    /// and tries what the provider asked for really does.
    pub fn open(options: &Options) -> Result<Self, OcrError> {
        let models = match &options.data_dir {
            Some(folder) => Catalogue::with_folder(&folder.join("models"))?,
            None => Catalogue::embedded()?,
        };
        let loaded = loaded(options)?;
        let runtime = Self {
            shared: Arc::new(Shared {
                loaded,
                models,
                gpu_memory: options.gpu_memory,
                named_gpu: matches!(options.provider, Provider::Cuda | Provider::Tensorrt),
                placement: Placement::unproven().into(),
            }),
        };
        let proven = provider::choose(options, &loaded.library, |device| runtime.nodes_on(Model::Detector, device));
        *runtime.placement() = proven;
        Ok(runtime)
    }

    /// The library at `library` on the CPU with the embedded models.
    pub fn load(library: &Path) -> Result<Self, OcrError> {
        Self::open(&Options { provider: Provider::Cpu, library: Some(library.to_owned()), ..Options::default() })
    }

    /// One model, ready to run. A GPU that refuses it puts this and every later model on the CPU, and the label says why.
    pub fn net(&self, model: Model) -> Result<Net, OcrError> {
        let device = self.placement().device;
        if device != Device::Cpu {
            match self.build(model, device, None) {
                Ok(net) => return Ok(net),
                Err(error) => *self.placement() = Placement::refused(device, model.role(), &error),
            }
        }
        self.build(model, Device::Cpu, None)
    }

    /// True when a GPU was asked for by name and the CPU runs.
    pub fn fell_back(&self) -> bool {
        self.shared.named_gpu && !self.on_gpu()
    }

    /// What runs, why, and the models' hashes.
    pub fn label(&self) -> EngineLabel {
        let placement = self.placement();
        EngineLabel { provider: placement.device.word(), reason: placement.reason.clone(), models: self.shared.models.hashes() }
    }

    /// The library that is loaded.
    pub fn library(&self) -> &Library {
        &self.shared.loaded.library
    }

    /// The models in use.
    pub fn models(&self) -> &Catalogue {
        &self.shared.models
    }

    /// True when models run on a GPU: larger batches pay there.
    pub fn on_gpu(&self) -> bool {
        self.placement().device != Device::Cpu
    }

    fn placement(&self) -> MutexGuard<'_, Placement> {
        self.shared.placement.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn build(&self, model: Model, device: Device, profile: Option<&Path>) -> Result<Net, OcrError> {
        let bytes = self.shared.models.load(model)?;
        net::build(
            &self.shared.loaded.environment,
            model,
            bytes,
            &net::Place { device, gpu_memory: self.shared.gpu_memory, profile },
        )
    }
}

fn loaded(options: &Options) -> Result<&'static Loaded, OcrError> {
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = LOADED.get() {
        return match library::named(options) {
            Some(Named { path, .. }) if path != loaded.library.path => Err(engine(&format!(
                "this process already runs {}; {} can be used after a restart",
                loaded.library.path.display(),
                path.display()
            ))),
            _ => Ok(loaded),
        };
    }
    // Who uses this crate as a library may not have done it.
    silence();
    let (builder, library) = library::load(options)?;
    let environment = builder
        .with_name("tagdeck")
        .with_telemetry(false)
        .build()
        .map_err(|error| engine(&format!("{} does not start: {error}", library.path.display())))?;
    // ort asks for every message and formats each, thousands while a model loads; errors come back as results anyway.
    environment.set_log_level(LogLevel::Fatal);
    Ok(LOADED.get_or_init(|| Loaded { environment, library }))
}

/// What ONNX Runtime says, without the source line and signature it begins with: `FAIL : Load model failed` and the like end them.
fn plain(said: &str) -> Safe {
    let core = said.rsplit_once("[ONNXRuntimeError] : ").map_or(said, |(_, rest)| rest);
    // `1 : FAIL : what happened`
    let mut parts = core.splitn(3, " : ");
    let happened = match (parts.next(), parts.next(), parts.next()) {
        (Some(number), Some(_), Some(rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => core,
    };
    Safe::line(happened)
}

fn engine(why: &str) -> OcrError {
    OcrError::Engine(Safe::line(why).clipped(600))
}

#[cfg(test)]
mod tests;

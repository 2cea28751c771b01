//! What the models run on: what was asked for, what really runs, and why.
//! It believes no list of providers, only a model that has run: CUDA calls itself available on machines without a GPU.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ort::ep::{self, ExecutionProvider as _};

use super::library::{Library, Origin};
use super::{GPU_FOLDER, Nodes, Options};
use crate::ocr::OcrError;
use crate::text::Safe;

/// What ONNX Runtime's `TensorRT` provider is linked against, and what that loads by itself.
#[cfg(windows)]
const TENSORRT_DYLIBS: [&str; 3] = ["nvinfer_10.dll", "nvinfer_plugin_10.dll", "nvonnxparser_10.dll"];
#[cfg(not(windows))]
const TENSORRT_DYLIBS: [&str; 3] = ["libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10"];

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// A GPU when one works, else the CPU.
    #[default]
    Auto,
    /// NVIDIA CUDA.
    Cuda,
    /// NVIDIA `TensorRT`, with CUDA for what it cannot do.
    Tensorrt,
    /// The CPU.
    Cpu,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Cuda, Self::Tensorrt, Self::Cpu];

    /// As in the settings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cuda => "cuda",
            Self::Tensorrt => "tensorrt",
            Self::Cpu => "cpu",
        }
    }
}

impl FromStr for Provider {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|provider| provider.word() == word).ok_or(())
    }
}

/// What a model really runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    Cpu,
    Cuda,
    Tensorrt,
}

impl Device {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Tensorrt => "tensorrt",
        }
    }
}

/// What runs, and why that.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) device: Device,
    pub(super) reason: Safe,
}

impl Placement {
    fn new(device: Device, reason: &str) -> Self {
        Self { device, reason: Safe::line(reason).clipped(400) }
    }

    /// Before anything was tried.
    pub(super) fn unproven() -> Self {
        Self::new(Device::Cpu, "nothing else was tried")
    }

    /// A model that does not load where another one did.
    pub(super) fn refused(device: Device, role: &str, error: &OcrError) -> Self {
        Self::new(Device::Cpu, &format!("{} took the first model but not {role}: {error}", device.word()))
    }
}

/// Tries devices in order; `works` builds and runs a model on one.
pub(super) fn choose(options: &Options, library: &Library, works: impl Fn(Device) -> Result<Nodes, OcrError>) -> Placement {
    decide(options.provider, has_driver(), |device| attempt(device, options, library, &works))
}

fn decide(provider: Provider, has_driver: bool, attempt: impl Fn(Device) -> Result<Nodes, String>) -> Placement {
    const NO_DRIVER: &str = "no NVIDIA driver was found on this machine";
    let (asked, wanted) = match provider {
        Provider::Cpu => return Placement::new(Device::Cpu, "ocr.provider is \"cpu\""),
        // Without a card nobody needs to hear of libraries: `auto` asks for none.
        Provider::Auto if !has_driver => return Placement::new(Device::Cpu, NO_DRIVER),
        Provider::Auto => ("an NVIDIA card is here", &[Device::Cuda][..]),
        Provider::Cuda => ("cuda was asked for", &[Device::Cuda][..]),
        Provider::Tensorrt => ("tensorrt was asked for", &[Device::Tensorrt, Device::Cuda][..]),
    };
    if !has_driver {
        return Placement::new(Device::Cpu, &format!("{asked}, but {NO_DRIVER}"));
    }
    let mut refused = Vec::new();
    for &device in wanted {
        match attempt(device) {
            Ok(nodes) if nodes.on_gpu == 0 => refused.push(format!("{} took a model and ran none of its nodes", device.word())),
            Ok(nodes) => {
                let ran = format!("{nodes} nodes of the detector ran on {}", device.word());
                let but = if refused.is_empty() { String::new() } else { format!(", but {}", refused.join(", and ")) };
                return Placement::new(device, &format!("{asked}{but}; {ran}"));
            }
            Err(why) => refused.push(why),
        }
    }
    Placement::new(Device::Cpu, &format!("{asked}, but {}", refused.join(", and ")))
}

fn attempt(
    device: Device,
    options: &Options,
    library: &Library,
    works: &impl Fn(Device) -> Result<Nodes, OcrError>,
) -> Result<Nodes, String> {
    let compiled = match device {
        Device::Cpu => Ok(true),
        Device::Cuda => ep::CUDA::is_available(),
        Device::Tensorrt => ep::TensorRT::is_available(),
    };
    if !compiled.unwrap_or(false) {
        let remedy = match library.origin {
            Origin::Shipped => "`tagdeck gpu install` fetches one that can",
            Origin::Setting | Origin::Variable | Origin::Beside | Origin::GpuInstall => "another build of it can",
        };
        return Err(format!("this ONNX Runtime ({}) cannot run {}; {remedy}", library.origin.phrase(), device.word()));
    }
    let install = options.data_dir.as_ref().map(|folder| folder.join(GPU_FOLDER));
    if let Some(install) = &install {
        preload(install);
    }
    if device == Device::Tensorrt {
        preload_tensorrt(install.as_deref())?;
    }
    works(device).map_err(|error| {
        let why = match error {
            OcrError::Engine(why) | OcrError::Run(why) => why,
            other => Safe::line(&other.to_string()),
        };
        format!("{} does not run: {why}", device.word())
    })
}

/// Puts pip's CUDA and cuDNN into the process, so that the provider finds them without `LD_LIBRARY_PATH`. What is missing is
/// left to the system's own; the trial run afterwards tells whether it was enough.
fn preload(install: &Path) {
    let folders: Vec<PathBuf> = fs::read_dir(install.join("nvidia"))
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path().join("lib"))).collect())
        .unwrap_or_default();
    for name in ep::cuda::CUDA_DYLIBS.iter().chain(ep::cuda::CUDNN_DYLIBS) {
        if let Some(file) = folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file())
            && let Err(error) = ort::util::preload_dylib(&file)
        {
            tracing::debug!(file = %file.display(), %error, "a library of the GPU install does not load");
        }
    }
}

/// The same for `TensorRT`, which neither the GPU install nor most systems have: without it the provider's own message is that a
/// library of its own cannot be opened.
fn preload_tensorrt(install: Option<&Path>) -> Result<(), String> {
    let folder = install.map(|install| install.join("tensorrt_libs"));
    for name in TENSORRT_DYLIBS {
        let ours = folder.as_ref().map(|folder| folder.join(name)).filter(|file| file.is_file());
        ort::util::preload_dylib(ours.unwrap_or_else(|| name.into())).map_err(|error| {
            let remedy = install.map_or_else(String::new, |install| {
                format!("; `python3 -m pip install --target {} \"tensorrt-cu13-libs==10.*\"` fetches it", install.display())
            });
            format!("tensorrt does not run: its library {name} does not load ({error}){remedy}")
        })?;
    }
    Ok(())
}

/// Whether the kernel has an NVIDIA card to offer.
pub(super) fn has_driver() -> bool {
    ["/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg"].iter().any(|sign| Path::new(sign).exists()) || cfg!(windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(provider: Provider, has_driver: bool, works: &[Device]) -> (&'static str, String) {
        let placement = decide(provider, has_driver, |device| {
            let works = works.contains(&device);
            let nodes = Nodes { all: 300, on_gpu: 290 };
            works.then_some(nodes).ok_or_else(|| format!("{} does not run: out of memory", device.word()))
        });
        (placement.device.word(), placement.reason.to_string())
    }

    #[test]
    fn only_a_device_that_ran_a_model_is_named() {
        use Provider::{Auto, Cpu, Cuda, Tensorrt};
        let both = [Device::Cuda, Device::Tensorrt];
        for (provider, has_driver, works, device, reason) in [
            (Auto, false, &both[..], "cpu", "no NVIDIA driver was found on this machine"),
            (Auto, true, &both[..], "cuda", "an NVIDIA card is here; 290 of 300 nodes of the detector ran on cuda"),
            (Auto, true, &[], "cpu", "an NVIDIA card is here, but cuda does not run: out of memory"),
            (Cuda, false, &both[..], "cpu", "cuda was asked for, but no NVIDIA driver was found on this machine"),
            (Cuda, true, &[], "cpu", "cuda was asked for, but cuda does not run: out of memory"),
            (Tensorrt, true, &both[..], "tensorrt", "tensorrt was asked for; 290 of 300 nodes of the detector ran on tensorrt"),
            (
                Tensorrt,
                true,
                &[Device::Cuda],
                "cuda",
                "tensorrt was asked for, but tensorrt does not run: out of memory; 290 of 300 nodes of the detector ran on cuda",
            ),
            (Cpu, true, &both[..], "cpu", "ocr.provider is \"cpu\""),
        ] {
            assert_eq!(told(provider, has_driver, works), (device, reason.to_owned()));
        }
    }

    #[test]
    fn a_device_that_takes_a_model_and_leaves_all_of_it_to_the_cpu_is_not_named() {
        let placement = decide(Provider::Cuda, true, |_| Ok(Nodes { all: 300, on_gpu: 0 }));
        let reason = "cuda was asked for, but cuda took a model and ran none of its nodes";
        assert_eq!((placement.device, placement.reason.as_ref()), (Device::Cpu, reason));
    }

    #[test]
    fn a_missing_tensorrt_is_named_with_what_fetches_it() {
        let folder = tempfile::tempdir().unwrap();
        if ort::util::preload_dylib(TENSORRT_DYLIBS[0]).is_ok() {
            // This system has it.
            return;
        }
        let why = preload_tensorrt(Some(folder.path())).unwrap_err();
        assert!(why.starts_with("tensorrt does not run: its library ") && why.contains("tensorrt-cu13-libs==10.*"), "{why}");
        assert!(why.contains(TENSORRT_DYLIBS[0]) && why.contains(&*folder.path().to_string_lossy()), "{why}");
    }
}

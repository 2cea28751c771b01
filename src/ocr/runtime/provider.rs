//! What the models run on: what was asked for, what really runs, and why.
//! It believes no list of providers, only a model that has run: CUDA calls itself available on machines without a GPU.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ort::ep::{self, ExecutionProvider as _};

use super::library::{Library, Origin};
use super::{GPU_FOLDER, Options};
use crate::ocr::OcrError;
use crate::text::Safe;

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
pub(super) fn choose(options: &Options, library: &Library, works: impl Fn(Device) -> Result<(), OcrError>) -> Placement {
    let wanted = match options.provider {
        Provider::Cpu => return Placement::new(Device::Cpu, "ocr.provider is \"cpu\""),
        // Without a GPU nobody needs to hear of libraries: `auto` asks for none.
        Provider::Auto if !has_driver() => return Placement::new(Device::Cpu, "no NVIDIA driver was found on this machine"),
        Provider::Cuda | Provider::Tensorrt if !has_driver() => {
            let reason =
                format!("ocr.provider is \"{}\", but no NVIDIA driver was found on this machine", options.provider.word());
            return Placement::new(Device::Cpu, &reason);
        }
        Provider::Auto | Provider::Cuda => &[Device::Cuda][..],
        Provider::Tensorrt => &[Device::Tensorrt, Device::Cuda][..],
    };
    let mut refused = Vec::new();
    for &device in wanted {
        match attempt(device, options, library, &works) {
            Ok(()) => {
                let reason = match refused.first() {
                    None => format!("ocr.provider is \"{}\", and a model ran on the GPU", options.provider.word()),
                    Some(why) => format!("ocr.provider is \"{}\", but {why}; CUDA runs", options.provider.word()),
                };
                return Placement::new(device, &reason);
            }
            Err(why) => refused.push(why),
        }
    }
    refused.dedup();
    Placement::new(Device::Cpu, &format!("ocr.provider is \"{}\", but {}", options.provider.word(), refused.join(", and ")))
}

fn attempt(
    device: Device,
    options: &Options,
    library: &Library,
    works: &impl Fn(Device) -> Result<(), OcrError>,
) -> Result<(), String> {
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
    if let Some(folder) = &options.data_dir {
        preload(&folder.join(GPU_FOLDER));
    }
    works(device).map_err(|error| format!("{} does not run: {error}", device.word()))
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

/// Whether the kernel has an NVIDIA card to offer.
pub(super) fn has_driver() -> bool {
    ["/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg"].iter().any(|sign| Path::new(sign).exists()) || cfg!(windows)
}

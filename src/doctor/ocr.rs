//! The checks of OCR: the library, what it runs on, the models, and one inference that really runs.
//! It judges no result of a model.

use std::time::Instant;

use super::{Check, Patient, State};
use crate::ocr::models::{Catalogue, Model};
use crate::ocr::runtime::{Options, Runtime};

const LIBRARY: &str = "ONNX Runtime";
const PROVIDER: &str = "OCR runs on";
const MODELS: &str = "models";
const INFERENCE: &str = "inference";
/// Megabytes that one worker's models take with their arenas.
const LITTLE_MEMORY: u64 = 2048;

/// On a thread of its own: models are loaded and run.
pub(super) async fn checks(patient: &Patient) -> Vec<Check> {
    // Without OCR the rest of the program works.
    let broken = if patient.config.ocr.enabled { State::Fail } else { State::Warn };
    let options = patient.ocr.clone();
    let looked = tokio::task::spawn_blocking(move || look(&options, broken)).await;
    looked.unwrap_or_else(|error| vec![Check::new(LIBRARY, broken, &format!("looking at it ended in a bug: {error}"), None)])
}

fn look(options: &Options, broken: State) -> Vec<Check> {
    let mut checks = Vec::new();
    let runtime = Runtime::open(options);
    let models = models(options, broken);
    match &runtime {
        // Models are looked up first: this says nothing about the library, and is said once.
        Err(error) if models.saw == Check::new(MODELS, broken, &error.to_string(), None).saw => {
            checks.push(Check::new(LIBRARY, State::Warn, "not tried: the list of models cannot be read", None));
        }
        Err(error) => checks.push(Check::new(LIBRARY, broken, &error.to_string(), None)),
        Ok(runtime) => {
            checks.push(library(runtime));
            checks.push(provider(runtime));
            checks.extend(memory(runtime));
        }
    }
    checks.push(models);
    if let Ok(runtime) = &runtime {
        checks.push(inference(runtime, broken));
    }
    checks
}

fn library(runtime: &Runtime) -> Check {
    let library = runtime.library();
    let saw = format!("{} {}, {}", library.version, library.origin.phrase(), library.path.display());
    match &library.passed_over {
        None => Check::ok(LIBRARY, &saw),
        Some(why) => {
            Check::new(LIBRARY, State::Warn, &format!("{saw}; passed over: {why}"), Some("`tagdeck gpu install` fetches it anew"))
        }
    }
}

fn provider(runtime: &Runtime) -> Check {
    let label = runtime.label();
    let saw = format!("{}: {}", label.provider, label.reason);
    let remedy = "`tagdeck gpu status` tells more; with ocr.provider = \"auto\" this is no warning";
    if runtime.fell_back() { Check::new(PROVIDER, State::Warn, &saw, Some(remedy)) } else { Check::ok(PROVIDER, &saw) }
}

/// Of the GPU that runs, by the driver's own tool; without a GPU there is nothing to tell.
fn memory(runtime: &Runtime) -> Option<Check> {
    const NAME: &str = "GPU memory";
    if runtime.label().provider == "cpu" {
        return None;
    }
    let query = ["--query-gpu=name,memory.free,memory.total", "--format=csv,noheader,nounits"];
    let said = std::process::Command::new("nvidia-smi").args(query).stdin(std::process::Stdio::null()).output().ok()?;
    let first = String::from_utf8_lossy(&said.stdout).lines().next().map(str::to_owned)?;
    let cells: Vec<&str> = first.split(',').map(str::trim).collect();
    let [name, free, total] = cells.as_slice() else { return None };
    let (free, total): (u64, u64) = (free.parse().ok()?, total.parse().ok()?);
    let saw = format!("{name}: {free} of {total} MB free");
    if free >= LITTLE_MEMORY {
        return Some(Check::ok(NAME, &saw));
    }
    let remedy = "end other programs on it, lower ocr.workers or ocr.gpu_memory_mb; what does not fit is read on the CPU";
    Some(Check::new(NAME, State::Warn, &saw, Some(remedy)))
}

fn models(options: &Options, broken: State) -> Check {
    let catalogue = match &options.data_dir {
        Some(folder) => Catalogue::with_folder(&folder.join("models")),
        None => Catalogue::embedded(),
    };
    let verified = catalogue.and_then(|catalogue| {
        Model::ALL.iter().try_for_each(|model| catalogue.verify(*model))?;
        Ok(catalogue.entries().filter(|(_, entry)| entry.path.is_some()).count())
    });
    match verified {
        Ok(0) => Check::ok(MODELS, &format!("{} inside the program, hashes right", Model::ALL.len())),
        Ok(own) => Check::ok(MODELS, &format!("{}, {own} of them from the data folder, hashes right", Model::ALL.len())),
        Err(error) => {
            let remedy = "correct the folder `models` of the data folder, or move it away for the models inside the program";
            Check::new(MODELS, broken, &error.to_string(), Some(remedy))
        }
    }
}

/// An empty page and an empty line: their results are known in shape only, but each number must be one.
fn inference(runtime: &Runtime, broken: State) -> Check {
    let started = Instant::now();
    let run = |model: Model, shape: [usize; 4]| {
        let outputs = runtime.net(model)?.run(shape, &vec![0.0; shape.iter().product()])?;
        Ok::<_, crate::ocr::OcrError>(outputs.iter().all(|output| output.values.iter().all(|value| value.is_finite())))
    };
    let both = run(Model::Detector, [1, 3, 320, 320]).and_then(|first| Ok(first && run(Model::Ruslat, [1, 3, 48, 320])?));
    match both {
        Ok(true) => {
            let saw = format!("detector and recogniser loaded and run in {} ms on one thread", started.elapsed().as_millis());
            Check::ok(INFERENCE, &saw)
        }
        Ok(false) => {
            let remedy = "set ocr.provider = \"cpu\", and empty ocr.onnxruntime";
            Check::new(INFERENCE, broken, "a model gave results that are no numbers", Some(remedy))
        }
        Err(error) => Check::new(INFERENCE, broken, &error.to_string(), None),
    }
}

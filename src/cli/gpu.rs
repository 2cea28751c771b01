//! `tagdeck gpu status|install`.
//! What pip is told, and how, is in `ocr::runtime::install`.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use color_eyre::eyre::{Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::args::{Common, Gpu, GpuCommand, GpuInstall};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::config::Config;
use crate::doctor::gigabytes;
use crate::ocr::models::Model;
use crate::ocr::runtime::{GPU_FOLDER, Nodes, Runtime, install};

/// See the module.
pub fn run(common: &Common, args: &Gpu) -> Result<Exit> {
    let config = session::settings(common)?;
    session::start_log("error", &LogTo::Stderr)?;
    match &args.what {
        GpuCommand::Status(how) => {
            let status = status(&config)?;
            if how.json {
                output::json(&status)?;
            } else {
                print_status(&status)?;
            }
            Ok(Exit::Done)
        }
        GpuCommand::Install(how) => fetch(&config, how),
    }
}

/// What runs with the settings as they are, and what is installed.
fn status(config: &Config) -> Result<Value> {
    let folder = config.data_dir.join(GPU_FOLDER);
    let runtime = Runtime::open(&session::ocr_options(config))?;
    let (label, library) = (runtime.label(), runtime.library());
    let nodes = Model::ALL.into_iter().map(|model| match runtime.nodes(model) {
        Ok(Nodes { all, on_gpu }) => json!({"model": model.role(), "all": all, "on_gpu": on_gpu}),
        Err(error) => json!({"model": model.role(), "error": error.to_string()}),
    });
    let nodes: Vec<Value> = nodes.collect();
    Ok(json!({
        "provider": label.provider,
        "reason": label.reason,
        "library": library.path,
        "version": library.version,
        "found": library.origin.phrase(),
        "passed_over": library.passed_over,
        "nodes": nodes,
        "install": {"folder": folder, "installed": folder.is_dir(), "bytes": install::size(&folder)},
    }))
}

fn print_status(status: &Value) -> Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    output::line(&format!("runs on   {}: {}", text(&status["provider"]), text(&status["reason"])))?;
    output::line(&format!("library   {} {}, {}", text(&status["version"]), text(&status["found"]), text(&status["library"])))?;
    if let Some(why) = status["passed_over"].as_str() {
        output::line(&format!("passed over: {why}"))?;
    }
    output::line(&format!("graph     {}", placed(status["nodes"].as_array().map_or(&[], Vec::as_slice))))?;
    let folder = text(&status["install"]["folder"]);
    let installed = if status["install"]["installed"] == true {
        format!("{folder}, {}", gigabytes(status["install"]["bytes"].as_u64().unwrap_or(0)))
    } else {
        format!("none in {folder}; `tagdeck gpu install` fetches it")
    };
    output::line(&format!("install   {installed}"))
}

/// How much of the models a GPU runs.
fn placed(models: &[Value]) -> String {
    let count = |name: &str| models.iter().filter_map(|model| model[name].as_u64()).sum::<u64>();
    let each = models.iter().map(|model| {
        let role = model["model"].as_str().unwrap_or_default();
        match model["error"].as_str() {
            None => format!("{role} {}/{}", model["on_gpu"], model["all"]),
            Some(error) => format!("{role}: {error}"),
        }
    });
    format!("{} of {} nodes run on a GPU: {}", count("on_gpu"), count("all"), each.collect::<Vec<_>>().join(", "))
}

fn fetch(config: &Config, how: &GpuInstall) -> Result<Exit> {
    let folder = config.data_dir.join(GPU_FOLDER);
    let plan = install::plan()?;
    let size = plan.bytes.map_or_else(|| "of unknown size".to_owned(), |bytes| format!("{} to download", gigabytes(bytes)));
    let names: Vec<&str> = plan.packages.iter().map(AsRef::as_ref).collect();
    output::complain(&format!("{}: {size}, about twice that on the disk, into {}", install::REQUIREMENT, folder.display()));
    output::complain(&format!("packages: {}", names.join(", ")));
    if !how.yes && !agreed(how.json)? {
        output::complain("nothing was installed");
        return Ok(Exit::Failed);
    }
    std::fs::create_dir_all(&config.data_dir)?;
    let bar = bar(plan.bytes);
    let done = install::install(&folder, &mut |bytes| {
        // Unpacking doubles what lies there; the download is over then.
        bar.set_position(plan.bytes.map_or(bytes, |all| bytes.min(all)));
    });
    bar.finish_and_clear();
    done?;
    report(config, &folder, how.json)
}

/// Whether somebody at the keyboard says yes.
fn agreed(as_json: bool) -> Result<bool> {
    if as_json || !std::io::stdin().is_terminal() {
        bail!("nobody is here to agree to it: say `tagdeck gpu install --yes`");
    }
    output::complain("Go on? [y/N]");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn report(config: &Config, folder: &Path, as_json: bool) -> Result<Exit> {
    let status = status(config)?;
    if as_json {
        output::json(&status)?;
    } else {
        output::line(&format!("installed into {}", folder.display()))?;
        print_status(&status)?;
    }
    Ok(if status["provider"] == "cpu" { Exit::Partly } else { Exit::Done })
}

/// Drawn only where somebody can see it.
fn bar(bytes: Option<u64>) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(bytes, target);
    let template = "{bar:32} {bytes}/{total_bytes} · {bytes_per_sec} · {elapsed}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

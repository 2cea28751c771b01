//! The GPU install: ONNX Runtime for CUDA with NVIDIA's libraries, fetched by the user's own pip into a folder of ours.
//! It starts only when told to, and asks nothing itself.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text::Safe;

/// What pip is asked for; the version of the shipped library, whose results it must repeat.
pub const REQUIREMENT: &str = "onnxruntime-gpu[cuda,cudnn]==1.31.1";

/// Asks each file's size of the server it would come from: pip's report has the addresses, not the sizes. pip's own copy of
/// `requests` knows the proxies and certificates that pip works with.
const SIZES: &str = "\
import sys
try:
    from pip._vendor import requests
    print(sum(int(requests.head(u.strip(), allow_redirects=True, timeout=20).headers['content-length']) for u in sys.stdin))
except Exception as e:
    sys.exit(str(e))
";

/// Why it was not installed; a whole sentence with what to do.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// NVIDIA's libraries exist for few machines.
    #[error("there is no CUDA build of ONNX Runtime for {0}; on Linux or Windows x86-64 there is")]
    Platform(Safe),
    /// No Python, or one without pip.
    #[error("`python3 -m pip` does not work ({0}); install Python 3.11 or newer with pip (for example the package python3-pip)")]
    NoPip(Safe),
    /// pip failed: no network, no room, no such version for this Python.
    #[error("pip could not {doing}: {said}")]
    Pip {
        /// What was being done.
        doing: &'static str,
        /// The end of what it printed.
        said: Safe,
    },
    /// The folder.
    #[error("cannot write {folder}: {cause}")]
    Folder {
        /// Which.
        folder: Safe,
        /// What the system says.
        cause: Safe,
    },
}

/// What would be fetched.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Name and version of each package.
    pub packages: Vec<Safe>,
    /// Bytes to download; `None`: the server does not say.
    pub bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Report {
    install: Vec<ReportItem>,
}

#[derive(Deserialize)]
struct ReportItem {
    metadata: Metadata,
    download_info: DownloadInfo,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct DownloadInfo {
    url: String,
}

/// Asks pip what it would fetch. It downloads no package.
pub fn plan() -> Result<Plan, InstallError> {
    if !cfg!(all(target_arch = "x86_64", any(target_os = "linux", target_os = "windows"))) {
        return Err(InstallError::Platform(Safe::fixed(std::env::consts::ARCH)));
    }
    let said = |bytes: &[u8]| Safe::line(&String::from_utf8_lossy(bytes)).clipped(300);
    let version =
        python(&["-m", "pip", "--version"]).output().map_err(|error| InstallError::NoPip(Safe::line(&error.to_string())))?;
    if !version.status.success() {
        return Err(InstallError::NoPip(said(&version.stderr)));
    }
    let scratch = tempfile::tempdir().map_err(|error| folder_error(&std::env::temp_dir(), &error))?;
    let report = scratch.path().join("report.json");
    let mut dry = pip();
    dry.args(["install", "--dry-run", "--quiet", "--ignore-installed", "--report"]).arg(&report).arg(REQUIREMENT);
    let doing = "find the packages";
    let output = dry.output().map_err(|error| InstallError::NoPip(Safe::line(&error.to_string())))?;
    if !output.status.success() {
        return Err(InstallError::Pip { doing, said: said(&output.stderr) });
    }
    let unread = |error: &dyn std::fmt::Display| InstallError::Pip { doing, said: Safe::line(&error.to_string()) };
    let text = fs::read(&report).map_err(|error| unread(&error))?;
    let report: Report = serde_json::from_slice(&text).map_err(|error| unread(&error))?;
    let urls: Vec<&str> = report.install.iter().map(|item| item.download_info.url.as_str()).collect();
    Ok(Plan {
        packages: report.install.iter().map(|i| Safe::line(&format!("{} {}", i.metadata.name, i.metadata.version))).collect(),
        bytes: sizes(&urls.join("\n")),
    })
}

/// Fetches and unpacks into `folder`, which is replaced as a whole when everything is there. `progress` hears the bytes that
/// have come, several times a second.
pub fn install(folder: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), InstallError> {
    let partial = folder.with_extension("partial");
    let wrong = |error: &std::io::Error| folder_error(&partial, error);
    remove(&partial).map_err(|error| wrong(&error))?;
    // pip unpacks gigabytes in TMPDIR, which is often memory: on the disk they are going to there is room or none at all.
    let (scratch, target) = (partial.join("tmp"), partial.join("gpu"));
    fs::create_dir_all(&scratch).map_err(|error| wrong(&error))?;
    let mut command = pip();
    command.args(["install", "--no-cache-dir", "--progress-bar", "off", "--target"]).arg(&target).arg(REQUIREMENT);
    command.env("TMPDIR", &scratch).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| InstallError::NoPip(Safe::line(&error.to_string())))?;
    let last = last_lines(&mut child);
    let ended = loop {
        match child.try_wait().map_err(|error| wrong(&error))? {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(250)),
        }
        progress(size(&scratch));
    };
    let said = last.and_then(|thread| thread.join().ok()).unwrap_or_default();
    if !ended.success() {
        // What came so far is of no use: pip would begin again.
        let _ = remove(&partial);
        return Err(InstallError::Pip { doing: "install them", said: Safe::line(&said).clipped(400) });
    }
    remove(folder).and_then(|()| fs::rename(&target, folder)).map_err(|error| folder_error(folder, &error))?;
    remove(&partial).map_err(|error| wrong(&error))
}

/// Bytes of all files under a folder; links are not followed.
pub fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.filter_map(Result::ok).map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

fn python(args: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "python" } else { "python3" });
    command.args(args).stdin(Stdio::null()).env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PYTHONIOENCODING", "utf-8");
    command
}

fn pip() -> Command {
    python(&["-m", "pip", "--no-input"])
}

fn sizes(urls: &str) -> Option<u64> {
    let mut child = python(&["-c", SIZES]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    // Dropped after the write: the script reads to the end.
    child.stdin.take()?.write_all(urls.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Reads its stderr to the end, so that it never waits for us, and keeps the last lines.
fn last_lines(child: &mut Child) -> Option<thread::JoinHandle<String>> {
    let stderr = child.stderr.take()?;
    Some(thread::spawn(move || {
        let mut kept = VecDeque::new();
        let mut lines = BufReader::new(stderr.take(16 << 20)).split(b'\n');
        while let Some(Ok(line)) = lines.next() {
            kept.push_back(String::from_utf8_lossy(&line).into_owned());
            if kept.len() > 5 {
                kept.pop_front();
            }
        }
        Vec::from(kept).join(" ")
    }))
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn folder_error(folder: &Path, error: &std::io::Error) -> InstallError {
    InstallError::Folder { folder: Safe::line(&folder.display().to_string()), cause: Safe::line(&error.to_string()) }
}

//! What reading images costs: CPU time beside Tesseract's, one table page, two workers against one, memory over many pages.
//! `cargo bench --bench ocr`; it judges no quality: `rivals/compare.py` does. Needs ../shared/fixtures, Linux, a quiet machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Another build to measure with the same command line, e.g. the one before a change.
const PROGRAM: &str = "TAGDECK_BENCH_PROGRAM";
/// Drawn: A4 at 200 dpi, a ruled table of 40 rows and 6 columns.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/a4_table_200dpi.png");
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/ocr");

fn main() -> ExitCode {
    let Some(fixtures) = fixtures() else {
        eprintln!("../shared/fixtures/ocr is absent: nothing measured");
        return ExitCode::SUCCESS;
    };
    let mut kept = true;
    let all = read(&fixtures, 1);
    println!("{} fixtures, one worker: {:.1} CPU-s, {:.1} s", fixtures.len(), all.cpu, all.wall);
    kept &= judged("peak memory of a worker, MB", all.peak_mb as f64, |mb| mb <= 600.0, "≤ 600");
    match tesseract(&fixtures) {
        Some(theirs) => kept &= judged("CPU time over Tesseract's", all.cpu / theirs, |ratio| ratio <= 1.0, "≤ 1"),
        None => println!("tesseract with rus and eng is not installed: not compared"),
    }
    let (one, six) = (read(&copies(1), 1), read(&copies(6), 1));
    println!("start and first page: {:.2} CPU-s", one.cpu);
    kept &= judged("A4 table page at 200 dpi, CPU-s", (six.cpu - one.cpu) / 5.0, |seconds| seconds <= 2.0, "≤ 2");
    let (alone, both) = (read(&copies(12), 1), read(&copies(12), 2));
    kept &= judged("two workers against one", alone.wall / both.wall, |gain| gain >= 1.8, "≥ 1.8");
    let many: Vec<PathBuf> = fixtures.iter().cycle().take(500).cloned().collect();
    let long = read(&many, 1);
    let (early, late) = (long.resident_mb[100..150].iter().max().unwrap(), long.resident_mb[450..].iter().max().unwrap());
    println!("500 pages: {:.0} s, largest resident memory at pages 100 to 150 {early} MB, 450 to 500 {late} MB", long.wall);
    kept &= judged("growth over 350 pages, MB", *late as f64 - *early as f64, |mb| mb <= 20.0, "≤ 20");
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn judged(what: &str, seen: f64, kept: impl Fn(f64) -> bool, wanted: &str) -> bool {
    let kept = kept(seen);
    println!("{what}: {seen:.2} (wanted {wanted}){}", if kept { "" } else { "  MISSED" });
    kept
}

/// The images of the corpus, sorted.
fn fixtures() -> Option<Vec<PathBuf>> {
    let entries = std::fs::read_dir(FIXTURES).ok()?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.sort();
    Some(paths)
}

fn copies(count: usize) -> Vec<PathBuf> {
    vec![PathBuf::from(PAGE); count]
}

struct Measured {
    /// Seconds of user and system time.
    cpu: f64,
    wall: f64,
    peak_mb: u64,
    /// After each document.
    resident_mb: Vec<u64>,
}

/// One run of `tagdeck ocr` over the images, each under a name of its own: a path given twice might be read once.
fn read(images: &[PathBuf], workers: usize) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let named: Vec<PathBuf> = images.iter().enumerate().map(|(n, image)| named(folder.path(), n, image)).collect();
    let program = std::env::var(PROGRAM).unwrap_or_else(|_| env!("CARGO_BIN_EXE_tagdeck").to_owned());
    let (before, started) = (children_cpu(), Instant::now());
    let mut child = Command::new(program)
        .args(["ocr", "--format", "json", "--jobs", &workers.to_string()])
        .args(&named)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let process = child.id();
    let (peak_mb, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut resident_mb = Vec::with_capacity(images.len());
    std::thread::scope(|scope| {
        // The kernel keeps the peak only as long as the process lives, so it is asked for all along.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                peak_mb.fetch_max(memory_mb(process, "VmHWM"), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            assert!(!line.contains("\"error\":{"), "{line}");
            resident_mb.push(memory_mb(process, "VmRSS"));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(child.wait().unwrap().success());
    assert_eq!(resident_mb.len(), images.len(), "a document a line");
    Measured { cpu: children_cpu() - before, wall: started.elapsed().as_secs_f64(), peak_mb: peak_mb.into_inner(), resident_mb }
}

fn named(folder: &Path, n: usize, image: &Path) -> PathBuf {
    let link = folder.join(format!("{n:03}_{}", image.file_name().unwrap().to_string_lossy()));
    std::os::unix::fs::symlink(std::fs::canonicalize(image).unwrap(), &link).unwrap();
    link
}

/// CPU seconds of Tesseract over the images, one thread, a process an image.
fn tesseract(images: &[PathBuf]) -> Option<f64> {
    let listed = Command::new("tesseract").arg("--list-langs").output().ok()?;
    let languages = String::from_utf8_lossy(&listed.stdout).into_owned();
    if !["rus", "eng"].iter().all(|language| languages.lines().any(|line| line == *language)) {
        return None;
    }
    let before = children_cpu();
    for image in images {
        let mut command = Command::new("tesseract");
        command.arg(image).args(["-", "-l", "rus+eng"]).env("OMP_THREAD_LIMIT", "1");
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    }
    let seconds = children_cpu() - before;
    println!("Tesseract: {seconds:.1} CPU-s");
    Some(seconds)
}

/// CPU seconds of all children that have ended.
fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // cutime and cstime, in hundredths of a second on Linux.
    (fields[13].parse::<f64>().unwrap() + fields[14].parse::<f64>().unwrap()) / 100.0
}

/// A figure of a process's status in megabytes; 0 when it has ended.
fn memory_mb(process: u32, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(figure));
    line.and_then(|line| line.split_whitespace().nth(1)).map_or(0, |kb| kb.parse::<u64>().unwrap() / 1024)
}

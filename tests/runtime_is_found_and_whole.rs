//! Which ONNX Runtime is taken, that the shipped one is whole, and what is said of one that cannot be: by the real binary.
//! What runs on it is tested with the pipeline.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/program.rs"]
mod program;

use std::path::PathBuf;
use std::process::Stdio;

use program::{Home, json_lines, text};
use serde_json::Value;

fn unpacked(home: &Home) -> PathBuf {
    home.path().join(".cache/tagdeck/onnxruntime/libonnxruntime-1.31.1.so")
}

fn status(home: &Home, variable: Option<&str>) -> Result<Value, String> {
    let mut command = home.tagdeck(&["gpu", "status", "--json"]);
    if let Some(path) = variable {
        command.env("ORT_DYLIB_PATH", path);
    }
    let output = command.output().unwrap();
    match output.status.code() {
        Some(0) => Ok(json_lines(&text(&output.stdout)).remove(0)),
        code => Err(format!("{code:?} {}", text(&output.stderr))),
    }
}

#[test]
fn the_shipped_library_is_unpacked_once_and_a_damaged_one_replaced() {
    let home = Home::new();
    assert_eq!(status(&home, None).unwrap()["found"], "shipped with the program");
    let nodes = status(&home, None).unwrap()["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), 5, "every model is asked: {nodes:?}");
    assert!(
        nodes.iter().all(|model| model["all"].as_u64() > Some(30) && model["on_gpu"] == 0),
        "nothing ran on a GPU: {nodes:?}"
    );
    let file = unpacked(&home);
    let (good, first) = (std::fs::read(&file).unwrap(), std::fs::metadata(&file).unwrap().modified().unwrap());
    status(&home, None).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), first, "a whole one stays");

    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [&flipped[..], &good[..1000], &[]] {
        std::fs::write(&file, damaged).unwrap();
        status(&home, None).unwrap();
        assert!(std::fs::read(&file).unwrap() == good, "{} bytes were not replaced", damaged.len());
    }
    let left: Vec<_> = std::fs::read_dir(file.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing else stays in the folder");
}

#[test]
fn several_processes_may_unpack_at_once() {
    let home = Home::new();
    let start = || home.tagdeck(&["gpu", "status", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let all: Vec<_> = (0..4).map(|_| start()).collect();
    for process in all {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert_eq!(std::fs::read_dir(unpacked(&home).parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_cache_that_cannot_be_written_is_told_with_ways_out() {
    let home = Home::new();
    home.write(".cache", "a file where the folder should be");
    let said = status(&home, None).unwrap_err();
    assert!(
        said.starts_with("Some(1) tagdeck: the OCR engine cannot start: the shipped ONNX Runtime cannot be unpacked"),
        "{said}"
    );
    assert!(said.contains("XDG_CACHE_HOME") && said.contains("ocr.onnxruntime"), "{said}");
}

#[test]
fn the_setting_beats_the_variable_and_both_beat_the_shipped_one() {
    let home = Home::new();
    status(&home, None).unwrap();
    let (a, b) = (home.path().join("a.so"), home.path().join("b.so"));
    std::fs::copy(unpacked(&home), &a).unwrap();
    std::fs::copy(unpacked(&home), &b).unwrap();
    let found = status(&home, b.to_str()).unwrap();
    assert_eq!((found["library"].as_str(), found["found"].as_str()), (b.to_str(), Some("named by ORT_DYLIB_PATH")));
    home.write("config.toml", format!("[ocr]\nonnxruntime = {:?}\n", a.to_str().unwrap()));
    let found = status(&home, b.to_str()).unwrap();
    assert_eq!((found["library"].as_str(), found["found"].as_str()), (a.to_str(), Some("named by ocr.onnxruntime")));
    // A relative name is one in the current folder, whatever lies beside the program.
    home.write("config.toml", "[ocr]\nonnxruntime = \"a.so\"\n");
    assert_eq!(status(&home, None).unwrap()["found"], "named by ocr.onnxruntime");
}

#[test]
fn a_named_file_that_is_no_usable_library_is_an_error_that_names_it_and_never_a_crash() {
    let home = Home::new();
    status(&home, None).unwrap();
    let good = std::fs::read(unpacked(&home)).unwrap();
    home.write("cut.so", &good[..20_000_000]);
    home.write("text.so", "not a library");
    home.write("empty.so", "");
    std::fs::create_dir(home.path().join("folder.so")).unwrap();
    let libc = ["/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/libc.so.6", "/lib64/libc.so.6"];
    let libc = libc.into_iter().find(|path| std::path::Path::new(path).exists()).unwrap();
    for (name, why) in [
        ("cut.so", "is cut short: 20000000 of"),
        ("text.so", "is no library"),
        ("empty.so", "is no library"),
        ("folder.so", "is no file"),
        ("missing.so", "cannot be read: No such file"),
        (libc, "is some other library"),
    ] {
        home.write("config.toml", format!("[ocr]\nonnxruntime = \"{name}\"\n"));
        let said = status(&home, None).unwrap_err();
        assert!(said.starts_with("Some(1) tagdeck: "), "{name}: {said}");
        assert!(said.contains(why) && said.contains(name) && said.contains("correct ocr.onnxruntime"), "{name}: {said}");
    }
}

#[test]
fn cuda_without_a_gpu_goes_on_with_the_cpu_and_says_why() {
    for provider in ["cuda", "tensorrt"] {
        let home = Home::new();
        home.write("config.toml", format!("[ocr]\nprovider = \"{provider}\"\n"));
        let status = status(&home, None).unwrap();
        if status["provider"] != "cpu" {
            println!("a GPU is at hand: {status}");
            continue;
        }
        let reason = status["reason"].as_str().unwrap();
        assert!(reason.starts_with(&format!("{provider} was asked for, but ")), "{reason}");
    }
}

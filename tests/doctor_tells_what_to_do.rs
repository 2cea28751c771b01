//! What `doctor`, `models` and `gpu` say of a good place and of bad ones, by the real binary.
//! The choice of the library itself is tested in `runtime_is_found_and_whole.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/program.rs"]
mod program;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use program::{Home, json_lines, text};
use serde_json::Value;

const KEY: &str = "sk-or-v1-secret";

/// Exit code, the checks by name, and stderr.
fn doctor(home: &Home) -> (Option<i32>, Value, String) {
    let output = home.run(&["doctor", "--json"]);
    let report = json_lines(&text(&output.stdout)).remove(0);
    let by_name = report["checks"].as_array().unwrap().iter().map(|c| (c["check"].as_str().unwrap().to_owned(), c.clone()));
    (output.status.code(), Value::Object(by_name.collect()), text(&output.stderr))
}

#[test]
fn a_fresh_place_is_well_and_stays_untouched() {
    let home = Home::new();
    let (exit, checks, err) = doctor(&home);
    assert_eq!((exit, err.as_str()), (Some(0), ""), "{checks:#}");
    for (name, seen) in [
        ("config", "the defaults"),
        ("data folder", "free"),
        ("route", "local/keywords; no key is needed"),
        ("database", "to be made at the first import"),
        ("ONNX Runtime", "1.31.1 shipped with the program"),
        ("OCR runs on", "cpu: no NVIDIA driver"),
        ("models", "inside the program, hashes right"),
        ("inference", "loaded and run in"),
        ("storage", "to be made in"),
        ("clock", "nobody answered"),
        ("terminal", "stdout is no terminal"),
    ] {
        assert!(checks[name]["saw"].as_str().unwrap().contains(seen), "{name}: {checks:#}");
    }
    assert!(!home.path().join("tagdeck.db").exists());

    let lines = home.ok(&["doctor"]);
    assert_eq!(lines.lines().count(), 11, "{lines}");
    assert!(lines.lines().all(|line| line.starts_with("ok    ")), "{lines}");
}

#[test]
fn a_missing_key_and_a_gpu_that_is_not_there_are_warnings_with_a_remedy() {
    let home = Home::new();
    home.write("config.toml", "[ocr]\nprovider = \"cuda\"\n[tagging]\nroute = [\"auto:free\"]\n");
    assert!(!home.path().join("outputs").exists());
    let (exit, checks, _) = doctor(&home);
    assert_eq!(exit, Some(3), "{checks:#}");
    assert_eq!(checks["route"]["state"], "warn");
    assert!(checks["route"]["do"].as_str().unwrap().contains("OPENROUTER_API_KEY"));
    assert_eq!(checks["OCR runs on"]["state"], "warn");
    let saw = checks["OCR runs on"]["saw"].as_str().unwrap();
    assert!(saw.starts_with("cpu: cuda was asked for, but no NVIDIA driver was found"), "{saw}");
    assert_eq!(checks["inference"]["state"], "ok", "it goes on with the CPU");
}

#[test]
fn a_key_is_never_shown() {
    let home = Home::new();
    home.write(".env", format!("OPENROUTER_API_KEY={KEY}\nTELEGRAM_DATABASE_URL=postgres://u:{KEY}@127.0.0.1:1/x\nOPENROUTER_BASE_URL=http://127.0.0.1:1/v1\n"));
    for args in [&["doctor"][..], &["doctor", "--json"]] {
        let output = home.run(args);
        assert_eq!(output.status.code(), Some(1), "the database does not answer");
        assert!(!format!("{}{}", text(&output.stdout), text(&output.stderr)).contains(KEY));
    }
}

#[test]
fn wrong_settings_are_the_one_failure_shown() {
    let home = Home::new();
    home.write("config.toml", "[ocr]\nprovider = \"gpu\"\n");
    let (exit, checks, _) = doctor(&home);
    assert_eq!(exit, Some(1));
    assert_eq!(checks.as_object().unwrap().len(), 1);
    assert!(checks["config"]["saw"].as_str().unwrap().contains("one of auto, cuda, tensorrt, cpu"));
}

/// A model of our own in the data folder, under the given hash.
fn own_model(home: &Home, sha256: &str, damage: bool) {
    let mut model = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/ruslat_rec.onnx")).unwrap();
    if damage {
        let middle = model.len() / 2;
        model[middle] ^= 1;
    }
    std::fs::create_dir_all(home.path().join("models")).unwrap();
    home.write("models/newer.onnx", model);
    let manifest =
        format!("[[model]]\nrole = \"recogniser\"\nfile = \"newer.onnx\"\nsha256 = \"{sha256}\"\nlanguages = [\"ru\"]\n");
    home.write("models/manifest.toml", manifest);
}

const RUSLAT: &str = "9c271b93cea30a98ea523f0ab6e0025588fbe86e3cac5036e2d2c722afb1fecf";

#[test]
fn a_newer_model_in_the_data_folder_takes_the_place_of_the_shipped_one() {
    let home = Home::new();
    own_model(&home, RUSLAT, false);
    let listed = json_lines(&home.ok(&["models", "ls", "--json"]));
    let ours = listed.iter().find(|entry| entry["role"] == "recogniser").unwrap();
    assert!(ours["path"].as_str().unwrap().ends_with("models/newer.onnx"));
    assert_eq!(listed.iter().filter(|entry| entry["path"].is_null()).count(), listed.len() - 1);
    assert!(home.ok(&["models", "verify"]).contains("as the manifest says"));
    let (exit, checks, _) = doctor(&home);
    assert_eq!(exit, Some(0), "{checks:#}");
    assert!(checks["models"]["saw"].as_str().unwrap().contains("1 of them from the data folder"));
}

#[test]
fn one_flipped_bit_in_a_model_is_told() {
    let home = Home::new();
    own_model(&home, RUSLAT, true);
    let output = home.run(&["models", "verify", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let wrong: Vec<Value> = json_lines(&text(&output.stdout)).into_iter().filter(|line| line["ok"] == false).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0]["role"], "recogniser");
    assert!(wrong[0]["error"].as_str().unwrap().contains("newer.onnx) is damaged: its SHA-256 is"), "{wrong:?}");
    let (exit, checks, _) = doctor(&home);
    assert_eq!(exit, Some(1));
    assert_eq!((&checks["models"]["state"], &checks["inference"]["state"]), (&"fail".into(), &"fail".into()));
}

#[test]
fn a_model_of_another_shape_is_refused_by_name() {
    let home = Home::new();
    let detector = "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8";
    own_model(&home, detector, false);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/ppocrv6_tiny_det.onnx");
    std::fs::copy(shipped, home.path().join("models/newer.onnx")).unwrap();
    let (exit, checks, _) = doctor(&home);
    assert_eq!(exit, Some(1));
    let saw = checks["inference"]["saw"].as_str().unwrap();
    assert!(saw.contains("the model for recogniser in the data folder does not fit"), "{saw}");
}

#[test]
fn a_wrong_manifest_is_told_with_its_place() {
    let home = Home::new();
    own_model(&home, "short", false);
    let output = home.run(&["models", "ls"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("models/manifest.toml is wrong: sha256 of newer.onnx must be 64"), "{said}");
    let doctor = text(&home.run(&["doctor"]).stdout);
    assert_eq!(doctor.matches("is wrong").count(), 1, "the library is not blamed for it: {doctor}");
}

/// A `python3` on PATH that plays pip: it answers as pip does, and writes what an install would.
fn fake_pip(home: &Home, behaviour: &str) -> String {
    let folder = home.path().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let script = r#"#!/bin/sh
echo "$@" | tr '\n' ' ' >> "$HOME/calls"; echo >> "$HOME/calls"
case "$*" in
  *--version*) BEHAVIOUR_VERSION echo "pip 25.0"; exit 0;;
  *--dry-run*)
    while [ $# -gt 0 ]; do [ "$1" = --report ] && out="$2"; shift; done
    BEHAVIOUR_DRY
    echo '{"install":[{"metadata":{"name":"onnxruntime-gpu","version":"1.31.1"},"download_info":{"url":"https://x.example/a.whl"}}]}' > "$out"; exit 0;;
  *" install "*)
    while [ $# -gt 0 ]; do [ "$1" = --target ] && out="$2"; shift; done
    BEHAVIOUR_INSTALL
    mkdir -p "$out/onnxruntime/capi"; echo junk > "$out/onnxruntime/capi/libonnxruntime.so.1.31.1"; exit 0;;
  -c*) cat > /dev/null; echo 1583569034; exit 0;;
esac
exit 9
"#;
    let mut parts = behaviour.splitn(2, '=');
    let (place, what) = (parts.next().unwrap(), parts.next().unwrap_or(":"));
    let script = ["VERSION", "DRY", "INSTALL"].iter().fold(script.to_owned(), |script, name| {
        script.replace(&format!("BEHAVIOUR_{name}"), if *name == place { what } else { ":;" })
    });
    let file = folder.join("python3");
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display())
}

fn gpu_install(home: &Home, behaviour: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let path = fake_pip(home, behaviour);
    let output = home.tagdeck(&[&["gpu", "install"], args].concat()).env("PATH", path).output().unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_gpu_install_says_its_size_and_waits_for_a_yes() {
    let home = Home::new();
    let (exit, out, err) = gpu_install(&home, "", &[]);
    assert_eq!((exit, out.as_str()), (Some(1), ""));
    assert!(err.contains("onnxruntime-gpu[cuda,cudnn]==1.31.1: 1.6 GB to download"), "{err}");
    assert!(err.contains("--yes"), "{err}");
    assert!(!home.path().join("gpu").exists());
    let calls = std::fs::read_to_string(home.path().join("calls")).unwrap();
    assert!(calls.lines().filter(|call| call.contains(" install ")).all(|call| call.contains("--dry-run")), "{calls}");
}

#[test]
fn what_pip_fetched_is_used_or_passed_over_with_its_reason() {
    let home = Home::new();
    let (exit, out, err) = gpu_install(&home, "", &["--yes", "--json"]);
    assert_eq!(exit, Some(3), "installed, but the CPU runs: {err}");
    let status = json_lines(&out).remove(0);
    assert!(home.path().join("gpu/onnxruntime/capi/libonnxruntime.so.1.31.1").is_file());
    assert!(!home.path().join("gpu.partial").exists(), "nothing is left behind");
    assert_eq!((&status["provider"], &status["install"]["installed"]), (&"cpu".into(), &true.into()));
    assert!(status["passed_over"].as_str().unwrap().contains("from the GPU install) is no library"), "{status}");
    assert_eq!(status["found"], "shipped with the program");
    let (exit, checks, _) = doctor(&home);
    assert_eq!((exit, &checks["ONNX Runtime"]["state"]), (Some(3), &"warn".into()));
}

#[test]
fn a_gpu_install_that_fails_says_what_pip_said_and_keeps_the_old_one() {
    let home = Home::new();
    let (exit, _, err) = gpu_install(&home, "DRY=echo 'ERROR: no network \u{1b}[31m' >&2; exit 1;", &["--yes"]);
    assert_eq!((exit, err.as_str()), (Some(1), "tagdeck: pip could not find the packages: ERROR: no network ␛[31m\n"));
    std::fs::create_dir(home.path().join("gpu")).unwrap();
    home.write("gpu/old", "");
    let (exit, _, err) = gpu_install(&home, "INSTALL=echo 'ERROR: No space left on device' >&2; exit 1;", &["--yes"]);
    assert_eq!(exit, Some(1));
    assert!(err.contains("pip could not install them: ERROR: No space left on device"), "{err}");
    assert!(home.path().join("gpu/old").exists() && !home.path().join("gpu.partial").exists());
    let (exit, _, err) = gpu_install(&home, "VERSION=echo 'No module named pip' >&2; exit 1;", &["--yes"]);
    assert_eq!(exit, Some(1));
    assert!(err.contains("`python3 -m pip` does not work (No module named pip); install Python"), "{err}");
}

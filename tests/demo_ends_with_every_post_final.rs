//! The demo's promise: on embedded defaults it ends by itself, every post in a final state, faults and their cures seen.
//! It does not judge the tags.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/program.rs"]
mod program;

use std::time::{Duration, Instant};

use program::{Home, json_lines, text};

#[test]
fn headless_demo_ends_with_every_post_final_and_faults_cured() {
    let home = Home::new();
    let started = Instant::now();
    let output = home.run(&["demo", "--headless", "--seed", "7", "--json"]);
    assert!(output.status.success(), "{}\n{}", output.status, text(&output.stderr));
    assert!(started.elapsed() < Duration::from_mins(1), "took {:?}", started.elapsed());

    let events = json_lines(&text(&output.stdout));
    let summary = events.last().unwrap();
    assert_eq!(summary["event"], "summary");
    let tag = |key: &str| summary["tag"][key].as_u64().unwrap_or_else(|| panic!("no {key} in {summary}"));
    assert!(tag("retries") > 0 && tag("fallbacks") > 0, "{summary}");
    let posts = u64::try_from(tagdeck::demo::posts().unwrap().len()).unwrap();
    assert_eq!(tag("success") + tag("failed") + tag("skipped"), posts, "{summary}");
    assert_eq!(summary["ocr"], serde_json::json!({ "success": 4, "failed": 0, "skipped": 0 }), "{summary}");
    assert_eq!(summary["upload"], serde_json::json!({ "success": 4, "failed": 0, "skipped": 0 }), "{summary}");
    for kind in
        ["ocr_start", "ocr_done", "upload_done", "retry", "fallback", "breaker", "paused", "resumed", "success", "skipped"]
    {
        assert!(events.iter().any(|event| event["event"] == kind), "no {kind} event was seen");
    }
    for event in &events[..events.len() - 1] {
        for key in ["seq", "time", "worker", "text"] {
            assert!(!event[key].is_null(), "{event}");
        }
    }
}

#[test]
fn no_byte_of_the_demo_acts_on_the_terminal() {
    let home = Home::new();
    for args in [&["demo", "--headless"][..], &["demo", "--headless", "--json"]] {
        let output = home.run(args);
        let shown = text(&output.stdout) + &text(&output.stderr);
        let acting: Vec<char> = shown.chars().filter(|c| c.is_control() && *c != '\n').collect();
        assert!(acting.is_empty(), "{acting:?}");
    }
}

#[test]
fn the_demo_leaves_nothing_behind() {
    let home = Home::new();
    let scratch = home.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let status = home.tagdeck(&["demo", "--headless"]).env("TMPDIR", &scratch).output().unwrap().status;
    assert!(status.success());
    // ONNX Runtime would leave a `.ses`, and a device id below the home folder, if it were to report to its makers.
    let left: Vec<_> = std::fs::read_dir(&scratch).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!home.path().join(".cache/Microsoft").exists());
}

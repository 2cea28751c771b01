//! Every recorded response of ../shared is judged as its label says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs)]

use std::path::Path;

use serde_json::Value;
use tagdeck::llm::outcome::explain;

/// 2026-11-22 00:00 UTC.
const NOW: i64 = 1_795_305_600_000;

#[test]
fn explain_matches_every_recorded_response() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/llm"));
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("../shared/fixtures/llm is absent: recorded responses not checked");
        return;
    };
    let mut wrong = Vec::new();
    let mut seen = 0;
    let mut exact = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        let label: Value = serde_json::from_slice(&content).unwrap();
        let explained = explain(&path.file_name().unwrap().to_string_lossy(), &content, NOW).unwrap();
        let action = explained.action.as_str();
        let expected = label["expected_class"].as_str().unwrap();
        let also = label["also_acceptable"].as_array().is_some_and(|list| list.iter().any(|word| word == action));
        println!(
            "{:<9} {}",
            if action == expected {
                "exact"
            } else if also {
                "also"
            } else {
                "WRONG"
            },
            serde_json::to_string(&explained).unwrap()
        );
        if action != expected && !also {
            wrong.push(explained.file.to_string());
        }
        if let Some(tags) = label.get("expected_tags").and_then(Value::as_array) {
            assert_eq!(tags.iter().filter_map(Value::as_str).collect::<Vec<_>>(), explained.tags, "{}", explained.file);
        }
        exact += usize::from(action == expected);
        seen += 1;
    }
    println!("{seen} responses, {exact} exactly as expected, {} wrong", wrong.len());
    assert!(seen > 0 && wrong.is_empty(), "wrong: {wrong:?}");
}

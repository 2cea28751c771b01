//! Ten fixtures are read as they were when their golden documents were written: text, kinds of blocks, shapes of tables.
//! `UPDATE_GOLDEN=1` writes the golden documents anew; how near they are to the truth is `score_ocr.py`'s business.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs)]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tagdeck::ocr::document::Block;
use tagdeck::ocr::image::Limits;
use tagdeck::ocr::pipeline::{Reader, Watch};
use tagdeck::ocr::runtime::{Options, Provider, Runtime};
use tagdeck::ocr::{OcrError, Stage};

/// One of each kind; small ones, for a debug build reads them too.
const FIXTURES: [&str; 10] = [
    "ru_example_png.png",    // page
    "ru_contract.jpg",       // EXIF tag that lies, two columns at the end
    "ru_months_list.png",    // numbered list
    "ru_gdp_table.png",      // ruled table
    "ru_fio_merged_h.png",   // merged cells
    "tb_acme_invoice.png",   // table without rules, English
    "rn_tg_dark_1.png",      // dark screenshot
    "rn_alpha_black.png",    // black on transparent
    "en_phototest_rotL.png", // turned by 90°
    "none_black.jpg",        // no text
];

/// Share of characters that may differ: another processor rounds differently, and a letter on the edge falls the other way.
const TOLERANCE: f64 = 0.01;

struct Unwatched;

impl Watch for Unwatched {
    fn stage(&self, _: Stage, _: u32, _: u32) {}

    fn stopped(&self) -> Option<OcrError> {
        None
    }
}

#[test]
fn ten_fixtures_read_as_their_golden_documents_say() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/ocr"));
    if !folder.is_dir() {
        eprintln!("../shared/fixtures/ocr is absent: golden documents not checked");
        return;
    }
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnxruntime");
    let options = Options { provider: Provider::Cpu, cache_dir: Some(cache), ..Options::default() };
    let runtime = Runtime::open(&options).unwrap();
    let mut reader = Reader::open(&runtime, Limits::default()).unwrap();
    let mut wrong = Vec::new();
    for name in FIXTURES {
        let document = reader.read(name, &std::fs::read(folder.join(name)).unwrap(), &Unwatched).unwrap();
        let got = Value::Array(document.blocks.iter().map(shape).collect());
        let file = golden(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, format!("{}\n", serde_json::to_string_pretty(&got).unwrap())).unwrap();
            continue;
        }
        let want: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        wrong.extend(differences(&want, &got).into_iter().map(|difference| format!("{name}: {difference}")));
    }
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 takes these over if they are better:\n{}", wrong.join("\n"));
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension("json")
}

/// What of a block is promised: not its pixels, not its confidence.
fn shape(block: &Block) -> Value {
    let Some(table) = &block.table else {
        return json!({"type": block.kind, "text": block.text});
    };
    let cell = |cell: &tagdeck::ocr::document::Cell| json!([cell.row, cell.col, cell.row_span, cell.col_span, cell.text]);
    json!({"type": block.kind, "rows": table.rows, "cols": table.cols, "cells": table.cells.iter().map(cell).collect::<Vec<_>>()})
}

fn differences(want: &Value, got: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let (wanted, read) = (text(want), text(got));
    let share = strsim::levenshtein(&wanted, &read) as f64 / wanted.chars().count().max(1) as f64;
    if share > TOLERANCE {
        found.push(format!("{:.1} % of the text differs\n  golden: {wanted}\n  read:   {read}", share * 100.0));
    }
    for (what, of) in [("blocks", kinds as fn(&Value) -> Vec<String>), ("tables", grids)] {
        let (wanted, read) = (of(want), of(got));
        if wanted != read {
            found.push(format!("{what}\n  golden: {wanted:?}\n  read:   {read:?}"));
        }
    }
    found
}

/// All text in reading order, white space folded.
fn text(blocks: &Value) -> String {
    let words = |value: &Value| value.as_str().unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut all = Vec::new();
    for block in blocks.as_array().unwrap() {
        all.extend(words(&block["text"]));
        for cell in block["cells"].as_array().into_iter().flatten() {
            all.extend(words(&cell[4]));
        }
    }
    all.join(" ")
}

fn kinds(blocks: &Value) -> Vec<String> {
    blocks.as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap().to_owned()).collect()
}

/// Rows, columns, and place and spans of every cell of every table.
fn grids(blocks: &Value) -> Vec<String> {
    let tables = blocks.as_array().unwrap().iter().filter(|block| block["cells"].is_array());
    let places = |block: &Value| {
        let cells = block["cells"].as_array().unwrap().iter();
        cells.map(|cell| format!("{} {} {}×{}", cell[0], cell[1], cell[2], cell[3])).collect::<Vec<_>>().join(", ")
    };
    tables.map(|block| format!("{}×{}: {}", block["rows"], block["cols"], places(block))).collect()
}

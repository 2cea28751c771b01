//! A large export is read in little memory, whatever its shape.
//! It stands alone in its file, because it watches the peak memory of its own process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/import.rs"]
mod support;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use support::{message, reading};
use tagdeck::import::read;

const MIB: u64 = 1 << 20;

/// 60 MB, cheap enough for every run; `IMPORT_TEST_MB=2048` for the real thing.
fn file_bytes() -> u64 {
    std::env::var("IMPORT_TEST_MB").ok().and_then(|mb| mb.parse::<u64>().ok()).unwrap_or(60) * MIB
}

/// Peak resident memory of this process, bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Messages of 2 KiB; every tenth of 100 KiB; all in one chat, described only after them.
fn write_export(path: &Path) -> u64 {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let (mut bytes, mut id) = (0, 0);
    file.write_all(b"{\"messages\": [").unwrap();
    let wanted = file_bytes();
    while bytes < wanted {
        id += 1;
        let words = "слово ".repeat(if id % 10 == 0 { 9_000 } else { 160 });
        let json =
            message(id, 1_700_000_000 + id, &format!("\"text\": [\"{words}\", {{\"type\": \"hashtag\", \"text\": \"#тег\"}}]"));
        bytes += json.len() as u64 + 1;
        file.write_all(if id == 1 { b" " } else { b"," }).unwrap();
        file.write_all(json.as_bytes()).unwrap();
    }
    file.write_all("], \"name\": \"Канал\", \"type\": \"public_channel\", \"id\": 5}".as_bytes()).unwrap();
    file.flush().unwrap();
    id as u64
}

#[test]
fn an_export_of_60_mb_is_read_in_a_few_megabytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("result.json");
    let written = write_export(&path);
    let before = peak();
    let started = std::time::Instant::now();
    let (mut slices, mut told) = (0, 0);
    let file = read(&path, &reading(), &mut |slice| {
        assert!(slice.bytes_done >= told, "progress only grows");
        told = slice.bytes_done;
        slices += 1;
        ControlFlow::Continue(())
    });
    let grown = peak() - before;
    println!(
        "{} posts in {slices} slices, peak grew by {} KiB, {} ms",
        file.counts.posts,
        grown / 1024,
        started.elapsed().as_millis()
    );
    assert_eq!((file.error, file.counts.posts), (None, written));
    assert_eq!(told, path.metadata().unwrap().len());
    assert!(slices > 10);
    // About 4 MiB of posts, one record and the buffers; reading the whole would take more than 60.
    assert!(grown < 24 * MIB, "peak memory grew by {grown} bytes");
}

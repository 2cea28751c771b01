//! `tagdeck ocr`: what a person gets for files, folders, stdin and broken images, through the real binary.
//! How well text is read is scored elsewhere; here two plain lines must come out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

#[path = "support/program.rs"]
mod program;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use program::{Home, json_lines, text};
use serde_json::Value;

const TWO_LINES: &[u8] = include_bytes!("support/images/two_lines.png");
const RUSSIAN: &str = "французских булок";
const ENGLISH: &str = "quick brown fox";

fn ocr(home: &Home, args: &[&str]) -> Output {
    let mut all = vec!["ocr"];
    all.extend(args);
    home.run(&all)
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn all_text(document: &Value) -> String {
    document["blocks"].as_array().unwrap().iter().map(|block| block["text"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures")).join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("{name} is not there: this test checked nothing");
    None
}

#[test]
fn one_image_is_markdown_on_stdout_and_nothing_else() {
    let home = Home::new();
    home.write("page.png", TWO_LINES);
    let output = ocr(&home, &["page.png"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(code(&output), 0, "{err}");
    assert!(out.contains(RUSSIAN) && out.contains(ENGLISH), "{out}");
    assert!(!out.contains("page.png"), "a single document needs no heading: {out}");
    assert_eq!(err, "");
}

#[test]
fn stdin_is_read_whatever_it_is_called() {
    let home = Home::new();
    let mut child = home.tagdeck(&["ocr", "-", "--format", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(TWO_LINES).unwrap();
    let output = child.wait_with_output().unwrap();
    let documents = json_lines(&text(&output.stdout));
    assert_eq!((code(&output), documents.len()), (0, 1));
    assert_eq!((documents[0]["schema"].as_u64(), documents[0]["source"].as_str()), (Some(1), Some("-")));
    assert!(all_text(&documents[0]).contains(ENGLISH));
}

#[test]
fn a_folder_is_read_in_order_and_a_bad_file_in_the_middle_stops_nothing() {
    let home = Home::new();
    std::fs::create_dir_all(home.path().join("in/deeper")).unwrap();
    home.write("in/1.png", TWO_LINES);
    home.write("in/2.png", b"no image at all");
    home.write("in/3.jpg", b"");
    home.write("in/deeper/named.jpg", TWO_LINES);
    home.write("in/readme.txt", b"passed over");
    home.write("in/z", TWO_LINES);
    let output = ocr(&home, &["in", "--format", "json", "--jobs", "3"]);
    assert_eq!(code(&output), 3);
    let lines = json_lines(&text(&output.stdout));
    let sources: Vec<_> = lines.iter().map(|line| line["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["in/1.png", "in/2.png", "in/3.jpg", "in/deeper/named.jpg", "in/z"]);
    assert_eq!(lines[1]["error"]["class"], "bad_image");
    assert!(lines[2]["error"]["message"].as_str().unwrap().contains("empty"), "{}", lines[2]);
    assert!(all_text(&lines[3]).contains(RUSSIAN), "opened by content");
    let err = text(&output.stderr);
    assert!(err.contains("in/2.png: ") && err.contains("in/3.jpg: "), "{err}");
    assert!(err.contains("3 images read, 2 failed"), "{err}");
}

#[test]
fn several_documents_are_told_apart_by_headings() {
    let home = Home::new();
    home.write("a.png", TWO_LINES);
    home.write("b`*.png", TWO_LINES);
    let markdown = text(&ocr(&home, &["a.png", "b`*.png"]).stdout);
    let headings: Vec<_> = markdown.lines().filter(|line| line.starts_with("# ")).collect();
    assert_eq!(headings, ["# `a.png`", "# `` b`*.png ``"]);
    let plain = text(&ocr(&home, &["a.png", "b`*.png", "--format", "text"]).stdout);
    assert!(plain.starts_with("==> a.png <==\n") && plain.contains("\n\n==> b`*.png <==\n"), "{plain}");
}

#[test]
fn out_writes_one_whole_file_each_and_nothing_on_stdout() {
    let home = Home::new();
    std::fs::create_dir_all(home.path().join("x")).unwrap();
    for name in ["page.png", "x/page.jpg", "-dash.png"] {
        home.write(name, TWO_LINES);
    }
    let output = ocr(&home, &["page.png", "x", "--out", "texts/new", "--", "-dash.png"]);
    assert_eq!((code(&output), text(&output.stdout)), (0, String::new()), "{}", text(&output.stderr));
    let folder = home.path().join("texts/new");
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["dash.md", "page-2.md", "page.md"]);
    assert!(std::fs::read_to_string(folder.join("page-2.md")).unwrap().contains(ENGLISH));
}

#[test]
fn a_folder_that_cannot_be_written_fails_each_file_with_its_name_and_a_way_out() {
    let home = Home::new();
    home.write("page.png", TWO_LINES);
    let folder = home.path().join("locked");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(folder.join("probe"), b"").is_ok() {
        eprintln!("this user may write everywhere: this test checked nothing");
        return;
    }
    let output = ocr(&home, &["page.png", "--out", "locked"]);
    let err = text(&output.stderr);
    assert_eq!(code(&output), 1);
    assert!(err.contains("page.png: ") && err.contains("cannot be written") && err.contains("--out"), "{err}");
}

#[test]
fn wrong_usage_is_told_before_anything_is_read() {
    let home = Home::new();
    home.write("page.png", TWO_LINES);
    let missing = ocr(&home, &["page.png", "mis\u{1b}[31mtyped.png"]);
    let err = text(&missing.stderr);
    assert_eq!((code(&missing), text(&missing.stdout)), (2, String::new()));
    assert!(err.contains("typed.png") && err.contains("no such file") && !err.contains('\u{1b}'), "{err:?}");
    assert_eq!(code(&ocr(&home, &[])), 2);
    assert_eq!(code(&ocr(&home, &["page.png", "--format", "pdf"])), 2);
    assert_eq!(code(&ocr(&home, &["-", "-"])), 2);
}

#[test]
fn when_nothing_could_be_read_the_exit_is_1() {
    let home = Home::new();
    home.write("a\nb\u{1b}[2J.png", b"broken");
    let output = ocr(&home, &["a\nb\u{1b}[2J.png"]);
    let err = text(&output.stderr);
    assert_eq!(code(&output), 1);
    assert_eq!(err.lines().count(), 1, "a name cannot add lines: {err:?}");
    assert!(!err.contains('\u{1b}'), "{err:?}");
    std::fs::create_dir(home.path().join("nothing")).unwrap();
    let empty = ocr(&home, &["nothing"]);
    assert_eq!(code(&empty), 1);
    assert!(text(&empty.stderr).contains("no image in this folder"), "{}", text(&empty.stderr));
}

#[test]
fn a_reader_of_stdout_that_goes_away_is_no_error() {
    let home = Home::new();
    let names: Vec<String> = (0..6).map(|at| format!("{at}.png")).collect();
    for name in &names {
        home.write(name, TWO_LINES);
    }
    let mut args = vec!["ocr"];
    args.extend(names.iter().map(String::as_str));
    let mut child = home.tagdeck(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn ctrl_c_ends_within_5_s() {
    let home = Home::new();
    // Nobody ever writes to this stdin, which is as stuck as reading gets.
    let mut child =
        home.tagdeck(&["ocr", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let started = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let stdin = child.stdin.take();
    let status = child.wait().unwrap();
    drop(stdin);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(status.code().is_some(), "it ended by itself: {status}");
}

#[test]
fn hostile_images_each_end_in_a_line_and_spare_the_others() {
    let Some(folder) = shared("hostile") else { return };
    let home = Home::new();
    home.write("last.png", TWO_LINES);
    let started = Instant::now();
    let output = ocr(&home, &[folder.to_str().unwrap(), "last.png", "--format", "json"]);
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    let lines = json_lines(&text(&output.stdout));
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(lines.len(), files + 1, "{}", text(&output.stderr));
    for line in &lines {
        let name = line["source"].as_str().unwrap().rsplit('/').next().unwrap();
        let refused = ["bomb_20000x20000_grey.png", "pil_broken.png", "pil_decompression_bomb.gif", "png_xc1n0g08.png"];
        let refused = [&refused[..], &["png_xhdn0g08.png", "text_as.png", "zero_byte.png"]].concat();
        if refused.contains(&name) {
            assert!(line["error"]["message"].as_str().is_some_and(|message| message.len() > 10), "{line}");
        }
        let opens = ["one_pixel.png", "pil_16bit.cropped.tif", "pil_pil_sample_cmyk.jpg", "png_basn0g16.png", "last.png"];
        assert!(!opens.contains(&name) || line["error"].is_null(), "{line}");
    }
    assert!(all_text(lines.last().unwrap()).contains(RUSSIAN));
    assert!(started.elapsed() < Duration::from_mins(5), "{:?}", started.elapsed());
}

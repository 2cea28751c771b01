//! `tagdeck ocr --store` and `s3://` inputs, through the real binary and a real S3 server: kept, stored, and never twice.
//! How well text is read is scored elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

#[path = "support/program.rs"]
mod program;
#[path = "support/s3.rs"]
mod s3;

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use program::{Home, json_lines, text};
use s3::S3Server;

const TWO_LINES: &[u8] = include_bytes!("support/images/two_lines.png");
const DEMO: [&str; 4] = ["announcement.png", "library.jpg", "prices.png", "recipe.png"];

fn home(server: &S3Server) -> Home {
    let home = Home::new();
    home.write("config.toml", server.toml());
    home
}

fn stored(home: &Home, args: &[&str]) -> Output {
    let mut all = vec!["ocr", "--store"];
    all.extend(args);
    home.run(&all)
}

fn good(output: &Output) -> (String, String) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{out}{err}", output.status);
    (out, err)
}

#[test]
fn what_is_read_is_stored_and_the_same_image_again_reads_and_uploads_nothing() {
    let server = S3Server::start();
    let home = home(&server);
    home.write("page.png", TWO_LINES);
    home.write("copy.png", TWO_LINES);
    let plain = text(&home.run(&["ocr", "page.png"]).stdout);
    let (out, err) = good(&stored(&home, &["page.png"]));
    assert_eq!(out, plain, "stdout is what it is without --store");
    assert!(err.contains("page.png: stored as ocr-results/2") && err.contains(".md and .json in s3://documents"), "{err}");
    let keys = server.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_eq!(std::fs::read_to_string(server.file(&keys[1])).unwrap(), plain, "the object is what was printed");
    let puts = server.puts().len();

    let (out, err) = good(&stored(&home, &["page.png", "copy.png", "--format", "json"]));
    assert!(err.contains("copy.png: already stored as ocr-results/2") && err.contains("0 images read, 2 read before"), "{err}");
    let lines = json_lines(&out);
    assert_eq!(lines.iter().map(|line| line["source"].as_str().unwrap()).collect::<Vec<_>>(), ["page.png", "copy.png"]);
    assert_eq!(
        (&lines[0]["stored"]["already"], format!("{}.json", lines[0]["stored"]["key"].as_str().unwrap())),
        (&true.into(), keys[0].clone())
    );
    assert_eq!((server.puts().len(), server.keys().len()), (puts, 2));
}

#[test]
fn a_folder_a_pipe_and_a_broken_file_each_come_to_their_end() {
    let server = S3Server::start();
    let home = home(&server);
    std::fs::create_dir(home.path().join("in")).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/images");
    for name in DEMO {
        std::fs::copy(from.join(name), home.path().join("in").join(name)).unwrap();
    }
    home.write("in/broken.png", b"no image at all");
    home.write("in/same.png", std::fs::read(from.join(DEMO[0])).unwrap());
    let output = stored(&home, &["in", "--format", "json"]);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{err}");
    let lines = json_lines(&text(&output.stdout));
    let sources: Vec<_> = lines.iter().map(|line| line["source"].as_str().unwrap()).collect();
    assert_eq!(
        sources,
        ["in/announcement.png", "in/broken.png", "in/library.jpg", "in/prices.png", "in/recipe.png", "in/same.png"]
    );
    assert_eq!(lines[5]["stored"]["key"], lines[0]["stored"]["key"], "one content, one place");
    assert!(lines[1]["stored"].is_null() && lines[1]["error"]["class"] == "bad_image", "{}", lines[1]);
    assert_eq!((server.keys().len(), server.puts().len()), (8, 8));

    let mut child = home
        .tagdeck(&["ocr", "--store", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(TWO_LINES).unwrap();
    let (out, err) = good(&child.wait_with_output().unwrap());
    assert!(out.contains("quick brown fox") && err.contains("stdin: stored as "), "{out}{err}");
    assert_eq!(server.keys().len(), 10);
}

#[test]
fn while_the_store_is_away_documents_are_kept_and_an_engine_stores_them_later() {
    let mut server = S3Server::start();
    let home = home(&server);
    home.write("config.toml", server.toml() + "retries = 0\nconnect_timeout = 1.0\n");
    home.write("page.png", TWO_LINES);
    server.stop();
    let output = stored(&home, &["page.png"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(out.contains("quick brown fox"), "it is read all the same: {out}");
    assert!(
        err.contains("page.png: kept, but not stored yet: ") && err.contains("tagdeck run --kind upload --until-idle"),
        "{err}"
    );
    server.start_again();
    let summary = json_lines(&home.ok(&["run", "--kind", "upload", "--until-idle", "--json"])).pop().unwrap();
    assert_eq!(summary["upload"], serde_json::json!({ "success": 1, "failed": 0, "skipped": 0 }));
    assert_eq!(server.keys().len(), 2);
    let (_, err) = good(&stored(&home, &["page.png"]));
    assert!(err.contains("already stored"), "{err}");
}

#[test]
fn an_object_is_read_like_a_file_and_one_that_is_not_there_stops_nothing() {
    let server = S3Server::start();
    let home = home(&server);
    std::fs::create_dir_all(server.file("scans")).unwrap();
    std::fs::write(server.file("scans/page.png"), TWO_LINES).unwrap();
    let output = home.run(&["ocr", "s3://documents/scans/none.png", "s3://documents/scans/page.png", "--format", "json"]);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("s3://documents/scans/none.png: it cannot be read: there is no such object in s3://documents"), "{err}");
    let lines = json_lines(&text(&output.stdout));
    assert_eq!(lines[1]["source"], "s3://documents/scans/page.png");
    let (_, err) = good(&stored(&home, &["s3://documents/scans/page.png"]));
    assert!(err.contains("page.png: stored as ocr-results/2"), "{err}");
}

//! What `tagdeck ocr --store` keeps, `tagdeck outputs` finds: over a folder, over s3s-fs in this process, and over moto where it is installed.
//! Hostile names and large buckets have tests of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/moto.rs"]
mod moto;
#[path = "support/program.rs"]
mod program;
#[path = "support/s3.rs"]
mod s3;

use program::{Home, json_lines, text};
use s3::S3Server;
use serde_json::Value;
use tagdeck::blob::BlobStore;
use tagdeck::config::Blob;

const SCAN: &[u8] = include_bytes!("support/images/two_lines.png");

fn code(home: &Home, args: &[&str]) -> (Option<i32>, String) {
    let output = home.run(args);
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

fn listed(home: &Home) -> Vec<Value> {
    json_lines(&home.ok(&["outputs", "ls", "ocr-results/", "--flat", "--json"]))
}

fn verified(home: &Home, flags: &[&str]) -> (Option<i32>, Value) {
    let output = home.run(&[&["outputs", "verify", "--json"], flags].concat());
    let counts = json_lines(&text(&output.stdout)).pop().unwrap_or_else(|| panic!("{}", text(&output.stderr)));
    (output.status.code(), counts["verified"].clone())
}

async fn what_was_stored_is_listed_printed_fetched_verified_and_repaired(settings: Blob, toml: &str) {
    let home = Home::new();
    home.write("config.toml", toml);
    home.write("чек 1.png", SCAN);
    assert!(home.ok(&["outputs", "ls"]).contains("tagdeck ocr FILE --store"), "an empty store says what would fill it");
    assert_eq!(verified(&home, &[]).0, Some(0), "nothing is stored and nothing is missing");
    let told = home.ok(&["ocr", "чек 1.png", "--store"]);

    let all = listed(&home);
    let keys: Vec<&str> = all.iter().map(|line| line["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 2, "{all:?}");
    let (json, markdown) = (keys[0], keys[1]);
    assert!(json.starts_with("ocr-results/20"), "{keys:?}");
    assert_eq!((json.rsplit_once('.').unwrap().1, markdown.rsplit_once('.').unwrap().1), ("json", "md"), "{keys:?}");
    let newest = json_lines(&home.ok(&["outputs", "ls", "--newest", "--json"]));
    assert_eq!(newest.len(), 2);
    let folders = json_lines(&home.ok(&["outputs", "ls", "--json"]));
    assert_eq!(folders[0]["folder"], "ocr-results/");
    assert!(home.ok(&["outputs", "ls", markdown]).contains(markdown));

    let printed = home.run(&["outputs", "cat", markdown]).stdout;
    assert!(text(&printed).contains("quick brown fox") && told.contains("quick brown fox"), "{told}");
    assert_eq!(printed.len() as u64, all[1]["size"].as_u64().unwrap());
    let document: Value = serde_json::from_slice(&home.run(&["outputs", "cat", json]).stdout).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(code(&home, &["outputs", "get", markdown, json, "gone.md", "--out", "down"]).0, Some(3));
    let name = |key: &str| key.rsplit('/').next().unwrap().to_owned();
    assert_eq!(std::fs::read(home.path().join("down").join(name(markdown))).unwrap(), printed, "equal bytes");
    assert_eq!(code(&home, &["outputs", "get", "gone.md"]).0, Some(1));
    assert_eq!(code(&home, &["outputs", "cat", "gone.md"]).0, Some(1));

    let blobs = BlobStore::open(&settings_in(settings, &home)).await.unwrap();
    for (key, content_type) in [(markdown, "text/markdown; charset=utf-8"), (json, "application/json")] {
        let head = blobs.head(key).await.unwrap().unwrap();
        let found = head.content_type.unwrap_or_default();
        assert!(found.starts_with(content_type.split(';').next().unwrap()), "{key}: {found}");
    }

    for flags in [&[][..], &["--deep"]] {
        let (exit, counts) = verified(&home, flags);
        assert_eq!((exit, &counts["right"], &counts["complete"]), (Some(0), &1.into(), &true.into()), "{counts}");
    }
    // The same image again uploads nothing.
    home.ok(&["ocr", "чек 1.png", "--store"]);
    assert_eq!(listed(&home), all);

    assert_eq!(code(&home, &["outputs", "rm", markdown]).0, Some(2), "there is nobody to ask");
    assert_eq!(listed(&home).len(), 2);
    home.ok(&["outputs", "rm", markdown, "--yes"]);
    assert_eq!(code(&home, &["outputs", "rm", markdown, "--yes"]).0, Some(1), "it is gone already");
    home.ok(&["outputs", "rm", json, "--yes"]);
    let (exit, counts) = verified(&home, &[]);
    assert_eq!(
        (exit, &counts["removed"], &counts["missing"], &counts["right"]),
        (Some(0), &1.into(), &0.into(), &0.into()),
        "{counts}"
    );
    home.ok(&["ocr", "чек 1.png", "--store"]);
    assert_eq!(verified(&home, &["--deep"]).1["right"], 1, "the image was read again");

    blobs.delete(markdown).await.unwrap();
    let (exit, counts) = verified(&home, &[]);
    assert_eq!((exit, &counts["missing"], &counts["right"]), (Some(3), &1.into(), &0.into()), "{counts}");
    verified(&home, &["--repair"]);
    home.ok(&["run", "--until-idle", "--kind", "upload"]);
    let (exit, counts) = verified(&home, &["--deep"]);
    assert_eq!((exit, &counts["right"]), (Some(0), &1.into()), "{counts}");
    assert_eq!(home.run(&["outputs", "cat", markdown]).stdout, printed);
}

/// The folder of the settings is that of the home when no bucket is named.
fn settings_in(settings: Blob, home: &Home) -> Blob {
    Blob { folder: home.path().join("outputs"), ..settings }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_folder() {
    what_was_stored_is_listed_printed_fetched_verified_and_repaired(Blob::default(), "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_s3() {
    let server = S3Server::start();
    what_was_stored_is_listed_printed_fetched_verified_and_repaired(server.settings(), &server.toml()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_moto() {
    let Some(settings) = moto::bucket().await else { return };
    let (bucket, endpoint) = (settings.bucket.clone().unwrap(), settings.endpoint.clone().unwrap());
    let toml = format!("[blob]\nbucket = \"{bucket}\"\nendpoint = \"{endpoint}\"\naccess_key = \"any\"\nsecret_key = \"any\"\n");
    what_was_stored_is_listed_printed_fetched_verified_and_repaired(settings, &toml).await;
}

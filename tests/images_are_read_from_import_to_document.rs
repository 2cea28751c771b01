//! The whole way of an image: imported with its post, read by the real models, kept as a document, through kills too.
//! How well it is read is scored elsewhere; here plain text must be right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use program::{Home, json_lines, text};
use tagdeck::domain::{PostFilter, PostImage, Status};
use tagdeck::store::{Access, Store};

const IMAGES: [&str; 4] = ["announcement.png", "library.jpg", "prices.png", "recipe.png"];

/// A post an image, and one more with the first image under another name.
fn import(home: &Home) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/images");
    let mut lines = Vec::new();
    for (name, copy) in IMAGES.into_iter().map(|name| (name, name)).chain([(IMAGES[0], "again.png")]) {
        std::fs::copy(from.join(name), home.path().join(copy)).unwrap();
        let n = lines.len() + 1;
        let line = serde_json::json!({
            "id": format!("p-{n}"), "channel": "Проба", "channel_id": -1_001_000_000_001_i64, "message_id": n,
            "date": "2026-01-01T00:00:00Z", "text": format!("Подпись номер {n}"), "images": [copy],
        });
        lines.push(line.to_string());
    }
    home.write("posts.jsonl", lines.join("\n"));
    home.ok(&["import", "posts.jsonl"]);
}

/// By the name of the file.
fn images(home: &Home) -> BTreeMap<String, PostImage> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&home.database(), Access::ReadOnly).await.unwrap();
        let mut images = BTreeMap::new();
        for line in store.posts(&PostFilter::default(), None, 100).await.unwrap() {
            for image in store.post(line.id).await.unwrap().unwrap().images {
                let name = Path::new(&image.path).file_name().unwrap().to_str().unwrap().to_owned();
                images.insert(name, image);
            }
        }
        images
    })
}

fn check(home: &Home) {
    let images = images(home);
    let said = |name: &str| {
        let image = &images[name];
        assert_eq!((image.status, image.error.as_deref()), (Some(Status::Success), None), "{name}");
        image.text.clone().unwrap()
    };
    for (name, words) in [
        ("announcement.png", ["ОБЪЯВЛЕНИЕ", "Мельничной"]),
        ("library.jpg", ["Библиотека", "выходной"]),
        ("prices.png", ["Гречка", "Сентябрь"]),
        ("recipe.png", ["Тыквенный", "имбирь"]),
    ] {
        let said = said(name);
        assert!(words.iter().all(|word| said.contains(word)), "{name}: {said}");
    }
    assert_eq!(said("again.png"), said("announcement.png"));
}

#[test]
fn imported_images_become_documents_and_the_same_one_is_read_once() {
    let home = Home::new();
    import(&home);
    let output = home.run(&["run", "--kind", "ocr", "--until-idle", "--json"]);
    assert!(output.status.success(), "{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    let events = json_lines(&text(&output.stdout));
    let summary = events.last().unwrap();
    assert_eq!(summary["ocr"], serde_json::json!({ "success": 5, "failed": 0, "skipped": 0 }), "{summary}");
    assert_eq!(summary["tag"]["success"], 0, "only images were asked for: {summary}");
    let begun = events.iter().filter(|event| event["event"] == "ocr_start").count();
    assert_eq!(begun, IMAGES.len(), "{events:#?}");
    check(&home);
}

#[test]
fn a_killed_reader_loses_no_image() {
    let home = Home::new();
    import(&home);
    let arguments = ["run", "--kind", "ocr", "--until-idle", "--json"];
    for milliseconds in [400, 900, 1_700] {
        let mut child = home.tagdeck(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    home.ok(&arguments);
    check(&home);
}

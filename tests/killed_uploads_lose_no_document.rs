//! Crash safety of the outbox: the engine is killed again and again in the middle of two hundred uploads; every document arrives
//! whole, under one key, and only what was in hand may be sent a second time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/program.rs"]
mod program;
#[path = "support/s3.rs"]
mod s3;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use program::{Home, json_lines, text};
use s3::S3Server;
use tagdeck::engine::uploader::output;
use tagdeck::store::{Access, NewDocument, Store};

const DOCUMENTS: usize = 200;
const KILLS: usize = 6;
/// Uploads in hand at once, two objects each.
const IN_HAND: usize = 16;

fn document(n: usize) -> NewDocument {
    let markdown = format!("# Документ {n}\n\n{}", "Строка текста. ".repeat(n));
    let json = format!(r#"{{"schema":1,"source":"{n}.png","engine":{{"provider":"cpu"}}}}"#);
    NewDocument { sha256: format!("{n:064x}"), text: markdown.clone(), markdown, json }
}

fn on_the_store<T>(home: &Home, work: impl AsyncFnOnce(Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { work(Store::open(&home.database(), Access::ReadWrite).await.unwrap()).await })
}

#[test]
fn kills_in_the_middle_of_two_hundred_uploads_lose_none_and_double_none() {
    let (home, server) = (Home::new(), S3Server::start());
    home.write("config.toml", server.toml());
    on_the_store(&home, async |store| {
        let now = store.now().await.unwrap();
        for n in 0..DOCUMENTS {
            let (path, document) = (format!("/scans/{n}.png"), document(n));
            let output = output(&path, &document.sha256, now);
            store.keep_document(&path, &document, Some(&output), 5).await.unwrap();
        }
    });
    let arguments = ["run", "--kind", "upload", "--until-idle", "--json"];
    let mut struck = 0;
    for kill in 1..=KILLS {
        let mut child = home.tagdeck(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // In the middle: after some more have arrived than at the last time.
        let (until, began) = (kill * DOCUMENTS * 2 / (KILLS + 2), Instant::now());
        while server.puts().len() < until && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_mins(2), "{} of {until} puts", server.puts().len());
            std::thread::sleep(Duration::from_millis(2));
        }
        struck += usize::from(child.try_wait().unwrap().is_none());
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(struck, KILLS, "each kill strikes an engine at work");
    let last = home.run(&arguments);
    assert!(last.status.success(), "{}\n{}", last.status, text(&last.stderr));
    let summary = json_lines(&text(&last.stdout)).pop().unwrap();
    assert_eq!(summary["upload"]["failed"], 0, "{summary}");

    let stored = on_the_store(&home, async |store| {
        let mut keys = BTreeMap::new();
        for n in 0..DOCUMENTS {
            let document = document(n);
            let output = store.output_of(&document.sha256).await.unwrap().unwrap();
            assert_eq!(output.state, tagdeck::domain::OutputState::Stored, "{}", output.key);
            keys.insert(format!("{}.md", output.key), document.markdown.into_bytes());
            keys.insert(format!("{}.json", output.key), document.json.into_bytes());
        }
        keys
    });
    assert_eq!(server.keys(), stored.keys().cloned().collect::<Vec<_>>(), "all of them, and nothing besides");
    for (key, bytes) in &stored {
        assert_eq!(&std::fs::read(server.file(key)).unwrap(), bytes, "{key}");
    }
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for key in server.puts() {
        *times.entry(key).or_default() += 1;
    }
    let again: usize = times.values().map(|times| times - 1).sum();
    println!("{struck} kills, {} puts of {} objects", server.puts().len(), stored.len());
    assert!(again <= KILLS * IN_HAND, "{again} objects were sent again, more than were in hand");
}

//! Importing into a database: counts, idempotence, edits, progress, and what happens when a file is broken.
//! The database is a throw-away SQLite file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/import.rs"]
mod support;

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use support::{channel, message, own, reading, shared};
use tagdeck::domain::{PostFilter, UserId};
use tagdeck::import::{Options, Progress, Summary, run};
use tagdeck::store::{Access, Store};

struct Database {
    store: Store,
    dir: tempfile::TempDir,
}

impl Database {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("t.db").display());
        Self { store: Store::open(&url, Access::ReadWrite).await.unwrap(), dir }
    }

    async fn import(&self, files: &[PathBuf]) -> Summary {
        let options = Options { user: UserId(1), wait_for_ocr: Duration::ZERO, max_attempts: 5, reading: reading() };
        run(&self.store, files, &options, |_| ()).await.unwrap()
    }

    async fn count(&self) -> i64 {
        self.store.count(&PostFilter::default()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn importing_twice_adds_nothing_and_an_edit_updates_one() {
    let database = Database::new().await;
    let path = database.dir.path().join("result.json");
    let export = |third: &str| {
        let messages: Vec<_> =
            (1..=1200).map(|id| message(id, id, &format!("\"text\": \"{}\"", if id == 3 { third } else { "слова" }))).collect();
        channel(&messages)
    };
    std::fs::write(&path, export("как было")).unwrap();
    let total = database.import(std::slice::from_ref(&path)).await.total;
    assert_eq!((total.posts, total.new, total.updated, total.unchanged), (1200, 1200, 0, 0));
    let total = database.import(std::slice::from_ref(&path)).await.total;
    assert_eq!((total.new, total.updated, total.unchanged), (0, 0, 1200));
    std::fs::write(&path, export("исправлено")).unwrap();
    let total = database.import(&[path]).await.total;
    assert_eq!((total.new, total.updated, total.unchanged), (0, 1, 1199));
    assert_eq!(database.count().await, 1200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn albums_images_and_every_format_are_idempotent_too() {
    let database = Database::new().await;
    let files = ["traps.json", "albums.json", "whole_account.json", "broken.jsonl", "table.csv", "keys_last.json"].map(own);
    let first = database.import(&files).await;
    assert!(first.total.new > 40, "{first}");
    let count = database.count().await;
    for (index, file) in files.iter().enumerate() {
        let again = database.import(std::slice::from_ref(file)).await;
        assert_eq!(again.total.new, 0, "{again}");
        assert_eq!(again.total.posts, first.files[index].counts.posts);
    }
    assert_eq!(database.count().await, count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_does_not_stop_the_next_one() {
    let database = Database::new().await;
    let cut = database.dir.path().join("cut.json");
    let whole = channel(&[message(1, 1, "\"text\": \"целое\""), message(2, 2, "\"text\": \"обрезано\"")]);
    std::fs::write(&cut, &whole[..whole.len() - 20]).unwrap();
    let summary = database.import(&[own("missing.json"), cut, own("keys_last.json")]).await;
    assert_eq!(summary.files.iter().map(|file| file.error.is_some()).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((summary.total.new + summary.total.updated, summary.has_errors()), (2, true));
    assert!(summary.to_string().contains("3 files together"), "{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_ends_at_all_bytes_and_a_folder_stands_for_its_export() {
    let database = Database::new().await;
    let folder = database.dir.path().join("ChatExport_2024-11-12");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(own("traps.json"), folder.join("result.json")).unwrap();
    let seen = RefCell::new(Vec::<Progress>::new());
    let options = Options { user: UserId(1), wait_for_ocr: Duration::ZERO, max_attempts: 5, reading: reading() };
    let files = [folder, own("albums.json")];
    let summary = run(&database.store, &files, &options, |progress| seen.borrow_mut().push(progress)).await.unwrap();
    let seen = seen.into_inner();
    let last = seen.last().unwrap();
    assert_eq!(last.bytes_done, last.bytes_total);
    assert_eq!((last.read, last.stored), (summary.total.read, summary.total.posts));
    assert!(seen.windows(2).all(|two| two[0].bytes_done <= two[1].bytes_done && two[0].stored <= two[1].stored));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_corpus_goes_in_once() {
    let Some(path) = shared("posts/posts_ru_open.jsonl") else { return };
    let database = Database::new().await;
    let total = database.import(std::slice::from_ref(&path)).await.total;
    assert_eq!((total.read, total.new), (5054, 5054));
    assert_eq!(database.import(&[path]).await.total.unchanged, 5054);
}

//! What a person can ask of outputs, over a folder as blob store and both kinds of database.
//! The same over S3 is in `outputs_command.rs`; screens are beside the panes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use databases::Db;
use tagdeck::blob::{self, About, BlobStore};
use tagdeck::config::{Blob, Tagging};
use tagdeck::domain::OutputState;
use tagdeck::ops::Ops;
use tagdeck::ops::outputs::{Ask, Entry, Order, Outputs, Progress, Shelf, Trouble, Verified};
use tagdeck::store::{NewDocument, NewOutput, Store, Stored};

async fn blobs(folder: &Path) -> BlobStore {
    BlobStore::open(&Blob { folder: folder.to_owned(), ..Blob::default() }).await.unwrap()
}

async fn put(blobs: &BlobStore, key: &str, text: &str) {
    let about = About {
        content_type: "text/markdown; charset=utf-8",
        sha256: blob::sha256(text.as_bytes()),
        source: "a.png".to_owned(),
        image_sha256: String::new(),
        engine: "local".to_owned(),
        version: "1".to_owned(),
    };
    blobs.put(key, Bytes::copy_from_slice(text.as_bytes()), &about).await.unwrap();
}

async fn outputs(db: &Db, folder: &Path) -> (Outputs, BlobStore, Store) {
    let (store, blobs) = (db.store().await, blobs(folder).await);
    let ops = Ops::observing(store.clone(), &Tagging::default()).with_blobs(blobs.clone());
    (Outputs::of(&ops).unwrap(), blobs, store)
}

fn keys(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(Entry::key).collect()
}

/// All pages of a list, each asked for behind the last.
async fn all(outputs: &Outputs, mut ask: Ask) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let listed = outputs.list(&ask).await.unwrap();
        found.extend(keys(&listed.entries).into_iter().map(str::to_owned));
        ask.after = listed.next;
        if ask.after.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn days_are_walked_backwards_and_what_has_none_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite();
    let (outputs, blobs, _) = outputs(&db, folder.path()).await;
    let days = ["2025/12/31", "2026/01/02", "2026/02/01", "2026/11/22", "2026/11/03"];
    for day in days {
        put(&blobs, &format!("ocr-results/{day}/a-1.md"), "x").await;
        put(&blobs, &format!("ocr-results/{day}/b-2.md"), "x").await;
    }
    put(&blobs, "ocr-results/20240101_120000_old.md", "x").await;
    put(&blobs, "elsewhere/x.md", "x").await;
    let newest = |prefix: &str| Ask { prefix: prefix.to_owned(), order: Order::Newest, limit: 1000, ..Ask::default() };
    let found = all(&outputs, newest("")).await;
    let order: Vec<&str> = found.iter().step_by(2).map(|key| key.get(12..22).unwrap_or(key)).collect();
    assert_eq!(order, ["2026/11/22", "2026/11/03", "2026/02/01", "2026/01/02", "2025/12/31", "20240101_1"]);
    assert_eq!(all(&outputs, newest("ocr-results/2026/11/")).await.len(), 4);
    assert_eq!(all(&outputs, newest("ocr-results/2026/11/22/b")).await, ["ocr-results/2026/11/22/b-2.md"]);
    assert_eq!(all(&outputs, newest("elsewhere/")).await, ["elsewhere/x.md"]);
    // Small pages go on where the last one ended.
    let small = Ask { limit: 1, ..newest("") };
    assert_eq!(all(&outputs, small).await.len(), found.len());
}

#[tokio::test]
async fn names_are_listed_in_folders_flat_and_by_what_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite();
    let (outputs, blobs, _) = outputs(&db, folder.path()).await;
    for n in 0..2_500 {
        std::fs::create_dir_all(folder.path().join("many")).unwrap();
        std::fs::write(folder.path().join(format!("many/{n:05}.md")), "x").unwrap();
    }
    put(&blobs, "many/Чек.md", "x").await;
    put(&blobs, "top.md", "x").await;
    let ask = |prefix: &str, order| Ask { prefix: prefix.to_owned(), order, limit: 1000, ..Ask::default() };
    assert_eq!(all(&outputs, ask("", Order::Folders)).await, ["many/", "top.md"]);
    assert_eq!(all(&outputs, ask("", Order::Flat)).await.len(), 2_502);
    let filtered = Ask { contains: Some("чЕК".to_owned()), ..ask("many/", Order::Folders) };
    assert_eq!(all(&outputs, filtered).await, ["many/Чек.md"]);
    let nothing = Ask { contains: Some("many".to_owned()), ..ask("many/", Order::Folders) };
    assert!(all(&outputs, nothing).await.is_empty(), "the prefix itself is no match");
}

#[tokio::test]
async fn a_preview_fetches_a_megabyte_of_whatever_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite();
    let (outputs, blobs, _) = outputs(&db, folder.path()).await;
    put(&blobs, "empty.md", "").await;
    let preview = outputs.preview("empty.md").await.unwrap();
    assert_eq!((preview.size, preview.bytes.len()), (0, 0));
    put(&blobs, "large.md", &"я".repeat(1 << 20)).await;
    let preview = outputs.preview("large.md").await.unwrap();
    assert_eq!((preview.size, preview.bytes.len()), (2 << 20, 1 << 20));
    assert_eq!(preview.content_type.as_deref(), Some("text/markdown; charset=utf-8"));
    let gone = outputs.preview("gone.md").await.unwrap_err().to_string();
    assert!(gone.contains("gone.md"), "{gone}");
}

#[tokio::test]
async fn downloads_overwrite_nothing_and_stay_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite();
    let (outputs, blobs, _) = outputs(&db, &folder.path().join("store")).await;
    for (key, text) in [("a/same.md", "one"), ("b/same.md", "two"), ("c/.hidden", "three")] {
        put(&blobs, key, text).await;
    }
    let into = folder.path().join("down/deeper");
    let mut shelf = Shelf::make(&into).unwrap();
    let mut names = Vec::new();
    for key in ["a/same.md", "b/same.md", "c/.hidden"] {
        names.push(shelf.save(&outputs, key).await.unwrap());
    }
    let file = |name: &str| std::fs::read_to_string(into.join(name)).unwrap();
    assert_eq!([file("same.md"), file("same-2.md"), file("hidden")], ["one", "two", "three"]);
    // Once more: what is there already stays, whatever order it is asked for in.
    let mut shelf = Shelf::make(&into).unwrap();
    assert!(shelf.save(&outputs, "b/same.md").await.unwrap().was_there);
    assert!(shelf.save(&outputs, "a/same.md").await.is_ok());
    assert!(shelf.save(&outputs, "gone.md").await.is_err());
    let all: Vec<_> = std::fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(all.iter().all(|name| !name.to_string_lossy().starts_with('.')), "no half file is left: {all:?}");
    // A link that lies in the way leads nowhere.
    std::os::unix::fs::symlink("/etc/hostname", into.join("x.md")).unwrap();
    put(&blobs, "x.md", "mine").await;
    assert_eq!(Shelf::make(&into).unwrap().save(&outputs, "x.md").await.unwrap().file, into.join("x-2.md"));
}

/// Keeps a document, uploads it by hand as the engine would, and returns its key without an ending.
async fn stored(store: &Store, blobs: &BlobStore, name: &str) -> String {
    let image = blob::sha256(name.as_bytes());
    let key = format!("ocr-results/2026/11/22/{name}-{}", &image[..12]);
    let (markdown, json) = (format!("# {name}\n"), format!("{{\"source\":\"{name}\"}}"));
    let document = NewDocument { sha256: image, text: name.to_owned(), markdown: markdown.clone(), json: json.clone() };
    let output = NewOutput { source: format!("{name}.png"), key: key.clone() };
    store.keep_document(&format!("/scans/{name}.png"), &document, Some(&output), 3).await.unwrap();
    for upload in store.claim_uploads("test", 100, Duration::from_mins(1)).await.unwrap() {
        put(blobs, &format!("{}.md", upload.key), &markdown).await;
        put(blobs, &format!("{}.json", upload.key), &json).await;
        let stored = Stored {
            place: blobs.place().to_string(),
            md_sha256: blob::sha256(markdown.as_bytes()),
            json_sha256: blob::sha256(json.as_bytes()),
        };
        assert!(store.finish_upload(upload.job, upload.fence, &stored).await.unwrap());
    }
    key
}

async fn verified(outputs: &Outputs, deep: bool) -> (Verified, Vec<Trouble>) {
    let mut troubles = Vec::new();
    let verified = outputs.verify(deep, &Progress::default(), &mut |trouble| troubles.push(trouble)).await.unwrap();
    (verified, troubles)
}

on_both! {
    async fn every_difference_between_database_and_store_is_found(db: Db) {
        let folder = tempfile::tempdir().unwrap();
        let (outputs, blobs, store) = outputs(&db, folder.path()).await;
        assert!(verified(&outputs, false).await.0.is_right(), "nothing is stored, nothing is missing");
        let mut keys = Vec::new();
        for name in ["a", "b", "c", "чек"] {
            keys.push(stored(&store, &blobs, name).await);
        }
        let (right, troubles) = verified(&outputs, true).await;
        assert_eq!((right.right, right.is_right(), troubles.len()), (4, true, 0), "{right:?}");
        let origin = outputs.preview(&format!("{}.json", keys[3])).await.unwrap().origin.unwrap();
        assert_eq!((origin.path.as_str(), origin.post), ("/scans/чек.png", None));
        assert_eq!(outputs.of_image(origin.image).await.unwrap().as_deref(), Some(keys[3].as_str()));

        blobs.delete(&format!("{}.md", keys[0])).await.unwrap();
        std::fs::write(folder.path().join(format!("{}.json", keys[1])), "{\"source\":\"x\"}").unwrap();
        put(&blobs, "ocr-results/2026/11/22/nobody-000000000000.md", "x").await;
        put(&blobs, "elsewhere/is-not-ours.md", "x").await;
        let unsent = NewDocument {
            sha256: blob::sha256(b"unsent"),
            text: String::new(),
            markdown: String::new(),
            json: "{}".to_owned(),
        };
        store.keep_document("/scans/unsent.png", &unsent, None, 3).await.unwrap();
        let waiting = NewDocument { sha256: blob::sha256(b"waiting"), ..unsent };
        let output = NewOutput { source: "w.png".to_owned(), key: "ocr-results/2026/11/22/w-1".to_owned() };
        store.keep_document("/scans/w.png", &waiting, Some(&output), 3).await.unwrap();
        let (wrong, troubles) = verified(&outputs, true).await;
        let counts = (wrong.right, wrong.missing, wrong.differing, wrong.orphaned, wrong.waiting, wrong.unsent, wrong.elsewhere);
        assert_eq!(counts, (2, 1, 1, 1, 1, 1, 0), "{wrong:?} {troubles:?}");
        assert!(wrong.complete && !wrong.is_right());
        let mut named: Vec<&str> = troubles.iter().map(Trouble::key).collect();
        named.sort_unstable();
        let (missing, differing) = (format!("{}.md", keys[0]), format!("{}.json", keys[1]));
        assert_eq!(named, [&missing, &differing, "ocr-results/2026/11/22/nobody-000000000000.md"]);

        // What is missing or different can be enqueued again, and is stored again.
        let again: Vec<String> = troubles
            .iter()
            .filter_map(|trouble| match trouble {
                Trouble::Missing { sha256, .. } | Trouble::Differs { sha256, .. } => Some(sha256.clone()),
                Trouble::Orphan { .. } => None,
            })
            .collect();
        assert_eq!(outputs.upload_again(&again).await.unwrap(), 2);
        assert_eq!(verified(&outputs, false).await.0.waiting, 3);
    }

    async fn what_was_removed_is_no_more_said_to_be_stored_and_comes_back_when_its_image_is_read_again(db: Db) {
        let folder = tempfile::tempdir().unwrap();
        let (outputs, blobs, store) = outputs(&db, folder.path()).await;
        let key = stored(&store, &blobs, "a").await;
        stored(&store, &blobs, "b").await;
        let (markdown, json) = (format!("{key}.md"), format!("{key}.json"));
        let sha256 = outputs.named(json.rsplit('/').next().unwrap()).await.unwrap().unwrap().sha256;
        assert!(outputs.remove(&markdown).await.unwrap());
        assert!(!outputs.remove(&markdown).await.unwrap(), "it is gone already");
        let (half, troubles) = verified(&outputs, true).await;
        assert_eq!((half.right, half.removed, half.is_right(), troubles.len()), (2, 0, true, 0), "{half:?}");
        assert!(outputs.remove(&json).await.unwrap());
        let (removed, troubles) = verified(&outputs, true).await;
        assert_eq!((removed.right, removed.removed, removed.is_right(), troubles.len()), (1, 1, true, 0), "{removed:?}");
        assert_eq!(store.output_counts().await.unwrap(), (1, 0));
        let name = |path: &str, sha256: &str| NewOutput { source: path.to_owned(), key: sha256.to_owned() };
        assert_eq!(store.enqueue_missing_uploads(0, name).await.unwrap(), None, "no start of an engine brings it back");

        let document = store.document_of(&sha256).await.unwrap().unwrap();
        let output = NewOutput { source: "again.png".to_owned(), key: "ocr-results/2027/01/01/again-1".to_owned() };
        store.keep_document("/scans/again.png", &document, Some(&output), 3).await.unwrap();
        let waiting = store.output_of(&sha256).await.unwrap().unwrap();
        assert_eq!((waiting.state, waiting.key), (OutputState::Waiting, key), "where it was");
        let upload = store.claim_uploads("w", 8, Duration::from_mins(1)).await.unwrap();
        assert_eq!(upload.iter().map(|upload| &upload.sha256).collect::<Vec<_>>(), [&sha256]);
    }
}

#[tokio::test]
async fn a_comparison_can_be_ended() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite();
    let (outputs, blobs, store) = outputs(&db, folder.path()).await;
    stored(&store, &blobs, "a").await;
    let progress = Progress::default();
    progress.cancel();
    let verified = outputs.verify(false, &progress, &mut |_| ()).await.unwrap();
    assert!(!verified.complete && !verified.is_right());
    assert_eq!(progress.numbers().1, 1);
}

//! Whoever only watches changes nothing: every function of `ops` that would is refused, however it is reached. And what acts on
//! many at once leaves alone what a person decided by hand, and means all that match, not what a list shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;

use databases::{Db, import};
use tagdeck::blob::BlobStore;
use tagdeck::config::{Blob, Tagging};
use tagdeck::domain::{ImageFilter, PostFilter, PostId, Status};
use tagdeck::ops::outputs::{Outputs, OutputsError};
use tagdeck::ops::{Ops, OpsError, RetryRequest, WhichImages};
use tagdeck::store::{Access, NewImage, Store};

/// One sentence for everything that is refused.
const REFUSED: &str = "nothing was changed: this only watches (--read-only)";

on_both! {
    async fn whoever_only_watches_changes_nothing(db: Db) {
        let store = db.store().await;
        import(&store, 3).await;
        let before = dump(&db).await;
        let closed = Store::open(&db.url, Access::ReadOnly).await.unwrap();
        for ops in [Ops::observing(store.clone(), &Tagging::default()).only_watching(), Ops::observing(closed, &Tagging::default())] {
            let all = WhichImages::Matching(ImageFilter::default());
            let refused: [(&str, Option<OpsError>); 10] = [
                ("retry", ops.retry(&RetryRequest { force: true, ..RetryRequest::default() }).await.err()),
                ("regenerate", ops.regenerate(PostId(1), None).await.err()),
                ("pause", ops.pause().await.err()),
                ("resume", ops.resume().await.err()),
                ("resume_all", ops.resume_all().await.err()),
                ("set_tags", ops.set_tags(PostId(1), &["мои".to_owned()]).await.err()),
                ("skip", ops.skip(&PostFilter::default(), None).await.err()),
                ("cancel_readings", ops.cancel_readings(&all).await.err()),
                ("reread", ops.reread(&all).await.err()),
                ("submit", ops.submit(&[std::env::temp_dir()]).await.err()),
            ];
            for (name, error) in refused {
                assert!(matches!(error, Some(OpsError::ReadOnly)), "{name}: {error:?}");
                assert_eq!(error.unwrap().to_string(), REFUSED, "{name}");
            }
            let counted = ops.retry(&RetryRequest { force: true, dry_run: true, ..RetryRequest::default() }).await;
            assert!(counted.is_ok(), "counting changes nothing");
        }
        assert_eq!(dump(&db).await, before);
    }

    async fn a_forced_retry_leaves_out_and_counts_what_a_person_decided_by_hand(db: Db) {
        let store = db.store().await;
        import(&store, 4).await;
        let ops = Ops::observing(store.clone(), &Tagging::default());
        ops.set_tags(PostId(2), &["мои".to_owned()]).await.unwrap();
        ops.skip(&PostFilter::default(), Some(&[PostId(3)])).await.unwrap();
        let marked = RetryRequest { ids: Some((1..=4).map(PostId).collect()), force: true, ..RetryRequest::default() };
        let asked = ops.retry(&RetryRequest { dry_run: true, ..marked.clone() }).await.unwrap();
        assert_eq!((asked.matched, asked.by_hand), (2, 2));
        let done = ops.retry(&marked).await.unwrap();
        assert_eq!((done.queued, done.by_hand), (2, 2));
        let everything = RetryRequest {
            filter: PostFilter { status: Some(Status::Skipped), ..PostFilter::default() },
            force: true,
            ..RetryRequest::default()
        };
        assert_eq!(ops.retry(&everything).await.unwrap().by_hand, 2);
        let post = store.post(PostId(2)).await.unwrap().unwrap();
        assert_eq!((post.line.status, post.line.tags), (Some(Status::Skipped), vec!["мои".to_owned()]));
        ops.regenerate(PostId(2), None).await.unwrap();
        assert_eq!(store.post(PostId(2)).await.unwrap().unwrap().line.status, Some(Status::Retrying), "one by one it can be");
    }

    async fn all_images_that_match_are_meant_however_many_a_list_holds(db: Db) {
        let store = db.store().await;
        let image = |n: u32| NewImage { path: format!("/scans/{} {n}.png", if n < 700 { "счёт" } else { "фото" }), sha256: format!("{n:04}") };
        store.submit(&(0..750).map(image).collect::<Vec<_>>(), 5).await.unwrap();
        let ops = Ops::observing(store.clone(), &Tagging::default());
        let all = WhichImages::Matching(ImageFilter { query: Some("СЧЁТ".to_owned()), ..ImageFilter::default() });
        assert_eq!((ops.cancellable(&all).await.unwrap(), ops.rereadable(&all).await.unwrap()), (700, 0));
        assert_eq!(ops.cancel_readings(&all).await.unwrap(), 700);
        assert_eq!(store.ocr_counts().await.unwrap().skipped, 700);
        assert_eq!((ops.cancellable(&all).await.unwrap(), ops.rereadable(&all).await.unwrap()), (0, 700));
        assert_eq!(ops.reread(&all).await.unwrap(), 700);
        assert_eq!(store.ocr_counts().await.unwrap().pending, 750);
    }
}

/// What every table that a person's changes could touch holds.
async fn dump(db: &Db) -> String {
    let mut all = String::new();
    for (table, row) in [
        ("jobs", "state || fence || attempts || visible_at || updated_at || COALESCE(model, '')"),
        ("posts", "COALESCE(CAST(tags AS TEXT), '') || tagging_status || tagging_attempts"),
        ("pauses", "scope"),
        ("images", "path"),
    ] {
        let joined = if db.is_sqlite() { "group_concat" } else { "string_agg" };
        let sorted =
            format!("SELECT COALESCE({joined}(line, ';'), '') FROM (SELECT {row} AS line FROM {table} ORDER BY 1) sorted");
        all.push_str(&db.text(&sorted).await.unwrap_or_default());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_only_watches_deletes_no_output() {
    let db = Db::sqlite();
    let store = db.store().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.md"), "text").unwrap();
    let settings = Blob { folder: folder.path().to_owned(), ..Blob::default() };
    let blobs = BlobStore::open(&settings).await.unwrap();
    let ops = Ops::observing(store, &Tagging::default()).with_blobs(blobs).only_watching();
    let outputs = Outputs::of(&ops).unwrap();
    let refused = [outputs.remove("a.md").await.err(), outputs.upload_again(&["00".to_owned()]).await.err()];
    for error in refused {
        assert!(matches!(error, Some(OutputsError::ReadOnly)), "{error:?}");
        assert_eq!(error.unwrap().to_string(), REFUSED);
    }
    assert!(folder.path().join("a.md").exists());
}

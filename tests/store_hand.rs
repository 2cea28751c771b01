//! What a person decides about posts and images by hand: it stays, whatever engines and imports do, on both databases.
//! Lists of posts are tested in `store_posts.rs`, jobs in `store_jobs.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;

use std::time::Duration;

use databases::{Db, LEASE, MAX_ATTEMPTS, USER, claim_one, everything, import, post};
use tagdeck::domain::{ImageFilter, ImageKey, JobKind, ModelKey, PostFilter, PostId, Status};
use tagdeck::store::{CallLimits, Finish, NewCall, NewImage};

fn words(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

on_both! {
    async fn tags_written_by_hand_outlive_the_worker_the_next_import_and_a_retry_of_everything(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        let held = claim_one(&store).await;
        assert!(store.set_tags(PostId(held.ref_id), &words(&["луна", "наука"]), MAX_ATTEMPTS).await.unwrap());
        assert!(!store.finish(held.job, held.fence, &Finish::Tagged { tags: words(&["чужое"]) }).await.unwrap());
        store.import(USER, &[post(1, "совсем другой текст")], Duration::ZERO, MAX_ATTEMPTS).await.unwrap();
        let retry = tagdeck::store::Requeue { force: true, max_attempts: MAX_ATTEMPTS, ..Default::default() };
        assert_eq!(store.requeue(&retry).await.unwrap().matched, 0);
        assert!(store.claim(JobKind::Tag, "w2", 9, LEASE).await.unwrap().is_empty());
        let line = store.posts(&everything(), None, 1).await.unwrap().remove(0);
        assert_eq!((line.tags, line.status, line.error_class.as_deref()), (words(&["луна", "наука"]), Some(Status::Skipped), Some("by_hand")));
        assert_eq!(line.excerpt, "совсем другой текст");
        assert!(!store.set_tags(PostId(999), &words(&["x"]), MAX_ATTEMPTS).await.unwrap());
        let stats = store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap();
        assert_eq!((stats.stats_by_status.skipped, stats.posts_with_tags), (1, 1));
    }

    async fn posts_are_passed_over_one_by_one_or_all_that_fit_but_never_tagged_ones(db: Db) {
        let store = db.store().await;
        import(&store, 5).await;
        let held = claim_one(&store).await;
        let tagged = PostId(held.ref_id);
        assert!(store.finish(held.job, held.fence, &Finish::Tagged { tags: words(&["погода"]) }).await.unwrap());
        assert_eq!(store.skip(&everything(), Some(&[tagged])).await.unwrap(), 0);
        let first = PostFilter { query: Some("номер 3".to_owned()), ..everything() };
        assert_eq!(store.skip(&first, None).await.unwrap(), 1);
        assert_eq!(store.skip(&everything(), None).await.unwrap(), 4);
        let counts = store.stats(None, MAX_ATTEMPTS).await.unwrap().unwrap().stats_by_status;
        assert_eq!((counts.skipped, counts.success, counts.pending), (4, 1, 0));
    }

    async fn posts_are_found_by_a_model_that_was_asked_about_them(db: Db) {
        let store = db.store().await;
        import(&store, 3).await;
        let held = claim_one(&store).await;
        let call = NewCall {
            job: held.job,
            post: PostId(held.ref_id),
            worker: "w1".to_owned(),
            pass: 1,
            model: ModelKey { provider: "openrouter".to_owned(), model: "meta/Llama-4:free".to_owned() },
            reserve_micros: 0,
            why: None,
        };
        store.reserve_call(&call, &CallLimits::default()).await.unwrap();
        let by = |model: &str| PostFilter { model: Some(model.to_owned()), ..everything() };
        let found = store.posts(&by("llama-4"), None, 9).await.unwrap();
        assert_eq!(found.iter().map(|line| line.id.0).collect::<Vec<_>>(), [held.ref_id]);
        assert_eq!(store.count(&by("router/meta")).await.unwrap(), 1);
        assert!(store.posts(&by("gemini"), None, 9).await.unwrap().is_empty());
    }

    async fn images_are_listed_page_by_page_and_read_again_when_they_had_failed(db: Db) {
        let store = db.store().await;
        let image = |n: u32| NewImage { path: format!("/scans/Счёт {n}.png"), sha256: format!("{n:02}") };
        store.submit(&(0..7).map(image).collect::<Vec<_>>(), MAX_ATTEMPTS).await.unwrap();
        let held = store.claim(JobKind::Ocr, "w1", 2, LEASE).await.unwrap();
        let bad = Finish::Failed { class: "not_an_image".to_owned(), reason: "no".to_owned() };
        assert!(store.finish(held[0].job, held[0].fence, &bad).await.unwrap());

        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = store.images(&ImageFilter::default(), after, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(ImageKey { updated_at: last.updated_at, id: last.id });
            seen.extend(page);
        }
        assert_eq!(seen.len(), 7);
        assert!(seen.is_sorted_by(|a, b| (a.updated_at, a.id) > (b.updated_at, b.id)));
        assert_eq!(seen.iter().filter(|line| line.leased).count(), 1);
        let search = ImageFilter { query: Some("СЧЁТ 5".to_owned()), ..ImageFilter::default() };
        assert_eq!(store.images(&search, None, 9).await.unwrap().len(), 1);
        let failed = ImageFilter { statuses: vec![Status::Failed], class: Some("not_an_image".to_owned()), query: None };
        let line = store.images(&failed, None, 9).await.unwrap().remove(0);
        assert_eq!((line.post, line.error.as_deref()), (None, Some("no")));

        let others: Vec<_> = seen.iter().map(|line| line.id).collect();
        assert_eq!(store.reread(&others).await.unwrap(), 1, "only what had failed; the one being read is left alone");
        let known = store.reading(line.id).await.unwrap().unwrap();
        assert_eq!((known.line.status, known.line.attempts, known.read), (Status::Pending, 0, None));
    }
}

//! Images that belong to no post: taken once by path, read like any other, their documents enqueued for upload once by content.
//! What reads them and where they are stored is tested elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;

use std::time::Duration;

use databases::{Db, LEASE, MAX_ATTEMPTS, USER, post};
use tagdeck::domain::{JobKind, OutputState, Status};
use tagdeck::store::{Finish, NewDocument, NewImage, NewOutput, Stored, Submitted, Topic};

fn image(path: &str, sha256: &str) -> NewImage {
    NewImage { path: path.to_owned(), sha256: sha256.to_owned() }
}

fn document(sha256: &str) -> NewDocument {
    NewDocument {
        sha256: sha256.to_owned(), text: "тест".to_owned(), markdown: "# тест".to_owned(), json: "{}".to_owned()
    }
}

fn output(key: &str) -> NewOutput {
    NewOutput { source: "a.png".to_owned(), key: key.to_owned() }
}

fn failed() -> Finish {
    Finish::Failed { class: "bad_image".to_owned(), reason: "no image".to_owned() }
}

on_both! {
    async fn an_image_is_taken_once_by_its_path_and_again_when_it_failed_or_changed(db: Db) {
        let store = db.store().await;
        let first = store.submit(&[image("/a.png", "aa"), image("/b.png", "bb"), image("/a.png", "aa")], MAX_ATTEMPTS).await.unwrap();
        assert_eq!(first.iter().map(|(_, came)| *came).collect::<Vec<_>>(), [Submitted::New, Submitted::New, Submitted::Waiting]);
        assert_eq!(first[0].0, first[2].0);
        let claims = store.claim(JobKind::Ocr, "w1", 9, LEASE).await.unwrap();
        assert_eq!(claims.iter().map(|claim| (claim.post, claim.image.as_deref())).collect::<Vec<_>>(), [(None, Some("/a.png")), (None, Some("/b.png"))]);
        assert!(store.finish_ocr(claims[0].job, claims[0].fence, &document("aa"), None).await.unwrap());
        assert!(store.finish(claims[1].job, claims[1].fence, &failed()).await.unwrap());

        let again = store.submit(&[image("/a.png", "aa"), image("/b.png", "bb"), image("/a.png", "a2")], MAX_ATTEMPTS).await.unwrap();
        assert_eq!(again.iter().map(|(_, came)| *came).collect::<Vec<_>>(), [Submitted::Read, Submitted::Again, Submitted::New]);
        assert_eq!((again[0].0, again[1].0), (first[0].0, first[1].0));
        assert_ne!(again[2].0, first[0].0, "what stood in the file before is kept");
        let detail = store.image(first[0].0).await.unwrap().unwrap();
        assert_eq!((detail.status, detail.sha256.as_deref(), detail.key), (Some(Status::Success), Some("aa"), None));
        assert_eq!(store.document(first[0].0).await.unwrap().unwrap().markdown, "# тест");
        assert_eq!(store.claim(JobKind::Ocr, "w1", 9, LEASE).await.unwrap().len(), 2);
    }

    async fn a_content_is_enqueued_for_upload_once_under_the_key_it_got_first(db: Db) {
        let store = db.store().await;
        let mut with_image = post(1, "подпись");
        with_image.images = vec!["/c.png".to_owned()];
        store.import(USER, &[with_image], Duration::ZERO, MAX_ATTEMPTS).await.unwrap();
        store.submit(&[image("/a.png", "aa"), image("/b.png", "aa")], MAX_ATTEMPTS).await.unwrap();
        let claims = store.claim(JobKind::Ocr, "w1", 9, LEASE).await.unwrap();
        for (n, claim) in claims.iter().enumerate() {
            let key = format!("ocr-results/2026/11/2{n}/a-aa");
            if n == 0 {
                assert!(store.finish_ocr(claim.job, claim.fence, &document("aa"), Some(&output(&key))).await.unwrap());
            } else {
                store.reuse_document(claim.job, claim.fence, "aa", Some(&output(&key))).await.unwrap();
            }
        }
        let uploads = store.claim_uploads("w1", 9, LEASE).await.unwrap();
        assert_eq!(uploads.iter().map(|upload| upload.key.as_str()).collect::<Vec<_>>(), ["ocr-results/2026/11/20/a-aa"]);
        let waiting = store.waiting_uploads().await.unwrap();
        assert_eq!((waiting.documents, waiting.bytes), (1, "# тест".len() as i64 + 2));
        assert_eq!(store.claim_upload(uploads[0].output, "w2", LEASE).await.unwrap(), None, "somebody is at it");

        let stored = Stored { place: "here".to_owned(), md_sha256: "m".to_owned(), json_sha256: "j".to_owned() };
        db.pass_time(LEASE * 2).await;
        let second = store.claim_uploads("w2", 9, LEASE).await.unwrap();
        assert!(!store.finish_upload(uploads[0].job, uploads[0].fence, &stored).await.unwrap(), "its lease is over");
        assert!(store.finish_upload(second[0].job, second[0].fence, &stored).await.unwrap());
        let output = store.output_of("aa").await.unwrap().unwrap();
        assert_eq!((output.state, output.place.as_deref()), (OutputState::Stored, Some("here")));
        assert_eq!((store.waiting_uploads().await.unwrap().documents, store.output_counts().await.unwrap()), (0, (1, 0)));
        // Kept anew on another day, it goes nowhere else.
        store.keep_document("/d.png", &document("aa"), Some(&self::output("ocr-results/2027/01/01/d-aa")), MAX_ATTEMPTS).await.unwrap();
        assert!(store.claim_uploads("w1", 9, LEASE).await.unwrap().is_empty());
    }

    async fn no_number_of_crashes_gives_an_upload_up(db: Db) {
        let store = db.store().await;
        store.keep_document("/a.png", &document("aa"), Some(&output("k")), MAX_ATTEMPTS).await.unwrap();
        for _ in 0..30 {
            assert_eq!(store.claim_uploads("dead", 9, LEASE).await.unwrap().len(), 1);
            db.pass_time(LEASE * 2).await;
        }
    }

    async fn uploads_are_claimed_by_age_whatever_was_put_off(db: Db) {
        let store = db.store().await;
        for n in 0..4 {
            store.keep_document(&format!("/{n}.png"), &document(&format!("a{n}")), Some(&output(&format!("k{n}"))), MAX_ATTEMPTS).await.unwrap();
        }
        let first = store.claim_uploads("w1", 2, LEASE).await.unwrap();
        for upload in &first {
            let finish = Finish::PutOff { class: "network".to_owned(), reason: "no route".to_owned(), after: LEASE };
            assert!(store.finish(upload.job, upload.fence, &finish).await.unwrap());
        }
        assert_eq!(store.claim_uploads("w1", 1, LEASE).await.unwrap()[0].key, "k2");
        assert_eq!(store.uploads_due_now().await.unwrap(), 2);
        let keys: Vec<_> = store.claim_uploads("w1", 9, LEASE).await.unwrap().into_iter().map(|upload| upload.key).collect();
        assert_eq!(keys, ["k0", "k1", "k3"]);
    }

    async fn documents_read_while_nothing_was_stored_are_enqueued_later(db: Db) {
        let store = db.store().await;
        for n in 0..3 {
            store.keep_document(&format!("/{n}.png"), &document(&format!("a{}", n % 2)), None, MAX_ATTEMPTS).await.unwrap();
        }
        let name = |path: &str, sha256: &str| NewOutput { source: path.to_owned(), key: format!("k-{sha256}") };
        // Each time there is something to do, whoever waits for uploads hears of it.
        let news = store.news();
        let mut heard = *news.borrow();
        let mut told = || {
            let before = std::mem::replace(&mut heard, *news.borrow());
            heard.since(before, Topic::Work)
        };
        let (last, enqueued) = store.enqueue_missing_uploads(0, name).await.unwrap().unwrap();
        assert_eq!(enqueued, 2, "one for each content");
        assert!(told());
        assert!(store.enqueue_missing_uploads(last, name).await.unwrap().is_none());
        assert!(store.enqueue_missing_uploads(0, name).await.unwrap().is_none());
        let upload = store.claim_uploads("w1", 1, LEASE).await.unwrap().remove(0);
        assert!(store.finish(upload.job, upload.fence, &failed()).await.unwrap());
        assert_eq!(store.output_of("a0").await.unwrap().unwrap().state, OutputState::Failed);
        told();
        assert_eq!((store.retry_failed_uploads().await.unwrap(), told()), (1, true));
        assert_eq!((store.retry_failed_uploads().await.unwrap(), told()), (0, false));
        assert_eq!((store.upload_again(&["a1".to_owned(), "none".to_owned()]).await.unwrap(), told()), (1, true));
        assert_eq!(store.claim_uploads("w1", 9, LEASE).await.unwrap().len(), 2);
    }

    async fn an_upload_whose_document_is_gone_ends_without_a_trace(db: Db) {
        let store = db.store().await;
        store.keep_document("/a.png", &document("aa"), Some(&output("k")), MAX_ATTEMPTS).await.unwrap();
        db.run("DELETE FROM documents").await;
        let upload = store.claim_uploads("w1", 9, LEASE).await.unwrap().remove(0);
        assert_eq!(store.document_of("aa").await.unwrap(), None);
        assert!(store.drop_upload(upload.job, upload.fence).await.unwrap());
        assert_eq!(store.output_of("aa").await.unwrap(), None);
        assert!(store.outlook(JobKind::Upload).await.unwrap().is_idle());
    }
}

//! Posts with images: how long they wait for the recognised text, when they do not, and that it reaches the model.
//! No image is read here: the test plays the OCR worker through the store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/chat_server.rs"]
mod chat_server;
#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/postgres.rs"]
mod postgres;

use std::time::{Duration, Instant};

use chat_server::{Answer, ChatServer};
use databases::{Db, LEASE};
use engines::{config, count, import, posts, provider, start, stop, until};
use tagdeck::config::Config;
use tagdeck::domain::{JobKind, NewPost, Status};
use tagdeck::store::{Finish, NewDocument, Store};

const LONG: Duration = Duration::from_mins(10);

fn photos(message_id: i64, caption: &str, images: &[&str]) -> NewPost {
    NewPost { images: images.iter().map(ToString::to_string).collect(), ..engines::post(message_id, caption) }
}

async fn server() -> ChatServer {
    ChatServer::start(|_| Answer::tags(&["погода"])).await
}

fn settings(db: &Db, server: &ChatServer) -> Config {
    config(&db.url, vec![provider("test", &server.base_url)], &["model"])
}

/// Says, as an OCR worker would, that images are being read.
async fn reader_is_alive(store: &Store) {
    store.heartbeat("reader:1", &[JobKind::Ocr], "0").await.unwrap();
}

/// Reads one image.
async fn read(store: &Store, text: Result<&str, &str>) {
    let claim = store.claim(JobKind::Ocr, "reader:1", 1, LEASE).await.unwrap().pop().unwrap();
    let kept = match text {
        Ok(text) => {
            let document = NewDocument {
                sha256: format!("{:064x}", claim.job.0),
                text: text.to_owned(),
                markdown: text.to_owned(),
                json: "{}".to_owned(),
            };
            store.finish_ocr(claim.job, claim.fence, &document, None).await
        }
        Err(reason) => {
            let finish = Finish::Failed { class: "bad_image".to_owned(), reason: reason.to_owned() };
            store.finish(claim.job, claim.fence, &finish).await
        }
    };
    assert!(kept.unwrap());
}

on_both! {
    async fn a_post_is_tagged_on_its_caption_and_the_text_of_all_its_images(db: Db) {
        let server = server().await;
        let store = db.store().await;
        reader_is_alive(&store).await;
        import(&store, &[photos(1, "Подпись под снимком", &["a.png", "b.png"])], LONG).await;
        let engine = start(&store, &settings(&db, &server));
        read(&store, Ok("ВЫВЕСКА НА ДВЕРИ")).await;
        // A whole poll goes by with one image still unread.
        let since = Instant::now();
        until("a poll", || async { since.elapsed() > Duration::from_millis(1300) }).await;
        assert_eq!(server.count(), 0, "not before its last image is read");
        read(&store, Ok("ЦЕННИК В ВИТРИНЕ")).await;
        until("tags", || async { count(&store, Status::Success).await == 1 }).await;
        stop(engine).await;
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        for part in ["Подпись под снимком", "ВЫВЕСКА НА ДВЕРИ", "ЦЕННИК В ВИТРИНЕ"] {
            assert!(seen[0].prompt().contains(part), "{part} is not in {}", seen[0].prompt());
        }
    }

    async fn an_image_that_cannot_be_read_holds_no_post_back(db: Db) {
        let server = server().await;
        let store = db.store().await;
        reader_is_alive(&store).await;
        import(&store, &[photos(1, "Подпись под снимком", &["a.png"])], LONG).await;
        let engine = start(&store, &settings(&db, &server));
        read(&store, Err("not an image")).await;
        until("tags", || async { count(&store, Status::Success).await == 1 }).await;
        stop(engine).await;
    }

    async fn the_wait_for_images_ends_after_the_time_in_the_settings(db: Db) {
        let server = server().await;
        let store = db.store().await;
        reader_is_alive(&store).await;
        let posts_ = [photos(1, "Подпись под первым", &["a.png"]), photos(2, "Подпись под вторым", &["b.png"])];
        import(&store, &posts_[..1], Duration::from_millis(700)).await;
        import(&store, &posts_[1..], LONG).await;
        let imported = Instant::now();
        let engine = start(&store, &settings(&db, &server));
        until("tags", || async { count(&store, Status::Success).await == 1 }).await;
        assert!(imported.elapsed() > Duration::from_millis(500), "it did not wait");
        let all = posts(&store).await;
        assert_eq!(all[0].line.status, Some(Status::Success));
        assert_eq!((all[1].line.status, all[1].line.error_class.as_deref()), (Some(Status::Pending), Some("waiting_ocr")));
        stop(engine).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_wait_zero_or_no_worker_that_reads_images_nobody_waits() {
    for (wait, reader) in [(Duration::ZERO, true), (LONG, false)] {
        let (db, server) = (Db::sqlite(), server().await);
        let store = db.store().await;
        if reader {
            reader_is_alive(&store).await;
        }
        import(&store, &[photos(1, "Подпись под снимком", &["a.png"])], wait).await;
        let ended = engines::run_until_idle(&store, &settings(&db, &server)).await;
        assert_eq!(ended.totals.success, 1, "wait {wait:?}, a reader: {reader}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_without_a_caption_is_tagged_on_what_stands_in_it() {
    let (db, server) = (Db::sqlite(), server().await);
    let store = db.store().await;
    reader_is_alive(&store).await;
    import(&store, &[photos(1, "", &["a.png"]), photos(2, "", &["b.png"])], LONG).await;
    let engine = start(&store, &settings(&db, &server));
    read(&store, Ok("РАСПИСАНИЕ АВТОБУСОВ")).await;
    read(&store, Err("nothing in it")).await;
    until("an end", || async { count(&store, Status::Success).await + count(&store, Status::Skipped).await == 2 }).await;
    stop(engine).await;
    assert_eq!((server.count(), count(&store, Status::Success).await), (1, 1), "one of them has nothing to be tagged on");
    assert!(server.seen()[0].prompt().contains("РАСПИСАНИЕ АВТОБУСОВ"));
}

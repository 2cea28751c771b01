//! The engine reads images: what comes of each, what hangs, what is cancelled, what was read before, and what of it a post is tagged on.
//! The reader follows a script; real images are read in `images_are_read_from_import_to_document`.
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
#[path = "support/reading.rs"]
mod reading;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chat_server::{Answer, ChatServer};
use databases::{Db, LEASE};
use engines::{config, count, import, posts, provider, stop, until};
use reading::{Script, all_ended, images, photos, start, start_until_idle, told};
use tagdeck::config::Config;
use tagdeck::domain::{ImageId, JobKind, Status};
use tagdeck::engine::{Ended, Engine, Kinds};
use tagdeck::store::{Finish, NewDocument, Store};

const LONG: Duration = Duration::from_mins(10);
const READING: Kinds = Kinds { tag: false, ocr: true, upload: false };

async fn server() -> ChatServer {
    ChatServer::start(|_| Answer::tags(&["погода"])).await
}

fn settings(db: &Db, server: &ChatServer) -> Config {
    config(&db.url, vec![provider("test", &server.base_url)], &["model"])
}

fn reading_only(db: &Db) -> Config {
    config(&db.url, Vec::new(), &[])
}

async fn ended(engine: Engine) -> Ended {
    tokio::time::timeout(Duration::from_secs(20), engine.ended()).await.expect("the engine did not end")
}

async fn classes(store: &Store) -> Vec<(Option<Status>, Option<String>)> {
    images(store).await.into_iter().map(|image| (image.status, image.error_class)).collect()
}

fn document(text: &str) -> NewDocument {
    NewDocument { sha256: "00".repeat(32), text: text.to_owned(), markdown: text.to_owned(), json: "{}".to_owned() }
}

on_both! {
    async fn a_post_is_tagged_on_its_caption_and_what_was_read(db: Db) {
        let (server, folder, script) = (server().await, tempfile::tempdir().unwrap(), Script::new());
        let store = db.store().await;
        let post = photos(folder.path(), 1, "Подпись под снимком", &["slow:ВЫВЕСКА НА ДВЕРИ", "text:ЦЕННИК В ВИТРИНЕ"]);
        import(&store, &[post], LONG).await;
        let engine = start_until_idle(&store, &settings(&db, &server), &script, Kinds::ALL);
        let ended = ended(engine).await;
        assert_eq!((ended.ocr.success, ended.totals.success, ended.trouble), (2, 1, None));
        let seen = server.seen();
        assert_eq!(seen.len(), 1, "tagged once, after both were read");
        for part in ["Подпись под снимком", "ВЫВЕСКА НА ДВЕРИ", "ЦЕННИК В ВИТРИНЕ"] {
            assert!(seen[0].prompt().contains(part), "{part} is not in {}", seen[0].prompt());
        }
        let texts: Vec<_> = images(&store).await.into_iter().map(|image| image.text.unwrap()).collect();
        assert!(texts[0].contains("ВЫВЕСКА НА ДВЕРИ") && texts[1].contains("ЦЕННИК В ВИТРИНЕ"), "{texts:?}");
    }

    async fn a_post_passed_over_for_want_of_text_is_tagged_when_its_image_was_read(db: Db) {
        let (server, folder, script) = (server().await, tempfile::tempdir().unwrap(), Script::new());
        let store = db.store().await;
        import(&store, &[photos(folder.path(), 1, "", &["text:РАСПИСАНИЕ АВТОБУСОВ"])], Duration::ZERO).await;
        engines::run_until_idle(&store, &settings(&db, &server)).await;
        assert_eq!(count(&store, Status::Skipped).await, 1);
        ended(start_until_idle(&store, &settings(&db, &server), &script, Kinds::ALL)).await;
        assert_eq!(count(&store, Status::Success).await, 1);
        assert!(server.seen()[0].prompt().contains("РАСПИСАНИЕ АВТОБУСОВ"));
    }

    async fn the_end_of_a_reading_counts_only_under_its_own_fence(db: Db) {
        let (folder, store) = (tempfile::tempdir().unwrap(), db.store().await);
        import(&store, &[photos(folder.path(), 1, "Подпись", &["text:А"])], LONG).await;
        let first = store.claim(JobKind::Ocr, "w1", 1, LEASE).await.unwrap().pop().unwrap();
        db.pass_time(LEASE * 2).await;
        let second = store.claim(JobKind::Ocr, "w2", 1, LEASE).await.unwrap().pop().unwrap();
        assert_eq!(first.job, second.job);
        assert!(!store.finish_ocr(first.job, first.fence, &document("поздно"), None).await.unwrap());
        let failed = Finish::Failed { class: "bad_image".to_owned(), reason: "late".to_owned() };
        assert!(!store.finish(first.job, first.fence, &failed).await.unwrap());
        assert!(store.finish_ocr(second.job, second.fence, &document("вовремя"), None).await.unwrap());
        let image = images(&store).await.pop().unwrap();
        assert_eq!((image.status, image.text.as_deref()), (Some(Status::Success), Some("вовремя")));
    }

    async fn a_stuck_page_is_ended_and_reported_and_the_rest_goes_on(db: Db) {
        let (folder, store, script) = (tempfile::tempdir().unwrap(), db.store().await, Script::new());
        let contents = ["hang:1", "long:2", "text:3", "text:4", "text:5"];
        import(&store, &[photos(folder.path(), 1, "Подпись", &contents)], LONG).await;
        let engine = start(&store, &reading_only(&db), &script, READING);
        until("all are ended", || all_ended(&store)).await;
        let deadline = (Some(Status::Failed), Some("ocr_deadline".to_owned()));
        let read = (Some(Status::Success), None);
        assert_eq!(classes(&store).await, [deadline.clone(), deadline, read.clone(), read.clone(), read]);
        let error = images(&store).await[0].error.clone().unwrap();
        assert!(error.starts_with("1-0.png: it was stopped after 0 s at the stage \"recognise\""), "{error}");
        assert!(error.ends_with("its thread did not end and was given up"), "{error}");
        let stuck = "1-0.png: its thread is stuck at recognise of page 1";
        until("it is told which thread is stuck", || async { told(&engine).iter().any(|line| line.contains(stuck)) }).await;
        until("the thread is seen stuck", || async { engine.watch().borrow().ocr.stuck_threads == 1 }).await;
        // What comes back late changes nothing, and its thread ends.
        script.hang.store(false, Ordering::Relaxed);
        until("the thread is seen back", || async { engine.watch().borrow().ocr.stuck_threads == 0 }).await;
        let totals = stop(engine).await.ocr;
        assert_eq!((totals.success, totals.failed), (3, 2));
    }

    async fn an_image_whose_engine_was_killed_is_read_again_after_its_lease(db: Db) {
        let (folder, store, script) = (tempfile::tempdir().unwrap(), db.store().await, Script::new());
        import(&store, &[photos(folder.path(), 1, "Подпись", &["text:А"])], LONG).await;
        let dead = store.claim(JobKind::Ocr, "dead:1", 1, LEASE).await.unwrap().pop().unwrap();
        if !db.is_sqlite() {
            // Several engines share PostgreSQL: only the end of the lease tells that one is dead.
            let engine = start(&store, &reading_only(&db), &script, READING);
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            assert_eq!(script.begun(), 0, "its lease is not over");
            stop(engine).await;
            db.pass_time(LEASE * 2).await;
        }
        let ended = ended(start_until_idle(&store, &reading_only(&db), &script, READING)).await;
        assert_eq!((ended.ocr.success, script.begun()), (1, 1));
        assert!(!store.finish_ocr(dead.job, dead.fence, &document("поздно"), None).await.unwrap());
    }

    async fn the_same_content_is_read_once_wherever_it_lies(db: Db) {
        let (server, script) = (server().await, Script::new());
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = db.store().await;
        let same = "slow:ОДНА И ТА ЖЕ ВЫВЕСКА";
        let two = [photos(folder.path(), 1, "Первая подпись", &[same]), photos(folder.path(), 2, "Вторая подпись", &[same])];
        import(&store, &two, LONG).await;
        // The export again, from another folder: the post has the photo twice.
        import(&store, &[photos(other.path(), 1, "Первая подпись", &[same])], LONG).await;
        let first = ended(start_until_idle(&store, &settings(&db, &server), &script, Kinds::ALL)).await;
        assert_eq!((first.ocr.success, script.begun()), (3, 1));
        for seen in server.seen() {
            assert_eq!(seen.prompt().matches("ОДНА И ТА ЖЕ ВЫВЕСКА").count(), 1, "{}", seen.prompt());
        }
        import(&store, &[photos(other.path(), 3, "Третья подпись", &[same])], LONG).await;
        let later = ended(start_until_idle(&store, &settings(&db, &server), &script, Kinds::ALL)).await;
        assert_eq!((later.ocr.success, script.begun()), (1, 1), "a document is kept from the run before");
        assert!(images(&store).await.iter().all(|image| image.text.as_deref().is_some_and(|text| text.contains("ВЫВЕСКА"))));
    }

    async fn a_reading_can_be_cancelled_before_and_while_it_runs(db: Db) {
        let (server, folder, script) = (server().await, tempfile::tempdir().unwrap(), Script::new());
        let store = db.store().await;
        import(&store, &[photos(folder.path(), 1, "Подпись под снимком", &["text:1", "long:2"])], LONG).await;
        let all = images(&store).await;
        assert!(store.cancel_ocr(all[0].id).await.unwrap());
        assert!(!store.cancel_ocr(all[0].id).await.unwrap(), "it has ended");
        assert!(!store.cancel_ocr(ImageId(999_999)).await.unwrap());
        let mut setup = reading::setup(&script);
        setup.page_timeout = LONG;
        let options = tagdeck::engine::Options::default();
        let engine = Engine::start_with(store.clone(), &settings(&db, &server), options, setup);
        until("the second is read", || async { script.begun() == 1 }).await;
        assert!(store.cancel_ocr(all[1].id).await.unwrap());
        until("the post is tagged without them", || async { count(&store, Status::Success).await == 1 }).await;
        let cancelled = (Some(Status::Skipped), Some("cancelled".to_owned()));
        assert_eq!(classes(&store).await, [cancelled.clone(), cancelled]);
        assert_eq!(stop(engine).await.ocr.skipped, 1);
    }

    async fn each_failure_names_its_file_and_a_bad_one_is_not_tried_again(db: Db) {
        let (folder, store, script) = (tempfile::tempdir().unwrap(), db.store().await, Script::new());
        let post = photos(folder.path(), 1, "Подпись", &["nonsense", "text:2", "flaky:3", "panic:4", "text:5"]);
        std::fs::remove_file(&post.images[1]).unwrap();
        import(&store, &[post], LONG).await;
        // Printing a panic takes its time on a busy machine.
        let setup = tagdeck::engine::reader::Setup { page_timeout: LONG, ..reading::setup(&script) };
        let options =
            tagdeck::engine::Options { kinds: READING, until_idle: Some(Duration::from_mins(2)), ..tagdeck::engine::Options::default() };
        let ended = ended(Engine::start_with(store.clone(), &reading_only(&db), options, setup)).await;
        assert_eq!((ended.ocr.success, ended.ocr.failed, ended.ocr.skipped), (2, 3, 0));
        let failed = |class: &str| (Some(Status::Failed), Some(class.to_owned()));
        let read = (Some(Status::Success), None);
        assert_eq!(
            classes(&store).await,
            [failed("bad_image"), failed("image_missing"), read.clone(), failed("ocr_failed"), read]
        );
        for (n, image) in images(&store).await.iter().enumerate() {
            assert!(image.error.as_ref().is_none_or(|error| error.starts_with(&format!("1-{n}.png: "))), "{image:?}");
        }
        assert_eq!(script.read.lock().unwrap().iter().filter(|content| *content == "nonsense").count(), 1);
    }

    async fn an_engine_that_cannot_read_says_why_burns_no_attempt_and_keeps_no_post_waiting(db: Db) {
        let (server, folder, script) = (server().await, tempfile::tempdir().unwrap(), Script::new());
        script.broken.store(true, Ordering::Relaxed);
        let store = db.store().await;
        import(&store, &[photos(folder.path(), 1, "Подпись под снимком", &["text:1", "text:2", "text:3"])], LONG).await;
        let ended = ended(start_until_idle(&store, &settings(&db, &server), &script, Kinds::ALL)).await;
        assert_eq!(ended.trouble.as_deref(), Some("the OCR engine cannot start: no library for this test"));
        assert_eq!((ended.totals.success, ended.ocr.failed), (1, 0));
        assert_eq!(db.text("SELECT CAST(MAX(attempts) AS TEXT) FROM jobs WHERE kind = 'ocr'").await.as_deref(), Some("0"));
        assert!(images(&store).await.iter().all(|image| image.status == Some(Status::Pending)));
    }

    async fn images_are_read_together_where_the_reader_wants_that(db: Db) {
        let (folder, store, script) = (tempfile::tempdir().unwrap(), db.store().await, Script::new());
        let contents: Vec<String> = (0..12).map(|n| if n == 7 { "nonsense".to_owned() } else { format!("slow:{n}") }).collect();
        let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
        import(&store, &[photos(folder.path(), 1, "Подпись", &contents)], LONG).await;
        script.at_once.store(4, Ordering::Relaxed);
        let setup = tagdeck::engine::reader::Setup { workers: 1, page_timeout: LONG, ..reading::setup(&script) };
        let options = tagdeck::engine::Options { kinds: READING, ..tagdeck::engine::Options::default() };
        let engine = Engine::start_with(store.clone(), &reading_only(&db), options, setup);
        until("all are ended", || all_ended(&store)).await;
        let totals = stop(engine).await.ocr;
        assert_eq!((totals.success, totals.failed), (11, 1), "a bad image costs its neighbours nothing");
        assert_eq!(classes(&store).await[7], (Some(Status::Failed), Some("bad_image".to_owned())));
        for (n, image) in images(&store).await.iter().enumerate().filter(|(n, _)| *n != 7) {
            assert_eq!(image.text.as_deref().map(str::trim), Some(n.to_string().as_str()), "each has its own text");
        }
        let groups = script.groups.lock().unwrap().clone();
        assert_eq!((groups[0], groups.iter().sum::<usize>()), (1, 12), "nothing is known of the reader before its first image");
        assert!(groups.iter().any(|group| *group > 1) && groups.iter().all(|group| *group <= 4), "{groups:?}");
    }

    async fn a_page_that_is_nearly_done_is_finished_after_a_stop(db: Db) {
        let (folder, store, script) = (tempfile::tempdir().unwrap(), db.store().await, Script::new());
        import(&store, &[photos(folder.path(), 1, "Подпись", &["slow:1", "slow:2", "slow:3", "slow:4", "slow:5"])], LONG).await;
        let engine = start(&store, &reading_only(&db), &script, READING);
        until("two are being read", || async { script.begun() == 2 }).await;
        let ended = stop(engine).await;
        assert_eq!((ended.ocr.success, ended.ocr_left.due, script.begun()), (2, 3, 2), "what had begun, and nothing else");
        assert_eq!(db.text("SELECT COUNT(*) || '' FROM jobs WHERE kind = 'ocr' AND owner IS NOT NULL").await.as_deref(), Some("0"));
    }

    async fn a_stop_gives_back_what_is_being_read(db: Db) {
        let (folder, store, script) = (tempfile::tempdir().unwrap(), db.store().await, Script::new());
        import(&store, &[photos(folder.path(), 1, "Подпись", &["hang:1", "long:2", "long:3"])], LONG).await;
        let mut setup = reading::setup(&script);
        setup.page_timeout = LONG;
        let options = tagdeck::engine::Options { kinds: READING, ..tagdeck::engine::Options::default() };
        let engine = Engine::start_with(store.clone(), &reading_only(&db), options, setup);
        until("two are being read", || async { script.begun() == 2 }).await;
        until("it shows", || async { engine.watch().borrow().ocr.busy.len() == 2 }).await;
        let since = Instant::now();
        let ended = stop(engine).await;
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
        assert_eq!((ended.ocr.failed, ended.ocr_left.due, ended.trouble), (0, 3, None));
        assert_eq!(db.text("SELECT COUNT(*) || '' FROM jobs WHERE kind = 'ocr' AND (owner IS NOT NULL OR attempts > 0)").await.as_deref(), Some("0"));
        script.hang.store(false, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_loaded_where_there_is_no_image_and_little_is_told_where_there_is() {
    let (db, server, script) = (Db::sqlite(), server().await, Script::new());
    let (store, folder) = (db.store().await, tempfile::tempdir().unwrap());
    engines::import_plain(&store, 3).await;
    let first = ended(start_until_idle(&store, &settings(&db, &server), &script, Kinds::ALL)).await;
    assert_eq!((first.totals.success, script.opened.load(Ordering::Relaxed)), (3, 0));
    import(&store, &[photos(folder.path(), 9, "Подпись", &["text:СЛОВО"])], LONG).await;
    let engine = start(&store, &reading_only(&db), &script, READING);
    until("it is read", || all_ended(&store)).await;
    until("it is told", || async { told(&engine).iter().any(|line| line.starts_with("ocr_done")) }).await;
    let lines: Vec<String> = told(&engine).into_iter().filter(|line| line.starts_with("ocr_")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "ocr_start 9-0.png · 1 KB");
    assert!(lines[1].starts_with("ocr_done 9-0.png · ") && lines[1].ends_with(" characters"), "{lines:?}");
    until("the numbers", || async {
        let ocr = engine.watch().borrow().ocr.clone();
        ocr.counts.success == 1 && ocr.provider.as_deref() == Some("cpu") && ocr.busy.is_empty()
    })
    .await;
    stop(engine).await;
    assert_eq!(posts(&store).await.len(), 4);
}

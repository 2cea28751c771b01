//! A whole database is copied into one of the other kind and back: every row, or none.
//! What a bot's database looks like before and after is tested in `store_legacy.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/program.rs"]
mod program;

use std::time::Duration;

use databases::{Db, MAX_ATTEMPTS, claim, everything, import, post};
use program::{Home, json_lines, text};
use tagdeck::domain::{JobKind, ModelKey, Outcome};
use tagdeck::store::{CallEnd, CallLimits, Copied, Finish, NewCall, NewDocument, NewOutput, Reserved, Store, StoreError};

/// Posts in every state, a call with a body that is no text, a document, a lease that nobody gave back.
async fn fill(db: &Db) {
    let store = db.store().await;
    import(&store, 450).await;
    let mut with_image = post(900, "с картинкой «ёлка» \u{1f384}");
    with_image.images = vec!["photos/ёлка.jpg".to_owned()];
    store.import(databases::USER, &[with_image], Duration::ZERO, MAX_ATTEMPTS).await.unwrap();
    let image = store.claim(JobKind::Ocr, "w1", 1, databases::LEASE).await.unwrap().pop().unwrap();
    let document =
        NewDocument {
            sha256: "ab".repeat(32), text: "текст".to_owned(), markdown: "# текст".to_owned(), json: "{}".to_owned()
        };
    let output = NewOutput { source: "ёлка.jpg".to_owned(), key: "ocr-results/2026/11/22/ёлка-abababababab".to_owned() };
    assert!(store.finish_ocr(image.job, image.fence, &document, Some(&output)).await.unwrap());
    for (at, claim) in claim(&store, 40).await.into_iter().enumerate() {
        let call = NewCall {
            job: claim.job,
            post: claim.post.unwrap(),
            worker: "w1".to_owned(),
            pass: 1,
            model: ModelKey { provider: "openrouter".to_owned(), model: "m:free".to_owned() },
            reserve_micros: 12,
            why: None,
        };
        let Reserved::Sent(id) = store.reserve_call(&call, &CallLimits::default()).await.unwrap() else {
            panic!("no limit is set")
        };
        let end = CallEnd {
            outcome: Outcome::Success,
            http_status: Some(200),
            elapsed_ms: 5,
            prompt_tokens: Some(1),
            completion_tokens: None,
            cost_micros: Some(3),
            request_id: None,
            body: Some(vec![0, 255, at as u8, b'"']),
            reason: Some("a 'quoted' \"reason\"".to_owned()),
            headers: std::collections::BTreeMap::default(),
        };
        store.end_call(id, &end).await.unwrap();
        let finish = match at % 4 {
            0 => Finish::Tagged { tags: vec!["кот".to_owned(), "\"кавычки\"".to_owned()] },
            1 => Finish::Failed { class: "timeout".to_owned(), reason: "никто не ответил".to_owned() },
            2 => Finish::Skipped { class: "no_topic".to_owned(), reason: "нет темы".to_owned() },
            // Left leased.
            _ => continue,
        };
        assert!(store.finish(claim.job, claim.fence, &finish).await.unwrap());
    }
}

fn rows(copied: &[Copied], table: &str) -> u64 {
    copied.iter().find(|copied| copied.table == table).unwrap().rows
}

on_both! {
    async fn a_database_arrives_whole_in_either_kind_and_works_there(db: Db) {
        fill(&db).await;
        let before = db.store().await.stats(None, MAX_ATTEMPTS).await.unwrap();
        let mut targets = vec![Db::sqlite()];
        targets.extend(Db::postgres().await);
        for target in targets {
            let mut told = 0;
            let copied = Store::copy(&db.url, &target.url, &mut |_, _| told += 1).await.unwrap();
            assert_eq!((rows(&copied, "posts"), rows(&copied, "documents"), rows(&copied, "job_calls")), (451, 1, 40));
            assert!(told >= 6, "told {told} times");
            let back = Db::sqlite();
            assert_eq!(Store::copy(&target.url, &back.url, &mut |_, _| {}).await.unwrap(), copied, "the way back gives the same hashes");
            let store = target.store().await;
            assert_eq!(store.stats(None, MAX_ATTEMPTS).await.unwrap(), before);
            // Ids go on behind those that came along, and what is due is due.
            import_one(&store).await;
            assert_eq!(store.count(&everything()).await.unwrap(), 452);
            assert!(claim(&store, 500).await.len() > 400);
            assert_eq!(store.adopt(MAX_ATTEMPTS).await.unwrap(), 0, "no post came without its job");
        }
    }

    async fn a_database_that_holds_something_is_not_copied_over(db: Db) {
        import(&db.store().await, 3).await;
        let other = Db::sqlite();
        import(&other.store().await, 1).await;
        let error = Store::copy(&db.url, &other.url, &mut |_, _| {}).await.unwrap_err();
        assert!(matches!(error, StoreError::NotEmpty { .. }), "{error}");
        assert_eq!(other.store().await.count(&everything()).await.unwrap(), 1);
    }

    async fn a_database_with_an_engine_at_work_is_not_copied(db: Db) {
        let store = db.store().await;
        import(&store, 1).await;
        store.heartbeat("somebody:7", &[JobKind::Tag], "0").await.unwrap();
        let other = Db::sqlite();
        let error = Store::copy(&db.url, &other.url, &mut |_, _| {}).await.unwrap_err();
        assert!(error.to_string().contains("somebody:7"), "{error}");
    }
}

async fn import_one(store: &Store) {
    store.import(databases::USER, &[post(5000, "новый пост после переезда")], Duration::ZERO, MAX_ATTEMPTS).await.unwrap();
}

#[test]
fn the_command_names_each_table_with_its_rows_and_what_to_do_next() {
    let home = Home::new();
    let posts = home.write("posts.jsonl", "{\"channel\": \"news\", \"message_id\": 1, \"text\": \"Пост о погоде\"}\n");
    home.ok(&["import", posts.to_str().unwrap()]);
    let (from, to) = (home.database(), format!("sqlite://{}", home.path().join("new.db").display()));
    let lines = json_lines(&home.ok(&["move", "--from", &from, "--to", &to, "--json"]));
    let posts = lines.iter().find(|line| line["table"] == "posts").unwrap();
    assert_eq!(posts["rows"], 1);
    assert!(home.ok(&["--database", &to, "posts"]).contains("Пост о погоде"));
    let again = home.run(&["move", "--from", &from, "--to", &to]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("already holds posts"), "{}", text(&again.stderr));
    let third = format!("sqlite://{}", home.path().join("third.db").display());
    let said = home.ok(&["move", "--from", &from, "--to", &third]);
    assert!(said.contains("equal on both sides") && said.contains(&format!("--database {third}")), "{said}");
    let missing = home.run(&["move", "--from", "sqlite://nowhere.db", "--to", &third]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(!home.path().join("nowhere.db").exists());
}

//! The trap of the original system: a retry budget spent on the first model meant that the fallbacks were never tried.
//! End to end through engine, store and HTTP; the state machine alone is tested in `route_always_advances.rs`.
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

use std::time::Duration;

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{config, import_plain, posts, provider, run_until_idle};
use tagdeck::domain::Outcome;

/// Ways in which a first model can use up every retry there is.
fn ways_to_fail() -> Vec<(&'static str, Answer, Outcome)> {
    vec![
        ("500", Answer::error(500, "Internal Server Error"), Outcome::ServerError),
        ("502 in 200", Answer::new(200, r#"{"error":{"message":"Upstream error","code":502}}"#), Outcome::ServerError),
        ("429", Answer::error(429, "slow down").header("Retry-After", 1), Outcome::RateLimited),
        ("empty", Answer::new(200, r#"{"choices":[]}"#), Outcome::EmptyAnswer),
        ("prose", Answer::new(200, r#"{"choices":[{"message":{"content":"What is it about?"}}]}"#), Outcome::NotTags),
        ("html", Answer::new(200, "<html>Just a moment…</html>"), Outcome::Html),
        ("404", Answer::error(404, "No endpoints found for first/model"), Outcome::ModelGone),
    ]
}

on_both! {
    async fn spent_retry_budget_still_tries_the_second_model(db: Db) {
        let mut dbs = vec![db];
        for (name, answer, outcome) in ways_to_fail() {
            let more = if dbs[0].is_sqlite() { Db::sqlite() } else { Db::postgres().await.unwrap() };
            dbs.push(more);
            let db = &dbs[dbs.len() - 1];
            let server = ChatServer::start(move |asked| {
                if asked.model == "first" { answer.clone() } else { Answer::tags(&["погода"]) }
            })
            .await;
            let store = db.store().await;
            import_plain(&store, 1).await;
            let mut config = config(&db.url, vec![provider("test", &server.base_url)], &["first", "second"]);
            // However many retries a model before the last one may have: a fallback is never one of them.
            (config.tagging.retries_before_fallback, config.tagging.max_retries) = (3, 3);
            let ended = run_until_idle(&store, &config).await;
            assert_eq!((ended.totals.success, ended.trouble), (1, None), "{name}");
            assert!(ended.totals.fallbacks >= 1, "{name}: {:?}", ended.totals);

            let asked = server.models_asked();
            assert_eq!(asked.last().map(String::as_str), Some("second"), "{name}: {asked:?}");
            assert_eq!(asked.iter().filter(|model| *model == "second").count(), 1, "{name}: {asked:?}");
            let post = posts(&store).await.remove(0);
            assert_eq!((post.line.tags.as_slice(), post.line.attempts), (&["погода".to_owned()][..], 1), "{name}");
            let told: Vec<_> = post.calls.iter().map(|call| (call.model.model.as_str(), call.outcome)).collect();
            assert_eq!(told.len(), asked.len(), "{name}: every request has its row");
            assert_eq!(told.last(), Some(&("second", Some(Outcome::Success))), "{name}");
            assert!(told[..told.len() - 1].iter().all(|call| *call == ("first", Some(outcome))), "{name}: {told:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_model_that_never_answers_keeps_the_second_from_nothing() {
    let server = ChatServer::start(|asked| match asked.model.as_str() {
        "first" => Answer::tags(&["поздно"]).after(Duration::from_secs(30)),
        _ => Answer::tags(&["погода"]),
    })
    .await;
    let db = Db::sqlite();
    let store = db.store().await;
    import_plain(&store, 1).await;
    let mut config = config(&db.url, vec![provider("test", &server.base_url)], &["first", "second"]);
    config.tagging.timeout = Duration::from_millis(150);
    let ended = run_until_idle(&store, &config).await;
    assert_eq!(ended.totals.success, 1);
    assert_eq!(server.models_asked(), ["first", "first", "second"]);
}

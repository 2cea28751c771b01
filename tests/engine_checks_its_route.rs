//! The route against the providers' lists: what is gone is named, `auto:` is filled in, a silent provider is trusted, nothing left is trouble.
//! How models are chosen and suggestions found is tested in `llm::route`.
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
#[path = "support/program.rs"]
mod program;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{config, import_plain, provider, start, stop, until};
use program::{Home, json_lines, text};
use tagdeck::config::{Provider, Secret};
use tagdeck::demo::server::{Faults, Server, Setup};
use tagdeck::domain::Phase;
use tagdeck::store::{Access, Store};

/// Runs an engine until it has tagged three posts; what it said about its route and the models it has.
async fn said(providers: Vec<Provider>, route: &[&str]) -> (Vec<String>, Vec<String>) {
    let db = Db::sqlite();
    let store = db.store().await;
    import_plain(&store, 3).await;
    let engine = start(&store, &config(&db.url, providers, route));
    let (watch, log) = (engine.watch(), engine.log());
    until("three posts", || async { watch.borrow().counts.success == 3 }).await;
    let models = watch.borrow().models.iter().map(|model| model.model.to_string()).collect();
    stop(engine).await;
    (log.since(0, 100).events.iter().map(|event| event.text.to_string()).collect(), models)
}

fn holds(said: &[String], part: &str) -> bool {
    said.iter().any(|line| line.contains(part))
}

async fn server() -> ChatServer {
    ChatServer::start(|_| Answer::tags(&["погода"])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_gone_is_named_with_what_is_near_to_it() {
    let server = server().await.list(&[("vendor/alpha-2", "0"), ("vendor/beta", "0")]);
    let (said, models) = said(vec![provider("test", &server.base_url)], &["vendor/alpha-1", "vendor/beta"]).await;
    assert!(holds(&said, "vendor/alpha-1 is not among its provider's models; near to it: vendor/alpha-2"), "{said:?}");
    assert_eq!(models, ["test/vendor/beta"]);
    assert!(server.models_asked().iter().all(|model| model == "vendor/beta"), "nobody pays for asking a model that is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auto_free_becomes_the_free_models_that_the_provider_lists() {
    let setup = Setup {
        key: "sk-test".to_owned(),
        faults: Faults::none(),
        answer: Arc::new(|_| vec!["погода".to_owned()]),
        count_file: None,
    };
    let server = Server::start(setup).await.unwrap();
    let (said, models) = said(vec![provider("test", &server.base_url())], &["auto:free"]).await;
    // Structured output first, then context.
    assert_eq!(models, ["test/demo/heron-7b:free", "test/demo/comet-mini:free", "test/demo/pebble-1b:free"]);
    assert!(holds(&said, "route: test/demo/heron-7b:free → "), "{said:?}");
    assert!(server.log().iter().all(|seen| &*seen.model == "demo/heron-7b:free"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_lists_nothing_is_taken_at_its_word_and_that_is_said() {
    let server = server().await;
    let (said, models) = said(vec![provider("test", &server.base_url)], &["vendor/any"]).await;
    assert!(holds(&said, "provider test: its list of models could not be read, the route is taken unchecked"), "{said:?}");
    assert_eq!(models, ["test/vendor/any"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_without_any_model_is_told_and_ends_a_run_with_exit_code_1() {
    let server = server().await.list(&[("vendor/alpha", "0.01")]);
    let home = Home::new();
    home.write(
        "config.toml",
        format!(
            "[tagging]\nroute = [\"vendor/gone\", \"auto:free\"]\n[[providers]]\nname = \"test\"\nbase_url = \"{}\"\nkey = \"sk\"\n",
            server.base_url
        ),
    );
    import_plain(&Store::open(&home.database(), Access::ReadWrite).await.unwrap(), 2).await;
    let started = Instant::now();
    let output = home.run(&["run", "--until-idle", "--json"]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    let expected = "the route (vendor/gone, auto:free) has no model: none of its entries exists";
    assert!(stderr.contains(expected), "{stderr}");
    assert_eq!(json_lines(&text(&output.stdout)).last().unwrap()["event"], "summary");
    assert_eq!(server.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_on_a_route_without_any_model_shows_why_and_waits() {
    let db = Db::sqlite();
    let store = db.store().await;
    import_plain(&store, 2).await;
    let server = server().await.list(&[("vendor/alpha", "0.01")]);
    let engine = start(&store, &config(&db.url, vec![provider("test", &server.base_url)], &["vendor/gone"]));
    let watch = engine.watch();
    until("a reason", || async {
        let seen = watch.borrow();
        seen.phase == Phase::Paused && seen.trouble.as_ref().is_some_and(|why| why.contains("has no model"))
    })
    .await;
    let ended = stop(engine).await;
    assert_eq!((ended.left.due, ended.left.leased), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_cannot_go_out_is_not_recorded_as_sent() {
    let db = Db::sqlite();
    let store = db.store().await;
    import_plain(&store, 1).await;
    let mut unusable = provider("test", "http://127.0.0.1:9/v1");
    unusable.headers.insert("x-team".to_owned(), Secret::new("two\nlines"));
    let engine = start(&store, &config(&db.url, vec![unusable], &["vendor/alpha", "local/keywords"]));
    let watch = engine.watch();
    until("the post", || async { watch.borrow().counts.success == 1 }).await;
    stop(engine).await;
    let calls = engines::posts(&store).await.remove(0).calls;
    assert_eq!(calls.iter().map(|call| call.model.to_string()).collect::<Vec<_>>(), ["local/keywords"]);
}

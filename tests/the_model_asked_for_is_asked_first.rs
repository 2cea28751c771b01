//! A post tagged anew with a model that a person asked for: that one is asked first and alone, the route only follows if it fails;
//! by whichever worker, after whatever restart, and of each call it is kept why its model was asked and what came back.
//! Single steps of a pass are tested in `route_follows_the_table.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/chat_server.rs"]
mod chat_server;
#[path = "support/databases.rs"]
#[macro_use]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/program.rs"]
mod program;

use std::time::Duration;

use chat_server::{Answer, ChatServer};
use databases::Db;
use engines::{config, import_plain, posts, provider, run_until_idle, start, stop, until};
use fleet::Fleet;
use program::Home;
use tagdeck::config::{Config, Secret};
use tagdeck::domain::{Outcome, Pause, PauseScope, PostId, Status, Turn, Unfit};
use tagdeck::ops::{Ops, OpsError};
use tagdeck::store::Store;
use tagdeck::text::Safe;

/// `broken` always fails, the others give their own name as a tag.
async fn server() -> ChatServer {
    ChatServer::start(|asked| match asked.model.as_str() {
        "broken" => Answer::error(502, "Upstream error from Nowhere"),
        "limited" => Answer::error(429, "slow down, sk-very-secret-key").header("retry-after", 3_600),
        name => Answer::tags(&[name]),
    })
    .await
}

fn ops(store: &Store, config: &Config) -> Ops {
    Ops::observing(store.clone(), &config.tagging).with_providers(&config.providers)
}

async fn one_tagged_post(db: &Db, config: &Config) -> (Store, PostId) {
    let store = db.store().await;
    import_plain(&store, 1).await;
    run_until_idle(&store, config).await;
    let id = posts(&store).await[0].line.id;
    (store, id)
}

on_both! {
    async fn it_gets_the_retries_of_a_model_that_is_alone_and_then_the_route_follows(db: Db) {
        let server = server().await;
        let config = config(&db.url, vec![provider("test", &server.base_url)], &["first", "broken"]);
        let (store, id) = one_tagged_post(&db, &config).await;
        let asked = ops(&store, &config).regenerate(id, Some("test/broken")).await.unwrap();
        assert_eq!(asked.unwrap().to_string(), "test/broken");
        assert_eq!(store.post(id).await.unwrap().unwrap().asked_model.unwrap().model, "broken");
        let engine = start(&store, &config);
        let log = engine.log();
        until("it is tagged again", || async { store.post(id).await.unwrap().unwrap().line.status == Some(Status::Success) }).await;
        stop(engine).await;
        assert_eq!(server.models_asked()[1..], ["broken", "broken", "broken", "broken", "first"]);
        let post = store.post(id).await.unwrap().unwrap();
        assert_eq!((post.asked_model, post.line.tags.as_slice()), (None, ["first".to_owned()].as_slice()));
        let turns: Vec<Turn> = post.calls[1..].iter().map(|call| call.why.as_ref().unwrap().turn).collect();
        assert_eq!(turns, [Turn::Asked, Turn::Retry, Turn::Retry, Turn::Retry, Turn::Fallback]);
        let fallback = post.calls[5].why.clone().unwrap();
        assert_eq!((fallback.from.unwrap().to_string(), fallback.after), ("test/broken".to_owned(), Some(Outcome::ServerError)));
        let told = log.since(0, 1000).events.into_iter().find(|event| event.text.contains("asked for by the operator"));
        assert_eq!(told.and_then(|event| event.model).as_deref(), Some("test/broken"));
    }

    async fn it_need_not_stand_in_the_route_and_another_pass_does_not_meet_it(db: Db) {
        let server = server().await;
        let providers = vec![provider("test", &server.base_url), provider("lan", &server.base_url)];
        let config = config(&db.url, providers, &["broken", "first"]);
        let store = db.store().await;
        import_plain(&store, 3).await;
        let ids: Vec<PostId> = posts(&store).await.iter().map(|post| post.line.id).collect();
        ops(&store, &config).regenerate(ids[1], Some("lan/org/elsewhere")).await.unwrap();
        run_until_idle(&store, &config).await;
        let all = posts(&store).await;
        let tags: Vec<&str> = all.iter().map(|post| post.line.tags[0].as_str()).collect();
        assert_eq!(tags, ["first", "org/elsewhere", "first"]);
        assert_eq!(all[1].calls.len(), 1);
        let asked = server.models_asked();
        assert_eq!(asked.iter().filter(|model| *model == "org/elsewhere").count(), 1, "{asked:?}");
    }

    async fn the_wish_outlives_the_engine_that_was_at_it(db: Db) {
        let server = ChatServer::start(|asked| match (asked.model.as_str(), asked.nth) {
            ("wanted", 1) => Answer::tags(&["поздно"]).after(Duration::from_mins(1)),
            (name, _) => Answer::tags(&[name]),
        })
        .await;
        let config = config(&db.url, vec![provider("test", &server.base_url)], &["first"]);
        let (store, id) = one_tagged_post(&db, &config).await;
        ops(&store, &config).regenerate(id, Some("wanted")).await.unwrap();
        let engine = start(&store, &config);
        until("it is being asked", || async { server.count() == 2 }).await;
        let stopper = engine.stopper();
        stopper.stop();
        stopper.stop();
        engine.ended().await;
        let store = db.store().await;
        assert_eq!(store.post(id).await.unwrap().unwrap().asked_model.unwrap().to_string(), "test/wanted");
        run_until_idle(&store, &config).await;
        assert_eq!(server.models_asked(), ["first", "wanted", "wanted"]);
        assert_eq!(store.post(id).await.unwrap().unwrap().line.tags, ["wanted"]);
    }

    async fn one_that_is_paused_leaves_it_to_the_route_which_says_so(db: Db) {
        let server = server().await;
        let config = config(&db.url, vec![provider("test", &server.base_url)], &["first"]);
        let (store, id) = one_tagged_post(&db, &config).await;
        ops(&store, &config).regenerate(id, Some("test/gift:free")).await.unwrap();
        let pause = Pause { scope: PauseScope::Free("test".to_owned()), until: None, reason: Safe::fixed("quota") };
        store.set_pause(&pause).await.unwrap();
        run_until_idle(&store, &config).await;
        let post = store.post(id).await.unwrap().unwrap();
        let why = post.calls[1].why.clone().unwrap();
        assert_eq!((why.turn, why.passed_over.len(), why.passed_over[0].because), (Turn::First, 1, Unfit::Paused));
        assert_eq!(why.passed_over[0].model.to_string(), "test/gift:free");
        assert_eq!(post.asked_model, None);
    }

    async fn it_is_asked_while_the_whole_route_is_paused_but_not_while_everything_is(db: Db) {
        let server = server().await;
        let config = config(&db.url, vec![provider("test", &server.base_url)], &["gift:free"]);
        let (store, id) = one_tagged_post(&db, &config).await;
        let pause = |scope| Pause { scope, until: None, reason: Safe::fixed("quota") };
        store.set_pause(&pause(PauseScope::Free("test".to_owned()))).await.unwrap();
        store.set_pause(&pause(PauseScope::All)).await.unwrap();
        import_plain(&store, 4).await;
        ops(&store, &config).regenerate(id, Some("test/paid")).await.unwrap();
        let engine = start(&store, &config);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(server.count(), 1, "everything is paused");
        ops(&store, &config).resume().await.unwrap();
        until("the paid model was asked", || async { server.count() == 2 }).await;
        until("it is tagged", || async { store.post(id).await.unwrap().unwrap().line.tags == ["paid"] }).await;
        stop(engine).await;
        assert_eq!(server.models_asked()[1], "paid");
        assert_eq!(engines::count(&store, Status::Pending).await, 3, "the others wait for the route");
    }

    async fn what_came_back_is_kept_with_the_headers_that_tell_and_without_the_key(db: Db) {
        let server = server().await;
        let mut limited = provider("test", &server.base_url);
        limited.key = Some(Secret::new("sk-very-secret-key"));
        let config = config(&db.url, vec![limited], &["limited", "first"]);
        let (store, id) = one_tagged_post(&db, &config).await;
        let calls = store.post(id).await.unwrap().unwrap().calls;
        let refused = store.answer(calls[0].id).await.unwrap().unwrap();
        let body = refused.body.clone().unwrap();
        assert!(body.contains("slow down") && !format!("{refused:?}").contains("very-secret"), "{refused:?}");
        assert_eq!(refused.headers.get("retry-after").map(String::as_str), Some("3600"));
        assert_eq!((refused.call.http_status, refused.post, refused.cut), (Some(429), id, false));
        let right = store.answer(calls[1].id).await.unwrap().unwrap();
        assert!(right.headers.is_empty() && right.body.unwrap().contains("first"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_names_no_model_is_refused_with_what_would_be_right() {
    let db = Db::sqlite();
    let server = server().await.list(&[("google/gemini-2.5-flash", "0.1"), ("qwen/qwen3:free", "0")]);
    let config = config(&db.url, vec![provider("test", &server.base_url)], &["google/gemini-2.5-flash"]);
    let (store, id) = one_tagged_post(&db, &config).await;
    let ops = ops(&store, &config);
    for (written, told) in [
        ("test/google/gemini-2.5-flsh", "near to it: test/google/gemini-2.5-flash"),
        ("nobody/model", "test does not list it"),
        ("auto:free", "stands for several models"),
        ("a model", "write PROVIDER/MODEL"),
        ("", "write PROVIDER/MODEL"),
        ("local/gemma", "local/keywords"),
        (&"m".repeat(301), "longer than 300 characters"),
    ] {
        let error = ops.regenerate(id, Some(written)).await.unwrap_err();
        assert!(matches!(error, OpsError::NoModel { .. }) && error.to_string().contains(told), "{written}: {error}");
    }
    assert_eq!(store.post(id).await.unwrap().unwrap().line.status, Some(Status::Success), "nothing was enqueued");
    let bare = Ops::observing(store.clone(), &config.tagging).regenerate(id, Some("m")).await.unwrap_err();
    assert!(bare.to_string().contains("no provider is in the settings"), "{bare}");
    let offered: Vec<(String, bool)> =
        ops.models().await.into_iter().map(|offered| (offered.model.to_string(), offered.in_route)).collect();
    assert_eq!(offered, [("test/google/gemini-2.5-flash".to_owned(), true), ("test/qwen/qwen3:free".to_owned(), false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_worker_of_a_fleet_gets_the_post_asks_it() {
    let Some(db) = Db::postgres().await else { return };
    let server = server().await;
    let store = db.store().await;
    import_plain(&store, 30).await;
    let mut fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, "concurrency = 2", ""));
    let ids: Vec<PostId> = posts(&store).await.iter().map(|post| post.line.id).collect();
    fleet.home().ok(&["regenerate", &ids[7].to_string(), "--model", "test/special", "--database", &db.url]);
    fleet.home().ok(&["regenerate", &ids[21].to_string(), "--model", "special", "--database", &db.url]);
    fleet.start_many(3);
    until("every post has tags", || async { engines::count(&store, Status::Success).await == 30 }).await;
    let special: Vec<PostId> =
        posts(&store).await.iter().filter(|post| post.line.tags == ["special"]).map(|post| post.line.id).collect();
    assert_eq!(special, [ids[7], ids[21]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_says_who_is_asked_first_and_shows_why_and_what_came_back() {
    let db = Db::sqlite();
    let server = server().await;
    let config = config(&db.url, vec![provider("test", &server.base_url)], &["first"]);
    let (store, id) = one_tagged_post(&db, &config).await;
    let home = Home::new();
    home.write("config.toml", format!("database = \"{}\"\n{}", db.url, Fleet::settings(&server.base_url, "", "")));
    let id_word = id.to_string();
    let said = home.ok(&["regenerate", &id_word, "--model", "limited"]);
    assert!(said.contains("test/limited is asked first"), "{said:?}");
    run_until_idle(&store, &config).await;
    let told = home.ok(&["post", &id_word, "--answers"]);
    for part in
        ["why: asked for by the operator", "why: in place of test/limited", "HTTP status 429", "retry-after: 3600", "slow down"]
    {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let refused = home.tagdeck(&["regenerate", &id_word, "--model", "auto:free"]).output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("several models"), "{refused:?}");
}

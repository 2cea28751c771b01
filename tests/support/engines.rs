//! Engines of this process on a test's database and server: settings in a hurry, and waiting for what must come.
//! It asserts nothing but that what must come does come in time.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tagdeck::config::{Api, Blob, Config, Log, Ocr, Provider, Secret, Tagging};
use tagdeck::domain::{NewPost, PostDetail, PostFilter, Status, UserId};
use tagdeck::engine::{Ended, Engine, Kinds, Options};
use tagdeck::store::Store;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_mins(1);

pub fn provider(name: &str, base_url: &str) -> Provider {
    Provider {
        name: name.to_owned(),
        base_url: base_url.to_owned(),
        key: Some(Secret::new("sk-test")),
        headers: BTreeMap::new(),
        requests_per_minute: None,
        requests_per_day: None,
        budget_micros_per_day: None,
    }
}

/// The settings of every day, in a hurry.
pub fn config(database: &str, providers: Vec<Provider>, route: &[&str]) -> Config {
    Config {
        file: None,
        data_dir: PathBuf::new(),
        database: Secret::new(database),
        log_level: "info".to_owned(),
        log: Log::default(),
        api: Api::default(),
        // Nothing is stored unless a test says where.
        blob: Blob { upload: false, ..Blob::default() },
        tagging: Tagging {
            route: route.iter().map(ToString::to_string).collect(),
            timeout: Duration::from_secs(5),
            retry_delay: Duration::from_millis(10),
            pass_delays: vec![Duration::from_millis(20)],
            vocabulary: false,
            ..Tagging::default()
        },
        ocr: Ocr::default(),
        ui: tagdeck::config::Ui::default(),
        providers,
    }
}

/// It tags and reads no image; `reading.rs` starts those that do.
const TAGGING: Kinds = Kinds { tag: true, ocr: false, upload: false };

pub fn start(store: &Store, config: &Config) -> Engine {
    Engine::start(store.clone(), config, Options { kinds: TAGGING, ..Options::default() })
}

/// Runs an engine until nothing falls due within two minutes.
pub async fn run_until_idle(store: &Store, config: &Config) -> Ended {
    let engine = Engine::start(
        store.clone(),
        config,
        Options { until_idle: Some(Duration::from_mins(2)), concurrency: None, kinds: TAGGING },
    );
    tokio::time::timeout(PATIENCE, engine.ended()).await.expect("the engine did not end")
}

pub async fn stop(engine: Engine) -> Ended {
    engine.stopper().stop();
    tokio::time::timeout(PATIENCE, engine.ended()).await.expect("the engine did not stop")
}

/// Looks every few milliseconds until the condition holds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

pub async fn count(store: &Store, status: Status) -> i64 {
    store.count(&PostFilter { status: Some(status), ..PostFilter::default() }).await.unwrap()
}

/// Every post with its history, by message id.
pub async fn posts(store: &Store) -> Vec<PostDetail> {
    let mut posts = Vec::new();
    for line in store.posts(&PostFilter::default(), None, 500).await.unwrap() {
        posts.push(store.post(line.id).await.unwrap().unwrap());
    }
    posts.sort_by_key(|post| post.line.id);
    posts
}

pub use super::databases::post;

pub async fn import(store: &Store, posts: &[NewPost], wait_for_ocr: Duration) {
    store.import(UserId(1), posts, wait_for_ocr, 5).await.unwrap();
}

/// So many posts, each with a text of its own.
pub async fn import_plain(store: &Store, count: i64) {
    let posts: Vec<_> = (1..=count).map(|n| post(n, &format!("Пост номер {n} о погоде на завтра"))).collect();
    import(store, &posts, Duration::ZERO).await;
}

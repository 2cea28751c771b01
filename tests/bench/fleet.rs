//! A fleet of real workers on one PostgreSQL, as long as it takes: how throughput grows with workers, two minutes of kill -9, twenty
//! seconds without the database, one limit a minute over all. `cargo bench --bench fleet`, or with the name of a part behind `--`.
//! The same in seconds, without figures: `tests/fleet_shares_the_work.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs, dead_code)]

#[path = "../support/chat_server.rs"]
mod chat_server;
#[path = "../support/databases.rs"]
mod databases;
#[path = "../support/fleet.rs"]
mod fleet;
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/program.rs"]
mod program;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chat_server::{Answer, ChatServer};
use databases::{Db, everything};
use fleet::Fleet;
use tagdeck::domain::{PostFilter, Status};
use tagdeck::store::Store;

const LATENCY: Duration = Duration::from_millis(200);
const CONCURRENCY: usize = 8;

#[tokio::main]
async fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    if wanted("scale") {
        scale().await;
    }
    if wanted("kill") {
        kill().await;
    }
    if wanted("minute") {
        minute().await;
    }
    if wanted("stop") {
        stop().await;
    }
}

/// When each request came, and about which post.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<Vec<(Instant, usize)>>>);

impl Arrivals {
    fn all(&self) -> Vec<(Instant, usize)> {
        self.0.lock().unwrap().clone()
    }

    fn posts(&self) -> HashMap<usize, usize> {
        let mut posts = HashMap::new();
        for (_, post) in self.all() {
            *posts.entry(post).or_default() += 1;
        }
        posts
    }
}

async fn server(latency: Duration) -> (ChatServer, Arrivals) {
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let server = ChatServer::start(move |asked| {
        let prompt = asked.prompt();
        let post = prompt.rsplit("Пост номер ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
        seen.0.lock().unwrap().push((Instant::now(), post));
        Answer::tags(&["погода"]).after(latency)
    })
    .await;
    (server, arrivals)
}

async fn done(store: &Store) -> usize {
    let success = PostFilter { status: Some(Status::Success), ..everything() };
    store.count(&success).await.unwrap_or_default() as usize
}

async fn until_done(store: &Store, posts: usize) {
    while done(store).await < posts {
        let failed = store.count(&PostFilter { status: Some(Status::Failed), ..everything() }).await.unwrap_or_default();
        assert_eq!(failed, 0, "given up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn begin(posts: usize, latency: Duration, provider: &str) -> (Db, Store, ChatServer, Arrivals, Fleet) {
    let db = Db::postgres().await.expect("PostgreSQL is not installed here");
    let store = db.store().await;
    databases::import(&store, posts as i64).await;
    let (server, arrivals) = server(latency).await;
    let tagging = format!("concurrency = {CONCURRENCY}\nbatch_size = 16");
    let fleet = Fleet::new(&db.url, &Fleet::settings(&server.base_url, &tagging, provider));
    (db, store, server, arrivals, fleet)
}

/// One, two, four and eight workers.
async fn scale() {
    let mut alone = 0.0;
    for workers in [1, 2, 4, 8] {
        let posts = workers * 800;
        let (_db, store, _server, arrivals, mut fleet) = begin(posts, LATENCY, "").await;
        fleet.start_many(workers);
        until_done(&store, posts).await;
        let arrivals_at: Vec<Instant> = arrivals.all().iter().map(|(at, _)| *at).collect();
        // Without the ramp and the tail.
        let steady = (arrivals_at[posts * 3 / 4] - arrivals_at[posts / 4]).as_secs_f64();
        let pace = (posts / 2) as f64 / steady;
        if workers == 1 {
            alone = pace;
        }
        let share = pace / (alone * workers as f64);
        let once = arrivals.posts().values().all(|times| *times == 1);
        println!("{workers} workers: {pace:.1} posts/s, {:.0} % of linear; each post once: {once}", share * 100.0);
        assert!(once && share > 0.9, "not linear, or not once");
    }
}

/// Eight workers, one of them killed each second for two minutes and replaced.
async fn kill() {
    let posts = 30_000;
    let (db, store, server, arrivals, mut fleet) = begin(posts, LATENCY, "").await;
    // Every finish that took effect is a row of `finishes`.
    db.run(
        "CREATE TABLE finishes (post BIGINT);
        CREATE FUNCTION count_finish() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN INSERT INTO finishes VALUES (NEW.ref_id); RETURN NULL; END $$;
        CREATE TRIGGER count_finish AFTER UPDATE ON jobs FOR EACH ROW WHEN (NEW.state IN ('success', 'failed') AND OLD.owner IS NOT NULL)
            EXECUTE FUNCTION count_finish();",
    )
    .await;
    fleet.start_many(8);
    let start = Instant::now();
    let mut random = fastrand::Rng::with_seed(3);
    let mut kills = 0;
    while start.elapsed() < Duration::from_mins(2) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut victim = fleet.workers.swap_remove(random.usize(..8));
        victim.kill();
        kills += 1;
        fleet.start();
    }
    let in_time = done(&store).await;
    until_done(&store, posts).await;
    let unknown: usize = db
        .text("SELECT CAST(COUNT(*) AS TEXT) FROM job_calls WHERE outcome = 'unknown' OR ended_at IS NULL")
        .await
        .unwrap()
        .parse()
        .unwrap();
    let finishes = db
        .text("SELECT CAST(COUNT(*) AS TEXT) || ' finishes of ' || CAST(COUNT(DISTINCT post) AS TEXT) || ' posts' FROM finishes")
        .await
        .unwrap();
    println!(
        "{kills} kills in 120 s, {in_time} posts done meanwhile, all {posts} after {:.0} s; {} requests, {unknown} calls of the killed without a known end; {finishes}",
        start.elapsed().as_secs_f64(),
        server.count()
    );
    assert_eq!(finishes, format!("{posts} finishes of {posts} posts"), "something was done twice after a fence");
    let in_flight = kills * CONCURRENCY;
    assert!(arrivals.posts().len() == posts && server.count() <= posts + in_flight, "more was asked again than was in flight");
    assert!(unknown <= in_flight, "more was lost than was in flight");
}

/// Four workers, twenty requests a minute over all, as the server sees them.
async fn minute() {
    let (_db, _store, _server, arrivals, mut fleet) = begin(400, Duration::from_millis(50), "requests_per_minute = 20").await;
    fleet.start_many(4);
    tokio::time::sleep(Duration::from_secs(200)).await;
    let at: Vec<Instant> = arrivals.all().iter().map(|(at, _)| *at).collect();
    let most =
        (0..at.len()).map(|first| at[first..].iter().take_while(|one| **one - at[first] < Duration::from_mins(1)).count()).max();
    let closest = at.windows(21).map(|window| window[20] - window[0]).min();
    println!(
        "20 a minute over 4 workers: {} requests in 200 s, at most {most:?} in any 60 s; 21 took {closest:?} at least",
        at.len()
    );
    assert!(most == Some(20) && at.len() >= 60, "the limit was broken, or not used");
}

/// Four workers and twenty seconds without PostgreSQL.
async fn stop() {
    let posts = 6_000;
    let (_db, store, server, arrivals, mut fleet) = begin(posts, LATENCY, "").await;
    fleet.start_many(4);
    while server.count() < 1_000 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::task::spawn_blocking(|| postgres::order("stop")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (away, back) = (server.count(), Instant::now());
    tokio::task::spawn_blocking(|| postgres::order("start")).await.unwrap();
    while server.count() <= away {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let again = back.elapsed();
    until_done(&store, posts).await;
    let twice = arrivals.posts().values().filter(|times| **times > 1).count();
    let running = fleet.workers.iter_mut().all(fleet::Worker::is_running);
    println!(
        "20 s without PostgreSQL: the first request {again:?} after its start, {twice} posts asked about twice, all workers run: {running}"
    );
    assert!(running && twice == 0 && arrivals.posts().len() == posts);
}

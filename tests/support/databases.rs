//! A store of each kind for a test, and a way to look behind it.
//! It tests nothing itself; `on_both!` runs a test once on SQLite and once on PostgreSQL.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use tagdeck::domain::{ChannelId, JobKind, NewPost, PostFilter, UserId};
use tagdeck::store::{Access, Claim, Store};

/// A database of one kind.
pub struct Db {
    pub url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Db {
    /// An empty file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("tagdeck.db").display());
        Self { url, _folder: Some(folder) }
    }

    /// An empty database of the throw-away cluster, if there is one.
    pub async fn postgres() -> Option<Self> {
        super::postgres::database().await.map(|url| Self { url, _folder: None })
    }

    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    pub async fn store(&self) -> Store {
        Store::open(&self.url, Access::ReadWrite).await.unwrap()
    }

    /// Runs SQL of the test's own, as the bot or a person would.
    pub async fn run(&self, text: &str) {
        let text = AssertSqlSafe(text.to_owned());
        if self.is_sqlite() {
            let options = self.url.parse::<sqlx::sqlite::SqliteConnectOptions>().unwrap().create_if_missing(true);
            let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
            sqlx::raw_sql(text).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        } else {
            let mut conn = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(text).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
        }
    }

    /// First column of the first row, as text.
    pub async fn text(&self, text: &str) -> Option<String> {
        let text = AssertSqlSafe(text.to_owned());
        if self.is_sqlite() {
            let mut conn = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query(text).fetch_one(&mut conn).await.unwrap().get_unchecked(0)
        } else {
            let mut conn = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(text).fetch_one(&mut conn).await.unwrap().get(0)
        }
    }

    /// As if so much time had passed for every lease and backoff.
    pub async fn pass_time(&self, time: Duration) {
        self.run(&format!("UPDATE jobs SET visible_at = visible_at - {}", time.as_millis())).await;
    }

    /// As if so much time had passed since every call.
    pub async fn age_calls(&self, time: Duration) {
        self.run(&format!("UPDATE job_calls SET sent_at = sent_at - {}", time.as_millis())).await;
    }
}

/// Makes two tests of one: on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($(async fn $name:ident($db:ident: Db) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn promise($db: Db) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                promise(Db::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(db) = Db::postgres().await {
                    promise(db).await;
                }
            }
        }
    )+};
}

pub const USER: UserId = UserId(1);
pub const LEASE: Duration = Duration::from_mins(1);
pub const MAX_ATTEMPTS: u32 = 5;

/// A post of one channel.
pub fn post(message_id: i64, text: &str) -> NewPost {
    NewPost {
        channel_telegram_id: -100_500,
        channel_title: "Новости".to_owned(),
        channel_username: Some("news".to_owned()),
        message_id,
        text: text.to_owned(),
        posted_at: Some(1_700_000_000_123 + message_id * 1000),
        url: None,
        images: Vec::new(),
    }
}

/// Imports so many posts of one channel.
pub async fn import(store: &Store, count: i64) {
    let posts: Vec<_> = (1..=count).map(|n| post(n, &format!("Пост номер {n} о погоде"))).collect();
    for slice in posts.chunks(500) {
        store.import(USER, slice, Duration::ZERO, MAX_ATTEMPTS).await.unwrap();
    }
}

pub async fn claim(store: &Store, limit: u32) -> Vec<Claim> {
    store.claim(JobKind::Tag, "w1", limit, LEASE).await.unwrap()
}

pub async fn claim_one(store: &Store) -> Claim {
    claim(store, 1).await.pop().expect("nothing was due")
}

pub fn everything() -> PostFilter {
    PostFilter::default()
}

/// A channel that no test writes to.
pub const NO_CHANNEL: ChannelId = ChannelId(i64::MAX);

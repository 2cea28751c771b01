//! Posts for what is measured: short, alike, enough of them.
//! They are imported as any others; who tags them is the bench's.

use std::time::Duration;

use tagdeck::domain::{NewPost, UserId};
use tagdeck::store::{Access, Store};

/// Puts so many into a database, outside any runtime.
pub fn fill(database: &str, posts: usize) {
    let post = |n: usize| NewPost {
        channel_telegram_id: -1_001_000_000_001,
        channel_title: "Замеры".to_owned(),
        channel_username: None,
        message_id: i64::try_from(n).unwrap() + 1,
        text: format!("Пост номер {n}: исследователи рассказали о находке возле озера, музей готовит выставку к осени"),
        posted_at: None,
        url: None,
        images: Vec::new(),
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(database, Access::ReadWrite).await.unwrap();
        let all: Vec<NewPost> = (0..posts).map(post).collect();
        for slice in all.chunks(500) {
            store.import(UserId(1), slice, Duration::ZERO, 5).await.unwrap();
        }
    });
}

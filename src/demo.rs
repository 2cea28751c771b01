//! The demo's material: bundled posts and images, the route, and the server that fails on purpose.
//! It holds no engine and no dashboard; `cli` runs them on what stands here.

pub mod server;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::config::{Api, Blob, Config, Log, Ocr, Provider, Secret, Tagging};
use crate::domain::NewPost;
use crate::llm::keywords;
use server::{Faults, Server, Setup};

/// The key that the demo's server takes; it opens nothing else.
const KEY: &str = "sk-demo";

/// Models of the demo's server in the order they are asked: flaky, free, free, vanished, steady. Two free ones, so that the
/// limit of a day meets one of them even while the other's breaker is open.
pub const ROUTE: [&str; 5] =
    ["demo/astra-large", "demo/comet-mini:free", "demo/heron-7b:free", "demo/nova-classic", "demo/tortoise-steady"];

/// One post a line: id, channel, `channel_id`, `message_id`, date (RFC 3339), text, names of images if any.
const POSTS: &str = include_str!("../assets/demo/posts.jsonl");

/// The bundled images by name.
const IMAGES: [(&str, &[u8]); 4] = [
    ("announcement.png", include_bytes!("../assets/demo/images/announcement.png")),
    ("library.jpg", include_bytes!("../assets/demo/images/library.jpg")),
    ("prices.png", include_bytes!("../assets/demo/images/prices.png")),
    ("recipe.png", include_bytes!("../assets/demo/images/recipe.png")),
];

#[derive(Deserialize)]
struct Line {
    channel: String,
    channel_id: i64,
    message_id: i64,
    date: String,
    text: String,
    #[serde(default)]
    images: Vec<String>,
}

/// Lays the bundled images into a folder, where engines can read them, and makes the posts' names of them paths.
pub fn lay_images(folder: &Path, posts: &mut [NewPost]) -> io::Result<()> {
    for (name, bytes) in IMAGES {
        std::fs::write(folder.join(name), bytes)?;
    }
    for image in posts.iter_mut().flat_map(|post| &mut post.images) {
        *image = folder.join(&*image).display().to_string();
    }
    Ok(())
}

/// The bundled posts, in the order of the file; their images by name.
///
/// Errors: a line of the bundled file that is not a post, which a test of this room rules out.
pub fn posts() -> Result<Vec<NewPost>, serde_json::Error> {
    POSTS.lines().map(|line| serde_json::from_str::<Line>(line).map(NewPost::from)).collect()
}

/// Starts the server, on a free port of 127.0.0.1.
pub async fn start(seed: u64, posts: &[NewPost]) -> io::Result<Server> {
    let answer = |text: &str| keywords::tags(text, &keywords::Vocabulary { channel_tags: &[] });
    let faults = Faults::demo(seed, hashes(posts));
    Server::start(Setup { key: KEY.to_owned(), faults, answer: Arc::new(answer), count_file: None }).await
}

/// Settings for a run against it: those of every day, but in a hurry, so that a minute shows what otherwise takes hours.
pub fn config(folder: &Path, server: &Server) -> Config {
    Config {
        file: None,
        data_dir: folder.to_owned(),
        database: Secret::new(format!("sqlite://{}", folder.join("demo.db").display())),
        log_level: "info".to_owned(),
        log: Log::default(),
        api: Api::default(),
        tagging: Tagging {
            route: ROUTE.map(str::to_owned).to_vec(),
            timeout: Duration::from_millis(1500),
            retry_delay: Duration::from_millis(300),
            pass_delays: [500, 1000, 2000, 3000].map(Duration::from_millis).to_vec(),
            wait_for_ocr: Duration::from_secs(20),
            ..Tagging::default()
        },
        ocr: Ocr::default(),
        ui: crate::config::Ui::default(),
        blob: Blob { folder: folder.join("outputs"), ..Blob::default() },
        providers: vec![Provider {
            name: "in-process".to_owned(),
            base_url: server.base_url(),
            key: Some(Secret::new(KEY)),
            headers: BTreeMap::new(),
            requests_per_minute: None,
            requests_per_day: None,
            budget_micros_per_day: None,
        }],
    }
}

/// Hashes by which [`server::Faults::posts`] knows the posts about which the draw decides.
pub fn hashes(posts: &[NewPost]) -> Vec<u64> {
    posts.iter().filter(|post| server::is_drawn(&post.text)).map(|post| server::text_hash(&post.text)).collect()
}

impl From<Line> for NewPost {
    fn from(line: Line) -> Self {
        Self {
            channel_telegram_id: line.channel_id,
            channel_title: line.channel,
            channel_username: None,
            message_id: line.message_id,
            text: line.text,
            posted_at: line.date.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
            url: None,
            images: line.images,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_bundled_line_is_a_post_with_a_time_and_an_id_of_its_own() {
        let posts = posts().unwrap();
        assert!((55..=70).contains(&posts.len()), "{}", posts.len());
        assert!(posts.iter().all(|post| post.posted_at.is_some()));
        let ids: BTreeSet<_> = posts.iter().map(|post| (post.channel_telegram_id, post.message_id)).collect();
        assert_eq!(ids.len(), posts.len());
    }

    #[test]
    fn every_image_of_a_post_is_bundled_and_every_bundled_one_has_a_post() {
        let mut posts = posts().unwrap();
        let named: BTreeSet<_> = posts.iter().flat_map(|post| post.images.clone()).collect();
        assert_eq!(named, IMAGES.iter().map(|(name, _)| (*name).to_owned()).collect());
        let folder = tempfile::tempdir().unwrap();
        lay_images(folder.path(), &mut posts).unwrap();
        let bytes: u64 = posts.iter().flat_map(|post| &post.images).map(|path| std::fs::metadata(path).unwrap().len()).sum();
        assert!(bytes < 150_000, "{bytes}");
    }

    #[test]
    fn the_posts_hold_two_languages_and_everything_that_makes_tagging_hard() {
        let posts = posts().unwrap();
        let russian = posts.iter().filter(|post| post.text.chars().any(|c| matches!(c, 'а'..='я'))).count();
        assert!(russian >= 35 && posts.len() - russian >= 18, "{russian} of {}", posts.len());
        let any = |what: &str| posts.iter().any(|post| post.text.contains(what));
        for hard in ["\u{1b}[", "\u{202e}", "\u{335}", "gnore all previous instructions", "https://", "#", "🔥"] {
            assert!(any(hard), "{hard:?}");
        }
        assert!(posts.iter().any(|post| post.text.is_empty()));
        assert!(posts.iter().any(|post| post.text.chars().count() > server::CONTEXT_CHARS));
    }
}

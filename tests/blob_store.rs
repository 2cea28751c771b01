//! What every blob store promises: the same suite over a folder, over s3s-fs in this process, and over moto where it is installed.
//! How failures are told apart is tested in `blob_failures.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/moto.rs"]
mod moto;
#[path = "support/s3.rs"]
mod s3;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tagdeck::blob::{self, About, BlobStore, Class, JSON, List, MARKDOWN, Page, Put};
use tagdeck::config::Blob;

/// A store and what keeps it alive.
struct Place {
    store: BlobStore,
    settings: Blob,
    _alive: Alive,
}

#[allow(dead_code, reason = "held, not read")]
enum Alive {
    Folder(tempfile::TempDir),
    Server(s3::S3Server),
    Peer,
}

impl Place {
    async fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Blob { folder: folder.path().join("outputs"), ..Blob::default() };
        Self { store: BlobStore::open(&settings).await.unwrap(), settings, _alive: Alive::Folder(folder) }
    }

    async fn server() -> Self {
        let server = s3::S3Server::start();
        let settings = server.settings();
        Self { store: BlobStore::open(&settings).await.unwrap(), settings, _alive: Alive::Server(server) }
    }

    async fn peer() -> Option<Self> {
        let settings = moto::bucket().await?;
        Some(Self { store: BlobStore::open(&settings).await.unwrap(), settings, _alive: Alive::Peer })
    }
}

/// Makes three tests of one.
macro_rules! on_every_store {
    ($(async fn $name:ident($place:ident: Place) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn promise($place: Place) $body

            #[tokio::test]
            async fn in_a_folder() {
                promise(Place::folder().await).await;
            }

            #[tokio::test]
            async fn in_s3s() {
                promise(Place::server().await).await;
            }

            #[tokio::test]
            async fn in_moto() {
                if let Some(place) = Place::peer().await {
                    promise(place).await;
                }
            }
        }
    )+};
}

fn about(bytes: &[u8]) -> About {
    About {
        content_type: MARKDOWN,
        sha256: blob::sha256(bytes),
        source: "Отчёт за май (1)+50%.png".to_owned(),
        image_sha256: blob::sha256(b"the image"),
        engine: "cpu".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

async fn put(store: &BlobStore, key: &str, text: &str) -> Put {
    store.put(key, Bytes::from(text.to_owned()), &about(text.as_bytes())).await.unwrap()
}

async fn pages(store: &BlobStore, mut ask: List) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    loop {
        let page = store.list(&ask).await.unwrap();
        ask.after.clone_from(&page.next);
        pages.push(page);
        assert!(pages.len() < 100, "the listing never ends");
        if ask.after.is_none() {
            return pages;
        }
    }
}

fn keys(pages: &[Page]) -> Vec<&str> {
    pages.iter().flat_map(|page| &page.objects).map(|object| object.key.as_str()).collect()
}

fn folders(pages: &[Page]) -> Vec<&str> {
    pages.iter().flat_map(|page| &page.folders).map(String::as_str).collect()
}

const KEY: &str = "ocr-results/2026/11/22/Отчёт_за_май-ba7816bf8f01.md";

on_every_store! {
    async fn what_is_put_comes_back_byte_for_byte_with_all_that_is_known_of_it(place: Place) {
        let store = &place.store;
        let text = "# Отчёт\n\n🦀 and every byte: \u{1}\u{7f}\r\n";
        assert_eq!(store.head(KEY).await.unwrap(), None);
        assert_eq!(put(store, KEY, text).await, Put::Written);
        let head = store.head(KEY).await.unwrap().unwrap();
        let wanted = about(text.as_bytes());
        assert_eq!((head.size, head.content_type.as_deref()), (text.len() as u64, Some(MARKDOWN)));
        assert_eq!((head.sha256, head.image_sha256), (Some(wanted.sha256), Some(wanted.image_sha256)));
        assert_eq!((head.source, head.engine, head.version), (Some(wanted.source), Some(wanted.engine), Some(wanted.version)));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
        assert!((now - head.modified.unwrap()).abs() < 120_000, "{:?} is not now", head.modified);
        assert_eq!(store.get(KEY, None).await.unwrap(), text);
        let mut file = Vec::new();
        assert_eq!(store.download(KEY, &mut file).await.unwrap(), text.len() as u64);
        assert_eq!(file, text.as_bytes());
    }

    async fn the_same_bytes_are_not_sent_twice_and_others_replace_them(place: Place) {
        let store = &place.store;
        assert_eq!(put(store, KEY, "one").await, Put::Written);
        assert_eq!(put(store, KEY, "one").await, Put::AlreadyThere);
        let again = BlobStore::open(&place.settings).await.unwrap();
        assert_eq!(put(&again, KEY, "one").await, Put::AlreadyThere);
        assert_eq!(put(store, KEY, "two").await, Put::Written);
        assert_eq!(store.get(KEY, None).await.unwrap(), "two");
        assert_eq!(store.head(KEY).await.unwrap().unwrap().sha256, Some(blob::sha256(b"two")));
    }

    async fn bytes_that_are_not_the_promised_ones_are_refused_before_anything_is_sent(place: Place) {
        let error = place.store.put(KEY, Bytes::from_static(b"one"), &about(b"two")).await.unwrap_err();
        assert_eq!(error.class(), Class::Broken);
        assert_eq!(place.store.head(KEY).await.unwrap(), None);
    }

    async fn a_range_gives_what_there_is(place: Place) {
        let store = &place.store;
        put(store, KEY, "0123456789").await;
        for (range, wanted) in [(0..4, "0123"), (7..100, "789"), (3..3, ""), (10..20, ""), (50..60, "")] {
            assert_eq!(store.get(KEY, Some(range.clone())).await.unwrap(), wanted, "{range:?}");
        }
        assert_eq!(store.get("nothing.md", None).await.unwrap_err().class(), Class::NotFound);
    }

    async fn a_listing_comes_in_pages_in_the_order_of_the_keys(place: Place) {
        let store = &place.store;
        let mut wanted: Vec<String> = (0..25).map(|n| format!("ocr-results/2026/11/{:02}/s-{n}.md", n % 3)).collect();
        wanted.extend(["ocr-results/2026-old.md", "other/x.md", "ocr-results/2026/readme.md"].map(str::to_owned));
        for key in &wanted {
            put(store, key, key).await;
        }
        wanted.sort();
        let all = pages(store, List { limit: 7, ..List::default() }).await;
        assert_eq!((all.len(), keys(&all)), (4, wanted.iter().map(String::as_str).collect()));
        assert!(all.iter().flat_map(|page| &page.objects).all(|object| object.size == object.key.len() as u64));
        let within = pages(store, List { prefix: "ocr-results/2026/11/01/s-1".to_owned(), limit: 2, ..List::default() }).await;
        assert_eq!(keys(&within), ["1", "10", "13", "16", "19"].map(|n| format!("ocr-results/2026/11/01/s-{n}.md")));
        assert_eq!(pages(store, List { prefix: "nothing".to_owned(), ..List::default() }).await, [Page::default()]);
    }

    async fn folders_are_gathered_and_paged_like_objects(place: Place) {
        let store = &place.store;
        for key in ["a/1.md", "a/2.md", "a/b/3.md", "a/c/4.md", "a/c/d/5.md", "a-b/6.md", "z.md"] {
            put(store, key, key).await;
        }
        let top = pages(store, List { folders: true, limit: 2, ..List::default() }).await;
        assert_eq!((folders(&top), keys(&top)), (vec!["a-b/", "a/"], vec!["z.md"]));
        let inside = pages(store, List { prefix: "a/".to_owned(), folders: true, limit: 1, ..List::default() }).await;
        assert_eq!((folders(&inside), keys(&inside)), (vec!["a/b/", "a/c/"], vec!["a/1.md", "a/2.md"]));
        assert_eq!(inside.len(), 4);
    }

    async fn what_is_deleted_is_gone_and_stays_so(place: Place) {
        let store = &place.store;
        put(store, KEY, "one").await;
        put(store, "ocr-results/2026/11/22/other.md", "two").await;
        for _ in 0..2 {
            store.delete(KEY).await.unwrap();
            assert_eq!(store.head(KEY).await.unwrap(), None);
        }
        assert_eq!(keys(&pages(store, List::default()).await), ["ocr-results/2026/11/22/other.md"]);
        assert_eq!(put(store, KEY, "one").await, Put::Written);
    }

    async fn keys_that_would_lead_elsewhere_are_refused(place: Place) {
        let long = "x".repeat(1025);
        for key in ["", "/etc/passwd", "../x", "a/../../x", "a/./x", "a//x", "a/", "a\u{1b}[2J", "a\0b", "a\nb", &long] {
            let text = Bytes::from_static(b"x");
            let error = place.store.put(key, text.clone(), &about(&text)).await.unwrap_err();
            assert_eq!(error.class(), Class::BadKey, "{key:?}: {error}");
            assert!(error.is_permanent() && !error.to_string().chars().any(char::is_control), "{error}");
        }
        for error in [
            place.store.get("", None).await.unwrap_err(),
            place.store.head("").await.unwrap_err(),
            place.store.delete("").await.unwrap_err(),
        ] {
            assert_eq!(error.class(), Class::BadKey, "{error}");
        }
        assert_eq!(pages(&place.store, List::default()).await, [Page::default()]);
    }

    async fn unusual_keys_are_kept_as_they_are(place: Place) {
        let store = &place.store;
        let unusual = BTreeSet::from(["emoji 🦀.md", "'quoted' & <b>.md", "..hidden.md", "тест/ы.md", "a=b;c,d@e!f$g(h).md", "~.md"]);
        for key in &unusual {
            put(store, key, key).await;
            assert_eq!(store.get(key, None).await.unwrap(), *key);
        }
        assert_eq!(keys(&pages(store, List { limit: 2, ..List::default() }).await), unusual.iter().copied().collect::<Vec<_>>());
        for key in &unusual {
            store.delete(key).await.unwrap();
        }
        assert_eq!(pages(store, List::default()).await, [Page::default()]);
    }

    async fn megabytes_are_streamed(place: Place) {
        let bytes = Bytes::from((0..6_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
        let about = About { content_type: JSON, ..about(&bytes) };
        place.store.put("big.json", bytes.clone(), &about).await.unwrap();
        let mut file = Vec::new();
        assert_eq!(place.store.download("big.json", &mut file).await.unwrap(), bytes.len() as u64);
        assert!(file == bytes, "what came back differs");
        assert_eq!(place.store.get("big.json", Some(5_999_998..9_000_000)).await.unwrap(), bytes.slice(5_999_998..));
    }
}

#[tokio::test]
async fn a_link_opens_without_a_key_in_s3_and_a_folder_has_none() {
    let [server, folder] = [Place::server().await, Place::folder().await];
    let lasts = Duration::from_mins(10);
    assert_eq!(folder.store.presign(KEY, lasts).await.unwrap(), None);
    put(&server.store, KEY, "linked").await;
    let link = server.store.presign(KEY, lasts).await.unwrap().unwrap();
    assert!(link.contains("X-Amz-Expires=600") && !link.contains(s3::SECRET_KEY), "{link}");
    let endpoint = server.settings.endpoint.unwrap();
    let answer = moto::send(&endpoint, &format!("GET {}", link.strip_prefix(&endpoint).unwrap()), "", "");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nlinked"), "{answer}");
}

#[tokio::test]
async fn a_key_of_1024_bytes_is_stored_by_a_peer_that_can() {
    let Some(place) = Place::peer().await else { return };
    let long: String = std::iter::repeat_n("я".repeat(127) + "/", 4).collect::<String>() + &"x".repeat(4);
    assert_eq!(long.len(), 1024);
    put(&place.store, &long, "x").await;
    assert_eq!(keys(&pages(&place.store, List::default()).await), [long.as_str()]);
    assert_eq!(place.store.get(&long, None).await.unwrap(), "x");
}

#[tokio::test]
async fn foreign_keys_of_a_bucket_are_listed_read_and_deleted_as_they_are() {
    let Some(place) = Place::peer().await else { return };
    let (endpoint, bucket) = (place.settings.endpoint.clone().unwrap(), place.settings.bucket.clone().unwrap());
    let hostile = ["../../etc/passwd", "/leading", "a\u{1b}[2Jb", "a//b", "plus+and%20"];
    for key in hostile {
        let path = key.bytes().fold(String::new(), |path, byte| format!("{path}%{byte:02X}"));
        let answer = moto::send(&endpoint, &format!("PUT /{bucket}/{path}"), moto::SIGNED, key);
        assert!(answer.starts_with("HTTP/1.1 200"), "{key:?}: {answer}");
    }
    let listed = pages(&place.store, List { limit: 2, ..List::default() }).await;
    assert_eq!(keys(&listed).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(hostile));
    for key in hostile {
        assert_eq!(place.store.get(key, None).await.unwrap(), key, "{key:?}");
        place.store.delete(key).await.unwrap();
    }
    assert_eq!(pages(&place.store, List::default()).await, [Page::default()]);
}

#[tokio::test]
async fn a_server_that_stops_and_starts_again_has_all_that_was_put() {
    let mut server = s3::S3Server::start();
    let store = BlobStore::open(&Blob { retries: 0, ..server.settings() }).await.unwrap();
    assert_eq!(put(&store, "a.md", "one").await, Put::Written);
    server.stop();
    let bytes = Bytes::from_static(b"two");
    let error = store.put("b.md", bytes.clone(), &about(&bytes)).await.unwrap_err();
    assert_eq!((error.class(), error.is_permanent()), (Class::Network, false), "{error}");
    server.start_again();
    assert_eq!(put(&store, "a.md", "one").await, Put::AlreadyThere);
    assert_eq!(put(&store, "b.md", "two").await, Put::Written);
    assert_eq!(server.puts(), ["a.md", "b.md"]);
    assert_eq!(server.keys(), ["a.md", "b.md"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_key_leads_out_of_the_folder(
        parts in prop::collection::vec(
            prop_oneof![Just("..".to_owned()), Just(".".to_owned()), Just(String::new()), Just("a".to_owned()), Just("🦀".repeat(63)),
                        Just(".tagdeck".to_owned()), Just("C:\\x".to_owned()), ".{0,4}", "\\PC{1,300}"],
            1..6,
        ),
    ) {
        let key = parts.join("/");
        let above = tempfile::tempdir().unwrap();
        let settings = Blob { folder: above.path().join("in/outputs"), ..Blob::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = BlobStore::open(&settings).await.unwrap();
            match store.put(&key, Bytes::from_static(b"x"), &about(b"x")).await {
                Ok(stored) => {
                    prop_assert_eq!(stored, Put::Written);
                    let listed = [store.list(&List::default()).await.unwrap()];
                    prop_assert_eq!(keys(&listed), [key.as_str()]);
                    prop_assert_eq!(store.get(&key, None).await.unwrap(), "x");
                    store.delete(&key).await.unwrap();
                }
                Err(error) => prop_assert_eq!(error.class(), Class::BadKey, "{}", error),
            }
            for key in [&key, "../../canary"] {
                let _ = store.get(key, None).await;
                let _ = store.delete(key).await;
            }
            Ok(())
        })?;
        let beside = |folder: &std::path::Path| std::fs::read_dir(folder).map_or(0, Iterator::count);
        prop_assert!(beside(above.path()) <= 1 && beside(&above.path().join("in")) <= 1);
    }
}

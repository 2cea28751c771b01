//! Clients that may not, send too much, too fast, too slowly or nonsense: each gets its answer in JSON, and nobody else notices.
//! What well-behaved clients get is tested elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

#[path = "support/api.rs"]
mod api;
#[path = "support/databases.rs"]
#[allow(unused_macros)]
mod databases;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/postgres.rs"]
mod postgres;

use base64::Engine as _;
use std::time::{Duration, Instant};

use api::{Api, with_token};
use databases::Db;
use engines::{config, import_plain};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tagdeck::config::Config;
use tagdeck::ops::Ops;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Stand {
    api: Api,
    db: Db,
    folder: tempfile::TempDir,
}

async fn stand(change: impl Fn(&mut Config)) -> Stand {
    let (db, folder) = (Db::sqlite(), tempfile::tempdir().unwrap());
    let store = db.store().await;
    import_plain(&store, 3).await;
    let mut config = with_token(config(&db.url, Vec::new(), &["local/keywords"]), folder.path());
    config.api.wait = Duration::ZERO;
    change(&mut config);
    let blobs = tagdeck::blob::BlobStore::open(&config.blob).await.unwrap();
    let api = Api::start(Ops::observing(store, &config.tagging).with_blobs(blobs), &config).await;
    Stand { api, db, folder }
}

/// Every path and method of the description, with something in place of the parameters.
async fn described(api: &Api) -> Vec<(Method, String)> {
    let document = api.get("/openapi.json").await.1;
    let paths = document["paths"].as_object().unwrap();
    let mut all = Vec::new();
    for (path, item) in paths {
        let path = path.replace("{type}", "markdown").replace("{name}", "a-000000000000.md");
        let path = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
        for method in item.as_object().unwrap().keys() {
            all.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    assert!(all.len() >= 13, "{all:?}");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_but_two_wants_a_token_and_takes_it_in_two_headers() {
    let mut stand = stand(|_| ()).await;
    let routes = described(&stand.api).await;
    let token = stand.api.token.take();
    for (method, path) in routes {
        let ask = || stand.api.request(method.clone(), &path);
        let open = ["/health", "/ready"].contains(&path.as_str());
        for (request, may) in [
            (ask(), open),
            (ask().header("x-api-key", "another-token-of-tests"), open),
            (ask().header("authorization", "Basic YTpi"), open),
            (ask().bearer_auth(token.unwrap()), true),
            (ask().header("x-api-key", token.unwrap()), true),
        ] {
            let status = request.send().await.unwrap().status().as_u16();
            assert_eq!(status != 401, may, "{method} {path}: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_is_whole() {
    let stand = stand(|_| ()).await;
    let document = stand.api.get("/openapi.json").await.1;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let text = document.to_string();
    // Everything referred to is there.
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
    let words = json!(["pending", "retrying", "success", "failed", "skipped"]);
    assert_eq!(document["components"]["schemas"]["Status"]["enum"], words, "the words that are answered");
    assert!(
        document["components"]["schemas"]["Outcome"]["enum"].as_array().unwrap().contains(&json!("not_tags")),
        "one name, one thing"
    );
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path} has the id of another");
            for status in ["401", "403", "429", "500", "503"] {
                assert!(operation["responses"][status].is_object(), "{method} {path} may answer {status}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_is_refused_before_it_is_read() {
    let stand = stand(|config| config.api.upload_mb = 1).await;
    let large = vec![0_u8; 3_000_000];
    let (status, body) = stand.api.upload("/ocr", "a.png", &large, false).await;
    assert_eq!((status, body["code"].as_str()), (413, Some("too_large")), "{body}");
    // Between the size of an image and that of a whole form.
    let (status, body) = stand.api.upload("/ocr/async", "a.png", &large[..1_100_000], false).await;
    assert_eq!((status, body["code"].as_str()), (413, Some("too_large")), "{body}");
    // Its length is not said.
    let stream = futures_util::stream::iter((0..30).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 100_000])));
    let part = Part::stream(reqwest::Body::wrap_stream(stream)).file_name("a.png");
    let (status, _) = stand.api.send("/ocr", Form::new().part("file", part)).await;
    assert_eq!(status, 413);
    let encoded = base64::prelude::BASE64_STANDARD.encode(&large[..1_200_000]);
    assert_eq!(stand.api.send("/ocr", Form::new().text("image_base64", encoded)).await.0, 413);
    assert!(!stand.folder.path().join("inbox").exists(), "nothing was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_over_its_rate_is_told_when_to_come_back() {
    let stand = stand(|config| config.api.requests_per_minute = 5).await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(stand.api.get("/posts").await.0);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    let refused = stand.api.request(Method::GET, "/posts").send().await.unwrap();
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
}

/// Writes the parts with a pause after each, and returns what came back.
async fn dripped(stand: &Stand, parts: &[&[u8]], pause: Duration) -> String {
    let mut socket = TcpStream::connect(stand.api.address).await.unwrap();
    for part in parts {
        if socket.write_all(part).await.is_err() {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer)).await.expect("still open");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_are_cut_off_and_hold_up_nobody() {
    let stand = stand(|config| {
        config.api.timeout = Duration::from_secs(1);
        config.api.concurrency = 40;
        config.api.uploads = 2;
    })
    .await;
    let pause = Duration::from_millis(90);
    let head: Vec<Vec<u8>> = b"GET /health HTTP/1.1\r\nX-Slow: yes".chunks(1).map(<[u8]>::to_vec).collect();
    let head: Vec<&[u8]> = head.iter().map(Vec::as_slice).collect();
    let since = Instant::now();
    let loris = futures_util::future::join_all((0..10).map(|_| dripped(&stand, &head, pause)));
    let others = async {
        let mut longest = Duration::ZERO;
        for _ in 0..20 {
            let began = Instant::now();
            assert_eq!(stand.api.get("/users/1/posts/tagging_stats").await.0, 200);
            longest = longest.max(began.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        longest
    };
    let (answers, longest) = tokio::join!(loris, others);
    assert!(answers.iter().all(|answer| answer.is_empty() || answer.starts_with("HTTP/1.1 408")), "{answers:?}");
    assert!(longest < Duration::from_millis(800), "others waited {longest:?}");
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());

    // A head that comes at once, and a body that does not.
    let begin = format!(
        "POST /ocr HTTP/1.1\r\nHost: x\r\nx-api-key: {}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 9000\r\n\r\n",
        api::TOKEN
    );
    let body: Vec<&[u8]> =
        vec![begin.as_bytes(), b"--b\r\n", b"Content-", b"Disposition: form-data; name=\"file\"\r\n\r\n", b"x", b"x", b"x"];
    let answers = futures_util::future::join_all((0..3).map(|_| dripped(&stand, &body, Duration::from_millis(300)))).await;
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"code\":\"upload_timeout\""), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_told_and_breaks_nothing() {
    let stand = stand(|_| ()).await;
    let api = &stand.api;
    for path in [
        "/posts/%00",
        "/posts/99999999999999999999",
        "/posts/1%2F2",
        "/posts/%FF%FE",
        "/posts/-9223372036854775809",
        "/posts/٣",
        "/users/1e3/posts/tagging_stats",
        "/users/%1b%5b2J/posts/tagging_stats",
        "/ocr/status/x",
        "/ocr/result/1.5",
        "/posts?limit=4294967296",
        "/posts?user=x",
        "/posts?status=%00",
        "/posts?after=999999999999999999-99999999999999999999",
        "/posts?limit=1&limit=2",
    ] {
        let (status, body) = api.get(path).await;
        assert_eq!((status, body["code"].as_str()), (422, Some("bad_request")), "{path}: {body}");
    }
    for path in ["/", "/../../etc/passwd", "/files/../../etc/passwd", "/wp-login.php", "/posts/1/", "//posts"] {
        assert_eq!(api.get(path).await.0, 404, "{path}");
    }
    assert_eq!(api.get("/posts?query=%F0%9F%92%A3%27%3B%20DROP%20TABLE%20posts%3B--&class=%27%20OR%201%3D1").await.0, 200);
    for (method, path) in [
        (Method::DELETE, "/posts/1"),
        (Method::PUT, "/ocr"),
        (Method::GET, "/ocr"),
        (Method::POST, "/health"),
        (Method::TRACE, "/posts"),
    ] {
        let answer = api.request(method.clone(), path).send().await.unwrap();
        assert!(answer.headers().contains_key("allow"), "{method} {path}");
        assert_eq!(api::json(answer).await.1["code"], json!("method_not_allowed"), "{method} {path}");
    }
    let code = async |form: Form| api.send("/ocr/async", form).await.1["code"].as_str().unwrap().to_owned();
    let part = |bytes: &'static [u8]| Part::bytes(bytes).file_name("a.png");
    assert_eq!(code(Form::new()).await, "bad_request");
    assert_eq!(code(Form::new().part("file", part(b""))).await, "empty_image");
    assert_eq!(code(Form::new().part("file", part(b"x")).text("image_base64", "eA==")).await, "bad_request");
    assert_eq!(code(Form::new().text("image_base64", "не base64")).await, "bad_base64");
    assert_eq!(code(Form::new().text("image_url", "http://1.1.1.1/a.png")).await, "image_url_off");
    assert_eq!(code(Form::new().text("password", "x")).await, "bad_request");
    assert_eq!(code(Form::new().part("file", part(b"x")).text("return_content", "maybe")).await, "bad_request");
    assert_eq!(code(Form::new().text("return_content", "true".repeat(100))).await, "bad_request");
    for (kind, body) in [
        ("application/json", "{}"),
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=b", "--c\r\n\r\n"),
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nendless",
        ),
        ("text/\u{e9}", ""),
    ] {
        let request = api.request(Method::POST, "/ocr").header("content-type", kind).body(body);
        let (status, told) = api::json(request.send().await.unwrap()).await;
        assert_eq!((status, told["code"].as_str()), (422, Some("bad_request")), "{kind}: {told}");
    }
    assert_eq!(api.get("/posts").await.0, 200, "and it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_files_lead_nowhere_and_addresses_not_inside() {
    let stand = stand(|config| config.api.image_url = true).await;
    for name in ["../../../evil.png", "/etc/cron.d/evil", "..\\..\\evil.png", "a\u{202e}gnp.exe", "", ".", ".."] {
        let (status, body) = stand.api.upload("/ocr/async", name, format!("text:{name}").as_bytes(), false).await;
        assert_eq!(status, 202, "{name:?}: {body}");
    }
    // A name that no header can hold.
    assert_eq!(stand.api.upload("/ocr/async", "a\u{1b}[2J.png", b"text", false).await.0, 422);
    let inbox = stand.folder.path().join("inbox");
    let mut names: Vec<String> = Vec::new();
    for content in std::fs::read_dir(&inbox).unwrap() {
        for file in std::fs::read_dir(content.unwrap().path()).unwrap() {
            names.push(file.unwrap().file_name().into_string().unwrap());
        }
    }
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(names.iter().all(|name| !name.contains(['/', '\\', '\u{1b}', '\0']) && !name.starts_with('.')), "{names:?}");
    let told: Vec<Value> = {
        let mut told = Vec::new();
        for address in ["http://127.0.0.1:1/a.png", "http://[::1]/a.png", "http://169.254.169.254/latest", "file:///etc/passwd"] {
            let (status, body) = stand.api.send("/ocr/async", Form::new().text("image_url", address)).await;
            assert_eq!(status, 422, "{address}: {body}");
            told.push(body["code"].clone());
        }
        told
    };
    assert_eq!(told, ["private_url", "private_url", "private_url", "bad_url"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inbox_stays_within_its_bounds() {
    let stand = stand(|config| config.api.inbox_mb = 1).await;
    let image = |n: u8| vec![n; 400_000];
    assert_eq!(stand.api.upload("/ocr/async", "a.png", &image(1), false).await.0, 202);
    assert_eq!(stand.api.upload("/ocr/async", "a.png", &image(2), false).await.0, 202);
    let (status, body) = stand.api.upload("/ocr/async", "a.png", &image(3), false).await;
    assert_eq!((status, body["code"].as_str()), (503, Some("inbox_full")), "nobody has read the others: {body}");
    stand.db.run("UPDATE jobs SET state = 'success' WHERE kind = 'ocr' AND ref_id = 1").await;
    assert_eq!(stand.api.upload("/ocr/async", "a.png", &image(3), false).await.0, 202, "one has been read");
}

//! What the gate lets through: tokens, pages of a browser, rates, sizes, panics.
//! Routes are stand-ins; the real ones are asked over the wire in tests/.

use axum::body::Body;
use axum::routing::{get, post};
use tower::Service;

use super::*;
use crate::config::Secret;

const TOKEN: &str = "0123456789abcdef-one";

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_mins(1)).await;
    "late"
}

async fn broken() -> &'static str {
    let text = String::from("well");
    assert!(text.is_empty(), "a bug");
    "never"
}

fn routes(settings: &Api) -> Router {
    let routes = Router::new()
        .route("/health", get(|| async { "well" }))
        .route("/posts", get(|| async { "posts" }))
        .route("/slow", get(slow))
        .route("/broken", get(broken))
        .route("/change", post(|body: axum::body::Bytes| async move { body.len().to_string() }));
    around(routes, Arc::new(Gate::new(settings, crate::api::metrics::Meter::new().traffic())))
}

async fn ask(routes: &Router, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().uri(path).body(Body::empty()).unwrap();
    for (name, value) in headers {
        request.headers_mut().append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    routes.clone().call(request).await.unwrap()
}

async fn status(routes: &Router, path: &str, headers: &[(&str, &str)]) -> u16 {
    ask(routes, path, headers).await.status().as_u16()
}

async fn code(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["code"].as_str().unwrap().to_owned()
}

fn with_tokens() -> Api {
    Api { tokens: vec![Secret::new(TOKEN), Secret::new("0123456789abcdef-two")], ..Api::default() }
}

#[tokio::test]
async fn any_of_the_tokens_opens_in_either_header_and_nothing_else_does() {
    let routes = routes(&with_tokens());
    for headers in [
        [("authorization", "Bearer 0123456789abcdef-one")],
        [("authorization", "bearer 0123456789abcdef-two")],
        [("x-api-key", "0123456789abcdef-two")],
    ] {
        assert_eq!(status(&routes, "/posts", &headers).await, 200, "{headers:?}");
    }
    for headers in [
        [("x-api-key", "0123456789abcdef-on")],
        [("x-api-key", "0123456789abcdef-one0")],
        [("authorization", "Basic 0123456789abcdef-one")],
        [("authorization", "Bearer ")],
        [("x-api-key", "")],
    ] {
        assert_eq!(status(&routes, "/posts", &headers).await, 401, "{headers:?}");
    }
    let refused = ask(&routes, "/posts", &[]).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
    assert_eq!(code(refused).await, "no_token");
    assert_eq!(code(ask(&routes, "/posts", &[("x-api-key", "x")]).await).await, "bad_token");
    assert_eq!(status(&routes, "/health", &[]).await, 200, "supervisors have no token");
}

#[tokio::test]
async fn a_page_in_a_browser_drives_nothing_where_there_is_no_token() {
    let routes = routes(&Api::default());
    for headers in [
        &[][..],
        &[("host", "127.0.0.1:8010")],
        &[("host", "localhost:8010")],
        &[("host", "[::1]:8010")],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(status(&routes, "/posts", headers).await, 200, "{headers:?}");
    }
    for headers in [
        &[("host", "evil.example:8010")][..],
        &[("host", "127.0.0.1.evil.example")],
        &[("host", "localhost"), ("origin", "https://evil.example")],
        &[("host", "localhost"), ("origin", "null")],
        &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
    ] {
        let refused = ask(&routes, "/posts", headers).await;
        assert_eq!(refused.status().as_u16(), 403, "{headers:?}");
        assert_eq!(code(refused).await, "not_from_a_page");
    }
    assert_eq!(status(&routes, "http://evil.example/posts", &[("host", "localhost")]).await, 403, "the whole address beats Host");
}

#[tokio::test]
async fn a_client_over_its_rate_is_told_when_to_come_back() {
    let routes = routes(&Api { requests_per_minute: 3, ..with_tokens() });
    let (one, two) = ([("x-api-key", TOKEN)], [("x-api-key", "0123456789abcdef-two")]);
    for _ in 0..3 {
        assert_eq!(status(&routes, "/posts", &one).await, 200);
    }
    let refused = ask(&routes, "/posts", &one).await;
    assert_eq!(refused.status().as_u16(), 429);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=21).contains(&seconds), "{seconds}");
    assert_eq!(code(refused).await, "too_many_requests");
    assert_eq!(status(&routes, "/posts", &two).await, 200, "another client has its own");
}

#[tokio::test]
async fn too_much_and_too_slow_is_refused_in_json() {
    let routes = routes(&Api { concurrency: 1, timeout: Duration::from_millis(300), upload_mb: 1, ..Api::default() });
    let (slow, quick) = tokio::join!(ask(&routes, "/slow", &[]), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        ask(&routes, "/posts", &[]).await
    });
    assert_eq!((slow.status().as_u16(), quick.status().as_u16()), (503, 503));
    assert_eq!((code(slow).await, code(quick).await), ("timeout".to_owned(), "busy".to_owned()));
    let large = ask(&routes, "/posts", &[("content-length", "99999999")]).await;
    assert_eq!((large.status().as_u16(), code(large).await), (413, "too_large".to_owned()));
    let unsaid = Request::builder().method("POST").uri("/change").body(Body::from(vec![0; 2_000_000])).unwrap();
    assert_eq!(routes.clone().call(unsaid).await.unwrap().status().as_u16(), 413, "its length was not said");
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_next_request_is_served() {
    let routes = routes(&Api::default());
    let answer = ask(&routes, "/broken", &[("x-request-id", "abc-1")]).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["x-request-id"].to_str().unwrap()), (500, "abc-1"));
    assert_eq!(code(answer).await, "internal");
    assert_eq!(status(&routes, "/posts", &[]).await, 200);
}

#[tokio::test]
async fn a_request_id_is_echoed_when_it_can_stand_in_a_log() {
    let routes = routes(&Api::default());
    let long = "x".repeat(65);
    for hostile in ["a b", "<script>", long.as_str(), ""] {
        let id =
            ask(&routes, "/posts", &[("x-request-id", hostile)]).await.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert!(id.len() == 16 && id != hostile, "{hostile:?} became {id:?}");
    }
}

#[test]
fn one_owner_of_many_ipv6_addresses_is_one_client() {
    let [a, b, c]: [IpAddr; 3] = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"].map(|text| text.parse().unwrap());
    assert_eq!(network(a), network(b));
    assert_ne!(network(a), network(c));
    assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1".parse::<IpAddr>().unwrap());
}

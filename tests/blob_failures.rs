//! Every way in which storing fails is told apart, in words that end in what to do.
//! What a real S3 server can be made to refuse, it refuses here; the rest are the bodies that AWS documents, over the real wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/moto.rs"]
mod moto;
#[path = "support/raw_server.rs"]
#[allow(dead_code)]
mod raw_server;
#[path = "support/s3.rs"]
mod s3;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use raw_server::{Play, RawServer};
use tagdeck::blob::{self, About, BlobError, BlobStore, Class, List, MARKDOWN, Put};
use tagdeck::config::{Blob, Credentials, Secret};

const KEY: &str = "ocr-results/2026/11/22/scan-ba7816bf8f01.md";

fn about(bytes: &[u8]) -> About {
    About {
        content_type: MARKDOWN,
        sha256: blob::sha256(bytes),
        source: "scan.png".to_owned(),
        image_sha256: blob::sha256(b"the image"),
        engine: "cpu".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

async fn put(settings: &Blob) -> Result<Put, BlobError> {
    let bytes = Bytes::from_static(b"text");
    BlobStore::open(settings).await?.put(KEY, bytes.clone(), &about(&bytes)).await
}

async fn list(settings: &Blob) -> Result<blob::Page, BlobError> {
    BlobStore::open(settings).await?.list(&List::default()).await
}

fn credentials(access_key: &str, secret_key: &str) -> Credentials {
    Credentials { access_key: Secret::new(access_key), secret_key: Secret::new(secret_key), session_token: None }
}

/// Settings for a server that answers as told; one try.
fn at(server: &RawServer) -> Blob {
    Blob {
        bucket: Some("documents".to_owned()),
        endpoint: Some(server.base_url().trim_end_matches("/v1").to_owned()),
        credentials: Some(credentials("AKIAKEY", "very-secret")),
        retries: 0,
        ..Blob::default()
    }
}

/// An answer as S3 gives it, after which the connection ends.
fn answer(status: u16, headers: &str, body: &str) -> Play {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} S3\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    Play::Bytes((head + body).into_bytes())
}

fn refusal(status: u16, code: &str, message: &str) -> Play {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <RequestId>4442587FB7D0A2F9</RequestId></Error>"
    );
    answer(status, "Content-Type: application/xml\r\n", &body)
}

/// Class, whether it stays, what was seen, and the remedy; all of it is in the one line that people read.
#[track_caller]
fn told(error: &BlobError, class: Class, stays: bool, saw: &str, remedy: &str) {
    let line = error.to_string();
    assert_eq!(error.class(), class, "{line}");
    assert_eq!(error.is_permanent(), stays, "{line}");
    assert!(error.saw().contains(saw), "{line}");
    assert!(error.remedy().contains(remedy), "{line}");
    assert!(line.starts_with("cannot ") && line.ends_with(error.remedy()) && line.contains(class.as_str()), "{line}");
    assert!(!line.contains("very-secret") && !line.contains(s3::SECRET_KEY), "{line}");
}

#[tokio::test]
async fn a_wrong_secret_is_told() {
    let server = s3::S3Server::start();
    let settings = Blob { credentials: Some(credentials(s3::ACCESS_KEY, "very-secret")), ..server.settings() };
    let wanted = (Class::WrongSecret, true, "SignatureDoesNotMatch", "check blob.secret_key");
    for error in [put(&settings).await.unwrap_err(), list(&settings).await.unwrap_err()] {
        told(&error, wanted.0, wanted.1, wanted.2, wanted.3);
    }
}

#[tokio::test]
async fn an_unknown_key_is_told() {
    let server = s3::S3Server::start();
    let settings = Blob { credentials: Some(credentials("somebody", "very-secret")), ..server.settings() };
    told(&put(&settings).await.unwrap_err(), Class::UnknownKey, true, "NotSignedUp", "check blob.access_key");
    let raw =
        RawServer::start(vec![refusal(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist")]).await;
    told(&put(&at(&raw)).await.unwrap_err(), Class::UnknownKey, true, "InvalidAccessKeyId", "check blob.access_key");
}

#[tokio::test]
async fn a_key_that_may_not_write_is_told() {
    let server = s3::S3Server::start();
    server.refuse(&["PutObject"]);
    let error = put(&server.settings()).await.unwrap_err();
    told(&error, Class::AccessDenied, true, "HTTP 403, AccessDenied", "give the key the right");
    let place = format!("s3://documents at {}", server.endpoint());
    let line = format!(
        "cannot store {KEY} in {place}: HTTP 403, AccessDenied, Access Denied (access_denied); \
         give the key the right to do this on the bucket (its role, or the bucket's policy)"
    );
    assert_eq!(error.to_string(), line);
}

#[tokio::test]
async fn a_server_that_refuses_head_alone_is_asked_by_get() {
    let server = s3::S3Server::start();
    server.refuse(&["HeadObject"]);
    assert_eq!(put(&server.settings()).await.unwrap(), Put::Written);
    assert_eq!(put(&server.settings()).await.unwrap(), Put::AlreadyThere);
    let store = BlobStore::open(&server.settings()).await.unwrap();
    let head = store.head(KEY).await.unwrap().unwrap();
    assert_eq!((head.size, head.sha256, head.content_type.as_deref()), (4, Some(blob::sha256(b"text")), Some(MARKDOWN)));
}

#[tokio::test]
async fn a_key_that_may_only_write_writes_and_it_is_said_that_nobody_looked() {
    let server = s3::S3Server::start();
    server.refuse(&["HeadObject", "GetObject"]);
    assert_eq!(put(&server.settings()).await.unwrap(), Put::Unseen);
    assert_eq!(server.keys(), [KEY]);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_told() {
    let server = s3::S3Server::start();
    let settings = Blob { bucket: Some("nothing".to_owned()), ..server.settings() };
    told(&list(&settings).await.unwrap_err(), Class::NoSuchBucket, true, "NoSuchBucket", "correct blob.bucket");
    let Some(peer) = moto::bucket().await else { return };
    let settings = Blob { bucket: Some("nothing".to_owned()), ..peer };
    for error in [put(&settings).await.unwrap_err(), list(&settings).await.unwrap_err()] {
        told(&error, Class::NoSuchBucket, true, "NoSuchBucket", "or make the bucket");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_the_network() {
    let mut server = s3::S3Server::start();
    server.stop();
    let settings = Blob { retries: 0, ..server.settings() };
    told(&put(&settings).await.unwrap_err(), Class::Network, false, "refused", "blob.endpoint and blob.proxy");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_a_wrong_endpoint_unless_the_resolver_itself_is_in_trouble() {
    let said = tokio::net::lookup_host("s3.no-such-host.invalid:80").await.err().expect("the name exists").to_string();
    let endpoint = Some("http://s3.no-such-host.invalid".to_owned());
    let settings =
        Blob { bucket: Some("b".to_owned()), endpoint, credentials: Some(credentials("a", "b")), retries: 0, ..Blob::default() };
    let error = put(&settings).await.unwrap_err();
    let passing = said.contains("Temporary failure");
    assert_eq!(error.class(), if passing { Class::Network } else { Class::WrongEndpoint }, "{error}");
    assert!(error.remedy().contains("blob.endpoint") && error.saw().contains("lookup"), "{error}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_a_timeout() {
    let server = RawServer::start(vec![Play::Silence]).await;
    let settings = Blob { timeout: Duration::from_millis(200), ..at(&server) };
    told(&put(&settings).await.unwrap_err(), Class::Timeout, false, "nothing came for 0.2 s", "raise blob.timeout");
}

#[tokio::test]
async fn a_connection_that_never_stands_is_a_timeout() {
    // It takes connections and says not a word, so that TLS never begins.
    let server = RawServer::start(vec![Play::Silence]).await;
    let endpoint = at(&server).endpoint.map(|address| address.replace("http:", "https:"));
    let settings = Blob { endpoint, connect_timeout: Duration::from_millis(200), ..at(&server) };
    told(&list(&settings).await.unwrap_err(), Class::Timeout, false, "no connection within 0.2 s", "raise blob.timeout");
}

#[tokio::test]
async fn a_body_that_stands_still_is_a_timeout_and_one_that_breaks_off_is_the_network() {
    let still = RawServer::start(vec![Play::Stall { body: b"half".to_vec() }]).await;
    let store = BlobStore::open(&Blob { timeout: Duration::from_millis(300), ..at(&still) }).await.unwrap();
    told(&store.get(KEY, None).await.unwrap_err(), Class::Timeout, false, "nothing came for", "raise blob.timeout");
    let cut = RawServer::start(vec![Play::Cut { body: b"whole text".to_vec(), after: 5 }]).await;
    let store = BlobStore::open(&at(&cut)).await.unwrap();
    for error in [store.get(KEY, None).await.unwrap_err(), store.download(KEY, &mut Vec::new()).await.unwrap_err()] {
        told(&error, Class::Network, false, "the answer was cut off", "check the network");
    }
}

#[tokio::test]
async fn a_body_that_broke_off_is_asked_for_again() {
    let whole = b"whole text".to_vec();
    let server = RawServer::start(vec![Play::Cut { body: whole.clone(), after: 5 }, Play::json("whole text")]).await;
    let store = BlobStore::open(&Blob { retries: 1, ..at(&server) }).await.unwrap();
    assert_eq!(store.get(KEY, None).await.unwrap(), whole);
}

#[tokio::test]
async fn a_bucket_of_another_region_is_told_with_its_region() {
    let redirect = "<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using \
                    the specified endpoint.</Message><Endpoint>documents.s3.eu-west-1.amazonaws.com</Endpoint></Error>";
    let region = "Content-Type: application/xml\r\nx-amz-bucket-region: eu-west-1\r\n";
    let malformed = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'";
    for play in [answer(301, region, redirect), refusal(400, "AuthorizationHeaderMalformed", malformed), answer(400, region, "")]
    {
        let server = RawServer::start(vec![play]).await;
        for error in [put(&at(&server)).await.unwrap_err(), list(&at(&server)).await.unwrap_err()] {
            told(&error, Class::WrongRegion, true, "eu-west-1", "set blob.region to the bucket's region");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_told() {
    let proxy = RawServer::start(vec![answer(407, "Proxy-Authenticate: Basic\r\n", "")]).await;
    let address = Some(Secret::new(proxy.base_url().trim_end_matches("/v1")));
    let settings = Blob { endpoint: Some("http://s3.example.test".to_owned()), proxy: address, ..at(&proxy) };
    told(&list(&settings).await.unwrap_err(), Class::Network, false, "HTTP 407", "blob.proxy");
}

#[tokio::test]
async fn what_is_not_s3_is_a_wrong_endpoint() {
    let page = "<!DOCTYPE html><html><body>Console</body></html>";
    let html = "Content-Type: text/html\r\n";
    for play in
        [answer(200, html, page), answer(404, html, page), answer(403, html, page), answer(302, "Location: /login\r\n", "")]
    {
        let server = RawServer::start(vec![play]).await;
        told(&list(&at(&server)).await.unwrap_err(), Class::WrongEndpoint, true, "HTTP ", "the address of the S3 interface");
    }
    let takes_all = RawServer::start(vec![answer(404, "", ""), answer(200, html, "")]).await;
    told(&put(&at(&takes_all)).await.unwrap_err(), Class::WrongEndpoint, true, "without giving an ETag", "correct blob.endpoint");
}

#[tokio::test]
async fn a_plain_server_asked_for_tls_is_a_wrong_endpoint() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Some(format!("https://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let bucket = Some("documents".to_owned());
    let settings = Blob { bucket, endpoint, credentials: Some(credentials("a", "very-secret")), retries: 0, ..Blob::default() };
    told(&list(&settings).await.unwrap_err(), Class::WrongEndpoint, true, "", "correct blob.endpoint");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told() {
    let skewed =
        refusal(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.");
    let server = RawServer::start(vec![skewed]).await;
    told(&list(&at(&server)).await.unwrap_err(), Class::ClockSkew, true, "RequestTimeTooSkewed", "set this machine's clock");
}

#[tokio::test]
async fn a_server_that_wants_less_is_asked_again_and_then_reported() {
    for (status, code) in [(503, "SlowDown"), (500, "InternalError"), (429, "TooManyRequests"), (502, "")] {
        let server = RawServer::start(vec![refusal(status, code, "Please reduce your request rate.")]).await;
        let settings = Blob { retries: 1, ..at(&server) };
        let error = list(&settings).await.unwrap_err();
        told(&error, Class::SlowDown, false, &format!("HTTP {status}"), "tried again by itself, more slowly");
        assert!(server.requests().len() == 2 || status == 429, "{status}: {}", server.requests().len());
    }
    let page = "<ListBucketResult><Name>documents</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
    let server = RawServer::start(vec![refusal(503, "SlowDown", "x"), answer(200, "", page)]).await;
    assert!(list(&Blob { retries: 2, ..at(&server) }).await.unwrap().objects.is_empty());
}

#[tokio::test]
async fn a_store_that_is_full_is_told() {
    let server = RawServer::start(vec![refusal(507, "XMinioStorageFull", "Storage backend has reached its limit.")]).await;
    told(&list(&at(&server)).await.unwrap_err(), Class::Full, true, "XMinioStorageFull", "make room, or raise the quota");
}

#[tokio::test]
async fn a_session_that_is_over_is_told() {
    let server = RawServer::start(vec![refusal(400, "ExpiredToken", "The provided token has expired.")]).await;
    told(&put(&at(&server)).await.unwrap_err(), Class::UnknownKey, true, "ExpiredToken", "AWS_SESSION_TOKEN is over");
}

#[tokio::test]
async fn what_arrives_changed_is_broken() {
    let etag = "ETag: \"1cb251ec0d568de6a929b520c4aed8d1\"\r\n";
    let shorter = Play::Bytes(format!("HTTP/1.1 200 OK\r\n{etag}Content-Length: 3\r\nConnection: close\r\n\r\n").into_bytes());
    let server = RawServer::start(vec![answer(404, "", ""), answer(200, etag, ""), shorter]).await;
    told(
        &put(&at(&server)).await.unwrap_err(),
        Class::Broken,
        false,
        "4 bytes were sent and taken, and then 3 bytes",
        "tried again",
    );
    let forgets = RawServer::start(vec![answer(404, "", ""), answer(200, etag, ""), answer(404, "", "")]).await;
    told(&put(&at(&forgets)).await.unwrap_err(), Class::Broken, false, "and then it is not there", "tried again");
}

#[tokio::test]
async fn on_cloud_ru_a_key_without_its_tenant_is_told_and_a_proxy_is_used() {
    let proxy = RawServer::start(vec![refusal(403, "InvalidAccessKeyId", "The key very-secret is unknown\u{202e}")]).await;
    let settings = Blob {
        endpoint: Some("http://s3.cloud.ru".to_owned()),
        proxy: Some(Secret::new(proxy.base_url().trim_end_matches("/v1"))),
        ..at(&proxy)
    };
    told(&list(&settings).await.unwrap_err(), Class::KeyFormat, true, "The key … is unknown", "tenant_id:key_id");
    let asked = proxy.requests();
    assert!(asked[0].line.starts_with("GET http://s3.cloud.ru/documents/?"), "{}", asked[0].line);
    let whole = Blob { credentials: Some(credentials("tenant:AKIAKEY", "very-secret")), ..settings };
    told(&list(&whole).await.unwrap_err(), Class::UnknownKey, true, "InvalidAccessKeyId", "check blob.access_key");
}

#[tokio::test]
async fn hosts_named_in_no_proxy_are_asked_without_it() {
    let server = s3::S3Server::start();
    let nowhere = Some(Secret::new("http://127.0.0.1:9"));
    let through = Blob { proxy: nowhere.clone(), retries: 0, ..server.settings() };
    assert_eq!(put(&through).await.unwrap_err().class(), Class::Network);
    let around = Blob { no_proxy: "127.0.0.1".to_owned(), ..through };
    assert_eq!(put(&around).await.unwrap(), Put::Written);
}

/// A TLS server with this certificate, on a thread of its own; refuses every request like S3.
fn tls_server(certificate: rustls::pki_types::CertificateDer<'static>, key: &'static [u8]) -> String {
    use rustls::pki_types::PrivatePkcs8KeyDer;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivatePkcs8KeyDer::from(key).into();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::Stream::new(&mut connection, &mut socket);
            let Ok(1..) = stream.read(&mut [0; 4096]) else { continue };
            let Play::Bytes(said) = refusal(403, "AccessDenied", "by TLS") else { unreachable!() };
            let _ = stream.write_all(&said);
            connection.send_close_notify();
            let _ = connection.complete_io(&mut socket);
        }
    });
    endpoint
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told() {
    let certificate = include_bytes!("support/self_signed_cert.der").to_vec().into();
    let endpoint = tls_server(certificate, include_bytes!("support/self_signed_key.der"));
    let bucket = Some("documents".to_owned());
    let settings = Blob {
        bucket,
        endpoint: Some(endpoint),
        credentials: Some(credentials("a", "very-secret")),
        retries: 0,
        ..Blob::default()
    };
    told(&list(&settings).await.unwrap_err(), Class::Tls, true, "certificate", "in blob.ca_file");
}

#[tokio::test]
async fn a_certificate_named_in_the_settings_is_believed() {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/vouched_cert.pem");
    let certificate = CertificateDer::from_pem_file(file).unwrap();
    let endpoint = tls_server(certificate, include_bytes!("support/vouched_key.der"));
    let settings = Blob {
        bucket: Some("documents".to_owned()),
        endpoint: Some(endpoint),
        credentials: Some(credentials("a", "very-secret")),
        ca_file: Some(file.into()),
        retries: 0,
        ..Blob::default()
    };
    told(&list(&settings).await.unwrap_err(), Class::AccessDenied, true, "by TLS", "give the key the right");
    let broken = tempfile::NamedTempFile::new().unwrap();
    for (text, saw) in
        [("", "holds no certificate"), ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no usable")]
    {
        std::fs::write(broken.path(), text).unwrap();
        let settings = Blob { ca_file: Some(broken.path().into()), ..settings.clone() };
        told(&list(&settings).await.unwrap_err(), Class::Tls, true, saw, "blob.ca_file");
    }
}

const PROFILE_TEST: &str = "TAGDECK_TEST_ENDPOINT";

#[tokio::test]
async fn the_key_of_a_profile_is_used_and_its_absence_told() {
    let Ok(endpoint) = std::env::var(PROFILE_TEST) else {
        // The library reads where the files are from the environment, which only a process of its own may have changed.
        let server = s3::S3Server::start();
        let folder = tempfile::tempdir().unwrap();
        let (file, none) = (folder.path().join("credentials"), folder.path().join("config"));
        let keys = format!("[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n", s3::ACCESS_KEY, s3::SECRET_KEY);
        std::fs::write(&file, keys).unwrap();
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_key_of_a_profile_is_used_and_its_absence_told"])
            .env(PROFILE_TEST, server.endpoint())
            .env("AWS_SHARED_CREDENTIALS_FILE", file)
            .env("AWS_CONFIG_FILE", none)
            .env_remove("AWS_PROFILE")
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        assert_eq!(server.keys(), [KEY]);
        return;
    };
    let bucket = Some(s3::BUCKET.to_owned());
    let named = Blob { bucket, endpoint: Some(endpoint), profile: Some("work".to_owned()), ..Blob::default() };
    assert_eq!(put(&named).await.unwrap(), Put::Written);
    for profile in [None, Some("other".to_owned())] {
        let began = Instant::now();
        let error = put(&Blob { profile, ..named.clone() }).await.unwrap_err();
        told(&error, Class::NoCredentials, true, "", "CLOUDRU_S3_ACCESS_KEY");
        assert!(began.elapsed() < Duration::from_secs(10), "a missing profile was looked for in the network");
    }
}

#[tokio::test]
async fn a_folder_where_a_file_stands_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Blob { folder: folder.path().to_owned(), ..Blob::default() };
    std::fs::write(folder.path().join("ocr-results"), "a file").unwrap();
    told(&put(&settings).await.unwrap_err(), Class::BadKey, true, "irectory", "cannot have one name");
}

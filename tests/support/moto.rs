//! moto, an S3 server of other people's making, as an independent peer: `pip install 'moto[server]'` brings it.
//! It checks no signatures and no keys. Where it is not installed it says so, once a test.

#![allow(dead_code, reason = "each test uses its own part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tagdeck::config::{Blob, Credentials, Secret};

/// Set to 1 where moto must be there: then its absence fails the tests.
const REQUIRED: &str = "TAGDECK_REQUIRE_MOTO";
/// Python needs seconds to import it, more on a busy machine.
const LONGEST_START: Duration = Duration::from_secs(90);

/// A running server; it ends when this process does, however it ends.
struct Moto {
    server: Child,
    port: u16,
}

static MOTO: OnceLock<Option<Moto>> = OnceLock::new();
static BUCKETS: AtomicU32 = AtomicU32::new(0);

/// Settings for an empty bucket of its own; `None` when moto is not installed here and not required.
pub async fn bucket() -> Option<Blob> {
    let settings = tokio::task::spawn_blocking(|| MOTO.get_or_init(Moto::start).as_ref().map(Moto::bucket)).await;
    let settings = settings.expect("starting moto panicked");
    if settings.is_none() {
        assert!(std::env::var(REQUIRED).as_deref() != Ok("1"), "{REQUIRED}=1, but there is no moto_server here");
        eprintln!("not run on moto: it is not installed here (pip install 'moto[server]')");
    }
    settings
}

/// What makes moto take a request for one with a key.
pub const SIGNED: &str =
    "Authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n";

/// Sends a request such as `GET /bucket/key` by bare HTTP, for what the trade under test does not do; gives the whole answer.
pub fn send(endpoint: &str, what: &str, header: &str, body: &str) -> String {
    let host = endpoint.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host).unwrap();
    let length = body.len();
    let request =
        format!("{what} HTTP/1.1\r\nHost: {host}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

/// Ends the server when its own standard input ends.
const SCRIPT: &str = r#"
moto_server -H 127.0.0.1 -p "$0" </dev/null >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null' EXIT
trap 'exit 1' INT TERM HUP
read -r _ || :
"#;

impl Moto {
    fn start() -> Option<Self> {
        let installed = Command::new("moto_server").arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            return None;
        }
        // Free now; nobody else asks for a port of a number that was just given out.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = Command::new("sh").args(["-c", SCRIPT, &port.to_string()]).stdin(Stdio::piped()).spawn().unwrap();
        let mut moto = Self { server, port };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = moto.server.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < LONGEST_START, "moto did not start: {ended:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(moto)
    }

    fn bucket(&self) -> Blob {
        let bucket = format!("documents-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let answer = send(&endpoint, &format!("PUT /{bucket}"), SIGNED, "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let any = || Secret::new("any");
        Blob {
            bucket: Some(bucket),
            endpoint: Some(endpoint),
            credentials: Some(Credentials { access_key: any(), secret_key: any(), session_token: None }),
            ..Blob::default()
        }
    }
}

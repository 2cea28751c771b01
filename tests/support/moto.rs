//! moto, an S3 server of other people's making, as an independent peer: `pip install 'moto[server]'` brings it.
//! It checks no signatures and no keys. Where it is not installed it says so, once a test.

#![allow(dead_code, reason = "each test uses its own part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tagdeck::config::{Blob, Credentials, Secret};

/// Set to 1 where moto must be there: then its absence fails the tests.
const REQUIRED: &str = "TAGDECK_REQUIRE_MOTO";
/// Python needs seconds to import it, more on a busy machine.
const LONGEST_START: Duration = Duration::from_secs(90);

/// A running server; it ends when dropped, and when this process ends however it does.
pub struct Moto {
    server: Child,
    port: u16,
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
    /// `None` when moto is not installed here and not required.
    pub fn start() -> Option<Self> {
        let installed = Command::new("moto_server").arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            assert!(std::env::var(REQUIRED).as_deref() != Ok("1"), "{REQUIRED}=1, but there is no moto_server here");
            eprintln!("not run on moto: it is not installed here (pip install 'moto[server]')");
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

    /// Makes a bucket, by the wire: the trade under test makes none.
    pub fn bucket(&self, name: &str) {
        use std::io::{Read, Write};
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let request = format!(
            "PUT /{name} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n",
            self.port
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Settings that use it and this bucket.
    pub fn settings(&self, bucket: &str) -> Blob {
        Blob {
            bucket: Some(bucket.to_owned()),
            endpoint: Some(format!("http://127.0.0.1:{}", self.port)),
            credentials: Some(Credentials {
                access_key: Secret::new("any"),
                secret_key: Secret::new("any"),
                session_token: None,
            }),
            ..Blob::default()
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Its input ends, which ends it.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

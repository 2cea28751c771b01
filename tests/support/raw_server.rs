//! A small HTTP/1.1 server over bare TCP that can do what no well-behaved library lets one do: drip, cut, stall, lie.
//! It is no server for load: one task a connection, bodies with Content-Length only.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How one request is answered.
#[derive(Clone, Debug)]
pub enum Play {
    /// A whole answer; the connection stays open.
    Answer { status: u16, content_type: &'static str, body: Vec<u8> },
    /// A whole answer, a few bytes at a time.
    Drip { body: Vec<u8>, piece: usize, gap: Duration },
    /// The head promises more than comes: the connection ends after this much of the body.
    Cut { body: Vec<u8>, after: usize },
    /// This many bytes in chunks, without any length told before.
    Chunked { total: usize },
    /// The head and this much body, then nothing more while the client waits.
    Stall { body: Vec<u8> },
    /// Not a byte, while the client waits.
    Silence,
    /// The connection ends without a byte.
    HangUp,
    /// These bytes as they are, then the connection ends.
    Bytes(Vec<u8>),
}

impl Play {
    /// 200 with JSON.
    pub fn json(body: &str) -> Self {
        Self::Answer { status: 200, content_type: "application/json", body: body.as_bytes().to_vec() }
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Such as `POST /v1/chat/completions HTTP/1.1`.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Number of the connection it came on, from 0.
    pub connection: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A running server; it ends when dropped.
pub struct RawServer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    accepting: JoinHandle<()>,
}

impl RawServer {
    /// Answers the first request with the first play and so on; the last one goes on for ever.
    pub async fn start(plays: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let plays = Arc::new(plays);
        let requests = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((socket, _)) = listener.accept().await else { return };
                tokio::spawn(serve(socket, connection, Arc::clone(&plays), Arc::clone(&requests)));
            }
        });
        Self { address, seen, accepting }
    }

    /// `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut socket: TcpStream, connection: usize, plays: Arc<Vec<Play>>, seen: Arc<Mutex<Vec<Request>>>) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut socket, &mut buffer, connection).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            seen.len() - 1
        };
        let play = plays[number.min(plays.len() - 1)].clone();
        // The client may hang up on us at any moment; that ends the connection and is no failure of the test.
        if !matches!(act(&mut socket, play).await, Ok(true)) {
            return;
        }
    }
}

/// True when the connection can take another request.
async fn act(socket: &mut TcpStream, play: Play) -> std::io::Result<bool> {
    match play {
        Play::Answer { status, content_type, body } => {
            socket.write_all(head(status, content_type, body.len()).as_bytes()).await?;
            socket.write_all(&body).await?;
            Ok(true)
        }
        Play::Drip { body, piece, gap } => {
            socket.write_all(head(200, "application/json", body.len()).as_bytes()).await?;
            for piece in body.chunks(piece) {
                socket.write_all(piece).await?;
                socket.flush().await?;
                tokio::time::sleep(gap).await;
            }
            Ok(true)
        }
        Play::Cut { body, after } => {
            socket.write_all(head(200, "application/json", body.len().max(after + 1)).as_bytes()).await?;
            socket.write_all(&body[..after.min(body.len())]).await?;
            Ok(false)
        }
        Play::Chunked { total } => {
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            let piece = [b'x'; 8192];
            let mut left = total;
            while left > 0 {
                let size = left.min(piece.len());
                socket.write_all(format!("{size:x}\r\n").as_bytes()).await?;
                socket.write_all(&piece[..size]).await?;
                socket.write_all(b"\r\n").await?;
                left -= size;
            }
            socket.write_all(b"0\r\n\r\n").await?;
            Ok(true)
        }
        Play::Stall { body } => {
            socket.write_all(head(200, "application/json", body.len() + 1).as_bytes()).await?;
            socket.write_all(&body).await?;
            until_closed(socket).await
        }
        Play::Silence => until_closed(socket).await,
        Play::HangUp => Ok(false),
        Play::Bytes(bytes) => {
            socket.write_all(&bytes).await?;
            Ok(false)
        }
    }
}

fn head(status: u16, content_type: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nX-Request-Id: raw-1\r\n\r\n"
    )
}

async fn until_closed(socket: &mut TcpStream) -> std::io::Result<bool> {
    let mut rest = [0; 1024];
    while socket.read(&mut rest).await? > 0 {}
    Ok(false)
}

async fn read_request(socket: &mut TcpStream, buffer: &mut Vec<u8>, connection: usize) -> Option<Request> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(socket, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < end + length {
        more(socket, buffer).await?;
    }
    let body = buffer[end..end + length].to_vec();
    buffer.drain(..end + length);
    Some(Request { line, headers, body, connection })
}

async fn more(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 4096];
    let read = socket.read(&mut piece).await.ok().filter(|read| *read > 0)?;
    buffer.extend_from_slice(&piece[..read]);
    Some(())
}

//! Just enough HTTP/1.1 for a loopback server: requests with Content-Length or chunked bodies, keep-alive, answers of any shape.
//! It is no web framework: no routing, no TLS, no upgrade, and nothing a client sends can grow without limit.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

mod head;

use head::{Framing, chunk_size, parse_head};

/// Longest request head, bytes.
pub const HEAD_MAX: usize = 16 * 1024;
/// Longest request body, bytes.
pub const BODY_MAX: usize = 2 * 1024 * 1024;
/// Longest line of a chunk's size or of the trailers, bytes.
const CHUNK_LINE_MAX: usize = 1024;
/// Headers, or trailer lines, of one request.
const LINES_MAX: usize = 100;
/// How long a kept connection may say nothing.
const IDLE: Duration = Duration::from_mins(2);
/// How long one request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(20);

/// One request, read whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`…
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// What stands after `Bearer ` in Authorization.
    pub bearer: Option<String>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// Whether the client wants to go on with this connection.
    pub keep_alive: bool,
}

/// Why no request could be read.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The connection ended or broke; there is nobody to answer.
    #[error("the connection ended: {0}")]
    Gone(#[from] io::Error),
    /// What came is not a request this server takes; answer with this status and close.
    #[error("{1}")]
    Bad(u16, &'static str),
}

/// A connection and what was read of it but not yet used.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Takes over a fresh connection.
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::with_capacity(8 * 1024) }
    }

    /// The next request; `None` when the client closed between two.
    pub async fn request(&mut self) -> Result<Option<Request>, Refusal> {
        if self.buffer.is_empty() {
            match timeout(IDLE, self.fill()).await {
                Ok(Ok(())) => {}
                Err(_) => return Ok(None),
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Ok(Err(error)) => return Err(error.into()),
            }
        }
        timeout(ARRIVAL, self.whole()).await.unwrap_or(Err(Refusal::Bad(408, "the request took too long to arrive"))).map(Some)
    }

    /// Writes all of it.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Ends the connection in order, so that what was written still arrives.
    pub async fn close(mut self) {
        // The peer may be gone already; there is nothing left to do about it either way.
        let _ = self.stream.shutdown().await;
    }

    async fn whole(&mut self) -> Result<Request, Refusal> {
        let end = self.find(b"\r\n\r\n", 0, HEAD_MAX, Refusal::Bad(431, "the request head is too long")).await? + 4;
        let head = parse_head(&self.buffer[..end])?;
        self.buffer.drain(..end);
        if head.expects_continue {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let mut request = head.request;
        request.body = match head.framing {
            Framing::Length(length) => self.take(length).await?,
            Framing::Chunked => self.chunks().await?,
        };
        Ok(request)
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, Refusal> {
        let mut body = Vec::new();
        loop {
            let size = chunk_size(&self.line().await?)?;
            if size == 0 {
                for _ in 0..LINES_MAX {
                    if self.line().await?.is_empty() {
                        return Ok(body);
                    }
                }
                return Err(Refusal::Bad(431, "too many trailers"));
            }
            if body.len().saturating_add(size) > BODY_MAX {
                return Err(Refusal::Bad(413, "the request body is too long"));
            }
            body.extend_from_slice(&self.take(size).await?);
            if !self.line().await?.is_empty() {
                return Err(Refusal::Bad(400, "a chunk does not end where its size says"));
            }
        }
    }

    async fn line(&mut self) -> Result<Vec<u8>, Refusal> {
        let end = self.find(b"\r\n", 0, CHUNK_LINE_MAX, Refusal::Bad(400, "a chunk's line is too long")).await?;
        let mut line: Vec<u8> = self.buffer.drain(..end + 2).collect();
        line.truncate(end);
        Ok(line)
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Refusal> {
        if length > BODY_MAX {
            return Err(Refusal::Bad(413, "the request body is too long"));
        }
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// Where `needle` starts in the buffer, reading until it is there or `max` bytes hold none.
    async fn find(&mut self, needle: &[u8], mut from: usize, max: usize, too_long: Refusal) -> Result<usize, Refusal> {
        loop {
            if let Some(at) = self.buffer[from..].windows(needle.len()).position(|window| window == needle) {
                return Ok(from + at);
            }
            if self.buffer.len() >= max {
                return Err(too_long);
            }
            from = self.buffer.len().saturating_sub(needle.len() - 1);
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        // A full Vec offers 64 bytes at a time otherwise.
        self.buffer.reserve(4 * 1024);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// How a body is announced in the answer's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// Content-Length.
    Length(usize),
    /// Transfer-Encoding: chunked.
    Chunked,
}

/// The head of an answer, ready for its body; header values must hold no line break.
pub fn answer_head(
    status: u16,
    content_type: &str,
    headers: &[(String, String)],
    announced: Announced,
    keep_alive: bool,
) -> Vec<u8> {
    use std::fmt::Write;
    let mut head = String::with_capacity(256);
    // Writing to a String cannot fail.
    let _ = write!(head, "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\n", reason(status));
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = match announced {
        Announced::Length(length) => write!(head, "Content-Length: {length}\r\n"),
        Announced::Chunked => write!(head, "Transfer-Encoding: chunked\r\n"),
    };
    head.push_str(if keep_alive { "Connection: keep-alive\r\n\r\n" } else { "Connection: close\r\n\r\n" });
    head.into_bytes()
}

/// One chunk; an empty one ends the body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Unnamed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn read_all(bytes: &[u8]) -> Vec<Result<Request, String>> {
        let (mut client, server) = tokio::io::duplex(64);
        let sent = bytes.to_vec();
        let writer = tokio::spawn(async move {
            let _ = client.write_all(&sent).await;
            let _ = client.shutdown().await;
            let mut sink = Vec::new();
            let _ = client.read_to_end(&mut sink).await;
        });
        let mut connection = Connection::new(server);
        let mut seen = Vec::new();
        loop {
            match connection.request().await {
                Ok(Some(request)) => seen.push(Ok(request)),
                Ok(None) => break,
                Err(Refusal::Gone(_)) => {
                    seen.push(Err("gone".to_owned()));
                    break;
                }
                Err(Refusal::Bad(status, _)) => {
                    seen.push(Err(status.to_string()));
                    break;
                }
            }
        }
        connection.close().await;
        writer.await.unwrap();
        seen
    }

    async fn refused(bytes: &[u8]) -> String {
        match read_all(bytes).await.pop() {
            Some(Err(why)) => why,
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn requests_follow_each_other_on_one_connection() {
        let seen = read_all(
            b"POST /a?x=1 HTTP/1.1\r\nAuthorization: Bearer sk-1\r\nContent-Length: 3\r\n\r\nabc\
              POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;ext=1\r\nde\r\n1\r\nf\r\n0\r\nT: 1\r\n\r\n\
              GET /c HTTP/1.0\r\n\r\n",
        )
        .await;
        let seen: Vec<Request> = seen.into_iter().map(Result::unwrap).collect();
        assert_eq!(seen.len(), 3);
        assert_eq!((&*seen[0].path, &*seen[0].body, seen[0].bearer.as_deref()), ("/a", &b"abc"[..], Some("sk-1")));
        assert_eq!((&*seen[1].path, &*seen[1].body, seen[1].keep_alive), ("/b", &b"def"[..], true));
        assert_eq!((&*seen[2].path, seen[2].keep_alive), ("/c", false));
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_with_the_status_that_says_why() {
        assert_eq!(refused(b"\x16\x03\x01 hello\r\n\r\n").await, "400");
        assert_eq!(refused(b"GET / HTTP/2.0\r\n\r\n").await, "505");
        assert_eq!(refused(b"GET / HTTP/1.1\r\nno colon\r\n\r\n").await, "400");
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab").await, "400");
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await, "400");
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na").await, "400");
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n").await, "413");
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n").await, "413");
        assert_eq!(refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n").await, "501");
        assert_eq!(refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n").await, "413");
        assert_eq!(refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n").await, "400");
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort").await, "gone");
        assert_eq!(refused(&[&b"GET / HTTP/1.1\r\nX: "[..], &b"a".repeat(HEAD_MAX)].concat()).await, "431");
        assert_eq!(refused(&[&b"GET / HTTP/1.1\r\n"[..], &b"a: b\r\n".repeat(LINES_MAX + 1), b"\r\n"].concat()).await, "431");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), start in 0usize..3) {
            let starts: [&[u8]; 3] = [b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"];
            let sent = [starts[start], &bytes].concat();
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(read_all(&sent));
        }
    }
}

//! An OpenAI-compatible server whose answers are a function of the request: exact faults, at an exact place, and every body kept.
//! It is no demo: what it says is the test's own.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One chat request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub model: String,
    pub body: Value,
    /// Its number among the requests to this model, from 1.
    pub nth: usize,
}

impl Asked {
    /// All messages as one text.
    pub fn prompt(&self) -> String {
        let messages = self.body["messages"].as_array().unwrap();
        messages.iter().filter_map(|message| message["content"].as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// What the server says.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub after: Duration,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), after: Duration::ZERO }
    }

    /// 200 with these tags.
    pub fn tags(tags: &[&str]) -> Self {
        let content = serde_json::to_string(tags).unwrap();
        let answer = json!({
            "id": "gen-1", "model": "m", "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        });
        Self::new(200, answer.to_string())
    }

    /// An error as OpenRouter words it.
    pub fn error(status: u16, message: &str) -> Self {
        Self::new(status, json!({"error": {"message": message, "code": status}}).to_string())
    }

    pub fn header(mut self, name: &'static str, value: i64) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }
}

type Says = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A running server; it ends when dropped.
pub struct ChatServer {
    pub base_url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    says: Box<Says>,
    /// Body of `/models`; 404 without one.
    models: Mutex<Option<String>>,
    seen: Mutex<Vec<Asked>>,
}

impl ChatServer {
    /// A server without a list of models: a route on it is taken unchecked.
    pub async fn start(says: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { says: Box::new(says), models: Mutex::default(), seen: Mutex::default() });
        let serving = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&serving)));
            }
        });
        Self { base_url, shared, accepting }
    }

    /// Lists models: id and dollars for a token of prompt and answer.
    pub fn list(self, models: &[(&str, &str)]) -> Self {
        let data: Vec<Value> = models
            .iter()
            .map(|(id, price)| json!({"id": id, "context_length": 32000, "pricing": {"prompt": price, "completion": price}}))
            .collect();
        *self.shared.models.lock().unwrap() = Some(json!({ "data": data }).to_string());
        self
    }

    /// Every chat request so far.
    pub fn seen(&self) -> Vec<Asked> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    /// Models in the order they were asked.
    pub fn models_asked(&self) -> Vec<String> {
        self.seen().into_iter().map(|asked| asked.model).collect()
    }
}

impl Drop for ChatServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut socket: TcpStream, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    // The client may hang up at any moment; that ends the connection and is no failure of the test.
    while let Some((line, body)) = request(&mut socket, &mut buffer).await {
        let answer = if line.starts_with("GET") {
            shared
                .models
                .lock()
                .unwrap()
                .clone()
                .map_or_else(|| Answer::error(404, "no such page"), |list| Answer::new(200, list))
        } else {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let model = body["model"].as_str().unwrap().to_owned();
            let asked = {
                let mut seen = shared.seen.lock().unwrap();
                let nth = seen.iter().filter(|asked| asked.model == model).count() + 1;
                let asked = Asked { model, body, nth };
                seen.push(asked.clone());
                asked
            };
            (shared.says)(&asked)
        };
        tokio::time::sleep(answer.after).await;
        let mut head = format!(
            "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            answer.status,
            answer.body.len()
        );
        for (name, value) in &answer.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let bytes = [head.as_bytes(), b"\r\n", answer.body.as_bytes()].concat();
        if socket.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(socket, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |n| n.trim().parse().unwrap());
    while buffer.len() < end + length {
        more(socket, buffer).await?;
    }
    let body = buffer[end..end + length].to_vec();
    let line = String::from_utf8_lossy(&buffer[..end]).lines().next().unwrap_or_default().to_owned();
    buffer.drain(..end + length);
    Some((line, body))
}

async fn more(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 8192];
    let read = socket.read(&mut piece).await.ok().filter(|read| *read > 0)?;
    buffer.extend_from_slice(&piece[..read]);
    Some(())
}

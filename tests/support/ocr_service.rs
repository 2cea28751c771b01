//! A stand-in for the PaddleOCR-VL service and the gateway before it, over the real wire: it answers, or gives up and works on behind
//! the client's back, putting its results into the bucket (a folder, laid out like the service's S3) when it is done.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it does with one image.
#[derive(Clone, Debug)]
pub enum Plan {
    /// 200 with the text, as with `return_content`.
    Content,
    /// 200 without it: only the key in the bucket.
    Key,
    /// This status after that time; the result comes to the bucket later, or never.
    GiveUp { status: u16, after: Duration, result: Option<Duration> },
    /// Not a byte; the result comes to the bucket later, or never.
    Hang { result: Option<Duration> },
    /// The head of an answer, and the end of the connection.
    Cut { result: Option<Duration> },
    /// This status and body at once.
    Say(u16, &'static str),
}

/// One submission.
#[derive(Clone, Debug)]
pub struct Submitted {
    pub file_name: String,
    pub key: Option<String>,
    pub body: Vec<u8>,
    pub return_content: bool,
}

pub struct OcrService {
    address: SocketAddr,
    pub bucket: PathBuf,
    seen: Arc<Mutex<Vec<Submitted>>>,
    accepting: JoinHandle<()>,
}

impl OcrService {
    /// The first image meets the first plan and so on; the last one stays.
    pub async fn start(bucket: PathBuf, plans: Vec<Plan>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (submitted, folder) = (Arc::clone(&seen), bucket.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, plans.clone(), folder.clone(), Arc::clone(&submitted)));
            }
        });
        Self { address, bucket, seen, accepting }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn submitted(&self) -> Vec<Submitted> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for OcrService {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut socket: TcpStream, plans: Vec<Plan>, bucket: PathBuf, seen: Arc<Mutex<Vec<Submitted>>>) {
    let Some((head, body)) = request(&mut socket).await else { return };
    if head.starts_with("GET /health ") {
        let said = json!({"status": "healthy", "paddleocr": "ready", "s3_storage": "connected"}).to_string();
        let _ = socket.write_all(answer(200, &said).as_bytes()).await;
        return;
    }
    let submitted = parse(&head, body);
    let stem = submitted.file_name.rsplit_once('.').unwrap().0.to_owned();
    let plan = {
        let mut seen = seen.lock().unwrap();
        seen.push(submitted);
        plans[(seen.len() - 1).min(plans.len() - 1)].clone()
    };
    let put = |after: Option<Duration>| {
        let (bucket, stem) = (bucket.clone(), stem.clone());
        if let Some(after) = after {
            // The work goes on whatever becomes of the connection.
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                store(&bucket, &stem);
            });
        }
    };
    match plan {
        Plan::Content => {
            let key = store(&bucket, &stem);
            let said = json!({"status": "success", "input_type": "file", "elapsed_sec": 31.4, "timestamp": "2026-11-22T10:00:00",
                "local_files": {}, "s3_files": {"status": "uploaded", "bucket": "b", "s3_key_markdown": key},
                "markdown_text": markdown(&stem), "json_data": result(&stem)});
            let _ = socket.write_all(answer(200, &said.to_string()).as_bytes()).await;
        }
        Plan::Key => {
            let key = store(&bucket, &stem);
            let said = json!({"status": "success", "s3_files": {"status": "uploaded", "s3_key_markdown": key}});
            let _ = socket.write_all(answer(200, &said.to_string()).as_bytes()).await;
        }
        Plan::GiveUp { status, after, result } => {
            put(result);
            tokio::time::sleep(after).await;
            let _ = socket.write_all(answer(status, "<html><h1>Bad Gateway</h1></html>").as_bytes()).await;
        }
        Plan::Hang { result } => {
            put(result);
            let mut rest = [0; 64];
            while socket.read(&mut rest).await.is_ok_and(|read| read > 0) {}
        }
        Plan::Cut { result } => {
            put(result);
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"status\":").await;
        }
        Plan::Say(status, body) => {
            let _ = socket.write_all(answer(status, body).as_bytes()).await;
        }
    }
}

fn answer(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What the service makes of every image.
pub fn markdown(stem: &str) -> String {
    format!("## Счёт № 7\n\nПрочитано сервисом: {stem}\n\n<table><tr><td>Товар</td><td>12</td></tr></table>\n")
}

fn result(stem: &str) -> serde_json::Value {
    json!({"width": 1240, "height": 1754, "parsing_res_list": [
        {"block_label": "paragraph_title", "block_content": "Счёт № 7", "block_bbox": [10, 10, 300, 40]},
        {"block_label": "text", "block_content": format!("Прочитано сервисом: {stem}"), "block_bbox": [10, 50, 600, 80]},
        {"block_label": "table", "block_content": "<table><tr><td>Товар</td><td>12</td></tr></table>", "block_bbox": [10, 90, 600, 200]},
    ]})
}

/// Puts a result where and how the service does; the key.
pub fn store(bucket: &std::path::Path, stem: &str) -> String {
    let now = jiff::Zoned::now().strftime("%Y%m%d_%H%M%S").to_string();
    let folder = bucket.join("ocr-results");
    std::fs::create_dir_all(&folder).unwrap();
    let name = format!("{now}_{stem}");
    std::fs::write(folder.join(format!("{name}.json")), result(stem).to_string()).unwrap();
    std::fs::write(folder.join(format!("{name}.md")), markdown(stem)).unwrap();
    format!("ocr-results/{name}.md")
}

async fn request(socket: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut buffer = Vec::new();
    let mut piece = vec![0; 65536];
    loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..at]).into_owned();
            let length = field(&head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
            if buffer.len() >= at + 4 + length {
                return Some((head, buffer[at + 4..].to_vec()));
            }
        }
        let read = socket.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        buffer.extend_from_slice(&piece[..read]);
    }
}

fn field(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn parse(head: &str, body: Vec<u8>) -> Submitted {
    assert!(head.starts_with("POST /ocr "), "{head}");
    let text = String::from_utf8_lossy(&body);
    let file_name = text.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("none.png").to_owned();
    let content = text.split("name=\"return_content\"").nth(1).is_some_and(|rest| rest.trim_start().starts_with("true"));
    Submitted { file_name, key: field(head, "x-api-key"), return_content: content, body }
}

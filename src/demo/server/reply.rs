//! From a request to the bytes that answer it: routing, the key, and the ways an answer can travel.
//! What strikes is decided elsewhere; this only carries it out.

use std::io;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use super::body::Scene;
use super::catalogue::{self, Fault, Travel};
use super::chat::Chat;
use super::draw::text_hash;
use super::http::{Announced, Connection, Request, answer_head, chunk};
use super::{Asking, Shared, roster};
use crate::domain::Millis;
use crate::engine::event::wall_clock;

/// Pause between two bytes of a drip.
const DRIP_EVERY: Duration = Duration::from_millis(200);
/// Bytes of one chunk of a large body.
const CHUNK: usize = 64 * 1024;

/// An answer, and how it is to be sent.
#[derive(Debug)]
pub(crate) struct Reply {
    latency: Duration,
    status: u16,
    kind: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    travel: Travel,
    drip: Duration,
}

impl Reply {
    fn json(status: u16, body: String) -> Self {
        Self {
            latency: Duration::ZERO,
            status,
            kind: "application/json",
            headers: Vec::new(),
            body: body.into_bytes(),
            travel: Travel::Whole,
            drip: Duration::ZERO,
        }
    }

    /// What a request that cannot be read is answered with.
    pub(crate) fn refusal(status: u16, why: &str) -> Self {
        Self::json(status, json!({"error": {"message": why, "code": status}}).to_string())
    }

    /// Sends it; true when the connection can be used again.
    pub(crate) async fn send<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        connection: &mut Connection<S>,
        keep_alive: bool,
    ) -> io::Result<bool> {
        if !self.latency.is_zero() {
            sleep(self.latency).await;
        }
        let head = |announced, keep_alive| answer_head(self.status, self.kind, &self.headers, announced, keep_alive);
        match self.travel {
            Travel::Whole | Travel::Cp1251 => {
                let mut bytes = head(Announced::Length(self.body.len()), keep_alive);
                bytes.extend_from_slice(&self.body);
                connection.write(&bytes).await?;
                Ok(keep_alive)
            }
            Travel::Chunked | Travel::Huge => {
                connection.write(&head(Announced::Chunked, keep_alive)).await?;
                for piece in self.body.chunks(CHUNK) {
                    connection.write(&chunk(piece)).await?;
                }
                connection.write(&chunk(b"")).await?;
                Ok(keep_alive)
            }
            Travel::Drip => {
                connection.write(&head(Announced::Chunked, false)).await?;
                let end = Instant::now() + self.drip;
                while Instant::now() < end {
                    connection.write(&chunk(b" ")).await?;
                    sleep(DRIP_EVERY).await;
                }
                Ok(false)
            }
            Travel::CutMidway => {
                let mut bytes = head(Announced::Length(self.body.len()), false);
                bytes.extend_from_slice(&self.body[..self.body.len() / 2]);
                connection.write(&bytes).await?;
                Ok(false)
            }
            Travel::NoAnswer => Ok(false),
        }
    }
}

impl Shared {
    /// The answer to one request.
    pub(super) fn reply(&self, request: &Request) -> Reply {
        match (&*request.method, &*request.path) {
            ("POST", "/api/v1/chat/completions") if self.knows(request) => self.chat(request),
            ("GET", "/api/v1/key") if self.knows(request) => Reply::json(200, self.key_report()),
            ("POST", "/api/v1/chat/completions") | ("GET", "/api/v1/key") => bad_key(),
            // OpenRouter shows its models to anybody.
            ("GET", "/api/v1/models") => Reply::json(200, self.listing.clone()),
            (_, "/api/v1/chat/completions" | "/api/v1/key" | "/api/v1/models") => Reply::refusal(405, "Method Not Allowed"),
            _ => Reply::refusal(404, "Not Found"),
        }
    }

    fn knows(&self, request: &Request) -> bool {
        request.bearer.as_ref() == Some(&self.key)
    }

    fn key_report(&self) -> String {
        let spent = self.lock().spent_micros as f64 / 1e6;
        json!({"data": {
            "label": "demo key", "limit": null, "limit_remaining": null, "usage": spent, "usage_daily": spent,
            "is_free_tier": false, "is_provisioning_key": false, "rate_limit": {"requests": -1, "interval": "10s"},
        }})
        .to_string()
    }

    fn chat(&self, request: &Request) -> Reply {
        let chat: Chat<'_> = match serde_json::from_slice(&request.body) {
            Ok(chat) => chat,
            Err(error) => return Reply::refusal(400, &format!("The request is not a chat request: {error}")),
        };
        let post = chat.post();
        let asking = Asking {
            model: &chat.model,
            text: &post,
            hash: text_hash(&post),
            format: chat.format(),
            temperature: chat.has_temperature(),
        };
        let fate = self.decide(&asking);
        let tags = (self.answer)(&post);
        let now = wall_clock();
        let after = |time: Duration| now.saturating_add(Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX));
        let scene = Scene {
            id: &format!("gen-demo-{:08x}-{}", asking.hash >> 32, fate.n),
            model: &chat.model,
            priced: roster::find(&chat.model),
            tags: &tags,
            format: asking.format,
            request_bytes: request.body.len(),
            minute: after(self.faults.minute),
            day: after(self.faults.day),
        };
        let mut reply = if let Some(fault) = fate.fault {
            self.struck(fault, &scene)
        } else {
            self.lock().spent_micros += scene.cost_micros();
            Reply::json(200, scene.answer())
        };
        reply.latency = fate.latency;
        reply
    }

    fn struck(&self, fault: &Fault, scene: &Scene<'_>) -> Reply {
        let (kind, body) = scene.fault(fault);
        Reply {
            status: fault.status,
            kind,
            headers: fault.headers.iter().map(|(name, value)| ((*name).to_owned(), scene.fill(value))).collect(),
            body,
            travel: fault.travel,
            drip: self.faults.drip,
            ..Reply::json(fault.status, String::new())
        }
    }
}

fn bad_key() -> Reply {
    // The catalogue's entry holds no mark, so that it needs no scene.
    match catalogue::find("bad_key_401").map(|fault| (fault.status, fault.body)) {
        Some((status, catalogue::Body::Json(body))) => Reply::json(status, body.to_owned()),
        _ => Reply::refusal(401, "User not found."),
    }
}

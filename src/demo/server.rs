//! An OpenRouter-like server inside this process, on loopback alone, that fails on purpose and from a seed.
//! It is no gateway: the answers come from a function, and with `share` 0 it is the perfect server of tests and benches.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::domain::Millis;
use crate::engine::event::wall_clock;
use crate::text::Safe;

mod body;
pub mod catalogue;
mod chat;
mod deal;
mod draw;
mod fault;
pub mod http;
mod reply;
pub mod roster;

pub use draw::text_hash;
pub use fault::{Asking, Faults, Plan, is_drawn};
pub use roster::CONTEXT_CHARS;

use catalogue::Fault;
use http::{Connection, Refusal};
use roster::{Model, Temper};

/// Requests the log holds before the oldest is dropped; a count file has no such end.
pub const LOG_CAPACITY: usize = 100_000;

/// Tags for a post's text; the demo passes `llm::keywords`.
pub type Answer = Arc<dyn Fn(&str) -> Vec<String> + Send + Sync>;

/// What a server is started with.
#[derive(Clone)]
pub struct Setup {
    /// The one key it takes.
    pub key: String,
    /// How it fails.
    pub faults: Faults,
    /// Where answers come from.
    pub answer: Answer,
    /// One line is appended here for each chat request before it is answered: number, model, hash of the text, fault or `-`, tabs between.
    pub count_file: Option<PathBuf>,
}

/// One chat request with a good key, as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number, from 1, in the order of arrival.
    pub n: u64,
    /// The model asked for.
    pub model: Arc<str>,
    /// [`text_hash`] of the post found in the prompt.
    pub text_hash: u64,
    /// What struck it.
    pub fault: Option<&'static str>,
    /// When, by this machine's clock.
    pub at: Millis,
}

/// A running server; dropped, it stops and cuts its connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Binds a free port of 127.0.0.1 and serves on the current runtime.
    pub async fn start(setup: Setup) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(setup)?);
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// Address and port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a provider's `base_url` must be.
    pub fn base_url(&self) -> String {
        format!("http://{}/api/v1", self.address)
    }

    /// The newest [`LOG_CAPACITY`] requests, oldest first.
    pub fn log(&self) -> Vec<Seen> {
        self.shared.lock().log.iter().cloned().collect()
    }

    /// All requests so far.
    pub fn asked(&self) -> u64 {
        self.shared.lock().asked
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The connections live in the accepting task and end with it.
        self.accepting.abort();
    }
}

/// What all connections share.
pub(crate) struct Shared {
    key: String,
    answer: Answer,
    faults: Faults,
    plan: Plan,
    listing: String,
    memory: Mutex<Memory>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("faults", &self.faults).finish_non_exhaustive()
    }
}

/// What the server remembers of the run.
#[derive(Debug, Default)]
struct Memory {
    asked: u64,
    log: VecDeque<Seen>,
    names: HashSet<Arc<str>>,
    /// How often a model was asked about a post, certain faults and those of the run aside.
    drawn: HashMap<(u64, u64), u32>,
    posts: HashSet<u64>,
    /// First request to each model with a slow start.
    started: HashMap<&'static str, Instant>,
    night: Night,
    spent_micros: u64,
    count_file: Option<File>,
}

/// The free models' daily limit strikes once a run; the first call after it meets a crowd upstream.
#[derive(Clone, Copy, Debug, Default)]
enum Night {
    #[default]
    NotYet,
    Since(Instant),
    Over,
}

/// What was decided about one asking.
#[derive(Clone, Copy, Debug)]
struct Fate {
    n: u64,
    fault: Option<&'static Fault>,
    latency: Duration,
}

impl Shared {
    fn new(setup: Setup) -> io::Result<Self> {
        let open = |path| OpenOptions::new().append(true).create(true).open(path);
        let count_file = setup.count_file.map(open).transpose()?;
        Ok(Self {
            key: setup.key,
            answer: setup.answer,
            plan: Plan::new(&setup.faults),
            faults: setup.faults,
            listing: roster::listing(),
            memory: Mutex::new(Memory { count_file, ..Memory::default() }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides about an asking and remembers it.
    fn decide(&self, asking: &Asking<'_>) -> Fate {
        let model = roster::find(asking.model);
        let mut memory = self.lock();
        let (fault, nth) = match asking.model.strip_prefix("fault/").map(catalogue::find) {
            Some(named) => (named, 0),
            None if self.plan.is_perfect() => (None, 0),
            None => self.strike(&mut memory, model, asking),
        };
        let n = memory.record(asking, fault);
        Fate { n, fault, latency: self.plan.latency(asking, nth) }
    }

    /// The fault, and how many draws there were before about this model and post.
    fn strike(&self, memory: &mut Memory, model: Option<&'static Model>, asking: &Asking<'_>) -> (Option<&'static Fault>, u32) {
        memory.posts.insert(asking.hash);
        let sure = memory.of_the_run(&self.faults, model).or_else(|| self.plan.certain(model, asking));
        let (None, Some(model)) = (sure, model) else { return (sure, 0) };
        let count = memory.drawn.entry((draw::name_hash(model.id), asking.hash)).or_default();
        let nth = *count;
        *count = nth.saturating_add(1);
        (self.plan.drawn(model, asking, nth), nth)
    }
}

impl Memory {
    /// Faults that need a clock or a count: a model that still loads, the daily limit of the free models.
    fn of_the_run(&mut self, faults: &Faults, model: Option<&'static Model>) -> Option<&'static Fault> {
        let model = model?;
        if model.temper == Temper::SlowStart
            && self.started.entry(model.id).or_insert_with(Instant::now).elapsed() < faults.loading
        {
            return catalogue::find("loading_503");
        }
        let late = faults.day_after.is_some_and(|posts| self.posts.len() > posts);
        if !model.is_free() || !late {
            return None;
        }
        match self.night {
            Night::NotYet => self.night = Night::Since(Instant::now()),
            Night::Since(since) if since.elapsed() < faults.day => {}
            Night::Since(_) => {
                self.night = Night::Over;
                return catalogue::find("upstream_429");
            }
            Night::Over => return None,
        }
        catalogue::find("free_per_day")
    }

    fn record(&mut self, asking: &Asking<'_>, fault: Option<&'static Fault>) -> u64 {
        self.asked += 1;
        let n = self.asked;
        let model = self.name(asking.model);
        let fault = fault.map(|fault| fault.name);
        if let Some(file) = &mut self.count_file {
            let line = format!("{n}\t{}\t{:016x}\t{}\n", Safe::line(asking.model), asking.hash, fault.unwrap_or("-"));
            // One write a line, so that lines of several servers on one file do not mix; the answer matters more than a full disk.
            let _ = file.write_all(line.as_bytes());
        }
        if self.log.len() == LOG_CAPACITY {
            self.log.pop_front();
        }
        self.log.push_back(Seen { n, model, text_hash: asking.hash, fault, at: wall_clock() });
        n
    }

    /// One copy of each model's name; names that only a hostile client can send are not kept.
    fn name(&mut self, model: &str) -> Arc<str> {
        if let Some(known) = self.names.get(model) {
            return Arc::clone(known);
        }
        let name: Arc<str> = crate::text::first_chars(model, 200).into();
        if self.names.len() < 1000 && name.len() == model.len() {
            self.names.insert(Arc::clone(&name));
        }
        name
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
                // Out of file descriptors or the like: it passes when connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it a small answer may wait 40 ms for an acknowledgement; if it cannot be set, that is all that happens.
    let _ = stream.set_nodelay(true);
    let mut connection = Connection::new(stream);
    loop {
        let (reply, keep_alive) = match connection.request().await {
            Ok(Some(request)) => (shared.reply(&request), request.keep_alive),
            Ok(None) | Err(Refusal::Gone(_)) => return,
            Err(Refusal::Bad(status, why)) => (reply::Reply::refusal(status, why), false),
        };
        match reply.send(&mut connection, keep_alive).await {
            Ok(true) => {}
            Ok(false) => return connection.close().await,
            Err(_) => return,
        }
    }
}

//! `tagdeck serve`, and the server inside `tagdeck run --listen`.
//! What is answered is `api`'s.

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};

use color_eyre::eyre::{Result, WrapErr};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::args::{Common, Serve};
use super::output::{self, Exit};
use super::session::{self, LogTo, Reloads};
use crate::api::{Front, Server};
use crate::config::Config;
use crate::ops::Ops;
use crate::store::Access;

/// See the module.
pub fn run(common: &Common, args: &Serve) -> Result<Exit> {
    let mut config = session::settings(common)?;
    session::start_kept_log(&config, &LogTo::Stderr)?;
    session::block_on(async {
        // First: a SIGHUP that comes while the database is opened must not end it.
        let mut reloads = Reloads::of(&config)?;
        let store = session::open(&config, Access::ReadWrite).await?;
        let mut stops = session::stops(!reloads.can())?;
        let serving = Serving::start(args.listen.unwrap_or(config.api.listen), &config).await?;
        loop {
            serving.show(Ops::observing(store.clone(), &config.tagging), &config).await?;
            config = tokio::select! {
                _ = stops.wait_for(|stops| *stops > 0) => break,
                new = reloads.next(common, |new| serving.front.admits(new)) => new,
            };
        }
        serving.end().await;
        Ok(Exit::Done)
    })?
}

/// A server that answers in the background, on threads of its own: requests, however many, wait for each other and not the engine for
/// them.
pub struct Serving {
    /// What is answered.
    pub front: Front,
    announced: AtomicBool,
    address: SocketAddr,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// Outlives the engine: connections to the database that were made for a request serve others later.
    _threads: Threads,
}

/// Threads that are left to themselves in the end: a task must not wait for them.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Serving {
    /// Listens; until it is told what to answer, it answers that it is starting.
    pub async fn start(address: SocketAddr, config: &Config) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let runtime = Builder::new_multi_thread().worker_threads((cores / 2).clamp(1, 4)).thread_name("api").enable_all().build();
        let runtime = runtime.wrap_err("cannot start the threads of the API")?;
        let (on, threads, settings) = (runtime.handle().clone(), Threads(Some(runtime)), config.api.clone());
        let server = on.spawn(async move { Server::bind(address, &settings).await }).await??;
        let (address, front) = (server.address(), server.front());
        let (end, mut ending) = watch::channel(false);
        let task = on.spawn(server.serve(async move {
            // An error means that nobody is left who could ask for it.
            let _ = ending.wait_for(|end| *end).await;
        }));
        Ok(Self { front, announced: AtomicBool::new(false), address, end, task, _threads: threads })
    }

    /// Answers with these from now on; says where, the first time.
    pub async fn show(&self, ops: Ops, config: &Config) -> Result<()> {
        let (ops, _) = session::with_blobs(ops, config).await;
        self.front.show(ops, config)?;
        if !self.announced.swap(true, Ordering::Relaxed) {
            output::complain(&format!("tagdeck: listening on http://{}", self.address));
        }
        Ok(())
    }

    /// Takes nothing more and ends what is in work.
    pub async fn end(self) {
        self.end.send_replace(true);
        if let Err(error) = self.task.await {
            output::complain(&format!("tagdeck: the server ended unexpectedly: {error}"));
        }
    }

    /// As [`Serving::end`], later: when this is ready.
    pub fn end_with(&self, mut stops: watch::Receiver<u32>) {
        let end = self.end.clone();
        tokio::spawn(async move {
            let _ = stops.wait_for(|stops| *stops > 0).await;
            end.send_replace(true);
        });
    }
}

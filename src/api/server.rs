//! The listening socket: takes connections, ends those that send no request, and stops in order.
//! What is answered is the router's; it can be replaced while connections live.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::Service;

use super::gate::Peer;
use super::metrics::Meter;
use super::reply::starting;
use crate::config::{Api, Config};
use crate::ops::Ops;
use crate::text::Safe;

/// Longest time for a request's head to come in, and for the next one on a connection that is kept.
const HEAD: Duration = Duration::from_secs(15);
/// For requests in work when a stop was asked for; the promise is 5 s in all.
const FAREWELL: Duration = Duration::from_secs(4);
/// After a connection could not be taken, for want of files mostly.
const BREATH: Duration = Duration::from_millis(50);
/// Open files besides connections: the database, models, uploads.
const FILES: u64 = 512;

/// Why the API does not run.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Everybody could change everything.
    #[error(
        "{address} can be reached from other machines, and no token is set: set TAGDECK_API_TOKEN (`openssl rand -hex 24` makes one) \
         or `tokens` under [api], or listen on 127.0.0.1"
    )]
    Open {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}: {cause}; is another program there, or is the address not this machine's?")]
    Bind {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        cause: Safe,
    },
}

/// A socket that listens; nobody is answered before [`Server::serve`].
pub struct Server {
    listener: TcpListener,
    front: Front,
    connections: usize,
    /// For a request's head.
    head: Duration,
    stop: watch::Sender<bool>,
}

/// What a server answers with; clones share it.
#[derive(Clone)]
pub struct Front {
    address: SocketAddr,
    router: Arc<watch::Sender<Router>>,
    meter: Arc<Meter>,
    stopping: watch::Receiver<bool>,
}

impl Server {
    /// Listens; refuses an address that others can reach when there is no token.
    pub async fn bind(address: SocketAddr, settings: &Api) -> Result<Self, ApiError> {
        closed(address, settings)?;
        make_room(settings.concurrency * 2);
        let failed = |error: std::io::Error| ApiError::Bind { address, cause: Safe::line(&error.to_string()) };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopping) = watch::channel(false);
        let router = Arc::new(watch::Sender::new(Router::new().fallback(starting)));
        let front = Front { address, router, meter: Arc::new(Meter::new()), stopping };
        Ok(Self { listener, front, connections: settings.concurrency * 2, head: HEAD.min(settings.timeout), stop })
    }

    /// Where it listens; with port 0, the one that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// To say what is answered.
    pub fn front(&self) -> Front {
        self.front.clone()
    }

    /// Answers until `stop` is ready; then takes nothing more and ends what is in work within 5 s.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(self.connections));
        let graceful = GracefulShutdown::new();
        tokio::pin!(stop);
        loop {
            let taken = async {
                // Never closed.
                let place = Arc::clone(&places).acquire_owned().await.ok();
                (self.listener.accept().await, place)
            };
            tokio::select! {
                () = &mut stop => break,
                (accepted, place) = taken => match accepted {
                    Ok((stream, peer)) => self.talk(stream, peer, place, &graceful),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be taken");
                        tokio::time::sleep(BREATH).await;
                    }
                },
            }
        }
        drop(self.listener);
        self.stop.send_replace(true);
        if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off");
        }
    }

    fn talk(&self, stream: TcpStream, peer: SocketAddr, place: Option<OwnedSemaphorePermit>, graceful: &GracefulShutdown) {
        // Only a delay is lost without it.
        let _ = stream.set_nodelay(true);
        let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.head);
        let service = TowerToHyperService::new(Current { router: self.front.router.subscribe(), peer: Peer(peer.ip()) });
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %Safe::line(&error.to_string()), "a connection ended early");
            }
            drop(place);
        });
    }
}

impl Front {
    /// Whether these settings would leave the door open.
    pub fn admits(&self, config: &Config) -> Result<(), ApiError> {
        closed(self.address, &config.api)
    }

    /// Answers with these from the next request on; connections live on.
    pub fn show(&self, ops: Ops, config: &Config) -> Result<(), ApiError> {
        self.admits(config)?;
        drop(self.router.send_replace(super::router(ops, config, Arc::clone(&self.meter), self.stopping.clone())));
        Ok(())
    }
}

fn closed(address: SocketAddr, settings: &Api) -> Result<(), ApiError> {
    if address.ip().is_loopback() || !settings.tokens.is_empty() { Ok(()) } else { Err(ApiError::Open { address }) }
}

/// The router of the moment, for one connection.
#[derive(Clone)]
struct Current {
    router: watch::Receiver<Router>,
    peer: Peer,
}

impl<B> Service<Request<B>> for Current
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <Router as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        let mut router = self.router.borrow().clone();
        router.call(request)
    }
}

/// A connection is an open file, and a shell allows 1,024 of them; more are usually allowed to those who ask.
fn make_room(connections: usize) {
    let wanted = connections as u64 + FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let current = limit.maximum.map_or(wanted, |most| most.min(wanted));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: limit.maximum }) {
        tracing::warn!(%error, "fewer connections than api.concurrency will be possible");
    }
}

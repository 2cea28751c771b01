//! The HTTP API: the routes of the services that tagdeck replaces, with the same keys, and what they never had.
//! It holds no use case: a route calls the function of `ops` that a subcommand and a key call as well.
//!
//! ```text
//! connection ──> gate: id, panics, host, token, rate, size, time ──> route ──> ops
//!    └─ server: heads that do not come, too many connections, a stop in order
//! ```

mod counts;
mod files;
mod gate;
mod health;
mod inbox;
mod intake;
mod linger;
mod metrics;
mod openapi;
mod posts;
mod reading;
mod reply;
mod server;

use std::sync::Arc;

use axum::Router;
use tokio::sync::{Semaphore, watch};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::{Api, Config};
use crate::ops::Ops;
use counts::Counts;
use gate::Gate;
use health::Standing;
use inbox::Inbox;
use metrics::Meter;

pub use server::{ApiError, Front, Server};

/// What every route works with.
struct Desk {
    ops: Ops,
    counts: Counts,
    settings: Api,
    standing: watch::Receiver<Standing>,
    meter: Arc<Meter>,
    inbox: Inbox,
    /// Documents go to S3.
    in_bucket: bool,
    /// Places for images in memory.
    uploads: Semaphore,
    /// True when the server is about to end.
    stopping: watch::Receiver<bool>,
}

type Shared = Arc<Desk>;

/// All routes behind the gate. What is measured outlives them: a counter that began again would look like a restart.
fn router(ops: Ops, config: &Config, meter: Arc<Meter>, stopping: watch::Receiver<bool>) -> Router {
    let gate = Arc::new(Gate::new(&config.api, meter.traffic()));
    let standing = health::follow(ops.clone(), stopping.clone());
    let settings = config.api.clone();
    let in_bucket = config.blob.bucket.is_some();
    let (inbox, uploads) = (Inbox::of(config), Semaphore::new(settings.uploads));
    let desk: Shared =
        Arc::new(Desk { counts: Counts::default(), ops, settings, standing, meter, inbox, in_bucket, uploads, stopping });
    let (routes, _) = described().split_for_parts();
    let routes = routes.fallback(reply::no_such_route).method_not_allowed_fallback(reply::method_not_allowed).with_state(desk);
    gate::around(routes, gate)
}

/// Every route with its description.
fn described() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(posts::tagging_stats))
        .routes(routes!(posts::retry_tagging))
        .routes(routes!(posts::regenerate_tags))
        .routes(routes!(posts::list))
        .routes(routes!(posts::one))
        .routes(routes!(reading::read))
        .routes(routes!(reading::read_later))
        .routes(routes!(reading::status))
        .routes(routes!(reading::result))
        .routes(routes!(files::list))
        .routes(routes!(files::one))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::described_here))
}

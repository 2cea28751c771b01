//! `/metrics`: what Prometheus asks for, written when it asks.
//! Numbers come from `ops`; only the API's own requests are counted here.

use std::fmt::Write;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

use super::Shared;
use super::health::word;
use super::reply::Problem;
use crate::domain::{JobKind, Snapshot, Status, StatusCounts};
use crate::ops::CallTally;

const TYPE: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Upper ends of the classes of answering time, seconds.
const TIMES: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 60.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByJob {
    kind: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCall {
    model: String,
    outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPhase {
    phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAnswer {
    route: String,
    method: &'static str,
    status: u16,
}

/// The API's own requests; the gate counts them.
#[derive(Clone)]
pub struct Traffic {
    answers: Family<ByAnswer, Counter>,
    times: Family<ByRoute, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: String,
}

impl Traffic {
    fn new() -> Self {
        Self { answers: Family::default(), times: Family::new_with_constructor(|| Histogram::new(TIMES)) }
    }

    /// One answer. Paths that nobody answers are counted together: a scanner must not make a line each.
    pub fn count(&self, route: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let route = route.unwrap_or("other").to_owned();
        let method = match *method {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::HEAD => "HEAD",
            _ => "other",
        };
        self.times.get_or_create(&ByRoute { route: route.clone() }).observe(took.as_secs_f64());
        self.answers.get_or_create(&ByAnswer { route, method, status: status.as_u16() }).inc();
    }
}

/// Everything that is measured.
pub struct Meter {
    registry: Registry,
    traffic: Traffic,
    posts: Family<ByStatus, Gauge>,
    jobs: Family<ByJob, Gauge>,
    calls: Family<ByCall, Counter>,
    phase: Family<ByPhase, Gauge>,
    workers: Family<ByKind, Gauge>,
    uploads: Family<ByState, Gauge>,
    in_flight: Gauge,
    spent: Gauge,
    /// What was counted of the calls so far; one asker at a time.
    counted: Mutex<CallTally>,
}

impl Meter {
    pub fn new() -> Self {
        let mut meter = Self {
            registry: Registry::with_prefix("tagdeck"),
            traffic: Traffic::new(),
            posts: Family::default(),
            jobs: Family::default(),
            calls: Family::default(),
            phase: Family::default(),
            workers: Family::default(),
            uploads: Family::default(),
            in_flight: Gauge::default(),
            spent: Gauge::default(),
            counted: Mutex::default(),
        };
        let registry = &mut meter.registry;
        registry.register("posts", "Posts by status", meter.posts.clone());
        registry.register("jobs", "Jobs of images by state", meter.jobs.clone());
        registry.register("uploads", "Documents on their way into the blob store by state", meter.uploads.clone());
        registry.register(
            "calls",
            "Calls that ended since this process was first asked, of all engines on the database",
            meter.calls.clone(),
        );
        registry.register("engine_phase", "1 for what the engine of this process is doing", meter.phase.clone());
        registry.register("engines", "Engines on the database by kind of work", meter.workers.clone());
        registry.register("posts_in_flight", "Posts in the hands of this engine", meter.in_flight.clone());
        registry.register("spent_today_micros", "Millionths of a US dollar spent since 00:00 UTC", meter.spent.clone());
        registry.register("http_answers", "Answers of this API", meter.traffic.answers.clone());
        registry.register("http_seconds", "Time until an answer of this API began", meter.traffic.times.clone());
        meter
    }

    pub fn traffic(&self) -> Traffic {
        self.traffic.clone()
    }

    fn look(&self, snapshot: &Snapshot) {
        for status in Status::ALL {
            self.posts.get_or_create(&ByStatus { status: status.as_str() }).set(snapshot.counts.of(*status));
        }
        self.posts.get_or_create(&ByStatus { status: "no_status" }).set(snapshot.counts.no_status);
        self.count_jobs(JobKind::Ocr, &snapshot.ocr.counts);
        for phase in ["none", "running", "idle", "paused", "stopping"] {
            self.phase.get_or_create(&ByPhase { phase }).set(i64::from(phase == word(snapshot.phase)));
        }
        self.in_flight.set(i64::try_from(snapshot.in_flight).unwrap_or(i64::MAX));
        self.spent.set(snapshot.spent_micros);
    }

    fn count_jobs(&self, kind: JobKind, counts: &StatusCounts) {
        for status in Status::ALL {
            self.jobs.get_or_create(&ByJob { kind: kind.as_str(), state: status.as_str() }).set(counts.of(*status));
        }
    }
}

/// Numbers for Prometheus, in the `OpenMetrics` format.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"))
)]
pub async fn metrics(State(desk): State<Shared>) -> Result<Response, Problem> {
    let meter = &desk.meter;
    {
        let mut counted = meter.counted.lock().await;
        for (call, new) in desk.ops.calls_since(&mut counted).await? {
            let labels = ByCall { model: call.model.to_string(), outcome: call.outcome };
            meter.calls.get_or_create(&labels).inc_by(u64::try_from(new).unwrap_or(0));
        }
    }
    for (state, count) in desk.ops.uploads().await? {
        meter.uploads.get_or_create(&ByState { state: state.as_str() }).set(count);
    }
    meter.look(&desk.ops.watch().borrow());
    {
        let standing = desk.standing.borrow();
        meter.workers.get_or_create(&ByKind { kind: "tag" }).set(standing.pulse.taggers);
        meter.workers.get_or_create(&ByKind { kind: "ocr" }).set(standing.pulse.readers);
    }
    let mut text = String::new();
    if let Err(error) = encode(&mut text, &meter.registry) {
        let _ = writeln!(text, "# {error}");
    }
    Ok(([(header::CONTENT_TYPE, TYPE)], text).into_response())
}

//! `/metrics`: what Prometheus asks for, written when it asks.
//! Numbers come from `ops`; only the API's own requests are counted here.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Mutex;

use super::Shared;
use super::health::word;
use super::reply::Problem;
use crate::domain::{JobKind, Snapshot, Status, StatusCounts};
use crate::ops::CallTally;

const OPEN_METRICS: &str = "application/openmetrics-text";
const TYPE: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const CLASSIC_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
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
    spent: Gauge<f64, AtomicU64>,
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
        registry.register("spent_today_dollars", "US dollars spent since 00:00 UTC", meter.spent.clone());
        registry.register("http_requests", "Requests that this API answered", meter.traffic.answers.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time until an answer of this API began",
            Unit::Seconds,
            meter.traffic.times.clone(),
        );
        registry.register("build", "This program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
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
        self.spent.set(snapshot.spent_micros as f64 / 1e6);
    }

    fn count_jobs(&self, kind: JobKind, counts: &StatusCounts) {
        for status in Status::ALL {
            self.jobs.get_or_create(&ByJob { kind: kind.as_str(), state: status.as_str() }).set(counts.of(*status));
        }
    }
}

/// Numbers for Prometheus, in the `OpenMetrics` format for those who accept it, as Prometheus does, else in the one before it.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Metrics", content((String = "application/openmetrics-text"), (String = "text/plain"))))
)]
pub async fn metrics(State(desk): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
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
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    if accepted.into_iter().any(|accept| accept.contains(OPEN_METRICS)) {
        return Ok(([(header::CONTENT_TYPE, TYPE)], text).into_response());
    }
    Ok(([(header::CONTENT_TYPE, CLASSIC_TYPE)], classic(&text)).into_response())
}

/// The same in Prometheus's text format 0.0.4, which names a counter and an info by their samples and knows neither units nor an end.
fn classic(text: &str) -> String {
    let (mut help, mut out) = (None, String::with_capacity(text.len()));
    let mut say = |line: std::fmt::Arguments<'_>| {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{line}");
    };
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map(|(_, words)| words);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let (ending, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                _ => ("", kind),
            };
            say(format_args!("# HELP {name}{ending} {}", help.take().unwrap_or_default()));
            say(format_args!("# TYPE {name}{ending} {kind}"));
        } else if !line.starts_with('#') {
            say(format_args!("{line}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_of_old_names_counters_by_their_samples() {
        let meter = Meter::new();
        meter.traffic.count(Some("/posts"), &Method::GET, StatusCode::OK, Duration::from_millis(3));
        let mut open = String::new();
        encode(&mut open, &meter.registry).unwrap();
        let old = classic(&open);
        for lines in [
            "# HELP tagdeck_http_requests_total Requests that this API answered.\n# TYPE tagdeck_http_requests_total counter\n\
                tagdeck_http_requests_total{route=\"/posts\",method=\"GET\",status=\"200\"} 1\n",
            "# HELP tagdeck_http_request_duration_seconds Time until an answer of this API began.\n\
                # TYPE tagdeck_http_request_duration_seconds histogram\n",
            "# HELP tagdeck_build_info This program.\n# TYPE tagdeck_build_info gauge\ntagdeck_build_info{version=\"",
        ] {
            assert!(old.contains(lines), "{lines}\nis not in\n{old}");
        }
        assert!(!old.contains("# UNIT") && !old.contains("# EOF"), "{old}");
        let samples = |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(samples(&old), samples(&open));
    }
}

//! Figures for Prometheus: requests by route, and what the parts of the server tell of themselves
//! when they are asked. Served on an address of their own (`metrics.address`), by default nowhere.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::ContentType;
use rocket::{Request, Response, Route, State, get, routes};

use crate::kit::logging::request_id;
use crate::kit::system;

/// A figure that a part of the server tells when it is asked.
#[derive(Debug)]
pub enum Reading {
    /// Only grows: name without `_total`, what it is, value.
    Counter(&'static str, &'static str, f64),
    /// Goes up and down: name, what it is, value.
    Gauge(&'static str, &'static str, f64),
}

/// All figures of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: String,
    status: u16,
}

impl Metrics {
    /// With what `readings` tells at each look.
    pub fn new(readings: impl Fn() -> Vec<Reading> + Send + Sync + 'static) -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        // From half a millisecond to four seconds.
        let seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 14));
        registry.register("http_requests", "Requests answered, by method, route and status", requests.clone());
        registry.register("http_request_seconds", "Seconds until an answer began", seconds.clone());
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register(
            "chaupal_build",
            "The version that runs",
            prometheus_client::metrics::info::Info::new(version.to_vec()),
        );
        registry.register_collector(Box::new(Readings { started: SystemTime::now(), parts: Box::new(readings) }));
        Self(Arc::new(Inner { registry, requests, seconds }))
    }

    /// As Prometheus reads them.
    ///
    /// # Errors
    /// None that is known: writing to a string does not fail.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.0.registry)?;
        Ok(out)
    }
}

/// Counts each request of the server that it is attached to.
#[rocket::async_trait]
impl Fairing for Metrics {
    fn info(&self) -> Info {
        Info { name: "metrics", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        // The route's pattern, not the path: of paths there is no end.
        let route = request.route().map_or_else(|| "none".to_owned(), |route| route.uri.to_string());
        let labels = Labels { method: request.method().as_str(), route, status: response.status().code };
        self.0.requests.get_or_create(&labels).inc();
        self.0.seconds.observe(request_id(request).elapsed().as_secs_f64());
    }
}

struct Readings {
    started: SystemTime,
    parts: Box<dyn Fn() -> Vec<Reading> + Send + Sync>,
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readings").field("started", &self.started).finish_non_exhaustive()
    }
}

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for reading in (self.parts)().into_iter().chain(self.of_the_process()) {
            match reading {
                Reading::Counter(name, help, value) => {
                    let metric = ConstCounter::new(value);
                    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
                }
                Reading::Gauge(name, help, value) => {
                    let metric = ConstGauge::new(value);
                    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
                }
            }
        }
        Ok(())
    }
}

impl Readings {
    #[allow(clippy::cast_precision_loss, reason = "bytes of memory and open files stay below 2^52")]
    fn of_the_process(&self) -> Vec<Reading> {
        let usage = system::usage();
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut all = vec![
            Reading::Gauge("process_start_time_seconds", "When the process started", started),
            Reading::Gauge("process_resident_memory_bytes", "Memory in use", usage.resident_bytes as f64),
            Reading::Gauge("process_open_fds", "Open files and connections", usage.open_descriptors as f64),
            Reading::Counter("process_cpu_seconds", "Time of all processors since the start", usage.cpu_seconds),
        ];
        if let Some(most) = usage.max_descriptors {
            all.push(Reading::Gauge("process_max_fds", "So many may be open", most as f64));
        }
        all
    }
}

/// `/metrics`, for the server of the operator.
pub fn routes() -> Vec<Route> {
    routes![metrics]
}

#[get("/metrics")]
fn metrics(metrics: &State<Metrics>) -> Result<(ContentType, String), rocket::http::Status> {
    let kind =
        ContentType::new("application", "openmetrics-text").with_params([("version", "1.0.0"), ("charset", "utf-8")]);
    metrics.text().map(|text| (kind, text)).map_err(|_| rocket::http::Status::InternalServerError)
}

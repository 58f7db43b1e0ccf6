//! The metrics, for Prometheus. Every label has few values: a route is named by its label in the table of routes, never
//! by a path.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::connection_place::ConnectionPlace;
use super::gate_metrics::GateMetrics;
use crate::admission::Figures;
use crate::client::PoolStatus;

/// The metrics of one gateway.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    bytes: Counter<u64, AtomicU64>,
    in_flight: Gauge,
    pub connections: Gauge,
    pub refused_connections: Counter,
    closed_connections: Counter,
    /// Body bytes received.
    pub received: Counter<u64, AtomicU64>,
    uploads: Family<UploadLabels, Counter>,
    changes: Family<ChangeLabels, Counter>,
    pub event_streams: Gauge,
    pool: Family<PoolLabels, Gauge>,
    places: GateMetrics,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct UploadLabels {
    way: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ChangeLabels {
    action: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct PoolLabels {
    lane: &'static str,
    state: &'static str,
}

/// Upper bounds of the histogram, in seconds: from a small cached file to a long download.
const SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 300.0];

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("passerelle");
        let requests = Family::<RequestLabels, Counter>::default();
        registry.register("http_requests", "Requests answered, or closed by the client (499)", requests.clone());
        let seconds = Family::<RouteLabels, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        let help = "Time from the end of a request's headers to the last byte of the answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, seconds.clone());
        let bytes = Counter::default();
        registry.register_with_unit("http_sent", "Bytes of response bodies sent", Unit::Bytes, bytes.clone());
        let in_flight = Gauge::default();
        registry.register("http_requests_in_flight", "Requests in progress", in_flight.clone());
        let connections = Gauge::default();
        registry.register("http_connections", "Open connections", connections.clone());
        let refused_connections = Counter::default();
        registry.register("http_connections_refused", "Connections over the limit", refused_connections.clone());
        let closed_connections = Counter::default();
        let help = "Idle connections that were closed to make room for others";
        registry.register("http_connections_made_room", help, closed_connections.clone());
        let received = Counter::default();
        let help = "Bytes of request bodies received";
        registry.register_with_unit("http_received", help, Unit::Bytes, received.clone());
        let uploads = Family::<UploadLabels, Counter>::default();
        registry.register("uploads", "Uploads that became files", uploads.clone());
        let changes = Family::<ChangeLabels, Counter>::default();
        registry.register("changes", "Changes that were begun", changes.clone());
        let event_streams = Gauge::default();
        registry.register("event_streams", "Open event streams", event_streams.clone());
        let pool = Family::default();
        registry.register("pool_connections", "Connections to the file server", pool.clone());
        let places = GateMetrics::register(&mut registry);
        Self {
            registry,
            requests,
            seconds,
            bytes,
            in_flight,
            connections,
            refused_connections,
            closed_connections,
            received,
            uploads,
            changes,
            event_streams,
            pool,
            places,
        }
    }

    /// A connection has ended.
    pub(crate) fn ended(&self, place: &ConnectionPlace) {
        if place.is_refused() {
            self.refused_connections.inc();
        } else if place.has_made_room() {
            self.closed_connections.inc();
        }
    }

    pub(crate) fn begin(&self) {
        self.in_flight.inc();
    }

    pub(crate) fn end(&self, route: &'static str, method: &Method, status: u16, bytes: u64, time: Duration) {
        self.in_flight.dec();
        self.bytes.inc_by(bytes);
        self.requests.get_or_create(&RequestLabels { route, method: method_label(method), status }).inc();
        self.seconds.get_or_create(&RouteLabels { route }).observe(time.as_secs_f64());
    }

    /// Counts an upload that became a file, by `put` or by `tus`.
    pub(crate) fn uploaded(&self, way: &'static str) {
        self.uploads.get_or_create(&UploadLabels { way }).inc();
    }

    /// Counts a change that was begun.
    pub(crate) fn changed(&self, action: &'static str) {
        self.changes.get_or_create(&ChangeLabels { action }).inc();
    }

    /// All metrics in the OpenMetrics text format.
    pub(crate) fn text(&self, places: &[(&'static str, Figures)], pool: PoolStatus) -> String {
        places.iter().for_each(|(name, figures)| self.places.set(name, figures));
        for (name, status) in pool.lanes() {
            self.places.set(name, &status.figures);
            for (state, count) in [("busy", status.busy), ("idle", status.idle)] {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                self.pool.get_or_create(&PoolLabels { lane: name, state }).set(count);
            }
        }
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// Clients can invent methods, so unknown ones share a label value.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Bounds;
    use crate::client::LaneStatus;

    #[test]
    fn the_text_contains_the_counts() {
        let metrics = Metrics::new();
        metrics.begin();
        metrics.end("files", &Method::GET, 206, 1000, Duration::from_millis(2));
        let made_up = Method::from_bytes(b"MADEUP").unwrap();
        metrics.begin();
        metrics.end("page", &made_up, 405, 0, Duration::ZERO);
        let bounds = Bounds { all: 8, one: 2, waiting_one: 1, waiting_all: 4 };
        let figures = Figures { held: 2, waiting: 3, owners: 1, refused: 5, bounds };
        let lane = LaneStatus { busy: 2, idle: 0, figures };
        let [metadata, reading, changing, waiting, watching] = [lane; 5];
        let pool = PoolStatus { metadata, reading, changing, waiting, watching };
        let text = metrics.text(&[("http_requests", figures)], pool);
        for line in [
            "passerelle_http_requests_total{route=\"files\",method=\"GET\",status=\"206\"} 1",
            "passerelle_http_requests_total{route=\"page\",method=\"other\",status=\"405\"} 1",
            "passerelle_http_sent_bytes_total 1000",
            "passerelle_http_requests_in_flight 0",
            "passerelle_pool_connections{lane=\"reading\",state=\"idle\"} 0",
            "passerelle_places_held{kind=\"http_requests\"} 2",
            "passerelle_places_waiting{kind=\"reading\"} 3",
            "passerelle_places_refused{kind=\"http_requests\"} 5",
            "passerelle_places_bound{kind=\"http_requests\",of=\"all\"} 8",
            "passerelle_places_bound{kind=\"reading\",of=\"one\"} 2",
            "passerelle_http_request_duration_seconds_bucket{le=\"0.0025\",route=\"files\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}

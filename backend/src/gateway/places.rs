//! [`Places`]: what the clients of a gateway share, with a bound for all of them and for one.

use std::thread::available_parallelism;

use shared::ErrorCode;
use shared::limits::{ARCHIVE_MANIFEST_BYTES_MAX, STORE_BYTES_MAX};

use super::config::GatewayConfig;
use super::http::problem::ErrorResponse;
use crate::admission::{Admission, Bounds, Figures, Leases, Permit, Refusal, Who, share_of};

/// Connections that one client may have at least, whatever its percentage: browsers open six to each server.
const OWN_CONNECTIONS_MIN: u64 = 16;
/// Memory of the largest archive while it is planned, in bytes: its manifest, the room of the growing list for more
/// entries, and the names. One client may have that much at least; otherwise such an archive would always be refused.
const ARCHIVE_BYTES_MAX: u64 = 2 * ARCHIVE_MANIFEST_BYTES_MAX as u64;
/// Memory of the answers that are whole before they are sent, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// Room for the largest of these: a page of 1000 entries, each with a path of 4 KiB that is three times as long in JSON.
/// One client may have that much at least; otherwise such an answer would always be refused.
const LARGEST_ANSWER_BYTES: u64 = 16 << 20;
/// Archives of one client that are planned at once. To plan one takes a core of the file server and one of the gateway.
const PLANNED_OF_ONE_MAX: u64 = 1;
/// Memory of request bodies that are read as a whole, in bytes: many times what the page sends in one request.
const BODY_BYTES_MAX: u64 = 64 << 20;
/// Memory of what clients may send ahead on connections of HTTP/2, in bytes: the full windows of 128 connections.
const AHEAD_BYTES_MAX: u64 = 512 << 20;

/// The places of one gateway.
pub(crate) struct Places {
    /// Connections that have sent no complete request yet.
    pub(crate) new_connections: Leases,
    /// Connections that have sent a complete request.
    pub(crate) connections: Leases,
    /// Requests in progress, up to the last byte of the answer.
    pub(crate) requests: Admission,
    pub(crate) event_streams: Admission,
    /// The memory of answers that are whole before they are sent, in bytes.
    pub(crate) answers: Admission,
    /// Threads that make answers of many items.
    pub(crate) made_answers: Admission,
    /// The memory of archives, in bytes.
    pub(crate) archives: Admission,
    /// Archives whose entries are being found. Further ones wait, by turns of their clients.
    pub(crate) planned_archives: Admission,
    /// The memory of request bodies that are read as a whole, in bytes.
    pub(crate) bodies: Admission,
    /// The memory of what clients may send ahead on connections of HTTP/2, in bytes.
    pub(crate) ahead: Admission,
}

impl Places {
    pub(crate) fn new(config: &GatewayConfig) -> Self {
        let connections = config.connections_max as u64;
        let new = (config.new_connections_max as u64).min(connections);
        let archives = (config.archives_max as u64).saturating_mul(ARCHIVE_MANIFEST_BYTES_MAX as u64);
        // The longest body is refused for its length alone.
        let body = (config.request_body_bytes_max as u64).max(STORE_BYTES_MAX).next_power_of_two();
        let shared = |all, least| {
            let one = share_of(all, config.client_percent, least);
            Bounds { all, one, waiting_one: 0, waiting_all: 0 }
        };
        let processors = available_parallelism().map_or(1, |count| count.get() as u64);
        let requests = shared(config.requests_max as u64, OWN_CONNECTIONS_MIN);
        let planned = Bounds {
            all: (config.archives_max as u64).max(PLANNED_OF_ONE_MAX),
            one: PLANNED_OF_ONE_MAX,
            waiting_one: requests.one as usize,
            waiting_all: config.requests_max,
        };
        Self {
            new_connections: Leases::new(shared(new, OWN_CONNECTIONS_MIN), config.rest_time),
            connections: Leases::new(shared(connections, OWN_CONNECTIONS_MIN), config.rest_time),
            requests: Admission::new(requests),
            event_streams: Admission::new(shared(config.event_streams_max as u64, OWN_CONNECTIONS_MIN)),
            answers: Admission::leaving_room(shared(ANSWER_BYTES_MAX, LARGEST_ANSWER_BYTES)),
            // What waits for these was accepted as a request.
            made_answers: Admission::new(Bounds { all: processors, one: 1, waiting_one: 0, waiting_all: 0 }),
            archives: Admission::leaving_room(shared(archives.max(ARCHIVE_BYTES_MAX), ARCHIVE_BYTES_MAX)),
            planned_archives: Admission::new(planned),
            bodies: Admission::leaving_room(shared(BODY_BYTES_MAX.max(body), body)),
            ahead: Admission::new(shared(AHEAD_BYTES_MAX, 0)),
        }
    }

    /// What is held of each kind of place, by its name in the metrics.
    pub(crate) fn figures(&self) -> [(&'static str, Figures); 10] {
        let Self {
            new_connections,
            connections,
            requests,
            event_streams,
            answers,
            made_answers,
            archives,
            planned_archives,
            bodies,
            ahead,
        } = self;
        [
            ("http_new_connections", new_connections.figures()),
            ("http_connections", connections.figures()),
            ("http_requests", requests.figures()),
            ("event_streams", event_streams.figures()),
            ("answer_bytes", answers.figures()),
            ("made_answers", made_answers.figures()),
            ("archive_bytes", archives.figures()),
            ("planned_archives", planned_archives.figures()),
            ("body_bytes", bodies.figures()),
            ("http2_ahead_bytes", ahead.figures()),
        ]
    }

    /// Whether connections, requests, or the memory of answers, archives or bodies is scarce.
    pub(crate) fn is_scarce(&self) -> bool {
        let shared = [&self.requests, &self.answers, &self.archives, &self.bodies];
        self.connections.is_scarce() || shared.into_iter().any(Admission::is_scarce)
    }
}

/// Takes one place.
///
/// # Errors
/// A [`Refusal`].
pub(crate) fn take(places: &Admission, who: Who) -> Result<Permit, Refusal> {
    places.try_take(who, 1).map_err(|refusal| reason(refusal, places.figures()))
}

/// Why a client was refused: one that may take all places has no share of its own.
pub(super) fn reason(refusal: Refusal, figures: Figures) -> Refusal {
    let Bounds { all, one, .. } = figures.bounds;
    if refusal == Refusal::OwnShare && one >= all { Refusal::AllTaken } else { refusal }
}

/// The answer to a request for which there is no place.
pub(crate) fn refused(refusal: Refusal) -> ErrorResponse {
    match refusal {
        Refusal::OwnShare => {
            let sentence = "Too many connections or requests from your address are open. Try again in a moment.";
            let french = "Votre adresse a trop de connexions ou de requêtes en cours. Réessayez dans un instant.";
            ErrorResponse::because(ErrorCode::TooManyRequests, sentence).in_french(french)
        }
        Refusal::AllTaken | Refusal::TooLarge => ErrorResponse::new(ErrorCode::TooManyConnections),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::admission::Holder;

    #[test]
    fn one_client_may_have_the_largest_archive_however_few_there_may_be() {
        for archives_max in [1, 2, 4, 8, usize::MAX] {
            let places = Places::new(&GatewayConfig { archives_max, ..GatewayConfig::default() });
            assert!(places.archives.figures().bounds.one >= ARCHIVE_BYTES_MAX, "{archives_max}");
        }
        let default = Places::new(&GatewayConfig::default()).archives.figures().bounds;
        assert_eq!((default.all, default.one), (1 << 30, 256 << 20));
    }

    #[tokio::test]
    async fn archives_of_one_client_are_planned_one_after_the_other() {
        let planned = Places::new(&GatewayConfig::default()).planned_archives;
        let first = planned.take(Who::client("a"), 1).await.unwrap();
        let mut second = pin!(planned.take(Who::client("a"), 1));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(planned.take(Who::client("b"), 1).now_or_never().is_some_and(|turn| turn.is_ok()));
        drop(first);
        assert!(second.await.is_ok());
    }

    /// Each takes and keeps what it may: long answers that are read slowly, archives, forms that do not end.
    #[test]
    fn four_clients_leave_memory_to_a_fifth() {
        let places = Places::new(&GatewayConfig::default());
        for memory in [&places.answers, &places.archives, &places.bodies] {
            let mut held = Vec::new();
            for client in ["a", "b", "c", "d"] {
                while let Ok(permit) = memory.try_take(Who::client(client), 1 << 20) {
                    held.push(permit);
                }
            }
            let figures = memory.figures();
            assert!(memory.try_take(Who::client("e"), figures.bounds.all / 16).is_ok(), "{figures:?}");
            assert!(places.is_scarce());
            held.clear();
            assert!(!places.is_scarce());
        }
    }

    /// Each connects again as soon as a connection of it closes, so that no place is old.
    #[test]
    fn four_clients_leave_connections_to_a_fifth() {
        let places = Places::new(&GatewayConfig::default());
        for connections in [&places.new_connections, &places.connections] {
            let take = |client| {
                let holder = Holder { usage: connections.usage(), lost: CancellationToken::new() };
                connections.take(Who::client(client), holder)
            };
            let Bounds { all, one, .. } = connections.figures().bounds;
            let held = ["a", "b", "c", "d"].into_iter().flat_map(|client| (0..one).map(move |_| client));
            let held: Vec<_> = held.map(|client| take(client).unwrap()).collect();
            assert_eq!((held.len() as u64, connections.figures().held), (all, all));
            let fifth: Vec<_> = (0..all / 5).map(|_| take("e").unwrap()).collect();
            assert!(fifth.iter().all(|lease| !lease.is_lost()));
        }
    }

    #[test]
    fn one_client_may_send_the_longest_body() {
        for request_body_bytes_max in [0, 100, 5 << 20, 100 << 20] {
            let config = GatewayConfig { request_body_bytes_max, client_percent: 1, ..GatewayConfig::default() };
            let bounds = Places::new(&config).bodies.figures().bounds;
            let least = request_body_bytes_max.next_power_of_two() as u64;
            assert!(bounds.one >= least && bounds.one <= bounds.all, "{request_body_bytes_max}");
        }
        let default = Places::new(&GatewayConfig::default()).bodies.figures().bounds;
        assert_eq!((default.all, default.one), (64 << 20, 16 << 20));
    }
}

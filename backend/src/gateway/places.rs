//! [`Places`]: what the clients of a gateway share, with a bound for all of them and for one.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use shared::ErrorCode;
use shared::limits::ARCHIVE_MANIFEST_BYTES_MAX;
use tokio_util::sync::CancellationToken;

use super::config::GatewayConfig;
use super::http::problem::ErrorResponse;
use crate::admission::{Admission, Bounds, Figures, Permit, Refusal, Who, share_of};

/// Connections that one client may have at least, whatever its percentage: browsers open six to each server.
const OWN_CONNECTIONS_MIN: u64 = 16;
/// Memory of the largest archive while it is planned, in bytes: its manifest, the room of the growing list for more
/// entries, and the names. One client may have that much at least, since it would be refused for ever otherwise.
const ARCHIVE_BYTES_MAX: u64 = 2 * ARCHIVE_MANIFEST_BYTES_MAX as u64;

/// The places of one gateway.
pub(crate) struct Places {
    /// Connections that have sent no complete request yet.
    pub(crate) new_connections: Admission,
    /// Connections that have.
    pub(crate) connections: Admission,
    /// Requests in progress, up to the last byte of the answer.
    pub(crate) requests: Admission,
    pub(crate) event_streams: Admission,
    /// The memory of archives, in bytes.
    pub(crate) archives: Admission,
}

impl Places {
    pub(crate) fn new(config: &GatewayConfig) -> Self {
        let connections = config.connections_max as u64;
        let new = (config.new_connections_max as u64).min(connections);
        let archives = (config.archives_max as u64).saturating_mul(ARCHIVE_MANIFEST_BYTES_MAX as u64);
        let shared = |all, least| {
            let one = share_of(all, config.client_percent, least);
            Admission::new(Bounds { all, one, waiting_one: 0, waiting_all: 0 })
        };
        Self {
            new_connections: shared(new, OWN_CONNECTIONS_MIN),
            connections: shared(connections, OWN_CONNECTIONS_MIN),
            requests: shared(config.requests_max as u64, OWN_CONNECTIONS_MIN),
            event_streams: shared(config.event_streams_max as u64, OWN_CONNECTIONS_MIN),
            archives: shared(archives.max(ARCHIVE_BYTES_MAX), ARCHIVE_BYTES_MAX),
        }
    }

    /// What is held of each kind of place, by its name in the metrics.
    pub(crate) fn figures(&self) -> [(&'static str, Figures); 5] {
        let Self { new_connections, connections, requests, event_streams, archives } = self;
        [
            ("http_new_connections", new_connections.figures()),
            ("http_connections", connections.figures()),
            ("http_requests", requests.figures()),
            ("event_streams", event_streams.figures()),
            ("archive_bytes", archives.figures()),
        ]
    }

    /// Whether connections or requests are scarce.
    pub(crate) fn is_scarce(&self) -> bool {
        self.connections.is_scarce() || self.requests.is_scarce()
    }
}

/// Takes one place.
///
/// # Errors
/// A [`Refusal`]. A client that may take all places has no share of its own.
pub(crate) fn take(places: &Admission, who: Who) -> Result<Permit, Refusal> {
    places.try_take(who, 1).map_err(|refusal| {
        let Bounds { all, one, .. } = places.figures().bounds;
        if refusal == Refusal::OwnShare && one >= all { Refusal::AllTaken } else { refusal }
    })
}

/// The place of one connection: that of a new one until its first complete request.
pub(crate) struct ConnectionPlace {
    /// The owner of a proxy's connection, which is no client; `None` where the client of the first request owns it.
    own: Option<Who>,
    new_place: Mutex<Option<Permit>>,
    known: OnceLock<Result<Permit, Refusal>>,
    /// Cancelled once the connection is refused: then it is to close.
    pub(crate) refused: CancellationToken,
}

impl ConnectionPlace {
    /// The place of a client's connection.
    ///
    /// # Errors
    /// A [`Refusal`] if there are too many new connections.
    pub(crate) fn of_client(places: &Places, client: Who) -> Result<Arc<Self>, Refusal> {
        Self::of_new(places, client, None)
    }

    /// The place of a trusted proxy's connection, which carries requests of many clients, so that none of them pays for
    /// it. `own` is an owner of this connection alone.
    ///
    /// # Errors
    /// A [`Refusal`] if there are too many new connections.
    pub(crate) fn of_proxy(places: &Places, own: Who) -> Result<Arc<Self>, Refusal> {
        Self::of_new(places, own, Some(own))
    }

    fn of_new(places: &Places, who: Who, own: Option<Who>) -> Result<Arc<Self>, Refusal> {
        let new_place = Mutex::new(Some(places.new_connections.try_take(who, 1)?));
        Ok(Arc::new(Self { own, new_place, known: OnceLock::new(), refused: CancellationToken::new() }))
    }

    /// Takes a place at the first request, and keeps it until the connection closes. `client` is that of the request.
    ///
    /// # Errors
    /// The [`Refusal`] of the first request, to each request.
    pub(crate) fn enter(&self, places: &Places, client: Who) -> Result<(), Refusal> {
        let known = self.known.get_or_init(|| {
            let place = take(&places.connections, self.own.unwrap_or(client));
            match place {
                Ok(_) => drop(self.new_place.lock().unwrap_or_else(PoisonError::into_inner).take()),
                Err(_) => self.refused.cancel(),
            }
            place
        });
        known.as_ref().map(|_| ()).map_err(|refusal| *refusal)
    }
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
    use super::*;

    fn places() -> Places {
        Places::new(&GatewayConfig { connections_max: 40, new_connections_max: 20, ..GatewayConfig::default() })
    }

    #[test]
    fn one_client_leaves_places_to_the_others() {
        let places = places();
        let attacker: Vec<_> = (0..100).map_while(|_| places.connections.try_take(Who::client("a"), 1).ok()).collect();
        assert_eq!(attacker.len(), 16);
        assert!(places.connections.try_take(Who::client("b"), 1).is_ok());
        let silent: Vec<_> =
            (0..100).map_while(|_| ConnectionPlace::of_client(&places, Who::client("a")).ok()).collect();
        assert_eq!(silent.len(), 16);
        assert!(ConnectionPlace::of_client(&places, Who::client("b")).is_ok());
    }

    #[test]
    fn one_client_may_have_the_largest_archive_however_few_there_may_be() {
        for archives_max in [1, 2, 4, 8, usize::MAX] {
            let places = Places::new(&GatewayConfig { archives_max, ..GatewayConfig::default() });
            assert!(places.archives.figures().bounds.one >= ARCHIVE_BYTES_MAX, "{archives_max}");
        }
        let default = Places::new(&GatewayConfig::default()).archives.figures().bounds;
        assert_eq!((default.all, default.one), (1 << 30, 256 << 20));
    }

    #[test]
    fn a_connection_is_new_until_its_first_request() {
        let places = places();
        let place = ConnectionPlace::of_client(&places, Who::client("a")).unwrap();
        assert_eq!((places.new_connections.figures().held, places.connections.figures().held), (1, 0));
        for _ in 0..2 {
            place.enter(&places, Who::client("a")).unwrap();
            assert_eq!((places.new_connections.figures().held, places.connections.figures().held), (0, 1));
        }
        drop(place);
        assert_eq!(places.connections.figures().held, 0);
    }

    #[test]
    fn a_refused_connection_stays_refused_and_is_to_close() {
        let places = places();
        let held: Vec<_> = (0..16).map(|_| places.connections.try_take(Who::client("a"), 1).unwrap()).collect();
        let place = ConnectionPlace::of_client(&places, Who::client("a")).unwrap();
        assert_eq!(place.enter(&places, Who::client("a")), Err(Refusal::OwnShare));
        drop(held);
        assert_eq!(place.enter(&places, Who::client("a")), Err(Refusal::OwnShare));
        assert!(place.refused.is_cancelled());
        assert_eq!(places.new_connections.figures().held, 1);
    }

    #[test]
    fn no_client_pays_for_a_connection_of_a_proxy() {
        let places = places();
        let (first, later) = (Who::client("a"), Who::client("b"));
        let pool: Vec<_> = (0..20)
            .map(|number| {
                let place = ConnectionPlace::of_proxy(&places, Who::client(&format!("connection {number}"))).unwrap();
                assert_eq!((place.enter(&places, first), place.enter(&places, later)), (Ok(()), Ok(())));
                place
            })
            .collect();
        assert_eq!(places.connections.figures().held, 20);
        ConnectionPlace::of_client(&places, first).unwrap().enter(&places, first).unwrap();
        drop(pool);
        assert_eq!(places.connections.figures().held, 0);
    }
}

//! [`ConnectionPlace`]: the place of one connection, which it keeps while it works, or while there are free places.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

use super::places::{Places, reason};
use crate::admission::{Admission, Holder, InUse, Lease, Refusal, Usage, Who};

/// The place of one connection: that of a new one until its first complete request, then that of a known one.
pub(crate) struct ConnectionPlace {
    places: Arc<Places>,
    stop: Stop,
    /// The owner of the new place.
    pub(crate) who: Who,
    /// Whether `who` owns the known place as well, rather than the client of the first request.
    is_proxy: bool,
    pub(crate) usage: Arc<Usage>,
    new: Mutex<Option<Lease>>,
    known: OnceLock<Result<Lease, Refusal>>,
    /// Cancelled once the connection is to close after the requests that it has: it was refused, or has lost its known
    /// place, or the gateway stops.
    pub(crate) closing: CancellationToken,
    /// Cancelled once the connection is to close at once: it has lost its new place, or the time to stop is over.
    pub(crate) over: CancellationToken,
}

/// How connections end when the gateway stops.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    /// Cancelled once no new request is accepted.
    pub(crate) shutdown: CancellationToken,
    /// Cancelled once connections close at once.
    pub(crate) abort: CancellationToken,
}

impl ConnectionPlace {
    /// The place of a client's connection.
    ///
    /// # Errors
    /// A [`Refusal`] if there are too many new connections.
    pub(crate) fn of_client(places: &Arc<Places>, client: Who, stop: &Stop) -> Result<Arc<Self>, Refusal> {
        Self::of_new(places, client, false, stop)
    }

    /// The place of a trusted proxy's connection. It counts for no client, because it carries requests of many. `own`
    /// is an owner of this connection alone.
    ///
    /// # Errors
    /// A [`Refusal`] if there are too many new connections.
    pub(crate) fn of_proxy(places: &Arc<Places>, own: Who, stop: &Stop) -> Result<Arc<Self>, Refusal> {
        Self::of_new(places, own, true, stop)
    }

    fn of_new(places: &Arc<Places>, who: Who, is_proxy: bool, stop: &Stop) -> Result<Arc<Self>, Refusal> {
        let place = Self {
            places: Arc::clone(places),
            stop: stop.clone(),
            who,
            is_proxy,
            usage: places.connections.usage(),
            new: Mutex::default(),
            known: OnceLock::new(),
            closing: stop.shutdown.child_token(),
            over: stop.abort.child_token(),
        };
        place.set_new(Some(places.new_connections.take(who, place.holder(&place.over))?));
        Ok(Arc::new(place))
    }

    /// A request begins, and ends when the result is dropped. The first one takes a known place, which the connection
    /// keeps until it closes. `client` is that of the request. A connection that loses its place at this moment serves
    /// the request and closes then.
    ///
    /// # Errors
    /// The [`Refusal`] of the first request, to each request.
    pub(crate) fn enter(&self, client: Who) -> Result<InUse, Refusal> {
        // Before the place is taken: a connection that works does not lose it again.
        let request = self.usage.begin();
        match self.known.get_or_init(|| self.become_known(client)) {
            Ok(_) => Ok(request),
            Err(refusal) => Err(*refusal),
        }
    }

    fn become_known(&self, client: Who) -> Result<Lease, Refusal> {
        let (owner, known) = (if self.is_proxy { self.who } else { client }, &self.places.connections);
        match known.take(owner, self.holder(&self.closing)) {
            Ok(lease) => {
                self.set_new(None);
                Ok(lease)
            }
            Err(refusal) => {
                self.closing.cancel();
                Err(reason(refusal, known.figures()))
            }
        }
    }

    /// The connection begins to close. If it has lost its known place, it counts as new until it is closed.
    pub(crate) fn close(&self) {
        if self.has_lost_place() {
            self.set_new(Some(self.places.new_connections.hold(self.who, self.holder(&self.over))));
        }
    }

    /// The memory of what clients send ahead of their requests.
    pub(crate) fn ahead(&self) -> &Admission {
        &self.places.ahead
    }

    /// Whether the first request was refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.known.get().is_some_and(Result::is_err)
    }

    /// Whether the gateway stops.
    #[cfg(feature = "tls")]
    pub(crate) fn stops(&self) -> bool {
        self.stop.shutdown.is_cancelled()
    }

    /// Whether the connection has lost its place to another client.
    pub(crate) fn has_made_room(&self) -> bool {
        match self.known.get() {
            Some(_) => self.has_lost_place(),
            None => self.over.is_cancelled() && !self.stop.abort.is_cancelled(),
        }
    }

    fn has_lost_place(&self) -> bool {
        self.known.get().is_some_and(|known| known.as_ref().is_ok_and(Lease::is_lost))
    }

    fn holder(&self, lost: &CancellationToken) -> Holder {
        Holder { usage: Arc::clone(&self.usage), lost: lost.clone() }
    }

    fn set_new(&self, lease: Option<Lease>) {
        *self.new.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gateway::config::GatewayConfig;

    fn places() -> Arc<Places> {
        let rest_time = Duration::ZERO;
        let config =
            GatewayConfig { connections_max: 40, new_connections_max: 20, rest_time, ..GatewayConfig::default() };
        Arc::new(Places::new(&config))
    }

    fn who(name: &str) -> Who {
        Who::client(name)
    }

    fn connect(places: &Arc<Places>, name: &str) -> Result<Arc<ConnectionPlace>, Refusal> {
        ConnectionPlace::of_client(places, who(name), &Stop::default())
    }

    fn held(places: &Places) -> (u64, u64) {
        (places.new_connections.figures().held, places.connections.figures().held)
    }

    /// A connection whose request has ended.
    fn idle(places: &Arc<Places>, name: &str) -> Arc<ConnectionPlace> {
        let place = connect(places, name).unwrap();
        drop(place.enter(who(name)).unwrap());
        place
    }

    #[tokio::test]
    async fn a_silent_client_leaves_places_to_the_others() {
        let places = places();
        let silent: Vec<_> = (0..100).map(|_| connect(&places, "a").unwrap()).collect();
        assert_eq!(silent.iter().filter(|place| !place.over.is_cancelled()).count(), 16);
        let others: Vec<_> = (0..100).map(|_| connect(&places, "b").unwrap()).collect();
        assert_eq!(others.iter().filter(|place| !place.over.is_cancelled()).count(), 10);
        assert_eq!(held(&places), (20, 0));
    }

    #[tokio::test]
    async fn a_connection_is_new_until_its_first_request() {
        let places = places();
        let place = connect(&places, "a").unwrap();
        assert_eq!(held(&places), (1, 0));
        for _ in 0..2 {
            drop(place.enter(who("a")).unwrap());
            assert_eq!(held(&places), (0, 1));
        }
        drop(place);
        assert_eq!(held(&places), (0, 0));
    }

    #[tokio::test]
    async fn idle_connections_make_room_and_busy_ones_do_not() {
        let places = places();
        let all: Vec<_> = ["a", "b", "c", "d"].iter().flat_map(|name| (0..10).map(|_| idle(&places, name))).collect();
        assert_eq!(held(&places), (0, 40));
        let new = idle(&places, "new");
        assert_eq!(all.iter().filter(|place| place.closing.is_cancelled()).count(), 1);
        assert!(!new.closing.is_cancelled());
        let busy: Vec<_> = all.iter().chain([&new]).map(|place| place.enter(who("x")).unwrap()).collect();
        assert_eq!(connect(&places, "other").unwrap().enter(who("other")).err(), Some(Refusal::AllTaken));
        drop((busy, all, new));
        assert_eq!(held(&places), (0, 0));
    }

    #[tokio::test]
    async fn a_connection_that_has_lost_its_place_counts_as_new_until_it_is_closed() {
        let places = places();
        let all: Vec<_> = (0..16).map(|_| idle(&places, "a")).collect();
        let new = idle(&places, "a");
        assert!(all[0].closing.is_cancelled() && !all[0].over.is_cancelled() && !all[0].is_refused());
        all[0].close();
        new.close();
        assert_eq!(held(&places), (1, 16));
        // A request that arrives now is served.
        assert!(all[0].enter(who("a")).is_ok());
        let silent: Vec<_> = (0..16).map(|_| connect(&places, "a").unwrap()).collect();
        assert_eq!(silent.iter().chain(&all).filter(|place| place.over.is_cancelled()).count(), 1);
        drop((all, new, silent));
        assert_eq!(held(&places), (0, 0));
    }

    #[tokio::test]
    async fn a_refused_connection_stays_refused_and_is_to_close() {
        let places = places();
        let all: Vec<_> = (0..16).map(|_| idle(&places, "a")).collect();
        let busy: Vec<_> = all.iter().map(|place| place.enter(who("a")).unwrap()).collect();
        let place = connect(&places, "a").unwrap();
        assert_eq!(place.enter(who("a")).err(), Some(Refusal::OwnShare));
        drop((busy, all));
        assert_eq!(place.enter(who("a")).err(), Some(Refusal::OwnShare));
        assert!(place.closing.is_cancelled() && place.is_refused());
        assert_eq!(held(&places), (1, 0));
    }

    #[tokio::test]
    async fn a_connection_of_a_proxy_counts_for_no_client() {
        let places = places();
        let (first, later, stop) = (who("a"), who("b"), Stop::default());
        let pool: Vec<_> = (0..20)
            .map(|number| {
                let own = who(&format!("connection {number}"));
                let place = ConnectionPlace::of_proxy(&places, own, &stop).unwrap();
                assert!(place.enter(first).is_ok() && place.enter(later).is_ok());
                place
            })
            .collect();
        assert_eq!(held(&places), (0, 20));
        let _own = idle(&places, "a");
        drop(pool);
        assert_eq!(held(&places), (0, 1));
    }

    #[tokio::test]
    async fn connections_end_with_the_gateway() {
        let (places, stop) = (places(), Stop::default());
        let place = ConnectionPlace::of_client(&places, who("a"), &stop).unwrap();
        drop(place.enter(who("a")).unwrap());
        stop.shutdown.cancel();
        assert!(place.closing.is_cancelled() && !place.over.is_cancelled());
        place.close();
        assert_eq!(held(&places), (0, 1));
        stop.abort.cancel();
        assert!(place.over.is_cancelled());
    }
}

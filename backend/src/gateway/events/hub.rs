//! Shares one WATCH for each folder among all event streams of callers with equal rights. It begins with the first
//! stream and ends with the last. If it breaks, all its streams end, and browsers reconnect with the id of the last
//! event they received.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use shared::{Event, EventKind, Scope, VPath};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use super::ring::{Beginning, Position, Ring};
use crate::client::{Caller, Client, ClientError, FolderEvents};

/// All watched folders.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    watches: Arc<Mutex<HashMap<Key, Weak<FolderWatch>>>>,
}

/// Callers with different rights do not share a WATCH.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// The encoded scope; equal scopes have equal encodings.
    scope: Vec<u8>,
    principal: Option<String>,
    folder: VPath,
}

/// One watched folder.
struct FolderWatch {
    key: Key,
    hub: Hub,
    /// Opened by the first subscriber.
    opened: OnceCell<Mutex<State>>,
    /// Ends the WATCH when the last subscriber is gone.
    closed: CancellationToken,
}

struct State {
    ring: Ring,
    /// Tells the streams of each event. `None` once no more events come.
    news: Option<watch::Sender<()>>,
}

/// The subscription of one event stream.
pub(crate) struct Subscription {
    /// The events that come first.
    pub(crate) first: Vec<Event>,
    /// The place of the next event in the ring.
    place: u64,
    news: watch::Receiver<()>,
    watch: Arc<FolderWatch>,
}

impl Hub {
    /// Subscribes to a folder, after the event `after` if there is one.
    pub(crate) async fn subscribe(
        &self,
        client: &Client,
        caller: &Caller,
        folder: &VPath,
        after: Option<Position>,
    ) -> Result<Subscription, ClientError> {
        let key = Key::of(caller, folder);
        loop {
            let watch = self.watch(&key);
            let known = match after {
                Some(Position::At(id)) => Some(id),
                _ => None,
            };
            let open = || async {
                let mut watcher = client.watch(caller, folder, known).await?;
                let first = watcher.next().await?;
                // The replay of the file server starts after the last event that the first subscriber received.
                let ring = Ring::new(known.unwrap_or(first.id));
                let weak = Arc::downgrade(&watch);
                tokio::spawn(forward(watcher, weak, watch.closed.clone()));
                Ok::<_, ClientError>(Mutex::new(State { ring, news: Some(watch::Sender::new(())) }))
            };
            let state = watch.opened.get_or_try_init(open).await?;
            let subscribed = {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.news.as_ref().map(|news| (state.ring.begin(after), news.subscribe()))
            };
            // A watch that has just ended is no longer in the table, so the next round opens a new one.
            if let Some((Beginning { first, place }, news)) = subscribed {
                return Ok(Subscription { first, place, news, watch });
            }
        }
    }

    fn watch(&self, key: &Key) -> Arc<FolderWatch> {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watch) = watches.get(key).and_then(Weak::upgrade) {
            return watch;
        }
        let watch = Arc::new(FolderWatch {
            key: key.clone(),
            hub: self.clone(),
            opened: OnceCell::new(),
            closed: CancellationToken::new(),
        });
        watches.insert(key.clone(), Arc::downgrade(&watch));
        watch
    }
}

/// Forwards events from the file server until the WATCH ends or the last subscriber is gone.
async fn forward(mut watcher: FolderEvents, watch: Weak<FolderWatch>, closed: CancellationToken) {
    loop {
        let event = tokio::select! {
            biased;
            () = closed.cancelled() => return,
            event = watcher.next() => event.ok(),
        };
        let Some(watch) = watch.upgrade() else { return };
        let gone = event.as_ref().is_none_or(|event| event.kind == EventKind::Gone);
        if let Some(event) = event {
            watch.send(event).await;
        }
        if gone {
            watch.end().await;
            return;
        }
    }
}

impl FolderWatch {
    /// The state. The task that spawned the forwarder is about to set it.
    async fn state(&self) -> Option<&Mutex<State>> {
        self.opened.get_or_try_init(|| async { Err(()) }).await.ok()
    }

    async fn send(&self, event: Event) {
        let Some(state) = self.state().await else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ring.push(event);
        if let Some(news) = &state.news {
            news.send_replace(());
        }
    }

    async fn end(&self) {
        self.remove();
        if let Some(state) = self.state().await {
            state.lock().unwrap_or_else(PoisonError::into_inner).news = None;
        }
    }

    /// Removes the watch from the table, unless a new one has replaced it.
    fn remove(&self) {
        let mut watches = self.hub.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if watches.get(&self.key).is_some_and(|watch| std::ptr::eq(watch.as_ptr(), self)) {
            watches.remove(&self.key);
        }
    }
}

impl Drop for FolderWatch {
    fn drop(&mut self) {
        self.closed.cancel();
        self.remove();
    }
}

impl Subscription {
    /// The next event; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let found = {
                let state = self.watch.opened.get()?.lock().unwrap_or_else(PoisonError::into_inner);
                state.ring.at(self.place)
            };
            if let Some((event, next)) = found {
                self.place = next;
                return Some(event);
            }
            // Fails once the watch has ended, after its last event.
            self.news.changed().await.ok()?;
        }
    }
}

impl Key {
    fn of(caller: &Caller, folder: &VPath) -> Self {
        let scope: &Scope = &caller.scope;
        Self { scope: shared::wire::encode(scope), principal: caller.principal.clone(), folder: folder.clone() }
    }
}

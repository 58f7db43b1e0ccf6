//! One WATCH for each folder that somebody looks at, told on to everybody who does. It begins with the first of them and
//! ends with the last. Where it breaks, everybody's stream ends: browsers come back by themselves, and say what they
//! heard last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use shared::{Event, EventId, EventKind, Scope, VPath};
use tokio::sync::{OnceCell, broadcast};
use tokio_util::sync::CancellationToken;

use super::ring::{Position, Ring};
use crate::client::{Caller, Client, ClientError, FolderEvents};

/// Events that wait for a browser; one that lags further behind lists its folder again.
const WAITING_MAX: usize = 256;

/// All folders that are looked at.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    watches: Arc<Mutex<HashMap<Key, Weak<FolderWatch>>>>,
}

/// Who may see what: only those with the same rights share a WATCH.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// The scope as it goes over the wire, which tells any two apart.
    scope: Vec<u8>,
    root: u16,
    principal: Option<String>,
    folder: VPath,
}

/// What happens in one folder.
struct FolderWatch {
    key: Key,
    hub: Hub,
    /// Made by whoever comes first.
    opened: OnceCell<Mutex<State>>,
    /// Ends the WATCH when nobody is left.
    closed: CancellationToken,
}

struct State {
    ring: Ring,
    /// None once nothing more comes.
    sender: Option<broadcast::Sender<Event>>,
}

/// One browser's ear.
pub(crate) struct Subscription {
    /// What it hears at once.
    pub replay: Vec<Event>,
    events: Option<broadcast::Receiver<Event>>,
    last: EventId,
    _feed: Arc<FolderWatch>,
}

impl Hub {
    /// Listens to a folder, from after `after` where that is said.
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
                // What the file server tells again follows what the first of all heard last.
                let ring = Ring::new(known.unwrap_or(first.id));
                let (sender, _) = broadcast::channel(WAITING_MAX);
                let weak = Arc::downgrade(&watch);
                tokio::spawn(pump(watcher, weak, watch.closed.clone()));
                Ok::<_, ClientError>(Mutex::new(State { ring, sender: Some(sender) }))
            };
            let state = watch.opened.get_or_try_init(open).await?;
            let joined = {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.sender.as_ref().map(|sender| (state.ring.replay(after), sender.subscribe()))
            };
            // One that is just over is no longer in the table: the next round makes another.
            if let Some((replay, events)) = joined {
                let last = replay.last().map_or(EventId { epoch: 0, sequence: 0 }, |event| event.id);
                return Ok(Subscription { replay, events: Some(events), last, _feed: watch });
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

/// Tells on what the file server says, until it says no more or nobody listens.
async fn pump(mut watcher: FolderEvents, watch: Weak<FolderWatch>, closed: CancellationToken) {
    loop {
        let event = tokio::select! {
            biased;
            () = closed.cancelled() => return,
            event = watcher.next() => event.ok(),
        };
        let Some(watch) = watch.upgrade() else { return };
        let gone = event.as_ref().is_none_or(|event| event.kind == EventKind::Gone);
        if let Some(event) = event {
            watch.sender(event).await;
        }
        if gone {
            watch.end().await;
            return;
        }
    }
}

impl FolderWatch {
    /// The state, which whoever spawned the pump is about to put there.
    async fn state(&self) -> Option<&Mutex<State>> {
        self.opened.get_or_try_init(|| async { Err(()) }).await.ok()
    }

    async fn sender(&self, event: Event) {
        let Some(state) = self.state().await else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ring.push(event.clone());
        if let Some(sender) = &state.sender {
            // Nobody may be listening in this moment.
            let _ = sender.send(event);
        }
    }

    async fn end(&self) {
        self.leave();
        if let Some(state) = self.state().await {
            state.lock().unwrap_or_else(PoisonError::into_inner).sender = None;
        }
    }

    /// Out of the table, unless another has taken the place.
    fn leave(&self) {
        let mut watches = self.hub.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if watches.get(&self.key).is_some_and(|watch| std::ptr::eq(watch.as_ptr(), self)) {
            watches.remove(&self.key);
        }
    }
}

impl Drop for FolderWatch {
    fn drop(&mut self) {
        self.closed.cancel();
        self.leave();
    }
}

impl Subscription {
    /// The next event; none when there will be no more.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let event = match self.events.as_mut()?.recv().await {
            Ok(event) => event,
            // Too much has happened meanwhile: it is not told, but that it is not is.
            Err(broadcast::error::RecvError::Lagged(_)) => Event { id: self.last, kind: EventKind::Resync },
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        self.last = event.id;
        if event.kind == EventKind::Gone {
            self.events = None;
        }
        Some(event)
    }
}

impl Key {
    fn of(caller: &Caller, folder: &VPath) -> Self {
        let scope: &Scope = &caller.scope;
        Self {
            scope: shared::wire::encode(scope),
            root: caller.root,
            principal: caller.principal.clone(),
            folder: folder.clone(),
        }
    }
}

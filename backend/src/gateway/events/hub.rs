//! One WATCH for each folder that somebody looks at, told on to everybody who does. It begins with the first of them and
//! ends with the last. Where it breaks, everybody's stream ends: browsers come back by themselves, and say what they
//! heard last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use shared::{Event, EventId, EventKind, Scope, VPath};
use tokio::sync::{OnceCell, broadcast};
use tokio_util::sync::CancellationToken;

use super::ring::{Position, Ring};
use crate::client::{Caller, Client, ClientError, Watcher};

/// Events that wait for a browser; one that lags further behind lists its folder again.
const WAITING_MAX: usize = 256;

/// All folders that are looked at.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    feeds: Arc<Mutex<HashMap<Key, Weak<Feed>>>>,
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
struct Feed {
    key: Key,
    hub: Hub,
    /// Made by whoever comes first.
    opened: OnceCell<Mutex<State>>,
    /// Ends the WATCH when nobody is left.
    over: CancellationToken,
}

struct State {
    ring: Ring,
    /// None once nothing more comes.
    tell: Option<broadcast::Sender<Event>>,
}

/// One browser's ear.
pub(crate) struct Listening {
    /// What it hears at once.
    pub greeting: Vec<Event>,
    events: Option<broadcast::Receiver<Event>>,
    last: EventId,
    _feed: Arc<Feed>,
}

impl Hub {
    /// Listens to a folder, from after `after` where that is said.
    pub(crate) async fn listen(
        &self,
        client: &Client,
        caller: &Caller,
        folder: &VPath,
        after: Option<Position>,
    ) -> Result<Listening, ClientError> {
        let key = Key::of(caller, folder);
        loop {
            let feed = self.feed(&key);
            let known = match after {
                Some(Position::At(id)) => Some(id),
                _ => None,
            };
            let open = || async {
                let mut watcher = client.watch(caller, folder, known).await?;
                let first = watcher.next().await?;
                // What the file server tells again follows what the first of all heard last.
                let ring = Ring::new(known.unwrap_or(first.id));
                let (tell, _) = broadcast::channel(WAITING_MAX);
                let weak = Arc::downgrade(&feed);
                tokio::spawn(pump(watcher, weak, feed.over.clone()));
                Ok::<_, ClientError>(Mutex::new(State { ring, tell: Some(tell) }))
            };
            let state = feed.opened.get_or_try_init(open).await?;
            let joined = {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.tell.as_ref().map(|tell| (state.ring.greet(after), tell.subscribe()))
            };
            // One that is just over is no longer in the table: the next round makes another.
            if let Some((greeting, events)) = joined {
                let last = greeting.last().map_or(EventId { epoch: 0, sequence: 0 }, |event| event.id);
                return Ok(Listening { greeting, events: Some(events), last, _feed: feed });
            }
        }
    }

    fn feed(&self, key: &Key) -> Arc<Feed> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(key).and_then(Weak::upgrade) {
            return feed;
        }
        let feed = Arc::new(Feed {
            key: key.clone(),
            hub: self.clone(),
            opened: OnceCell::new(),
            over: CancellationToken::new(),
        });
        feeds.insert(key.clone(), Arc::downgrade(&feed));
        feed
    }
}

/// Tells on what the file server says, until it says no more or nobody listens.
async fn pump(mut watcher: Watcher, feed: Weak<Feed>, over: CancellationToken) {
    loop {
        let event = tokio::select! {
            biased;
            () = over.cancelled() => return,
            event = watcher.next() => event.ok(),
        };
        let Some(feed) = feed.upgrade() else { return };
        let gone = event.as_ref().is_none_or(|event| event.kind == EventKind::Gone);
        if let Some(event) = event {
            feed.tell(event).await;
        }
        if gone {
            feed.end().await;
            return;
        }
    }
}

impl Feed {
    /// The state, which whoever spawned the pump is about to put there.
    async fn state(&self) -> Option<&Mutex<State>> {
        self.opened.get_or_try_init(|| async { Err(()) }).await.ok()
    }

    async fn tell(&self, event: Event) {
        let Some(state) = self.state().await else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ring.push(event.clone());
        if let Some(tell) = &state.tell {
            // Nobody may be listening in this moment.
            let _ = tell.send(event);
        }
    }

    async fn end(&self) {
        self.leave();
        if let Some(state) = self.state().await {
            state.lock().unwrap_or_else(PoisonError::into_inner).tell = None;
        }
    }

    /// Out of the table, unless another has taken the place.
    fn leave(&self) {
        let mut feeds = self.hub.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if feeds.get(&self.key).is_some_and(|feed| std::ptr::eq(feed.as_ptr(), self)) {
            feeds.remove(&self.key);
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.over.cancel();
        self.leave();
    }
}

impl Listening {
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

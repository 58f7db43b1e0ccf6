//! One watched folder. Notices of the storage are gathered for a moment, so that a file which is written to a hundred
//! times is told of once; each name is then looked at, and told of as it is. Now and then, and where the storage cannot
//! tell at all, a listing shows whether something was missed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::limits::EVENTS_KEPT_MAX;
use shared::{ErrorCode, Event, EventId, EventKind, VPath};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::fingerprint::{Fingerprint, Hashing};
use super::ring::Ring;
use crate::random::random_bytes;
use crate::server::blocking::blocking;
use crate::storage::{Storage, StorageError, Visit, WatchEvent, WatchHandle};

/// How long notices are gathered.
const GATHER_TIME: Duration = Duration::from_millis(50);
/// How often a listing is looked at for what was not told.
const LOOK_TIME: Duration = Duration::from_secs(30);
/// The same where the storage tells nothing.
const BLIND_LOOK_TIME: Duration = Duration::from_secs(10);
/// How long a folder is still watched after the last one who listened left: most come back.
const LINGER_TIME: Duration = Duration::from_secs(60);

/// One watched folder.
pub(super) struct Feed {
    ring: Mutex<Ring>,
    /// The number of the last event.
    latest: watch::Sender<u64>,
}

/// Somebody who listens.
pub(super) struct Listener {
    feed: Arc<Feed>,
    latest: watch::Receiver<u64>,
    /// The number of the event that was heard last.
    place: u64,
    /// To be said first.
    greeting: Vec<Event>,
}

/// What the storage noticed, and nobody was told of yet.
#[derive(Default)]
struct Noticed {
    pending: Mutex<Pending>,
    wake: Notify,
}

#[derive(Default)]
struct Pending {
    names: HashSet<Box<[u8]>>,
    everything: bool,
    gone: bool,
}

/// The work of one feed.
pub(super) struct Begun {
    storage: Arc<dyn Storage>,
    folder: VPath,
    noticed: Arc<Noticed>,
    /// None where the storage cannot tell.
    watching: Option<Box<dyn WatchHandle>>,
    hashing: Hashing,
    /// None until the first look.
    fingerprint: Option<Fingerprint>,
    /// Told of since the last look.
    told: HashSet<Box<[u8]>>,
}

impl Feed {
    /// Begins to watch. Blocks.
    pub(super) fn begin(storage: Arc<dyn Storage>, folder: VPath) -> Result<(Arc<Self>, Begun), StorageError> {
        let noticed = Arc::new(Noticed::default());
        let notice = Arc::clone(&noticed);
        let watching = match storage.watch(&folder, Box::new(move |said| notice.take_in(said))) {
            Ok(watching) => Some(watching),
            Err(error) if matches!(error.code, ErrorCode::Unsupported | ErrorCode::TooLarge) => {
                warn!(%error, "a folder cannot be watched; it is looked at now and then instead");
                None
            }
            Err(error) => return Err(error),
        };
        let hashing = Hashing::default();
        // What is told from here on needs no look first, which takes seconds for a million entries; without a word of the
        // storage's, only a look shows what happens after it.
        let fingerprint = match &watching {
            Some(_) => None,
            None => Some(read(&*storage, &folder, &hashing)?),
        };
        let epoch = random_bytes()?;
        let ring = Mutex::new(Ring::new(u64::from_le_bytes(epoch)));
        let feed = Arc::new(Self { ring, latest: watch::Sender::new(0) });
        let told = HashSet::new();
        Ok((feed, Begun { storage, folder, noticed, watching, hashing, fingerprint, told }))
    }

    /// From now on, or from after what was heard last.
    pub(super) fn listen(self: &Arc<Self>, after: Option<EventId>) -> Listener {
        let ring = self.ring();
        let place = after.and_then(|after| ring.place_after(after));
        let resync = (after.is_some() && place.is_none()).then(|| ring.resync());
        let place = place.unwrap_or(ring.last());
        let ready = Event { id: ring.id(place), kind: EventKind::Ready };
        drop(ring);
        let greeting = [Some(ready), resync].into_iter().flatten().collect();
        Listener { feed: Arc::clone(self), latest: self.latest.subscribe(), place, greeting }
    }

    /// True once the folder is gone.
    pub(super) fn is_over(&self) -> bool {
        let ring = self.ring();
        ring.last() > 0 && ring.after(ring.last() - 1).iter().any(|event| event.kind == EventKind::Gone)
    }

    fn push(&self, kinds: Vec<EventKind>) {
        let mut ring = self.ring();
        kinds.into_iter().for_each(|kind| ring.push(kind));
        let last = ring.last();
        drop(ring);
        self.latest.send_replace(last);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// What there is to hear.
    pub(super) fn take(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.greeting);
        self.latest.borrow_and_update();
        events.extend(self.feed.ring().after(self.place));
        self.place = events.last().map_or(self.place, |event| event.id.sequence.max(self.place));
        events
    }

    /// Waits for something to hear.
    pub(super) async fn news(&mut self) {
        // The sender lives as long as the feed, of which this has a share.
        let _ = self.latest.changed().await;
    }
}

impl Noticed {
    fn take_in(&self, notice: WatchEvent) {
        let mut pending = self.pending();
        match notice {
            WatchEvent::Name(name) if pending.names.len() < EVENTS_KEPT_MAX => drop(pending.names.insert(name)),
            WatchEvent::Name(_) | WatchEvent::Everything => pending.everything = true,
            WatchEvent::Gone => pending.gone = true,
        }
        drop(pending);
        self.wake.notify_one();
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    /// Until the folder is gone, or nobody has listened for a while and `let_go` agrees.
    pub(super) async fn run(mut self, feed: &Arc<Feed>, let_go: impl Fn() -> bool) {
        let period = if self.watching.is_some() { LOOK_TIME } else { BLIND_LOOK_TIME };
        let mut next_look = Instant::now();
        if self.fingerprint.is_some() {
            next_look += period;
        }
        let mut unheard_since = None;
        loop {
            let looks = tokio::select! {
                biased;
                () = self.noticed.wake.notified() => false,
                () = sleep_until(next_look) => true,
            };
            if looks {
                next_look = Instant::now() + period;
                match feed.latest.receiver_count() {
                    0 => {
                        let since = *unheard_since.get_or_insert_with(Instant::now);
                        if since.elapsed() >= LINGER_TIME && let_go() {
                            return self.end().await;
                        }
                    }
                    _ => unheard_since = None,
                }
            } else {
                sleep(GATHER_TIME).await;
            }
            let worked = blocking(move || {
                let kinds = if looks { self.look()? } else { self.gather()? };
                Ok((self, kinds))
            });
            let kinds = match worked.await {
                Ok((back, kinds)) => {
                    self = back;
                    kinds
                }
                Err(error) => {
                    // Whoever listens asks again, and hears why it cannot be watched.
                    warn!(%error, "a folder is no longer watched");
                    feed.push(vec![EventKind::Gone]);
                    let_go();
                    return;
                }
            };
            let gone = kinds.contains(&EventKind::Gone);
            if !kinds.is_empty() {
                feed.push(kinds);
            }
            if gone {
                let_go();
                return self.end().await;
            }
        }
    }

    /// To stop watching may block.
    async fn end(self) {
        let _ = blocking(move || {
            drop(self);
            Ok(())
        })
        .await;
    }

    /// What the notices of late come to.
    fn gather(&mut self) -> Result<Vec<EventKind>, StorageError> {
        let pending = std::mem::take(&mut *self.noticed.pending());
        if pending.gone || !self.is_there()? {
            return Ok(vec![EventKind::Gone]);
        }
        if pending.everything {
            return self.look_anew();
        }
        let mut kinds = Vec::new();
        for name in pending.names {
            let Ok(path) = self.folder.join(&name) else { continue };
            match self.storage.stat(&path) {
                Ok(entry) => kinds.push(EventKind::Present { entry }),
                Err(error) if error.code == ErrorCode::NotFound => kinds.push(EventKind::Absent { path }),
                Err(error) => {
                    warn!(%error, "something that happened cannot be looked at");
                    kinds.push(EventKind::Resync);
                }
            }
            self.told.insert(name);
        }
        if self.told.len() > EVENTS_KEPT_MAX {
            // So much at once that the buckets of it all would hide the rest.
            let missed = self.look()?;
            kinds.extend(missed);
        }
        Ok(kinds)
    }

    /// Whether something happened that was not told of.
    fn look(&mut self) -> Result<Vec<EventKind>, StorageError> {
        if !self.is_there()? {
            return Ok(vec![EventKind::Gone]);
        }
        let now = read(&*self.storage, &self.folder, &self.hashing)?;
        let told = {
            // What was noticed meanwhile is told of next.
            let pending = self.noticed.pending();
            self.hashing.buckets(self.told.iter().chain(&pending.names).map(|name| &**name))
        };
        let missed = self.fingerprint.as_ref().is_some_and(|before| before.differs(&now, &told));
        self.fingerprint = Some(now);
        self.told.clear();
        Ok(if missed { vec![EventKind::Resync] } else { Vec::new() })
    }

    fn look_anew(&mut self) -> Result<Vec<EventKind>, StorageError> {
        self.fingerprint = Some(read(&*self.storage, &self.folder, &self.hashing)?);
        self.told.clear();
        Ok(vec![EventKind::Resync])
    }

    fn is_there(&self) -> Result<bool, StorageError> {
        match self.storage.stat(&self.folder) {
            Ok(entry) => Ok(entry.is_folder()),
            Err(error) if matches!(error.code, ErrorCode::NotFound | ErrorCode::NotFolder) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn read(storage: &dyn Storage, folder: &VPath, hashing: &Hashing) -> Result<Fingerprint, StorageError> {
    let mut fingerprint = hashing.empty();
    storage.list(folder, &mut |entry| {
        hashing.add(&mut fingerprint, &entry);
        Visit::Continue
    })?;
    Ok(fingerprint)
}

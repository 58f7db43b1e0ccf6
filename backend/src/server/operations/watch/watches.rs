//! WATCH: what happens in a folder, told to all who look at it. Each folder is watched once, however many look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::limits::WATCHES_MAX;
use shared::wire::{Failure, FrameKind, Watch};
use shared::{ErrorCode, Event, EventKind, Rights, VPath};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::folder_watch::Feed;
use crate::server::authority::authorise;
use crate::server::blocking::attempt;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::entries::relative;
use crate::server::operations::send::Sink;
use crate::server::state::Server;
use crate::storage::Storage;

/// Every folder that is watched.
pub(in crate::server) struct Watches {
    storage: Arc<dyn Storage>,
    feeds: Mutex<HashMap<VPath, Arc<Feed>>>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// EVENT…, until CANCEL or until the folder is gone.
pub(in crate::server) async fn watch<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Watch,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let folder = authorise(&request.caller, peer, Rights::LIST, &request.folder)?;
    let (watches, path) = (Arc::clone(&server.watches), folder.clone());
    let feed = answer.during(attempt(move || watches.feed(path))).await?;
    let mut listener = feed.listen(request.after);
    loop {
        let mut over = false;
        for event in listener.take() {
            over |= event.kind == EventKind::Gone;
            answer.send(FrameKind::Event, &as_asked(event, &folder, &request.folder)).await?;
        }
        answer.flush().await?;
        if over {
            return Ok(());
        }
        answer
            .during(async {
                tokio::select! {
                    biased;
                    () = server.watches.stopping.cancelled() => {
                        Err(Stop::from(Failure::new(ErrorCode::ShuttingDown, "the server stops")))
                    }
                    () = listener.news() => Ok(()),
                }
            })
            .await?;
    }
}

/// The event as the caller names what it is about.
fn as_asked(event: Event, folder: &VPath, asked: &VPath) -> Event {
    let kind = match event.kind {
        EventKind::Present { entry } => EventKind::Present { entry: relative(entry, folder, asked) },
        EventKind::Absent { path } => {
            let inner = folder.strip_prefix_of(&path).unwrap_or_default();
            EventKind::Absent { path: asked.join_path(&inner).unwrap_or_default() }
        }
        same => same,
    };
    Event { kind, ..event }
}

impl Watches {
    pub(in crate::server) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, feeds: Mutex::default(), tasks: TaskTracker::new(), stopping: CancellationToken::new() }
    }

    /// Ends every watch.
    pub(in crate::server) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<VPath, Arc<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The watch of that folder, begun if nobody watches it yet. Blocks.
    fn feed(self: &Arc<Self>, folder: VPath) -> Result<Arc<Feed>, Stop> {
        if let Some(feed) = self.feeds().get(&folder) {
            return Ok(Arc::clone(feed));
        }
        if self.feeds().len() >= WATCHES_MAX {
            return Err(Failure::new(ErrorCode::TooManyRequests, "too many folders are watched").into());
        }
        let (feed, begun) = Feed::begin(Arc::clone(&self.storage), folder.clone())?;
        let mut feeds = self.feeds();
        // Somebody else may have been faster; then this one ends as it is dropped.
        if let Some(first) = feeds.get(&folder) {
            return Ok(Arc::clone(first));
        }
        feeds.insert(folder.clone(), Arc::clone(&feed));
        drop(feeds);
        let (watches, fed) = (Arc::clone(self), Arc::clone(&feed));
        self.tasks.spawn(async move {
            tokio::select! {
                () = watches.stopping.cancelled() => {}
                () = begun.run(&fed, || watches.let_go(&folder, &fed)) => {}
            }
        });
        Ok(feed)
    }

    /// Forgets a watch that nobody listens to; false if somebody does.
    fn let_go(&self, folder: &VPath, feed: &Arc<Feed>) -> bool {
        let mut feeds = self.feeds();
        // The map's share and the task's: a listener would have one, and gets it only by way of the map.
        let unheard = Arc::strong_count(feed) <= 2 || feed.is_over();
        if unheard && feeds.get(folder).is_some_and(|known| Arc::ptr_eq(known, feed)) {
            feeds.remove(folder);
        }
        unheard
    }
}

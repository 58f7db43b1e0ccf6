//! The LIST request: finds or makes a snapshot, and sends a page of it.

use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use shared::Rights;
use shared::limits::LIST_LIMIT_DEFAULT;
use shared::wire::{FrameKind, List};
use tokio_util::sync::CancellationToken;

use super::cursor::Cursor;
use super::page::{Batch, Page, Start};
use super::read_names::read_names;
use super::shown::Shown;
use super::snapshots::{Key, Snapshot, Snapshots};
use crate::admission::{Admission, Permit, Who};
use crate::server::admissions::Admissions;
use crate::server::authority::{link_scope, look, share_of};
use crate::server::blocking::blocking_with;
use crate::server::counted_memory::CountedMemory;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::storage::Storage;

/// Answers COLUMNS….
pub(in crate::server) async fn list<W: Sink>(
    storage: &Arc<dyn Storage>,
    snapshots: &Snapshots,
    admissions: &Admissions,
    entries_max: usize,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: List,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let listed_bytes = &admissions.listed_bytes;
    let who = share_of(&request.caller, peer)?;
    let (folder, view) = look(&request.caller, &request.path)?;
    let (scope, links) = (&request.caller.scope, link_scope(&request.caller, Rights::LIST));
    let storage = Arc::clone(storage).within(links.clone());
    let reader = Reader { storage, places: &admissions.folders_read, who };
    let key = Key { shown: Shown::of(scope, &folder, view), folder, links, order: request.order };
    let cursor = request.cursor.as_deref().map(Cursor::parse).transpose()?;
    let limit = request.limit as usize;
    let cancelled = response.cancelled().clone();
    let kept = cursor.as_ref().and_then(|cursor| Some((snapshots.find(cursor.snapshot, &key)?, cursor.index)));
    let (snapshot, mut batch, read) = match kept {
        Some((snapshot, index)) => {
            let page = Page { from: Start::Index(index), limit, continued: false };
            let batch = response.until_cancelled(reader.look_up(&cancelled, &snapshot, page)).await?;
            (snapshot, batch, None)
        }
        None => {
            let page = Page { from: cursor.map_or(Start::Index(0), Start::After), limit, continued: false };
            let memory = CountedMemory::new(listed_bytes, who);
            FreshPage { reader: &reader, snapshots, entries_max, key, page, memory }.first_batch(response).await?
        }
    };
    let _watched = response.hold_memory();
    let mut memory = CountedMemory::new(listed_bytes, who);
    if batch.rest.is_empty() {
        // The answer lives as long as its reader takes, and the names do not.
        drop((snapshot, read));
        memory.set(bytes(&batch.blocks))?;
        return send(response, batch.blocks).await;
    }
    let _held = snapshot.hold(listed_bytes, who, read)?;
    // While some rows are sent, the next ones are looked up.
    memory.set(2 * bytes(&batch.blocks))?;
    loop {
        let blocks = std::mem::take(&mut batch.blocks);
        if batch.rest.is_empty() {
            return send(response, blocks).await;
        }
        let page = Page { from: Start::Index(batch.rest.start), limit: batch.rest.len(), continued: true };
        batch = send_while(response, blocks, reader.look_up(&cancelled, &snapshot, page)).await?;
    }
}

fn bytes(blocks: &[Vec<u8>]) -> usize {
    blocks.iter().map(Vec::len).sum()
}

async fn send<W: Sink>(response: &mut ResponseWriter<'_, W>, blocks: Vec<Vec<u8>>) -> Result<(), RequestError> {
    for block in blocks {
        response.send_body(FrameKind::Columns, &block).await?;
    }
    Ok(())
}

/// Sends rows while the next ones are looked up, which may go on after that.
async fn send_while<W: Sink>(
    response: &mut ResponseWriter<'_, W>,
    blocks: Vec<Vec<u8>>,
    next: impl Future<Output = Result<Batch, RequestError>>,
) -> Result<Batch, RequestError> {
    let next = pin!(next);
    let next = {
        match select(pin!(send(response, blocks)), next).await {
            Either::Left((sent, next)) => sent.map(|()| next)?,
            Either::Right((next, sending)) => return sending.await.and(next),
        }
    };
    response.until_cancelled(next).await
}

/// Reads folders for one owner, in its turn.
struct Reader<'a> {
    storage: Arc<dyn Storage>,
    places: &'a Admission,
    who: Who,
}

impl Reader<'_> {
    async fn place(&self) -> Permit {
        self.places.take_accepted(self.who, 1).await
    }

    /// The rows of a page, with a place for this batch alone.
    async fn look_up(
        &self,
        cancelled: &CancellationToken,
        snapshot: &Arc<Snapshot>,
        page: Page,
    ) -> Result<Batch, RequestError> {
        let place = self.place().await;
        let (storage, snapshot, cancelled) = (Arc::clone(&self.storage), Arc::clone(snapshot), cancelled.clone());
        blocking_with(place, move || Ok(page.batch(&*storage, &snapshot, &cancelled)?)).await
    }
}

/// A page that must have the folder's present names.
struct FreshPage<'a> {
    reader: &'a Reader<'a>,
    snapshots: &'a Snapshots,
    entries_max: usize,
    key: Key,
    page: Page,
    /// That of the names that are read.
    memory: CountedMemory,
}

impl FreshPage<'_> {
    /// The first batch, from a kept snapshot that still has the folder's names, or from a new one, which one request
    /// reads for all that wait.
    async fn first_batch<W: Sink>(
        self,
        response: &mut ResponseWriter<'_, W>,
    ) -> Result<(Arc<Snapshot>, Batch, Option<CountedMemory>), RequestError> {
        let (reader, snapshots) = (self.reader, self.snapshots);
        let mut place = None;
        let asked = snapshots.now();
        let mut candidate = snapshots.trusted(&self.key);
        loop {
            if let Some(snapshot) = candidate.take() {
                drop(place.take());
                let cancelled = response.cancelled().clone();
                let batch = reader.look_up(&cancelled, &snapshot, self.page.clone());
                let batch = response.until_cancelled(batch).await?;
                // Read after this request arrived, or unchanged since.
                if snapshot.id > asked || (snapshot.agrees_with(batch.state) && !batch.misplaced) {
                    return Ok((snapshot, batch, None));
                }
                snapshot.distrust();
            }
            let turn = async { Ok(snapshots.turn(self.key.clone()).await) };
            let mut turn = response.until_cancelled(turn).await?;
            candidate = turn.latest().filter(|latest| latest.id > asked || latest.is_trusted());
            candidate = candidate.or_else(|| snapshots.trusted(&self.key));
            if candidate.is_some() {
                continue;
            }
            let Some(place) = place.take().or_else(|| reader.place().now_or_never()) else {
                // Without the turn: other owners do not wait for this one's place.
                drop(turn);
                place = Some(response.until_cancelled(reader.place().map(Ok)).await?);
                continue;
            };
            // A folder with more than a page is kept for the next page, and a long one for the next request.
            let kept_above = self.page.limit.min(LIST_LIMIT_DEFAULT as usize);
            let reading = self.read(place, kept_above, response.cancelled().clone());
            let (snapshot, batch, read) = response.until_cancelled(reading).await?;
            if snapshot.names.len() > kept_above {
                snapshots.keep(&snapshot, reader.who);
            }
            turn.hand_on(&snapshot);
            return Ok((snapshot, batch, Some(read)));
        }
    }

    /// Reads the folder into a new snapshot, and looks the page up.
    fn read(
        self,
        place: Permit,
        kept_above: usize,
        cancelled: CancellationToken,
    ) -> impl Future<Output = Result<(Arc<Snapshot>, Batch, CountedMemory), RequestError>> + use<> {
        let Self { reader, snapshots, entries_max, key, page, mut memory } = self;
        let (storage, id) = (Arc::clone(&reader.storage), snapshots.now());
        blocking_with(place, move || {
            let (names, trust) = read_names(&storage, &key, kept_above, entries_max, &cancelled, &mut memory)?;
            let snapshot = Snapshot::new(id, key, names, trust);
            let batch = page.batch(&*storage, &snapshot, &cancelled)?;
            if !snapshot.agrees_with(batch.state) {
                snapshot.distrust();
            }
            Ok::<_, RequestError>((Arc::new(snapshot), batch, memory))
        })
    }
}

//! LIST_TRASH: what a caller may bring back; and what has been there for too long.

use std::sync::Arc;

use shared::limits::FRAME_CONTROL_BYTES_MAX;
use shared::wire::{FrameKind, ListTrash, TrashPage, encode};
use shared::{ErrorCode, Rights, Timestamp, TrashId, Trashed, VPath};
use tracing::info;

use super::send::Sink;
use crate::server::authority::authorise;
use crate::server::blocking::blocking;
use crate::server::clock;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::jobs::purge::purge_marked;
use crate::server::state::Server;
use crate::storage::{StorageError, Visit};

/// Items in one TRASH_PAGE, in bytes: what is left of a message for the rest.
const ITEMS_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX - (16 << 10);

/// TRASH_PAGE…, END.
pub(in crate::server) async fn list<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: ListTrash,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let root = authorise(&request.caller, peer, Rights::LIST, &VPath::root())?;
    let after = request.cursor.as_deref().map(parse_cursor).transpose()?;
    let (storage, records) = (Arc::clone(&server.storage), server.records.clone());
    let expiry = server.config.trash_expiry;
    let read = blocking(move || {
        let hidden = records.as_ref().map(|records| records.purges()).transpose()?.unwrap_or_default();
        let mut items = Vec::new();
        storage.list_trash(&mut |item| {
            if let Some(path) = root.strip_prefix_of(&item.entry.path)
                && !hidden.contains(&item.id)
            {
                let mut entry = item.entry;
                entry.path = path;
                let expires = Some(clock::after(item.trashed, expiry));
                items.push(Trashed { id: item.id, entry, trashed: item.trashed, expires });
            }
            Visit::Continue
        })?;
        items.sort_unstable_by_key(place);
        Ok(items)
    });
    let items = answer.during(read).await?;
    let start = after.map_or(0, |after| items.partition_point(|item| place(item) <= after));
    let end = items.len().min(start.saturating_add(request.limit as usize));
    let mut page = TrashPage { total: Some(items.len() as u64), ..TrashPage::default() };
    let mut bytes = 0;
    for item in &items[start..end] {
        bytes += encode(item).len();
        if bytes > ITEMS_BYTES_MAX && !page.items.is_empty() {
            answer.send(FrameKind::TrashPage, &page).await?;
            (page, bytes) = (TrashPage::default(), 0);
        }
        page.items.push(item.clone());
    }
    page.next_cursor = items[start..end].last().filter(|_| end < items.len()).map(cursor);
    answer.send(FrameKind::TrashPage, &page).await
}

/// Newest first; then by id, so that each has its place.
fn place(item: &Trashed) -> (std::cmp::Reverse<Timestamp>, TrashId) {
    (std::cmp::Reverse(item.trashed), item.id)
}

fn cursor(last: &Trashed) -> String {
    format!("1.{}.{}", last.trashed.0, last.id)
}

fn parse_cursor(text: &str) -> Result<(std::cmp::Reverse<Timestamp>, TrashId), ErrorCode> {
    let read = || {
        let (moment, id) = text.strip_prefix("1.")?.split_once('.')?;
        Some((std::cmp::Reverse(Timestamp(moment.parse().ok()?)), TrashId::parse(id)?))
    };
    read().ok_or(ErrorCode::BadCursor)
}

/// Removes what has been in the trash for too long, and goes on removing what is there only for that. Blocks.
pub(in crate::server) fn sweep(server: &Server) -> Result<(), StorageError> {
    let Some(records) = &server.records else { return Ok(()) };
    let before = clock::before(clock::now(), server.config.trash_expiry);
    let mut expired = Vec::new();
    server.storage.list_trash(&mut |item| {
        if item.trashed <= before {
            expired.push(item.id);
        }
        Visit::Continue
    })?;
    if !expired.is_empty() {
        info!(items = expired.len(), "removing what has been in the trash for too long");
    }
    expired.into_iter().try_for_each(|id| records.mark_purge(id))?;
    if server.jobs.is_idle() {
        purge_marked(&*server.storage, records, &|| server.jobs.is_idle())?;
    }
    Ok(())
}

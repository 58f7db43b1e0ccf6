//! LIST_TRASH: what a caller may restore.

use std::sync::Arc;
use std::time::Duration;

use shared::limits::FRAME_CONTROL_BYTES_MAX;
use shared::wire::{FrameKind, ListTrash, TrashPage, encode};
use shared::{Entry, ErrorCode, Kind, Link, Rights, Timestamp, TrashId, Trashed, VPath};

use crate::server::admissions::Admissions;
use crate::server::authority::{link_scope, seen_by, share_of};
use crate::server::blocking::blocking_in_turn;
use crate::server::clock;
use crate::server::counted_memory::CountedMemory;
use crate::server::entries::entry_bytes;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::server::records::database::Database;
use crate::storage::{Storage, TrashItem, TrashListing, TrashPosition, TrashQuery, Visit, climbs_above};

/// Items in one TRASH_PAGE, in bytes: the rest of the frame is for the other fields.
const ITEMS_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX - (16 << 10);

/// Answers TRASH_PAGE….
pub(in crate::server) async fn list<W: Sink>(
    storage: &Arc<dyn Storage>,
    records: Option<&Arc<Database>>,
    admissions: &Admissions,
    expiry: Duration,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: ListTrash,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let who = share_of(&request.caller, peer)?;
    let scope = &request.caller.scope;
    if !scope.rights_anywhere().contains(Rights::TRASH) {
        return Err(ErrorCode::Forbidden.into());
    }
    let (base, below) = (scope.base.clone(), link_scope(&request.caller, Rights::TRASH));
    let sees_all = below.is_whole();
    let after = request.cursor.as_deref().map(parse_cursor).transpose()?;
    let limit = request.limit as usize;
    let (storage, records) = (seen_by(scope, Rights::TRASH, storage), records.cloned());
    let cancelled = response.cancelled().child_token();
    // Ends the reading also after a deadline.
    let _reading = cancelled.clone().drop_guard();
    let listing = blocking_in_turn(&admissions.trashes_read, who, move || {
        let hidden = records.map(|records| records.purges()).transpose()?.unwrap_or_default();
        let mut visit = || if cancelled.is_cancelled() { Visit::Stop } else { Visit::Continue };
        Ok(storage.list_trash_until(&TrashQuery { below, hidden, after, limit }, &mut visit)?)
    });
    let TrashListing { items, total, more } = response.until_cancelled(listing).await?;
    let mut memory = CountedMemory::new(&admissions.listed_bytes, who);
    let _watched = response.hold_memory();
    // The whole page lives as long as its reader takes.
    memory.set(items.iter().map(|item| size_of::<TrashItem>() + entry_bytes(&item.entry)).sum())?;
    let next_cursor = items.last().filter(|_| more).map(cursor);
    let mut page = TrashPage { total: Some(total), ..TrashPage::default() };
    let mut bytes = 0;
    for item in items {
        let item = describe(item, &base, sees_all, expiry);
        bytes += encode(&item).len();
        if bytes > ITEMS_BYTES_MAX && !page.items.is_empty() {
            response.send(FrameKind::TrashPage, &page).await?;
            (page, bytes) = (TrashPage::default(), 0);
        }
        page.items.push(item);
    }
    page.next_cursor = next_cursor;
    response.send(FrameKind::TrashPage, &page).await
}

/// The item under the caller's path.
fn describe(item: TrashItem, base: &VPath, sees_all: bool, expiry: Duration) -> Trashed {
    let path = base.strip_prefix_of(&item.entry.path).unwrap_or_default();
    let expires = Some(clock::after(item.trashed, expiry)).filter(|_| item.connected);
    let (entry, absent) = (Entry { path, ..item.entry }, !item.connected);
    let entry = if sees_all || entry.link.is_none() { entry } else { link_alone(entry, item.trashed) };
    Trashed { id: item.id, entry, trashed: item.trashed, expires, absent }
}

/// A link without what is known of its target: it may have been thrown away by a caller for whom it led further.
fn link_alone(entry: Entry, trashed: Timestamp) -> Entry {
    let depth = entry.path.segments().count().saturating_sub(1);
    let link = match entry.link {
        Some(Link::Inside(target)) if climbs_above(depth, &target) => Some(Link::Escapes),
        link => link,
    };
    Entry { path: entry.path, kind: Kind::Other, size: 0, modified: trashed, executable: false, link, etag: None }
}

fn cursor(last: &TrashItem) -> String {
    format!("1.{}.{}", last.trashed.0, last.id)
}

fn parse_cursor(text: &str) -> Result<TrashPosition, ErrorCode> {
    let read = || {
        let (trashed, id) = text.strip_prefix("1.")?.split_once('.')?;
        Some(TrashPosition { trashed: Timestamp(trashed.parse().ok()?), id: TrashId::parse(id)? })
    };
    read().ok_or(ErrorCode::BadCursor)
}

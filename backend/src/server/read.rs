//! STAT and GET: one entry, and the bytes of chosen files.

use std::sync::Arc;

use shared::limits::PIECE_BYTES;
use shared::wire::{Failure, FrameKind, Get, GetItem, ItemEnd, Meta, Stat};
use shared::{ErrorCode, Rights, Span, VPath};

use super::answer::{Answer, Stop};
use super::blocking::blocking;
use super::handshake::Peer;
use super::send::{read_exactly, send_part};
use super::session::authorise;
use super::{Server, Sink};
use crate::storage::{OpenFile, Storage, StorageError};

/// A part of a file up to so many bytes is read in the same step as the file is opened, and sent in one piece with the
/// frames around it.
const SMALL_BYTES: u64 = 64 << 10;

/// META, END.
pub(super) async fn stat<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Stat,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let wanted = if request.for_reading == Some(true) { Rights::READ } else { Rights::LIST };
    let path = authorise(&request.caller, peer, wanted, &request.path)?;
    let storage = Arc::clone(&server.storage);
    let mut entry = answer.during(blocking(move || storage.stat(&path))).await?;
    entry.path = request.path;
    answer.send(FrameKind::Meta, &Meta { entry, offset: 0, length: 0 }).await
}

/// For each item META, DATA…, ITEM_END; then END.
pub(super) async fn get<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Get,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    for item in request.items {
        let path = authorise(&request.caller, peer, Rights::READ, &item.path);
        let sent = match path {
            Ok(path) => send_item(server, peer, answer, item, path).await,
            Err(code) => Err(Stop::from(code)),
        };
        let error = match sent {
            Ok(()) => None,
            Err(Stop::Failed(failure)) if ends_request(failure.code) => return Err(failure.into()),
            Err(Stop::Failed(failure)) => Some(failure),
            Err(broken @ Stop::Broken(_)) => return Err(broken),
        };
        answer.send(FrameKind::ItemEnd, &ItemEnd { error }).await?;
    }
    Ok(())
}

/// The client's own wish ends the request, not one item.
fn ends_request(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Canceled | ErrorCode::DeadlineExceeded)
}

/// A file that is open, with the part of it that was asked for.
struct Opened {
    file: Arc<dyn OpenFile>,
    /// None where the wanted range lies outside the file.
    span: Option<Span>,
    /// The bytes, if they are few.
    bytes: Option<Vec<u8>>,
}

async fn send_item<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    item: GetItem,
    path: VPath,
) -> Result<(), Stop> {
    let storage = Arc::clone(&server.storage);
    let wanted = item.clone();
    let opened = answer.during(blocking(move || open(&*storage, &path, &wanted))).await?;
    let mut entry = opened.file.entry().clone();
    let etag = entry.etag;
    entry.path = item.path;
    let Some(span) = opened.span else {
        answer.send(FrameKind::Meta, &Meta { entry, offset: 0, length: 0 }).await?;
        return Err(ErrorCode::RangeNotSatisfiable.into());
    };
    answer.send(FrameKind::Meta, &Meta { entry, offset: span.offset, length: span.length }).await?;
    if let Some(bytes) = opened.bytes {
        for part in bytes.chunks(peer.data_bytes_max) {
            answer.send_body(FrameKind::Data, part).await?;
        }
        return Ok(());
    }
    let mut offset = span.offset;
    while offset < span.end() {
        let left = span.end() - offset;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(peer.data_bytes_max);
        send_part(answer, &opened.file, offset, length).await?;
        answer.flush().await?;
        offset += length as u64;
    }
    // After the last byte: who has all of them must have those of one state of the file.
    let file = Arc::clone(&opened.file);
    let same = Some(answer.during(blocking(move || file.etag_now())).await?) == etag;
    if same { Ok(()) } else { Err(changed()) }
}

fn open(storage: &dyn Storage, path: &VPath, item: &GetItem) -> Result<Opened, StorageError> {
    let file: Arc<dyn OpenFile> = Arc::from(storage.open(path)?);
    let entry = file.entry();
    if item.if_etag.is_some() && item.if_etag != entry.etag {
        return Err(StorageError::new(ErrorCode::Changed, "the file is not the one that was asked for"));
    }
    let span = item.range.map_or(Some(Span::whole(entry.size)), |range| range.clip(entry.size));
    let bytes = match span {
        Some(span) if span.length <= SMALL_BYTES => Some(read_small(&*file, span)?),
        _ => None,
    };
    Ok(Opened { file, span, bytes })
}

fn read_small(file: &dyn OpenFile, span: Span) -> Result<Vec<u8>, StorageError> {
    // At most SMALL_BYTES, which fits in memory on any machine.
    let mut bytes = vec![0; usize::try_from(span.length).unwrap_or(PIECE_BYTES)];
    read_exactly(file, &mut bytes, span.offset)?;
    if Some(file.etag_now()?) == file.entry().etag {
        Ok(bytes)
    } else {
        Err(StorageError::new(ErrorCode::Changed, "the file changed while it was read"))
    }
}

fn changed() -> Stop {
    Failure::new(ErrorCode::Changed, "the file changed while it was sent").into()
}

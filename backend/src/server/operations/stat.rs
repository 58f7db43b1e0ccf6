//! STAT: one entry.

use std::sync::Arc;

use shared::wire::{FrameKind, Meta, Stat};
use shared::{Entry, Rights, VPath, View};

use crate::server::authority::{authorise, look, seen_by};
use crate::server::blocking::blocking;
use crate::server::entries::on_the_way_to_a_grant;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::storage::{Storage, StorageError};

/// Answers META. An entry that the system has in memory is answered without a blocking thread, which would take several
/// times as long as the answer itself.
pub(in crate::server) async fn stat<W: Sink>(
    storage: &Arc<dyn Storage>,
    response: &mut ResponseWriter<'_, W>,
    request: Stat,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let for_reading = request.for_reading == Some(true);
    let (wanted, path, on_the_way) = if for_reading {
        (Rights::READ, authorise(&request.caller, Rights::READ, &request.path)?, false)
    } else {
        let (path, view) = look(&request.caller, &request.path)?;
        (Rights::LIST, path, view != View::All)
    };
    let storage = &seen_by(&request.caller.scope, wanted, storage);
    let mut entry = match try_entry(&**storage, &path, for_reading) {
        Some(entry) => entry,
        None => {
            let storage = Arc::clone(storage);
            response.until_cancelled(blocking(move || Ok(entry(&*storage, &path, for_reading)?))).await?
        }
    };
    if on_the_way {
        entry = on_the_way_to_a_grant(entry)?;
    }
    entry.path = request.path;
    response.send(FrameKind::Meta, &Meta { entry, offset: 0, length: 0 }).await
}

/// The entry. A file that is to be read is opened, as a GET opens it, so both refuse the same files.
fn entry(storage: &dyn Storage, path: &VPath, for_reading: bool) -> Result<Entry, StorageError> {
    if for_reading { storage.open(path).map(|file| file.entry().clone()) } else { storage.stat(path) }
}

/// As [`entry`], without blocking. `None` means that it would block or fails.
fn try_entry(storage: &dyn Storage, path: &VPath, for_reading: bool) -> Option<Entry> {
    if for_reading { storage.try_open(path).map(|file| file.entry().clone()) } else { storage.try_stat(path) }
}

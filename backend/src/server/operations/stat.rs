//! STAT: one entry.

use std::sync::Arc;

use shared::Rights;
use shared::wire::{FrameKind, Meta, Stat};

use crate::server::authority::authorise;
use crate::server::blocking::blocking;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::storage::Storage;

/// Answers META. An entry that the system has in memory is answered without a blocking thread, which would take several
/// times as long as the answer itself.
pub(in crate::server) async fn stat<W: Sink>(
    storage: &Arc<dyn Storage>,
    peer: Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Stat,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let wanted = if request.for_reading == Some(true) { Rights::READ } else { Rights::LIST };
    let path = authorise(&request.caller, peer, wanted, &request.path)?;
    let mut entry = match storage.try_stat(&path) {
        Some(entry) => entry,
        None => {
            let storage = Arc::clone(storage);
            response.until_cancelled(blocking(move || Ok(storage.stat(&path)?))).await?
        }
    };
    entry.path = request.path;
    response.send(FrameKind::Meta, &Meta { entry, offset: 0, length: 0 }).await
}

//! The WATCH request.

use std::sync::Arc;

use shared::wire::{Failure, FrameKind, Watch};
use shared::{ErrorCode, Event, EventKind, Rights, VPath};

use super::watches::{Watched, Watches};
use crate::server::authority::{authorise, link_scope, share_of};
use crate::server::blocking::blocking;
use crate::server::entries::relative;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;

/// Answers EVENT… until CANCEL, or until the folder is gone.
pub(in crate::server) async fn watch<W: Sink>(
    watches: &Arc<Watches>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Watch,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let folder = authorise(&request.caller, peer, Rights::LIST, &request.folder)?;
    let watched = Watched { folder: folder.clone(), links: link_scope(&request.caller)? };
    let who = share_of(&request.caller, peer)?;
    let opening = Arc::clone(watches);
    let folder_watch = response.until_cancelled(blocking(move || opening.open(watched, who))).await?;
    let mut subscription = folder_watch.subscribe(request.after);
    loop {
        let mut gone = false;
        for event in subscription.take() {
            gone |= event.kind == EventKind::Gone;
            response.send(FrameKind::Event, &as_asked(event, &folder, &request.folder)).await?;
        }
        response.flush().await?;
        if gone {
            return Ok(());
        }
        let next = async {
            tokio::select! {
                biased;
                () = watches.stopping() => Err(Failure::new(ErrorCode::ShuttingDown, "the server stops").into()),
                () = subscription.changed() => Ok(()),
            }
        };
        response.until_cancelled(next).await?;
    }
}

/// The event with the caller's paths.
fn as_asked(event: Event, folder: &VPath, asked: &VPath) -> Event {
    let kind = match event.kind {
        EventKind::Present { entry } => EventKind::Present { entry: relative(entry, folder, asked) },
        EventKind::Absent { path } => {
            let inner = folder.strip_prefix_of(&path).unwrap_or_default();
            EventKind::Absent { path: asked.join_path(&inner).unwrap_or_default() }
        }
        other => other,
    };
    Event { kind, ..event }
}

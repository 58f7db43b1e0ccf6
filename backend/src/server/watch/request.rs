//! The WATCH request.

use std::sync::Arc;

use shared::wire::{Failure, FrameKind, Watch};
use shared::{ErrorCode, Event, EventId, EventKind, Rights, VPath, View};

use super::watches::{Watched, Watches};
use crate::random::random_bytes;
use crate::server::authority::{link_scope, look, share_of};
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
    let (folder, view) = look(&request.caller, &request.folder)?;
    let watched = Watched { folder: folder.clone(), links: link_scope(&request.caller, Rights::LIST) };
    if view != View::All {
        return say_nothing(watches, response, watched).await;
    }
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
                () = watches.stopping() => Err(stops()),
                () = subscription.changed() => Ok(()),
            }
        };
        response.until_cancelled(next).await?;
    }
}

/// Watches a folder on the way to a grant: what happens in it is not the caller's to know.
async fn say_nothing<W: Sink>(
    watches: &Arc<Watches>,
    response: &mut ResponseWriter<'_, W>,
    watched: Watched,
) -> Result<(), RequestError> {
    let looking = Arc::clone(watches);
    response.until_cancelled(blocking(move || Ok(looking.expect_on_the_way(&watched)?))).await?;
    let id = EventId { epoch: u64::from_le_bytes(random_bytes()?), sequence: 0 };
    response.send(FrameKind::Event, &Event { id, kind: EventKind::Ready }).await?;
    response.flush().await?;
    let stopping = async {
        watches.stopping().await;
        Err(stops())
    };
    response.until_cancelled(stopping).await
}

fn stops() -> RequestError {
    Failure::new(ErrorCode::ShuttingDown, "the server stops").into()
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

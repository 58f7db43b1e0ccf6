//! Which operation answers which request: a line for each.

use shared::ErrorCode;
use shared::wire::{Bounded, Failure, FrameKind, Message};

use super::connection::handshake::Peer;
use super::connection::response::{Answer, Stop};
use super::jobs::registry;
use super::operations::list::page;
use super::operations::send::Sink;
use super::operations::watch::watches;
use super::operations::{digest, get, trash, walk};
use super::state::Server;
use super::uploads::write::Intake;
use super::uploads::{commit, stage, store, write};
use crate::wire::Frame;

/// One operation, to its END, which the caller sends.
pub(super) async fn dispatch<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    intake: Option<Intake<'_>>,
    frame: &Frame,
) -> Result<(), Stop> {
    match (frame.kind(), intake) {
        (Some(FrameKind::Put), Some(intake)) => {
            return write::put(server, peer, answer, intake, request(frame)?).await;
        }
        (Some(FrameKind::Store), Some(intake)) => {
            return store::store(server, peer, answer, intake, request(frame)?).await;
        }
        _ => {}
    }
    match frame.kind() {
        Some(FrameKind::List) => page::list(server, peer, answer, request(frame)?).await,
        Some(FrameKind::Stat) => get::stat(server, peer, answer, request(frame)?).await,
        Some(FrameKind::Get) => get::get(server, peer, answer, request(frame)?).await,
        Some(FrameKind::Walk) => walk::walk(server, peer, answer, request(frame)?).await,
        Some(FrameKind::Digest) => digest::digest(server, peer, answer, request(frame)?).await,
        Some(FrameKind::Stage) => stage::stage(server, peer, answer, request(frame)?).await,
        Some(FrameKind::UploadStatus) => stage::status(server, peer, answer, request(frame)?).await,
        Some(FrameKind::Commit) => commit::commit(server, peer, answer, request(frame)?).await,
        Some(FrameKind::Abort) => stage::abort(server, peer, answer, request(frame)?).await,
        Some(FrameKind::Change) => registry::change(server, peer, answer, request(frame)?).await,
        Some(FrameKind::JobStatus) => registry::status(server, answer, request(frame)?).await,
        Some(FrameKind::CancelJob) => registry::cancel(server, answer, request(frame)?).await,
        Some(FrameKind::ListTrash) => trash::list(server, peer, answer, request(frame)?).await,
        Some(FrameKind::Watch) => watches::watch(server, peer, answer, request(frame)?).await,
        _ => Err(Failure::new(ErrorCode::Unsupported, "this server does not know the operation").into()),
    }
}

/// The request in a frame, within its bounds. One that is not leaves the connection as it was.
fn request<M: Message + Bounded>(frame: &Frame) -> Result<M, Stop> {
    let request: M = frame.message().map_err(|error| Failure::new(ErrorCode::BadRequest, error.to_string()))?;
    request.check_bounds().map_err(|sentence| Failure::new(ErrorCode::BadRequest, sentence))?;
    Ok(request)
}

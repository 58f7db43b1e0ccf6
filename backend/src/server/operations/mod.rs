//! Operations: what the file server does for each request. An operation that keeps no state between requests is a file
//! in this folder, whether it reads or changes the storage; registering one costs a `mod` line and a line in
//! [`dispatch`]. The operations with state of their own have folders beside this one: `list`, `watch`, `uploads`
//! (operations that receive bytes) and `jobs` (changes that are journalled, are resumed after a crash, and can be
//! cancelled).

mod caller;
mod digest;
mod get;
mod send;
#[cfg(target_os = "linux")]
mod sendfile;
mod stat;
mod trash;
mod walk;

use std::sync::Arc;

use shared::ErrorCode;
use shared::wire::{ChangeRequest, Commit, Failure, FrameKind, Message, Request, Stage, Store};

pub(super) use self::caller::caller_of;
use super::authority::admit;
use super::blocking::blocking;
use super::error::RequestError;
use super::exchange::body::RequestBody;
use super::exchange::response::ResponseWriter;
use super::exchange::sink::Sink;
use super::folders::expect_root;
use super::health;
use super::jobs::requests as jobs;
use super::list;
use super::peer::Peer;
use super::state::Server;
use super::uploads::{commit, put, requests as uploads, store};
use super::watch;
use crate::storage::Storage;
use crate::wire::Frame;

/// Runs the operation of a request, up to its END, which the caller sends. PUT and STORE have a `body`.
pub(super) async fn dispatch<W: Sink>(
    server: &Server,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    body: Option<RequestBody<'_>>,
    frame: &Frame,
) -> Result<(), RequestError> {
    let Server { storage, snapshots, digests, readings, records, watches, transfer_budget, config, .. } = server;
    let admissions = &server.admissions;
    check_root(storage, peer, response, frame).await?;
    match frame.kind() {
        Some(FrameKind::List) => {
            let entries_max = config.folder_entries_max;
            list::request::list(storage, snapshots, admissions, entries_max, peer, response, parse(frame, peer)?).await
        }
        Some(FrameKind::Stat) => stat::stat(storage, response, parse(frame, peer)?).await,
        Some(FrameKind::Get) => get::get(storage, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::Walk) => walk::walk(storage, admissions, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::Digest) => {
            digest::digest(storage, digests, readings, peer, response, parse(frame, peer)?).await
        }
        Some(FrameKind::ListTrash) => {
            trash::list(storage, records.as_ref(), admissions, config.trash_expiry, peer, response, parse(frame, peer)?)
                .await
        }
        Some(FrameKind::Watch) => watch::request::watch(watches, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::Stage) => uploads::stage(&server.uploads, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::UploadStatus) => uploads::status(&server.uploads, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::Abort) => uploads::abort(&server.uploads, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::Put) => {
            put::put(&server.uploads, transfer_budget, peer, response, body, parse(frame, peer)?).await
        }
        Some(FrameKind::Store) => store::store(&server.uploads, peer, response, body, parse(frame, peer)?).await,
        Some(FrameKind::Commit) => commit::commit(&server.uploads, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::Change) => jobs::change(&server.jobs, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::JobStatus) => jobs::status(&server.jobs, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::CancelJob) => jobs::cancel(&server.jobs, peer, response, parse(frame, peer)?).await,
        Some(FrameKind::Health) => health::health(&server.health, response, parse(frame, peer)?).await,
        _ => Err(Failure::new(ErrorCode::Unsupported, "the server does not have this operation").into()),
    }
}

/// Requires the folder of the caller's base for a request that may make a file or a folder.
///
/// # Errors
/// As [`expect_root`]. A frame without a readable caller passes: its operation refuses it.
async fn check_root<W: Sink>(
    storage: &Arc<dyn Storage>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    frame: &Frame,
) -> Result<(), RequestError> {
    if !matches!(frame.kind(), Some(FrameKind::Stage | FrameKind::Store | FrameKind::Commit | FrameKind::Change)) {
        return Ok(());
    }
    let mut caller = caller_of(frame).unwrap_or_default();
    if frame.kind() != Some(FrameKind::Change) {
        // A CHANGE is answered at its deadline with its job.
        response.set_deadline(caller.deadline_ms);
    }
    if caller.scope.base.is_root() || admit(&mut caller, peer).is_err() || !caller.scope.is_seen(&caller.scope.base) {
        // Its operation refuses a caller who has nothing there, and who does not learn what is there.
        return Ok(());
    }
    let (base, storage) = (caller.scope.base, Arc::clone(storage));
    match response.until_cancelled(blocking(move || Ok(expect_root(&*storage, &base)?))).await {
        // Its operation refuses it, for the better reason.
        Err(_) if !is_readable(frame) => Ok(()),
        checked => checked,
    }
}

/// Whether a request that may make a file or a folder can be decoded.
fn is_readable(frame: &Frame) -> bool {
    match frame.kind() {
        Some(FrameKind::Stage) => frame.message::<Stage>().is_ok(),
        Some(FrameKind::Store) => frame.message::<Store>().is_ok(),
        Some(FrameKind::Commit) => frame.message::<Commit>().is_ok(),
        Some(FrameKind::Change) => frame.message::<ChangeRequest>().is_ok(),
        _ => true,
    }
}

/// The request in a frame, within its bounds, of a caller that may make requests.
///
/// # Errors
/// [`ErrorCode::BadRequest`]; as [`admit`]; the connection continues.
fn parse<M: Message + Request>(frame: &Frame, peer: &Peer) -> Result<M, RequestError> {
    let mut request: M = frame.message().map_err(|error| Failure::new(ErrorCode::BadRequest, error.to_string()))?;
    request.check_bounds().map_err(|sentence| Failure::new(ErrorCode::BadRequest, sentence))?;
    admit(request.caller_mut(), peer)?;
    Ok(request)
}

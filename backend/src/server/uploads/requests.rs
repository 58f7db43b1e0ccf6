//! STAGE, UPLOAD_STATUS and ABORT: an upload begins, is looked up, and is given up.

use std::sync::Arc;

use shared::wire::{Abort, Caller, FrameKind, Stage, UploadStatus};
use shared::{ErrorCode, Rights, VPath};

use super::registry::{Patience, Uploads, uploader};
use crate::server::authority::{authorise, granted, share_of};
use crate::server::blocking::blocking_in_turn;
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::server::records::uploads::Destination;

/// Where the server makes the upload that `stage` begins a file by itself; `None` if it does not.
///
/// # Errors
/// As [`authorise`].
pub(super) fn destination(caller: &Caller, peer: &Peer, stage: &Stage) -> Result<Option<Destination>, ErrorCode> {
    let target = stage.target.as_ref().filter(|_| stage.finish == Some(true));
    let path = target.map(|target| authorise(caller, peer, Rights::NONE, target)).transpose()?;
    Ok(path.map(|path| Destination { path, rights: granted(caller, peer) }))
}

/// Answers UPLOAD.
pub(in crate::server) async fn stage<W: Sink>(
    uploads: &Arc<Uploads>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Stage,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let (owner, who) = (uploader(&request.caller, peer)?, share_of(&request.caller, peer)?);
    let rights = granted(&request.caller, peer);
    let path = |target: &VPath| authorise(&request.caller, peer, Rights::NONE, target);
    let target = request.target.as_ref().map(path).transpose()?;
    let destination = destination(&request.caller, peer, &request)?;
    let (beginning, gate) = (Arc::clone(uploads), EffectGate::default());
    let passed = gate.clone();
    let begun = blocking_in_turn(&uploads.steps, who, move || {
        beginning.begin(owner, rights, target, destination, request, &passed)
    });
    let upload = response.until_effect(gate, begun).await?;
    response.send(FrameKind::Upload, &upload).await
}

/// Answers UPLOAD for the upload of the request, or one for each.
pub(in crate::server) async fn status<W: Sink>(
    uploads: &Arc<Uploads>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: UploadStatus,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let (owner, who) = (uploader(&request.caller, peer)?, share_of(&request.caller, peer)?);
    if let Some(id) = request.upload {
        let upload = uploads.lock(response, id, owner, Patience::Finishing).await?.record().describe();
        return response.send(FrameKind::Upload, &upload).await;
    }
    let all = Arc::clone(uploads);
    let listing = blocking_in_turn(&uploads.steps, who, move || Ok(all.of_owner(&owner)?));
    for upload in response.until_cancelled(listing).await? {
        response.send(FrameKind::Upload, &upload).await?;
    }
    Ok(())
}

/// Answers END alone.
pub(in crate::server) async fn abort<W: Sink>(
    uploads: &Arc<Uploads>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Abort,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let (owner, who) = (uploader(&request.caller, peer)?, share_of(&request.caller, peer)?);
    let lock = uploads.lock(response, request.upload, owner, Patience::Takeover).await?;
    let forgetting = Arc::clone(uploads);
    let forgotten = blocking_in_turn(&uploads.steps, who, move || Ok(forgetting.forget(&lock.slot)?));
    response.run_to_completion(forgotten).await
}

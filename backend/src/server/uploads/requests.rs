//! STAGE, UPLOAD_STATUS and ABORT: an upload begins, is looked up, and is given up.

use std::sync::Arc;

use shared::Rights;
use shared::VPath;
use shared::wire::{Abort, FrameKind, Stage, UploadStatus};

use super::registry::{Uploads, uploader};
use crate::server::authority::{authorise, granted};
use crate::server::blocking::blocking;
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;

/// Answers UPLOAD.
pub(in crate::server) async fn stage<W: Sink>(
    uploads: &Arc<Uploads>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Stage,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let owner = uploader(&request.caller, peer)?;
    let rights = granted(&request.caller, peer);
    let path = |target: &VPath| authorise(&request.caller, peer, Rights::NONE, target);
    let target = request.target.as_ref().map(path).transpose()?;
    let (uploads, gate) = (Arc::clone(uploads), EffectGate::default());
    let passed = gate.clone();
    let begun = blocking(move || uploads.begin(owner, rights, target, request, &passed));
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
    let owner = uploader(&request.caller, peer)?;
    if let Some(id) = request.upload {
        let upload = uploads.lock(response, id, owner).await?.record().describe();
        return response.send(FrameKind::Upload, &upload).await;
    }
    let uploads = Arc::clone(uploads);
    for upload in response.until_cancelled(blocking(move || Ok(uploads.of_owner(&owner)?))).await? {
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
    let owner = uploader(&request.caller, peer)?;
    let lock = uploads.lock(response, request.upload, owner).await?;
    let uploads = Arc::clone(uploads);
    response.run_to_completion(blocking(move || Ok(uploads.forget(&lock.slot)?))).await
}

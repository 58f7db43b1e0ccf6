//! STAGE, UPLOAD_STATUS and ABORT: an upload begins, is looked up, and is given up.

use std::sync::Arc;

use shared::wire::{Abort, FrameKind, Stage, Upload, UploadStatus};

use super::destination::shown;
use super::registry::{Patience, Uploads, uploader};
use crate::server::authority::share_of;
use crate::server::blocking::blocking_in_turn;
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::server::records::uploads::Destination;

/// Answers UPLOAD.
pub(in crate::server) async fn stage<W: Sink>(
    uploads: &Arc<Uploads>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Stage,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let (owner, who) = (uploader(&request.caller, peer)?, share_of(&request.caller, peer)?);
    let destination = Destination::of_stage(&request.caller, &request)?;
    let scope = request.caller.scope.clone();
    let (beginning, gate) = (Arc::clone(uploads), EffectGate::default());
    let passed = gate.clone();
    let begun = blocking_in_turn(&uploads.steps, who, move || beginning.begin(owner, destination, request, &passed));
    let upload = response.until_effect(gate, begun).await?;
    response.send(FrameKind::Upload, &shown(&scope, upload)).await
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
        let record = uploads.lock(response, id, owner, Patience::Finishing).await?.record();
        Destination::of_stage(&request.caller, &record.request)?;
        return response.send(FrameKind::Upload, &shown(&request.caller.scope, record.describe())).await;
    }
    let all = Arc::clone(uploads);
    let listing = blocking_in_turn(&uploads.steps, who, move || Ok(all.of_owner(&owner)?));
    let may_go_on =
        |upload: &Upload| upload.target.as_ref().is_none_or(|target| Destination::of(&request.caller, target).is_ok());
    for upload in response.until_cancelled(listing).await?.into_iter().filter(may_go_on) {
        response.send(FrameKind::Upload, &shown(&request.caller.scope, upload)).await?;
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
    Destination::of_stage(&request.caller, &lock.record().request)?;
    let forgetting = Arc::clone(uploads);
    let forgotten = blocking_in_turn(&uploads.steps, who, move || Ok(forgetting.forget(&lock.slot)?));
    response.run_to_completion(forgotten).await
}

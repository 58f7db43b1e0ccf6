//! PUT: the next bytes of an upload.

use std::sync::Arc;

use shared::ErrorCode;
use shared::wire::{FrameKind, Put};

use super::destination::shown;
use super::registry::{Patience, Uploads, taken_over_by_newer, uploader};
use super::slot::UploadLock;
use super::writer::{BodyEnd, Writer};
use crate::server::authority::share_of;
use crate::server::blocking::blocking_in_turn;
use crate::server::error::RequestError;
use crate::server::exchange::body::RequestBody;
use crate::server::exchange::effect::EffectGate;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::server::records::uploads::Destination;
use crate::transfer_budget::{TransferBudget, TransferShare};

/// Most pieces that are written in one step.
const STEP_PIECES: usize = 4;

/// Answers UPLOAD, takes DATA… PUT_END, and answers UPLOAD again.
pub(in crate::server) async fn put<W: Sink>(
    uploads: &Arc<Uploads>,
    budget: &TransferBudget,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    body: Option<RequestBody<'_>>,
    request: Put,
) -> Result<(), RequestError> {
    let mut body = body.ok_or(ErrorCode::Internal)?;
    response.set_deadline(request.caller.deadline_ms);
    let (owner, who) = (uploader(&request.caller, peer)?, share_of(&request.caller, peer)?);
    let lock = uploads.lock(response, request.upload, owner, Patience::Takeover).await?;
    let (scope, stage) = (request.caller.scope.clone(), lock.record().request);
    let destination = Destination::of_stage(&request.caller, &stage)?.filter(|_| stage.finish == Some(true));
    let (opening, locked) = (Arc::clone(uploads), Arc::clone(&lock));
    let gate = EffectGate::default();
    let passed = gate.clone();
    let writer =
        blocking_in_turn(&uploads.steps, who, move || Writer::open(opening, locked, &request, destination, &passed));
    let mut writer = response.until_effect(gate, writer).await?;
    // Taken before the client may send, so that the length of the first piece counts this PUT.
    let share = budget.share();
    response.send(FrameKind::Upload, &shown(&scope, lock.record().describe())).await?;
    body.open();
    let end = match response.flush().await {
        Ok(()) => write_body(&share, response, &mut body, &lock, &mut writer).await,
        Err(error) => BodyEnd::Refused(error),
    };
    response.run_to_completion(uploads.settle_and_finish(Arc::clone(&lock), writer, end)).await?;
    response.send(FrameKind::Upload, &shown(&scope, lock.record().describe())).await
}

async fn write_body<W: Sink>(
    share: &TransferShare,
    response: &mut ResponseWriter<'_, W>,
    body: &mut RequestBody<'_>,
    lock: &UploadLock,
    writer: &mut Writer,
) -> BodyEnd {
    loop {
        let batch = match body.next(response, &lock.taken_over.by_any, STEP_PIECES * share.piece_bytes()).await {
            Ok(batch) => batch,
            Err(error) => return BodyEnd::Refused(error),
        };
        if let Err(error) = writer.write(response, batch.pieces).await {
            return BodyEnd::Refused(error);
        }
        match batch.end {
            Some(end) => return BodyEnd::Ended(end),
            None if batch.disconnected => return BodyEnd::Disconnected,
            None if batch.taken_over => return BodyEnd::Refused(taken_over_by_newer()),
            None => {}
        }
    }
}

//! `passerelle put - FILE`: uploads standard input as a file. It can be read only once, so a lost connection ends the
//! upload.

use std::io::Read;

use bytes::Bytes;
use shared::limits::PIECE_BYTES;
use shared::{Conflict, ErrorCode, VPath};

use super::upload::{Upload, missing_entry, report_similar};
use crate::client::{Commit, PutRange, Stage};
use crate::commands::failure::{Exit, Failure};
use crate::commands::job::new_key;
use crate::commands::report::FileOutcome;

/// Uploads standard input to `target`. Blocks while it reads.
pub(super) async fn upload(upload: Upload, target: VPath) -> Result<(), Failure> {
    let Upload { session, conflict, .. } = &upload;
    // Fails before the bytes are sent instead of after.
    if *conflict == Conflict::Fail && session.client.stat(&session.caller, &target).await.is_ok() {
        return Err(Failure::of(ErrorCode::AlreadyExists).about(&target));
    }
    let request = Stage {
        caller: session.caller.clone(),
        target: Some(target.clone()),
        conflict: *conflict,
        resumable: true,
        make_parents: true,
        key: Some(new_key()?),
        ..Stage::default()
    };
    let about = |failure: Failure| failure.about(&target);
    let staged = session.client.stage(&request).await.map_err(|error| about(error.into()))?;
    let sent = send(&upload, staged.id).await;
    if let Err(failure) = sent {
        // If this request is lost, the upload expires on the server.
        let _ = session.client.abort(&session.caller, staged.id).await;
        return Err(about(failure));
    }
    Ok(())
}

async fn send(upload: &Upload, id: shared::UploadId) -> Result<(), Failure> {
    let Upload { session, report, .. } = upload;
    let mut hasher = blake3::Hasher::new();
    let mut total = 0;
    let mut sending = session.client.put(&session.caller, id, PutRange::default()).await?;
    let mut input = std::io::stdin();
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let count = input.read(&mut piece).map_err(|error| Failure::local("standard input", &error))?;
        if count == 0 {
            break;
        }
        piece.truncate(count);
        hasher.update(&piece);
        total += count as u64;
        sending.send(Bytes::from(piece)).await?;
        report.transferred(count as u64);
        if report.stop().is_cancelled() {
            return Err(Failure::new(Exit::Interrupted, "interrupted", "interrupted; nothing of it is kept"));
        }
    }
    sending.finish().await?;
    // Announces the length, which is known only now.
    let rest = PutRange { offset: total, length: Some(0), total: Some(total), ..PutRange::default() };
    session.client.put(&session.caller, id, rest).await?.finish().await?;
    let request = Commit {
        caller: session.caller.clone(),
        upload: id,
        target: None,
        conflict: None,
        if_match: None,
        blake3: Some(hasher.finalize().as_bytes().to_vec()),
    };
    let done = session.client.commit(&request).await?;
    report_similar(report, &done);
    let entry = done.entry.ok_or_else(missing_entry)?;
    report.found(total);
    report.finished("-", &entry.path, total, FileOutcome::Transferred);
    Ok(())
}

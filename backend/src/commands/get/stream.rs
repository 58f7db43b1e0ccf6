//! `passerelle get FILE -`: writes one file to standard output, each byte once, across lost connections.

use std::io::{self, Write};

use shared::{ByteRange, ETag, ErrorCode, VPath};

use crate::client::{ClientError, GetItem, Item};
use crate::commands::connect::Session;
use crate::commands::failure::{Failure, is_away};
use crate::commands::report::{FileOutcome, Report};
use crate::commands::retry::Backoff;

/// The bytes already written, and the version of the file that they are from.
#[derive(Default)]
struct Sent {
    bytes: u64,
    etag: Option<ETag>,
}

enum StreamError {
    Server(ClientError),
    Output(io::Error),
}

impl From<ClientError> for StreamError {
    fn from(error: ClientError) -> Self {
        Self::Server(error)
    }
}

/// Streams the file at `path`.
pub(super) async fn stream(session: &Session, report: &Report, path: &VPath, retries: u32) -> Result<(), Failure> {
    let mut backoff = Backoff::new(retries);
    let mut sent = Sent::default();
    loop {
        let before = sent.bytes;
        let streamed = send(session, report, path, &mut sent).await;
        if sent.bytes > before {
            backoff.progress();
        }
        match streamed {
            Ok(()) => break,
            // Retries only after the first byte: before it, a failure costs the user nothing.
            Err(StreamError::Server(error)) if is_away(error.code) && sent.bytes > 0 => {
                report.wait(&mut backoff, error).await?;
            }
            Err(StreamError::Server(error)) => return Err(Failure::from(error).about(path)),
            Err(StreamError::Output(error)) => return Err(Failure::output(&error)),
        }
    }
    report.finished(path, path, sent.bytes, FileOutcome::Transferred);
    io::stdout().lock().flush().map_err(|error| Failure::output(&error))
}

async fn send(session: &Session, report: &Report, path: &VPath, sent: &mut Sent) -> Result<(), StreamError> {
    let range = (sent.bytes > 0).then_some(ByteRange::From(sent.bytes));
    let item = GetItem { path: path.clone(), range, if_etag: sent.etag, if_prefix: None };
    let mut transfer = session.client.get(&session.caller, vec![item]).await?;
    let meta = match transfer.next_item().await? {
        Some(Item::Sending(meta)) => meta,
        // The connection was lost after the last byte.
        Some(Item::Unsatisfiable(meta, _)) if sent.bytes > 0 && meta.entry.size == sent.bytes => return Ok(()),
        Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => return Err(ClientError::from(failure).into()),
        None => return Err(ClientError::new(ErrorCode::Protocol, "the answer has no file").into()),
    };
    if meta.offset != sent.bytes {
        return Err(ClientError::new(ErrorCode::Protocol, "the answer has another range than requested").into());
    }
    if sent.bytes > 0 && sent.etag.is_none() {
        return Err(ClientError::new(
            ErrorCode::Changed,
            "the file has no entity tag, so the download cannot be resumed",
        )
        .into());
    }
    sent.etag = meta.entry.etag;
    report.found(meta.entry.size);
    while let Some(piece) = transfer.piece().await? {
        io::stdout().write_all(&piece).map_err(StreamError::Output)?;
        sent.bytes += piece.len() as u64;
        report.transferred(piece.len() as u64);
    }
    transfer.next_item().await?;
    Ok(())
}

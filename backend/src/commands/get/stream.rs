//! `passerelle get FILE -`: one file to standard output, each byte once, however often the server goes away.

use std::io::{self, Write};

use shared::{ByteRange, ETag, ErrorCode, VPath};

use crate::client::{ClientError, GetItem, Item};
use crate::commands::connect::Session;
use crate::commands::exit::{Failure, is_away};
use crate::commands::report::{Came, Report};
use crate::commands::retry::Backoff;

/// How much of which state of the file is out.
#[derive(Default)]
struct Sent {
    bytes: u64,
    etag: Option<ETag>,
}

enum Trouble {
    Peer(ClientError),
    Output(io::Error),
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Peer(error)
    }
}

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
            // Before the first byte nobody has waited for anything yet: a server that is not there is not waited for.
            Err(Trouble::Peer(error)) if is_away(error.code) && sent.bytes > 0 => {
                report.wait(&mut backoff, error).await?;
            }
            Err(Trouble::Peer(error)) => return Err(Failure::from(error).about(path)),
            Err(Trouble::Output(error)) => return Err(Failure::output(&error)),
        }
    }
    report.came(path, path, sent.bytes, Came::Whole);
    io::stdout().lock().flush().map_err(|error| Failure::output(&error))
}

async fn send(session: &Session, report: &Report, path: &VPath, sent: &mut Sent) -> Result<(), Trouble> {
    let range = (sent.bytes > 0).then_some(ByteRange::From(sent.bytes));
    let item = GetItem { path: path.clone(), range, if_etag: sent.etag };
    let mut transfer = session.client.get(&session.caller, vec![item]).await?;
    let meta = match transfer.next_item().await? {
        Some(Item::Sending(meta)) => meta,
        // The connection was lost after the last byte.
        Some(Item::Unsatisfiable(meta, _)) if sent.bytes > 0 && meta.entry.size == sent.bytes => return Ok(()),
        Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => return Err(ClientError::from(failure).into()),
        None => return Err(ClientError::new(ErrorCode::Protocol, "no file at all").into()),
    };
    if meta.offset != sent.bytes {
        return Err(ClientError::new(ErrorCode::Protocol, "another part of the file than was asked for").into());
    }
    if sent.bytes > 0 && sent.etag.is_none() {
        return Err(ClientError::new(ErrorCode::Changed, "the file cannot be told from another").into());
    }
    sent.etag = meta.entry.etag;
    report.found(meta.entry.size);
    while let Some(piece) = transfer.piece().await? {
        io::stdout().write_all(&piece).map_err(Trouble::Output)?;
        sent.bytes += piece.len() as u64;
        report.passed(piece.len() as u64);
    }
    transfer.next_item().await?;
    Ok(())
}

//! CRC-32s of entries whose content is not sent completely, because the requested range starts after or within it. The
//! file server is asked for them, a few files at a time, while other content is sent; it reads a file only if the
//! checksum of its current state is unknown.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::iter;
use shared::{Algorithm, ErrorCode};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::plan::{Manifest, PlannedEntry};
use crate::client::{Caller, Client, ClientError};
use crate::gateway::http::body_stream::protocol_error;

/// How many files are requested at a time.
const AT_ONCE: usize = 4;
/// How many checksums may wait until they are needed.
const AHEAD: usize = 1024;

/// Checksums, in the order in which they were requested.
pub(super) struct Checksums {
    receiver: mpsc::Receiver<Result<u32, ClientError>>,
    _task: AbortOnDropHandle<()>,
}

impl Checksums {
    /// Starts to request the checksums of these entries.
    pub(super) fn request(
        client: Client,
        caller: Caller,
        manifest: Arc<Manifest>,
        indices: impl Iterator<Item = usize> + Send + 'static,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            let answers = iter(indices).map(|index| {
                let (client, caller, manifest) = (client.clone(), caller.clone(), Arc::clone(&manifest));
                async move {
                    match manifest.entries.get(index) {
                        Some(entry) => checksum(&client, &caller, entry).await,
                        None => Err(protocol_error("an entry is not in the manifest")),
                    }
                }
            });
            let mut answers = std::pin::pin!(answers.buffered(AT_ONCE));
            while let Some(answer) = answers.next().await {
                if sender.send(answer).await.is_err() {
                    return;
                }
            }
        });
        Self { receiver, _task: AbortOnDropHandle::new(task) }
    }

    /// The next checksum.
    pub(super) async fn next(&mut self) -> Result<u32, ClientError> {
        self.receiver.recv().await.unwrap_or_else(|| Err(protocol_error("a checksum was not requested")))
    }
}

/// The checksum of a file, if it is still in the planned state.
async fn checksum(client: &Client, caller: &Caller, entry: &PlannedEntry) -> Result<u32, ClientError> {
    let known = client.digest(caller, &entry.path, vec![Algorithm::Crc32], false).await?;
    if known.entry.etag != entry.etag || known.entry.size != entry.size {
        return Err(ClientError::new(ErrorCode::Changed, "a file changed since the archive was planned"));
    }
    let digest = known.digests.get(Algorithm::Crc32).and_then(|digest| digest.try_into().ok());
    digest.map(u32::from_be_bytes).ok_or_else(|| protocol_error("an answer without the checksum"))
}

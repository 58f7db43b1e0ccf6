//! Uploads: create one, send its bytes, publish it as a file.

use bytes::Bytes;
use shared::wire::{
    Abort, Caller, Commit, Digest, DigestsKnown, FrameKind, Put, PutEnd, Stage, Store, Upload, UploadStatus,
};
use shared::{Algorithm, Checksum, Conflict, ErrorCode, UploadId, VPath};

use super::calls::Client;
use super::connection::Reply;
use super::error::ClientError;
use super::lease::Lease;
use super::owner::owner;
use super::pool_config::ConnectionClass;
use crate::transfer_budget::TransferShare;

/// The range of an upload that a PUT sends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PutRange {
    /// The offset of the first byte, which must be the durable offset.
    pub offset: u64,
    /// Number of bytes, if known.
    pub length: Option<u64>,
    /// Their checksum. With it, the server keeps either all bytes or none.
    pub checksum: Option<Checksum>,
    /// Total length of the upload, if STAGE did not tell it.
    pub total: Option<u64>,
    /// The BLAKE3 digest of the whole content, if these bytes complete the upload.
    pub blake3: Option<Vec<u8>>,
}

/// Sends bytes into an upload. If it is dropped before [`UploadWriter::finish`], the server keeps all complete frames.
pub struct UploadWriter {
    /// `None` after the end of the request and after a failure of the connection.
    lease: Option<Lease>,
    /// The upload when the server was ready for its bytes.
    ready: Upload,
    share: TransferShare,
}

impl Client {
    /// Creates an upload, or finds the one that was created with the same key.
    pub async fn stage(&self, request: &Stage) -> Result<Upload, ClientError> {
        self.call_in(ConnectionClass::Changing, request).await
    }

    /// Opens an upload for writing. Another writer of it is cancelled.
    pub async fn put(&self, caller: &Caller, upload: UploadId, range: PutRange) -> Result<UploadWriter, ClientError> {
        let PutRange { offset, length, checksum, total, blake3 } = range;
        let request = Put { caller: caller.clone(), upload, offset, length, checksum, total, blake3 };
        let (lease, reply) = self.start(ConnectionClass::Changing, caller, FrameKind::Put, &request).await?;
        match reply {
            Reply::Frame(frame) => {
                let ready = lease.message(&frame, FrameKind::Upload)?;
                Ok(UploadWriter { share: lease.share(), lease: Some(lease), ready })
            }
            Reply::End(error) => Err(lease.end(error)),
        }
    }

    /// The state of an upload. A writer of it is cancelled first; while the server makes it a file, the answer waits for the
    /// end of that, or for the deadline of the caller.
    pub async fn upload_status(&self, caller: &Caller, upload: UploadId) -> Result<Upload, ClientError> {
        let request = UploadStatus { caller: caller.clone(), upload: Some(upload) };
        let class = ConnectionClass::Waiting;
        let (lease, reply) = self.start(class, &request.caller, FrameKind::UploadStatus, &request).await?;
        lease.last_message(reply, FrameKind::Upload).await
    }

    /// The state of an upload, once the server has ended making it a file.
    pub async fn finished_upload(&self, caller: &Caller, upload: UploadId) -> Result<Upload, ClientError> {
        self.upload_status(&Caller { deadline_ms: None, ..caller.clone() }, upload).await
    }

    /// The caller's uploads: those that are no files yet, then the newest.
    pub async fn uploads(&self, caller: &Caller) -> Result<Vec<Upload>, ClientError> {
        let request = UploadStatus { caller: caller.clone(), upload: None };
        let (lease, reply) = self.start(ConnectionClass::Metadata, caller, FrameKind::UploadStatus, &request).await?;
        lease.all_messages(reply, FrameKind::Upload).await
    }

    /// Creates a small file in one round trip. The request tells the number of bytes, at most
    /// [`shared::limits::STORE_BYTES_MAX`]. A server of version 0.1.0, which refuses a key, gets the request without it.
    pub async fn store(&self, request: &Store, bytes: &[u8]) -> Result<Upload, ClientError> {
        let who = owner(&request.stage.caller);
        let mut lease = self.pool.lease(ConnectionClass::Changing, who).await?;
        // A second STORE has the effect of one unless it depends on the old file. Then the connection is pinged first.
        let repeatable = request.stage.conflict == Conflict::Replace && request.stage.if_match.is_none();
        if !repeatable && lease.was_pooled() && lease.ping().await.is_err() {
            drop(lease);
            lease = self.pool.lease_new(ConnectionClass::Changing, who).await?;
        }
        let reply = match call_store(&mut lease, request, bytes).await {
            Err(error) if error.code == ErrorCode::Disconnected && repeatable && lease.was_pooled() => {
                drop(lease);
                lease = self.pool.lease_new(ConnectionClass::Changing, who).await?;
                call_store(&mut lease, request, bytes).await?
            }
            reply => reply?,
        };
        lease.last_message(reply, FrameKind::Upload).await
    }

    /// Publishes an upload as a file.
    pub async fn commit(&self, request: &Commit) -> Result<Upload, ClientError> {
        self.call_in(ConnectionClass::Changing, request).await
    }

    /// Deletes an upload.
    pub async fn abort(&self, caller: &Caller, upload: UploadId) -> Result<(), ClientError> {
        let request = Abort { caller: caller.clone(), upload };
        let (lease, reply) = self.start(ConnectionClass::Metadata, caller, FrameKind::Abort, &request).await?;
        lease.no_message(reply)
    }

    /// Digests of a file's content. With `known_only` the server reads nothing and returns those that it has.
    pub async fn digest(
        &self,
        caller: &Caller,
        path: &VPath,
        algorithms: Vec<Algorithm>,
        known_only: bool,
    ) -> Result<DigestsKnown, ClientError> {
        let request = Digest { caller: caller.clone(), path: path.clone(), algorithms, known_only };
        let class = if known_only { ConnectionClass::Metadata } else { ConnectionClass::Waiting };
        let (lease, reply) = self.start(class, caller, FrameKind::Digest, &request).await?;
        lease.last_message(reply, FrameKind::Digests).await
    }
}

/// Sends a STORE, with its key if the server takes it.
async fn call_store(lease: &mut Lease, request: &Store, bytes: &[u8]) -> Result<Reply, ClientError> {
    if request.stage.key.is_none() || lease.takes_store_keys() {
        return lease.call_with(FrameKind::Store, request, bytes).await;
    }
    let stage = Stage { key: None, ..request.stage.clone() };
    lease.call_with(FrameKind::Store, &Store { stage, checksum: request.checksum.clone() }, bytes).await
}

impl UploadWriter {
    /// The upload when the server was ready for its bytes.
    pub fn ready(&self) -> &Upload {
        &self.ready
    }

    /// Best length for one [`UploadWriter::send`] at the moment, in bytes; it shrinks with the number of transfers.
    pub fn piece_bytes(&self) -> usize {
        self.share.piece_bytes()
    }

    /// Sends bytes, and waits until the transport has taken them.
    ///
    /// # Errors
    /// The server's reason to end the request, such as [`ErrorCode::NoSpace`], or [`ErrorCode::Canceled`] if a newer
    /// writer has taken over. [`Client::upload_status`] tells how much it kept.
    pub async fn send(&mut self, piece: Bytes) -> Result<(), ClientError> {
        let Some(lease) = &mut self.lease else { return Err(ended()) };
        match lease.send_data(piece).await {
            Ok(None) => Ok(()),
            // The server still expects PUT_END.
            Ok(Some(reply)) => Err(self.refused(reply).await),
            Err(error) => {
                self.lease = None;
                Err(error)
            }
        }
    }

    /// Waits until the server ends the request, and returns the reason. For use while there are no bytes to send.
    /// Cancel safe.
    pub async fn ended(&mut self) -> ClientError {
        let Some(lease) = &mut self.lease else { return ended() };
        match lease.unsolicited().await {
            Ok(reply) => self.refused(reply).await,
            Err(error) => {
                self.lease = None;
                error
            }
        }
    }

    /// Ends the request, and waits until all bytes are durable.
    pub async fn finish(self) -> Result<Upload, ClientError> {
        self.end(false).await
    }

    /// Ends the request because the source of the bytes has failed, and waits until the bytes so far are durable.
    pub async fn break_off(self) -> Result<Upload, ClientError> {
        self.end(true).await
    }

    async fn end(mut self, broken: bool) -> Result<Upload, ClientError> {
        let Some(mut lease) = self.lease.take() else { return Err(ended()) };
        lease.send_message(FrameKind::PutEnd, &PutEnd { broken }).await?;
        let reply = lease.reply().await?;
        lease.last_message(reply, FrameKind::Upload).await
    }

    async fn refused(&mut self, reply: Reply) -> ClientError {
        let Some(mut lease) = self.lease.take() else { return ended() };
        match reply {
            Reply::End(error) => match lease.send_message(FrameKind::PutEnd, &PutEnd { broken: true }).await {
                Ok(()) => lease.end(error),
                Err(broken) => error.map_or(broken, ClientError::from),
            },
            Reply::Frame(_) => lease.broken("a frame that does not belong into the answer to a PUT"),
        }
    }
}

impl Drop for UploadWriter {
    fn drop(&mut self) {
        // Inside a frame nothing else can be sent: the connection is closed, and the server keeps all complete frames.
        if let Some(lease) = self.lease.take().filter(Lease::is_between_frames)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // PUT_END makes the server sync the bytes now, instead of after the stall timeout.
            let (share, ready) = (lease.share(), self.ready.clone());
            runtime.spawn(Self { lease: Some(lease), ready, share }.break_off_quietly());
        }
    }
}

impl UploadWriter {
    async fn break_off_quietly(self) {
        let _ = tokio::time::timeout(shared::limits::UPLOAD_TAKEOVER_TIME, self.break_off()).await;
    }
}

fn ended() -> ClientError {
    ClientError::new(ErrorCode::Disconnected, "the request of the upload has ended")
}

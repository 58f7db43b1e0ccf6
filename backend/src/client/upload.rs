//! Uploads: begin one, send its bytes, make it a file.

use bytes::Bytes;
use shared::wire::{Abort, Commit, Digest, DigestsKnown, FrameKind, Put, PutEnd, Stage, Store, Upload, UploadStatus};
use shared::{Algorithm, Checksum, Conflict, ErrorCode, UploadId, VPath};

use super::connection::Reply;
use super::pool::{ConnectionClass, Lease};
use super::{Caller, Client, ClientError};
use crate::transfer_budget::TransferShare;

/// Which bytes of an upload follow.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sent {
    /// Where the first byte belongs; must be the durable offset.
    pub offset: u64,
    /// How many bytes follow, where that is known.
    pub length: Option<u64>,
    /// What they come to: then they are kept all or not at all.
    pub checksum: Option<Checksum>,
    /// How many bytes there will be in all, where STAGE did not say.
    pub total: Option<u64>,
}

/// Bytes on their way into an upload. Dropped before [`Sending::finish`], what came whole is kept.
pub struct Sending {
    /// None once the request has ended or the connection broke.
    lease: Option<Lease>,
    /// Where the upload stood when the server was ready.
    ready: Upload,
    share: TransferShare,
}

impl Client {
    /// Begins an upload, or finds the one that was begun with the same key.
    pub async fn stage(&self, request: &Stage) -> Result<Upload, ClientError> {
        let (lease, reply) = self.start(ConnectionClass::Metadata, FrameKind::Stage, request).await?;
        lease.last_message(reply, FrameKind::Upload).await
    }

    /// Readies an upload for bytes. A writer that is at work on it is told to let go.
    pub async fn put(&self, caller: &Caller, upload: UploadId, sent: Sent) -> Result<Sending, ClientError> {
        let Sent { offset, length, checksum, total } = sent;
        let request = Put { caller: caller.clone(), upload, offset, length, checksum, total };
        let (lease, reply) = self.start(ConnectionClass::Bulk, FrameKind::Put, &request).await?;
        match reply {
            Reply::Frame(frame) => {
                let ready = lease.message(&frame, FrameKind::Upload)?;
                Ok(Sending { share: lease.share(), lease: Some(lease), ready })
            }
            Reply::End(error) => Err(lease.end(error)),
        }
    }

    /// How an upload stands. A writer that is at work on it is told to let go first.
    pub async fn upload_status(&self, caller: &Caller, upload: UploadId) -> Result<Upload, ClientError> {
        let request = UploadStatus { caller: caller.clone(), upload: Some(upload) };
        let (lease, reply) = self.start(ConnectionClass::Metadata, FrameKind::UploadStatus, &request).await?;
        lease.last_message(reply, FrameKind::Upload).await
    }

    /// How the caller's uploads stand, newest first.
    pub async fn uploads(&self, caller: &Caller) -> Result<Vec<Upload>, ClientError> {
        let request = UploadStatus { caller: caller.clone(), upload: None };
        let (lease, reply) = self.start(ConnectionClass::Metadata, FrameKind::UploadStatus, &request).await?;
        lease.all_messages(reply, FrameKind::Upload).await
    }

    /// Makes a small file of bytes that are all there, in one exchange. The request says how many they are, at most
    /// [`shared::limits::STORE_BYTES_MAX`].
    pub async fn store(&self, request: &Store, bytes: &[u8]) -> Result<Upload, ClientError> {
        let mut lease = self.pool.lease(ConnectionClass::Bulk).await?;
        // Twice is as once, unless it matters what stood there before; then the connection is asked whether it lives.
        let repeatable = request.stage.conflict == Conflict::Replace && request.stage.if_match.is_none();
        if !repeatable && lease.was_pooled() && lease.ping().await.is_err() {
            drop(lease);
            lease = self.pool.lease_new(ConnectionClass::Bulk).await?;
        }
        let reply = match lease.call_with(FrameKind::Store, request, bytes).await {
            Err(error) if error.code == ErrorCode::Disconnected && repeatable && lease.was_pooled() => {
                drop(lease);
                lease = self.pool.lease_new(ConnectionClass::Bulk).await?;
                lease.call_with(FrameKind::Store, request, bytes).await?
            }
            reply => reply?,
        };
        lease.last_message(reply, FrameKind::Upload).await
    }

    /// Makes an upload a file.
    pub async fn commit(&self, request: &Commit) -> Result<Upload, ClientError> {
        let (lease, reply) = self.start(ConnectionClass::Bulk, FrameKind::Commit, request).await?;
        lease.last_message(reply, FrameKind::Upload).await
    }

    /// Gives an upload up.
    pub async fn abort(&self, caller: &Caller, upload: UploadId) -> Result<(), ClientError> {
        let request = Abort { caller: caller.clone(), upload };
        let (lease, reply) = self.start(ConnectionClass::Metadata, FrameKind::Abort, &request).await?;
        lease.no_message(reply)
    }

    /// Digests of a file's content; `known_only` to read nothing, and get what is known.
    pub async fn digest(
        &self,
        caller: &Caller,
        path: &VPath,
        algorithms: Vec<Algorithm>,
        known_only: bool,
    ) -> Result<DigestsKnown, ClientError> {
        let request = Digest { caller: caller.clone(), path: path.clone(), algorithms, known_only };
        let class = if known_only { ConnectionClass::Metadata } else { ConnectionClass::Bulk };
        let (lease, reply) = self.start(class, FrameKind::Digest, &request).await?;
        let mut messages = lease.all_messages::<DigestsKnown>(reply, FrameKind::Digests).await?;
        messages.pop().ok_or_else(|| ClientError::new(ErrorCode::Protocol, "an answer without the digests"))
    }
}

impl Sending {
    /// The upload when the server was ready for its bytes.
    pub fn ready(&self) -> &Upload {
        &self.ready
    }

    /// How much is best gathered for one [`Sending::send`] at the moment, in bytes: the more transfers there are, the less.
    pub fn piece_bytes(&self) -> usize {
        self.share.piece_bytes()
    }

    /// Sends bytes, in frames as long as the connection allows. Waits for the server to take them.
    ///
    /// # Errors
    /// Where the server ended the request ([`ErrorCode::NoSpace`], say; [`ErrorCode::Canceled`] when a newer writer took
    /// over), its reason. What it kept, [`Client::upload_status`] tells.
    pub async fn send(&mut self, piece: Bytes) -> Result<(), ClientError> {
        let Some(lease) = &mut self.lease else { return Err(over()) };
        match lease.send_data(piece).await {
            Ok(None) => Ok(()),
            // The connection has a PUT_END to come yet, so that the server knows where it stands.
            Ok(Some(reply)) => Err(self.refused(reply).await),
            Err(error) => {
                self.lease = None;
                Err(error)
            }
        }
    }

    /// Waits until the server ends the request by itself, and says why. For while there is nothing to send; may be
    /// dropped and called again without a loss.
    pub async fn ended(&mut self) -> ClientError {
        let Some(lease) = &mut self.lease else { return over() };
        match lease.said().await {
            Ok(reply) => self.refused(reply).await,
            Err(error) => {
                self.lease = None;
                error
            }
        }
    }

    /// No more bytes: waits until those that came are durable.
    pub async fn finish(self) -> Result<Upload, ClientError> {
        self.end(false).await
    }

    /// The source of the bytes broke: keeps what came, and waits until it is durable.
    pub async fn break_off(self) -> Result<Upload, ClientError> {
        self.end(true).await
    }

    async fn end(mut self, broken: bool) -> Result<Upload, ClientError> {
        let Some(mut lease) = self.lease.take() else { return Err(over()) };
        lease.tell(FrameKind::PutEnd, &PutEnd { broken }).await?;
        let reply = lease.reply().await?;
        lease.last_message(reply, FrameKind::Upload).await
    }

    async fn refused(&mut self, reply: Reply) -> ClientError {
        let Some(mut lease) = self.lease.take() else { return over() };
        match reply {
            Reply::End(error) => match lease.tell(FrameKind::PutEnd, &PutEnd { broken: true }).await {
                Ok(()) => lease.end(error),
                Err(broken) => error.map_or(broken, ClientError::from),
            },
            Reply::Frame(_) => lease.broken("a frame that has no place in the answer to a PUT"),
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // Amid a frame nothing more can be said: the connection is closed, and the server keeps what came whole.
        if let Some(lease) = self.lease.take().filter(Lease::is_between_frames)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // So that the server makes durable what came, without waiting for a dead peer.
            let (share, ready) = (lease.share(), self.ready.clone());
            runtime.spawn(Self { lease: Some(lease), ready, share }.break_off_quietly());
        }
    }
}

impl Sending {
    async fn break_off_quietly(self) {
        let _ = tokio::time::timeout(shared::limits::UPLOAD_TAKEOVER_TIME, self.break_off()).await;
    }
}

fn over() -> ClientError {
    ClientError::new(ErrorCode::Disconnected, "the upload's connection is over")
}

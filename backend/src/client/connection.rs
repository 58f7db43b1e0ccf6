//! One connection to a file server: open it, send a request, receive the frames of the answer.

use std::fs::File;
use std::time::{Duration, Instant};

use bytes::Bytes;
use shared::ErrorCode;
use shared::limits::PING_AFTER;
use shared::wire::{End, Failure, FrameKind, Goodbye, Message, PutEnd};
use tokio::time::timeout;

use super::address::{ServerAddress, Target};
use super::error::ClientError;
use super::handshake::{Agreed, handshake};
use crate::lazy_timeout::LazyTimeout;
use crate::transfer_budget::PIECE_BYTES_MIN;
use crate::wire::{
    Frame, FrameReader, FrameWriter, Incoming, Source, TransportReader, TransportWriter, WireError, connect_in_process,
    connect_tcp, connect_unix,
};

/// A connection after its handshake.
pub(super) struct Connection {
    reader: FrameReader<TransportReader>,
    writer: FrameWriter<TransportWriter>,
    silence_timeout: LazyTimeout,
    last_id: u32,
    /// Whether the last request has not ended, as far as the connection tells.
    is_running: bool,
    /// Largest DATA payload that the server accepts, in bytes.
    data_bytes_max: usize,
    /// Whether the server may answer a GET by passing a file descriptor.
    passes_fds: bool,
    /// Whether the server takes the key of a STORE.
    pub(super) takes_store_keys: bool,
    /// When the last request ended.
    pub(super) last_used: Instant,
    /// The server closes a connection that has idled for so long.
    pub(super) idle_time: Duration,
}

/// A frame of the answer to the running request.
#[derive(Debug)]
pub(super) enum Reply {
    /// A message that is not the last.
    Frame(Frame),
    /// The end, with the reason of a failure.
    End(Option<Failure>),
}

/// [`Reply`] for an answer that can contain the bytes of files.
#[derive(Debug)]
pub(super) enum DataReply {
    /// A message, or the end.
    Reply(Reply),
    /// A DATA frame of so many bytes, which [`Connection::piece`] receives.
    Data(usize),
}

impl Connection {
    /// Connects and authenticates, within `time`.
    pub(super) async fn open(target: &Target, time: Duration) -> Result<Self, ClientError> {
        let opening = async {
            let connected = match &target.address {
                ServerAddress::Tcp(address) => connect_tcp(address).await,
                ServerAddress::Unix(path) => connect_unix(path).await,
                ServerAddress::InProcess(connector) => connect_in_process(connector).await,
            };
            let (reader, writer) = connected.map_err(|error| unreachable_server(target, &error.to_string()))?;
            let (mut reader, mut writer) = (FrameReader::new(reader), FrameWriter::new(writer));
            let Agreed { ok, passes_fds, takes_store_keys } = handshake(&mut reader, &mut writer, &target.key).await?;
            Ok(Self {
                reader,
                writer,
                silence_timeout: LazyTimeout::default(),
                last_id: 0,
                is_running: false,
                data_bytes_max: (ok.max_data as usize).max(1),
                passes_fds,
                takes_store_keys,
                last_used: Instant::now(),
                idle_time: Duration::from_millis(ok.idle_timeout_ms.into()),
            })
        };
        timeout(time, opening).await.map_err(|_| unreachable_server(target, "no answer in time"))?
    }

    /// Sends a request.
    pub(super) async fn send_request<M: Message>(&mut self, kind: FrameKind, request: &M) -> Result<(), ClientError> {
        self.next_id();
        self.writer.queue(kind, self.last_id, request);
        Ok(self.writer.flush().await?)
    }

    /// Sends a request with all its bytes and their end, without waiting for the server in between.
    pub(super) async fn send_request_with<M: Message>(
        &mut self,
        kind: FrameKind,
        request: &M,
        bytes: &[u8],
    ) -> Result<(), ClientError> {
        self.next_id();
        self.writer.queue(kind, self.last_id, request);
        for part in bytes.chunks(self.data_bytes_max) {
            self.writer.queue_body(FrameKind::Data, self.last_id, part);
        }
        self.writer.queue(FrameKind::PutEnd, self.last_id, &PutEnd { broken: false });
        Ok(self.writer.flush().await?)
    }

    /// Sends a message that belongs to the running request.
    pub(super) async fn send_message<M: Message>(&mut self, kind: FrameKind, message: &M) -> Result<(), ClientError> {
        self.writer.queue(kind, self.last_id, message);
        Ok(self.writer.flush().await?)
    }

    /// Sends bytes in DATA frames until all are sent (`None`) or the server replies, which ends the sending after the
    /// present frame.
    pub(super) async fn send_data(&mut self, mut bytes: Bytes) -> Result<Option<Reply>, ClientError> {
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(self.data_bytes_max));
            if let Some(incoming) = self.send_data_frame(part).await?
                && let Some(reply) = self.message_reply(incoming)?
            {
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    /// Sends one DATA frame, and returns a frame that the server sends meanwhile.
    async fn send_data_frame(&mut self, payload: Bytes) -> Result<Option<Incoming>, ClientError> {
        let Self { reader, writer, last_id, .. } = self;
        let sending = async {
            writer.begin_data(*last_id, payload.len());
            writer.flush().await?;
            writer.write_owned(payload).await?;
            writer.end_data();
            Ok::<_, WireError>(())
        };
        tokio::pin!(sending);
        let incoming = tokio::select! {
            biased;
            sent = &mut sending => {
                sent?;
                return Ok(None);
            }
            incoming = reader.next() => incoming?,
        };
        // The server reads on to the end of the frame, so that both sides know where the next one begins.
        sending.await?;
        incoming.ok_or_else(closed).map(Some)
    }

    /// A reply of the server to a request whose bytes are not all sent. Cancel safe.
    pub(super) async fn unsolicited(&mut self) -> Result<Reply, ClientError> {
        loop {
            let incoming = self.next().await?;
            if let Some(reply) = self.message_reply(incoming)? {
                return Ok(reply);
            }
        }
    }

    /// The file that the server has passed, after PASSED_FD was received.
    pub(super) fn take_fd(&mut self) -> Option<File> {
        self.reader.source().take_fd().filter(|_| self.passes_fds)
    }

    /// Tells the server that the passed file is read.
    pub(super) async fn release_fd(&mut self) -> Result<(), ClientError> {
        self.writer.queue_body(FrameKind::ReleasedFd, self.last_id, &[]);
        Ok(self.writer.flush().await?)
    }

    /// Cancels the running request; END still follows.
    pub(super) async fn cancel(&mut self) -> Result<(), ClientError> {
        self.writer.queue_body(FrameKind::Cancel, self.last_id, &[]);
        Ok(self.writer.flush().await?)
    }

    /// The next frame of an answer without DATA.
    pub(super) async fn reply(&mut self) -> Result<Reply, ClientError> {
        match self.data_reply().await? {
            DataReply::Reply(reply) => Ok(reply),
            DataReply::Data(_) => Err(unexpected_data()),
        }
    }

    /// The next frame of an answer.
    pub(super) async fn data_reply(&mut self) -> Result<DataReply, ClientError> {
        loop {
            let incoming = self.next_or_ping().await?;
            if let Incoming::Data { request_id, bytes } = incoming {
                self.check_id(request_id)?;
                return Ok(DataReply::Data(bytes));
            }
            if let Some(reply) = self.message_reply(incoming)? {
                if let Reply::Frame(frame) = &reply {
                    self.check_id(frame.header.request_id)?;
                }
                return Ok(DataReply::Reply(reply));
            }
        }
    }

    /// Bytes of the DATA frame as they arrive, at most `bytes_max`; empty at the frame's end.
    pub(super) async fn piece(&mut self, bytes_max: usize) -> Result<Bytes, ClientError> {
        let piece = match self.silence_timeout.within(2 * PING_AFTER, self.reader.piece(bytes_max)).await {
            Some(piece) => piece.map_err(ClientError::from),
            None => Err(silent()),
        };
        self.is_running &= piece.is_ok();
        piece
    }

    /// Bytes left in the present DATA frame.
    pub(super) fn data_left(&self) -> usize {
        self.reader.data_left()
    }

    /// Checks that the server answers.
    pub(super) async fn ping(&mut self) -> Result<(), ClientError> {
        match self.ping_and_wait().await? {
            Incoming::Message(frame) if frame.kind() == Some(FrameKind::Pong) => Ok(()),
            _ => Err(ClientError::new(ErrorCode::Protocol, "a PING was answered by another frame than PONG")),
        }
    }

    /// False if a frame is sent in part: the server would take the next bytes as the rest of it.
    pub(super) fn is_between_frames(&self) -> bool {
        self.writer.is_between_frames()
    }

    /// Whether the server may still work on the last request.
    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    /// Closes the connection for sending, and discards what arrives until the server closes it, too: then the server works
    /// on it no more. Ends early after `bytes_max` bytes.
    pub(super) async fn close(self, bytes_max: usize) -> Result<(), WireError> {
        let Self { mut reader, writer, .. } = self;
        // TCP, Unix sockets and pipes show the end of the bytes to the peer.
        drop(writer);
        discard(&mut reader, bytes_max).await
    }

    /// Frees memory that an idle connection does not need.
    pub(super) fn prepare_to_idle(&mut self) {
        self.last_used = Instant::now();
        self.reader.shrink();
        // A file that was in transit when its request was cancelled.
        drop(self.reader.source().take_fd());
    }

    /// The next frame. After [`PING_AFTER`] of silence the server is pinged, so that a slow disk is waited for and a
    /// dead machine is not.
    async fn next_or_ping(&mut self) -> Result<Incoming, ClientError> {
        let mut silence_timeout = std::mem::take(&mut self.silence_timeout);
        let incoming = silence_timeout.within(PING_AFTER, self.next()).await;
        self.silence_timeout = silence_timeout;
        let incoming = match incoming {
            Some(incoming) => incoming,
            None => self.ping_and_wait().await,
        };
        self.is_running &= incoming.is_ok();
        incoming
    }

    /// Sends a PING, and returns the frame that arrives next.
    async fn ping_and_wait(&mut self) -> Result<Incoming, ClientError> {
        self.writer.queue_body(FrameKind::Ping, 0, &[]);
        self.writer.flush().await?;
        timeout(PING_AFTER, self.next()).await.unwrap_or_else(|_| Err(silent()))
    }

    async fn next(&mut self) -> Result<Incoming, ClientError> {
        self.reader.next().await?.ok_or_else(closed).and_then(|incoming| match incoming {
            Incoming::Message(frame) if frame.kind() == Some(FrameKind::Goodbye) => Err(goodbye(&frame)),
            incoming => Ok(incoming),
        })
    }

    /// A message as a reply; `None` for a PONG.
    fn message_reply(&mut self, incoming: Incoming) -> Result<Option<Reply>, ClientError> {
        let Incoming::Message(frame) = incoming else { return Err(unexpected_data()) };
        match frame.kind() {
            Some(FrameKind::Pong) => Ok(None),
            Some(FrameKind::Goodbye) => Err(goodbye(&frame)),
            Some(FrameKind::End) => {
                self.check_id(frame.header.request_id)?;
                self.is_running = false;
                Ok(Some(Reply::End(frame.message::<End>()?.error)))
            }
            _ => Ok(Some(Reply::Frame(frame))),
        }
    }

    fn next_id(&mut self) {
        // 0 stands for the connection itself.
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.is_running = true;
    }

    fn check_id(&self, request_id: u32) -> Result<(), ClientError> {
        if request_id == self.last_id {
            Ok(())
        } else {
            Err(ClientError::new(ErrorCode::Protocol, "a frame that belongs to another request"))
        }
    }
}

/// The reason in a GOODBYE. Without one the client may connect again.
fn goodbye(frame: &Frame) -> ClientError {
    let error = frame.message::<Goodbye>().ok().and_then(|goodbye| goodbye.error);
    error.map_or_else(
        || ClientError::new(ErrorCode::Disconnected, "the file server ended the connection"),
        ClientError::from,
    )
}

/// Discards what arrives, up to `bytes_max` bytes.
async fn discard<R: Source>(reader: &mut FrameReader<R>, bytes_max: usize) -> Result<(), WireError> {
    let mut left = bytes_max;
    loop {
        // At first what is left of the frame in which the answer was dropped.
        while reader.data_left() > 0 {
            let piece = reader.piece(PIECE_BYTES_MIN).await?;
            let Some(less) = left.checked_sub(piece.len()) else { return Ok(()) };
            left = less;
        }
        match reader.next().await? {
            None => return Ok(()),
            Some(Incoming::Data { .. }) => {}
            Some(Incoming::Message(frame)) => {
                let Some(less) = left.checked_sub(frame.body.len()) else { return Ok(()) };
                left = less;
            }
        }
    }
}

fn closed() -> ClientError {
    ClientError::new(ErrorCode::Disconnected, "the file server closed the connection")
}

fn silent() -> ClientError {
    ClientError::new(ErrorCode::Disconnected, "the file server does not answer")
}

fn unexpected_data() -> ClientError {
    ClientError::new(ErrorCode::Protocol, "data that was not requested")
}

fn unreachable_server(target: &Target, reason: &str) -> ClientError {
    let message = format!("the file server at {} cannot be reached: {reason}", target.address);
    ClientError { retry_after: Some(Duration::from_secs(1)), ..ClientError::new(ErrorCode::Unreachable, message) }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn an_answer_that_is_dropped_within_a_frame_is_discarded_to_its_end() {
        let mut writer = FrameWriter::new(tokio::io::sink());
        // As frames, these bytes would be too long.
        writer.queue_frame(&Frame::new(FrameKind::Data, 1, vec![0xff; 3 * PIECE_BYTES_MIN]));
        writer.queue_frame(&Frame::new(FrameKind::End, 1, b"\xa0".to_vec()));
        let sent = writer.take_queued();
        let (near, mut far) = tokio::io::duplex(sent.len());
        far.write_all(&sent).await.unwrap();
        drop(far);
        let mut reader = FrameReader::new(tokio::io::split(near).0);
        reader.open(1 << 20);
        assert!(matches!(reader.next().await, Ok(Some(Incoming::Data { .. }))));
        reader.piece(PIECE_BYTES_MIN).await.unwrap();
        discard(&mut reader, usize::MAX).await.unwrap();
        assert!(reader.next().await.unwrap().is_none(), "bytes are left");
    }
}

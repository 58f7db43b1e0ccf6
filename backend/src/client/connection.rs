//! One connection to a file server: open it, ask one thing, take the frames of the answer.

use std::fs::File;
use std::time::{Duration, Instant};

use shared::ErrorCode;
use shared::limits::PING_AFTER;
use shared::wire::{End, Failure, FrameKind, Goodbye, Message, PutEnd};
use tokio::time::timeout;

use super::handshake::{Agreed, handshake};
use super::{ClientError, ServerAddress, Target};
use crate::wire::{
    Frame, FrameReader, FrameWriter, Incoming, LazyTimeout, TransportReader, TransportWriter, connect_in_process,
    connect_tcp, connect_unix,
};

/// A connection past its handshake.
pub(super) struct Connection {
    reader: FrameReader<TransportReader>,
    writer: FrameWriter<TransportWriter>,
    silence_timeout: LazyTimeout,
    last_id: u32,
    /// Largest DATA payload that the server takes, in bytes.
    data_bytes_max: usize,
    /// Whether a GET may be answered by lending.
    passes_fds: bool,
    /// When it was last of use.
    pub last_used: Instant,
    /// The server ends it when it idles for so long.
    pub idle_time: Duration,
}

/// What came in answer to the request that runs.
#[derive(Debug)]
pub(super) enum Reply {
    /// A message that is not the last.
    Frame(Frame),
    /// The end, with what went wrong.
    End(Option<Failure>),
}

/// As [`Reply`], where a file's bytes may come.
#[derive(Debug)]
pub(super) enum DataReply {
    /// A message, or the end.
    Reply(Reply),
    /// So many bytes, which [`Connection::piece`] hands out.
    Data(usize),
}

impl Connection {
    /// Connects and proves the key, within `time`.
    pub(super) async fn open(target: &Target, time: Duration) -> Result<Self, ClientError> {
        let opening = async {
            let connected = match &target.address {
                ServerAddress::Tcp(address) => connect_tcp(address).await,
                ServerAddress::Unix(path) => connect_unix(path).await,
                ServerAddress::InProcess(connector) => connect_in_process(connector).await,
            };
            let (reader, writer) = connected.map_err(|error| unreachable_server(target, &error.to_string()))?;
            let (mut reader, mut writer) = (FrameReader::new(reader), FrameWriter::new(writer));
            let Agreed { ok, passes_fds } = handshake(&mut reader, &mut writer, &target.key).await?;
            let idle_time = Duration::from_millis(ok.idle_timeout_ms.into());
            let data_bytes_max = (ok.max_data as usize).max(1);
            let silence_timeout = LazyTimeout::default();
            Ok(Self {
                reader,
                writer,
                silence_timeout,
                last_id: 0,
                data_bytes_max,
                passes_fds,
                last_used: Instant::now(),
                idle_time,
            })
        };
        timeout(time, opening).await.map_err(|_| unreachable_server(target, "no answer in time"))?
    }

    /// Sends a request.
    pub(super) async fn ask<M: Message>(&mut self, kind: FrameKind, request: &M) -> Result<(), ClientError> {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.writer.queue(kind, self.last_id, request);
        Ok(self.writer.flush().await?)
    }

    /// Sends a request with all the bytes that belong to it, and that they are all: no word of the server is waited for
    /// between them.
    pub(super) async fn ask_with<M: Message>(
        &mut self,
        kind: FrameKind,
        request: &M,
        bytes: &[u8],
    ) -> Result<(), ClientError> {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.writer.queue(kind, self.last_id, request);
        for part in bytes.chunks(self.data_bytes_max) {
            self.writer.queue_body(FrameKind::Data, self.last_id, part);
        }
        self.writer.queue(FrameKind::PutEnd, self.last_id, &PutEnd { broken: false });
        Ok(self.writer.flush().await?)
    }

    /// Sends a message that belongs to the request that runs.
    pub(super) async fn tell<M: Message>(&mut self, kind: FrameKind, message: &M) -> Result<(), ClientError> {
        self.writer.queue(kind, self.last_id, message);
        Ok(self.writer.flush().await?)
    }

    /// Sends bytes in DATA frames, as long as the server is silent; what it says meanwhile ends the sending, at the end
    /// of a frame. None if everything was sent.
    pub(super) async fn send_data(&mut self, mut bytes: bytes::Bytes) -> Result<Option<Reply>, ClientError> {
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(self.data_bytes_max));
            let said = {
                let Self { reader, writer, last_id, .. } = &mut *self;
                let sending = async {
                    writer.begin_data(*last_id, part.len());
                    writer.flush().await?;
                    writer.pass(part).await?;
                    writer.end_data();
                    Ok::<_, crate::wire::WireError>(())
                };
                tokio::pin!(sending);
                tokio::select! {
                    biased;
                    sent = &mut sending => {
                        sent?;
                        None
                    }
                    said = reader.next() => {
                        // The server reads on to the end of the frame, so that both know where they are.
                        let said = said?;
                        sending.await?;
                        Some(said)
                    }
                }
            };
            match said {
                None => {}
                Some(None) => {
                    return Err(ClientError::new(ErrorCode::Disconnected, "the file server closed the connection"));
                }
                Some(Some(Incoming::Message(frame))) => match frame.kind() {
                    Some(FrameKind::Pong) => {}
                    Some(FrameKind::Goodbye) => return Err(farewell(&frame)),
                    Some(FrameKind::End) => {
                        self.check_id(frame.header.request_id)?;
                        return Ok(Some(Reply::End(frame.message::<End>()?.error)));
                    }
                    _ => return Ok(Some(Reply::Frame(frame))),
                },
                Some(Some(Incoming::Data { .. })) => {
                    return Err(ClientError::new(ErrorCode::Protocol, "data that was not asked for"));
                }
            }
        }
        Ok(None)
    }

    /// What the server says by itself while the client has the word. May be dropped and called again without a loss.
    pub(super) async fn said(&mut self) -> Result<Reply, ClientError> {
        loop {
            let frame = match self.next().await? {
                Incoming::Message(frame) => frame,
                Incoming::Data { .. } => {
                    return Err(ClientError::new(ErrorCode::Protocol, "data that was not asked for"));
                }
            };
            match frame.kind() {
                Some(FrameKind::Pong) => {}
                Some(FrameKind::End) => {
                    self.check_id(frame.header.request_id)?;
                    return Ok(Reply::End(frame.message::<End>()?.error));
                }
                _ => return Ok(Reply::Frame(frame)),
            }
        }
    }

    /// The file that the server lent, which LENT has announced.
    pub(super) fn take_fd(&mut self) -> Option<File> {
        self.reader.source().take_fd().filter(|_| self.passes_fds)
    }

    /// Says that what was lent is read.
    pub(super) async fn release_fd(&mut self) -> Result<(), ClientError> {
        self.writer.queue_body(FrameKind::ReleasedFd, self.last_id, &[]);
        Ok(self.writer.flush().await?)
    }

    /// Asks for the end of the request that runs.
    pub(super) async fn cancel(&mut self) -> Result<(), ClientError> {
        self.writer.queue_body(FrameKind::Cancel, self.last_id, &[]);
        Ok(self.writer.flush().await?)
    }

    /// The next frame of an answer that has no data in it.
    pub(super) async fn reply(&mut self) -> Result<Reply, ClientError> {
        match self.data_reply().await? {
            DataReply::Reply(reply) => Ok(reply),
            DataReply::Data(_) => Err(ClientError::new(ErrorCode::Protocol, "data that was not asked for")),
        }
    }

    /// The next frame of an answer.
    pub(super) async fn data_reply(&mut self) -> Result<DataReply, ClientError> {
        loop {
            let frame = match self.incoming().await? {
                Incoming::Data { request_id, bytes } => {
                    self.check_id(request_id)?;
                    return Ok(DataReply::Data(bytes));
                }
                Incoming::Message(frame) => frame,
            };
            match frame.kind() {
                Some(FrameKind::Pong) => {}
                Some(FrameKind::End) => {
                    self.check_id(frame.header.request_id)?;
                    return Ok(DataReply::Reply(Reply::End(frame.message::<End>()?.error)));
                }
                _ => {
                    self.check_id(frame.header.request_id)?;
                    return Ok(DataReply::Reply(Reply::Frame(frame)));
                }
            }
        }
    }

    /// What has come of the DATA frame, at most `bytes_max`; empty at the frame's end.
    pub(super) async fn piece(&mut self, bytes_max: usize) -> Result<bytes::Bytes, ClientError> {
        match self.silence_timeout.within(2 * PING_AFTER, self.reader.piece(bytes_max)).await {
            Some(piece) => Ok(piece?),
            None => Err(silent()),
        }
    }

    /// What is left of the DATA frame.
    pub(super) fn data_left(&self) -> usize {
        self.reader.data_left()
    }

    /// Asks whether the server is there.
    pub(super) async fn ping(&mut self) -> Result<(), ClientError> {
        self.writer.queue_body(FrameKind::Ping, 0, &[]);
        self.writer.flush().await?;
        match timeout(PING_AFTER, self.next()).await {
            Ok(incoming) => match incoming? {
                Incoming::Message(frame) if frame.kind() == Some(FrameKind::Pong) => Ok(()),
                _ => Err(ClientError::new(ErrorCode::Protocol, "a PING was answered with something else")),
            },
            Err(_) => Err(silent()),
        }
    }

    /// False if a frame is out in part: what is sent now would be taken for the rest of it.
    pub(super) fn is_between_frames(&self) -> bool {
        self.writer.is_between_frames()
    }

    /// Readies the connection to idle.
    pub(super) fn rest(&mut self) {
        self.last_used = Instant::now();
        self.reader.shrink();
        // Of a request that was cancelled when the file was on its way.
        drop(self.reader.source().take_fd());
    }

    /// The next frame, whatever it is. A server that says nothing for long is asked whether it is still there: a slow
    /// disk is waited for, a dead machine is not.
    async fn incoming(&mut self) -> Result<Incoming, ClientError> {
        let mut silence_timeout = std::mem::take(&mut self.silence_timeout);
        let incoming = silence_timeout.within(PING_AFTER, self.next()).await;
        self.silence_timeout = silence_timeout;
        if let Some(incoming) = incoming {
            return incoming;
        }
        self.writer.queue_body(FrameKind::Ping, 0, &[]);
        self.writer.flush().await?;
        timeout(PING_AFTER, self.next()).await.unwrap_or_else(|_| Err(silent()))
    }

    async fn next(&mut self) -> Result<Incoming, ClientError> {
        match self.reader.next().await? {
            None => Err(ClientError::new(ErrorCode::Disconnected, "the file server closed the connection")),
            Some(Incoming::Message(frame)) if frame.kind() == Some(FrameKind::Goodbye) => Err(farewell(&frame)),
            Some(incoming) => Ok(incoming),
        }
    }

    fn check_id(&self, request_id: u32) -> Result<(), ClientError> {
        if request_id == self.last_id {
            Ok(())
        } else {
            Err(ClientError::new(ErrorCode::Protocol, "a frame that belongs to another request"))
        }
    }
}

/// A server that ends the connection without a reason is one to connect to again.
fn farewell(frame: &Frame) -> ClientError {
    let error = frame.message::<Goodbye>().ok().and_then(|goodbye| goodbye.error);
    error.map_or_else(
        || ClientError::new(ErrorCode::Disconnected, "the file server ended the connection"),
        ClientError::from,
    )
}

fn silent() -> ClientError {
    ClientError::new(ErrorCode::Disconnected, "the file server went silent")
}

fn unreachable_server(target: &Target, reason: &str) -> ClientError {
    let message = format!("the file server at {} cannot be reached: {reason}", target.address);
    ClientError { retry_after: Some(Duration::from_secs(1)), ..ClientError::new(ErrorCode::Unreachable, message) }
}

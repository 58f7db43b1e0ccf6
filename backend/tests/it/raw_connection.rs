//! One end of a connection of the framed protocol, on which a test sends arbitrary bytes.

use std::sync::Arc;

use backend::random::random_bytes;
use backend::server::{Database, Server, ServerConfig, serve_connection};
use backend::storage::Storage;
use backend::wire::{
    Frame, FrameReader, Incoming, Key, Source, Transcript, TransportReader, TransportWriter, WireError,
    connect_in_process, connect_tcp, connect_unix,
};
use shared::limits::{DATA_BYTES_MAX, PIECE_BYTES, STALL_TIME};
use shared::wire::{
    Auth, AuthOk, End, FrameKind, Goodbye, Header, Hello, HelloAck, MAGIC, Message, Stat, VERSION, encode,
};
use shared::{ErrorCode, Rights};
use tokio::io::{AsyncWrite, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::captured_log::ask_about_each_line;
use super::test_server::{TestServer, Transport, path, reader};

/// The client's or the server's end of a connection, without any of the protocol's checks on what is sent.
pub(crate) struct RawConnection<R = OwnedReadHalf, W = OwnedWriteHalf> {
    pub(crate) reader: FrameReader<R>,
    pub(crate) writer: W,
}

/// A [`RawConnection`] through a pipe in memory.
pub(crate) type RawPipe = RawConnection<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

/// A [`RawConnection`] over any [`Transport`].
pub(crate) type RawTransport = RawConnection<TransportReader, TransportWriter>;

/// The server's end of a connection in memory. Joining `task` makes a panic in it fail the test.
pub(crate) struct PipeServer {
    pub(crate) key: Key,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

/// Serves one connection through a pipe in memory with a buffer of `pipe_bytes`.
pub(crate) fn serve_pipe(storage: Arc<dyn Storage>, config: ServerConfig, pipe_bytes: usize) -> (RawPipe, PipeServer) {
    let key = Key::generate().unwrap();
    let records = Some(Arc::new(Database::in_memory().unwrap()));
    ask_about_each_line();
    let server = Server::new(storage, records, [(key.clone(), Rights::ALL)], config);
    let (near, far) = tokio::io::duplex(pipe_bytes);
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let task = tokio::spawn(async move {
        let (reader, writer) = split(far);
        serve_connection(reader, writer, &server, &token, &CancellationToken::new()).await;
    });
    let (reader, writer) = split(near);
    (RawConnection::new(reader, writer), PipeServer { key, shutdown, task })
}

/// A frame with a message.
pub(crate) fn frame<M: Message>(kind: FrameKind, request_id: u32, message: &M) -> Frame {
    Frame::new(kind, request_id, encode(message))
}

/// The encoded header and body of a frame.
pub(crate) fn frame_bytes(frame: &Frame) -> Vec<u8> {
    [&frame.header.encode()[..], &frame.body].concat()
}

/// A valid HELLO.
pub(crate) fn hello() -> Hello {
    Hello {
        magic: MAGIC.into(),
        min_version: VERSION,
        max_version: VERSION,
        capabilities: Vec::new(),
        nonce: random_bytes().unwrap(),
    }
}

/// A request that any server answers with META and END.
pub(crate) fn stat(text: &str) -> Stat {
    Stat { caller: reader(), path: path(text), for_reading: None }
}

/// Waits for `work`, at most two stall times: tests with a paused clock wait for stalls.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(2 * STALL_TIME, work).await.expect("timed out")
}

impl RawConnection {
    /// A connection before its handshake.
    pub(crate) async fn connect(server: &TestServer) -> Self {
        let (reader, writer) = TcpStream::connect(server.tcp).await.unwrap().into_split();
        Self::new(reader, writer)
    }

    /// A connection after its handshake.
    pub(crate) async fn open(server: &TestServer) -> Self {
        let mut raw = Self::connect(server).await;
        raw.handshake(&server.key, None).await;
        raw
    }
}

impl RawTransport {
    /// A connection over `transport`, after its handshake.
    pub(crate) async fn over(server: &TestServer, transport: Transport) -> Self {
        let connected = match transport {
            Transport::Tcp => connect_tcp(&server.tcp.to_string()).await,
            Transport::Unix => connect_unix(&server.socket()).await,
            Transport::InProcess => connect_in_process(&server.connector).await,
        };
        let (reader, writer) = connected.unwrap();
        let mut raw = Self::new(reader, writer);
        raw.handshake(&server.key, None).await;
        raw
    }
}

impl<R: Source, W: AsyncWrite + Unpin> RawConnection<R, W> {
    pub(crate) fn new(reader: R, writer: W) -> Self {
        Self { reader: FrameReader::new(reader), writer }
    }

    /// Performs the client's side of a valid handshake.
    pub(crate) async fn handshake(&mut self, key: &Key, max_data: Option<u32>) -> AuthOk {
        let (transcript, _) = self.exchange_hello().await;
        let auth = Auth { key_id: key.id().into(), proof: transcript.client_proof(key), max_data };
        self.send(FrameKind::Auth, 0, &auth).await;
        let ok: AuthOk = self.next().await.expect("AUTH_OK").message().expect("AUTH_OK");
        self.reader.open(DATA_BYTES_MAX);
        ok
    }

    /// Sends HELLO and receives HELLO_ACK, as a client.
    pub(crate) async fn exchange_hello(&mut self) -> (Transcript, HelloAck) {
        let mut transcript = Transcript::default();
        let hello = frame(FrameKind::Hello, 0, &hello());
        transcript.add(&hello);
        self.send_bytes(&frame_bytes(&hello)).await;
        let ack = self.next().await.expect("HELLO_ACK");
        transcript.add(&ack);
        (transcript, ack.message().expect("HELLO_ACK"))
    }

    /// Performs the server's side of a handshake, with an AUTH_OK that `lie` may change.
    pub(crate) async fn accept(&mut self, key: &Key, lie: impl FnOnce(&mut AuthOk)) {
        self.accept_with(key, Vec::new(), lie).await;
    }

    /// As [`Self::accept`], with these capabilities in HELLO_ACK.
    pub(crate) async fn accept_with(&mut self, key: &Key, capabilities: Vec<String>, lie: impl FnOnce(&mut AuthOk)) {
        let mut transcript = Transcript::default();
        transcript.add(&self.next().await.expect("HELLO"));
        let ack = HelloAck { version: VERSION, capabilities, nonce: random_bytes().unwrap() };
        let ack = frame(FrameKind::HelloAck, 0, &ack);
        transcript.add(&ack);
        self.send_bytes(&frame_bytes(&ack)).await;
        transcript.add(&self.next().await.expect("AUTH"));
        let proof = transcript.server_proof(key);
        let mut ok = AuthOk { proof, max_data: 1 << 20, idle_timeout_ms: 120_000, rights: Rights::ALL };
        lie(&mut ok);
        self.send(FrameKind::AuthOk, 0, &ok).await;
        self.reader.open(0);
    }

    pub(crate) async fn send<M: Message>(&mut self, kind: FrameKind, request_id: u32, message: &M) {
        self.send_bytes(&frame_bytes(&frame(kind, request_id, message))).await;
    }

    pub(crate) async fn send_body(&mut self, kind: FrameKind, request_id: u32, body: &[u8]) {
        self.send_bytes(&frame_bytes(&Frame::new(kind, request_id, body.to_vec()))).await;
    }

    /// Ignores errors of the connection: the peer may have closed it, which the next read shows.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = within(self.writer.write_all(bytes)).await;
        let _ = within(self.writer.flush()).await;
    }

    /// The next message; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        within(self.reader.message()).await.expect("a message or the end")
    }

    /// The next frame, or its error.
    pub(crate) async fn incoming(&mut self) -> Result<Option<Incoming>, WireError> {
        within(self.reader.next()).await
    }

    /// The body of the DATA frame whose header [`Self::incoming`] returned.
    pub(crate) async fn data(&mut self) -> Result<Vec<u8>, WireError> {
        let mut bytes = Vec::new();
        while self.reader.data_left() > 0 {
            bytes.extend_from_slice(&within(self.reader.piece(PIECE_BYTES)).await?);
        }
        Ok(bytes)
    }

    /// Reads up to the END of this request, and returns its code.
    pub(crate) async fn end(&mut self, request_id: u32) -> Option<ErrorCode> {
        loop {
            match self.incoming().await.expect("END") {
                Some(Incoming::Data { .. }) => drop(self.data().await.expect("data")),
                Some(Incoming::Message(frame)) if frame.kind() == Some(FrameKind::End) => {
                    assert_eq!(frame.header.request_id, request_id);
                    return frame.message::<End>().unwrap().error.map(|failure| failure.code);
                }
                Some(Incoming::Message(frame)) => {
                    assert_ne!(frame.kind(), Some(FrameKind::Goodbye), "{:?}", frame.message::<Goodbye>());
                }
                None => panic!("the connection ended before END"),
            }
        }
    }

    /// Reads GOODBYE, or the END that refuses a handshake, and then the end of the stream; returns the code.
    pub(crate) async fn closing_code(&mut self) -> Option<ErrorCode> {
        let frame = loop {
            let frame = self.next().await.expect("a last frame");
            if frame.kind() != Some(FrameKind::Pong) {
                break frame;
            }
        };
        let failure = match frame.kind() {
            Some(FrameKind::Goodbye) => frame.message::<Goodbye>().unwrap().error,
            Some(FrameKind::End) if frame.header.request_id == 0 => frame.message::<End>().unwrap().error,
            kind => panic!("{kind:?} in place of GOODBYE or END"),
        };
        assert!(self.next().await.is_none(), "a frame after the last one");
        failure.map(|failure| failure.code)
    }

    /// Checks that the connection still serves a STAT.
    pub(crate) async fn assert_usable(&mut self) {
        self.send(FrameKind::Stat, 77, &stat("")).await;
        let meta = self.next().await.expect("META");
        assert_eq!((meta.kind(), meta.header.request_id), (Some(FrameKind::Meta), 77));
        assert_eq!(self.end(77).await, None);
    }
}

/// A header with these fields, valid or not.
pub(crate) fn header(length: u32, number: u8, flags: u8, reserved: u16, request_id: u32) -> Vec<u8> {
    let mut bytes = Header::new(FrameKind::Ping, request_id, 0).encode();
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    (bytes[4], bytes[5]) = (number, flags);
    bytes[6..8].copy_from_slice(&reserved.to_be_bytes());
    bytes.to_vec()
}

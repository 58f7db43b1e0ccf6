//! The framed TCP protocol, version 1: what is said, in types. `docs/PROTOCOL.md` says the same for a stranger.
//!
//! Every message is a frame and every frame is preceded by its size:
//!
//! ```text
//! u32 length, big-endian, of what follows (≥ 8) | u8 type | u8 flags | u16 zero | u32 request_id, big-endian | body
//! ```
//!
//! A connection opens with HELLO, HELLO_ACK, AUTH, AUTH_OK, in which both sides prove that they hold the key. Then the
//! client sends one request at a time, and the server answers with frames of which the last is END. While a request
//! runs the client may send CANCEL, PING and GOODBYE, what the request itself takes (DATA and PUT_END, RETURN), and
//! nothing else. Bodies are CBOR maps with numbered fields
//! (module `messages`), but for DATA, whose body is a file's bytes.
//!
//! What this protocol is not: multiplexed (a pool of connections gives parallelism, and TCP the flow control),
//! encrypted (it is spoken over loopback; TLS goes around it elsewhere), or checksummed per frame (that would keep the
//! bytes from going straight from the file to the socket).

mod codec;
mod header;
mod messages;

#[cfg(test)]
mod compatibility;

pub use codec::{DecodeError, Message, decode, encode};
pub use header::{FrameKind, HEADER_BYTES, Header, HeaderError, Phase};
pub use messages::*;

/// The first field of HELLO.
pub const MAGIC: &str = "passerelle";
/// The capability of a connection that can carry open files beside its bytes: a GET may then be answered by lending.
pub const PASS_FD: &str = "lend";
/// The one version spoken here.
pub const VERSION: u16 = 1;
/// What goes into the client's proof before the handshake's bytes.
pub const CLIENT_PROOF_LABEL: &[u8] = b"passerelle/1 client proof";
/// What goes into the server's proof before the handshake's bytes.
pub const SERVER_PROOF_LABEL: &[u8] = b"passerelle/1 server proof";

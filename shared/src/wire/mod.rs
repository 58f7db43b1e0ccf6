//! The messages of the framed TCP protocol, version 1. `docs/PROTOCOL.md` specifies it.
//!
//! Every message is a frame, which starts with its length:
//!
//! ```text
//! u32 length, big-endian, of what follows (≥ 8) | u8 type | u8 flags | u16 zero | u32 request_id, big-endian | body
//! ```
//!
//! A connection starts with HELLO, HELLO_ACK, AUTH and AUTH_OK, in which both sides prove that they have the key. Then
//! the client sends one request at a time, and the server answers with frames of which the last is END. During a
//! request the client may send only CANCEL, PING, GOODBYE and the frames of that request (DATA and PUT_END,
//! RELEASED_FD). Bodies are CBOR maps with numbered fields (module `messages`), except for DATA, whose body is bytes of
//! a file.
//!
//! Non-goals: multiplexing (a pool of connections gives parallelism, and TCP flow control), encryption (the protocol is
//! used on loopback, elsewhere within TLS), checksums per frame (they would rule out `sendfile`).

mod codec;
#[cfg(test)]
mod compatibility;
mod constants;
mod header;
mod messages;

pub use codec::{DecodeError, Message, decode, encode, encoded_length};
pub use constants::{CLIENT_PROOF_LABEL, MAGIC, PASS_FD, PRINCIPAL_UNKNOWN, SERVER_PROOF_LABEL, STORE_KEY, VERSION};
pub use header::{FrameKind, HEADER_BYTES, Header, HeaderError, LENGTH_BYTES, Phase};
pub use messages::*;

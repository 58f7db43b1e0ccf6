//! The handshake: HELLO, HELLO_ACK, AUTH, AUTH_OK.

use minicbor::{Decode, Encode};

use super::bounds::{Bounded, check};
use crate::limits::{CAPABILITIES_MAX, TEXT_BYTES_MAX};
use crate::rights::Rights;
use crate::wire::constants::MAGIC;

/// HELLO: the first frame, from the client.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// [`crate::wire::MAGIC`].
    #[n(0)]
    pub magic: String,
    /// Lowest version that the client speaks.
    #[n(1)]
    pub min_version: u16,
    /// Highest version that the client speaks.
    #[n(2)]
    pub max_version: u16,
    /// Optional features of the client. Unknown ones are ignored.
    #[n(3)]
    pub capabilities: Vec<String>,
    /// Random, new for each connection.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
}

impl Bounded for Hello {
    fn check_bounds(&self) -> Result<(), &'static str> {
        check(self.magic == MAGIC, "the magic is not that of this protocol")?;
        check(self.min_version <= self.max_version, "the lowest version is above the highest")?;
        check(self.capabilities.len() <= CAPABILITIES_MAX, "too many capabilities")?;
        check(self.capabilities.iter().all(|name| name.len() <= TEXT_BYTES_MAX), "a capability's name is too long")
    }
}

/// HELLO_ACK: the server's choice.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HelloAck {
    /// The version of all later frames.
    #[n(0)]
    pub version: u16,
    /// The capabilities of the client that the server has too.
    #[n(1)]
    pub capabilities: Vec<String>,
    /// Random, new for each connection.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
}

/// AUTH: authenticates the client.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Auth {
    /// The id of the key.
    #[n(0)]
    pub key_id: String,
    /// HMAC-SHA256 under the key, over [`crate::wire::CLIENT_PROOF_LABEL`] and every byte of the handshake so far.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub proof: [u8; 32],
    /// Largest DATA payload that the client accepts, in bytes. `None` for [`crate::limits::DATA_BYTES_MAX`].
    #[n(2)]
    pub max_data: Option<u32>,
}

/// AUTH_OK: authenticates the server, and announces limits and rights.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct AuthOk {
    /// HMAC-SHA256 under the key, over [`crate::wire::SERVER_PROOF_LABEL`] and every byte of the handshake so far.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub proof: [u8; 32],
    /// Largest DATA payload on this connection, in bytes.
    #[n(1)]
    pub max_data: u32,
    /// Idle time after which the server closes the connection, in milliseconds.
    #[n(2)]
    pub idle_timeout_ms: u32,
    /// The rights of the key. A request never has more.
    #[n(3)]
    pub rights: Rights,
}

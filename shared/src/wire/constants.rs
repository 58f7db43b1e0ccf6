//! Constants of the handshake and of callers.

/// The first field of HELLO, by which the server recognizes the protocol.
pub const MAGIC: &str = "passerelle";
/// The capability to pass open files over the connection: a GET may then be answered with a file descriptor.
pub const PASS_FD: &str = "lend";
/// The capability to take the key of a STORE.
pub const STORE_KEY: &str = "store-key";
/// The principal of a request whose user the gateway does not know.
pub const PRINCIPAL_UNKNOWN: &str = "anybody";
/// The only protocol version of this build.
pub const VERSION: u16 = 1;
/// Prefix of the bytes that the client's proof authenticates.
pub const CLIENT_PROOF_LABEL: &[u8] = b"passerelle/1 client proof";
/// Prefix of the bytes that the server's proof authenticates.
pub const SERVER_PROOF_LABEL: &[u8] = b"passerelle/1 server proof";

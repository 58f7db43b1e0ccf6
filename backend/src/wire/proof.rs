//! The proofs of the handshake: HMAC-SHA256 under the key, over a label for the direction and every byte exchanged so
//! far. So a modified handshake, or one replayed from another connection, fails.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::wire::{CLIENT_PROOF_LABEL, SERVER_PROOF_LABEL};

use super::frame::Frame;
use super::key::Key;

/// The frames of a handshake so far, as both sides have seen them.
#[derive(Default)]
pub struct Transcript {
    bytes: Vec<u8>,
}

impl Transcript {
    /// Adds a frame with its header. HELLO, HELLO_ACK and AUTH are each at most
    /// [`shared::limits::FRAME_HANDSHAKE_BYTES_MAX`].
    pub fn add(&mut self, frame: &Frame) {
        self.bytes.extend_from_slice(&frame.header.encode());
        self.bytes.extend_from_slice(&frame.body);
    }

    /// The proof in AUTH, over HELLO and HELLO_ACK.
    pub fn client_proof(&self, key: &Key) -> [u8; 32] {
        self.mac(key, CLIENT_PROOF_LABEL).finalize().into_bytes().into()
    }

    /// The proof in AUTH_OK, over HELLO, HELLO_ACK and AUTH.
    pub fn server_proof(&self, key: &Key) -> [u8; 32] {
        self.mac(key, SERVER_PROOF_LABEL).finalize().into_bytes().into()
    }

    /// Checks the client's proof in constant time.
    pub fn is_client_proof(&self, key: &Key, proof: &[u8; 32]) -> bool {
        self.mac(key, CLIENT_PROOF_LABEL).verify_slice(proof).is_ok()
    }

    /// Checks the server's proof in constant time.
    pub fn is_server_proof(&self, key: &Key, proof: &[u8; 32]) -> bool {
        self.mac(key, SERVER_PROOF_LABEL).verify_slice(proof).is_ok()
    }

    fn mac(&self, key: &Key, label: &[u8]) -> Hmac<Sha256> {
        // RFC 2104 §2: a key shorter than the hash's block is followed by zeros.
        let mut block = [0; 64];
        block[..key.secret().len()].copy_from_slice(key.secret());
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(label);
        mac.update(&self.bytes);
        mac
    }
}

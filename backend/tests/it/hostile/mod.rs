//! The framed protocol against hostile and faulty peers. After each of them the server must serve the next client.

mod after_the_handshake;
mod before_the_handshake;
mod during_requests;
mod fixtures;
mod many_peers;
mod proofs;
mod servers;

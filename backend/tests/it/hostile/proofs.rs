//! AUTH: forged, repeated and mirrored proofs.

use backend::server::{Server, ServerConfig, ServerKey};
use backend::wire::Key;
use shared::ErrorCode;
use shared::limits::TEXT_BYTES_MAX;
use shared::wire::{Auth, FrameKind, Hello};

use super::fixtures::{assert_healthy_and_stop, connect_in_memory, storage_with_files};
use crate::raw_connection::{PipeServer, RawConnection, frame, frame_bytes, hello, within};
use crate::test_server::TestServer;

/// Performs a handshake with the AUTH that `forge` makes, and returns the code with which the server ends it.
async fn check(forge: impl FnOnce(&PipeServer, [u8; 32]) -> Auth) -> Option<ErrorCode> {
    let (mut raw, server) = connect_in_memory();
    let (transcript, _) = raw.exchange_hello().await;
    let auth = forge(&server, transcript.client_proof(&server.key));
    raw.send(FrameKind::Auth, 0, &auth).await;
    let code = raw.closing_code().await;
    drop(raw);
    within(server.task).await.unwrap();
    code
}

#[tokio::test]
async fn only_the_right_key_authenticates() {
    let auth = |key_id: &str, proof| Auth { key_id: key_id.into(), proof, max_data: None };
    let refused = Some(ErrorCode::BadProof);
    assert_eq!(check(|server, _| auth(server.key.id(), [0; 32])).await, refused);
    assert_eq!(check(|_, proof| auth("unknown", proof)).await, refused);
    assert_eq!(check(|_, proof| auth("", proof)).await, refused);
    assert_eq!(check(|_, proof| auth(&"x".repeat(TEXT_BYTES_MAX + 1), proof)).await, refused);
    let one_bit = |mut proof: [u8; 32]| {
        proof[31] ^= 1;
        proof
    };
    assert_eq!(check(|server, proof| auth(server.key.id(), one_bit(proof))).await, refused);
}

#[tokio::test]
async fn a_proof_fails_on_another_connection() {
    let (mut first, pipe_server) = connect_in_memory();
    let (transcript, _) = first.exchange_hello().await;
    let proof = transcript.client_proof(&pipe_server.key);
    let auth = Auth { key_id: pipe_server.key.id().into(), proof, max_data: None };
    let overheard = frame_bytes(&frame(FrameKind::Auth, 0, &auth));
    let server = TestServer::start().await;
    let (mut one, mut other) = (RawConnection::connect(&server).await, RawConnection::connect(&server).await);
    let (transcript, _) = one.exchange_hello().await;
    other.exchange_hello().await;
    let proof = transcript.client_proof(&server.key);
    other.send(FrameKind::Auth, 0, &Auth { key_id: server.key.id().into(), proof, max_data: None }).await;
    assert_eq!(other.closing_code().await, Some(ErrorCode::BadProof));
    other = RawConnection::connect(&server).await;
    other.exchange_hello().await;
    other.send_bytes(&overheard).await;
    assert_eq!(other.closing_code().await, Some(ErrorCode::BadProof));
    assert_healthy_and_stop(server).await;
}

#[tokio::test]
async fn the_proof_of_the_other_direction_fails() {
    let (mut raw, server) = connect_in_memory();
    let (transcript, _) = raw.exchange_hello().await;
    let proof = transcript.server_proof(&server.key);
    raw.send(FrameKind::Auth, 0, &Auth { key_id: server.key.id().into(), proof, max_data: None }).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::BadProof));
    drop(raw);
    within(server.task).await.unwrap();
}

#[tokio::test]
async fn a_handshake_that_was_modified_on_the_way_fails() {
    let (mut raw, server) = connect_in_memory();
    let sent = frame(FrameKind::Hello, 0, &hello());
    raw.send_bytes(&frame_bytes(&sent)).await;
    let ack = raw.next().await.unwrap();
    // An attacker removed a capability from HELLO, so the client's proof covers another HELLO than the server's.
    let meant = Hello { capabilities: vec!["tls".into()], ..sent.message().unwrap() };
    let mut transcript = backend::wire::Transcript::default();
    transcript.add(&frame(FrameKind::Hello, 0, &meant));
    transcript.add(&ack);
    let proof = transcript.client_proof(&server.key);
    raw.send(FrameKind::Auth, 0, &Auth { key_id: server.key.id().into(), proof, max_data: None }).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::BadProof));
    drop(raw);
    within(server.task).await.unwrap();
}

#[tokio::test]
async fn a_server_without_keys_refuses_all_clients() {
    let key = Key::generate().unwrap();
    let server = Server::new(storage_with_files(), None, Vec::<ServerKey>::new(), ServerConfig::default());
    let (near, far) = tokio::io::duplex(4096);
    let task = tokio::spawn(async move {
        let (reader, writer) = tokio::io::split(far);
        backend::server::serve_connection(reader, writer, &server, &Default::default(), &Default::default()).await;
    });
    let (reader, writer) = tokio::io::split(near);
    let mut raw = RawConnection::new(reader, writer);
    let (transcript, _) = raw.exchange_hello().await;
    let auth = Auth { key_id: key.id().into(), proof: transcript.client_proof(&key), max_data: None };
    raw.send(FrameKind::Auth, 0, &auth).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::BadProof));
    drop(raw);
    within(task).await.unwrap();
}

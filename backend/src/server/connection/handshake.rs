//! The handshake, seen from the server: the client proves that it holds a key, then the server proves that it does.

use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::{DATA_BYTES_MIN, TEXT_BYTES_MAX};
use shared::wire::{Auth, AuthOk, Bounded, Failure, FrameKind, Hello, HelloAck, PASS_FD, STORE_KEY, VERSION, encode};

use crate::random::random_bytes;
use crate::server::exchange::sink::Sink;
use crate::server::keys::ServerKey;
use crate::server::peer::Peer;
use crate::server::state::Server;
use crate::wire::{Frame, FrameReader, FrameWriter, Source, Transcript, WireError};

/// Runs the handshake. The caller limits its time.
///
/// # Errors
/// The reason, for the END that closes the connection.
pub(super) async fn handshake<R, W>(
    reader: &mut FrameReader<R>,
    writer: &mut FrameWriter<W>,
    server: &Server,
) -> Result<Peer, Failure>
where
    R: Source,
    W: Sink,
{
    let mut transcript = Transcript::default();

    let frame = expect(reader, FrameKind::Hello).await?;
    let hello: Hello = frame.message().map_err(failure)?;
    hello.check_bounds().map_err(|sentence| Failure::new(ErrorCode::Protocol, sentence))?;
    if !(hello.min_version..=hello.max_version).contains(&VERSION) {
        return Err(Failure::new(ErrorCode::VersionMismatch, "the server speaks version 1 only"));
    }
    transcript.add(&frame);

    let nonce = random_bytes().map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    let named = |capability: &str| hello.capabilities.iter().any(|named| named == capability);
    let takes_fds = writer.sink().can_pass_fd() && named(PASS_FD);
    let common = [(PASS_FD, takes_fds), (STORE_KEY, named(STORE_KEY))];
    let capabilities =
        common.into_iter().filter(|(_, is_common)| *is_common).map(|(name, _)| name.to_owned()).collect();
    let ack = HelloAck { version: VERSION, capabilities, nonce };
    let frame = Frame::new(FrameKind::HelloAck, 0, encode(&ack));
    transcript.add(&frame);
    writer.queue_frame(&frame);
    writer.flush().await.map_err(failure)?;

    let frame = expect(reader, FrameKind::Auth).await?;
    let auth: Auth = frame.message().map_err(failure)?;
    let key = proved_key(server, &transcript, &auth)?;
    transcript.add(&frame);

    let wanted = auth.max_data.map_or(server.config.data_bytes_max, |bytes| bytes as usize);
    let data_bytes_max = wanted.clamp(DATA_BYTES_MIN, server.config.data_bytes_max);
    let ok = AuthOk {
        proof: transcript.server_proof(&key.key),
        max_data: u32::try_from(data_bytes_max).unwrap_or(u32::MAX),
        idle_timeout_ms: u32::try_from(server.config.idle_time.as_millis()).unwrap_or(u32::MAX),
        rights: key.ceiling.rights,
    };
    writer.queue(FrameKind::AuthOk, 0, &ok);
    writer.flush().await.map_err(failure)?;
    reader.open(data_bytes_max);
    Ok(Peer { key, data_bytes_max, takes_fds })
}

async fn expect<R: Source>(reader: &mut FrameReader<R>, kind: FrameKind) -> Result<Frame, Failure> {
    let frame = reader.message().await.map_err(failure)?;
    let frame = frame.ok_or_else(|| Failure::new(ErrorCode::Disconnected, "the client left during the handshake"))?;
    if frame.kind() != Some(kind) {
        return Err(Failure::new(ErrorCode::Protocol, "the frame does not belong to the handshake"));
    }
    if frame.header.request_id != 0 {
        return Err(Failure::new(ErrorCode::Protocol, "a frame of the handshake has a request id"));
    }
    Ok(frame)
}

/// The key that the client has proved. An unknown key takes as long and gets the same answer as a wrong proof, so that
/// key ids cannot be tried out.
fn proved_key(server: &Server, transcript: &Transcript, auth: &Auth) -> Result<Arc<ServerKey>, Failure> {
    let refused = || Failure::new(ErrorCode::BadProof, "the key is unknown or its proof is wrong");
    if auth.key_id.len() > TEXT_BYTES_MAX {
        return Err(refused());
    }
    let known = server.keys.get(&auth.key_id);
    let checked = known.clone().or_else(|| server.keys.any());
    let proved = checked.is_some_and(|known| transcript.is_client_proof(&known.key, &auth.proof));
    match known {
        Some(known) if proved => Ok(known),
        _ => Err(refused()),
    }
}

fn failure(error: WireError) -> Failure {
    Failure::new(error.code(), error.to_string())
}

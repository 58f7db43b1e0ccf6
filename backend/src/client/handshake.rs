//! The handshake: HELLO, HELLO_ACK, AUTH, AUTH_OK, from the client's side.

use shared::ErrorCode;
use shared::hex;
use shared::limits::{DATA_BYTES_MAX, DATA_BYTES_MIN};
use shared::wire::{
    Auth, AuthOk, End, Failure, FrameKind, Goodbye, Hello, HelloAck, MAGIC, PASS_FD, STORE_KEY, VERSION, encode,
};
use tokio::io::AsyncWrite;

use super::error::ClientError;
use crate::random::random_bytes;
use crate::wire::{Frame, FrameReader, FrameWriter, Key, Source, Transcript, TransportReader};

/// The result of a handshake.
#[derive(Debug)]
pub(super) struct Agreed {
    /// The server's limits.
    pub ok: AuthOk,
    /// Whether the server may pass file descriptors.
    pub passes_fds: bool,
    /// Whether the server takes the key of a STORE.
    pub takes_store_keys: bool,
}

/// Runs the handshake, and prepares the reader for DATA frames of the agreed length. The caller sets a timeout.
pub(super) async fn handshake<W>(
    reader: &mut FrameReader<TransportReader>,
    writer: &mut FrameWriter<W>,
    key: &Key,
) -> Result<Agreed, ClientError>
where
    W: AsyncWrite + Unpin,
{
    let mut transcript = Transcript::default();
    let takes_fds = reader.source().takes_fds();
    let frame = Frame::new(FrameKind::Hello, 0, hello(takes_fds)?);
    transcript.add(&frame);
    writer.queue_frame(&frame);
    writer.flush().await?;

    let frame = expect(reader, FrameKind::HelloAck).await?;
    transcript.add(&frame);
    let ack: HelloAck = frame.message()?;
    if ack.version != VERSION {
        return Err(ClientError::new(ErrorCode::VersionMismatch, "the server chose a version that was not offered"));
    }

    let max_data = u32::try_from(DATA_BYTES_MAX).ok();
    let auth = Auth { key_id: key.id().to_owned(), proof: transcript.client_proof(key), max_data };
    let frame = Frame::new(FrameKind::Auth, 0, encode(&auth));
    transcript.add(&frame);
    writer.queue_frame(&frame);
    writer.flush().await?;

    let ok: AuthOk = expect(reader, FrameKind::AuthOk).await?.message()?;
    if !transcript.is_server_proof(key, &ok.proof) {
        return Err(ClientError::new(ErrorCode::BadProof, "the server did not prove that it holds the key"));
    }
    let data_bytes_max = ok.max_data as usize;
    if !(DATA_BYTES_MIN..=DATA_BYTES_MAX).contains(&data_bytes_max) {
        return Err(ClientError::new(ErrorCode::Protocol, "the server's data frames are outside the limits"));
    }
    reader.open(data_bytes_max);
    let has = |capability: &str| ack.capabilities.iter().any(|named| named == capability);
    Ok(Agreed { ok, passes_fds: takes_fds && has(PASS_FD), takes_store_keys: has(STORE_KEY) })
}

fn hello(takes_fds: bool) -> Result<Vec<u8>, ClientError> {
    let nonce = random_bytes().map_err(|error| ClientError::new(ErrorCode::Internal, error.to_string()))?;
    let mut capabilities = vec![STORE_KEY.to_owned()];
    if takes_fds {
        capabilities.push(PASS_FD.to_owned());
    }
    if cfg!(debug_assertions) {
        capabilities.push(format!("grease-{}", hex::encode(&nonce[..1])));
    }
    let hello = Hello { magic: MAGIC.into(), min_version: VERSION, max_version: VERSION, capabilities, nonce };
    Ok(grease(encode(&hello)))
}

/// Adds an unknown field in debug builds, so that a server that fails to ignore unknown fields is found early (as RFC
/// 8701 does for TLS).
fn grease(mut body: Vec<u8>) -> Vec<u8> {
    if cfg!(debug_assertions) {
        // The first byte of a short CBOR map (RFC 8949 §3) counts its entries; the new one is 200: null.
        body[0] += 1;
        body.extend_from_slice(&[0x18, 200, 0xf6]);
    }
    body
}

/// The next frame, which must be of that kind, or the error that the server reports instead.
async fn expect<R: Source>(reader: &mut FrameReader<R>, kind: FrameKind) -> Result<Frame, ClientError> {
    let frame = reader.message().await?;
    let frame =
        frame.ok_or_else(|| ClientError::new(ErrorCode::Disconnected, "the server left during the handshake"))?;
    let refusal = match frame.kind() {
        Some(found) if found == kind && frame.header.request_id == 0 => return Ok(frame),
        Some(FrameKind::End) => frame.message::<End>()?.error,
        Some(FrameKind::Goodbye) => {
            let left = || Failure::new(ErrorCode::Disconnected, "the server ended the connection");
            Some(frame.message::<Goodbye>()?.error.unwrap_or_else(left))
        }
        _ => None,
    };
    Err(refusal.map_or_else(
        || ClientError::new(ErrorCode::Protocol, "a frame that does not belong into the handshake"),
        ClientError::from,
    ))
}

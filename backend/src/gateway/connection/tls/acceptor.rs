//! The server's side of TLS, by rustls.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate;
use super::files::{TlsError, TlsFiles};
use super::plaintext;
use crate::gateway::connection::http1::{self, ConnectionContext};
use crate::gateway::connection::http2;

/// How many encrypted bytes may wait for the socket; a stalled connection holds as many.
const SEND_BUFFER_BYTES_MAX: usize = 64 << 10;
/// The first byte of every TLS connection (RFC 8446 §5.1: a record with a handshake message).
const HANDSHAKE_RECORD: u8 = 22;
/// In order of preference.
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];
const HTTP_2: &[u8] = b"h2";

/// The server's side of TLS. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    pub(super) current: Arc<CertificateResolver>,
}

/// The result of [`Tls::accept`].
enum Accepted {
    /// The connection is encrypted and uses this protocol.
    Encrypted(Box<TlsStream<TcpStream>>, Protocol),
    /// The client does not use TLS; none of its bytes have been read.
    Plaintext(TcpStream),
}

/// The protocol that client and server agreed on (ALPN, RFC 7301).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Protocol {
    /// Also for clients without ALPN.
    Http1,
    Http2,
}

impl Tls {
    /// Reads the files. Blocks.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pair = certificate::read(&files, &provider)?;
        let current =
            Arc::new(CertificateResolver { files, provider: Arc::clone(&provider), pair: RwLock::new(Arc::new(pair)) });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| certificate::unusable(&current.files, source))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        // Session tickets keep the state at the client, encrypted under a key that is replaced every few hours.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(|source| certificate::unusable(&current.files, source))?;
        config.send_tls13_tickets = 1;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), current })
    }

    /// Performs the handshake, and serves the connection until the client or the shutdown ends it.
    ///
    /// # Errors
    /// The handshake failed or took too long, or the connection broke.
    pub(crate) async fn serve(&self, stream: TcpStream, context: &ConnectionContext<'_>) -> io::Result<()> {
        let place = &context.info.place;
        let opened = tokio::select! {
            opened = self.accept(stream, context.config.handshake_time) => opened?,
            () = place.closing.cancelled() => return Ok(()),
            () = place.over.cancelled() => return Ok(()),
        };
        match opened {
            Accepted::Encrypted(stream, Protocol::Http1) => http1::serve(stream, context).await,
            Accepted::Encrypted(stream, Protocol::Http2) => http2::serve(stream, context).await,
            Accepted::Plaintext(stream) => {
                tokio::select! {
                    () = plaintext::answer(stream, context.config) => {}
                    () = place.over.cancelled() => {}
                }
                Ok(())
            }
        }
    }

    /// # Errors
    /// The handshake failed or took longer than `time`, or the client closed the connection.
    async fn accept(&self, stream: TcpStream, time: Duration) -> io::Result<Accepted> {
        let open = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if first != [HANDSHAKE_RECORD] {
                return Ok(Accepted::Plaintext(stream));
            }
            let limited = |session: &mut rustls::ServerConnection| {
                session.set_buffer_limit(Some(SEND_BUFFER_BYTES_MAX));
            };
            let stream = self.acceptor.accept_with(stream, limited).await?;
            let protocol = match stream.get_ref().1.alpn_protocol() {
                Some(HTTP_2) => Protocol::Http2,
                _ => Protocol::Http1,
            };
            Ok(Accepted::Encrypted(Box::new(stream), protocol))
        };
        timeout(time, open).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Gives new connections the current certificate.
pub(super) struct CertificateResolver {
    pub(super) files: TlsFiles,
    provider: Arc<CryptoProvider>,
    pair: RwLock<Arc<CertifiedKey>>,
}

impl CertificateResolver {
    /// Replaces the certificate by that of the files, if they are valid. Blocks.
    pub(super) fn reload(&self) -> Result<(), TlsError> {
        let pair = Arc::new(certificate::read(&self.files, &self.provider)?);
        // The value is replaced as a whole, so it is consistent even after a panic.
        *self.pair.write().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pair.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for CertificateResolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CertificateResolver").field(&self.files).finish()
    }
}

//! [`AccessLog`]: one log line and one set of counts for each request.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use std::time::Instant;

use axum::extract::Request;
use http::{Method, StatusCode, Uri};
use percent_encoding::percent_encode_byte;
use shared::ErrorCode;
use tracing::{info, warn};

use crate::admission::{InUse, Permit};
use crate::gateway::connection_info::ConnectionInfo;
use crate::gateway::http::observed_body::{BodyObserver, Polled};
use crate::gateway::request_id::RequestId;
use crate::gateway::router;
use crate::gateway::state::Gateway;

/// What the log and the metrics need to know of a request. It reports when it is dropped: after the last byte of the
/// body, or when the client leaves.
pub(crate) struct AccessLog {
    gateway: Gateway,
    id: RequestId,
    pub(super) method: Method,
    uri: Uri,
    peer: Option<SocketAddr>,
    /// The client behind trusted proxies; `None` where it is the peer.
    client: Option<IpAddr>,
    route: &'static str,
    started: Instant,
    /// `None` where the client left before the answer began.
    pub(super) status: Option<StatusCode>,
    bytes: u64,
    pub(super) bytes_expected: Option<u64>,
    pub(super) refused: Option<(ErrorCode, String)>,
    /// Why the body ended early.
    broken: Option<String>,
    /// True once the body has ended by itself.
    ended: bool,
    /// The place of the request among those in progress, and of its connection among those that work.
    pub(super) place: Option<(Permit, InUse)>,
}

impl AccessLog {
    pub(super) fn begin(gateway: &Gateway, request: &Request, id: RequestId) -> Self {
        gateway.metrics.begin();
        let (peer, client) =
            request.extensions().get::<ConnectionInfo>().map(|info| (info.peer, info.client.ip)).unzip();
        Self {
            gateway: gateway.clone(),
            id,
            method: request.method().clone(),
            uri: request.uri().clone(),
            peer,
            client: client.filter(|client| peer.is_none_or(|peer| peer.ip().to_canonical() != *client)),
            route: router::label(request.uri().path()),
            started: Instant::now(),
            status: None,
            bytes: 0,
            bytes_expected: None,
            refused: None,
            broken: None,
            ended: false,
            place: None,
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        let time = self.started.elapsed();
        // 499 is nginx's status for a connection that the client closed.
        let status = self.status.map_or(499, |status| status.as_u16());
        self.gateway.metrics.end(self.route, &self.method, status, self.bytes, time);
        let path = escape_log(self.uri.path());
        let (id, method, path) = (self.id.as_str(), self.method.as_str(), &*path);
        let (bytes, ms) = (self.bytes, time.as_millis() as u64);
        let (peer, client) = (self.peer.map(tracing::field::display), self.client.map(tracing::field::display));
        // hyper stops polling a body once it has as many bytes as `Content-Length` says.
        let whole = self.ended || self.bytes_expected == Some(self.bytes);
        if let Some(error) = &self.broken {
            warn!(id, peer, client, method, path, status, bytes, ms, error, "failed while sending");
        } else if let Some((code, cause)) = &self.refused {
            let code = code.name();
            match status {
                500.. => warn!(id, peer, client, method, path, status, bytes, ms, code, cause, "failed"),
                _ => info!(id, peer, client, method, path, status, bytes, ms, code, cause, "refused"),
            }
        } else if whole {
            info!(id, peer, client, method, path, status, bytes, ms, "answered");
        } else {
            info!(id, peer, client, method, path, status, bytes, ms, "closed by the client");
        }
    }
}

impl BodyObserver for AccessLog {
    fn after_poll(&mut self, polled: &Polled) {
        match polled {
            Poll::Ready(Some(Ok(frame))) => self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Poll::Ready(Some(Err(error))) => self.broken = Some(error.to_string()),
            Poll::Ready(None) => self.ended = true,
            Poll::Pending => {}
        }
    }
}

/// A text for one log line: printable ASCII stays as it is, every other byte is percent-encoded, and a long text is
/// cut.
fn escape_log(text: &str) -> Cow<'_, str> {
    const LOGGED_BYTES_MAX: usize = 1024;
    if text.len() <= LOGGED_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(LOGGED_BYTES_MAX));
    for byte in text.bytes() {
        if out.len() >= LOGGED_BYTES_MAX {
            out.push('…');
            break;
        }
        match byte {
            b'!'..=b'~' => out.push(char::from(byte)),
            other => out.push_str(percent_encode_byte(other)),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn line_breaks_are_escaped_and_long_texts_cut() {
        assert_eq!(escape_log("/a\nb \u{85}é"), "/a%0Ab%20%C2%85%C3%A9");
        assert!(escape_log(&"\n".repeat(10_000)).len() < 1100);
    }

    proptest! {
        #[test]
        fn a_logged_text_is_printable(text: String) {
            prop_assert!(escape_log(&text).chars().all(|character| character == '…' || character.is_ascii_graphic()));
        }
    }
}

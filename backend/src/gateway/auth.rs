//! Who sends a request, and the rights that the file server grants for it. There are no accounts yet: every request is
//! anonymous, and its rights are configured.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use shared::api::RIGHTS_HEADER;
use shared::wire::PRINCIPAL_UNKNOWN;
use shared::{Rights, Scope};

use super::config::Anonymous;
use super::connection_info::ConnectionInfo;
use super::request_id::RequestId;
use super::state::Gateway;
use crate::client::Caller;

/// Extracts the [`Caller`] of a request, which a handler passes to the file server.
pub(super) struct Auth(pub(super) Caller);

impl FromRequestParts<Gateway> for Auth {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Infallible> {
        let id = RequestId::of(&parts.extensions);
        let caller = caller(gateway.config.anonymous, id.as_str(), gateway.config.answer_time);
        let client = parts.extensions.get().map(|info: &ConnectionInfo| info.client.name.to_string());
        Ok(Self(Caller { client, ..caller }))
    }
}

impl Auth {
    /// What the caller may do in the folder that the request's paths are relative to.
    pub(super) fn rights(&self) -> Rights {
        rights(&self.0)
    }
}

/// What an anonymous request may do; the file server checks it.
fn caller(anonymous: Anonymous, request_id: &str, answer_time: Duration) -> Caller {
    Caller {
        scope: Scope::whole(anonymous.rights()),
        deadline_ms: Some(u32::try_from(answer_time.as_millis()).unwrap_or(u32::MAX)),
        trace_id: Some(request_id.to_owned()),
        principal: Some(PRINCIPAL_UNKNOWN.to_owned()),
        client: None,
    }
}

fn rights(caller: &Caller) -> Rights {
    caller.scope.rights_everywhere()
}

/// The header that lists the caller's rights, for an answer about a folder.
pub(super) fn rights_header(caller: &Caller) -> (HeaderName, HeaderValue) {
    let rights = rights(caller);
    // The names of rights consist of letters.
    let value = HeaderValue::try_from(rights.to_string()).unwrap_or(HeaderValue::from_static(""));
    (HeaderName::from_static(RIGHTS_HEADER), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anonymous_reader_has_no_right_to_change() {
        let caller = caller(Anonymous::Read, "id", Duration::from_secs(1));
        assert_eq!(caller.scope, Scope::whole(Rights::READ_ONLY));
        assert_eq!((caller.deadline_ms, caller.trace_id.as_deref()), (Some(1000), Some("id")));
        assert!(Anonymous::Write.rights().contains(Rights::DELETE));
        assert!(!Anonymous::Write.rights().contains(Rights::SHARE));
    }

    #[test]
    fn rights_header_names_the_rights_of_the_callers_root() {
        let mut caller = caller(Anonymous::Write, "id", Duration::from_secs(1));
        assert_eq!(rights_header(&caller).1, "list read create replace delete");
        caller.scope.grants.clear();
        assert_eq!(rights_header(&caller).1, "");
    }
}

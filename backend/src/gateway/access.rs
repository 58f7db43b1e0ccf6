//! Who asks, and what they may do. Pure. Until there are accounts everybody is anonymous, and the server was told what
//! that is worth; the file server checks it.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use shared::api::RIGHTS_HEADER;
use shared::{Rights, Scope};

use crate::client::Caller;

/// What somebody who is not signed in may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Anonymous {
    /// List and read everything.
    #[default]
    Read,
    /// Change everything too.
    Write,
}

impl Anonymous {
    /// The rights that come with it.
    pub fn rights(self) -> Rights {
        match self {
            Self::Read => Rights::READ_ONLY,
            Self::Write => Rights::READ_ONLY.union(Rights::CREATE).union(Rights::REPLACE).union(Rights::DELETE),
        }
    }

    /// True if anything may be changed.
    pub fn writable(self) -> bool {
        self.rights().contains(Rights::REPLACE)
    }
}

/// The caller that the file server is told of.
pub(super) fn caller(anonymous: Anonymous, request_id: &str, answer_time: Duration) -> Caller {
    Caller {
        scope: Scope::whole(anonymous.rights()),
        root: 0,
        deadline_ms: Some(u32::try_from(answer_time.as_millis()).unwrap_or(u32::MAX)),
        trace_id: Some(request_id.to_owned()),
        principal: None,
    }
}

/// The header of an answer about a folder that says what the caller may do in it.
pub(super) fn rights_header(caller: &Caller) -> (HeaderName, HeaderValue) {
    let rights = caller.scope.rights_below(caller.root).unwrap_or_default();
    // The names of rights are letters and spaces.
    let value = HeaderValue::try_from(rights.to_string()).unwrap_or(HeaderValue::from_static(""));
    (HeaderName::from_static(RIGHTS_HEADER), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_never_includes_changing() {
        let caller = caller(Anonymous::Read, "id", Duration::from_secs(1));
        assert_eq!(caller.scope, Scope::whole(Rights::READ_ONLY));
        assert_eq!((caller.deadline_ms, caller.trace_id.as_deref()), (Some(1000), Some("id")));
        assert!(!Anonymous::Read.writable() && Anonymous::Write.writable());
        assert!(!Anonymous::Write.rights().contains(Rights::SHARE));
    }

    #[test]
    fn rights_header_names_the_rights_of_the_callers_root() {
        let mut caller = caller(Anonymous::Write, "id", Duration::from_secs(1));
        assert_eq!(rights_header(&caller).1, "list read create replace delete");
        caller.root = 1;
        assert_eq!(rights_header(&caller).1, "");
    }
}

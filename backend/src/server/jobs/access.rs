//! Which jobs a caller may see and cancel: its own, and of those the ones whose changes its rights still allow.

use shared::wire::Caller;
use shared::{Change, ErrorCode, Rights};

use crate::server::authority::{Owner, granted};
use crate::server::peer::Peer;

/// A caller's access to jobs.
#[derive(Clone, Debug)]
pub(super) struct JobAccess {
    pub(super) owner: Owner,
    /// The client that the gateway names.
    pub(super) client: Option<String>,
    /// All rights that the caller has below its root.
    pub(super) rights: Rights,
}

impl JobAccess {
    /// The access of a caller.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] with neither CREATE nor DELETE, of which every change needs one; as [`Owner::of`].
    pub(super) fn of(caller: &Caller, peer: &Peer) -> Result<Self, ErrorCode> {
        let owner = Owner::of(caller, peer)?;
        let rights = granted(caller, peer);
        if rights.contains(Rights::CREATE) || rights.contains(Rights::DELETE) {
            Ok(Self { owner, client: caller.client.clone(), rights })
        } else {
            Err(ErrorCode::Forbidden)
        }
    }

    /// Refuses a job whose change the caller may not request.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub(super) fn check(&self, change: &Change) -> Result<(), ErrorCode> {
        if self.rights.contains(change.rights_needed()) { Ok(()) } else { Err(ErrorCode::Forbidden) }
    }
}

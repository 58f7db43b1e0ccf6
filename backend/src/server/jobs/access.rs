//! Which jobs a caller may see and cancel: its own, and of those the ones whose changes its rights still allow.

use shared::wire::Caller;
use shared::{Change, Conflict, ErrorCode, Rights, Scope};

use crate::admission::Who;
use crate::server::authority::Owner;
use crate::server::peer::Peer;

/// A caller's access to jobs.
#[derive(Clone, Debug)]
pub(super) struct JobAccess {
    pub(super) owner: Owner,
    /// The client that the gateway names.
    pub(super) client: Option<String>,
    /// All rights that the caller has at some path.
    rights: Rights,
}

impl JobAccess {
    /// The access of a caller.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] with neither CREATE nor DELETE, of which every change needs one; as [`Owner::of`].
    pub(super) fn of(caller: &Caller, peer: &Peer) -> Result<Self, ErrorCode> {
        let owner = Owner::of(caller, peer)?;
        let rights = caller.scope.rights_anywhere();
        if rights.intersects(Rights::CREATE.union(Rights::DELETE)) {
            Ok(Self { owner, client: caller.client.clone(), rights })
        } else {
            Err(ErrorCode::Forbidden)
        }
    }

    /// Whose share of what is scarce its requests take.
    pub(super) fn who(&self) -> Who {
        self.owner.who(self.client.as_deref())
    }

    /// Refuses a job whose change the caller may request at no path. Each item is checked where it is run.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`].
    pub(super) fn check(&self, change: &Change) -> Result<(), ErrorCode> {
        if self.rights.contains(change.rights_needed()) { Ok(()) } else { Err(ErrorCode::Forbidden) }
    }
}

/// The rights that a change uses at its paths. Links lead its paths to where the caller has all of them, because what is
/// checked at the path before is not checked again at the end of a link.
pub(super) fn used_rights(change: &Change, scope: &Scope) -> Rights {
    let moves = matches!(change, Change::Move { .. } | Change::Restore { .. });
    let read = if moves { Rights::READ_ONLY } else { Rights::NONE };
    let replace = if change.conflict() == Conflict::Replace { Rights::REPLACE } else { Rights::NONE };
    change.rights_needed().union(scope.rights_anywhere().intersection(read.union(replace)))
}

/// The rights at a source from which an entry moves to a place with the rights `at_target`: it becomes no more readable.
pub(super) fn rights_to_take(change: Rights, at_target: Rights) -> Rights {
    change.union(at_target.intersection(Rights::READ_ONLY))
}

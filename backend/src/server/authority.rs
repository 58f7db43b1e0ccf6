//! Who a caller is, and what it may do.

use shared::wire::Caller;
use shared::{ErrorCode, Rights, VPath};

use super::peer::Peer;

/// The owner of an upload or a job: a principal below a root. Other callers do not see it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Owner(pub Vec<u8>);

impl Owner {
    /// The owner of what this caller begins.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a root that the scope does not have.
    pub(super) fn of(caller: &Caller) -> Result<Self, ErrorCode> {
        let root = caller.scope.roots.get(usize::from(caller.root)).ok_or(ErrorCode::NotFound)?;
        let mut bytes = vec![u8::from(caller.principal.is_some())];
        bytes.extend_from_slice(caller.principal.as_deref().unwrap_or_default().as_bytes());
        // No path contains NUL, so the last one separates principal and path.
        bytes.push(0);
        bytes.extend_from_slice(root.folder.as_bytes());
        Ok(Self(bytes))
    }

    /// A number for the owner that does not tell who it is.
    pub(super) fn tag(&self) -> u64 {
        let hash = blake3::derive_key("passerelle 2026 owner of a kept file", &self.0);
        let [a, b, c, d, e, f, g, h, ..] = hash;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The path in the storage of a caller's path, if the caller has the `wanted` rights there. The only place where a path
/// relative to a scope becomes a path in the storage.
///
/// # Errors
/// As [`shared::Scope::check`].
pub(super) fn authorise(caller: &Caller, peer: Peer, wanted: Rights, path: &VPath) -> Result<VPath, ErrorCode> {
    caller.scope.check(caller.root, peer.rights, wanted, path)
}

/// All rights that the caller has below its root.
pub(super) fn granted(caller: &Caller, peer: Peer) -> Rights {
    let root = caller.scope.roots.get(usize::from(caller.root));
    root.map_or(Rights::NONE, |root| root.rights.intersection(peer.rights))
}

#[cfg(test)]
mod tests {
    use shared::Scope;

    use super::*;

    #[test]
    fn owners_differ_by_principal_and_by_root() {
        let owner = |principal: Option<&str>, folder: &str| {
            let mut scope = Scope::whole(Rights::ALL);
            scope.roots[0].folder = VPath::parse(folder).unwrap();
            Owner::of(&Caller { scope, principal: principal.map(str::to_owned), ..Caller::default() }).unwrap()
        };
        let all = [
            owner(None, ""),
            owner(Some(""), ""),
            owner(Some("a"), ""),
            owner(Some("a"), "b"),
            owner(Some("a\0b"), ""),
            owner(Some(""), "a"),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other != one), "{index}");
        }
        assert_eq!(Owner::of(&Caller::default()), Err(ErrorCode::NotFound));
    }
}

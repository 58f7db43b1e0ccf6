//! Who a caller is, and what it may do.

use std::net::IpAddr;
use std::sync::Arc;

use shared::wire::{Caller, PRINCIPAL_UNKNOWN};
use shared::{ErrorCode, JobId, Rights, Scope, VPath, View};

use super::keys::{KEY_PREFIX, LOCAL};
use super::peer::Peer;
use crate::admission::Who;
use crate::storage::{LinkScope, Storage};

/// The owner of an upload or a job: a principal, and the base of its paths. Other callers do not see it. The owner is not the key of
/// the connection, because all users of a gateway share its key, and that of `passerelle serve` is new at each start.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Owner(pub Vec<u8>);

impl Owner {
    /// The owner of what this caller begins.
    ///
    /// # Errors
    /// As [`principal`].
    pub(super) fn of(caller: &Caller, peer: &Peer) -> Result<Self, ErrorCode> {
        Ok(Self::new(Some(principal(caller, peer)?), caller.scope.base.as_bytes()))
    }

    /// The owner that version 0.1.0 recorded for a caller with this owner's base: it knew no principals. A
    /// caller that knows the id and has the rights may continue such an upload or job; it is in no list.
    pub(super) fn without_principal(&self) -> Self {
        Self::new(None, self.folder())
    }

    /// The folder in the storage that its paths are relative to.
    pub(super) fn base(&self) -> VPath {
        VPath::from_bytes(self.folder()).unwrap_or_default()
    }

    fn folder(&self) -> &[u8] {
        self.0.iter().rposition(|&byte| byte == 0).map_or(&[], |end| &self.0[end + 1..])
    }

    /// True if `self` may see what belongs to `owner`, and knows its id.
    pub(super) fn may_name(&self, owner: &Self) -> bool {
        self == owner || self.without_principal() == *owner
    }

    /// The principal alone, over all its bases.
    pub(super) fn principal(&self) -> &[u8] {
        let end = self.0.iter().rposition(|byte| *byte == 0).unwrap_or_default();
        &self.0[..end]
    }

    /// The owner in admissions: `client`, which the gateway names, for callers without an account, else the principal.
    pub(super) fn who(&self, client: Option<&str>) -> Who {
        // Without the byte that tells whether there is a principal.
        who(self.principal().get(1..).unwrap_or_default(), client)
    }

    /// The owner of what stays after a request, in admissions. Clients that are not known again share one place.
    pub(super) fn returning_who(&self, client: Option<&str>) -> Who {
        self.who(self.returning_client(client))
    }

    /// The key by which a request of this owner is known. Callers without an account are one owner, and choose keys apart
    /// from each other, so each client has keys of its own.
    pub(super) fn key_of(&self, client: Option<&str>, key: JobId) -> JobId {
        let Some(client) = self.returning_client(client) else { return key };
        let mut hash = blake3::Hasher::new_derive_key("passerelle 2026 key of a client");
        hash.update(&key.0).update(client.as_bytes());
        let mut own = [0; 16];
        hash.finalize_xof().fill(&mut own);
        JobId(own)
    }

    /// The client among the callers without an account, if it is known again at its next request: by its address. Where the
    /// gateway does not know that, each request has a new text.
    pub(super) fn returning_client<'c>(&self, client: Option<&'c str>) -> Option<&'c str> {
        let is_address = |client: &str| client.split('/').next().is_some_and(|text| text.parse::<IpAddr>().is_ok());
        client.filter(|client| self.client(client).is_some() && is_address(client))
    }

    /// The client among the callers without an account; `None` with an account.
    pub(super) fn client(&self, client: &str) -> Option<Who> {
        let name = self.principal().get(1..).unwrap_or_default();
        (name == PRINCIPAL_UNKNOWN.as_bytes()).then(|| Who::client(client))
    }

    fn new(principal: Option<&str>, folder: &[u8]) -> Self {
        let mut bytes = vec![u8::from(principal.is_some())];
        bytes.extend_from_slice(principal.unwrap_or_default().as_bytes());
        // No path contains NUL, so the last one separates principal and path.
        bytes.push(0);
        bytes.extend_from_slice(folder);
        Self(bytes)
    }
}

/// The principal of a caller: the one that a gateway names, or else that of the key.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for a name that belongs to another key.
fn principal<'c>(caller: &'c Caller, peer: &'c Peer) -> Result<&'c str, ErrorCode> {
    let own = &*peer.key.principal;
    match caller.principal.as_deref() {
        None => Ok(own),
        Some(named) if named != own && (named == LOCAL || named.starts_with(KEY_PREFIX)) => Err(ErrorCode::Forbidden),
        Some(named) if peer.key.is_gateway => Ok(named),
        Some(_) => Ok(own),
    }
}

/// Whose share a caller takes of what is scarce.
///
/// # Errors
/// As [`principal`].
pub(super) fn share_of(caller: &Caller, peer: &Peer) -> Result<Who, ErrorCode> {
    Ok(who(principal(caller, peer)?.as_bytes(), caller.client.as_deref()))
}

/// The principal; its client where all callers without an account have one principal.
fn who(principal: &[u8], client: Option<&str>) -> Who {
    match client {
        Some(client) if principal == PRINCIPAL_UNKNOWN.as_bytes() => Who::client(client),
        _ => Who::principal(principal),
    }
}

/// Limits a caller to what the key of the connection allows, and refuses one that no request may have. Called once for
/// each request, before anything else looks at its scope.
///
/// # Errors
/// [`ErrorCode::NotFound`] for a caller without any grant; [`ErrorCode::Forbidden`] for the principal of another key.
pub(super) fn admit(caller: &mut Caller, peer: &Peer) -> Result<(), ErrorCode> {
    peer.key.ceiling.limit(&mut caller.scope);
    if caller.scope.grants.is_empty() {
        return Err(ErrorCode::NotFound);
    }
    principal(caller, peer).map(drop)
}

/// The path in the storage of a caller's path, if the caller has the `wanted` rights there. This function, [`look`] and
/// the runner of a job are the only places where a caller's path becomes a path in the storage.
///
/// # Errors
/// As [`Scope::check`].
pub(super) fn authorise(caller: &Caller, wanted: Rights, path: &VPath) -> Result<VPath, ErrorCode> {
    caller.scope.check(wanted, path)
}

/// The path in the storage of a folder or an entry that the caller looks at, and what it sees of the entries there.
///
/// # Errors
/// As [`Scope::look`].
pub(super) fn look(caller: &Caller, path: &VPath) -> Result<(VPath, View), ErrorCode> {
    caller.scope.look(path)
}

/// How far links lead in a request that uses the `wanted` rights: to entries at which the caller has them.
pub(super) fn link_scope(caller: &Caller, wanted: Rights) -> LinkScope {
    LinkScope::where_granted(&caller.scope, wanted)
}

/// The storage as a caller sees it that uses the `wanted` rights. Every path of a request is used with such a view alone.
pub(super) fn seen_by(scope: &Scope, wanted: Rights, storage: &Arc<dyn Storage>) -> Arc<dyn Storage> {
    Arc::clone(storage).within(LinkScope::where_granted(scope, wanted))
}

#[cfg(test)]
mod tests {
    use super::super::keys::ServerKey;
    use super::*;
    use crate::wire::Key;

    fn peer(key: ServerKey) -> Peer {
        Peer { key: Arc::new(key), data_bytes_max: 0, takes_fds: false }
    }

    fn key(name: &str) -> Key {
        format!("passerelle-key-1 {name} {}", "0".repeat(64)).parse().unwrap()
    }

    fn caller(principal: Option<&str>, folder: &str) -> Caller {
        let scope = Scope::below(VPath::parse(folder).unwrap(), Rights::ALL);
        Caller { scope, principal: principal.map(str::to_owned), ..Caller::default() }
    }

    #[test]
    fn owners_differ_by_principal_and_by_root() {
        let peer = peer(ServerKey::gateway(key("inner")));
        let owner = |principal, folder| Owner::of(&caller(principal, folder), &peer).unwrap();
        let all = [
            owner(None, ""),
            owner(Some(""), ""),
            owner(Some("a"), ""),
            owner(Some("a"), "b"),
            owner(Some("a\0b"), ""),
            owner(Some(""), "a"),
            owner(None, "").without_principal(),
            owner(None, "a").without_principal(),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other != one), "{index}");
        }
    }

    #[test]
    fn a_caller_has_what_its_key_has_as_well() {
        let peer = peer(ServerKey::from((key("office"), Rights::READ_ONLY)));
        let mut limited = caller(None, "docs");
        assert_eq!(admit(&mut limited, &peer), Ok(()));
        assert_eq!(limited.scope, Scope::below(VPath::parse("docs").unwrap(), Rights::READ_ONLY));
        assert_eq!(admit(&mut Caller::default(), &peer), Err(ErrorCode::NotFound));
        let mut beyond = Caller { scope: Scope::whole(Rights::DELETE), ..Caller::default() };
        assert_eq!(admit(&mut beyond, &peer), Err(ErrorCode::NotFound));
        assert_eq!(admit(&mut caller(Some("local"), ""), &peer), Err(ErrorCode::Forbidden));
    }

    #[test]
    fn principal_is_the_one_that_is_named_or_else_that_of_the_key() {
        let check = |key: ServerKey, named, expected| {
            assert_eq!(principal(&caller(named, ""), &peer(key)), expected, "{named:?}");
        };
        let other = || ServerKey::from((key("office"), Rights::READ_ONLY));
        check(ServerKey::gateway(key("a")), None, Ok("anybody"));
        check(ServerKey::local(key("a")), None, Ok("local"));
        check(other(), None, Ok("k:office"));
        check(other(), Some("k:office"), Ok("k:office"));
        check(other(), Some("ada"), Ok("ada"));
        let of_no_gateway = || ServerKey::removable(key("office"), Rights::ALL, VPath::root(), false);
        check(of_no_gateway(), Some("ada"), Ok("k:office"));
        check(of_no_gateway(), Some("anybody"), Ok("k:office"));
        check(of_no_gateway(), Some("local"), Err(ErrorCode::Forbidden));
        check(ServerKey::local(key("a")), Some("ada"), Ok("local"));
        check(ServerKey::removable(key("office"), Rights::ALL, VPath::root(), true), Some("ada"), Ok("ada"));
        check(ServerKey::gateway(key("a")), Some("local"), Err(ErrorCode::Forbidden));
        check(ServerKey::local(key("a")), Some("k:office"), Err(ErrorCode::Forbidden));
        check(other(), Some("k:home"), Err(ErrorCode::Forbidden));
    }

    #[test]
    fn shares_are_those_of_a_principal_or_of_a_client_without_one() {
        let share = |key: ServerKey, principal: Option<&str>, client: Option<&str>| {
            let caller = Caller { client: client.map(str::to_owned), ..caller(principal, "docs") };
            let peer = peer(key);
            let share = share_of(&caller, &peer).unwrap();
            assert_eq!(Owner::of(&caller, &peer).unwrap().who(caller.client.as_deref()), share);
            share
        };
        let gateway = || ServerKey::gateway(key("a"));
        assert_eq!(share(gateway(), None, Some("192.0.2.1")), Who::client("192.0.2.1"));
        assert_eq!(share(gateway(), Some("anybody"), Some("192.0.2.1")), Who::client("192.0.2.1"));
        assert_eq!(share(gateway(), None, None), Who::principal(b"anybody"));
        assert_eq!(share(gateway(), Some("ada"), Some("192.0.2.1")), Who::principal(b"ada"));
        let office = ServerKey::from((key("office"), Rights::READ_ONLY));
        assert_eq!(share(office, None, None), Who::principal(b"k:office"));
    }

    #[test]
    fn what_has_no_principal_may_be_named_below_its_root_only() {
        let peer = peer(ServerKey::gateway(key("a")));
        let owner = |principal, folder| Owner::of(&caller(principal, folder), &peer).unwrap();
        let earlier = owner(None, "docs").without_principal();
        // The bytes that version 0.1.0 recorded.
        assert_eq!(earlier.0, b"\0\0docs");
        assert!(owner(None, "docs").may_name(&earlier) && owner(Some("ada"), "docs").may_name(&earlier));
        assert!(!owner(None, "").may_name(&earlier));
        assert!(!owner(None, "docs").may_name(&owner(Some("ada"), "docs")));
        assert_eq!(owner(Some("ada"), "docs").principal(), owner(Some("ada"), "").principal());
        assert_ne!(owner(Some("ada"), "").principal(), earlier.principal());
    }
}

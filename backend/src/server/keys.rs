//! The keys that open a file server: the most rights of each, and the principal of requests that name none.

use std::sync::Arc;

use shared::Rights;
use shared::wire::PRINCIPAL_UNKNOWN;

use crate::wire::Key;

/// The principal of the machine's own key.
pub(super) const LOCAL: &str = "local";
/// The principal of any other key is this and the id of the key.
pub(super) const KEY_PREFIX: &str = "k:";

/// A key that opens a file server.
#[derive(Clone, Debug)]
pub struct ServerKey {
    pub(super) key: Key,
    /// The most rights that a client with this key may use.
    pub(super) rights: Rights,
    /// The principal of a request that names none.
    pub(super) principal: Arc<str>,
}

impl ServerKey {
    /// The key of the client commands of this machine, with all rights. Its principal stays the same if the key is made
    /// anew.
    pub fn local(key: Key) -> Self {
        Self { key, rights: Rights::ALL, principal: LOCAL.into() }
    }

    /// The key of the gateway in this process, with all rights. It is new at each start, so nothing belongs to the key
    /// itself.
    pub fn gateway(key: Key) -> Self {
        Self { key, rights: Rights::ALL, principal: PRINCIPAL_UNKNOWN.into() }
    }
}

/// Any other key, whose principal is made of its id.
impl From<(Key, Rights)> for ServerKey {
    fn from((key, rights): (Key, Rights)) -> Self {
        let principal = format!("{KEY_PREFIX}{}", key.id()).into();
        Self { key, rights, principal }
    }
}

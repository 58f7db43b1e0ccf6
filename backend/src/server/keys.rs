//! The keys that open a file server: the ceiling of each, and the principal of requests that name none.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use shared::wire::PRINCIPAL_UNKNOWN;
use shared::{Rights, VPath};
use tokio_util::sync::CancellationToken;

use super::ceiling::Ceiling;
use crate::wire::{Key, KeyId};

/// The principal of the machine's own key.
pub(super) const LOCAL: &str = "local";
/// The principal of any other key is this and the id of the key.
pub(super) const KEY_PREFIX: &str = "k:";

/// A key that opens a file server.
#[derive(Clone, Debug)]
pub struct ServerKey {
    pub(super) key: Key,
    /// The most that a client with this key may do.
    pub(super) ceiling: Ceiling,
    /// The principal of a request that names none.
    pub(super) principal: Arc<str>,
    /// Whether a client with this key asks for others, whom it names. The principal of any other client is that of its
    /// key, whatever it names.
    pub(super) is_gateway: bool,
    /// Cancelled when the key is removed; `None` for a key that lasts as long as the server.
    removed: Option<CancellationToken>,
}

impl ServerKey {
    /// The key of the client commands of this machine, with all rights. Its principal stays the same if the key is made
    /// anew.
    pub fn local(key: Key) -> Self {
        Self::lasting(key, Ceiling::everywhere(Rights::ALL), LOCAL.into(), false)
    }

    /// The key of the gateway in this process, with all rights. It is new at each start, so nothing belongs to the key
    /// itself.
    pub fn gateway(key: Key) -> Self {
        Self::lasting(key, Ceiling::everywhere(Rights::ALL), PRINCIPAL_UNKNOWN.into(), true)
    }

    /// A key that may be removed while the server runs, with all that is granted in `folder` within `rights`.
    pub fn removable(key: Key, rights: Rights, folder: VPath, is_gateway: bool) -> Self {
        let principal = principal_of(&key);
        let removed = Some(CancellationToken::new());
        Self { removed, ..Self::lasting(key, Ceiling { rights, folder }, principal, is_gateway) }
    }

    fn lasting(key: Key, ceiling: Ceiling, principal: Arc<str>, is_gateway: bool) -> Self {
        Self { key, ceiling, principal, is_gateway, removed: None }
    }

    /// Whether the key has been removed.
    pub(super) fn is_removed(&self) -> bool {
        self.removed.as_ref().is_some_and(CancellationToken::is_cancelled)
    }

    /// Waits until the key is removed.
    pub(super) async fn removed(&self) {
        match &self.removed {
            Some(removed) => removed.cancelled().await,
            None => std::future::pending().await,
        }
    }

    fn remove(&self) {
        if let Some(removed) = &self.removed {
            removed.cancel();
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.key, &self.ceiling, self.is_gateway) == (&other.key, &other.ceiling, other.is_gateway)
    }
}

/// A key of which no more is known: it belongs to a gateway.
impl From<(Key, Rights)> for ServerKey {
    fn from((key, rights): (Key, Rights)) -> Self {
        let principal = principal_of(&key);
        Self::lasting(key, Ceiling::everywhere(rights), principal, true)
    }
}

fn principal_of(key: &Key) -> Arc<str> {
    format!("{KEY_PREFIX}{}", key.id()).into()
}

/// The keys of a file server, by their ids. They are looked up in handshakes alone.
pub(super) struct Keys {
    lasting: HashMap<KeyId, Arc<ServerKey>>,
    removable: RwLock<HashMap<KeyId, Arc<ServerKey>>>,
}

impl Keys {
    pub(super) fn new(lasting: impl IntoIterator<Item = ServerKey>) -> Self {
        let lasting = lasting.into_iter().map(by_id).collect();
        Self { lasting, removable: RwLock::default() }
    }

    /// The key with this id.
    pub(super) fn get(&self, id: &str) -> Option<Arc<ServerKey>> {
        let removable = || self.removable.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        self.lasting.get(id).cloned().or_else(removable)
    }

    /// Any key.
    pub(super) fn any(&self) -> Option<Arc<ServerKey>> {
        let removable = || self.removable.read().unwrap_or_else(PoisonError::into_inner).values().next().cloned();
        self.lasting.values().next().cloned().or_else(removable)
    }

    /// Replaces the keys that may be removed. Those that are the same stay; the connections of the others end.
    pub(super) fn replace(&self, keys: Vec<ServerKey>) {
        let mut present = self.removable.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *present);
        for key in keys {
            let (id, key) = by_id(key);
            let same = before.get(&id).is_some_and(|known| known.is_same(&key));
            let key = if same { before.remove(&id).unwrap_or(key) } else { key };
            present.insert(id, key);
        }
        before.values().for_each(|removed| removed.remove());
    }
}

fn by_id(key: ServerKey) -> (KeyId, Arc<ServerKey>) {
    (key.key.id().to_owned(), Arc::new(key))
}

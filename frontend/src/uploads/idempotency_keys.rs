//! The idempotency keys under which uploads are created, so that a repeated request creates no second upload.

#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use shared::JobId;

use super::model::Id;
use super::xhr::HeaderFields;
use crate::env::random_id;

/// The keys of all uploads. A clone shares them.
#[derive(Clone, Default)]
pub(super) struct IdempotencyKeys(Rc<RefCell<HashMap<Id, (HeaderFields, JobId)>>>);

impl IdempotencyKeys {
    /// The key for creating an upload with these header fields: that of the previous request, unless its fields differ.
    pub(super) fn key_for(&self, id: Id, fields: &HeaderFields) -> JobId {
        let mut keys = self.0.borrow_mut();
        match keys.get(&id) {
            Some((previous, key)) if previous == fields => *key,
            _ => {
                let key = JobId(random_id());
                keys.insert(id, (fields.clone(), key));
                key
            }
        }
    }

    /// Forgets the key of an upload, so that the next request creates a new one.
    pub(super) fn forget(&self, id: Id) {
        self.0.borrow_mut().remove(&id);
    }
}

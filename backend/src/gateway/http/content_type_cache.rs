//! [`ContentTypeCache`]: the media types of files whose content was looked at, so that a film that is read in a hundred
//! ranges is looked at once.

use shared::ETag;
use std::sync::Mutex;

/// How many types are kept. A slot holds the type that was stored in it last.
const SLOTS: usize = 1024;

/// The types of files by their state and the type of their name. Its size is fixed.
pub(crate) struct ContentTypeCache {
    slots: Mutex<Box<[Option<Known>]>>,
}

#[derive(Clone, Copy)]
struct Known {
    etag: ETag,
    /// The type by the file's name, since a file may have several.
    named: &'static str,
    refined: &'static str,
}

impl Default for ContentTypeCache {
    fn default() -> Self {
        Self { slots: Mutex::new(vec![None; SLOTS].into()) }
    }
}

impl ContentTypeCache {
    pub(crate) fn get(&self, etag: ETag, named: &'static str) -> Option<&'static str> {
        let slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        slots[slot(etag)].filter(|known| known.etag == etag && known.named == named).map(|known| known.refined)
    }

    pub(crate) fn insert(&self, etag: ETag, named: &'static str, refined: &'static str) {
        let mut slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        slots[slot(etag)] = Some(Known { etag, named, refined });
    }
}

/// An entity tag consists of bits of a hash.
fn slot(etag: ETag) -> usize {
    usize::from(u16::from_le_bytes([etag.0[0], etag.0[1]])) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_that_of_one_state_and_name() {
        let cache = ContentTypeCache::default();
        let (etag, same_slot) = (ETag([7; 16]), ETag([[7; 8], [8; 8]].concat().try_into().unwrap()));
        assert_eq!(cache.get(etag, "text/plain"), None);
        cache.insert(etag, "text/plain", "video/mp2t");
        assert_eq!(cache.get(etag, "text/plain"), Some("video/mp2t"));
        assert_eq!(cache.get(etag, "text/html"), None);
        assert_eq!(cache.get(same_slot, "text/plain"), None);
        cache.insert(same_slot, "text/plain", "text/plain");
        assert_eq!(cache.get(etag, "text/plain"), None);
    }
}

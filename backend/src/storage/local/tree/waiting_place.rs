//! Where an entry waits, on the volume of its destination, until it is whole and gets its name.

use std::sync::Arc;

use shared::ErrorCode;

use super::dir_stack::DirStack;
use super::own_dir::open_or_create;
use super::private_dir::PrivateDir;
use super::root::Tree;
use crate::storage::local::error::REPLACE_RETRIES;
use crate::storage::local::platform::Dir;
use crate::storage::{STATE_FOLDER_NAME, StorageError};

/// A directory on the volume of a destination that no path leads to.
pub(super) enum WaitingPlace<D: Dir> {
    /// The staging directory of the volume.
    Private(Arc<PrivateDir<D>>),
    /// A hidden folder beside the destination, where the volume has no private directory.
    Beside { parent: DirStack<D>, hidden: D },
}

impl<D: Dir> WaitingPlace<D> {
    /// The directory.
    pub(super) fn dir(&self) -> &D {
        match self {
            Self::Private(private_dir) => &private_dir.staging,
            Self::Beside { hidden, .. } => hidden,
        }
    }
}

impl<D: Dir> Drop for WaitingPlace<D> {
    fn drop(&mut self) {
        if let Self::Beside { parent, .. } = self {
            // Fails while anything waits there.
            let _ = parent.dir().remove_dir(STATE_FOLDER_NAME);
        }
    }
}

/// Puts an entry into a waiting place. One beside the destination that another upload removes at the same moment,
/// because it is empty, is made again.
pub(super) fn put_into<D: Dir, T>(
    place: impl Fn() -> Result<WaitingPlace<D>, StorageError>,
    put: impl Fn(&D) -> Result<T, StorageError>,
) -> Result<(WaitingPlace<D>, T), StorageError> {
    let attempt = || -> Result<_, StorageError> {
        let place = place()?;
        let put = put(place.dir())?;
        Ok((place, put))
    };
    for _ in 1..REPLACE_RETRIES {
        match attempt() {
            Err(error) if matches!(error.code, ErrorCode::NotFound | ErrorCode::ParentMissing) => {}
            done => return done,
        }
    }
    attempt()
}

impl<D: Dir> Tree<D> {
    /// Where an entry waits for a name in `parent`, on its volume.
    pub(super) fn waiting_place(&self, parent: &DirStack<D>) -> Result<WaitingPlace<D>, StorageError> {
        match self.usable_private_dir(parent)? {
            Some(private_dir) => Ok(WaitingPlace::Private(private_dir)),
            None => Self::place_beside(parent),
        }
    }

    /// Where an entry waits for a name in `parent`, in `parent` itself.
    pub(super) fn place_beside(parent: &DirStack<D>) -> Result<WaitingPlace<D>, StorageError> {
        let hidden = open_or_create(parent.dir(), STATE_FOLDER_NAME)?;
        Ok(WaitingPlace::Beside { parent: parent.clone(), hidden })
    }
}

//! Where files are kept. [`Storage`] states what a backend must do: [`local`] serves a directory of this machine,
//! `memory` is the in-memory reference implementation, `testing` holds a disk that loses power and a backend that fails
//! on demand. A backend is complete when the conformance suite in `tests/it/storage/` passes on it.
//!
//! Storage knows no network, no caller and no rights: its caller has checked those. It does enforce that nothing
//! outside the root is opened, whatever symbolic links say, and that links lead no further than the [`LinkScope`] of a
//! request.
//!
//! Methods block on the disk, so async code calls them on blocking threads. The exceptions begin with `try_`: they
//! never wait, and return `None` where the blocking method of the same name has to be called.

mod checks;
mod error;
mod growth;
mod interface;
mod keep;
mod link_scope;
mod listing;
mod numbered_name;
mod open_file;
mod publish;
mod replaced;
mod reserved_name;
mod settled;
mod staged;
mod symlinks;
mod trash;
mod watch;

pub mod local;
#[cfg(feature = "testing")]
pub mod memory;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::StorageError;
pub use growth::{has_grown_from, is_kept, may_grow, prefix_of};
pub use interface::Storage;
pub use keep::{Keep, Kept};
pub use link_scope::LinkScope;
pub use listing::{FolderState, Visit};
pub use numbered_name::{free_beside, is_beside, numbered_name};
pub use open_file::{OpenFile, allocated_bytes};
pub use publish::{Attributes, Copied, Durability, Expected, Published};
pub use replaced::{Replaced, Replacement};
pub use reserved_name::{STATE_FOLDER_NAME, is_state_folder_name};
pub use settled::is_settled;
pub use staged::Staged;
pub use symlinks::climbs_above;
pub use trash::{ToRestore, ToTrash, TrashGroup, TrashItem, TrashListing, TrashPosition, TrashQuery};
pub use watch::{WatchEvent, WatchHandle};

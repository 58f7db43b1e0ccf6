//! What Passerelle keeps outside the served files: a server's state directory with its lock and keys, and per user the
//! locations of servers' keys and the resume information of uploads.

mod directory;
mod error;
mod key_entry;
mod key_file;
mod key_folder;
mod key_locations;
mod private;
mod user;

pub use directory::StateDir;
pub use error::StateError;
pub use key_entry::{KeyEntry, KeyEntryError, is_key_name};
pub use key_file::{read_key, read_or_make_key, write_new_key};
pub use key_folder::KeyFolder;
pub use key_locations::{key_of, record_key};
pub use user::client_folder;

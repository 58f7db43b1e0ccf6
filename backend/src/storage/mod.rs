//! Where files are kept. The trait [`Storage`] says what a backend must do; [`memory`] is the reference to start
//! reading with, [`local`] serves a directory, [`faulty`] makes another backend fail on purpose. A backend is done when
//! the conformance suite in `tests/it/storage.rs` passes on it.
//!
//! This room knows no network, no caller and no rights: whoever calls has checked those. What it does enforce is that
//! nothing outside the root is ever opened, whatever links say.
//!
//! Every method may block on a disk, so async code calls them on blocking threads.

pub mod memory;

pub mod local;

pub mod faulty;

mod links;

use std::io;

use shared::{ETag, Entry, ErrorCode, VPath};

/// The name of Passerelle's own directory inside a served one. An entry with this name is not listed and cannot be
/// reached, at any depth.
pub const STATE_FOLDER_NAME: &[u8] = b".passerelle";

/// True for [`STATE_FOLDER_NAME`] and for each other spelling that some file system takes for it: letters of the other
/// case, the long s, characters that are not displayed (CVE-2014-9390 is what comes of forgetting those).
pub fn is_state_folder_name(name: &[u8]) -> bool {
    if name.is_ascii() {
        return name.eq_ignore_ascii_case(STATE_FOLDER_NAME);
    }
    let Ok(text) = str::from_utf8(name) else { return false };
    let folded = text.chars().filter(|character| !is_ignorable(*character)).map(|character| match character {
        'ſ' => 's',
        _ => character.to_ascii_lowercase(),
    });
    folded.eq(STATE_FOLDER_NAME.iter().map(|byte| char::from(*byte)))
}

/// Unicode's `Default_Ignorable_Code_Point`, which HFS+ and Linux's case folding leave out when they compare names.
fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A tree of files and folders.
///
/// A path names an entry below the root. Symbolic links whose target lies inside the root are followed, wherever they
/// stand in the path; one that leads out is refused with [`ErrorCode::LinkEscapes`], as is one that leads in circles or
/// to nothing.
pub trait Storage: Send + Sync + 'static {
    /// What is known of one entry. A link is described as in a listing: with its target's kind, size, time and
    /// validator where it stays inside, as [`shared::Kind::Other`] where it does not.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::NotFolder`] (a file stands where a folder is needed on the way),
    /// [`ErrorCode::LinkEscapes`] (a link on the way), [`ErrorCode::AccessDenied`], [`ErrorCode::Io`].
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError>;

    /// Hands each entry of a folder to `visit`, once, in no order. An entry that vanishes meanwhile is left out; one
    /// whose metadata cannot be read is handed out as [`shared::Kind::Other`]. Stops early where `visit` says so.
    ///
    /// # Errors
    /// As [`Storage::stat`], and [`ErrorCode::NotFolder`] where the path itself is a file.
    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError>;

    /// Opens a regular file for reading. Nothing else is opened, not even for a moment that could block or have an
    /// effect: no FIFO, no device, no socket.
    ///
    /// # Errors
    /// As [`Storage::stat`], and [`ErrorCode::IsFolder`], [`ErrorCode::NotRegular`].
    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError>;
}

/// Whether a listing goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visit {
    /// Hand out the next entry.
    Continue,
    /// That was enough.
    Stop,
}

/// A file that is open for reading. Its bytes are those of the file that was opened, even if its name leads to
/// another one since.
pub trait OpenFile: Send + Sync {
    /// The file as it was when it was opened, as [`Storage::stat`] would have described it.
    fn entry(&self) -> &Entry;

    /// Reads at `offset` into `buffer` and says how many bytes; fewer than fit only at the end of the file.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError>;

    /// The validator of the open file's present state; differs from `entry().etag` if the file may have changed.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn etag_now(&self) -> Result<ETag, StorageError>;

    /// The operating system's file, where there is one, for system calls that move bytes without copying them.
    fn as_file(&self) -> Option<&std::fs::File> {
        None
    }
}

/// Why the storage did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {code}")]
pub struct StorageError {
    /// The reason.
    pub code: ErrorCode,
    /// What was being done, for the log.
    pub context: &'static str,
    /// What the operating system said.
    #[source]
    pub source: Option<io::Error>,
}

impl StorageError {
    /// A refusal that is the storage's own.
    pub fn new(code: ErrorCode, context: &'static str) -> Self {
        Self { code, context, source: None }
    }

    /// What the operating system's answer comes to.
    pub fn from_io(source: io::Error, context: &'static str) -> Self {
        let code = match source.kind() {
            io::ErrorKind::NotFound => ErrorCode::NotFound,
            io::ErrorKind::PermissionDenied => ErrorCode::AccessDenied,
            io::ErrorKind::NotADirectory => ErrorCode::NotFolder,
            io::ErrorKind::IsADirectory => ErrorCode::IsFolder,
            io::ErrorKind::InvalidFilename => ErrorCode::BadPath,
            _ => ErrorCode::Io,
        };
        Self { code, context, source: Some(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_state_folder_is_known() {
        for name in [
            ".passerelle",
            ".PASSERELLE",
            ".Passerelle",
            ".pa\u{17f}serelle",
            ".passe\u{200c}relle",
            "\u{feff}.passerelle",
        ] {
            assert!(is_state_folder_name(name.as_bytes()), "{name}");
        }
        for name in ["passerelle", ".passerelle2", ".passerell\u{e9}", ".passerelle ", ""] {
            assert!(!is_state_folder_name(name.as_bytes()), "{name}");
        }
        assert!(!is_state_folder_name(b".passerelle\xff"));
    }
}

//! Tells the file at a path from another one that takes its place.

use std::io;
use std::path::Path;

/// A file that exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileIdentity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl FileIdentity {
    /// The file at that path.
    ///
    /// # Errors
    /// Of the system.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    /// Other systems do not let a file be deleted or replaced while it is open, so there is one file at most.
    ///
    /// # Errors
    /// Of the system.
    #[cfg(not(unix))]
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|_| Self {})
    }
}

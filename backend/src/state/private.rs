//! Files and folders that only this user can open. On Windows they inherit the access list of their parent, which is
//! the user's own profile.

use std::fs::{DirBuilder, OpenOptions};
use std::path::Path;

use super::error::{StateError, failed};

pub(super) fn make_private_folder(folder: &Path) -> Result<(), StateError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(failed(folder))
}

pub(super) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

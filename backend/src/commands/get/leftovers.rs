//! Unfinished files of earlier downloads that this one does not complete: the server no longer has them, or they are
//! complete by now. They are noted when their folder is entered, and removed after the download succeeds.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use cap_std::fs::Dir;
use shared::VPath;

use super::folders::Folders;
use super::names::{is_unfinished, unfinished};
use super::part_file;

/// Further ones stay, so that the memory is bounded.
const LEFTOVERS_MAX: usize = 1 << 16;

/// The unfinished files that were found.
#[derive(Default)]
pub(super) struct Leftovers {
    names: Vec<(VPath, OsString)>,
}

impl Leftovers {
    /// Notes those in a folder. Errors are ignored: what is not noted stays.
    pub(super) fn note_folder(&mut self, folders: &Folders, local: &VPath) {
        let Ok(entries) = folders.folder(local).and_then(|folder| folder.entries()) else { return };
        let names = entries.flatten().map(|entry| entry.file_name());
        names.filter(|name| is_unfinished(name.as_encoded_bytes())).for_each(|name| self.push(local, name));
    }

    /// Notes those of one file.
    pub(super) fn note_file(&mut self, folders: &Folders, local: &VPath) {
        let (Some(parent), Ok((folder, name))) = (local.parent(), folders.parent(local)) else { return };
        let (part, mark) = unfinished(&name);
        [part, mark].into_iter().filter(|name| exists(&folder, name)).for_each(|name| self.push(&parent, name));
    }

    fn push(&mut self, folder: &VPath, name: OsString) {
        if self.names.len() < LEFTOVERS_MAX {
            self.names.push((folder.clone(), name));
        }
    }

    /// Removes the noted files, except those that another process downloads at the moment. Errors are ignored.
    pub(super) fn remove(self, folders: &Folders) {
        for (folder, name) in self.names {
            if let Ok(folder) = folders.folder(&folder) {
                let _ = part_file::remove_unused(&folder, &name);
            }
        }
    }
}

fn exists(folder: &Arc<Dir>, name: &OsStr) -> bool {
    folder.symlink_metadata(name).is_ok()
}

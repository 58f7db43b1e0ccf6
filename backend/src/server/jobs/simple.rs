//! The changes that are one step for the storage: folders made, entries put into the trash.

use shared::change::PathItem;
use shared::{ErrorCode, Outcome, VPath};

use super::runner::{Run, Trouble};
use crate::server::folders::make_folders;

impl Run {
    pub(super) fn make_folder(&mut self, index: usize, asked: &VPath, existing_ok: bool) -> Result<Outcome, Trouble> {
        let path = self.inside(asked)?;
        match self.standing(&path)? {
            Some(entry) if entry.is_folder() && (existing_ok || self.is_resumed(index)) => {
                return Ok(done(Some(self.told(entry))));
            }
            Some(_) => return Err(ErrorCode::AlreadyExists.into()),
            None => self.begin(index, Some(&path)),
        }
        if let Some(parent) = path.parent() {
            make_folders(&*self.storage, &parent, true)?;
        }
        match self.storage.make_folder(&path) {
            Ok(entry) => Ok(done(Some(self.told(entry)))),
            Err(error) if error.code == ErrorCode::AlreadyExists && existing_ok => {
                match self.storage.stat(&path)? {
                    // Somebody else was faster, which is as good.
                    entry if entry.is_folder() => Ok(done(Some(self.told(entry)))),
                    _ => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn trash(&mut self, index: usize, chosen: &PathItem) -> Result<Outcome, Trouble> {
        let path = self.inside(&chosen.path)?;
        let id = self.record.trash_id(index, &path);
        self.trash_once(&path, chosen.if_etag, id)?;
        Ok(Outcome::Done { entry: None, trash: Some(id), replaced: Vec::new() })
    }
}

/// It was done, and that is where it is now.
pub(super) fn done(entry: Option<shared::Entry>) -> Outcome {
    Outcome::Done { entry, trash: None, replaced: Vec::new() }
}

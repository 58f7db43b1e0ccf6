//! Keeping a file that is about to be replaced. A second name in the trash holds the old file before the new one takes
//! its first name, so that the path leads to a whole file at every moment. Where the file system gives a file no second
//! name, the new file takes the place by an exchange of names; where that is impossible too, nothing is kept.

use std::io;

use shared::{Entry, TrashId};

use super::dir_stack::DirStack;
use super::private_dir::PrivateDir;
use super::root::Tree;
use super::small_text::write_text;
use super::trash_info::Info;
use super::trash_names::{id_name, info_name};
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, Metadata, SyncDir};
use crate::storage::{Keep, Kept, StorageError};

/// How the old file is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keeping {
    /// It has its name in the trash already.
    Linked(Kept),
    /// It gets its name in the trash by an exchange.
    Exchange(Kept),
    /// It is gone once it is replaced.
    Not,
}

/// A file or link that is about to be replaced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) keeping: Keeping,
    /// Its metadata. A second name has changed the change time that the caller saw, so a later look is compared with
    /// these: any difference is the work of another program.
    pub(super) metadata: Metadata,
}

/// The effect of giving a file a second name.
enum Linked {
    /// It has the name, and these metadata since.
    Done(Metadata),
    /// Another file has the name: an attempt before a crash has kept it.
    Taken,
    /// It is another file, or in another state, than the one that was seen.
    Changed,
}

impl<D: Dir> Tree<D> {
    /// Gives the file or link `name` in `parent` a second name in the trash; [`Tree::sync_keeping`] makes it durable.
    /// `seen` is what the caller has decided to replace; `None` if it is there no longer, or in another state.
    ///
    /// # Errors
    /// [`shared::ErrorCode::NoSpace`], [`shared::ErrorCode::QuotaExceeded`], [`shared::ErrorCode::Io`].
    pub(super) fn keep_old(
        &self,
        private_dir: &PrivateDir<D>,
        parent: &DirStack<D>,
        name: &[u8],
        seen: &Metadata,
        keep: &Keep,
    ) -> Result<Option<Held>, StorageError> {
        let not_kept = Held { keeping: Keeping::Not, metadata: *seen };
        let path = parent.path_of(name).ok();
        let Some(path) = path.filter(|_| keep.bytes_max > 0 && seen.size <= keep.bytes_max) else {
            return Ok(Some(not_kept));
        };
        let (bytes, disk) = (seen.size, private_dir.disk());
        let path_on_volume = private_dir.path_on_volume(parent, &path)?;
        let (kept, failed) = (Kept { id: keep.id, bytes, disk }, "keeping a file that is replaced");
        let held = match link_once(private_dir, parent.dir(), name, seen, keep.id) {
            Ok(Linked::Done(metadata)) => Held { keeping: Keeping::Linked(kept), metadata },
            Ok(Linked::Taken) => return Ok(Some(not_kept)),
            Ok(Linked::Changed) => return Ok(None),
            Err(error) if is_lasting(&error) => return Err(storage_error(error, failed)),
            // The trash is on another file system.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => return Ok(Some(not_kept)),
            // No second names here, or not for files of another user.
            Err(_) if has_data(private_dir, keep.id) => return Ok(Some(not_kept)),
            Err(_) => Held { keeping: Keeping::Exchange(kept), metadata: *seen },
        };
        let entry = self.entry_from(parent, &path, seen);
        let info = Info::new(&Entry { path: path_on_volume, ..entry }, keep.now);
        let info = info.with_owner(keep.owner);
        let text = serde_json::to_vec(&info).map_err(io::Error::from);
        let written = text.and_then(|text| write_text(&*private_dir.replaced, &info_name(keep.id), &text));
        written.map_err(|error| {
            self.forget_kept(private_dir, held.keeping);
            storage_error(error, failed)
        })?;
        private_dir.note(keep.id, &info);
        Ok(Some(held))
    }

    /// Puts `from_name`, which is a name in `from`, in the place of `name` in `parent`, which is kept as `keeping`
    /// says. Returns what the trash keeps.
    pub(super) fn take_place(
        &self,
        private_dir: &PrivateDir<D>,
        keeping: Keeping,
        (from, from_name): (&D, &[u8]),
        (to, name): (&D, &[u8]),
    ) -> io::Result<Option<Kept>> {
        let Keeping::Exchange(Kept { id, .. }) = keeping else {
            return from.rename(from_name, to, name, true).map(|()| keeping.kept());
        };
        // The new file waits in the place of the old one in the trash, so that one step puts each where it belongs.
        let (kept, data) = (&private_dir.replaced, id_name(id));
        from.rename(from_name, kept, &data, false)?;
        // Durable before the exchange, so that a crash cannot undo this step alone.
        let synced = kept.prepare_sync().and_then(|sync| sync());
        let exchanged = synced.and_then(|()| kept.exchange(&data, to, name));
        if exchanged.is_err() {
            kept.rename(&data, from, from_name, false)?;
            self.forget_kept(private_dir, keeping);
            from.rename(from_name, to, name, true)?;
        }
        Ok(keeping.kept().filter(|_| exchanged.is_ok()))
    }

    /// Makes the name of a kept file durable, shared among concurrent callers.
    pub(super) fn sync_keeping(&self, private_dir: &PrivateDir<D>, keeping: Keeping) -> Result<(), StorageError> {
        if keeping == Keeping::Not {
            return Ok(());
        }
        let synced = private_dir.replaced.prepare_sync().and_then(|sync: SyncDir| {
            let identity = private_dir.replaced.metadata()?.identity;
            self.group_fsync.sync(identity, sync)
        });
        synced.map_err(|error| storage_error(error, "syncing the trash"))
    }

    /// Takes back what [`Tree::keep_old`] did, after a failure. The next listing deletes what this call cannot.
    pub(super) fn forget_kept(&self, private_dir: &PrivateDir<D>, keeping: Keeping) {
        if let Some(kept) = keeping.kept() {
            private_dir.forget_note(kept.id);
        }
        match keeping {
            Keeping::Not => {}
            Keeping::Linked(Kept { id, .. }) => {
                let _ = private_dir.replaced.remove_file(&id_name(id));
                let _ = private_dir.replaced.remove_file(&info_name(id));
            }
            // What stands there is the new file, which could not be brought back.
            Keeping::Exchange(Kept { id, .. }) if has_data(private_dir, id) => {}
            Keeping::Exchange(Kept { id, .. }) => drop(private_dir.replaced.remove_file(&info_name(id))),
        }
    }
}

fn has_data<D: Dir>(private_dir: &PrivateDir<D>, id: TrashId) -> bool {
    private_dir.replaced.metadata_of(&id_name(id)).is_ok()
}

impl Keeping {
    /// What the trash keeps, if all goes well.
    pub(super) fn kept(self) -> Option<Kept> {
        match self {
            Self::Linked(kept) | Self::Exchange(kept) => Some(kept),
            Self::Not => None,
        }
    }
}

/// Links the file that was seen. A crash may have left the link already.
fn link_once<D: Dir>(
    private_dir: &PrivateDir<D>,
    dir: &D,
    name: &[u8],
    seen: &Metadata,
    id: TrashId,
) -> io::Result<Linked> {
    let (replaced, data) = (&private_dir.replaced, id_name(id));
    // Immediately before the link, because the link changes the change time, which tells of writes by other programs.
    match dir.metadata_of(name) {
        Ok(now) if now.etag() == seen.etag() => {}
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => return Ok(Linked::Changed),
    }
    match dir.hard_link(name, replaced, &data) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let present = replaced.metadata_of(&data)?;
            Ok(if present.identity == seen.identity { Linked::Done(present) } else { Linked::Taken })
        }
        linked => {
            linked?;
            let linked = replaced.metadata_of(&data)?;
            if linked.has_content_of(seen) {
                return Ok(Linked::Done(linked));
            }
            replaced.remove_file(&data)?;
            Ok(Linked::Changed)
        }
    }
}

/// True for a failure that every other way to keep the file would meet, too. rclone says `EIO` for a second name.
fn is_lasting(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

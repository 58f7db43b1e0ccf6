//! The contract of a storage backend.

use std::sync::Arc;

use shared::columns::Row;
use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, UploadId, VPath};

use super::listing::row_from_stat;
use super::{
    Attributes, Expected, FolderState, Keep, LinkScope, OpenFile, Published, Replaced, Replacement, Staged,
    StorageError, ToRestore, ToTrash, TrashItem, TrashListing, TrashQuery, Visit, WatchEvent, WatchHandle,
};

/// A tree of files and folders.
///
/// A path names an entry below the root. Symbolic links anywhere in the path are followed if their target lies inside
/// the [`LinkScope`], which is the whole tree unless [`Storage::within`] narrowed it; a link that leads further is
/// refused with [`ErrorCode::LinkEscapes`], and one that leads in a loop or to nothing with [`ErrorCode::LinkBroken`].
///
/// A method has a default body where its result follows from other methods, or where "not in memory" and "cannot watch"
/// are correct answers. Every other method has none, so that the compiler finds each implementation that lacks a new
/// method. Test doubles that only read take the methods of changes from `read_only_methods!`.
pub trait Storage: Send + Sync + 'static {
    /// The same tree for a request whose links lead no further than `scope`. Where a link stood on the way, the check is
    /// of the path that the walk arrived at, with its handles open, and before anything there is looked up, read or
    /// changed. Links in the path of the scope's own folder are followed wherever they lead in the tree. All views share
    /// uploads, trash and locks.
    fn within(self: Arc<Self>, scope: LinkScope) -> Arc<dyn Storage>;

    /// The entry at a path. A link is described as in a listing: with its target's kind, size, time and validator if
    /// the target is inside the root, else as [`shared::Kind::Other`].
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::NotFolder`] (a parent in the path is a file), [`ErrorCode::LinkEscapes`]
    /// (a link in the path), [`ErrorCode::AccessDenied`], [`ErrorCode::Io`].
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError>;

    /// Checks that the root can be reached as it was when the storage was opened. A storage whose root is a directory
    /// follows one that was replaced meanwhile, if it can tell that it is the directory to serve.
    ///
    /// # Errors
    /// As [`Storage::stat`], and [`ErrorCode::Io`] if something else is at the root's path.
    fn check_root(&self) -> Result<(), StorageError> {
        self.stat(&VPath::root()).map(drop)
    }

    /// Hands each entry of a folder to `visit`, once, in no order, until `visit` returns [`Visit::Stop`]. An entry that
    /// vanishes meanwhile is left out; one whose metadata cannot be read is handed out as [`shared::Kind::Other`].
    ///
    /// # Errors
    /// As [`Storage::stat`], and [`ErrorCode::NotFolder`] if the path itself is a file.
    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError>;

    /// How many entries of a folder no request can name, because their paths would be too long or too deep:
    /// [`Storage::list`] leaves them out. A folder far from those limits is not read for it.
    ///
    /// # Errors
    /// As [`Storage::list`].
    fn count_unnamed(&self, folder: &VPath) -> Result<u64, StorageError>;

    /// Whether the folder at `inner` is the folder at `outer` or lies in it. Identities decide, because a path through a
    /// link shows neither.
    ///
    /// # Errors
    /// As [`Storage::list`], for both paths.
    fn is_inside(&self, inner: &VPath, outer: &VPath) -> Result<bool, StorageError>;

    /// Hands each name of a folder to `visit`, once, in no order, with whether it leads to a folder (links followed).
    /// Returns the state of the folder from before the first name was read, `None` where the system has no such state:
    /// as long as [`Storage::stat_names`] returns an equal state, the names are complete and current.
    ///
    /// # Errors
    /// As [`Storage::list`].
    fn list_names(
        &self,
        folder: &VPath,
        visit: &mut dyn FnMut(&[u8], bool) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        self.list(folder, &mut |entry| visit(entry.path.name(), entry.is_folder()))?;
        Ok(None)
    }

    /// Hands the metadata of the named entries of a folder to `visit`, in the order of `names`, each with its index
    /// among them. Names that no longer exist are left out. Returns the state of the folder from before the first
    /// `stat`, as [`Storage::list_names`] does.
    ///
    /// # Errors
    /// As [`Storage::list`].
    fn stat_names<'n>(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &'n [u8]>,
        visit: &mut dyn FnMut(usize, Row<'n>) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        for (index, name) in names.enumerate() {
            let Ok(path) = folder.join(name) else { continue };
            if let Some(row) = row_from_stat(name, self.stat(&path))?
                && visit(index, row) == Visit::Stop
            {
                break;
            }
        }
        Ok(None)
    }

    /// Opens a regular file for reading. Anything else (a FIFO, a device, a socket) is never opened, not even for a
    /// moment, because opening could block or have an effect.
    ///
    /// # Errors
    /// As [`Storage::stat`], and [`ErrorCode::IsFolder`], [`ErrorCode::NotRegular`].
    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError>;

    /// Those of the named files of a folder that [`Storage::open`] would refuse with [`ErrorCode::AccessDenied`], each by
    /// its index among `names`, in their order.
    ///
    /// # Errors
    /// As [`Storage::list`].
    fn unreadable_names(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &[u8]>,
    ) -> Result<Vec<usize>, StorageError> {
        let refused = names.enumerate().filter(|(_, name)| {
            let opened = folder.join(name).map(|path| self.open(&path));
            matches!(opened, Ok(Err(error)) if error.code == ErrorCode::AccessDenied)
        });
        Ok(refused.map(|(index, _)| index).collect())
    }

    /// Non-blocking [`Storage::stat`]: answers from memory. `None` means that the answer is not in memory, that the
    /// system cannot tell, or that there is an error to report: call [`Storage::stat`].
    fn try_stat(&self, _path: &VPath) -> Option<Entry> {
        None
    }

    /// Non-blocking [`Storage::open`]: answers from memory. `None` means that the answer is not in memory, that the
    /// system cannot tell, or that there is an error to report: call [`Storage::open`]. On a file opened by this
    /// method, [`OpenFile::try_read_at`] and [`OpenFile::etag_now`] do not block either.
    fn try_open(&self, _path: &VPath) -> Option<Box<dyn OpenFile>> {
        None
    }

    /// Creates an upload: an empty file that no path reaches. It is durable after [`Staged::sync`].
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyExists`], [`ErrorCode::NoSpace`], [`ErrorCode::ReadOnly`], [`ErrorCode::AccessDenied`],
    /// [`ErrorCode::Io`], and [`ErrorCode::Locked`] if another server writes into the same directory, as for every
    /// other change below that uses the server's private directory.
    fn stage(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError>;

    /// [`Storage::stage`] for an upload to that path, on the file system of the path. The parent folder need not exist yet.
    ///
    /// # Errors
    /// As [`Storage::stage`].
    fn stage_for(&self, id: UploadId, _target: &VPath) -> Result<Box<dyn Staged>, StorageError> {
        self.stage(id)
    }

    /// Opens an existing upload. `target` is the path that it was staged for, the root for an upload that was staged
    /// without one, and `None` if that is unknown.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::DiskAbsent`] if it may be on a disk that is not connected,
    /// [`ErrorCode::Io`].
    fn staged(&self, id: UploadId, target: Option<&VPath>) -> Result<Box<dyn Staged>, StorageError>;

    /// The ids of all uploads, in no order: for recovery when the server starts.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn list_staged(&self) -> Result<Vec<UploadId>, StorageError>;

    /// Deletes an upload. An upload that does not exist is no error.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn unstage(&self, id: UploadId) -> Result<(), StorageError>;

    /// Turns an upload into the file at `target`, atomically and durably: syncs its bytes and attributes, gives it the
    /// name by one rename (or link, if nothing may stand there), then syncs the folder. Before the rename `target` is
    /// unchanged, after it `target` is the whole new file. If `target` is a link that stays inside the root, the file
    /// that it leads to is replaced and the link stays. A replaced file passes on its mode, owner and extended
    /// attributes, where permitted, and goes to the trash if `attributes` say so: durably before the rename, so that at
    /// every moment the path leads to a whole file. The validator in the result is the one that [`Storage::stat`]
    /// returns from then on.
    ///
    /// On failure the upload still exists, with one exception: if the last step fails, the sync of the folder, the file
    /// has its name and it is unknown whether the name survives a crash. [`Storage::staged`] no longer finds the upload
    /// then; but an upload that was copied to the disk of `target` stays, because its bytes are sure to survive.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyExists`] and [`ErrorCode::PreconditionFailed`] by `expected`; [`ErrorCode::ParentMissing`],
    /// [`ErrorCode::NotFolder`], [`ErrorCode::IsFolder`], [`ErrorCode::NotRegular`], [`ErrorCode::LinkEscapes`],
    /// [`ErrorCode::NameRefused`], [`ErrorCode::NoSpace`], [`ErrorCode::ReadOnly`], [`ErrorCode::AccessDenied`],
    /// [`ErrorCode::Io`].
    fn publish(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError>;

    /// Writes `bytes` as the file at `target`, atomically and durably: [`Storage::stage`], [`Staged::write_at`] and
    /// [`Storage::publish`] in one call. On failure no upload is left; a crash may leave one without a record.
    ///
    /// # Errors
    /// As those three.
    fn store(
        &self,
        id: UploadId,
        bytes: &[u8],
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        let staged = self.stage_for(id, target)?;
        let written = staged.write_at(bytes, 0);
        drop(staged);
        let stored = written.and_then(|()| self.publish(id, target, expected, attributes));
        if stored.is_err() {
            // Recovery at the next start deletes what this call cannot.
            let _ = self.unstage(id);
        }
        stored
    }

    /// Creates one folder, durably.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyExists`], and as [`Storage::publish`].
    fn make_folder(&self, path: &VPath) -> Result<Entry, StorageError>;

    /// Makes the name durable that [`Storage::publish`] gave a file whose folder it could not sync, or gave it before a
    /// crash.
    ///
    /// # Errors
    /// As [`Storage::publish`].
    fn sync_name(&self, path: &VPath) -> Result<(), StorageError>;

    /// Creates one folder, durably, that no other user may enter while a copy is made in it.
    /// [`Storage::copy_folder_attributes`] ends the copy.
    ///
    /// # Errors
    /// As [`Storage::make_folder`].
    fn make_private_folder(&self, path: &VPath) -> Result<(), StorageError> {
        self.make_folder(path).map(drop)
    }

    /// Gives the folder `to` the permissions, the access lists and the extended attributes of the folder `from`, and if
    /// `owned` its owner, durably. Its modification time becomes `modified`, because that of `from` changes while entries
    /// move out of it. Limits are those of [`Staged::copy_attributes`].
    ///
    /// # Errors
    /// As [`Storage::list`], for both paths.
    fn copy_folder_attributes(
        &self,
        from: &VPath,
        to: &VPath,
        modified: Timestamp,
        owned: bool,
    ) -> Result<(), StorageError>;

    /// Creates a symbolic link durably. `target` is relative to the link's folder and must stay inside the root.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyExists`], [`ErrorCode::LinkEscapes`], and as [`Storage::publish`].
    fn make_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError>;

    /// Makes the link at `from` again at `to`, durably, with the text and the time of the original, and if `owned` its
    /// owner, as far as this process may set it. The text is not checked: every
    /// use of a link checks where it leads, and a link that leads out of the root or to nothing stays one.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if no link stands at `from`, and as [`Storage::make_folder`].
    fn copy_link(&self, from: &VPath, to: &VPath, owned: bool) -> Result<(), StorageError>;

    /// True if the links at both paths have one text. An [`Entry`] does not tell it of a link that is broken or leads out.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if no link stands at one of them.
    fn is_same_link(&self, left: &VPath, right: &VPath) -> Result<bool, StorageError>;

    /// Renames an entry, atomically and durably. A link is renamed itself, and a link at the destination is replaced
    /// itself. If `expected` allows it, a file or link may replace a file or link, and a folder an empty folder. Two
    /// names of one file do not replace each other; but an entry gets a new spelling of its name where the file system
    /// takes both spellings for one name. A crash may leave a file under both names.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for the source, [`ErrorCode::Changed`] if the source is not in the state `from_etag`,
    /// [`ErrorCode::NameRefused`] for the root; [`ErrorCode::IntoItself`], [`ErrorCode::CrossDevice`],
    /// [`ErrorCode::NotEmpty`], and as [`Storage::publish`].
    fn rename(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError>;

    /// Puts an entry in the place of the file or link at `to`, which goes to the trash: durably, and at every moment an
    /// entry stands at `to`. A link is replaced itself. If nothing stands at `to`, nothing is replaced or kept.
    ///
    /// # Errors
    /// [`ErrorCode::IsFolder`] and [`ErrorCode::NotRegular`] for an entry at `to` that cannot be replaced,
    /// [`ErrorCode::PreconditionFailed`] for one that others take away and make again without a pause; for the new entry,
    /// as [`Storage::rename`], [`Storage::restore`], [`Storage::publish`] and [`Storage::copy_link`].
    fn replace(&self, new: &Replacement<'_>, to: &VPath, keep: &Keep) -> Result<Replaced, StorageError>;

    /// Removes a file, a link (itself) or an empty folder, permanently and durably.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Changed`] if the entry is not in the state `etag`,
    /// [`ErrorCode::NotEmpty`], [`ErrorCode::ReadOnly`], [`ErrorCode::AccessDenied`], [`ErrorCode::Io`].
    fn remove(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError>;

    /// Removes an entry where it is, permanently, with everything in it, entry by entry. `visit` is called after each entry
    /// and may stop the removal: the result is [`Visit::Stop`] if something is left then. A file system that is mounted in the tree, also during the call, is left alone.
    ///
    /// # Errors
    /// As [`Storage::remove`] without [`ErrorCode::Changed`], about the entry that stays, and [`ErrorCode::Mounted`]. What
    /// was removed before stays so.
    fn remove_tree(&self, path: &VPath, visit: &mut dyn FnMut() -> Visit) -> Result<Visit, StorageError>;

    /// Moves an entry with everything in it to the trash, atomically and durably: records its path and state first,
    /// then renames it. A link is trashed itself. The root and hidden entries cannot be trashed.
    ///
    /// # Errors
    /// As [`Storage::remove`] without [`ErrorCode::NotEmpty`], and [`ErrorCode::CrossDevice`] if the entry is on
    /// a disk that can have no trash of this server.
    fn trash(&self, path: &VPath, etag: Option<ETag>, id: TrashId, now: Timestamp) -> Result<(), StorageError>;

    /// Fails if the entry is or holds the mount point of another disk: such an entry is not renamed or trashed, and a
    /// mount point is not removed. Passes where the system lists no mounts.
    ///
    /// # Errors
    /// [`ErrorCode::Mounted`], about the mount point; as [`Storage::stat`].
    fn check_mounts(&self, _path: &VPath) -> Result<(), StorageError> {
        Ok(())
    }

    /// Moves entries into the trash, each as by [`Storage::trash`], and returns the result of each, in their order. Entries
    /// of one folder that follow each other share the costs of durability: all of them are durable when the call returns,
    /// and a crash during the call leaves each one at its path or in the trash.
    fn trash_all(&self, entries: &[ToTrash<'_>], now: Timestamp) -> Vec<Result<(), StorageError>> {
        entries.iter().map(|entry| self.trash(entry.path, entry.etag, entry.id, now)).collect()
    }

    /// A page of the trash, the newest items first. Items that were recorded but never renamed are left out and
    /// deleted.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn list_trash(&self, query: &TrashQuery) -> Result<TrashListing, StorageError> {
        self.list_trash_until(query, &mut || Visit::Continue)
    }

    /// As [`Storage::list_trash`]. Calls `visit` before each item that is read, which may end the listing.
    ///
    /// # Errors
    /// [`ErrorCode::Canceled`] if `visit` has ended it, and as [`Storage::list_trash`].
    fn list_trash_until(
        &self,
        query: &TrashQuery,
        visit: &mut dyn FnMut() -> Visit,
    ) -> Result<TrashListing, StorageError>;

    /// One item of the trash.
    ///
    /// # Errors
    /// [`ErrorCode::Gone`], [`ErrorCode::Io`].
    fn stat_trash(&self, id: TrashId) -> Result<TrashItem, StorageError>;

    /// Items of the trash, each as by [`Storage::stat_trash`], with the result of each in their order. What items have in
    /// common is read once, so an item that has left the trash may be described as long as another one of its group is
    /// there.
    fn stat_trash_all(&self, ids: &[TrashId]) -> Vec<Result<TrashItem, StorageError>> {
        ids.iter().map(|id| self.stat_trash(*id)).collect()
    }

    /// Moves an item of the trash to `to`, atomically and durably. The parent folder of `to` must exist, and `to` must
    /// not.
    ///
    /// # Errors
    /// [`ErrorCode::Gone`] for the item, [`ErrorCode::AlreadyExists`], and as [`Storage::publish`].
    fn restore(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError>;

    /// Restores items of the trash, each as by [`Storage::restore`], and returns the result of each, in their order. Items
    /// that go to one folder and follow each other share the costs of durability, as in [`Storage::trash_all`].
    fn restore_all(&self, items: &[ToRestore<'_>]) -> Vec<Result<Entry, StorageError>> {
        items.iter().map(|item| self.restore(item.id, item.to)).collect()
    }

    /// Deletes an item of the trash permanently with everything in it, entry by entry. `visit` is called after each
    /// entry and may stop the deletion; the rest then stays in the trash, and a later call continues.
    ///
    /// # Errors
    /// [`ErrorCode::Gone`], [`ErrorCode::ReadOnly`], [`ErrorCode::AccessDenied`], [`ErrorCode::Io`].
    fn purge(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError>;

    /// Free space below a folder in bytes; `None` where the system does not report it.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn space(&self, folder: &VPath) -> Result<Option<u64>, StorageError>;

    /// Takes the space again that is kept on each disk for changes that free space, as far as there is room. Called
    /// regularly, because other programs make room, too. The default is for storages that keep none.
    fn maintain_reserves(&self) {}

    /// Calls `on_event`, from a thread of its own, for each change in a folder (not below it) until the handle is
    /// dropped. `on_event` must not block.
    ///
    /// # Errors
    /// As [`Storage::list`], [`ErrorCode::Unsupported`] where the system reports no changes (the caller must poll), and
    /// [`ErrorCode::TooLarge`] if the system's limit of watches is reached.
    fn watch(
        &self,
        _folder: &VPath,
        _on_event: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        Err(StorageError::new(ErrorCode::Unsupported, "this storage cannot watch folders"))
    }
}

/// The methods of changes for a [`Storage`] that only reads and has no links: uploads and the trash are empty, and every
/// change is refused with [`ErrorCode::ReadOnly`].
#[cfg(feature = "testing")]
#[macro_export(local_inner_macros)]
macro_rules! read_only_methods {
    () => {
        fn within(
            self: std::sync::Arc<Self>,
            _scope: $crate::storage::LinkScope,
        ) -> std::sync::Arc<dyn $crate::storage::Storage> {
            self
        }

        fn count_unnamed(&self, _folder: &shared::VPath) -> Result<u64, $crate::storage::StorageError> {
            Ok(0)
        }

        fn is_inside(
            &self,
            inner: &shared::VPath,
            outer: &shared::VPath,
        ) -> Result<bool, $crate::storage::StorageError> {
            Ok(outer.strip_prefix_of(inner).is_some())
        }

        read_only_methods! {
            stage(_id: shared::UploadId) -> Box<dyn $crate::storage::Staged>;
            staged(_id: shared::UploadId, _target: Option<&shared::VPath>) -> Box<dyn $crate::storage::Staged>;
            unstage(_id: shared::UploadId) -> ();
            publish(
                _id: shared::UploadId,
                _target: &shared::VPath,
                _expected: &$crate::storage::Expected,
                _attributes: &$crate::storage::Attributes
            ) -> $crate::storage::Published;
            make_folder(_path: &shared::VPath) -> shared::Entry;
            sync_name(_path: &shared::VPath) -> ();
            make_link(_path: &shared::VPath, _target: &[u8]) -> shared::Entry;
            copy_link(_from: &shared::VPath, _to: &shared::VPath, _owned: bool) -> ();
            is_same_link(_left: &shared::VPath, _right: &shared::VPath) -> bool;
            copy_folder_attributes(
                _from: &shared::VPath,
                _to: &shared::VPath,
                _modified: shared::Timestamp,
                _owned: bool
            ) -> ();
            rename(
                _from: &shared::VPath,
                _from_etag: Option<shared::ETag>,
                _to: &shared::VPath,
                _expected: &$crate::storage::Expected
            ) -> shared::Entry;
            replace(
                _new: &$crate::storage::Replacement<'_>,
                _to: &shared::VPath,
                _keep: &$crate::storage::Keep
            ) -> $crate::storage::Replaced;
            remove(_path: &shared::VPath, _etag: Option<shared::ETag>) -> ();
            remove_tree(
                _path: &shared::VPath,
                _visit: &mut dyn FnMut() -> $crate::storage::Visit
            ) -> $crate::storage::Visit;
            trash(
                _path: &shared::VPath,
                _etag: Option<shared::ETag>,
                _id: shared::TrashId,
                _now: shared::Timestamp
            ) -> ();
            restore(_id: shared::TrashId, _to: &shared::VPath) -> shared::Entry;
            purge(_id: shared::TrashId, _visit: &mut dyn FnMut() -> $crate::storage::Visit) -> ();
        }

        fn list_staged(&self) -> Result<Vec<shared::UploadId>, $crate::storage::StorageError> {
            Ok(Vec::new())
        }

        fn list_trash_until(
            &self,
            _query: &$crate::storage::TrashQuery,
            _visit: &mut dyn FnMut() -> $crate::storage::Visit,
        ) -> Result<$crate::storage::TrashListing, $crate::storage::StorageError> {
            Ok($crate::storage::TrashListing::default())
        }

        fn stat_trash(
            &self,
            _id: shared::TrashId,
        ) -> Result<$crate::storage::TrashItem, $crate::storage::StorageError> {
            Err($crate::storage::StorageError::new(shared::ErrorCode::Gone, "looking for an item of the trash"))
        }

        fn space(&self, _folder: &shared::VPath) -> Result<Option<u64>, $crate::storage::StorageError> {
            Ok(None)
        }
    };
    ($($method:ident($($argument:ident: $type:ty),*) -> $result:ty;)+) => {$(
        fn $method(&self, $($argument: $type),*) -> Result<$result, $crate::storage::StorageError> {
            Err($crate::storage::StorageError::new(shared::ErrorCode::ReadOnly, "this storage cannot be written to"))
        }
    )+};
}

//! One item of a move or a copy: renamed where possible, copied otherwise. Trees are walked with an explicit stack. An
//! entry that fails is reported, and the others continue.

use shared::change::PathPair;
use shared::limits::REPLACED_LISTED_MAX;
use shared::{Conflict, ETag, Entry, ErrorCode, Kind, Link, Outcome, TrashId, VPath};

use crate::server::jobs::decide::{Plan, check_paths, is_alike, is_real_folder, is_same_entry, plan};
use crate::server::jobs::item_error::ItemError;
use crate::server::jobs::runner::JobRunner;
use crate::storage::{Expected, StorageError, Visit};

/// One item that is moved or copied.
struct TransferItem {
    index: usize,
    conflict: Conflict,
    /// It is moved: its source is removed.
    moves: bool,
    /// It is moved to another file system: copied, and then removed.
    crosses: bool,
    /// The previous process had begun it: entries at the target that look like the source are its work.
    resumed: bool,
    replaced: Vec<TrashId>,
    /// The first entry that failed.
    failed: Option<(StorageError, VPath)>,
}

/// A folder whose entries are moved or copied one by one.
struct FolderLevel {
    from: VPath,
    to: VPath,
    /// The entries to come, the last one first.
    entries: Vec<Entry>,
    /// One of its entries stays.
    keeps: bool,
}

impl JobRunner {
    /// Moves or copies one item.
    pub(in crate::server) fn transfer(
        &mut self,
        index: usize,
        pair: &PathPair,
        conflict: Conflict,
        moves: bool,
    ) -> Result<Outcome, ItemError> {
        let (from, to) = (self.path_in_storage(&pair.from)?, self.path_in_storage(&pair.to)?);
        check_paths(&pair.from, &pair.to, conflict)?;
        let target_before = self.target_before(index);
        let Some(source) = self.entry_at(&from)? else {
            // The previous process may have moved it already.
            let moved = target_before.filter(|_| moves).map(|path| self.entry_at(&path)).transpose()?.flatten();
            let moved = moved.ok_or(ErrorCode::NotFound)?;
            let id = self.record.trash_id(index, &moved.path);
            let replaced = if self.was_trashed(id)? { vec![id] } else { Vec::new() };
            return Ok(Outcome::Done { entry: Some(self.relative_to_root(moved)), trash: None, replaced });
        };
        if pair.if_etag.is_some() && pair.if_etag != source.etag {
            return Err(ErrorCode::Changed.into());
        }
        let present = self.entry_at(&to)?;
        let mut item = TransferItem {
            index,
            conflict,
            moves,
            crosses: false,
            resumed: target_before.is_some(),
            replaced: Vec::new(),
            failed: None,
        };
        if !moves {
            self.expect_tree(&source)?;
        }
        if let Some(path) = target_before {
            return self.transfer_to(item, source, path, pair.if_etag);
        }
        match plan(conflict, self.rights, &source, present.as_ref())? {
            Plan::Skip => Ok(Outcome::Skipped),
            Plan::Beside => {
                let path = self.free_name(&to)?;
                item.conflict = Conflict::Fail;
                self.transfer_to(item, source, path, pair.if_etag)
            }
            Plan::Take | Plan::Replace | Plan::Merge => self.transfer_to(item, source, to, pair.if_etag),
        }
    }

    /// Moves the entries of a folder into another folder.
    pub(in crate::server) fn merge(
        &mut self,
        index: usize,
        from: &VPath,
        source: Entry,
        to: &VPath,
        conflict: Conflict,
    ) -> Result<Outcome, ItemError> {
        let (replaced, failed) = (Vec::new(), None);
        let item = TransferItem { index, conflict, moves: true, crosses: false, resumed: false, replaced, failed };
        debug_assert_eq!(source.path, *from);
        self.transfer_to(item, source, to.clone(), None)
    }

    /// Moves or copies one item to `to`.
    fn transfer_to(
        &mut self,
        mut item: TransferItem,
        source: Entry,
        to: VPath,
        etag: Option<ETag>,
    ) -> Result<Outcome, ItemError> {
        self.begin(item.index, Some(&to));
        let mut stack = Vec::new();
        if let Some(level) = self.step(&mut item, &source, to.clone(), etag)? {
            stack.push(level);
        }
        while let Some(level) = stack.last_mut() {
            self.check_cancelled()?;
            let Some(entry) = level.entries.pop() else {
                if let Some(level) = stack.pop() {
                    let keeps = self.leave(&mut item, level);
                    if let Some(above) = stack.last_mut() {
                        above.keeps |= keeps;
                    }
                }
                continue;
            };
            let to = level.to.join(entry.path.name()).map_err(|_| ErrorCode::BadPath);
            let stepped = to.map_err(ItemError::from).and_then(|to| self.step(&mut item, &entry, to, None));
            match stepped {
                Ok(Some(below)) => stack.push(below),
                Ok(None) => {}
                Err(ItemError::Failed(error, _)) => {
                    level.keeps = true;
                    item.failed.get_or_insert((error, entry.path));
                    self.count(1, 0);
                }
                Err(stop) => return Err(stop),
            }
        }
        match item.failed {
            Some((error, path)) => Err(ItemError::Failed(error, Some(path))),
            None => {
                let entry = self.entry_at(&to)?.map(|entry| self.relative_to_root(entry));
                Ok(Outcome::Done { entry, trash: None, replaced: item.replaced })
            }
        }
    }

    /// Moves or copies one entry to `to`. Gives a folder whose entries have to follow one by one.
    fn step(
        &mut self,
        item: &mut TransferItem,
        source: &Entry,
        to: VPath,
        etag: Option<ETag>,
    ) -> Result<Option<FolderLevel>, ItemError> {
        let present = self.entry_at(&to)?;
        let id = self.record.trash_id(item.index, &to);
        if self.was_trashed(id)? {
            item.add_replaced(id);
        }
        let planned = match &present {
            // A crash during a rename may leave both names.
            Some(present) if item.resumed && item.moves && source.is_file() && is_same_entry(source, present) => {
                self.storage.remove(&source.path, None)?;
                self.count(1, 0);
                return Ok(None);
            }
            Some(present) if item.resumed && is_alike(source, present) && source.etag != present.etag => {
                self.count(1, source.size);
                return self.clear_source(item, source).map(|()| None);
            }
            Some(present) if item.resumed && is_real_folder(source) && is_real_folder(present) => Plan::Merge,
            _ => plan(item.conflict, self.rights, source, present.as_ref())?,
        };
        match planned {
            Plan::Skip => Ok(None),
            Plan::Beside => Err(ErrorCode::AlreadyExists.into()),
            Plan::Merge => self.enter(source, to).map(Some),
            Plan::Take => self.take(item, source, to, etag),
            Plan::Replace => {
                let replaced = present.map(|present| (id, present));
                self.replace(item, source, to, etag, replaced)
            }
        }
    }

    /// Moves or copies one entry to a free path.
    fn take(
        &mut self,
        item: &mut TransferItem,
        source: &Entry,
        to: VPath,
        etag: Option<ETag>,
    ) -> Result<Option<FolderLevel>, ItemError> {
        if item.moves && !item.crosses {
            match self.storage.rename(&source.path, etag, &to, &Expected::Nothing) {
                Ok(_) => {
                    self.count(1, 0);
                    return Ok(None);
                }
                Err(error) if error.code == ErrorCode::CrossDevice => {
                    item.crosses = true;
                    self.expect_tree(source)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if is_real_folder(source) {
            self.storage.make_folder(&to)?;
            return self.enter(source, to).map(Some);
        }
        self.copy_leaf(source, &to, etag, None)?;
        self.clear_source(item, source).map(|()| None)
    }

    /// Moves or copies one entry that is no folder to the path of another one, which goes into the trash.
    fn replace(
        &mut self,
        item: &mut TransferItem,
        source: &Entry,
        to: VPath,
        etag: Option<ETag>,
        replaced: Option<(TrashId, Entry)>,
    ) -> Result<Option<FolderLevel>, ItemError> {
        let Some((id, present)) = replaced else { return self.take(item, source, to, etag) };
        if item.moves && !item.crosses {
            self.make_room(item.index, &to, Some(&present))?;
            match self.storage.rename(&source.path, etag, &to, &Expected::Nothing) {
                Ok(_) => {
                    item.add_replaced(id);
                    self.count(1, 0);
                    return Ok(None);
                }
                Err(error) => {
                    let error = self.put_back(id, &to, error);
                    if error.code != ErrorCode::CrossDevice {
                        return Err(error.into());
                    }
                    item.crosses = true;
                    self.expect_tree(source)?;
                }
            }
        }
        self.copy_leaf(source, &to, etag, Some((item.index, &present)))?;
        item.add_replaced(id);
        self.clear_source(item, source).map(|()| None)
    }

    /// Copies an entry that is no folder.
    fn copy_leaf(
        &mut self,
        source: &Entry,
        to: &VPath,
        etag: Option<ETag>,
        replaced: Option<(usize, &Entry)>,
    ) -> Result<(), ItemError> {
        match (&source.link, source.kind) {
            (Some(Link::Inside(target)), _) => {
                let old = replaced.map(|(index, present)| self.make_room(index, to, Some(present))).transpose()?;
                if let Err(error) = self.storage.make_link(to, target) {
                    return Err(old.map_or(error.code, |old| self.put_back(old, to, error).code).into());
                }
                self.count(1, 0);
                Ok(())
            }
            (Some(_), _) => Err(ErrorCode::LinkEscapes.into()),
            (None, Kind::File) => self.copy_file(source, to, etag, replaced),
            (None, _) => Err(ErrorCode::NotRegular.into()),
        }
    }

    /// Removes the source after a copy that is part of a move, if it is still what was copied.
    fn clear_source(&mut self, item: &TransferItem, source: &Entry) -> Result<(), ItemError> {
        if item.moves {
            self.storage.remove(&source.path, source.etag)?;
        }
        Ok(())
    }

    fn enter(&self, source: &Entry, to: VPath) -> Result<FolderLevel, ItemError> {
        let mut entries = Vec::new();
        self.storage.list(&source.path, &mut |entry| {
            entries.push(entry);
            Visit::Continue
        })?;
        // Taken from the end, they follow in the order of their names.
        entries.sort_unstable_by(|left, right| right.path.cmp(&left.path));
        Ok(FolderLevel { from: source.path.clone(), to, entries, keeps: false })
    }

    /// Ends a folder after its last entry; true if it stays.
    fn leave(&mut self, item: &mut TransferItem, level: FolderLevel) -> bool {
        self.count(1, 0);
        if !item.moves {
            return false;
        }
        if level.keeps {
            return true;
        }
        match self.storage.remove(&level.from, None) {
            Ok(()) => false,
            Err(error) => {
                item.failed.get_or_insert((error, level.from));
                true
            }
        }
    }

    /// Adds the tree that is to be copied to the expected total.
    fn expect_tree(&mut self, source: &Entry) -> Result<(), ItemError> {
        let (mut entries, mut bytes) = (0, if is_real_folder(source) { 0 } else { source.size });
        let mut folders = Vec::new();
        if is_real_folder(source) {
            folders.push(source.path.clone());
        }
        while let Some(folder) = folders.pop() {
            self.check_cancelled()?;
            // A folder that cannot be read is reported once it is copied.
            let _ = self.storage.list(&folder, &mut |entry| {
                entries += 1;
                if is_real_folder(&entry) {
                    folders.push(entry.path);
                } else if entry.link.is_none() {
                    bytes += entry.size;
                }
                Visit::Continue
            });
        }
        self.expect(entries, bytes);
        Ok(())
    }
}

impl TransferItem {
    fn add_replaced(&mut self, id: TrashId) {
        if self.replaced.len() < REPLACED_LISTED_MAX && !self.replaced.contains(&id) {
            self.replaced.push(id);
        }
    }
}

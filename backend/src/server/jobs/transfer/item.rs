//! One item of a move or a copy: renamed where possible, copied otherwise. Trees are walked with an explicit stack. An
//! entry that cannot be copied is left out and named, and the others continue.

use shared::change::PathPair;
use shared::job::LeftOut;
use shared::limits::REPLACED_LISTED_MAX;
use shared::{Conflict, ETag, Entry, ErrorCode, Outcome, Rights, TrashId, VPath};
use tracing::info;

use super::level::FolderLevel;
use super::staged_copy::StagedCopy;
use crate::server::jobs::access::rights_to_take;
use crate::server::jobs::decide::{
    Plan, check_paths, concerns_one_entry, is_alike, is_real_folder, is_same_entry, may_be_respelled, plan,
};
use crate::server::jobs::item_error::ItemError;
use crate::server::jobs::runner::JobRunner;
use crate::storage::{Expected, Replacement, StorageError, Visit};

/// How often the conflict of one entry is decided, while other clients change its target.
pub(in crate::server::jobs) const DECISIONS_MAX: usize = 100;

/// One item that is moved or copied.
pub(super) struct TransferItem {
    pub(super) index: usize,
    pub(super) conflict: Conflict,
    /// It is moved: its source is removed.
    pub(super) moves: bool,
    /// It is moved to another file system: copied, and then removed.
    crosses: bool,
    /// It goes to a free name beside its target.
    beside: bool,
    /// The previous process had begun it: entries at the target that look like the source are its work.
    resumed: bool,
    replaced: Vec<TrashId>,
    /// The copy of the present file, while its conflict has to be decided again.
    pub(super) copy: Option<StagedCopy>,
    /// The entries below it that stay where they are.
    left_out: LeftOut,
}

/// What became of one entry.
enum Step {
    /// It is at its target.
    Done,
    /// It stays where it is.
    Skipped,
    /// It is a folder, whose entries follow one by one.
    Entered(FolderLevel),
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
        check_paths(&pair.from, &pair.to, conflict)?;
        let to = self.authorised(Rights::ADD, &pair.to)?;
        let at_source = if moves { rights_to_take(Rights::DELETE, &self.scope) } else { Rights::READ_ONLY };
        let from = self.authorised(at_source, &pair.from)?;
        let target_before = self.target_before(index);
        let Some(source) = self.entry_at(&from)? else {
            // The previous process may have moved it already.
            let moved = target_before.filter(|_| moves).map(|path| self.entry_at(&path)).transpose()?.flatten();
            let moved = moved.ok_or(ErrorCode::NotFound)?;
            let replaced = self.replaced_before(index, &moved.path)?;
            let (entry, left_out) = (Some(self.relative_to_root(moved)), LeftOut::default());
            return Ok(Outcome::Done { entry, trash: None, replaced, left_out });
        };
        if pair.if_etag.is_some() && pair.if_etag != source.etag {
            return Err(ErrorCode::Changed.into());
        }
        if moves && is_real_folder(&source) {
            // Before its entries go one by one.
            self.storage.check_mounts(&from)?;
        }
        if is_real_folder(&source) {
            self.check_folders(&source.path, &to, conflict)?;
        }
        let item = TransferItem {
            index,
            conflict,
            moves,
            crosses: self.crossing == Some(index),
            beside: false,
            resumed: target_before.is_some(),
            replaced: Vec::new(),
            copy: None,
            left_out: LeftOut::default(),
        };
        self.transfer_to(item, &source, &to, target_before, pair.if_etag)
    }

    /// As [`check_paths`], for folders that are reached through links: a folder that is copied into itself never ends.
    fn check_folders(&self, from: &VPath, to: &VPath, conflict: Conflict) -> Result<(), ItemError> {
        let above = |path: &VPath| path.parent().unwrap_or_default();
        // A folder that cannot be looked at is reported where it is used.
        let is_inside = |inner: &VPath, outer: &VPath| self.storage.is_inside(inner, outer).unwrap_or(false);
        let below = is_inside(&above(to), from);
        let merges_above = conflict == Conflict::Replace && is_inside(&above(from), to);
        if below || merges_above { Err(ErrorCode::IntoItself.into()) } else { Ok(()) }
    }

    /// Moves the entries of a folder into another folder, or continues what the previous process has begun.
    pub(in crate::server) fn merge(
        &mut self,
        index: usize,
        from: &VPath,
        source: Entry,
        to: &VPath,
        resumed: bool,
    ) -> Result<Outcome, ItemError> {
        let item = TransferItem {
            index,
            conflict: Conflict::Replace,
            moves: true,
            crosses: false,
            beside: false,
            resumed,
            replaced: Vec::new(),
            copy: None,
            left_out: LeftOut::default(),
        };
        debug_assert_eq!(source.path, *from);
        self.transfer_to(item, &source, to, resumed.then(|| to.clone()), None)
    }

    /// Moves or copies one item to `to`, or to the path that the previous process was about to give it. Where an entry
    /// appears or changes there meanwhile, the conflict is decided again.
    fn transfer_to(
        &mut self,
        mut item: TransferItem,
        source: &Entry,
        to: &VPath,
        target_before: Option<VPath>,
        etag: Option<ETag>,
    ) -> Result<Outcome, ItemError> {
        let before = self.record.progress;
        if item.resumed && item.moves && item.conflict == Conflict::Replace {
            item.replaced = self.replaced_before(item.index, target_before.as_ref().unwrap_or(to))?;
        }
        let mut path = target_before.map_or_else(|| self.target_path(&mut item, source, to), |path| Ok(Some(path)))?;
        for decision in 1.. {
            let Some(at) = path else { return Ok(Outcome::Skipped) };
            match self.place(&mut item, source, &at, etag) {
                Ok(Step::Skipped) => return Ok(Outcome::Skipped),
                Ok(Step::Done) => return self.end_transfer(item, Vec::new(), at),
                Ok(Step::Entered(level)) => return self.end_transfer(item, vec![level], at),
                Err(ItemError::Overtaken(error)) if decision == DECISIONS_MAX => return Err(error.into()),
                Err(ItemError::Overtaken(_)) => (self.record.progress, item.resumed) = (before, false),
                Err(error) => return Err(error),
            }
            self.check_cancelled()?;
            path = self.target_path(&mut item, source, to)?;
        }
        Err(ErrorCode::AlreadyExists.into())
    }

    /// Where an item goes that is wanted at `to`; `None` if it stays where it is.
    fn target_path(&self, item: &mut TransferItem, source: &Entry, to: &VPath) -> Result<Option<VPath>, ItemError> {
        let present = self.entry_in_the_way(source, to, item.moves)?;
        let planned = plan(item.conflict, self.scope.rights_at(to), source, present.as_ref())?;
        item.beside = planned == Plan::Beside;
        match planned {
            Plan::Skip => Ok(None),
            Plan::Beside => self.free_name(to).map(Some),
            Plan::Take | Plan::Replace | Plan::Merge => Ok(Some(to.clone())),
        }
    }

    /// Journals where an item goes, and moves or copies it, or enters its folder.
    fn place(
        &mut self,
        item: &mut TransferItem,
        source: &Entry,
        to: &VPath,
        etag: Option<ETag>,
    ) -> Result<Step, ItemError> {
        // The journal has the progress from before the item, which a later process counts anew.
        self.begin(item.index, Some(to));
        if !item.moves || item.crosses {
            self.expect_tree(source)?;
        }
        // The previous process has made the folder at the target, unless a folder may have stood there before.
        let made_above = item.resumed && item.conflict != Conflict::Replace && is_real_folder(source);
        self.step(item, source, to.clone(), etag, made_above)
    }

    /// Moves or copies the entries of a folder that is entered, and gives the outcome of the item.
    fn end_transfer(
        &mut self,
        mut item: TransferItem,
        mut stack: Vec<FolderLevel>,
        to: VPath,
    ) -> Result<Outcome, ItemError> {
        while let Some(level) = stack.last_mut() {
            self.check_cancelled()?;
            let Some(entry) = level.entries.pop() else {
                if let Some(level) = stack.pop() {
                    let keeps = self.leave(&mut item, level)?;
                    if let Some(above) = stack.last_mut() {
                        above.keeps |= keeps;
                    }
                }
                continue;
            };
            let made_above = level.made;
            let to = level.to.join(entry.path.name()).map_err(|_| ErrorCode::BadPath);
            let stepped =
                to.map_err(ItemError::from).and_then(|to| self.step_below(&mut item, &entry, &to, made_above));
            match stepped {
                Ok(Some(below)) => stack.push(below),
                Ok(None) => {}
                Err(ItemError::Failed(error, _)) if concerns_one_entry(error.code) => {
                    level.keeps = true;
                    item.leave_out(self, entry.path, &error);
                    self.count_unchanged();
                }
                Err(ItemError::Failed(error, path)) => {
                    return Err(ItemError::Failed(error, path.or(Some(entry.path))));
                }
                Err(stop) => return Err(stop),
            }
        }
        match item.left_out.listed.first() {
            // Nothing arrived: the item as a whole failed.
            Some(first) if !self.changed => {
                let path = self.scope.base.join_path(&first.path).ok();
                Err(ItemError::Failed(StorageError::new(first.code, "no entry of a folder was moved or copied"), path))
            }
            _ => {
                // It has arrived, also if it cannot be looked at by now.
                let entry = self.entry_at(&to).ok().flatten().map(|entry| self.relative_to_root(entry));
                Ok(Outcome::Done { entry, trash: None, replaced: item.replaced, left_out: item.left_out })
            }
        }
    }

    /// Moves or copies an entry below an item to `to`. Gives a folder whose entries have to follow one by one.
    fn step_below(
        &mut self,
        item: &mut TransferItem,
        entry: &Entry,
        to: &VPath,
        made_above: bool,
    ) -> Result<Option<FolderLevel>, ItemError> {
        let before = self.record.progress;
        for decision in 1.. {
            match self.step(item, entry, to.clone(), None, made_above) {
                Ok(Step::Done) => return Ok(None),
                Ok(Step::Entered(level)) => return Ok(Some(level)),
                // Another client has put an entry into the folder that this item makes.
                Ok(Step::Skipped) => return Err(ErrorCode::AlreadyExists.into()),
                Err(ItemError::Overtaken(_)) if item.conflict == Conflict::Replace && decision < DECISIONS_MAX => {
                    self.record.progress = before;
                    self.check_cancelled()?;
                }
                Err(ItemError::Overtaken(error)) => return Err(error.into()),
                Err(error) => return Err(error),
            }
        }
        Err(ErrorCode::AlreadyExists.into())
    }

    /// Moves or copies one entry to `to`. The item made the folder above if `made_above`.
    fn step(
        &mut self,
        item: &mut TransferItem,
        source: &Entry,
        to: VPath,
        etag: Option<ETag>,
        made_above: bool,
    ) -> Result<Step, ItemError> {
        let present = self.entry_in_the_way(source, &to, item.moves)?;
        let id = self.record.trash_id(item.index, &to);
        if self.was_trashed(id)? {
            item.add_replaced(id);
        }
        let planned = match &present {
            // A crash during a rename may leave both names.
            Some(present) if item.resumed && item.moves && source.is_file() && is_same_entry(source, present) => {
                self.storage.remove(&source.path, None)?;
                self.count(1, 0);
                return Ok(Step::Done);
            }
            Some(present) if item.resumed && self.is_copied(source, present, made_above)? => {
                self.count(1, if source.link.is_none() { source.size } else { 0 });
                return self.clear_source(item, source, &to).map(|()| Step::Done);
            }
            Some(present)
                if item.resumed
                    && is_real_folder(source)
                    && is_real_folder(present)
                    && self.goes_by_entries(item, source, &to)? =>
            {
                return self.enter(item, source, to, made_above).map(Step::Entered);
            }
            // The name was free a moment ago.
            Some(_) if item.beside => return Err(ItemError::Overtaken(name_taken())),
            _ => plan(item.conflict, self.scope.rights_at(&to), source, present.as_ref())?,
        };
        let level = match planned {
            Plan::Skip => return Ok(Step::Skipped),
            Plan::Beside => return Err(ItemError::Overtaken(name_taken())),
            Plan::Merge => self.enter(item, source, to, false).map(Some)?,
            Plan::Take => self.take(item, source, to, etag).map_err(|error| error.at_target(item.conflict))?,
            Plan::Replace => {
                self.replace(item, source, to, etag, present).map_err(|error| error.at_target(item.conflict))?
            }
        };
        Ok(level.map_or(Step::Done, Step::Entered))
    }

    /// Whether the entries of a folder go one by one. If a rename could have moved it, the previous process did not make
    /// the folder at the target, unless both are to be merged.
    fn goes_by_entries(&self, item: &mut TransferItem, source: &Entry, to: &VPath) -> Result<bool, ItemError> {
        if !item.moves || item.crosses || item.conflict == Conflict::Replace {
            return Ok(true);
        }
        // No entry has this validator, so nothing is renamed: the failure tells whether a rename is possible.
        let nowhere = Expected::State(vec![ETag([0; 16])]);
        match self.storage.rename(&source.path, None, to, &nowhere) {
            Err(error) if error.code == ErrorCode::CrossDevice => {
                item.crosses = true;
                Ok(true)
            }
            Err(error) if error.code == ErrorCode::AlreadyExists || error.code == ErrorCode::PreconditionFailed => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
            Ok(_) => Err(ErrorCode::Internal.into()),
        }
    }

    /// Whether the previous process made `present` from `source`. In a folder that the item made, it did if they look
    /// alike. Elsewhere another client may have put a like file there, whose bytes decide: without a difference it does
    /// not matter whose it is.
    fn is_copied(&self, source: &Entry, present: &Entry, made_above: bool) -> Result<bool, ItemError> {
        if source.link.is_some() && present.link.is_some() {
            return Ok(self.storage.is_same_link(&source.path, &present.path)?);
        }
        if !is_alike(source, present) || source.etag == present.etag {
            return Ok(false);
        }
        Ok(made_above || self.has_same_bytes(source, present)?)
    }

    /// The entry at the target. `None` if that is the source itself under a new spelling of its name: the file system
    /// folds letter case or composes letters, and a rename replaces nothing.
    fn entry_in_the_way(&self, source: &Entry, to: &VPath, moves: bool) -> Result<Option<Entry>, StorageError> {
        let present = self.entry_at(to)?;
        if present.is_none() || !moves || !may_be_respelled(&source.path, to) {
            return Ok(present);
        }
        let mut is_listed = false;
        self.storage.list_names(&to.parent().unwrap_or_default(), &mut |name, _| {
            is_listed |= name == to.name();
            if is_listed { Visit::Stop } else { Visit::Continue }
        })?;
        Ok(present.filter(|_| is_listed))
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
                    self.crossing = Some(item.index);
                    self.require_long()?;
                    item.crosses = true;
                    self.expect_tree(source)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if is_real_folder(source) {
            // A folder that cannot be read is left out, and no empty one stands for it.
            let level = self.enter(item, source, to, true)?;
            self.storage.make_private_folder(&level.to)?;
            self.changed = true;
            return Ok(Some(level));
        }
        self.copy_leaf(item, source, &to, etag, None)?;
        self.clear_source(item, source, &to).map(|()| None)
    }

    /// Moves or copies one entry that is no folder to the path of another one, which goes into the trash.
    fn replace(
        &mut self,
        item: &mut TransferItem,
        source: &Entry,
        to: VPath,
        etag: Option<ETag>,
        present: Option<Entry>,
    ) -> Result<Option<FolderLevel>, ItemError> {
        let Some(mut present) = present else { return self.take(item, source, to, etag) };
        if item.moves && !item.crosses {
            match self.replace_at(item.index, &to, &Replacement::Entry(&source.path, etag)) {
                Ok((_, old)) => {
                    old.into_iter().for_each(|id| item.add_replaced(id));
                    self.count(1, 0);
                    return Ok(None);
                }
                Err(error) if error.code == ErrorCode::CrossDevice => {
                    self.crossing = Some(item.index);
                    self.require_long()?;
                    item.crosses = true;
                    self.expect_tree(source)?;
                    // The attempt may have changed its validator.
                    present = self.entry_at(&to)?.unwrap_or(present);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let old = self.copy_leaf(item, source, &to, etag, Some(&present))?;
        old.into_iter().for_each(|id| item.add_replaced(id));
        self.clear_source(item, source, &to).map(|()| None)
    }

    /// Removes the source after a copy that is part of a move, if it is still what was copied.
    fn clear_source(&mut self, item: &TransferItem, source: &Entry, to: &VPath) -> Result<(), ItemError> {
        if !item.moves {
            return Ok(());
        }
        // A link has the validator of its target, which may have moved before it.
        let etag = source.etag.filter(|_| source.link.is_none());
        if source.link.is_some() && !self.storage.is_same_link(&source.path, to)? {
            return Err(ErrorCode::Changed.into());
        }
        self.storage.remove(&source.path, etag)?;
        Ok(())
    }
}

fn name_taken() -> StorageError {
    StorageError::new(ErrorCode::AlreadyExists, "another client has taken the name")
}

impl TransferItem {
    /// Notes that an entry stays where it is. The log has as many of them as the outcome.
    pub(super) fn leave_out(&mut self, runner: &JobRunner, path: VPath, error: &StorageError) {
        let Some(shown) = runner.path_of_caller(&path) else { return };
        let listed = self.left_out.listed.len();
        self.left_out.add(shown, error.code);
        if self.left_out.listed.len() > listed {
            let (job, code) = (runner.record.id, error.code);
            info!(%job, path = path.encoded(), %code, cause = ?error.source, "an entry is left out");
        }
    }

    fn add_replaced(&mut self, id: TrashId) {
        if self.replaced.len() < REPLACED_LISTED_MAX && !self.replaced.contains(&id) {
            self.replaced.push(id);
        }
    }
}

//! Entries that go elsewhere: moved by a rename where one leads there, copied otherwise. Trees are walked with a stack of
//! their own, and an entry that cannot go is told of while the others go on.

use shared::change::PathPair;
use shared::limits::REPLACED_TOLD_MAX;
use shared::{Conflict, ETag, Entry, ErrorCode, Kind, Link, Outcome, TrashId, VPath};

use crate::server::jobs::decide::{Plan, check_way, is_alike, is_real_folder, is_same_entry, plan};
use crate::server::jobs::runner::{Run, Trouble};
use crate::storage::{Expected, StorageError, Visit};

/// One item on its way.
struct Journey {
    index: usize,
    conflict: Conflict,
    /// Its source is to be gone in the end.
    moves: bool,
    /// No rename leads there: it is copied, and then removed.
    crosses: bool,
    /// The process before had begun it: what is there already and looks the same is what it had done.
    resumed: bool,
    replaced: Vec<TrashId>,
    /// The first that could not go.
    failed: Option<(StorageError, VPath)>,
}

/// A folder on the way, whose entries go one by one.
struct Level {
    from: VPath,
    to: VPath,
    /// Still to go, the last one first.
    entries: Vec<Entry>,
    /// Something of it stays.
    keeps: bool,
}

impl Run {
    /// Moves or copies one item.
    pub(in crate::server) fn transfer(
        &mut self,
        index: usize,
        pair: &PathPair,
        conflict: Conflict,
        moves: bool,
    ) -> Result<Outcome, Trouble> {
        let (from, to) = (self.inside(&pair.from)?, self.inside(&pair.to)?);
        check_way(&pair.from, &pair.to, conflict)?;
        let target_before = self.target_before(index);
        let Some(source) = self.standing(&from)? else {
            // A move whose source is gone may be one that had happened.
            let there = target_before.filter(|_| moves).map(|path| self.standing(&path)).transpose()?.flatten();
            let there = there.ok_or(ErrorCode::NotFound)?;
            let id = self.record.trash_id(index, &there.path);
            let replaced = if self.was_trashed(id) { vec![id] } else { Vec::new() };
            return Ok(Outcome::Done { entry: Some(self.told(there)), trash: None, replaced });
        };
        if pair.if_etag.is_some() && pair.if_etag != source.etag {
            return Err(ErrorCode::Changed.into());
        }
        let there = self.standing(&to)?;
        let mut journey = Journey {
            index,
            conflict,
            moves,
            crosses: false,
            resumed: target_before.is_some(),
            replaced: Vec::new(),
            failed: None,
        };
        if !moves {
            self.count_ahead(&source)?;
        }
        if let Some(path) = target_before {
            return self.go(journey, source, path, pair.if_etag);
        }
        match plan(conflict, self.rights, &source, there.as_ref())? {
            Plan::Skip => Ok(Outcome::Skipped),
            Plan::Beside => {
                let path = self.free_name(&to)?;
                journey.conflict = Conflict::Fail;
                self.go(journey, source, path, pair.if_etag)
            }
            Plan::Take | Plan::Replace | Plan::Merge => self.go(journey, source, to, pair.if_etag),
        }
    }

    /// Has the entries of a folder join those of another one.
    pub(in crate::server) fn merge(
        &mut self,
        index: usize,
        from: &VPath,
        source: Entry,
        to: &VPath,
        conflict: Conflict,
    ) -> Result<Outcome, Trouble> {
        let (replaced, failed) = (Vec::new(), None);
        let journey = Journey { index, conflict, moves: true, crosses: false, resumed: false, replaced, failed };
        debug_assert_eq!(source.path, *from);
        self.go(journey, source, to.clone(), None)
    }

    /// Takes one item to `to`, where it is settled that it may go.
    fn go(&mut self, mut journey: Journey, source: Entry, to: VPath, etag: Option<ETag>) -> Result<Outcome, Trouble> {
        self.begin(journey.index, Some(&to));
        let mut stack = Vec::new();
        if let Some(level) = self.step(&mut journey, &source, to.clone(), etag)? {
            stack.push(level);
        }
        while let Some(level) = stack.last_mut() {
            self.look_up()?;
            let Some(entry) = level.entries.pop() else {
                if let Some(level) = stack.pop() {
                    let keeps = self.leave(&mut journey, level);
                    if let Some(above) = stack.last_mut() {
                        above.keeps |= keeps;
                    }
                }
                continue;
            };
            let to = level.to.join(entry.path.name()).map_err(|_| ErrorCode::BadPath);
            let stepped = to.map_err(Trouble::from).and_then(|to| self.step(&mut journey, &entry, to, None));
            match stepped {
                Ok(Some(below)) => stack.push(below),
                Ok(None) => {}
                Err(Trouble::Failed(error, _)) => {
                    level.keeps = true;
                    journey.failed.get_or_insert((error, entry.path));
                    self.count(1, 0);
                }
                Err(stop) => return Err(stop),
            }
        }
        match journey.failed {
            Some((error, path)) => Err(Trouble::Failed(error, Some(path))),
            None => {
                let entry = self.standing(&to)?.map(|entry| self.told(entry));
                Ok(Outcome::Done { entry, trash: None, replaced: journey.replaced })
            }
        }
    }

    /// Takes one entry to `to`; a folder whose entries have to go one by one comes back.
    fn step(
        &mut self,
        journey: &mut Journey,
        source: &Entry,
        to: VPath,
        etag: Option<ETag>,
    ) -> Result<Option<Level>, Trouble> {
        let there = self.standing(&to)?;
        let id = self.record.trash_id(journey.index, &to);
        if self.was_trashed(id) {
            journey.tell_replaced(id);
        }
        let planned = match &there {
            // A rename that a crash has caught may leave both names.
            Some(there) if journey.resumed && journey.moves && source.is_file() && is_same_entry(source, there) => {
                self.storage.remove(&source.path, None)?;
                self.count(1, 0);
                return Ok(None);
            }
            Some(there) if journey.resumed && is_alike(source, there) && source.etag != there.etag => {
                self.count(1, source.size);
                return self.clear_source(journey, source).map(|()| None);
            }
            Some(there) if journey.resumed && is_real_folder(source) && is_real_folder(there) => Plan::Merge,
            _ => plan(journey.conflict, self.rights, source, there.as_ref())?,
        };
        match planned {
            Plan::Skip => Ok(None),
            Plan::Beside => Err(ErrorCode::AlreadyExists.into()),
            Plan::Merge => self.enter(source, to).map(Some),
            Plan::Take => self.take(journey, source, to, etag),
            Plan::Replace => {
                let replaced = there.map(|there| (id, there));
                self.replace(journey, source, to, etag, replaced)
            }
        }
    }

    /// Takes one entry to where nothing stands.
    fn take(
        &mut self,
        journey: &mut Journey,
        source: &Entry,
        to: VPath,
        etag: Option<ETag>,
    ) -> Result<Option<Level>, Trouble> {
        if journey.moves && !journey.crosses {
            match self.storage.rename(&source.path, etag, &to, &Expected::Nothing) {
                Ok(_) => {
                    self.count(1, 0);
                    return Ok(None);
                }
                Err(error) if error.code == ErrorCode::CrossDevice => {
                    journey.crosses = true;
                    self.count_ahead(source)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if is_real_folder(source) {
            self.storage.make_folder(&to)?;
            return self.enter(source, to).map(Some);
        }
        self.copy_leaf(source, &to, etag, None)?;
        self.clear_source(journey, source).map(|()| None)
    }

    /// Takes one entry that is no folder to where another one stands, which goes to the trash.
    fn replace(
        &mut self,
        journey: &mut Journey,
        source: &Entry,
        to: VPath,
        etag: Option<ETag>,
        replaced: Option<(TrashId, Entry)>,
    ) -> Result<Option<Level>, Trouble> {
        let Some((id, there)) = replaced else { return self.take(journey, source, to, etag) };
        if journey.moves && !journey.crosses {
            self.make_way(journey.index, &to, Some(&there))?;
            match self.storage.rename(&source.path, etag, &to, &Expected::Nothing) {
                Ok(_) => {
                    journey.tell_replaced(id);
                    self.count(1, 0);
                    return Ok(None);
                }
                Err(error) => {
                    let error = self.put_back(id, &to, error);
                    if error.code != ErrorCode::CrossDevice {
                        return Err(error.into());
                    }
                    journey.crosses = true;
                    self.count_ahead(source)?;
                }
            }
        }
        self.copy_leaf(source, &to, etag, Some((journey.index, &there)))?;
        journey.tell_replaced(id);
        self.clear_source(journey, source).map(|()| None)
    }

    /// Copies what is no folder.
    fn copy_leaf(
        &mut self,
        source: &Entry,
        to: &VPath,
        etag: Option<ETag>,
        replaced: Option<(usize, &Entry)>,
    ) -> Result<(), Trouble> {
        match (&source.link, source.kind) {
            (Some(Link::Inside(target)), _) => {
                let old = replaced.map(|(index, there)| self.make_way(index, to, Some(there))).transpose()?;
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

    /// After a copy that is part of a move: the source goes, if it is still what was copied.
    fn clear_source(&mut self, journey: &Journey, source: &Entry) -> Result<(), Trouble> {
        if journey.moves {
            self.storage.remove(&source.path, source.etag)?;
        }
        Ok(())
    }

    fn enter(&self, source: &Entry, to: VPath) -> Result<Level, Trouble> {
        let mut entries = Vec::new();
        self.storage.list(&source.path, &mut |entry| {
            entries.push(entry);
            Visit::Continue
        })?;
        // The last one goes first; that way they go in the order of their names.
        entries.sort_unstable_by(|left, right| right.path.cmp(&left.path));
        Ok(Level { from: source.path.clone(), to, entries, keeps: false })
    }

    /// After a folder's last entry; says whether something of it stays.
    fn leave(&mut self, journey: &mut Journey, level: Level) -> bool {
        self.count(1, 0);
        if !journey.moves {
            return false;
        }
        if level.keeps {
            return true;
        }
        match self.storage.remove(&level.from, None) {
            Ok(()) => false,
            Err(error) => {
                journey.failed.get_or_insert((error, level.from));
                true
            }
        }
    }

    /// Counts what a copy has ahead of it, so that its client knows how far it is.
    fn count_ahead(&mut self, source: &Entry) -> Result<(), Trouble> {
        let (mut entries, mut bytes) = (0, if is_real_folder(source) { 0 } else { source.size });
        let mut folders = Vec::new();
        if is_real_folder(source) {
            folders.push(source.path.clone());
        }
        while let Some(folder) = folders.pop() {
            self.look_up()?;
            // One that cannot be read is told of when its turn comes.
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

impl Journey {
    fn tell_replaced(&mut self, id: TrashId) {
        if self.replaced.len() < REPLACED_TOLD_MAX && !self.replaced.contains(&id) {
            self.replaced.push(id);
        }
    }
}

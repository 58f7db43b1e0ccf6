//! The files with the information about deleted entries, `trash/<group>-<number>.json`; `trash_texts` says what is in them.
//! The group is the beginning of the ids of its items. Each call that moves entries of a group into the trash writes a
//! file, with the first number that is free: usually 0. What a later file says of an item holds. All of them are deleted
//! once the group has no items.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::TrashId;

use super::trash_info::Info;
use super::trash_names::deleted_name;
use super::trash_texts;
use crate::storage::TrashGroup;
use crate::storage::local::platform::{Dir, DiskFile, write_full};

/// The numbers of the files of groups.
pub(super) type GroupFiles = BTreeMap<TrashGroup, BTreeSet<usize>>;

const SUFFIX: &str = ".json";

/// The group and the number of a file with information; `None` for any other name.
pub(super) fn group_of_name(name: &[u8]) -> Option<(TrashGroup, usize)> {
    let (group, number) = str::from_utf8(name).ok()?.strip_suffix(SUFFIX)?.split_once('-')?;
    let group = u64::from_str_radix(group, 16).ok().map(TrashGroup::from)?;
    let number = number.parse().ok()?;
    (file_name(group, number) == name).then_some((group, number))
}

fn file_name(group: TrashGroup, number: usize) -> Vec<u8> {
    format!("{:016x}-{number}{SUFFIX}", group.number()).into_bytes()
}

/// Writes the information about entries that are about to be deleted: a file for those of each group. The content is
/// durable then; the names are after a sync of the folder, and already now where [`Dir::orders_names`]. Returns for each
/// item whether its entry may be moved in: false if the trash has one with that id.
pub(super) fn write_infos<D: Dir>(dir: &D, infos: &[(TrashId, Info)]) -> io::Result<Vec<bool>> {
    let mut may_move = Vec::with_capacity(infos.len());
    for infos in infos.chunk_by(|(left, _), (right, _)| TrashGroup::of(*left) == TrashGroup::of(*right)) {
        let (file, number) = create_file(dir, TrashGroup::of(infos[0].0))?;
        // A group without a file has no items.
        let is_free = |(id, _): &(TrashId, Info)| number == 0 || is_absent(dir, *id);
        let first = may_move.len();
        may_move.extend(infos.iter().map(is_free));
        let written = infos.iter().zip(&may_move[first..]).filter(|(_, is_free)| **is_free).map(|(info, _)| info);
        // The last change of the file, so that its sync makes its name durable, too, where one log orders all changes.
        write_full(&file, &trash_texts::encode(written)?, 0)?;
        file.sync()?;
    }
    Ok(may_move)
}

fn create_file<D: Dir>(dir: &D, group: TrashGroup) -> io::Result<(D::File, usize)> {
    let mut number = 0;
    loop {
        match dir.create_file(&file_name(group, number)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            created => return Ok((created?, number)),
        }
    }
}

/// The files of a group.
pub(super) fn open_files<D: Dir>(dir: &D, group: TrashGroup) -> impl Iterator<Item = io::Result<D::File>> {
    (0..).map_while(move |number| match dir.open_own_file(&file_name(group, number)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        opened => Some(opened),
    })
}

/// The groups whose items are moved or deleted at the moment. The last of these calls deletes the files of a group without
/// items: by then the absence of all of them is durable.
#[derive(Default)]
pub(super) struct UsedGroups(Mutex<BTreeMap<TrashGroup, Uses>>);

/// The calls that use a group.
#[derive(Clone, Copy, Default)]
struct Uses {
    now: usize,
    /// Several have used it since it was last unused: one may have put back an item that another has moved out.
    overlapped: bool,
}

/// The use of some groups, until they are forgotten or it is dropped.
pub(super) struct GroupsInUse<'a> {
    used: &'a UsedGroups,
    /// With the numbers of files that are known.
    groups: GroupFiles,
    ended: Cell<bool>,
}

impl UsedGroups {
    /// Begins to use the groups of these items.
    pub(super) fn begin(&self, ids: impl Iterator<Item = TrashId>) -> GroupsInUse<'_> {
        self.begin_with_files(ids.map(|id| (TrashGroup::of(id), BTreeSet::new())).collect())
    }

    /// Begins to use groups that have these files.
    pub(super) fn begin_with_files(&self, groups: GroupFiles) -> GroupsInUse<'_> {
        let mut uses = self.uses();
        for group in groups.keys() {
            let uses = uses.entry(*group).or_default();
            uses.overlapped |= uses.now > 0;
            uses.now += 1;
        }
        drop(uses);
        GroupsInUse { used: self, groups, ended: Cell::new(false) }
    }

    fn uses(&self) -> MutexGuard<'_, BTreeMap<TrashGroup, Uses>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GroupsInUse<'_> {
    /// Ends the use, and deletes the files of those groups that have no items and that no other call uses. `has_left` tells
    /// items that this call knows not to be there, and `may_return` those that a crash may bring back. Returns the items
    /// that the files are about.
    ///
    /// # Errors
    /// If a file cannot be read or deleted. The next listing of the trash deletes it.
    pub(super) fn forget_empty<D: Dir>(
        &self,
        dir: &D,
        has_left: impl Fn(TrashId) -> bool,
        may_return: impl Fn(TrashId) -> bool,
    ) -> io::Result<BTreeSet<TrashId>> {
        let mut uses = self.used.uses();
        let mut described = BTreeSet::new();
        let forgotten: io::Result<()> = self.groups.iter().try_for_each(|(group, known)| {
            let Uses { now, overlapped } = uses.get(group).copied().unwrap_or_default();
            let (ids, numbers) = described_by(dir, *group, known)?;
            let is_gone = |id: &TrashId| !may_return(*id) && (!overlapped && has_left(*id) || is_absent(dir, *id));
            if now == 1 && !self.ended.get() && ids.iter().all(is_gone) {
                remove_files(dir, *group, &numbers)?;
            }
            described.extend(ids);
            Ok(())
        });
        // Under the lock, so that of two calls the last one finds that it is.
        self.end(&mut uses);
        forgotten.map(|()| described)
    }

    fn end(&self, uses: &mut BTreeMap<TrashGroup, Uses>) {
        if self.ended.replace(true) {
            return;
        }
        for group in self.groups.keys() {
            match uses.get_mut(group) {
                Some(uses) if uses.now > 1 => uses.now -= 1,
                _ => drop(uses.remove(group)),
            }
        }
    }
}

impl Drop for GroupsInUse<'_> {
    fn drop(&mut self) {
        self.end(&mut self.used.uses());
    }
}

/// The items that the files of a group are about, and the numbers of these files. A file past a gap is found if its number
/// is `known`.
fn described_by<D: Dir>(
    dir: &D,
    group: TrashGroup,
    known: &BTreeSet<usize>,
) -> io::Result<(Vec<TrashId>, BTreeSet<usize>)> {
    let (mut ids, mut numbers) = (Vec::new(), BTreeSet::new());
    for (number, file) in open_files(dir, group).enumerate() {
        ids.extend(trash_texts::ids(&file?)?);
        numbers.insert(number);
    }
    for number in known.difference(&numbers.clone()) {
        match dir.open_own_file(&file_name(group, *number)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            file => {
                ids.extend(trash_texts::ids(&file?)?);
                numbers.insert(*number);
            }
        }
    }
    Ok((ids, numbers))
}

/// Removes the files of a group. Number 0 goes after the absence of the others is durable: files are found by counting up.
fn remove_files<D: Dir>(dir: &D, group: TrashGroup, numbers: &BTreeSet<usize>) -> io::Result<()> {
    let remove = |number: &usize| dir.remove_file(&file_name(group, *number));
    let others = numbers.range(1..);
    if others.clone().next().is_some() {
        others.rev().try_for_each(remove)?;
        dir.prepare_sync()?()?;
    }
    numbers.range(..1).try_for_each(remove)
}

/// False also for an entry that cannot be looked at.
fn is_absent<D: Dir>(dir: &D, id: TrashId) -> bool {
    matches!(dir.metadata_of(&deleted_name(id)), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use shared::{Entry, Kind, Timestamp, VPath};

    use super::*;
    use crate::storage::local::platform::LinuxDir;

    const ID: TrashId = TrashId([7; 16]);

    fn info() -> Info {
        let (path, modified) = (VPath::parse("name").unwrap(), Timestamp(0));
        let entry = Entry { path, kind: Kind::File, size: 7, modified, executable: false, link: None, etag: None };
        Info::new(&entry, Timestamp(1))
    }

    /// A folder with the information about an item that has left it.
    fn folder() -> (tempfile::TempDir, LinuxDir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = LinuxDir::open_root(folder.path(), true).unwrap();
        write_infos(&dir, &[(ID, info())]).unwrap();
        (folder, dir)
    }

    fn files(dir: &LinuxDir) -> usize {
        open_files(dir, TrashGroup::of(ID)).count()
    }

    #[test]
    fn an_item_that_another_call_has_put_back_keeps_its_information() {
        let ((folder, dir), used) = (folder(), UsedGroups::default());
        let restores = used.begin([ID].into_iter());
        let trashes = used.begin([ID].into_iter());
        write_infos(&dir, &[(ID, info())]).unwrap();
        let name = String::from_utf8(deleted_name(ID)).unwrap();
        std::fs::write(folder.path().join(&name), "content").unwrap();
        drop(trashes);
        restores.forget_empty(&dir, |id| id == ID, |_| false).unwrap();
        assert_eq!(files(&dir), 2);
        std::fs::remove_file(folder.path().join(&name)).unwrap();
        used.begin([ID].into_iter()).forget_empty(&dir, |_| false, |_| false).unwrap();
        assert_eq!(files(&dir), 0);
    }

    #[test]
    fn the_last_of_two_calls_deletes_the_files_although_the_first_one_is_not_over() {
        let ((_folder, dir), used) = (folder(), UsedGroups::default());
        let (first, last) = (used.begin([ID].into_iter()), used.begin([ID].into_iter()));
        first.forget_empty(&dir, |_| false, |_| false).unwrap();
        assert_eq!(files(&dir), 1);
        last.forget_empty(&dir, |_| false, |_| false).unwrap();
        assert_eq!(files(&dir), 0);
        drop(first);
        assert!(used.uses().is_empty());
    }

    #[test]
    fn files_past_a_gap_are_deleted_if_their_numbers_are_known() {
        let ((_folder, dir), used) = (folder(), UsedGroups::default());
        write_infos(&dir, &[(ID, info())]).unwrap();
        let name = |number| file_name(TrashGroup::of(ID), number);
        dir.remove_file(&name(0)).unwrap();
        let known = GroupFiles::from([(TrashGroup::of(ID), BTreeSet::from([1]))]);
        used.begin_with_files(known).forget_empty(&dir, |_| false, |_| false).unwrap();
        assert!(dir.open_own_file(&name(1)).is_err());
    }
}

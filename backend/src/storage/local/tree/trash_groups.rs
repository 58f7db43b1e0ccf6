//! The files with the information about deleted entries, `trash/<group>-<number>.json`; `trash_texts` says what is in them.
//! The group is the beginning of the ids of its items. Each call that moves entries of a group into the trash writes a
//! file, with the first number that is free: usually 0. What a later file says of an item holds. All of them are deleted
//! once the group has no items.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::TrashId;

use super::trash_info::Info;
use super::trash_names::deleted_name;
use super::trash_texts;
use crate::storage::TrashGroup;
use crate::storage::local::platform::{Dir, DiskFile, write_full};

const SUFFIX: &str = ".json";

/// The group of a file with information; `None` for any other name.
pub(super) fn group_of_name(name: &[u8]) -> Option<TrashGroup> {
    let (group, number) = str::from_utf8(name).ok()?.strip_suffix(SUFFIX)?.split_once('-')?;
    let group = u64::from_str_radix(group, 16).ok().map(TrashGroup::from)?;
    (file_name(group, number.parse().ok()?) == name).then_some(group)
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

/// The groups whose items are moved or deleted at the moment, each as often as calls do so. The last of these calls deletes
/// the files of a group without items: by then the absence of all of them is durable.
#[derive(Default)]
pub(super) struct UsedGroups(Mutex<BTreeMap<TrashGroup, usize>>);

/// The use of some groups, until it is dropped.
pub(super) struct GroupsInUse<'a> {
    used: &'a UsedGroups,
    groups: BTreeSet<TrashGroup>,
}

impl UsedGroups {
    /// Begins to use the groups of these items.
    pub(super) fn begin(&self, ids: impl Iterator<Item = TrashId>) -> GroupsInUse<'_> {
        let groups: BTreeSet<_> = ids.map(TrashGroup::of).collect();
        let mut counts = self.counts();
        groups.iter().for_each(|group| *counts.entry(*group).or_default() += 1);
        drop(counts);
        GroupsInUse { used: self, groups }
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<TrashGroup, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GroupsInUse<'_> {
    /// Deletes the files of those groups that have no items and that no other call uses. `has_left` tells items that are
    /// known not to be there, and `may_return` those that a crash may bring back. Returns the items that the files are about.
    ///
    /// # Errors
    /// If a file cannot be read or deleted. The next listing of the trash deletes it.
    pub(super) fn forget_empty<D: Dir>(
        &self,
        dir: &D,
        has_left: impl Fn(TrashId) -> bool,
        may_return: impl Fn(TrashId) -> bool,
    ) -> io::Result<BTreeSet<TrashId>> {
        let counts = self.used.counts();
        let mut described = BTreeSet::new();
        for group in &self.groups {
            let mut ids = Vec::new();
            let mut files = 0;
            for file in open_files(dir, *group) {
                ids.extend(trash_texts::ids(&file?)?);
                files += 1;
            }
            let is_gone = |id: &TrashId| !may_return(*id) && (has_left(*id) || is_absent(dir, *id));
            if counts.get(group) == Some(&1) && ids.iter().all(is_gone) {
                // The last one first: files are found by counting up.
                (0..files).rev().try_for_each(|number| dir.remove_file(&file_name(*group, number)))?;
            }
            described.extend(ids);
        }
        Ok(described)
    }
}

impl Drop for GroupsInUse<'_> {
    fn drop(&mut self) {
        let mut counts = self.used.counts();
        for group in &self.groups {
            match counts.get_mut(group) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(counts.remove(group)),
            }
        }
    }
}

/// False also for an entry that cannot be looked at.
fn is_absent<D: Dir>(dir: &D, id: TrashId) -> bool {
    matches!(dir.metadata_of(&deleted_name(id)), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

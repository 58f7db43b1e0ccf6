//! Where a file goes that is sent to a drop box through a name that is taken: its caller must not learn what has the name.
//! Blocks.

use std::iter;

use shared::{ErrorCode, Scope, VPath};

use crate::server::records::uploads::Destination;
use crate::storage::{Storage, StorageError, numbered_name};

/// The numbers after which the numbers that are tried for a folder double.
const NUMBERS_IN_TURN: u32 = 16;
/// The highest number that is tried for a folder.
const NUMBER_MAX: u32 = 8_192;

/// The destination of a file whose path leads through a drop box: where a folder on the way has the name of anything else
/// than a folder, the file goes into a folder beside that, as a file goes beside one that has its name. Every later file
/// with such a path goes there, too.
///
/// # Errors
/// As [`Storage::stat`]; [`ErrorCode::BadPath`] if the path becomes too long.
pub(super) fn beside_taken(storage: &dyn Storage, destination: &Destination) -> Result<Destination, StorageError> {
    let Destination { path: wanted, scope } = destination;
    if !scope.rights_at(wanted).is_drop() {
        return Ok(destination.clone());
    }
    let too_long = |_| StorageError::new(ErrorCode::BadPath, "joining the folders of a drop box");
    let mut path = VPath::root();
    for name in wanted.parent().unwrap_or_default().segments() {
        path = path.join(name).map_err(too_long)?;
        // What is above the drop box is no part of it, nor is the folder of the root.
        let is_below_base = path != scope.base && scope.base.contains(&path);
        if is_below_base && scope.rights_at(&path).is_drop() {
            path = free_or_folder(storage, scope, path)?;
        }
    }
    let path = path.join(wanted.name()).map_err(too_long)?;
    Ok(Destination { path, scope: scope.clone() })
}

/// The first of a name and the numbered names beside it that is free or a folder. The name itself if there is none in the
/// drop box: what has the name is refused there as it is everywhere.
fn free_or_folder(storage: &dyn Storage, scope: &Scope, wanted: VPath) -> Result<VPath, StorageError> {
    let doubled = iter::successors(Some(2 * NUMBERS_IN_TURN), |number| Some(2 * number));
    let numbers = (2..=NUMBERS_IN_TURN).chain(doubled.take_while(|number| *number <= NUMBER_MAX));
    let beside = numbers.map_while(|number| numbered_name(&wanted, number));
    for path in iter::once(wanted.clone()).chain(beside) {
        if !scope.rights_at(&path).is_drop() {
            continue;
        }
        match storage.stat(&path) {
            Ok(entry) if !entry.is_folder() => {}
            Ok(_) => return Ok(path),
            Err(error) if error.code == ErrorCode::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use shared::{Grant, Rights};

    use super::*;
    use crate::storage::memory::MemoryStorage;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    #[test]
    fn a_folder_beside_what_is_taken_is_found_in_few_looks() {
        let storage = MemoryStorage::new();
        storage.add_file("in/many", "").unwrap();
        for number in 2..100 {
            storage.add_file(format!("in/many ({number})"), "").unwrap();
        }
        storage.add_file("in/a/report.d", "").unwrap();
        storage.add_folder("in/a/report (2).d").unwrap();
        let grants = [("in", Rights::CREATE), ("in/a/shown", Rights::ADD), ("in/b", Rights::NONE)];
        let grants = grants.map(|(at, rights)| Grant { at: path(at), rights });
        let scope = Scope { base: VPath::root(), grants: grants.into() };
        let of = |text: &str| {
            let destination = Destination { path: path(text), scope: scope.clone() };
            beside_taken(&storage, &destination).unwrap().path.encoded()
        };
        assert_eq!(of("in/many/x"), "in/many%20%28128%29/x");
        assert_eq!(of("in/a/report.d/x/y"), "in/a/report%20%282%29.d/x/y");
        assert_eq!(of("in/free/x"), "in/free/x");
        assert_eq!(of("in/a/shown/x"), "in/a/shown/x");
        assert_eq!(of("elsewhere/x"), "elsewhere/x");
        // No file leaves the root of its request.
        let below = Scope { base: path("in/many"), grants: scope.grants.clone() };
        let destination = Destination { path: path("in/many/x"), scope: below };
        assert_eq!(beside_taken(&storage, &destination).unwrap(), destination);
    }
}

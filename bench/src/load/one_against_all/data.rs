//! The served folder of these scenarios.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use xtask::repo::{AtPath, Outcome};

pub(super) const MEBIBYTE: usize = 1 << 20;
/// Folders to watch.
pub(super) const FOLDERS: usize = 400;
/// The length of a file that no digest ends: without content it takes no space.
const ENDLESS_BYTES: u64 = 1 << 40;
const BIG_BYTES: u64 = 1 << 30;
const MANY: usize = 1_000_000;
/// Their listing is longer than what the sockets and buffers take of an answer that is not read.
const MANY_QUICK: usize = 50_000;
const LISTED: usize = 100;

/// Creates the folder. Very many files take minutes, so they are made where the attack needs them.
pub(super) fn prepare(scratch: &Path, quick: bool, needs_many: bool) -> Outcome<PathBuf> {
    let folder = scratch.join("one-against-all");
    sparse(&folder, "endless", ENDLESS_BYTES)?;
    sparse(&folder, "big", BIG_BYTES)?;
    sparse(&folder, "mebibyte", MEBIBYTE as u64)?;
    (0..LISTED).try_for_each(|number| sparse(&folder.join("listed"), &format!("file {number}"), 1))?;
    (0..FOLDERS).try_for_each(|number| directory(&folder.join(format!("watched/{number}"))))?;
    let many = match (needs_many, quick) {
        (false, _) => 0,
        (true, true) => MANY_QUICK,
        (true, false) => MANY,
    };
    (0..many).try_for_each(|number| sparse(&folder.join("many"), &format!("a file with a name {number:07}"), 0))?;
    Ok(folder)
}

pub(super) fn remove(folder: &Path) -> Outcome<()> {
    fs::remove_dir_all(folder).at(folder)
}

fn directory(path: &Path) -> Outcome<()> {
    fs::create_dir_all(path).at(path)
}

fn sparse(folder: &Path, name: &str, bytes: u64) -> Outcome<()> {
    directory(folder)?;
    let path = folder.join(name);
    File::create(&path).and_then(|file| file.set_len(bytes)).at(&path)
}

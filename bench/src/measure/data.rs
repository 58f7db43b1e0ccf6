//! The served test data: created once, kept below `target/` between runs, and equal on every machine.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use crate::random::Random;
use xtask::repo::{AtPath, Outcome};

pub(crate) const SMALL_BYTES: usize = 4096;
pub(crate) const BIG: &str = "big";
pub(crate) const SMALL: &str = "small";
pub(crate) const FOLDER: &str = "folder";
pub(crate) const HUGE: &str = "huge";
/// One file of each size, for the curve of cost by file size.
pub(crate) const SIZES: &[u64] = &[1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20];
/// One folder with each number of files, besides `FOLDER` and `HUGE`, for the curve of time by folder size.
pub(crate) const FOLDERS: &[u32] = &[100, 1_000, 10_000];
const BLOCK_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, Debug)]
pub(crate) struct DataSize {
    pub(crate) big_bytes: u64,
    pub(crate) small_files: u64,
    pub(crate) folder_files: u32,
    pub(crate) huge_files: u32,
}

pub(crate) struct Data {
    pub(crate) served: PathBuf,
    /// For uploads, logs and the state of servers; empty at the start of each run.
    pub(crate) scratch: PathBuf,
    pub(crate) size: DataSize,
}

impl Data {
    /// Creates the missing parts.
    pub(crate) fn ensure(home: &Path, size: DataSize) -> Outcome<Self> {
        let data = Self { served: home.join("served"), scratch: home.join("scratch"), size };
        fs::create_dir_all(&data.served).at(&data.served)?;
        if data.scratch.exists() {
            fs::remove_dir_all(&data.scratch).at(&data.scratch)?;
        }
        fs::create_dir_all(&data.scratch).at(&data.scratch)?;
        if !data.served.join(HUGE).exists() {
            println!("Creating the files to serve in {}", home.display());
        }
        data.part(BIG, |path| random_file(path, 1, size.big_bytes))?;
        data.part(SMALL, |path| {
            fs::create_dir_all(path).at(path)?;
            (0..size.small_files)
                .try_for_each(|number| random_file(&path.join(small_name(number)), number + 2, SMALL_BYTES as u64))
        })?;
        for bytes in SIZES {
            data.part(&format!("size-{bytes}"), |path| random_file(path, *bytes, *bytes))?;
        }
        for files in FOLDERS {
            data.part(&folder_name(*files), |path| sparse_files(path, *files))?;
        }
        data.part(FOLDER, |path| sparse_files(path, size.folder_files))?;
        data.part(HUGE, |path| empty_files(path, size.huge_files))?;
        Ok(data)
    }

    /// Creates a part under a temporary name, so that an interrupted run leaves no incomplete part.
    fn part(&self, name: &str, make: impl FnOnce(&Path) -> Outcome<()>) -> Outcome<()> {
        let (whole, part) = (self.served.join(name), self.served.join(format!(".{name}.part")));
        if whole.exists() {
            return Ok(());
        }
        if part.is_dir() {
            fs::remove_dir_all(&part).at(&part)?;
        }
        make(&part)?;
        fs::rename(&part, &whole).at(&whole)
    }

    /// An empty folder in `scratch`.
    pub(crate) fn empty(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.scratch.join(name);
        if path.exists() {
            fs::remove_dir_all(&path).at(&path)?;
        }
        fs::create_dir_all(&path).at(&path)?;
        Ok(path)
    }
}

pub(crate) fn small_name(number: u64) -> String {
    format!("f{number:05}")
}

pub(crate) fn folder_name(files: u32) -> String {
    format!("folder-{files}")
}

/// Names as cameras give them, whose order as text differs from their order as numbers.
fn entry_name(number: u32) -> String {
    format!("holiday picture {number}.jpg")
}

/// Files of various sizes that occupy no space on the disk.
fn sparse_files(folder: &Path, count: u32) -> Outcome<()> {
    fs::create_dir_all(folder).at(folder)?;
    (0..count).try_for_each(|number| {
        let path = folder.join(entry_name(number));
        File::create(&path).and_then(|file| file.set_len(u64::from(number) * 37 % 5_000_000)).at(&path)
    })
}

fn empty_files(folder: &Path, count: u32) -> Outcome<()> {
    fs::create_dir_all(folder).at(folder)?;
    (0..count).try_for_each(|number| {
        let path = folder.join(entry_name(number));
        File::create(&path).map(drop).at(&path)
    })
}

fn random_file(path: &Path, seed: u64, bytes: u64) -> Outcome<()> {
    let mut file = BufWriter::with_capacity(BLOCK_BYTES, File::create(path).at(path)?);
    let mut state = Random::seeded(seed);
    let mut left = bytes;
    while left > 0 {
        let word = state.next().to_le_bytes();
        let count = left.min(word.len() as u64);
        file.write_all(&word[..count as usize]).at(path)?;
        left -= count;
    }
    file.flush().at(path)
}

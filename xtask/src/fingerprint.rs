//! A hash of the contents of many files, by which a build step finds out whether it has anything to do.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
};

use crate::repo::{AtPath, Outcome};

/// Hashes names and bytes, and not times: a checkout sets every time and changes nothing.
pub(crate) fn of(root: &Path, inputs: &[&str], also: &str) -> Outcome<String> {
    let mut files = Vec::new();
    for input in inputs {
        collect(&root.join(input), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    also.hash(&mut hasher);
    for file in files {
        file.strip_prefix(root).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file).at(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Adds every file at or below the path; none where the path does not exist.
pub(crate) fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
    collect_but(path, &[], files)
}

/// Adds every file at or below the path, except those in folders with a name in `skipped`.
pub(crate) fn collect_but(path: &Path, skipped: &[&str], files: &mut Vec<PathBuf>) -> Outcome<()> {
    if path.is_file() {
        files.push(path.to_path_buf());
    } else if path.is_dir() && !path.file_name().is_some_and(|name| skipped.iter().any(|skip| name == *skip)) {
        for entry in fs::read_dir(path).at(path)? {
            collect_but(&entry.at(path)?.path(), skipped, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::of;

    #[test]
    fn contents_and_names_change_the_fingerprint_and_times_do_not() {
        let root = std::env::temp_dir().join(format!("passerelle-fingerprint-{}", std::process::id()));
        fs::create_dir_all(root.join("in/deep")).unwrap();
        fs::write(root.join("in/deep/a"), "1").unwrap();
        let print = || of(&root, &["in", "absent"], "tool 1").unwrap();
        let first = print();
        fs::write(root.join("in/deep/a"), "1").unwrap();
        assert_eq!(print(), first);
        fs::write(root.join("in/deep/a"), "2").unwrap();
        let changed = print();
        assert_ne!(changed, first);
        fs::rename(root.join("in/deep/a"), root.join("in/deep/b")).unwrap();
        assert_ne!(print(), changed);
        assert_ne!(of(&root, &["in"], "tool 2").unwrap(), print());
        fs::remove_dir_all(&root).unwrap();
    }
}

//! Every Rust file begins with its subject, and no large file is in version control.

use std::fs;

use super::{problem::Problem, table, tree::Tree};
use crate::{child, repo::Repo};

pub(super) fn check_first_lines(tree: &Tree) -> Vec<Problem> {
    let sources = tree.texts.iter().filter(|(file, _)| file.ends_with(".rs"));
    let without = sources.filter(|(_, text)| !text.starts_with("//! "));
    without.map(|(file, _)| Problem::at(file, 1, "the first line states the subject of the file: `//! …`")).collect()
}

/// Without version control (an unpacked archive) there is nothing to check.
pub(super) fn check_sizes(repo: &Repo) -> Vec<Problem> {
    let listed = child::output(repo.program("git").args(["ls-files", "-z"])).unwrap_or_default();
    let mut problems = Vec::new();
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let bytes = fs::symlink_metadata(repo.path(name)).map_or(0, |metadata| metadata.len());
        problems.extend(check_size(name, bytes));
    }
    problems
}

fn check_size(name: &str, bytes: u64) -> Option<Problem> {
    let sentence = format!("{bytes} bytes in version control; {} at most", table::FILE_BYTES_MAX);
    (bytes > table::FILE_BYTES_MAX).then(|| Problem::at(name, 1, sentence))
}

#[cfg(test)]
mod tests {
    use super::{Tree, check_first_lines, check_size, table};

    #[test]
    fn a_file_without_a_subject_is_refused() {
        let files = [("a.rs", "//! The wire.\nmod b;"), ("b.rs", "mod c;"), ("c.rs", "//!\n"), ("d.md", "# D")];
        let found: Vec<_> = check_first_lines(&Tree::of(&files)).into_iter().map(|problem| problem.file).collect();
        assert_eq!(found, ["b.rs", "c.rs"]);
    }

    #[test]
    fn a_large_file_is_refused() {
        assert!(check_size("a", table::FILE_BYTES_MAX).is_none());
        assert!(check_size("a", table::FILE_BYTES_MAX + 1).is_some());
    }
}

//! `tidy`: habits of the source tree that a compiler does not hold. Runs as a command and as a test.

mod arrows;
mod circles;
mod modules;
mod reach;
mod source;
mod table;
mod tokens;

use std::{collections::BTreeMap, fmt, fs, path::PathBuf};

use crate::{
    child, fingerprint,
    repo::{AtPath, Failure, Outcome, Repo},
};

const CRATES: &[&str] = &["backend", "bench", "bundler", "frontend", "fuzz", "page", "shared", "xtask"];
/// Folders of these names hold what tools made.
const MADE: &[&str] = &["artifacts", "corpus", "node_modules", "target"];

/// Names everything that there is to mend.
pub(crate) fn tidy(repo: &Repo) -> Outcome<()> {
    let problems = problems(repo)?;
    if problems.is_empty() {
        return Ok(());
    }
    let lines: String = problems.iter().map(|problem| format!("\n    {problem}")).collect();
    Err(Failure(format!("tidy found {} thing(s) to mend{lines}", problems.len())))
}

/// A place and one sentence about it.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    file: String,
    line: usize,
    sentence: String,
}

impl Problem {
    fn at(file: &str, line: usize, sentence: String) -> Self {
        Self { file: file.to_owned(), line, sentence }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.sentence)
    }
}

fn problems(repo: &Repo) -> Outcome<Vec<Problem>> {
    let mut problems = Vec::new();
    let mut sources = BTreeMap::new();
    for path in files(repo)? {
        let name = path.strip_prefix(&repo.root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).at(&path)?;
            let source = source::read(&text);
            problems.extend(first_line(&name, &text));
            problems.extend(arrows::check(&name, &source));
            sources.insert(name, source);
        } else if name.ends_with("Cargo.toml") {
            problems.extend(arrows::check_manifest(&name, &fs::read_to_string(&path).at(&path)?));
        }
    }
    problems.extend(reach::check(&sources));
    count_circles(&sources);
    problems.extend(large_files(repo));
    Ok(problems)
}

fn count_circles(sources: &BTreeMap<String, source::Source>) {
    let circles = circles::between_files(sources).into_iter().chain(circles::between_folders(sources));
    let circles: Vec<_> = circles.collect();
    if let Some(smallest) = circles.first() {
        let (file, line) = smallest.place();
        println!("tidy: {} import circles; the smallest: {file}:{line}: {}", circles.len(), smallest.way());
        smallest.examples().for_each(|example| println!("    {example}"));
    }
}

/// The files of the crates, without what tools made of them.
fn files(repo: &Repo) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in CRATES {
        fingerprint::collect_but(&repo.path(folder), MADE, &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn first_line(file: &str, text: &str) -> Option<Problem> {
    let sentence = "the first line says what the file is: `//! …`";
    (!text.starts_with("//! ")).then(|| Problem::at(file, 1, sentence.to_owned()))
}

/// Of the files in version control; where there is none (an unpacked archive), there is nothing to check.
fn large_files(repo: &Repo) -> Vec<Problem> {
    let listed = child::output(repo.program("git").args(["ls-files", "-z"])).unwrap_or_default();
    let mut problems = Vec::new();
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let bytes = fs::symlink_metadata(repo.path(name)).map_or(0, |metadata| metadata.len());
        if bytes > table::FILE_BYTES_MAX {
            let sentence = format!("{bytes} bytes in version control; {} at most", table::FILE_BYTES_MAX);
            problems.push(Problem::at(name, 1, sentence));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::{Repo, first_line, problems};

    #[test]
    fn the_tree_is_tidy() {
        let found: Vec<String> = problems(&Repo::here()).unwrap().iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }

    #[test]
    fn a_file_begins_by_saying_what_it_is() {
        assert_eq!(first_line("a.rs", "//! The door.\nmod b;"), None);
        assert!(first_line("a.rs", "mod b;").is_some());
        assert!(first_line("a.rs", "//!\n").is_some());
    }
}

//! Every Rust file is reached from a root of its crate by `mod`; a file that is not is never compiled. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    problem::Problem,
    source::{Declared, Source},
};

/// The Rust files, by path below the root of the repository, that no root reaches.
pub(super) fn check(files: &BTreeMap<String, Source>) -> Vec<Problem> {
    let mut reached: BTreeSet<String> = files.keys().filter(|file| is_root(file)).cloned().collect();
    let mut todo: Vec<String> = reached.iter().cloned().collect();
    while let Some(file) = todo.pop() {
        let Some(source) = files.get(&file) else { continue };
        for declared in &source.declared {
            let candidates = places(&file, declared).into_iter().filter(|place| files.contains_key(place));
            let new: Vec<String> = candidates.filter(|place| reached.insert(place.clone())).collect();
            todo.extend(new);
        }
    }
    let lost = files.keys().filter(|file| !reached.contains(*file));
    lost.map(|file| Problem::at(file, 1, "no `mod` leads to this file, so it is not compiled")).collect()
}

/// Whether cargo compiles the file without a `mod`.
fn is_root(file: &str) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    matches!(
        parts.as_slice(),
        [.., "src", "lib.rs" | "main.rs"]
            | [.., "build.rs"]
            | [.., "src", "bin", _]
            | [.., "fuzz_targets", _]
            | [_, "tests" | "benches" | "examples", _]
            | [_, "tests" | "benches" | "examples", _, "main.rs"]
    )
}

/// The possible files of a declared module.
fn places(file: &str, declared: &Declared) -> Vec<String> {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    if let Some(path) = &declared.path {
        return vec![join(folder, &[], path)];
    }
    let stem = name.trim_end_matches(".rs");
    // Modules of a root and of a `mod.rs` are in its folder, those of another file in the folder of its name.
    let owner = if stem == "mod" || is_root(file) { None } else { Some(stem.to_owned()) };
    let below: Vec<String> = owner.into_iter().chain(declared.inside.iter().cloned()).collect();
    vec![
        join(folder, &below, &format!("{}.rs", declared.name)),
        join(folder, &below, &format!("{}/mod.rs", declared.name)),
    ]
}

fn join(folder: &str, below: &[String], last: &str) -> String {
    let parts = std::iter::once(folder).chain(below.iter().map(String::as_str)).chain([last]);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::source::read;

    fn lost(files: &[(&str, &str)]) -> Vec<String> {
        let sources = files.iter().map(|(name, text)| ((*name).to_owned(), read(text))).collect();
        check(&sources).into_iter().map(|problem| problem.file).collect()
    }

    #[test]
    fn modules_are_followed_through_folders_and_inline_ones() {
        let files = [
            ("backend/src/lib.rs", "mod wire; mod odd { mod inner; }"),
            ("backend/src/wire/mod.rs", "mod frame;"),
            ("backend/src/wire/frame.rs", "mod bits;"),
            ("backend/src/wire/frame/bits.rs", ""),
            ("backend/src/odd/inner.rs", ""),
            ("backend/tests/it/main.rs", "mod world;"),
            ("backend/tests/it/world.rs", ""),
            ("fuzz/fuzz_targets/frame.rs", ""),
        ];
        assert_eq!(lost(&files), Vec::<String>::new());
    }

    #[test]
    fn a_file_without_a_mod_is_refused() {
        let files = [
            ("backend/src/lib.rs", "mod wire; // mod gone;"),
            ("backend/src/wire.rs", ""),
            ("backend/src/gone.rs", "mod child;"),
            ("backend/src/gone/child.rs", ""),
        ];
        assert_eq!(lost(&files), ["backend/src/gone.rs", "backend/src/gone/child.rs"]);
    }
}

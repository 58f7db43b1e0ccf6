//! Imports stay within the tables: between modules of the backend, of third-party crates, of the standard library, and
//! between the crates of the workspace. Pure.

use super::{
    modules::module_of,
    problem::Problem,
    source::{NamedPath, Source},
    table,
    tree::Tree,
};

/// The folder of the modules.
pub(super) const MODULES_FOLDER: &str = "backend/src/";

/// Every forbidden import, and every forbidden dependency of a manifest.
pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let imports = tree.sources.iter().flat_map(|(file, source)| check_source(file, source));
    let manifests = tree.texts.iter().filter(|(file, _)| file.ends_with("Cargo.toml"));
    imports.chain(manifests.flat_map(|(file, text)| check_manifest(file, text))).collect()
}

/// The module of a file with each other module that it imports.
pub(super) fn between_rooms(file: &str, source: &Source) -> Vec<(String, String)> {
    let Some(below) = file.strip_prefix(MODULES_FOLDER) else { return Vec::new() };
    let module = module_of(below);
    let Some(from) = module.first() else { return Vec::new() };
    let targets = source.paths.iter().filter_map(|path| target(&module, path));
    targets.filter(|to| to != from).map(|to| (from.clone(), to)).collect()
}

fn check_source(file: &str, source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for path in &source.paths {
        let sentence =
            check_room(file, path).or_else(|| check_crate(file, source, path)).or_else(|| check_standard(file, path));
        problems.extend(sentence.map(|sentence| Problem::at(file, path.line, sentence)));
    }
    problems.dedup();
    problems
}

/// A manifest depends only on the crates of the workspace that its row names.
fn check_manifest(file: &str, text: &str) -> Vec<Problem> {
    let Some((own, allowed)) = table::MANIFESTS.iter().find(|(name, _)| file == format!("{name}/Cargo.toml")) else {
        return Vec::new();
    };
    let named = |line: &str| {
        let word = line.split(['.', '=', ' ']).next().unwrap_or_default().to_owned();
        table::MANIFESTS.iter().map(|(name, _)| *name).find(|name| *name == word && line.len() > word.len())
    };
    let mut problems = Vec::new();
    let mut in_dependencies = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        }
        if !in_dependencies {
            continue;
        }
        if let Some(name) = named(line).filter(|name| name != own && !allowed.contains(name)) {
            problems.push(Problem::at(file, number + 1, format!("this crate may not depend on `{name}`")));
        }
    }
    problems
}

fn check_room(file: &str, path: &NamedPath) -> Option<String> {
    let module = module_of(file.strip_prefix(MODULES_FOLDER)?);
    let from = module.first()?;
    let to = target(&module, path)?;
    if *from == to {
        return None;
    }
    let is_room = |module: &str| table::MODULES.iter().any(|(name, _)| *name == module);
    let Some((_, allowed)) = table::MODULES.iter().find(|(name, _)| name == from) else {
        return Some(format!(
            "`{from}` has no row in xtask/src/tidy/table.rs; add one with the modules that it may import"
        ));
    };
    if allowed.contains(&to.as_str()) {
        None
    } else if is_room(&to) || to.starts_with(char::is_lowercase) {
        Some(format!("`{from}` may not import `{to}`; the allowed imports are in xtask/src/tidy/table.rs"))
    } else {
        Some(format!("`{from}` may not import `{to}` through the root of the crate; import it from its module"))
    }
}

fn check_crate(file: &str, source: &Source, path: &NamedPath) -> Option<String> {
    let (name, places) = table::CRATES.iter().find(|(name, _)| path.segments.first().is_some_and(|s| s == name))?;
    let is_module = source.declared.iter().any(|declared| declared.name == *name);
    // A bare word may be a variable of that name.
    if path.segments.len() < 2
        || is_module
        || !file.contains("/src/")
        || places.iter().any(|place| file.starts_with(place))
    {
        return None;
    }
    Some(format!("`{name}` belongs to {}", places.join(" and ")))
}

fn check_standard(file: &str, path: &NamedPath) -> Option<String> {
    let (folder, forbidden) = table::STANDARD.iter().find(|(folder, _)| file.starts_with(folder))?;
    let (root, rest) = path.segments.split_first()?;
    if root != "std" && root != "core" {
        return None;
    }
    let rest = rest.strip_suffix(&["self".to_owned()]).unwrap_or(rest);
    let below = |inner: &[String], outer: &[&str]| inner.iter().zip(outer).all(|(inner, outer)| inner == outer);
    let part = forbidden.iter().find(|part| {
        let part: Vec<&str> = part.split("::").collect();
        // Also an import of the whole module, `use std::time;` for `time::Instant`.
        !rest.is_empty() && below(rest, &part)
    })?;
    Some(format!("{folder} may not use `{root}::{part}`"))
}

/// The module that a path leads to; `None` for a path into another crate or into local scope.
fn target(module: &[String], path: &NamedPath) -> Option<String> {
    let mut here: Vec<&String> = module.iter().chain(&path.inside).collect();
    let mut rest = path.segments.as_slice();
    match rest.first()?.as_str() {
        "crate" => {
            here.clear();
            rest = &rest[1..];
        }
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                here.pop();
                rest = &rest[1..];
            }
        }
        _ => return None,
    }
    here.into_iter().chain(rest).next().cloned()
}

#[cfg(test)]
mod tests {
    use super::{check_manifest, check_source};
    use crate::tidy::source::read;

    fn problems(file: &str, text: &str) -> Vec<String> {
        check_source(file, &read(text)).iter().map(ToString::to_string).collect()
    }

    fn fine(file: &str, text: &str) {
        assert_eq!(problems(file, text), Vec::<String>::new());
    }

    fn wrong(file: &str, text: &str, sentence: &str) {
        let found = problems(file, text);
        assert!(found.len() == 1 && found[0].contains(sentence), "{text}: {found:?}");
    }

    #[test]
    fn room_imports_are_checked_in_uses_and_inline_paths() {
        fine("backend/src/server/list.rs", "use crate::{storage::Storage, wire};");
        wrong(
            "backend/src/server/list.rs",
            "use crate::{storage::Storage, gateway};",
            "`server` may not import `gateway`",
        );
        wrong(
            "backend/src/gateway/files.rs",
            "fn f() { crate::storage::open() }",
            "`gateway` may not import `storage`",
        );
        wrong("backend/src/wire/mod.rs", "use crate::server::X;", "`wire` may not import `server`");
        fine("backend/src/lib.rs", "use crate::gateway::X;");
    }

    #[test]
    fn a_path_through_super_is_checked() {
        fine("backend/src/server/list.rs", "use super::session; mod tests { use super::*; }");
        wrong("backend/src/client/pool.rs", "use super::super::storage::X;", "`client` may not import `storage`");
        fine("backend/src/client/pool.rs", "mod tests { use super::super::transfer; }");
        wrong(
            "backend/src/client/mod.rs",
            "mod tests { use super::super::server; }",
            "`client` may not import `server`",
        );
    }

    #[test]
    fn a_new_room_needs_a_row() {
        wrong("backend/src/cellar/mod.rs", "use crate::wire::X;", "`cellar` has no row");
        wrong("backend/src/server/mod.rs", "use crate::cellar::X;", "may not import `cellar`");
    }

    #[test]
    fn a_crate_outside_its_room_is_refused() {
        fine("backend/src/gateway/mod.rs", "use axum::Router; use axum::http::StatusCode;");
        wrong("backend/src/client/mod.rs", "use axum::Router;", "`axum` belongs to");
        fine("backend/src/client/mod.rs", "let http = 1; f(http); x.http::<u8>();");
        fine("backend/src/config/mod.rs", "mod http; pub use http::Http;");
        fine("backend/src/page_cache.rs", "rustix::mm::mincore()");
        fine("backend/tests/it/main.rs", "use axum::Router;");
    }

    #[test]
    fn shared_may_use_neither_io_nor_a_clock() {
        wrong("shared/src/path.rs", "use std::{fmt, fs};", "may not use `std::fs`");
        wrong("shared/src/path.rs", "std::time::Instant::now()", "may not use `std::time::Instant`");
        wrong("shared/src/path.rs", "use std::time;", "may not use `std::time::Instant`");
        fine("shared/src/path.rs", "use core::fmt; use std::str::FromStr; use std::time::Duration;");
        fine("backend/src/run.rs", "use std::fs;");
    }

    #[test]
    fn a_manifest_with_a_forbidden_crate_is_refused() {
        let found = check_manifest(
            "frontend/Cargo.toml",
            "[dependencies]\nshared.workspace = true\nbackend = { path = \"x\" }",
        );
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().contains("frontend/Cargo.toml:3"), "{}", found[0]);
        assert!(check_manifest("frontend/Cargo.toml", "[package]\nname = \"frontend\"").is_empty());
    }
}

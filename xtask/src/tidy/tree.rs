//! The text files of the repository that the rules read, without generated ones.

use std::{collections::BTreeMap, fs};

use super::source::{Source, read};
use crate::{
    fingerprint,
    repo::{AtPath, Outcome, Repo},
};

/// Files and folders below the root.
const ROOTS: &[&str] = &[
    ".cargo",
    ".ci",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "SECURITY.md",
    "Trunk.toml",
    "backend",
    "bench",
    "bundler",
    "clippy.toml",
    "deny.toml",
    "docs",
    "e2e",
    "frontend",
    "fuzz",
    "index.html",
    "page",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "shared",
    "xtask",
];
/// Folders of these names hold what tools generate.
const GENERATED: &[&str] = &["artifacts", "corpus", "node_modules", "playwright-report", "target", "test-results"];
const TEXTS: &[&str] = &["css", "html", "js", "json", "md", "rs", "sh", "toml", "ts"];
const GENERATED_FILES: &[&str] = &["Cargo.lock", "package-lock.json"];

/// By path below the root, with `/` between its parts.
#[derive(Default)]
pub(super) struct Tree {
    /// Every file, also those without text.
    pub(super) names: Vec<String>,
    pub(super) texts: BTreeMap<String, String>,
    pub(super) sources: BTreeMap<String, Source>,
}

impl Tree {
    pub(super) fn read(repo: &Repo) -> Outcome<Self> {
        let mut paths = Vec::new();
        for root in ROOTS {
            fingerprint::collect_but(&repo.path(root), GENERATED, &mut paths)?;
        }
        let mut tree = Self::default();
        for path in paths {
            let name = path.strip_prefix(&repo.root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            if is_text(&name) {
                tree.add(&name, fs::read_to_string(&path).at(&path)?);
            } else {
                tree.names.push(name);
            }
        }
        Ok(tree)
    }

    pub(super) fn add(&mut self, name: &str, text: String) {
        if name.ends_with(".rs") {
            self.sources.insert(name.to_owned(), read(&text));
        }
        self.texts.insert(name.to_owned(), text);
        self.names.push(name.to_owned());
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        files.iter().for_each(|(name, text)| tree.add(name, (*text).to_owned()));
        tree
    }
}

fn is_text(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let extension = last.rsplit_once('.').map(|(_, extension)| extension);
    !GENERATED_FILES.contains(&last) && (extension.is_some_and(|extension| TEXTS.contains(&extension)) || last == "run")
}

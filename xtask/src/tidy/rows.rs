//! Every row of the tables matches something, so that a row disappears with its module, crate or import.

use std::collections::BTreeSet;

use super::{imports, problem::Problem, table, tree::Tree};

const TABLE: &str = "xtask/src/tidy/table.rs";

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let sentences = modules(tree).into_iter().chain(crates(tree)).chain(folders(tree)).chain(manifests(tree));
    sentences.map(|sentence| Problem::at(TABLE, 1, sentence)).collect()
}

fn modules(tree: &Tree) -> Vec<String> {
    let used: BTreeSet<(String, String)> =
        tree.sources.iter().flat_map(|(file, source)| imports::between_rooms(file, source)).collect();
    let exists = |module: &str| {
        let (folder, file) =
            (format!("{}{module}/", imports::MODULES_FOLDER), format!("{}{module}.rs", imports::MODULES_FOLDER));
        tree.names.iter().any(|name| name.starts_with(&folder) || *name == file)
    };
    let mut sentences = Vec::new();
    for (from, allowed) in table::MODULES {
        if !exists(from) {
            sentences.push(format!("there is no module `{from}`"));
        }
        for to in *allowed {
            if !used.contains(&((*from).to_owned(), (*to).to_owned())) {
                sentences.push(format!("`{from}` does not import `{to}`, so its row does not allow it"));
            }
        }
    }
    sentences
}

fn crates(tree: &Tree) -> Vec<String> {
    let mut sentences = Vec::new();
    for (name, places) in table::CRATES {
        let names = |file: &str| {
            let paths = tree.sources.get(file).map(|source| source.paths.as_slice()).unwrap_or_default();
            paths.iter().any(|path| path.segments.len() > 1 && path.segments[0] == **name)
        };
        for place in *places {
            if !tree.sources.keys().any(|file| file.starts_with(place) && names(file)) {
                sentences.push(format!("{place} does not use the crate `{name}`"));
            }
        }
    }
    sentences
}

fn folders(tree: &Tree) -> Vec<String> {
    let missing = |place: &&&str| !tree.names.iter().any(|name| name.starts_with(**place));
    let named = table::STANDARD.iter().map(|(folder, _)| folder);
    let listed = named.chain(table::DECODING).chain(table::WORD_EXCEPTIONS.iter().map(|(file, _)| file));
    listed.filter(missing).map(|place| format!("there is no {place}")).collect()
}

fn manifests(tree: &Tree) -> Vec<String> {
    let mut sentences = Vec::new();
    for (name, allowed) in table::MANIFESTS {
        let Some(text) = tree.texts.get(&format!("{name}/Cargo.toml")) else {
            sentences.push(format!("there is no crate `{name}`"));
            continue;
        };
        let depends = |other: &str| text.lines().any(|line| line.split(['.', '=', ' ']).next() == Some(other));
        for other in allowed.iter().filter(|other| !depends(other)) {
            sentences.push(format!("`{name}` does not depend on `{other}`, so its row does not allow it"));
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::{Tree, check, crates, manifests, modules};

    #[test]
    fn rows_without_a_room_a_crate_or_an_import_are_refused() {
        let empty = Tree::default();
        assert!(modules(&empty).iter().any(|sentence| sentence == "there is no module `gateway`"));
        assert!(crates(&empty).iter().any(|sentence| sentence.ends_with("does not use the crate `axum`")));
        assert!(manifests(&empty).iter().any(|sentence| sentence == "there is no crate `shared`"));
        assert!(!check(&empty).is_empty());
    }

    #[test]
    fn an_import_justifies_its_row() {
        let unused = "`gateway` does not import `client`, so its row does not allow it".to_owned();
        let with = |text: &str| modules(&Tree::of(&[("backend/src/gateway/mod.rs", text)]));
        assert!(with("//! x").contains(&unused));
        assert!(!with("//! x\nuse crate::client::Client;").contains(&unused));
    }
}

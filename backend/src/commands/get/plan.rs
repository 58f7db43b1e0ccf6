//! Maps each SRC to its local path. Pure: the caller says what exists.

use std::path::{Path, PathBuf};

use shared::VPath;

use crate::commands::failure::Failure;

/// What DEST is before the download.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Destination {
    Missing,
    Folder,
    /// A folder that an earlier run of this command made as its destination.
    Made,
    File,
}

/// One SRC and its local path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mapping {
    /// The path on the server.
    pub(super) source: VPath,
    /// The path below the base.
    pub(super) local: VPath,
    pub(super) is_folder: bool,
}

/// The mappings, all below one local folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// Made if it does not exist. Nothing outside is written.
    pub(super) base: PathBuf,
    pub(super) mappings: Vec<Mapping>,
}

/// Maps the sources, as `cp -r` would, except that a repeated command goes on in the folder that it made; each comes with whether it is a folder. `named` counts the sources as typed: the
/// meaning of DEST must not depend on how many of them exist.
pub(super) fn plan(
    destination: &Path,
    found: Destination,
    named: usize,
    sources: &[(VPath, bool)],
) -> Result<Plan, Failure> {
    let shown = destination.display();
    let only = if named == 1 { sources.first() } else { None };
    if found == Destination::File && !matches!(only, Some((_, false))) {
        return Err(Failure::usage(format!("{shown} is a file, but must be a folder")));
    }
    let slash = destination.as_os_str().as_encoded_bytes().ends_with(b"/");
    match only {
        Some((source, true)) if matches!(found, Destination::Missing | Destination::Made) => {
            let mapping = Mapping { source: source.clone(), local: VPath::root(), is_folder: true };
            Ok(Plan { base: destination.to_owned(), mappings: vec![mapping] })
        }
        Some((source, false)) if found == Destination::File || (found == Destination::Missing && !slash) => {
            let (base, local) = split(destination)?;
            Ok(Plan { base, mappings: vec![Mapping { source: source.clone(), local, is_folder: false }] })
        }
        _ => Ok(Plan { base: destination.to_owned(), mappings: under_own_names(sources)? }),
    }
}

fn under_own_names(sources: &[(VPath, bool)]) -> Result<Vec<Mapping>, Failure> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for (source, is_folder) in sources {
        if source.is_root() && sources.len() > 1 {
            return Err(Failure::usage("`/` includes all other sources: name it alone"));
        }
        let local = if source.is_root() { VPath::root() } else { VPath::root().join(source.name())? };
        if let Some(other) = mappings.iter().find(|mapping| mapping.local == local) {
            let (left, right) = (other.source.encoded(), source.encoded());
            return Err(Failure::usage(format!("`{left}` and `{right}` would have the same local name")));
        }
        mappings.push(Mapping { source: source.clone(), local, is_folder: *is_folder });
    }
    Ok(mappings)
}

/// The folder and the name of a file that does not exist yet.
fn split(destination: &Path) -> Result<(PathBuf, VPath), Failure> {
    let refused = || Failure::usage(format!("{} is not a file name", destination.display()));
    let name = destination.file_name().and_then(name_bytes).ok_or_else(refused)?;
    let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty());
    let local = VPath::root().join(name).map_err(|_| refused())?;
    Ok((parent.unwrap_or(Path::new(".")).to_owned(), local))
}

#[cfg(unix)]
fn name_bytes(name: &std::ffi::OsStr) -> Option<&[u8]> {
    Some(name.as_encoded_bytes())
}

#[cfg(not(unix))]
fn name_bytes(name: &std::ffi::OsStr) -> Option<&[u8]> {
    name.to_str().map(str::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(destination: &str, found: Destination, sources: &[&str], expected: Option<(&str, &[&str])>) {
        let path = |text: &str| VPath::parse(text.trim_end_matches('/')).unwrap();
        let sources: Vec<_> = sources.iter().map(|text| (path(text), text.ends_with('/'))).collect();
        let plan = plan(Path::new(destination), found, sources.len(), &sources).ok();
        let plan = plan.map(|plan| (plan.base, plan.mappings.iter().map(|mapping| mapping.local.encoded()).collect()));
        let expected: Option<(PathBuf, Vec<String>)> =
            expected.map(|(base, locals)| (base.into(), locals.iter().map(|&local| local.into()).collect()));
        assert_eq!(plan, expected);
    }

    #[test]
    fn sources_map_to_the_paths_that_cp_would_use() {
        check("new", Destination::Missing, &["/"], Some(("new", &[""])));
        check("old", Destination::Folder, &["/"], Some(("old", &[""])));
        check("new", Destination::Missing, &["a/docs/"], Some(("new", &[""])));
        check("old", Destination::Folder, &["a/docs/"], Some(("old", &["docs"])));
        check("old", Destination::Made, &["a/docs/"], Some(("old", &[""])));
        check("old", Destination::Made, &["a/f"], Some(("old", &["f"])));
        check("new", Destination::Missing, &["a/f"], Some((".", &["new"])));
        check("x/new", Destination::Missing, &["a/f"], Some(("x", &["new"])));
        check("new/", Destination::Missing, &["a/f"], Some(("new/", &["f"])));
        check("old", Destination::Folder, &["a/f"], Some(("old", &["f"])));
        check("old", Destination::File, &["a/f"], Some((".", &["old"])));
        check("/old", Destination::File, &["a/f"], Some(("/", &["old"])));
        check("new", Destination::Missing, &["a/f", "b/"], Some(("new", &["f", "b"])));
    }

    #[test]
    fn sources_that_do_not_fit_the_destination_are_refused() {
        check("old", Destination::File, &["docs/"], None);
        check("old", Destination::File, &["f", "g"], None);
        check("new", Destination::Missing, &["a/f", "b/f"], None);
        check("new", Destination::Missing, &["/", "a/f"], None);
        check("..", Destination::Missing, &["f"], None);
    }

    #[test]
    fn a_missing_source_does_not_change_the_meaning_of_the_destination() {
        let sources = [(VPath::parse("f").unwrap(), false)];
        let plan = plan(Path::new("new"), Destination::Missing, 2, &sources).unwrap();
        assert_eq!((plan.base, plan.mappings[0].local.encoded()), ("new".into(), "f".into()));
    }
}

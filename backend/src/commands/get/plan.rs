//! Where each SRC arrives. Pure: what exists is told, nothing is looked at.

use std::path::{Path, PathBuf};

use shared::VPath;

use crate::commands::exit::Failure;

/// What DEST is before anything is downloaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    Nothing,
    Folder,
    File,
}

/// One SRC, and where it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// On the server.
    pub(super) source: VPath,
    /// Below the base.
    pub(super) local: VPath,
    pub(super) is_folder: bool,
}

/// Everything below one folder of this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// Made if it is not there; nothing outside is written.
    pub(super) base: PathBuf,
    pub(super) places: Vec<Place>,
}

/// Where the sources (each with whether it is a folder) arrive. `named` is how many were named, of which some may not
/// exist: what DEST means must not depend on that.
pub(super) fn plan(destination: &Path, found: Found, named: usize, sources: &[(VPath, bool)]) -> Result<Plan, Failure> {
    let shown = destination.display();
    let only = if named == 1 { sources.first() } else { None };
    if found == Found::File && !matches!(only, Some((_, false))) {
        return Err(Failure::usage(format!("{shown} is a file: a folder is needed there")));
    }
    let slash = destination.as_os_str().as_encoded_bytes().ends_with(b"/");
    match only {
        Some((source, true)) if found == Found::Nothing => {
            let place = Place { source: source.clone(), local: VPath::root(), is_folder: true };
            Ok(Plan { base: destination.to_owned(), places: vec![place] })
        }
        Some((source, false)) if found == Found::File || (found == Found::Nothing && !slash) => {
            let (base, local) = split(destination)?;
            Ok(Plan { base, places: vec![Place { source: source.clone(), local, is_folder: false }] })
        }
        _ => Ok(Plan { base: destination.to_owned(), places: under_own_names(sources)? }),
    }
}

fn under_own_names(sources: &[(VPath, bool)]) -> Result<Vec<Place>, Failure> {
    let mut places: Vec<Place> = Vec::new();
    for (source, is_folder) in sources {
        if source.is_root() && sources.len() > 1 {
            return Err(Failure::usage("`/` is everything: nothing else can be named beside it"));
        }
        let local = if source.is_root() { VPath::root() } else { VPath::root().join(source.name())? };
        if let Some(other) = places.iter().find(|place| place.local == local) {
            let (left, right) = (other.source.encoded(), source.encoded());
            return Err(Failure::usage(format!("`{left}` and `{right}` would both arrive under the same name")));
        }
        places.push(Place { source: source.clone(), local, is_folder: *is_folder });
    }
    Ok(places)
}

/// The folder and the name of a file to be.
fn split(destination: &Path) -> Result<(PathBuf, VPath), Failure> {
    let unfit = || Failure::usage(format!("{} is no name for a file", destination.display()));
    let name = destination.file_name().and_then(name_bytes).ok_or_else(unfit)?;
    let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty());
    let local = VPath::root().join(name).map_err(|_| unfit())?;
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
    fn check(destination: &str, found: Found, sources: &[&str], expected: Option<(&str, &[&str])>) {
        let path = |text: &str| VPath::parse(text.trim_end_matches('/')).unwrap();
        let sources: Vec<_> = sources.iter().map(|text| (path(text), text.ends_with('/'))).collect();
        let plan = plan(Path::new(destination), found, sources.len(), &sources).ok();
        let plan = plan.map(|plan| (plan.base, plan.places.iter().map(|place| place.local.encoded()).collect()));
        let expected: Option<(PathBuf, Vec<String>)> =
            expected.map(|(base, locals)| (base.into(), locals.iter().map(|&local| local.into()).collect()));
        assert_eq!(plan, expected);
    }

    #[test]
    fn sources_arrive_where_cp_would_put_them() {
        check("new", Found::Nothing, &["/"], Some(("new", &[""])));
        check("old", Found::Folder, &["/"], Some(("old", &[""])));
        check("new", Found::Nothing, &["a/docs/"], Some(("new", &[""])));
        check("old", Found::Folder, &["a/docs/"], Some(("old", &["docs"])));
        check("new", Found::Nothing, &["a/f"], Some((".", &["new"])));
        check("x/new", Found::Nothing, &["a/f"], Some(("x", &["new"])));
        check("new/", Found::Nothing, &["a/f"], Some(("new/", &["f"])));
        check("old", Found::Folder, &["a/f"], Some(("old", &["f"])));
        check("old", Found::File, &["a/f"], Some((".", &["old"])));
        check("/old", Found::File, &["a/f"], Some(("/", &["old"])));
        check("new", Found::Nothing, &["a/f", "b/"], Some(("new", &["f", "b"])));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        check("old", Found::File, &["docs/"], None);
        check("old", Found::File, &["f", "g"], None);
        check("new", Found::Nothing, &["a/f", "b/f"], None);
        check("new", Found::Nothing, &["/", "a/f"], None);
        check("..", Found::Nothing, &["f"], None);
    }

    #[test]
    fn a_source_that_is_missing_does_not_change_what_the_destination_means() {
        let sources = [(VPath::parse("f").unwrap(), false)];
        let plan = plan(Path::new("new"), Found::Nothing, 2, &sources).unwrap();
        assert_eq!((plan.base, plan.places[0].local.encoded()), ("new".into(), "f".into()));
    }
}

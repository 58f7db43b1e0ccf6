//! Where each SRC arrives on the server. Pure: what exists is told, nothing is looked at.

use std::path::PathBuf;

use shared::VPath;

use crate::commands::exit::Failure;
use crate::commands::print;

/// What DEST is before anything is uploaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    Nothing,
    Folder,
    File,
}

/// Something of this machine that was named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Source {
    pub(super) local: PathBuf,
    /// Its name; none for `.`, `..` and `/`, which stand for what is in them.
    pub(super) name: Option<Vec<u8>>,
    pub(super) is_folder: bool,
}

/// One SRC, and where it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) local: PathBuf,
    pub(super) remote: VPath,
    pub(super) is_folder: bool,
}

/// Where the sources arrive. `slash` is whether DEST was typed with one at its end; `named` is how many sources were
/// named, of which some may not exist: what DEST means must not depend on that.
pub(super) fn plan(
    destination: &VPath,
    slash: bool,
    found: Found,
    named: usize,
    sources: Vec<Source>,
) -> Result<Vec<Place>, Failure> {
    let only = if named == 1 { sources.first() } else { None };
    if found == Found::File && only.is_none_or(|source| source.is_folder) {
        return Err(Failure::usage("is a file: a folder is needed there").about(destination));
    }
    let takes_its_place = only.is_some_and(|source| match found {
        Found::File => true,
        Found::Nothing => source.is_folder || !slash,
        Found::Folder => false,
    });
    let mut places: Vec<Place> = Vec::with_capacity(sources.len());
    for Source { local, name, is_folder } in sources {
        let remote = match name {
            Some(name) if !takes_its_place => destination.join(&name)?,
            _ => destination.clone(),
        };
        if remote.is_root() && !is_folder {
            return Err(Failure::usage(format!("{} has no name to arrive under", local.display())));
        }
        if let Some(other) = places.iter().find(|place| place.remote == remote) {
            let (first, second) = (other.local.display(), local.display());
            let remote = print::path(&remote);
            return Err(Failure::usage(format!("{first} and {second} would both arrive as {remote}")));
        }
        places.push(Place { local, remote, is_folder });
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(destination: &str, found: Found, sources: &[&str], expected: Option<&[&str]>) {
        let slash = destination.ends_with('/');
        let path = VPath::parse(destination.trim_end_matches('/')).unwrap();
        let source = |text: &&str| {
            let bare = text.trim_end_matches('/');
            let name = bare.rsplit('/').next().filter(|name| *name != ".").map(|name| name.as_bytes().to_vec());
            Source { local: bare.into(), name, is_folder: text.ends_with('/') }
        };
        let places = plan(&path, slash, found, sources.len(), sources.iter().map(source).collect()).ok();
        let places: Option<Vec<_>> = places.map(|places| places.iter().map(|place| place.remote.encoded()).collect());
        let expected: Option<Vec<String>> = expected.map(|paths| paths.iter().map(|&path| path.into()).collect());
        assert_eq!(places, expected, "{sources:?} {destination}");
    }

    #[test]
    fn sources_arrive_where_cp_would_put_them() {
        check("/", Found::Folder, &["f", "d/"], Some(&["f", "d"]));
        check("/", Found::Folder, &["./"], Some(&[""]));
        check("old", Found::Folder, &["x/d/"], Some(&["old/d"]));
        check("old", Found::Folder, &["x/f"], Some(&["old/f"]));
        check("old", Found::Folder, &["x/./"], Some(&["old"]));
        check("new", Found::Nothing, &["x/d/"], Some(&["new"]));
        check("new", Found::Nothing, &["f"], Some(&["new"]));
        check("new/", Found::Nothing, &["f"], Some(&["new/f"]));
        check("new", Found::Nothing, &["f", "g"], Some(&["new/f", "new/g"]));
        check("old", Found::File, &["f"], Some(&["old"]));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        check("old", Found::File, &["d/"], None);
        check("old", Found::File, &["f", "g"], None);
        check("old", Found::Folder, &["a/f", "b/f"], None);
    }
}

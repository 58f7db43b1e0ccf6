//! Maps each SRC to its path on the server. Pure: the caller says what exists.

use std::path::PathBuf;

use shared::VPath;

use crate::commands::failure::Failure;
use crate::commands::format;

/// What DEST is before the upload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Destination {
    Missing,
    Folder,
    /// A folder that an earlier run of this command made as its destination.
    Made,
    File,
}

/// A local source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Source {
    pub(super) local: PathBuf,
    /// Its name. `None` for `.`, `..` and `/`, which mean their content.
    pub(super) name: Option<Vec<u8>>,
    pub(super) is_folder: bool,
}

/// One SRC and its path on the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mapping {
    pub(super) local: PathBuf,
    pub(super) remote: VPath,
    pub(super) is_folder: bool,
}

/// Maps the sources, as `cp -r` would, except that a repeated command goes on in the folder that it made. `slash` says that DEST was typed with a slash at its end. `named` counts the
/// sources as typed: the meaning of DEST must not depend on how many of them exist.
pub(super) fn plan(
    destination: &VPath,
    slash: bool,
    found: Destination,
    named: usize,
    sources: Vec<Source>,
) -> Result<Vec<Mapping>, Failure> {
    let only = if named == 1 { sources.first() } else { None };
    if found == Destination::File && only.is_none_or(|source| source.is_folder) {
        return Err(Failure::usage("is a file, but must be a folder").about(destination));
    }
    let becomes_destination = only.is_some_and(|source| match found {
        Destination::File => true,
        Destination::Missing => source.is_folder || !slash,
        Destination::Made => source.is_folder,
        Destination::Folder => false,
    });
    let mut mappings: Vec<Mapping> = Vec::with_capacity(sources.len());
    for Source { local, name, is_folder } in sources {
        let remote = match name {
            Some(name) if !becomes_destination => destination.join(&name)?,
            _ => destination.clone(),
        };
        if remote.is_root() && !is_folder {
            return Err(Failure::usage(format!("{} has no name for the destination", local.display())));
        }
        if let Some(other) = mappings.iter().find(|mapping| mapping.remote == remote) {
            let (first, second) = (other.local.display(), local.display());
            let remote = format::path(&remote);
            return Err(Failure::usage(format!("{first} and {second} would both become {remote}")));
        }
        mappings.push(Mapping { local, remote, is_folder });
    }
    Ok(mappings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(destination: &str, found: Destination, sources: &[&str], expected: Option<&[&str]>) {
        let slash = destination.ends_with('/');
        let path = VPath::parse(destination.trim_end_matches('/')).unwrap();
        let source = |text: &&str| {
            let bare = text.trim_end_matches('/');
            let name = bare.rsplit('/').next().filter(|name| *name != ".").map(|name| name.as_bytes().to_vec());
            Source { local: bare.into(), name, is_folder: text.ends_with('/') }
        };
        let mappings = plan(&path, slash, found, sources.len(), sources.iter().map(source).collect()).ok();
        let mappings: Option<Vec<_>> =
            mappings.map(|mappings| mappings.iter().map(|mapping| mapping.remote.encoded()).collect());
        let expected: Option<Vec<String>> = expected.map(|paths| paths.iter().map(|&path| path.into()).collect());
        assert_eq!(mappings, expected, "{sources:?} {destination}");
    }

    #[test]
    fn sources_map_to_the_paths_that_cp_would_use() {
        check("/", Destination::Folder, &["f", "d/"], Some(&["f", "d"]));
        check("/", Destination::Folder, &["./"], Some(&[""]));
        check("old", Destination::Folder, &["x/d/"], Some(&["old/d"]));
        check("old", Destination::Folder, &["x/f"], Some(&["old/f"]));
        check("old", Destination::Folder, &["x/./"], Some(&["old"]));
        check("new", Destination::Missing, &["x/d/"], Some(&["new"]));
        check("old", Destination::Made, &["x/d/"], Some(&["old"]));
        check("old", Destination::Made, &["x/f"], Some(&["old/f"]));
        check("new", Destination::Missing, &["f"], Some(&["new"]));
        check("new/", Destination::Missing, &["f"], Some(&["new/f"]));
        check("new", Destination::Missing, &["f", "g"], Some(&["new/f", "new/g"]));
        check("old", Destination::File, &["f"], Some(&["old"]));
    }

    #[test]
    fn sources_that_do_not_fit_the_destination_are_refused() {
        check("old", Destination::File, &["d/"], None);
        check("old", Destination::File, &["f", "g"], None);
        check("old", Destination::Folder, &["a/f", "b/f"], None);
    }
}

//! How far the symbolic links of a request lead. Pure.

use shared::VPath;

/// The folder that the links of a request may not leave: the root of the request, in a storage that other callers share.
/// The default is the root of the storage.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LinkScope {
    folder: VPath,
}

impl LinkScope {
    /// Links lead to this folder and to the entries below it.
    pub fn below(folder: VPath) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &VPath {
        &self.folder
    }

    /// True if links lead anywhere in the storage.
    pub fn is_whole(&self) -> bool {
        self.folder.is_root()
    }

    /// Whether a link may lead to the entry at this path, which has no links in it.
    pub fn may(&self, path: &VPath) -> bool {
        self.folder.strip_prefix_of(path).is_some()
    }

    /// Whether the target of a link may name this path on its way: an entry in the folder, or a folder above it, through
    /// which targets such as `../folder/file` come back. Nothing else is looked up, so that a link does not tell what
    /// exists outside.
    pub fn may_pass(&self, path: &VPath) -> bool {
        self.may(path) || path.strip_prefix_of(&self.folder).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_into_the_folder_and_pass_those_above_it() {
        let path = |text| VPath::parse(text).unwrap();
        let scope = LinkScope::below(path("home/ada"));
        for (text, may, may_pass) in [
            ("home/ada", true, true),
            ("home/ada/notes/a", true, true),
            ("home", false, true),
            ("", false, true),
            ("home/eve", false, false),
            ("home/ada2", false, false),
            ("home/ad", false, false),
            ("etc", false, false),
        ] {
            assert_eq!((scope.may(&path(text)), scope.may_pass(&path(text))), (may, may_pass), "{text}");
        }
        assert!(LinkScope::default().is_whole() && LinkScope::default().may(&path("etc")));
        assert!(!scope.is_whole());
    }
}

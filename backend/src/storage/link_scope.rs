//! How far the symbolic links of a request lead. Pure.

use std::sync::Arc;

use shared::{Grant, Rights, Scope, VPath};

/// The entries that the links of a request may lead to, in a storage that other callers share: those in the base of the
/// request at which its caller has some rights. The default is the whole storage.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LinkScope {
    folder: VPath,
    /// What is granted in the folder; `None` where links lead to all of it.
    granted: Option<Granted>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Granted {
    /// Relative to the folder.
    scope: Arc<Scope>,
    wanted: Rights,
}

impl LinkScope {
    /// Links lead to this folder and to the entries below it.
    pub fn below(folder: VPath) -> Self {
        Self { folder, granted: None }
    }

    /// Links lead to the entries at which the scope grants the `wanted` rights.
    pub fn where_granted(scope: &Scope, wanted: Rights) -> Self {
        let folder = scope.base.clone();
        if scope.rights_everywhere().contains(wanted) {
            return Self::below(folder);
        }
        Self { folder, granted: Some(Granted { scope: Arc::new(scope.relative_to_base()), wanted }) }
    }

    /// The folder that contains all of them.
    pub fn folder(&self) -> &VPath {
        &self.folder
    }

    /// The same entries of another folder.
    pub fn moved_to(&self, folder: VPath) -> Self {
        Self { folder, granted: self.granted.clone() }
    }

    /// True if links lead anywhere in the storage.
    pub fn is_whole(&self) -> bool {
        self.folder.is_root() && self.granted.is_none()
    }

    /// Whether a link may lead to the entry at this path, which has no links in it.
    pub fn may(&self, path: &VPath) -> bool {
        let Some(inner) = self.folder.strip_prefix_of(path) else { return false };
        self.granted.as_ref().is_none_or(|granted| granted.may(&inner))
    }

    /// Whether the target of a link may name this path on its way: an entry that it may lead to, or a folder above one,
    /// through which targets such as `../folder/file` come back. Nothing else is looked up, so that a link does not tell
    /// what exists elsewhere.
    pub fn may_pass(&self, path: &VPath) -> bool {
        if path.contains(&self.folder) {
            return true;
        }
        let Some(inner) = self.folder.strip_prefix_of(path) else { return false };
        self.granted.as_ref().is_none_or(|granted| granted.may_pass(&inner))
    }
}

impl Granted {
    fn may(&self, inner: &VPath) -> bool {
        self.scope.rights_at(inner).contains(self.wanted)
    }

    fn may_pass(&self, inner: &VPath) -> bool {
        let leads_on = |grant: &Grant| inner.contains(&grant.at) && self.may(&grant.at);
        self.may(inner) || self.scope.grants.iter().any(leads_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    #[test]
    fn links_lead_into_the_folder_and_pass_those_above_it() {
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

    #[test]
    fn links_lead_where_the_wanted_rights_are_granted() {
        let grant = |at, rights| Grant { at: path(at), rights };
        let grants = vec![
            grant("team/a", Rights::READ_ONLY),
            grant("team/in", Rights::CREATE),
            grant("team/in/x", Rights::READ_ONLY),
            grant("other", Rights::ALL),
        ];
        let scope = LinkScope::where_granted(&Scope { base: path("team"), grants }, Rights::READ);
        for (text, may, may_pass) in [
            ("team", false, true),
            ("team/a/b", true, true),
            ("team/in", false, true),
            ("team/in/y", false, false),
            ("team/in/x", true, true),
            ("team/b", false, false),
            ("other", false, false),
            ("", false, true),
        ] {
            assert_eq!((scope.may(&path(text)), scope.may_pass(&path(text))), (may, may_pass), "{text}");
        }
        assert!(!scope.is_whole());
        assert!(scope.moved_to(path("disk/team")).may(&path("disk/team/a")));
        assert!(LinkScope::where_granted(&Scope::whole(Rights::READ_ONLY), Rights::READ).is_whole());
        assert!(!LinkScope::where_granted(&Scope::whole(Rights::READ), Rights::READ_ONLY).is_whole());
    }
}

//! `Ceiling`: the most that a key allows, whatever scope its holder sends. Pure.

use shared::{Rights, Scope, VPath};

/// The most that a client with a key may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ceiling {
    /// The rights.
    pub(super) rights: Rights,
    /// The folder in the storage in which they hold.
    pub(super) folder: VPath,
}

impl Ceiling {
    /// The same rights in the whole storage.
    pub(super) fn everywhere(rights: Rights) -> Self {
        Self { rights, folder: VPath::root() }
    }

    /// Takes away what lies outside the folder or is not among the rights, and the grants of which nothing is left. What
    /// is granted above the folder holds at the folder.
    pub(super) fn limit(&self, scope: &mut Scope) {
        for grant in &mut scope.grants {
            grant.rights = grant.rights.intersection(self.rights);
            if self.folder.contains(&grant.at) {
                continue;
            }
            if grant.at.contains(&self.folder) {
                grant.at = self.folder.clone();
            } else {
                grant.rights = Rights::NONE;
            }
        }
        scope.grants.retain(|grant| grant.rights != Rights::NONE);
    }
}

#[cfg(test)]
mod tests {
    use shared::Grant;

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    #[test]
    fn a_scope_is_limited_to_the_rights_and_the_folder() {
        let limited = |folder: &str, grants: &[(&str, Rights)]| {
            let grants = grants.iter().map(|(at, rights)| Grant { at: path(at), rights: *rights }).collect();
            let mut scope = Scope { base: VPath::root(), grants };
            Ceiling { rights: Rights::READ_ONLY, folder: path(folder) }.limit(&mut scope);
            scope.grants.into_iter().map(|grant| (grant.at.encoded(), grant.rights)).collect::<Vec<_>>()
        };
        let all = [("", Rights::LIST), ("docs", Rights::ALL), ("docs/in", Rights::ALL), ("docs2", Rights::ALL)];
        let read = Rights::READ_ONLY;
        let whole = [("", Rights::LIST), ("docs", read), ("docs/in", read), ("docs2", read)];
        assert_eq!(limited("", &all), whole.map(|(at, rights)| (at.to_owned(), rights)));
        let docs = [("docs", Rights::LIST), ("docs", read), ("docs/in", read)];
        assert_eq!(limited("docs", &all), docs.map(|(at, rights)| (at.to_owned(), rights)));
        assert_eq!(limited("docs", &[("docs", Rights::CREATE), ("", Rights::DELETE)]), []);
    }
}

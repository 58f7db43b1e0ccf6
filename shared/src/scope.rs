//! `Scope`: what a caller may do, as rights that are granted on folders. The gateway derives it from the account; the
//! file server enforces it, and nothing else does. Pure.

use crate::error::ErrorCode;
use crate::path::{PathError, VPath};
use crate::rights::Rights;

/// Rights on a folder and everything below it, or on a file.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Grant {
    /// The path in the storage, without links.
    #[cfg_attr(feature = "wire", n(0))]
    pub at: VPath,
    /// The rights.
    #[cfg_attr(feature = "wire", n(1))]
    pub rights: Rights,
}

/// What a caller may do: at each path, what is granted there and at the folders above adds up. Nothing subtracts. The
/// default grants nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Scope {
    /// The folder in the storage that the caller's paths are relative to. What lies elsewhere is not reached, whatever
    /// is granted there.
    #[cfg_attr(feature = "wire", n(0))]
    pub base: VPath,
    /// At most [`crate::limits::SCOPE_GRANTS_MAX`], with paths of [`crate::limits::SCOPE_PATHS_BYTES_MAX`] in all.
    #[cfg_attr(feature = "wire", n(1))]
    pub grants: Vec<Grant>,
}

/// What a caller sees of the entries of a folder.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum View {
    /// All of them.
    All,
    /// The names that lead to a grant, in their order: the folder is on the way to one.
    Only(Vec<Box<[u8]>>),
    /// The folder does not exist for the caller.
    Nothing,
}

impl Scope {
    /// One grant on the whole storage.
    pub fn whole(rights: Rights) -> Self {
        Self::below(VPath::root(), rights)
    }

    /// One grant on a folder, which the caller's paths are relative to.
    pub fn below(folder: VPath, rights: Rights) -> Self {
        Self { grants: vec![Grant { at: folder.clone(), rights }], base: folder }
    }

    /// The rights at a path in the storage.
    pub fn rights_at(&self, path: &VPath) -> Rights {
        let above = self.grants.iter().filter(|grant| grant.at.contains(path));
        above.fold(Rights::NONE, |rights, grant| rights.union(grant.rights))
    }

    /// The rights at the base, which hold at every path of the caller.
    pub fn rights_everywhere(&self) -> Rights {
        self.rights_at(&self.base)
    }

    /// Every right that the caller has at some path.
    pub fn rights_anywhere(&self) -> Rights {
        let reached = self.grants.iter().filter(|grant| self.reaches(grant));
        reached.fold(Rights::NONE, |rights, grant| rights.union(grant.rights))
    }

    /// The path in the storage of a path of the caller, if the caller has the `wanted` rights there.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where nothing is granted, neither there nor below, and for reading in a drop box;
    /// [`ErrorCode::Forbidden`] if a right is missing; [`ErrorCode::BadPath`] if the joined path is too long.
    pub fn check(&self, wanted: Rights, asked: &VPath) -> Result<VPath, ErrorCode> {
        let path = self.in_storage(asked)?;
        let held = self.rights_at(&path);
        if held.contains(wanted) && held != Rights::NONE { Ok(path) } else { Err(self.refusal(held, wanted, &path)) }
    }

    /// The path in the storage of a path of the caller, and what the caller sees of a folder there.
    ///
    /// # Errors
    /// As [`Scope::check`] for [`Rights::LIST`], but for a folder on the way to a grant.
    pub fn look(&self, asked: &VPath) -> Result<(VPath, View), ErrorCode> {
        let path = self.in_storage(asked)?;
        match self.view(&path) {
            View::Nothing => Err(self.refusal(self.rights_at(&path), Rights::LIST, &path)),
            view => Ok((path, view)),
        }
    }

    /// What the caller sees of a folder in the storage.
    pub fn view(&self, path: &VPath) -> View {
        if self.rights_at(path).contains(Rights::LIST) {
            return View::All;
        }
        let mut names: Vec<_> = self.grants.iter().filter_map(|grant| next_name(path, &grant.at)).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() { View::Nothing } else { View::Only(names.into_iter().map(Box::from).collect()) }
    }

    /// Whether the caller has some right at a path in the storage, or below it.
    pub fn is_seen(&self, path: &VPath) -> bool {
        self.grants.iter().any(|grant| grant.at.contains(path) || path.contains(&grant.at))
    }

    /// The same rights for paths that are relative to the base: what is granted above holds at the root.
    pub fn relative_to_base(&self) -> Self {
        let relative = |grant: &Grant| {
            let at = self.base.strip_prefix_of(&grant.at).unwrap_or_default();
            Grant { at, rights: grant.rights }
        };
        let reached = self.grants.iter().filter(|grant| self.reaches(grant));
        Self { base: VPath::root(), grants: reached.map(relative).collect() }
    }

    fn in_storage(&self, asked: &VPath) -> Result<VPath, ErrorCode> {
        self.base.join_path(asked).map_err(|_: PathError| ErrorCode::BadPath)
    }

    fn reaches(&self, grant: &Grant) -> bool {
        grant.at.contains(&self.base) || self.base.contains(&grant.at)
    }

    /// Why a caller with the rights `held` at a path does not get the `wanted` ones.
    fn refusal(&self, held: Rights, wanted: Rights, path: &VPath) -> ErrorCode {
        let hidden = held == Rights::NONE || held.is_drop() && wanted.intersects(Rights::READ_ONLY);
        let is_on_the_way = || self.grants.iter().any(|grant| next_name(path, &grant.at).is_some());
        if hidden && !is_on_the_way() { ErrorCode::NotFound } else { ErrorCode::Forbidden }
    }
}

/// The name in `folder` that leads to an entry below it. `None` for the folder itself and what lies elsewhere.
fn next_name<'p>(folder: &VPath, path: &'p VPath) -> Option<&'p [u8]> {
    if folder == path || !folder.contains(path) {
        return None;
    }
    path.segments().nth(folder.segments().count())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn scope(base: &str, grants: &[(&str, Rights)]) -> Scope {
        let grants = grants.iter().map(|(at, rights)| Grant { at: path(at), rights: *rights }).collect();
        Scope { base: path(base), grants }
    }

    const EDIT: Rights = Rights::READ_ONLY.union(Rights::CREATE).union(Rights::REPLACE).union(Rights::DELETE);

    #[test]
    fn check_joins_the_base_and_asks_for_each_right() {
        let rights = Rights::READ_ONLY.union(Rights::DELETE);
        let scope = Scope::below(path("home/ada"), rights);
        let check = |wanted| scope.check(wanted, &path("notes.txt")).map(|path| path.encoded());
        assert_eq!(check(Rights::READ), Ok("home/ada/notes.txt".into()));
        assert_eq!(check(Rights::DELETE), Ok("home/ada/notes.txt".into()));
        assert_eq!(check(Rights::CREATE), Err(ErrorCode::Forbidden));
        assert_eq!(Scope::default().check(Rights::NONE, &path("a")), Err(ErrorCode::NotFound));
    }

    #[test]
    fn what_is_granted_above_adds_up() {
        let scope = scope("", &[("team", Rights::READ_ONLY), ("team/in", Rights::CREATE), ("a/file", EDIT)]);
        for (at, rights) in [
            ("", Rights::NONE),
            ("team", Rights::READ_ONLY),
            ("team2", Rights::NONE),
            ("team/other", Rights::READ_ONLY),
            ("team/in/x/y", Rights::READ_ONLY.union(Rights::CREATE)),
            ("a", Rights::NONE),
            ("a/file", EDIT),
            ("a/file2", Rights::NONE),
        ] {
            assert_eq!(scope.rights_at(&path(at)), rights, "{at}");
        }
        assert_eq!((scope.rights_everywhere(), scope.rights_anywhere()), (Rights::NONE, EDIT));
    }

    #[test]
    fn folders_on_the_way_show_the_names_that_lead_to_a_grant() {
        let scope = scope("", &[("home/ada", EDIT), ("home/in", Rights::CREATE), ("home/ada/x", EDIT)]);
        let only = |names: &[&str]| View::Only(names.iter().map(|name| name.as_bytes().into()).collect());
        for (at, view) in [
            ("", only(&["home"])),
            ("home", only(&["ada", "in"])),
            ("home/ada", View::All),
            ("home/ada/y", View::All),
            ("home/in", View::Nothing),
            ("home/eve", View::Nothing),
            ("home/ad", View::Nothing),
        ] {
            assert_eq!(scope.view(&path(at)), view, "{at}");
        }
        assert_eq!(scope.look(&path("home/eve")), Err(ErrorCode::NotFound));
        assert_eq!(scope.look(&path("home/in/x")), Err(ErrorCode::NotFound));
        assert_eq!(scope.check(Rights::READ, &path("home")), Err(ErrorCode::Forbidden));
    }

    #[test]
    fn a_drop_box_tells_nothing() {
        let scope = scope("", &[("in", Rights::CREATE), ("in/public", Rights::READ_ONLY)]);
        let check = |wanted, at| scope.check(wanted, &path(at)).map(drop);
        assert_eq!(check(Rights::CREATE, "in/a"), Ok(()));
        assert_eq!(check(Rights::READ, "in/a"), Err(ErrorCode::NotFound));
        assert_eq!(check(Rights::ADD, "in/a"), Err(ErrorCode::NotFound));
        assert_eq!(check(Rights::DELETE, "in/a"), Err(ErrorCode::Forbidden));
        assert_eq!(check(Rights::LIST, "in"), Err(ErrorCode::Forbidden));
        assert_eq!(check(Rights::ADD, "in/public/a"), Ok(()));
    }

    #[test]
    fn relative_grants_are_those_at_the_base_and_below() {
        let scope = scope("home", &[("", Rights::LIST), ("home/ada", EDIT), ("team", EDIT), ("home", Rights::READ)]);
        let relative = [("", Rights::LIST), ("ada", EDIT), ("", Rights::READ)];
        assert_eq!(scope.relative_to_base(), self::scope("", &relative));
    }

    fn any_rights() -> impl Strategy<Value = Rights> {
        vec(any::<bool>(), 6).prop_map(|bits| {
            let all = [Rights::LIST, Rights::READ, Rights::CREATE, Rights::REPLACE, Rights::DELETE, Rights::SHARE];
            let held = all.into_iter().zip(bits).filter(|(_, held)| *held);
            held.fold(Rights::NONE, |rights, (right, _)| rights.union(right))
        })
    }

    /// Paths that share their beginnings, as folders and as bytes.
    fn any_path() -> impl Strategy<Value = VPath> {
        vec(prop_oneof![Just("a"), Just("ab"), Just("a-"), Just("b")], 0..4).prop_map(|names| path(&names.join("/")))
    }

    fn any_scope() -> impl Strategy<Value = Scope> {
        let grant = (any_path(), any_rights()).prop_map(|(at, rights)| Grant { at, rights });
        (any_path(), vec(grant, 0..6)).prop_map(|(base, grants)| Scope { base, grants })
    }

    /// Walks up from the path and collects.
    fn model_rights(scope: &Scope, path: &VPath) -> Rights {
        let mut rights = Rights::NONE;
        for folder in path.ancestry() {
            for grant in &scope.grants {
                if grant.at == folder {
                    rights = rights.union(grant.rights);
                }
            }
        }
        rights
    }

    /// Every path of up to three names.
    fn all_paths() -> Vec<VPath> {
        let mut paths = vec![VPath::root()];
        let mut start = 0;
        for _ in 0..3 {
            let end = paths.len();
            for index in start..end {
                for name in ["a", "ab", "a-", "b"] {
                    paths.push(paths[index].join(name.as_bytes()).unwrap());
                }
            }
            start = end;
        }
        paths
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_a_walk_up(scope in any_scope(), asked in any_path(), wanted in any_rights()) {
            let full = VPath::parse(format!("{}/{}", scope.base, asked).trim_matches('/')).unwrap();
            let held = model_rights(&scope, &full);
            prop_assert_eq!(scope.rights_at(&full), held);
            let below: Vec<_> = all_paths().into_iter().filter(|other| {
                full.strip_prefix_of(other).is_some_and(|inner| !inner.is_root())
                    && scope.grants.iter().any(|grant| grant.at == *other)
            }).collect();
            match scope.check(wanted, &asked) {
                Ok(path) => prop_assert!(path == full && held != Rights::NONE && held.contains(wanted)),
                Err(ErrorCode::Forbidden) => prop_assert!(!held.contains(wanted) || held == Rights::NONE),
                Err(code) => {
                    prop_assert_eq!(code, ErrorCode::NotFound);
                    prop_assert!(!held.contains(Rights::LIST) && below.is_empty());
                }
            }
            match scope.view(&full) {
                View::All => prop_assert!(held.contains(Rights::LIST)),
                View::Nothing => prop_assert!(!held.contains(Rights::LIST) && below.is_empty()),
                View::Only(names) => {
                    let mut wanted: Vec<Box<[u8]>> = below.iter()
                        .map(|other| full.strip_prefix_of(other).unwrap().segments().next().unwrap().into())
                        .collect();
                    wanted.sort();
                    wanted.dedup();
                    prop_assert_eq!(names, wanted);
                }
            }
        }

        #[test]
        fn relative_rights_are_the_same(scope in any_scope(), asked in any_path()) {
            let full = scope.base.join_path(&asked).unwrap();
            prop_assert_eq!(scope.relative_to_base().rights_at(&asked), scope.rights_at(&full));
        }
    }
}

//! The scope of a person: what the person may do, for the file server, which alone decides about paths. Pure.

use std::collections::BTreeMap;

use shared::limits::{SCOPE_GRANTS_MAX, SCOPE_PATHS_BYTES_MAX};
use shared::{Grant, Rights, Scope, VPath};

use super::directory::{Directory, Holder};
use super::ids::{SpaceId, UserId};

/// A person would have more grants than a request can carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a person would have more grants than a request can carry")]
pub struct ScopeFull(pub UserId);

/// The most that an access key may do of what its person may.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ceiling {
    /// The rights.
    pub rights: Rights,
    /// The folder that it is confined to; `None` for none.
    pub folder: Option<VPath>,
}

/// What a person may do; without one, what anyone may. A person that is unknown or disabled may do nothing.
///
/// What does not fit into a request is left out, the deepest folders first: nothing that is left out grants less of the
/// rest, because grants only add up.
pub fn scope_of(directory: &Directory, person: Option<UserId>) -> Scope {
    let mut grants = Vec::new();
    let mut bytes = 0;
    let mut folders: Vec<_> = rights_by_folder(directory, person).into_iter().collect();
    folders.sort_by_key(|(folder, _)| folder.segments().count());
    for (folder, rights) in folders {
        bytes += folder.as_bytes().len();
        if grants.len() == SCOPE_GRANTS_MAX || bytes > SCOPE_PATHS_BYTES_MAX {
            break;
        }
        grants.push(Grant { at: folder.clone(), rights });
    }
    Scope { base: VPath::root(), grants }
}

/// Checks that what a person may do still fits into a request after one more grant.
///
/// # Errors
/// [`ScopeFull`] with the first person of the holder for whom it does not.
pub fn check_room(directory: &Directory, holder: Holder, space: SpaceId) -> Result<(), ScopeFull> {
    let Some(space) = directory.space(space) else { return Ok(()) };
    for person in directory.people_of(holder) {
        let mut folders = rights_by_folder(directory, Some(person));
        folders.entry(&space.folder).or_insert(Rights::NONE);
        let bytes: usize = folders.keys().map(|folder| folder.as_bytes().len()).sum();
        if folders.len() > SCOPE_GRANTS_MAX || bytes > SCOPE_PATHS_BYTES_MAX {
            return Err(ScopeFull(person));
        }
    }
    Ok(())
}

/// What is left of a scope below a ceiling. A grant above the folder moves to it, unless a closed space in between stops
/// the grant there.
pub fn narrow(directory: &Directory, scope: &Scope, ceiling: &Ceiling) -> Scope {
    let mut narrowed = scope.clone();
    narrowed.grants.iter_mut().for_each(|grant| grant.rights = grant.rights.intersection(ceiling.rights));
    narrowed.grants.retain(|grant| grant.rights != Rights::NONE);
    let Some(folder) = &ceiling.folder else { return narrowed };
    narrowed.grants.retain_mut(|grant| {
        if folder.contains(&grant.at) {
            return true;
        }
        let reaches = grant.at.contains(folder) && !directory.is_closed_between(&grant.at, folder);
        grant.at = folder.clone();
        reaches
    });
    narrowed
}

/// The rights of a person at each folder with grants.
fn rights_by_folder(directory: &Directory, person: Option<UserId>) -> BTreeMap<&VPath, Rights> {
    let mut folders = BTreeMap::new();
    for holder in directory.holders(person) {
        for grant in directory.grants_to(holder) {
            if let Some(space) = directory.space(grant.space) {
                let rights = folders.entry(&space.folder).or_insert(Rights::NONE);
                *rights = rights.union(grant.rights);
            }
        }
    }
    folders.retain(|_, rights| *rights != Rights::NONE);
    folders
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::accounts::directory::Access;
    use crate::accounts::directory::testing::World;

    const EDIT: Rights = Access::Edit.rights();
    const VIEW: Rights = Access::View.rights();

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    #[test]
    fn a_person_has_what_is_granted_to_groups_accounts_and_anyone() {
        let world = World::new(2, 1)
            .member(0, 0)
            .space("a", false, &[(Holder::User(World::user(0)), VIEW)])
            .space("b", false, &[(Holder::Group(World::group(0)), VIEW), (Holder::Accounts, Access::Drop.rights())])
            .space("c", false, &[(Holder::Anyone, VIEW), (Holder::User(World::user(0)), EDIT)]);
        let rights = |person, at| scope_of(&world.directory, person).rights_at(&path(at));
        let (first, second) = (Some(World::user(0)), Some(World::user(1)));
        assert_eq!((rights(first, "a"), rights(second, "a"), rights(None, "a")), (VIEW, Rights::NONE, Rights::NONE));
        assert_eq!(rights(first, "b"), VIEW.union(Rights::CREATE));
        assert_eq!((rights(second, "b"), rights(None, "b")), (Rights::CREATE, Rights::NONE));
        assert_eq!((rights(first, "c"), rights(second, "c"), rights(None, "c")), (EDIT, VIEW, VIEW));
    }

    #[test]
    fn a_disabled_or_unknown_person_has_less_than_anyone() {
        let world = World::new(1, 0).space("", false, &[(Holder::Anyone, VIEW)]).disabled(0);
        assert_eq!(scope_of(&world.directory, Some(World::user(0))), Scope::default());
        assert_eq!(scope_of(&world.directory, Some(World::user(7))), Scope::default());
        assert_eq!(scope_of(&world.directory, None), Scope::whole(VIEW));
    }

    #[test]
    fn a_key_confined_to_a_folder_in_a_closed_space_does_not_pass_it() {
        let world = World::new(1, 0)
            .space("", false, &[(Holder::User(World::user(0)), EDIT)])
            .space("home/eve", true, &[])
            .space("team", false, &[(Holder::User(World::user(0)), VIEW)]);
        let scope = scope_of(&world.directory, Some(World::user(0)));
        let narrow =
            |rights, folder: &str| narrow(&world.directory, &scope, &Ceiling { rights, folder: Some(path(folder)) });
        assert_eq!(narrow(Rights::ALL, "home/eve").grants, []);
        assert_eq!(narrow(Rights::ALL, "home/eve/letters").grants, []);
        // The space below stays in the way of what is granted above it.
        assert_eq!(narrow(Rights::ALL, "home").grants, [Grant { at: path("home"), rights: EDIT }]);
        assert_eq!(narrow(VIEW, "team/x").rights_at(&path("team/x")), VIEW);
        assert_eq!(narrow(VIEW, "team/x").rights_at(&path("team")), Rights::NONE);
    }

    #[test]
    fn what_does_not_fit_is_refused_when_it_is_granted_and_left_out_otherwise() {
        let holder = Holder::User(World::user(0));
        let mut world = World::new(1, 0).space("one/more", false, &[]);
        let more = world.last_space();
        for index in 0..SCOPE_GRANTS_MAX {
            assert_eq!(check_room(&world.directory, holder, more), Ok(()));
            world = world.space(&format!("s{index}"), false, &[(holder, VIEW)]);
        }
        assert_eq!(check_room(&world.directory, holder, more), Err(ScopeFull(World::user(0))));
        assert_eq!(check_room(&world.directory, holder, world.last_space()), Ok(()));
        let world = world.space("deep/er", false, &[(holder, VIEW)]);
        let scope = scope_of(&world.directory, Some(World::user(0)));
        assert_eq!(scope.grants.len(), SCOPE_GRANTS_MAX);
        assert_eq!(scope.rights_at(&path("deep/er")), Rights::NONE);
    }

    fn any_folder() -> impl Strategy<Value = String> {
        vec(prop_oneof![Just("a"), Just("ab"), Just("b")], 0..4).prop_map(|names| names.join("/"))
    }

    fn any_holder() -> impl Strategy<Value = Holder> {
        prop_oneof![
            (0..3_u8).prop_map(|index| Holder::User(World::user(index))),
            (0..2_u8).prop_map(|index| Holder::Group(World::group(index))),
            Just(Holder::Accounts),
            Just(Holder::Anyone),
        ]
    }

    fn any_world() -> impl Strategy<Value = World> {
        let rights = prop_oneof![Just(VIEW), Just(EDIT), Just(Rights::CREATE), Just(Rights::SHARE)];
        let space = (any_folder(), any::<bool>(), vec((any_holder(), rights), 0..3));
        (vec(space, 0..8), vec((0..2_u8, 0..3_u8), 0..4)).prop_map(|(spaces, members)| {
            let world = members.into_iter().fold(World::new(3, 2), |world, (group, user)| world.member(group, user));
            spaces.into_iter().fold(world, |world, (folder, closed, grants)| world.space(&folder, closed, &grants))
        })
    }

    /// The path, its parent, and so on to the root.
    fn upwards(path: &VPath) -> impl Iterator<Item = VPath> {
        std::iter::successors(Some(path.clone()), VPath::parent)
    }

    /// Walks up from the path, collects what is granted, and stops at a closed space.
    fn model(world: &World, scope: &Scope, path: &VPath) -> Rights {
        let mut rights = Rights::NONE;
        for folder in upwards(path) {
            let here = scope.grants.iter().filter(|grant| grant.at == folder);
            rights = here.fold(rights, |rights, grant| rights.union(grant.rights));
            if world.directory.spaces().any(|space| space.is_closed && space.folder == folder) {
                break;
            }
        }
        rights
    }

    proptest! {
        #[test]
        fn a_scope_is_what_the_holders_of_a_person_were_granted(world in any_world(), user in 0..4_u8, at in any_folder()) {
            let person = (user < 3).then(|| World::user(user));
            let held = |holder: &Holder| match holder {
                Holder::User(id) => Some(*id) == person,
                Holder::Group(id) => world.members.iter().any(|(group, user)| group == id && Some(*user) == person),
                Holder::Accounts => person.is_some(),
                Holder::Anyone => true,
            };
            let at = path(&at);
            let granted = world.granted.iter().filter(|(folder, holder, _)| folder.contains(&at) && held(holder));
            let expected = granted.fold(Rights::NONE, |rights, (_, _, more)| rights.union(*more));
            prop_assert_eq!(scope_of(&world.directory, person).rights_at(&at), expected);
        }

        #[test]
        fn a_ceiling_adds_nothing_and_leaves_the_folder_what_it_had(
            world in any_world(), folder in any_folder(), at in any_folder(), rights in prop_oneof![Just(VIEW), Just(Rights::ALL)]
        ) {
            let scope = scope_of(&world.directory, Some(World::user(0)));
            let (folder, at) = (path(&folder), path(&at));
            let narrowed = narrow(&world.directory, &scope, &Ceiling { rights, folder: Some(folder.clone()) });
            let expected = if folder.contains(&at) { model(&world, &scope, &at).intersection(rights) } else { Rights::NONE };
            prop_assert_eq!(model(&world, &narrowed, &at), expected);
        }
    }
}

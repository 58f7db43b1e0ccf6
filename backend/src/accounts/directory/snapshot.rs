//! `Directory`: all people, groups, spaces and grants at one moment, in memory.

use std::collections::HashMap;

use shared::{Rights, VPath};

use super::super::ids::{GroupId, SpaceId, UserId};
use super::super::name::Name;
use super::holder::Holder;
use super::person::{Group, Person};
use super::space::Space;

/// Rights that a holder has on a space.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SpaceGrant {
    /// The space.
    pub space: SpaceId,
    /// The rights on its folder.
    pub rights: Rights,
}

/// All people, groups, spaces and grants after a change. It never changes itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Directory {
    /// The number of the last change that it includes.
    pub change: i64,
    pub(super) people: HashMap<UserId, Person>,
    pub(super) names: HashMap<Name, UserId>,
    pub(super) groups: HashMap<GroupId, Group>,
    pub(super) groups_of: HashMap<UserId, Vec<GroupId>>,
    pub(super) spaces: HashMap<SpaceId, Space>,
    /// The folders of closed spaces.
    pub(super) closed: Vec<VPath>,
    pub(super) grants: HashMap<Holder, Vec<SpaceGrant>>,
}

impl Directory {
    /// The person of an id, enabled or not.
    pub fn person(&self, id: UserId) -> Option<&Person> {
        self.people.get(&id)
    }

    /// The person of a name, enabled or not.
    pub fn person_named(&self, name: &Name) -> Option<&Person> {
        self.names.get(name).and_then(|id| self.people.get(id))
    }

    /// All people, in no order.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    /// The group of an id.
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// All groups, in no order.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The groups of a person.
    pub fn groups_of(&self, person: UserId) -> &[GroupId] {
        self.groups_of.get(&person).map(Vec::as_slice).unwrap_or_default()
    }

    /// The space of an id.
    pub fn space(&self, id: SpaceId) -> Option<&Space> {
        self.spaces.get(&id)
    }

    /// All spaces, in no order.
    pub fn spaces(&self) -> impl Iterator<Item = &Space> {
        self.spaces.values()
    }

    /// What is granted to a holder.
    pub fn grants_to(&self, holder: Holder) -> &[SpaceGrant] {
        self.grants.get(&holder).map(Vec::as_slice).unwrap_or_default()
    }

    /// True if a closed space below `above` holds `path`: what is granted at `above` does not reach `path`.
    pub fn is_closed_between(&self, above: &VPath, path: &VPath) -> bool {
        self.closed.iter().any(|folder| folder != above && above.contains(folder) && folder.contains(path))
    }

    /// The holders of grants that a person is: as a person, as a member, as an account, and as anyone. Without a person,
    /// or for one that is disabled or unknown, only what `person` says: anyone, or none.
    pub fn holders(&self, person: Option<UserId>) -> Vec<Holder> {
        match person {
            None => vec![Holder::Anyone],
            Some(id) if self.people.get(&id).is_some_and(|person| person.disabled.is_none()) => {
                let groups = self.groups_of(id).iter().map(|group| Holder::Group(*group));
                [Holder::User(id), Holder::Accounts, Holder::Anyone].into_iter().chain(groups).collect()
            }
            Some(_) => Vec::new(),
        }
    }

    /// The people whom a grant to a holder concerns.
    pub fn people_of(&self, holder: Holder) -> Vec<UserId> {
        match holder {
            Holder::User(id) => vec![id],
            Holder::Group(id) => self.group(id).map(|group| group.members.clone()).unwrap_or_default(),
            Holder::Accounts | Holder::Anyone => self.people.keys().copied().collect(),
        }
    }
}

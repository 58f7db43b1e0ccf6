//! A directory for tests, made in memory.

use shared::{Rights, VPath};

use super::super::ids::{GroupId, SpaceId, UserId};
use super::super::moment::Moment;
use super::super::name::{Name, ShownName};
use super::holder::Holder;
use super::person::{Group, Person, Source};
use super::snapshot::{Directory, SpaceGrant};
use super::space::Space;

/// A directory with people `u0`, `u1` and so on, and groups.
#[derive(Clone, Debug)]
pub(in crate::accounts) struct World {
    pub(in crate::accounts) directory: Directory,
    pub(in crate::accounts) members: Vec<(GroupId, UserId)>,
    pub(in crate::accounts) granted: Vec<(VPath, Holder, Rights)>,
}

impl World {
    pub(in crate::accounts) fn new(people: u8, groups: u8) -> Self {
        let mut directory = Directory::default();
        for index in 0..people {
            let (id, name) = (Self::user(index), Name::parse(&format!("u{index}")).unwrap());
            let shown = ShownName::from(&name);
            directory.names.insert(name.clone(), id);
            let (source, created) = (Source::Made, Moment(0));
            let person = Person {
                id,
                name,
                shown,
                source,
                is_administrator: false,
                epoch: 0,
                created,
                disabled: None,
                language: None,
                has_password: false,
            };
            directory.people.insert(id, person);
        }
        for index in 0..groups {
            let (id, name) = (Self::group(index), Name::parse(&format!("g{index}")).unwrap());
            directory.groups.insert(id, Group { id, name, source: Source::Made, members: Vec::new() });
        }
        Self { directory, members: Vec::new(), granted: Vec::new() }
    }

    pub(in crate::accounts) fn user(index: u8) -> UserId {
        UserId([index; 16])
    }

    pub(in crate::accounts) fn group(index: u8) -> GroupId {
        GroupId([index; 16])
    }

    pub(in crate::accounts) fn member(mut self, group: u8, user: u8) -> Self {
        let pair = (Self::group(group), Self::user(user));
        if !self.members.contains(&pair) {
            self.members.push(pair);
            self.directory.groups_of.entry(pair.1).or_default().push(pair.0);
            self.directory.groups.get_mut(&pair.0).unwrap().members.push(pair.1);
        }
        self
    }

    pub(in crate::accounts) fn disabled(mut self, user: u8) -> Self {
        self.directory.people.get_mut(&Self::user(user)).unwrap().disabled = Some(Moment(1));
        self
    }

    /// Adds a space, unless its folder is one already.
    pub(in crate::accounts) fn space(mut self, folder: &str, is_closed: bool, grants: &[(Holder, Rights)]) -> Self {
        let folder = VPath::parse(folder).unwrap();
        if self.directory.spaces().any(|space| space.folder == folder) {
            return self;
        }
        let id = SpaceId((self.directory.spaces.len() as u128).to_be_bytes());
        if is_closed {
            self.directory.closed.push(folder.clone());
        }
        for (holder, rights) in grants {
            self.granted.push((folder.clone(), *holder, *rights));
            let grant = SpaceGrant { space: id, rights: *rights };
            self.directory.grants.entry(*holder).or_default().push(grant);
        }
        let name = ShownName::parse("A space").unwrap();
        self.directory.spaces.insert(id, Space { id, folder, name, is_closed, quota_bytes: None, home_of: None });
        self
    }

    pub(in crate::accounts) fn last_space(&self) -> SpaceId {
        SpaceId((self.directory.spaces.len() as u128 - 1).to_be_bytes())
    }
}

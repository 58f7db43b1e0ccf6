//! Reads the directory from the database.

use shared::{Rights, VPath};

use super::super::ids::{GroupId, SpaceId, UserId};
use super::super::moment::Moment;
use super::super::name::{Name, ShownName};
use super::super::store::{Query, Row, Snapshot, Store, StoreError, sql};
use super::holder::Holder;
use super::person::{Group, Person, Source};
use super::snapshot::{Directory, SpaceGrant};
use super::space::Space;

impl Directory {
    /// Reads everything, of one moment.
    ///
    /// # Errors
    /// [`StoreError`]. A row of an unknown form is [`StoreError::Damaged`]: with a part of the grants, a closed space
    /// might be open.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let queries = [sql::PEOPLE, sql::GROUPS, sql::MEMBERS, sql::SPACES, sql::GRANTS];
        let queries = queries.map(|sql| Query::new(sql, Vec::new())).to_vec();
        Self::from_snapshot(&store.snapshot(queries).await?)
    }

    fn from_snapshot(snapshot: &Snapshot) -> Result<Self, StoreError> {
        let [people, groups, members, spaces, grants] = snapshot.answers.as_slice() else {
            return Err(StoreError::Damaged);
        };
        let mut directory = Self { change: snapshot.change, ..Self::default() };
        directory.people.reserve(people.len());
        directory.names.reserve(people.len());
        people.iter().try_for_each(|row| directory.add_person(row))?;
        groups.iter().try_for_each(|row| directory.add_group(row))?;
        members.iter().try_for_each(|row| directory.add_member(row))?;
        spaces.iter().try_for_each(|row| directory.add_space(row))?;
        grants.iter().try_for_each(|row| directory.add_grant(row))?;
        directory.groups.values_mut().for_each(|group| group.members.sort_unstable());
        Ok(directory)
    }

    fn add_person(&mut self, row: &Row) -> Result<(), StoreError> {
        let person = Person {
            id: UserId::of(row, 0)?,
            name: name(row, 1)?,
            shown: shown(row, 2)?,
            source: source(row, 3)?,
            is_administrator: row.is_true(4)?,
            epoch: row.int(5)?,
            created: Moment(row.int(6)?),
            disabled: row.optional_int(7)?.map(Moment),
            language: row.optional_text(8)?.map(Into::into),
            has_password: row.is_true(9)?,
        };
        self.names.insert(person.name.clone(), person.id);
        self.people.insert(person.id, person);
        Ok(())
    }

    fn add_group(&mut self, row: &Row) -> Result<(), StoreError> {
        let id = GroupId::of(row, 0)?;
        self.groups.insert(id, Group { id, name: name(row, 1)?, source: source(row, 2)?, members: Vec::new() });
        Ok(())
    }

    fn add_member(&mut self, row: &Row) -> Result<(), StoreError> {
        let (group, person) = (GroupId::of(row, 0)?, UserId::of(row, 1)?);
        self.groups.get_mut(&group).ok_or(StoreError::Damaged)?.members.push(person);
        self.groups_of.entry(person).or_default().push(group);
        Ok(())
    }

    fn add_space(&mut self, row: &Row) -> Result<(), StoreError> {
        let space = Space {
            id: SpaceId::of(row, 0)?,
            folder: VPath::from_bytes(row.bytes(1)?).map_err(|_| StoreError::Damaged)?,
            name: shown(row, 2)?,
            is_closed: row.is_true(3)?,
            quota_bytes: row.optional_int(4)?,
            home_of: UserId::optional(row, 5)?,
        };
        if space.is_closed {
            self.closed.push(space.folder.clone());
        }
        self.spaces.insert(space.id, space);
        Ok(())
    }

    fn add_grant(&mut self, row: &Row) -> Result<(), StoreError> {
        let grant = SpaceGrant { space: SpaceId::of(row, 0)?, rights: Rights::parse(row.text(3)?) };
        self.grants.entry(Holder::of(row, 1)?).or_default().push(grant);
        Ok(())
    }
}

fn name(row: &Row, column: usize) -> Result<Name, StoreError> {
    Name::parse(row.text(column)?).map_err(|_| StoreError::Damaged)
}

fn shown(row: &Row, column: usize) -> Result<ShownName, StoreError> {
    ShownName::parse(row.text(column)?).map_err(|_| StoreError::Damaged)
}

fn source(row: &Row, column: usize) -> Result<Source, StoreError> {
    Source::from_name(row.text(column)?).ok_or(StoreError::Damaged)
}

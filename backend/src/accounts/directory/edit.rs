//! The batches that change people, groups, spaces and grants. Pure: each is written by [`super::super::store::Store`].
//!
//! What takes something from a person raises the person's epoch, by which what runs is ended, and each batch notes what
//! other processes must forget.

use shared::{Rights, VPath};

use super::super::ids::{GroupId, SpaceId, UserId};
use super::super::moment::Moment;
use super::super::name::{Name, ShownName};
use super::super::store::{Batch, Value, sql};
use super::holder::Holder;
use super::person::Source;
use super::space::Space;

/// Most accounts.
pub const PEOPLE_MAX: i64 = 100_000;
/// Most groups.
pub const GROUPS_MAX: i64 = 10_000;
/// Most spaces, homes among them.
pub const SPACES_MAX: i64 = 200_000;
/// Most grants on a space.
pub const SPACE_GRANTS_MAX: i64 = 1_000;

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The id.
    pub id: UserId,
    /// The name for signing in.
    pub name: Name,
    /// The name that others see.
    pub shown: ShownName,
    /// Where it comes from.
    pub source: Source,
    /// Whether the person administers people and spaces.
    pub is_administrator: bool,
    /// The hash of the password, in the PHC format; `None` for an account that cannot be signed in to with one.
    pub password: Option<String>,
}

/// Makes an account.
pub fn add_person(person: &NewPerson, now: Moment) -> Batch {
    let values = vec![
        person.id.into(),
        (&person.name).into(),
        (&person.shown).into(),
        person.source.into(),
        person.is_administrator.into(),
        person.password.clone().into(),
        now.into(),
    ];
    let batch = Batch::new().one(sql::GUARD_PEOPLE, vec![PEOPLE_MAX.into()]).one(sql::ADD_PERSON, values);
    noted(batch, now, "user", person.id)
}

/// Gives a person another name for signing in.
pub fn rename_person(id: UserId, name: &Name, now: Moment) -> Batch {
    noted(Batch::new().one(sql::SET_NAME, vec![name.into(), id.into()]), now, "user", id)
}

/// Sets the name that others see, and the language.
pub fn set_shown(id: UserId, shown: &ShownName, language: Option<&str>, now: Moment) -> Batch {
    let values = vec![shown.into(), language.into(), id.into()];
    noted(Batch::new().one(sql::SET_SHOWN, values), now, "user", id)
}

/// Makes a person an administrator, or takes that from the person, unless it is the last one.
pub fn set_administrator(id: UserId, is_administrator: bool, now: Moment) -> Batch {
    let batch = if is_administrator { Batch::new() } else { unless_last_administrator(id) };
    noted(batch.one(sql::SET_ADMINISTRATOR, vec![is_administrator.into(), id.into()]), now, "user", id)
}

/// Disables an account, unless it is the last administrator's. Its sessions end.
pub fn disable_person(id: UserId, now: Moment) -> Batch {
    let batch = unless_last_administrator(id)
        .one(sql::SET_DISABLED, vec![now.into(), id.into()])
        .any(sql::END_SESSIONS_OF, vec![id.into()]);
    noted(batch, now, "user", id)
}

/// Enables an account again.
pub fn enable_person(id: UserId, now: Moment) -> Batch {
    noted(Batch::new().one(sql::SET_DISABLED, vec![Value::Null, id.into()]), now, "user", id)
}

/// Removes an account, unless it is the last administrator's, with all that was granted to the person, with sessions, keys
/// and links.
pub fn remove_person(id: UserId, now: Moment) -> Batch {
    let batch = unless_last_administrator(id)
        .any(sql::REMOVE_GRANTS_TO, vec![Holder::User(id).kind().into(), id.into()])
        .one(sql::REMOVE_PERSON, vec![id.into()]);
    noted(batch, now, "user", id)
}

/// Makes a group.
pub fn add_group(id: GroupId, name: &Name, source: Source, now: Moment) -> Batch {
    let batch = Batch::new()
        .one(sql::GUARD_GROUPS, vec![GROUPS_MAX.into()])
        .one(sql::ADD_GROUP, vec![id.into(), name.into(), source.into()]);
    noted(batch, now, "group", id)
}

/// Gives a group another name.
pub fn rename_group(id: GroupId, name: &Name, now: Moment) -> Batch {
    noted(Batch::new().one(sql::SET_GROUP_NAME, vec![name.into(), id.into()]), now, "group", id)
}

/// Removes a group with what was granted to it.
pub fn remove_group(id: GroupId, now: Moment) -> Batch {
    let batch = Batch::new()
        .any(sql::CUT_GROUP, vec![id.into()])
        .any(sql::REMOVE_GRANTS_TO, vec![Holder::Group(id).kind().into(), id.into()])
        .one(sql::REMOVE_GROUP, vec![id.into()]);
    noted(batch, now, "group", id)
}

/// Adds a person to a group. A member stays one.
pub fn add_member(group: GroupId, person: UserId, now: Moment) -> Batch {
    let batch = Batch::new().any(sql::ADD_MEMBER, vec![group.into(), person.into()]);
    noted(batch, now, "user", person)
}

/// Removes a person from a group.
pub fn remove_member(group: GroupId, person: UserId, now: Moment) -> Batch {
    let batch = Batch::new()
        .one(sql::REMOVE_MEMBER, vec![group.into(), person.into()])
        .one(sql::CUT_PERSON, vec![person.into()]);
    noted(batch, now, "user", person)
}

/// Makes a space.
pub fn add_space(space: &Space, now: Moment) -> Batch {
    let values = vec![
        space.id.into(),
        folder(&space.folder),
        (&space.name).into(),
        space.is_closed.into(),
        space.quota_bytes.into(),
        space.home_of.into(),
    ];
    let mut batch = Batch::new().one(sql::GUARD_SPACES, vec![SPACES_MAX.into()]).one(sql::ADD_SPACE, values);
    if space.is_closed {
        batch = batch.any(sql::CUT_ALL, Vec::new());
    }
    noted(batch, now, "space", space.id)
}

/// Sets the name, whether it is closed, and the quota of a space. Closing takes rights from those who have them above.
pub fn set_space(space: &Space, now: Moment) -> Batch {
    let values = vec![(&space.name).into(), space.is_closed.into(), space.quota_bytes.into(), space.id.into()];
    let mut batch = Batch::new().one(sql::SET_SPACE, values);
    if space.is_closed {
        batch = batch.any(sql::CUT_ALL, Vec::new());
    }
    noted(batch, now, "space", space.id)
}

/// Removes a space with what was granted on it. Its folder stays.
pub fn remove_space(id: SpaceId, now: Moment) -> Batch {
    let batch = Batch::new().any(sql::CUT_HOLDERS, vec![id.into()]).one(sql::REMOVE_SPACE, vec![id.into()]);
    noted(batch, now, "space", id)
}

/// Grants rights on a space, in place of those that the holder had there.
pub fn grant(space: SpaceId, holder: Holder, rights: Rights, now: Moment) -> Batch {
    let batch = cut(holder)
        .one(sql::SET_GRANT, vec![space.into(), holder.kind().into(), holder.id(), rights.to_string().into()])
        .one(sql::GUARD_GRANTS, vec![space.into(), (SPACE_GRANTS_MAX + 1).into()]);
    noted(batch, now, "space", space)
}

/// Takes back what was granted on a space.
pub fn revoke(space: SpaceId, holder: Holder, now: Moment) -> Batch {
    let values = vec![space.into(), holder.kind().into(), holder.id()];
    noted(cut(holder).one(sql::REMOVE_GRANT, values), now, "space", space)
}

fn unless_last_administrator(id: UserId) -> Batch {
    Batch::new().one(sql::GUARD_LAST_ADMINISTRATOR, vec![id.into()])
}

/// Raises the epoch of those whom a grant concerns.
fn cut(holder: Holder) -> Batch {
    match holder {
        Holder::User(id) => Batch::new().one(sql::CUT_PERSON, vec![id.into()]),
        Holder::Group(id) => Batch::new().any(sql::CUT_GROUP, vec![id.into()]),
        Holder::Accounts | Holder::Anyone => Batch::new().any(sql::CUT_ALL, Vec::new()),
    }
}

fn folder(path: &VPath) -> Value {
    path.as_bytes().into()
}

/// Notes what other processes must forget.
fn noted(batch: Batch, now: Moment, what: &str, id: impl Into<Value>) -> Batch {
    batch.one(sql::NOTE_CHANGE, vec![now.into(), what.into(), id.into()])
}

//! The directory on both databases: each change, its guards, and what people may do afterwards.

use std::time::Instant;

use backend::accounts::directory::{Access, Directory, EditError, Holder, Source, Space, edit};
use backend::accounts::ids::{GroupId, SpaceId, UserId};
use backend::accounts::moment::Moment;
use backend::accounts::name::{Name, ShownName};
use backend::accounts::scope::scope_of;
use backend::accounts::store::{Batch, Store};
use shared::{Rights, VPath};

use super::databases::{Place, on_both_databases};

on_both_databases!(
    people_groups_and_spaces_read_back,
    a_name_and_a_folder_are_taken_once,
    the_last_administrator_stays,
    of_two_administrators_who_remove_each_other_one_stays,
    rights_end_with_membership_account_and_grant,
    what_takes_something_raises_the_epoch,
    an_account_of_the_name_of_a_removed_one_gets_nothing_of_it,
);

const NOW: Moment = Moment(1_800_000_000);

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn path(text: &str) -> VPath {
    VPath::parse(text).unwrap()
}

async fn apply(store: &dyn Store, batch: Batch) -> Result<i64, EditError> {
    EditError::check(store.write(batch).await?)
}

async fn add(store: &dyn Store, text: &str, is_administrator: bool) -> UserId {
    let name = name(text);
    let shown = ShownName::from(&name);
    let id = UserId::random().unwrap();
    let person = edit::NewPerson { id, name, shown, source: Source::Made, is_administrator, password: None };
    apply(store, edit::add_person(&person, NOW)).await.unwrap();
    id
}

fn space(folder: &str, is_closed: bool) -> Space {
    Space {
        id: SpaceId::random().unwrap(),
        folder: path(folder),
        name: ShownName::parse("A space").unwrap(),
        is_closed,
        quota_bytes: Some(7 << 30),
        home_of: None,
    }
}

async fn people_groups_and_spaces_read_back(place: Place) {
    let store = place.open().await;
    let (ada, group, team) = (add(&*store, "ada", true).await, GroupId::random().unwrap(), space("team", true));
    for batch in [
        edit::add_group(group, &name("family"), Source::Declared, NOW),
        edit::add_member(group, ada, NOW),
        edit::add_member(group, ada, NOW),
        edit::add_space(&team, NOW),
        edit::grant(team.id, Holder::Group(group), Access::View.rights(), NOW),
        edit::grant(team.id, Holder::Group(group), Access::Edit.rights(), NOW),
        edit::grant(team.id, Holder::Anyone, Access::Drop.rights(), NOW),
        edit::rename_person(ada, &name("ada.l"), NOW),
        edit::set_shown(ada, &ShownName::parse("Ada É").unwrap(), Some("fr"), NOW),
        edit::rename_group(group, &name("kin"), NOW),
    ] {
        apply(&*store, batch).await.unwrap();
    }
    let directory = Directory::load(&*store).await.unwrap();
    let person = directory.person_named(&name("ada.l")).unwrap();
    assert_eq!((person.id, person.shown.as_str(), person.language.as_deref()), (ada, "Ada É", Some("fr")));
    assert!(person.is_administrator && !person.has_password && person.disabled.is_none() && person.created == NOW);
    assert!(directory.person_named(&name("ada")).is_none());
    let kin = directory.group(group).unwrap();
    assert_eq!((kin.name.as_str(), kin.source, kin.members.as_slice()), ("kin", Source::Declared, [ada].as_slice()));
    assert_eq!(directory.space(team.id), Some(&team));
    assert_eq!(scope_of(&directory, Some(ada)).rights_at(&path("team/a")), Access::Edit.rights());
    assert_eq!(scope_of(&directory, None).rights_at(&path("team/a")), Access::Drop.rights());
    assert_eq!(directory.change, store.changes().borrow().change);
}

async fn a_name_and_a_folder_are_taken_once(place: Place) {
    let store = place.open().await;
    let (ada, eve) = (add(&*store, "ada", true).await, add(&*store, "eve", false).await);
    let taken = Err(EditError::Taken);
    assert_eq!(apply(&*store, edit::rename_person(eve, &name("ada"), NOW)).await, taken);
    apply(&*store, edit::add_space(&space("team", false), NOW)).await.unwrap();
    assert_eq!(apply(&*store, edit::add_space(&space("team", true), NOW)).await, taken);
    let missing = UserId::random().unwrap();
    assert_eq!(apply(&*store, edit::rename_person(missing, &name("x"), NOW)).await, Err(EditError::Missing));
    let unknown = edit::add_member(GroupId::random().unwrap(), ada, NOW);
    assert_eq!(apply(&*store, unknown).await, Err(EditError::Missing));
    assert_eq!(Directory::load(&*store).await.unwrap().spaces().count(), 1);
}

async fn the_last_administrator_stays(place: Place) {
    let store = place.open().await;
    let (ada, eve) = (add(&*store, "ada", true).await, add(&*store, "eve", false).await);
    let refused = Err(EditError::LastAdministrator);
    for batch in
        [edit::set_administrator(ada, false, NOW), edit::disable_person(ada, NOW), edit::remove_person(ada, NOW)]
    {
        assert_eq!(apply(&*store, batch).await, refused);
    }
    // A disabled administrator does not count.
    apply(&*store, edit::set_administrator(eve, true, NOW)).await.unwrap();
    apply(&*store, edit::disable_person(eve, NOW)).await.unwrap();
    assert_eq!(apply(&*store, edit::remove_person(ada, NOW)).await, refused);
    apply(&*store, edit::enable_person(eve, NOW)).await.unwrap();
    apply(&*store, edit::remove_person(ada, NOW)).await.unwrap();
    assert_eq!(apply(&*store, edit::set_administrator(eve, false, NOW)).await, refused);
}

async fn of_two_administrators_who_remove_each_other_one_stays(place: Place) {
    let (one, two) = (place.open().await, place.open().await);
    for round in 0..10 {
        let (a, b) = (add(&*one, &format!("a{round}"), true).await, add(&*one, &format!("b{round}"), true).await);
        if round == 0 {
            assert_eq!(Directory::load(&*two).await.unwrap().people().count(), 2);
        }
        // Those of earlier rounds are gone, so these two are the only ones.
        for person in Directory::load(&*one).await.unwrap().people().filter(|person| ![a, b].contains(&person.id)) {
            apply(&*one, edit::remove_person(person.id, NOW)).await.unwrap();
        }
        let (left, right) =
            tokio::join!(apply(&*one, edit::remove_person(b, NOW)), apply(&*two, edit::disable_person(a, NOW)));
        assert_eq!([left, right].iter().filter(|done| done.is_ok()).count(), 1, "{left:?} {right:?}");
    }
}

async fn rights_end_with_membership_account_and_grant(place: Place) {
    let store = place.open().await;
    let (ada, eve) = (add(&*store, "ada", true).await, add(&*store, "eve", false).await);
    let (group, team) = (GroupId::random().unwrap(), space("team", false));
    apply(&*store, edit::add_group(group, &name("g"), Source::Made, NOW)).await.unwrap();
    apply(&*store, edit::add_space(&team, NOW)).await.unwrap();
    let rights = async || {
        let directory = Directory::load(&*store).await.unwrap();
        scope_of(&directory, Some(eve)).rights_at(&path("team"))
    };
    let all = [
        (edit::grant(team.id, Holder::Group(group), Access::View.rights(), NOW), Rights::NONE),
        (edit::add_member(group, eve, NOW), Access::View.rights()),
        (edit::remove_member(group, eve, NOW), Rights::NONE),
        (edit::grant(team.id, Holder::User(eve), Access::Drop.rights(), NOW), Access::Drop.rights()),
        (edit::disable_person(eve, NOW), Rights::NONE),
        (edit::enable_person(eve, NOW), Access::Drop.rights()),
        (edit::add_member(group, eve, NOW), Access::Add.rights()),
        (edit::remove_group(group, NOW), Access::Drop.rights()),
        (edit::grant(team.id, Holder::Accounts, Access::View.rights(), NOW), Access::Add.rights()),
        (edit::revoke(team.id, Holder::User(eve), NOW), Access::View.rights()),
        (edit::remove_space(team.id, NOW), Rights::NONE),
    ];
    for (index, (batch, expected)) in all.into_iter().enumerate() {
        apply(&*store, batch).await.unwrap();
        assert_eq!(rights().await, expected, "{index}");
    }
    let missing = edit::revoke(team.id, Holder::User(ada), NOW);
    assert_eq!(apply(&*store, missing).await, Err(EditError::Missing));
}

async fn what_takes_something_raises_the_epoch(place: Place) {
    let store = place.open().await;
    let (ada, eve) = (add(&*store, "ada", true).await, add(&*store, "eve", false).await);
    let (group, team) = (GroupId::random().unwrap(), space("team", false));
    for batch in [
        edit::add_group(group, &name("g"), Source::Made, NOW),
        edit::add_member(group, eve, NOW),
        edit::add_space(&team, NOW),
        edit::grant(team.id, Holder::Group(group), Access::View.rights(), NOW),
    ] {
        apply(&*store, batch).await.unwrap();
    }
    let closed = Space { is_closed: true, ..team.clone() };
    for (batch, both) in [
        (edit::revoke(team.id, Holder::Group(group), NOW), false),
        (edit::grant(team.id, Holder::User(eve), Access::View.rights(), NOW), false),
        (edit::remove_member(group, eve, NOW), false),
        (edit::set_space(&closed, NOW), true),
        (edit::remove_space(team.id, NOW), false),
        (edit::disable_person(eve, NOW), false),
    ] {
        let before = Directory::load(&*store).await.unwrap();
        let change = apply(&*store, batch).await.unwrap();
        let after = Directory::load(&*store).await.unwrap();
        assert_eq!(after.person(eve).unwrap().epoch, change);
        let ada_before = before.person(ada).unwrap().epoch;
        assert_eq!(after.person(ada).unwrap().epoch, if both { change } else { ada_before });
    }
}

async fn an_account_of_the_name_of_a_removed_one_gets_nothing_of_it(place: Place) {
    let store = place.open().await;
    let (_ada, eve) = (add(&*store, "ada", true).await, add(&*store, "eve", false).await);
    let team = space("team", false);
    apply(&*store, edit::add_space(&team, NOW)).await.unwrap();
    apply(&*store, edit::grant(team.id, Holder::User(eve), Access::Edit.rights(), NOW)).await.unwrap();
    apply(&*store, edit::remove_person(eve, NOW)).await.unwrap();
    let again = add(&*store, "eve", false).await;
    assert_ne!(again, eve);
    let directory = Directory::load(&*store).await.unwrap();
    assert!(scope_of(&directory, Some(again)).grants.is_empty() && scope_of(&directory, Some(eve)).grants.is_empty());
    assert!(directory.grants_to(Holder::User(eve)).is_empty());
}

/// Prints how long 10 000 people in 1 000 groups take to load: `cargo test --release -p backend --test it ten_thousand --
/// --ignored --nocapture`.
#[ignore = "a measurement"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_people_load() {
    for place in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let store = place.open().await;
        let groups: Vec<_> = (0..1_000).map(|_| GroupId::random().unwrap()).collect();
        let mut batch = Batch::new();
        for (index, group) in groups.iter().enumerate() {
            batch = batch.append(edit::add_group(*group, &name(&format!("g{index}")), Source::Made, NOW));
        }
        apply(&*store, batch).await.unwrap();
        for hundred in 0..100 {
            let mut batch = Batch::new();
            for index in 100 * hundred..100 * (hundred + 1) {
                let (id, home) = (UserId::random().unwrap(), space(&format!("home/p{index}"), true));
                let name = name(&format!("p{index}"));
                let shown = ShownName::from(&name);
                let person = edit::NewPerson {
                    id,
                    name,
                    shown,
                    source: Source::Made,
                    is_administrator: index == 0,
                    password: None,
                };
                let open = Space { is_closed: false, ..home };
                batch = batch.append(edit::add_person(&person, NOW)).append(edit::add_space(&open, NOW));
                batch = batch.append(edit::grant(open.id, Holder::User(id), Access::Edit.rights(), NOW));
                for part in 0..3 {
                    batch = batch.append(edit::add_member(groups[(index + 333 * part) % 1_000], id, NOW));
                }
            }
            apply(&*store, batch).await.unwrap();
        }
        let mut best = std::time::Duration::MAX;
        for _ in 0..7 {
            let begun = Instant::now();
            let directory = Directory::load(&*store).await.unwrap();
            assert_eq!(directory.people().count(), 10_000);
            best = best.min(begun.elapsed());
        }
        let directory = Directory::load(&*store).await.unwrap();
        let people: Vec<_> = directory.people().map(|person| person.id).collect();
        let begun = Instant::now();
        let grants: usize = people.iter().map(|id| scope_of(&directory, Some(*id)).grants.len()).sum();
        println!("{}: 10 000 people load in {best:?}; {grants} grants in {:?}", place.name(), begun.elapsed());
    }
}

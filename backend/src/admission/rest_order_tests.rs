//! The decisions of [`RestOrder`], by examples and against a model that looks at every place each time.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::time::Instant;

use super::owner::Who;
use super::rest_order::{RestOrder, Rests, TakeFrom};

/// Since when a holder rests, and how often it was looked at.
#[derive(Clone, Default)]
struct Holder {
    rests_since: Rc<Cell<Option<Instant>>>,
    looks: Rc<Cell<usize>>,
}

impl Rests for Holder {
    fn rests_since(&self) -> Option<Instant> {
        self.looks.set(self.looks.get() + 1);
        self.rests_since.get()
    }
}

fn who(number: u8) -> Who {
    Who::principal(&[number])
}

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn refused_owners_look_at_each_place_once_in_a_time_of_rest() {
    let start = Instant::now();
    let mut order = RestOrder::default();
    let looks = Rc::default();
    for number in 0..100 {
        let holder = Holder { looks: Rc::clone(&looks), ..Holder::default() };
        order.add(who(number % 4), holder, start);
    }
    let rest_time = 250 * MILLISECOND;
    for passed in 0..1000 {
        let before = start + passed * MILLISECOND;
        let now = before + rest_time;
        for (owner, from) in (0..4).flat_map(|owner| [(owner, TakeFrom::Fullest), (owner, TakeFrom::Itself)]) {
            assert!(order.take_back(who(owner), from, before, now).is_none());
        }
    }
    assert_eq!(looks.get(), 400);
}

#[test]
fn owners_that_have_fewer_are_not_looked_at() {
    let start = Instant::now();
    let mut order = RestOrder::default();
    let few = Holder { rests_since: Rc::new(Cell::new(Some(start))), ..Holder::default() };
    order.add(who(1), few.clone(), start);
    for _ in 0..2 {
        order.add(who(2), Holder::default(), start);
    }
    assert!(order.take_back(who(2), TakeFrom::Fullest, start, start).is_none());
    assert_eq!(few.looks.get(), 0);
    // One that has none takes it from the one that has most of those that rest.
    assert!(order.take_back(who(3), TakeFrom::Itself, start, start).is_none());
    assert!(order.take_back(who(3), TakeFrom::Fullest, start, start).is_some());
    assert_eq!((order.count(who(1)), order.count(who(2))), (0, 2));
}

/// A handshake may rest for longer than its time; an owner with many connections that rest for less does not outlast it.
#[test]
fn owners_that_have_more_than_an_equal_share_lose_places_that_have_just_begun_to_rest() {
    let start = Instant::now();
    let now = start + 10 * MILLISECOND;
    let resting = |since| Holder { rests_since: Rc::new(Cell::new(Some(since))), ..Holder::default() };
    let mut order = RestOrder::default();
    let handshake = order.add(who(1), resting(start), start);
    for _ in 0..3 {
        order.add(who(2), resting(now), now);
    }
    assert!(order.take_back(who(3), TakeFrom::Fullest, start, now).is_some());
    assert_eq!((order.contains(who(1), handshake), order.count(who(2))), (true, 2));
}

/// Four owners, whose places are all younger than the time of rest, together hold what there is.
#[test]
fn an_owner_without_a_place_counts_in_the_equal_share() {
    let start = Instant::now();
    let now = start + 10 * MILLISECOND;
    for of_each in [2, 256] {
        let mut order = RestOrder::default();
        for number in 0..4 * of_each {
            let holder = Holder { rests_since: Rc::new(Cell::new(Some(now))), ..Holder::default() };
            order.add(who((number % 4) as u8), holder, now);
        }
        assert!(order.take_back(who(9), TakeFrom::Itself, start, now).is_none());
        assert!(order.take_back(who(9), TakeFrom::Fullest, start, now).is_some());
        // One with a few places takes more, until it has an equal share.
        order.add(who(9), Holder::default(), now);
        assert!(order.take_back(who(9), TakeFrom::Fullest, start, now).is_some());
    }
}

#[test]
fn an_owner_takes_no_young_place_from_others_that_have_an_equal_share() {
    let start = Instant::now();
    let now = start + 10 * MILLISECOND;
    for of_each in [1, 204] {
        let mut order = RestOrder::default();
        for number in 0..5 * of_each {
            let holder = Holder { rests_since: Rc::new(Cell::new(Some(now))), ..Holder::default() };
            order.add(who((number % 5) as u8), holder, now);
        }
        for owner in 0..5 {
            assert!(order.take_back(who(owner), TakeFrom::Fullest, start, now).is_none());
        }
        // Nor does an owner without a place take the only one of another.
        assert_eq!(order.take_back(who(9), TakeFrom::Fullest, start, now).is_some(), of_each > 1);
    }
}

#[test]
fn places_of_fuller_owners_that_work_are_looked_at_up_to_a_number() {
    let start = Instant::now();
    let mut order = RestOrder::default();
    let looks = Rc::default();
    for number in 0..1000_u32 {
        let holder = Holder { looks: Rc::clone(&looks), ..Holder::default() };
        order.add(who(u8::from(number > 0)), holder, start + MILLISECOND);
    }
    assert!(order.take_back(who(9), TakeFrom::Fullest, start, start + MILLISECOND).is_none());
    assert!((1..=64).contains(&looks.get()), "{}", looks.get());
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    Remove(usize),
    Work(usize),
    Rest(usize),
    TakeBack(u8, bool),
    Pass,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..5_u8).prop_map(Step::Add),
        1 => any::<usize>().prop_map(Step::Remove),
        2 => any::<usize>().prop_map(Step::Work),
        2 => any::<usize>().prop_map(Step::Rest),
        3 => (0..6_u8, any::<bool>()).prop_map(|(owner, fullest)| Step::TakeBack(owner, fullest)),
        3 => Just(Step::Pass),
    ]
}

/// The places by their numbers.
type Model = BTreeMap<u64, (Who, Holder)>;

fn count(model: &Model, who: Who) -> usize {
    model.values().filter(|(owner, _)| *owner == who).count()
}

/// The number of the place that is to be taken back.
fn expected(model: &Model, who: Who, from: TakeFrom, before: Instant) -> Option<u64> {
    let resting = model.iter().filter_map(|(number, (owner, it))| Some((*owner, it.rests_since.get()?, *number)));
    let longest = |owner: Who, rested: bool| {
        let of_owner = resting.clone().filter(|(of, since, _)| *of == owner && (!rested || *since <= before));
        of_owner.min_by_key(|(_, since, number)| (*since, *number)).map(|found| found.2)
    };
    let own = count(model, who);
    let owners: BTreeSet<_> = model.values().map(|(owner, _)| (count(model, *owner), *owner)).collect();
    let sharing = owners.len() + usize::from(own == 0);
    let fair = own.max(model.len() / sharing).max(1);
    let of_fullest = |least: usize, rested: bool| {
        let fuller = owners.iter().rev().filter(|(count, _)| from == TakeFrom::Fullest && *count > least);
        fuller.into_iter().find_map(|(_, owner)| longest(*owner, rested))
    };
    let of_others = of_fullest(fair, true).or_else(|| of_fullest(fair, false)).or_else(|| of_fullest(own, true));
    of_others.or_else(|| longest(who, true))
}

proptest! {
    #[test]
    fn the_order_is_that_of_a_model(rest in 0..3_u32, steps in vec(step(), 0..200)) {
        let mut now = Instant::now() + Duration::from_secs(1);
        let (mut order, mut model) = (RestOrder::default(), Model::new());
        let nth = |model: &Model, index: usize| {
            model.iter().nth(index % model.len().max(1)).map(|(number, (who, holder))| (*number, *who, holder.clone()))
        };
        for step in steps {
            match step {
                Step::Add(owner) => {
                    let holder = Holder { rests_since: Rc::new(Cell::new(Some(now))), ..Holder::default() };
                    let number = order.add(who(owner), holder.clone(), now);
                    model.insert(number, (who(owner), holder));
                }
                Step::Remove(index) => if let Some((number, who, _)) = nth(&model, index) {
                    prop_assert!(order.remove(who, number).is_some());
                    model.remove(&number);
                },
                Step::Work(index) => if let Some((.., holder)) = nth(&model, index) {
                    holder.rests_since.set(None);
                },
                Step::Rest(index) => if let Some((.., holder)) = nth(&model, index) {
                    holder.rests_since.set(Some(now));
                },
                Step::TakeBack(owner, fullest) => {
                    let from = if fullest { TakeFrom::Fullest } else { TakeFrom::Itself };
                    let before = now - rest * MILLISECOND;
                    let number = expected(&model, who(owner), from, before);
                    let taken = order.take_back(who(owner), from, before, now);
                    let wanted = number.and_then(|number| model.remove(&number)).map(|(_, holder)| holder.rests_since);
                    let taken = taken.map(|holder| holder.rests_since);
                    prop_assert_eq!(taken.is_some(), wanted.is_some());
                    prop_assert!(taken.zip(wanted).is_none_or(|(taken, wanted)| Rc::ptr_eq(&taken, &wanted)));
                }
                Step::Pass => now += MILLISECOND,
            }
            for owner in 0..6 {
                prop_assert_eq!(order.count(who(owner)), count(&model, who(owner)));
            }
        }
        for (number, (who, _)) in model {
            prop_assert!(order.contains(who, number) && order.remove(who, number).is_some());
        }
        prop_assert!(order.is_empty());
    }
}

//! The decisions of [`RestOrder`], by examples and against a model that looks at every place each time.

use std::cell::Cell;
use std::collections::BTreeMap;
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
        for from in [TakeFrom::Fullest, TakeFrom::Itself] {
            assert!(order.take_back(who(9), from, before, now).is_none());
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
    let own = count(model, who);
    let rests = |holder: &Holder| holder.rests_since.get().filter(|since| *since <= before);
    let resting = model.iter().filter_map(|(number, (owner, holder))| Some((*owner, rests(holder)?, *number)));
    let others = resting.clone().filter(|(owner, ..)| from == TakeFrom::Fullest && count(model, *owner) > own);
    let fullest = others.map(|(owner, ..)| (count(model, owner), owner)).max().map_or(who, |(_, owner)| owner);
    resting
        .filter(|(owner, ..)| *owner == fullest)
        .min_by_key(|(_, since, number)| (*since, *number))
        .map(|found| found.2)
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

//! The decisions of [`Shares`], by examples and against a model that looks at every owner each time.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::owner::Who;
use super::shares::{Bounds, Decision, Refusal, Shares, Ticket};

const BOUNDS: Bounds = Bounds { all: 4, one: 3, waiting_one: 2, waiting_all: 3 };

fn who(number: u8) -> Who {
    Who::principal(&[number])
}

fn waits(decision: Result<Decision, Refusal>) -> Ticket {
    match decision {
        Ok(Decision::Waits(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_owner_leaves_room_for_another() {
    let mut shares = Shares::new(BOUNDS);
    for _ in 0..3 {
        assert_eq!(shares.request(who(1), 1), Ok(Decision::Admitted));
    }
    assert_eq!(shares.try_take(who(1), 1), Err(Refusal::OwnShare));
    let waiting = [waits(shares.request(who(1), 1)), waits(shares.request(who(1), 1))];
    assert_eq!(shares.request(who(1), 1), Err(Refusal::OwnShare));
    // What waits for its own owner's share holds up no other owner.
    assert_eq!(shares.request(who(2), 1), Ok(Decision::Admitted));
    let other = waits(shares.request(who(2), 1));
    assert_eq!(shares.request(who(3), 1), Err(Refusal::AllTaken));
    assert_eq!(shares.release(who(1), 1), [other], "the owner that holds less is next");
    assert_eq!(shares.release(who(1), 1), [waiting[0]]);
}

#[test]
fn of_owners_that_hold_the_same_the_one_that_waits_longest_is_next() {
    let mut shares = Shares::new(Bounds { all: 1, one: 1, waiting_one: 2, waiting_all: 9 });
    assert_eq!(shares.request(who(1), 1), Ok(Decision::Admitted));
    let order: Vec<_> = [2, 2, 3, 1].map(|number| waits(shares.request(who(number), 1))).into();
    assert_eq!(shares.release(who(1), 1), [order[0]]);
    assert!(shares.leave(who(3), order[2]).is_empty());
    assert_eq!(shares.release(who(2), 1), [order[3]]);
    assert_eq!(shares.release(who(1), 1), [order[1]]);
    assert!(shares.release(who(2), 1).is_empty());
    assert_eq!(shares.figures().owners, 0);
}

#[test]
fn a_newcomer_is_next_however_many_requests_of_others_wait() {
    let mut shares = Shares::new(Bounds { all: 2, one: 1, waiting_one: 9, waiting_all: 99 });
    let queues: Vec<_> = [1, 2]
        .map(|number| {
            assert_eq!(shares.request(who(number), 1), Ok(Decision::Admitted));
            [(); 9].map(|()| waits(shares.request(who(number), 1)))
        })
        .into();
    let newcomer = waits(shares.request(who(3), 1));
    assert_eq!(shares.release(who(1), 1), [newcomer]);
    // What waits has its turn before later newcomers, so a row of them holds up no owner.
    let later = waits(shares.request(who(4), 1));
    assert_eq!(shares.release(who(3), 1), [queues[0][0]]);
    assert_eq!(shares.release(who(2), 1), [later]);
    assert_eq!(shares.release(who(1), 1), [queues[1][0]]);
}

#[test]
fn an_owner_of_what_is_kept_for_long_leaves_as_much_free_as_it_holds() {
    let mut shares = Shares::leaving_room(Bounds { all: 16, one: 4, waiting_one: 0, waiting_all: 0 });
    let mut most = |owner| (0..9).take_while(|_| shares.try_take(who(owner), 1).is_ok()).count();
    assert_eq!([1, 2, 3, 4, 5, 6].map(&mut most), [4, 4, 4, 2, 1, 1]);
    assert_eq!(shares.try_take(who(4), 1), Err(Refusal::AllTaken));
    assert_eq!(shares.try_take(who(7), 1), Err(Refusal::AllTaken));
    // All of what is free, for an owner that has nothing.
    shares.release(who(1), 4);
    assert_eq!(shares.try_take(who(2), 1), Err(Refusal::OwnShare));
    assert_eq!(shares.try_take(who(4), 2), Err(Refusal::OwnShare));
    assert_eq!(shares.try_take(who(7), 4), Ok(()));
    let mut undivided = Shares::leaving_room(Bounds { all: 16, one: 9, waiting_one: 0, waiting_all: 0 });
    assert_eq!((0..16).take_while(|_| undivided.try_take(who(1), 1).is_ok()).count(), 9);
}

#[test]
fn a_large_request_is_not_overtaken_by_small_ones() {
    let mut shares = Shares::new(Bounds { all: 4, one: 4, waiting_one: 2, waiting_all: 9 });
    assert_eq!(shares.request(who(1), 2), Ok(Decision::Admitted));
    let large = waits(shares.request(who(2), 3));
    let small = waits(shares.request(who(3), 1));
    assert_eq!(shares.try_take(who(4), 1), Err(Refusal::AllTaken));
    assert_eq!(shares.release(who(1), 2), [large, small]);
}

#[test]
fn a_request_that_can_never_begin_is_too_large() {
    let mut shares = Shares::new(BOUNDS);
    assert_eq!(shares.request(who(1), 4), Err(Refusal::TooLarge));
    assert_eq!(shares.request_accepted(who(1), 9), (Decision::Admitted, 3));
    assert_eq!(shares.figures().refused, 1);
}

#[test]
fn accepted_work_waits_however_much_waits_before_it() {
    let mut shares = Shares::new(Bounds { all: 1, one: 1, waiting_one: 0, waiting_all: 0 });
    shares.hold(who(1), 5);
    for _ in 0..9 {
        assert!(matches!(shares.request_accepted(who(1), 1), (Decision::Waits(_), 1)));
    }
    assert_eq!(shares.figures().waiting, 9);
    assert!(shares.release(who(1), 4).is_empty());
    assert_eq!(shares.release(who(1), 1).len(), 1);
}

#[test]
fn more_than_three_quarters_are_scarce_however_few_there_are() {
    let check = |all, most| {
        let mut shares = Shares::new(Bounds { all, one: all, waiting_one: 0, waiting_all: 0 });
        shares.hold(who(1), most);
        assert!(!shares.is_scarce(), "{most} of {all}");
        shares.hold(who(1), 1);
        assert!(shares.is_scarce(), "{most} and one more of {all}");
    };
    check(1, 0);
    check(2, 1);
    check(3, 2);
    check(4, 3);
    check(7, 5);
    check(4096, 3072);
    check(u64::MAX, u64::MAX / 4 * 3 + 2);
}

/// The specification: a list of all requests, searched anew for each decision.
struct Model {
    bounds: Bounds,
    held: Vec<(u8, u64)>,
    waiting: Vec<(Ticket, u8, u64)>,
    /// Counts what is given back.
    time: u64,
    /// Each request that waits and each owner that gave back, with the time.
    since: HashMap<Ticket, u64>,
    gave_back: HashMap<u8, u64>,
}

impl Model {
    fn new(bounds: Bounds) -> Self {
        let (held, waiting) = (Vec::new(), Vec::new());
        Self { bounds, held, waiting, time: 0, since: HashMap::new(), gave_back: HashMap::new() }
    }

    fn wait(&mut self, ticket: Ticket, owner: u8, amount: u64) {
        self.waiting.push((ticket, owner, amount));
        self.since.insert(ticket, self.time);
    }

    fn give_back(&mut self, owner: u8) -> Vec<Ticket> {
        self.time += 1;
        self.gave_back.insert(owner, self.time);
        self.admit()
    }

    /// An owner has waited since its first request came, or since it last gave back.
    fn waits_since(&self, ticket: Ticket, owner: u8) -> (u64, Ticket) {
        let (came, gave_back) = (self.since[&ticket], self.gave_back.get(&owner).copied().unwrap_or(0));
        // What came after something was given back is behind it.
        if gave_back > came { (gave_back, 0) } else { (came, ticket) }
    }

    fn held(&self) -> u64 {
        self.held.iter().map(|(_, amount)| amount).sum()
    }

    fn held_by(&self, owner: u8) -> u64 {
        self.held.iter().filter(|(of, _)| *of == owner).map(|(_, amount)| amount).sum()
    }

    /// The first request of each owner, if its own bound allows it; the next one first.
    fn ready(&self) -> Option<(Ticket, u8, u64)> {
        let first = |request: &&(Ticket, u8, u64)| {
            self.waiting.iter().filter(|other| other.1 == request.1).all(|other| other.0 >= request.0)
        };
        let allowed = |request: &&(Ticket, u8, u64)| self.held_by(request.1) + request.2 <= self.bounds.one;
        let ready = self.waiting.iter().filter(first).filter(allowed);
        ready.min_by_key(|request| (self.held_by(request.1), self.waits_since(request.0, request.1))).copied()
    }

    fn begins_at_once(&self, owner: u8, amount: u64) -> bool {
        self.waiting.iter().all(|other| other.1 != owner)
            && self.ready().is_none()
            && self.held_by(owner) + amount <= self.bounds.one
            && self.held() + amount <= self.bounds.all
    }

    fn may_wait(&self, owner: u8) -> bool {
        let own = self.waiting.iter().filter(|other| other.1 == owner).count();
        own < self.bounds.waiting_one && self.waiting.len() < self.bounds.waiting_all
    }

    fn admit(&mut self) -> Vec<Ticket> {
        let mut admitted = Vec::new();
        while let Some((ticket, owner, amount)) = self.ready() {
            if self.held() + amount > self.bounds.all {
                break;
            }
            self.waiting.retain(|other| other.0 != ticket);
            self.held.push((owner, amount));
            admitted.push(ticket);
        }
        admitted
    }
}

#[derive(Clone, Debug)]
enum Step {
    Request(u8, u64),
    Try(u8, u64),
    Accept(u8, u64),
    Hold(u8, u64),
    Release(usize),
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u8..5, 1_u64..5).prop_map(|(owner, amount)| Step::Request(owner, amount)),
        1 => (0_u8..5, 1_u64..5).prop_map(|(owner, amount)| Step::Try(owner, amount)),
        1 => (0_u8..5, 1_u64..8).prop_map(|(owner, amount)| Step::Accept(owner, amount)),
        1 => (0_u8..5, 1_u64..8).prop_map(|(owner, amount)| Step::Hold(owner, amount)),
        4 => (0_usize..16).prop_map(Step::Release),
        1 => (0_usize..16).prop_map(Step::Leave),
    ]
}

fn run(bounds: Bounds, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut shares = Shares::new(bounds);
    let mut model = Model::new(bounds);
    // What is there already may be above the bounds.
    let mut is_above = false;
    for step in steps {
        match step {
            Step::Request(owner, amount) => {
                let decision = shares.request(who(owner), amount);
                if model.begins_at_once(owner, amount) {
                    prop_assert_eq!(decision, Ok(Decision::Admitted));
                    model.held.push((owner, amount));
                } else if amount > bounds.one.min(bounds.all) {
                    prop_assert_eq!(decision, Err(Refusal::TooLarge));
                } else if model.may_wait(owner) {
                    model.wait(waits(decision), owner, amount);
                } else {
                    prop_assert!(decision.is_err());
                }
            }
            Step::Try(owner, amount) => {
                let admitted = model.begins_at_once(owner, amount);
                prop_assert_eq!(shares.try_take(who(owner), amount).is_ok(), admitted);
                model.held.extend(admitted.then_some((owner, amount)));
            }
            Step::Accept(owner, amount) => {
                let (decision, reduced) = shares.request_accepted(who(owner), amount);
                prop_assert_eq!(reduced, amount.min(bounds.one).min(bounds.all));
                if model.begins_at_once(owner, reduced) {
                    prop_assert_eq!(decision, Decision::Admitted);
                    model.held.push((owner, reduced));
                } else {
                    model.wait(waits(Ok(decision)), owner, reduced);
                }
            }
            Step::Hold(owner, amount) => {
                shares.hold(who(owner), amount);
                model.held.push((owner, amount));
                is_above = true;
            }
            Step::Release(index) if index < model.held.len() => {
                let (owner, amount) = model.held.remove(index);
                prop_assert_eq!(shares.release(who(owner), amount), model.give_back(owner));
            }
            Step::Leave(index) if index < model.waiting.len() => {
                let (ticket, owner, _) = model.waiting.remove(index);
                prop_assert_eq!(shares.leave(who(owner), ticket), model.admit());
            }
            Step::Release(_) | Step::Leave(_) => {}
        }
        let figures = shares.figures();
        prop_assert_eq!((figures.held, figures.waiting), (model.held(), model.waiting.len()));
        prop_assert!(is_above || figures.held <= bounds.all);
        prop_assert!(is_above || (0..5).all(|owner| model.held_by(owner) <= bounds.one));
    }
    // Every request is admitted in the end, and no owner is remembered.
    while let Some((owner, amount)) = model.held.pop() {
        prop_assert_eq!(shares.release(who(owner), amount), model.give_back(owner));
    }
    let figures = shares.figures();
    prop_assert_eq!((figures.held, figures.waiting, figures.owners), (0, 0, 0));
    Ok(())
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_model(
        all in 1_u64..9, one in 1_u64..6, waiting_one in 0_usize..4, waiting_all in 0_usize..8,
        steps in vec(step(), 1..80),
    ) {
        run(Bounds { all, one: one.min(all), waiting_one, waiting_all }, steps)?;
    }
}

//! How much of one resource each owner holds, and who is next when it is scarce. Decides only: `queue` acts. Each decision
//! takes time that grows with the logarithm of the number of owners that wait. Pure.

use std::collections::{BTreeMap, HashMap};

use super::owner::Who;

/// The bounds of one resource, in its own unit: connections, bytes or requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// What all owners may hold together.
    pub all: u64,
    /// What one owner may hold.
    pub one: u64,
    /// How many requests of one owner may wait. Zero refuses what cannot begin at once.
    pub waiting_one: usize,
    /// How many requests of all owners may wait.
    pub waiting_all: usize,
}

/// Why a request is refused. What is [`Refusal::TooLarge`] can never begin; the others may later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The owner holds or awaits as much as one owner may.
    OwnShare,
    /// All owners together hold or await as much as they may.
    AllTaken,
    /// The request is larger than the bound of one owner.
    TooLarge,
}

/// What an admission holds at present, for metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figures {
    /// What all owners hold.
    pub held: u64,
    /// How many requests wait.
    pub waiting: usize,
    /// How many owners hold or await something.
    pub owners: usize,
    /// How many requests were refused since the start.
    pub refused: u64,
    /// The bounds.
    pub bounds: Bounds,
}

/// A request that waits. A later request has a higher one.
pub(super) type Ticket = u64;

/// A place in the order of the owners: what an owner holds, and since when it waits. The lowest one is next.
type Rank = (u64, u64);

/// What becomes of a request that is not refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    Admitted,
    Waits(Ticket),
}

/// The holdings of every owner that holds or awaits something.
#[derive(Debug)]
pub(super) struct Shares {
    bounds: Bounds,
    /// Whether an owner that holds something leaves as much free as it holds.
    leaves_room: bool,
    held: u64,
    waiting: usize,
    refused: u64,
    /// Counts requests that wait, and what is given back: the order in which they happened.
    clock: u64,
    owners: HashMap<Who, Owned>,
    /// The owners whose first waiting request fits into their own bound: the first owner is next.
    ready: BTreeMap<Rank, Who>,
}

#[derive(Default, Debug)]
struct Owned {
    held: u64,
    /// When it last gave something back.
    gave_back: u64,
    /// The requests that wait, and how much each asks for.
    waiting: BTreeMap<Ticket, u64>,
}

impl Owned {
    /// The place in the order of the owners that are ready; `None` while nothing waits that its own bound allows. An
    /// owner that has given something back since its request came has had a turn meanwhile, and waits only since that
    /// moment. So an owner with many requests goes first with one of them, and not with all.
    fn rank(&self, one: u64) -> Option<Rank> {
        let (ticket, amount) = self.waiting.first_key_value()?;
        (self.held.saturating_add(*amount) <= one).then_some((self.held, self.gave_back.max(*ticket)))
    }
}

impl Shares {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (owners, ready) = (HashMap::new(), BTreeMap::new());
        Self { bounds, leaves_room: false, held: 0, waiting: 0, refused: 0, clock: 0, owners, ready }
    }

    /// As [`Shares::new`], of a resource that holders keep for long: an owner that holds something leaves as much free
    /// as it holds, so that a few owners cannot take all. This rule does not apply where one owner may hold more than
    /// half.
    pub(super) fn leaving_room(bounds: Bounds) -> Self {
        Self { leaves_room: bounds.one <= bounds.all / 2, ..Self::new(bounds) }
    }

    pub(super) fn figures(&self) -> Figures {
        let Self { bounds, held, waiting, refused, .. } = *self;
        Figures { held, waiting, owners: self.owners.len(), refused, bounds }
    }

    /// Whether an owner waits for others to give something back, or may soon have to.
    pub(super) fn is_scarce(&self) -> bool {
        !self.ready.is_empty() || u128::from(self.held) * 4 > u128::from(self.bounds.all) * 3
    }

    /// Admits a request at once.
    ///
    /// # Errors
    /// A [`Refusal`] if it would have to wait.
    pub(super) fn try_take(&mut self, who: Who, amount: u64) -> Result<(), Refusal> {
        match self.reason_to_wait(who, amount) {
            None => {
                self.hold(who, amount);
                Ok(())
            }
            Some(refusal) => self.refuse(refusal),
        }
    }

    /// Admits a request at once if all owners together have room for it and it does not have to wait its turn, or has it
    /// wait. It waits behind the owner's own requests, and behind those of owners that hold less.
    pub(super) fn request(&mut self, who: Who, amount: u64) -> Result<Decision, Refusal> {
        let Some(refusal) = self.reason_to_wait(who, amount) else {
            self.hold(who, amount);
            return Ok(Decision::Admitted);
        };
        let own = self.owners.get(&who).map_or(0, |owned| owned.waiting.len());
        if refusal == Refusal::TooLarge {
            return self.refuse(refusal);
        }
        if own >= self.bounds.waiting_one {
            return self.refuse(if own > 0 { Refusal::OwnShare } else { refusal });
        }
        if self.waiting >= self.bounds.waiting_all {
            return self.refuse(Refusal::AllTaken);
        }
        Ok(Decision::Waits(self.enqueue(who, amount)))
    }

    /// As [`Shares::request`], of work that was accepted before and is bounded elsewhere: it waits however many others
    /// do. An amount above the bound of one owner is reduced to it.
    pub(super) fn request_accepted(&mut self, who: Who, amount: u64) -> (Decision, u64) {
        let amount = amount.min(self.bounds.one).min(self.bounds.all);
        if self.reason_to_wait(who, amount).is_none() {
            self.hold(who, amount);
            return (Decision::Admitted, amount);
        }
        (Decision::Waits(self.enqueue(who, amount)), amount)
    }

    /// Counts as refused a request that waits and is about to leave. Returns what it waits for. An owner that may hold
    /// all has no share of its own.
    pub(super) fn give_up(&mut self, who: Who) -> Refusal {
        self.refused = self.refused.saturating_add(1);
        let Bounds { all, one, .. } = self.bounds;
        let awaits_share = |owned: &Owned| !owned.waiting.is_empty() && owned.rank(one).is_none();
        let own = one < all && self.owners.get(&who).is_some_and(awaits_share);
        if own { Refusal::OwnShare } else { Refusal::AllTaken }
    }

    /// Counts what an owner holds already, also above the bounds.
    pub(super) fn hold(&mut self, who: Who, amount: u64) {
        self.held = self.held.saturating_add(amount);
        self.change(who, |owned| owned.held = owned.held.saturating_add(amount));
    }

    /// Gives back what an owner holds. Returns the requests that are admitted by that.
    pub(super) fn release(&mut self, who: Who, amount: u64) -> Vec<Ticket> {
        self.held = self.held.saturating_sub(amount);
        self.clock += 1;
        let now = self.clock;
        self.change(who, |owned| (owned.held, owned.gave_back) = (owned.held.saturating_sub(amount), now));
        self.admit_waiting()
    }

    /// Removes a request that waits. Returns the requests that were behind it and are admitted.
    pub(super) fn leave(&mut self, who: Who, ticket: Ticket) -> Vec<Ticket> {
        let mut left = false;
        self.change(who, |owned| left = owned.waiting.remove(&ticket).is_some());
        self.waiting -= usize::from(left);
        self.admit_waiting()
    }

    /// Why a request cannot be admitted at present. What waits for room goes first, so that many small requests do not
    /// keep a large one waiting for ever.
    pub(super) fn reason_to_wait(&self, who: Who, amount: u64) -> Option<Refusal> {
        let Bounds { all, one, .. } = self.bounds;
        if amount > one || amount > all {
            return Some(Refusal::TooLarge);
        }
        let owned = self.owners.get(&who);
        let (held, waits) = owned.map_or((0, false), |owned| (owned.held, !owned.waiting.is_empty()));
        if waits || held.saturating_add(amount) > one {
            Some(Refusal::OwnShare)
        } else if !self.ready.is_empty() || self.held.saturating_add(amount) > all {
            Some(Refusal::AllTaken)
        } else if self.leaves_too_little(held, amount) {
            Some(Refusal::OwnShare)
        } else {
            None
        }
    }

    /// Whether an owner that holds `held` would leave less than it has with `amount` more, where it has to.
    fn leaves_too_little(&self, held: u64, amount: u64) -> bool {
        let free = self.bounds.all.saturating_sub(self.held.saturating_add(amount));
        self.leaves_room && held > 0 && held.saturating_add(amount) > free
    }

    fn refuse<T>(&mut self, refusal: Refusal) -> Result<T, Refusal> {
        self.refused = self.refused.saturating_add(1);
        Err(refusal)
    }

    fn enqueue(&mut self, who: Who, amount: u64) -> Ticket {
        self.clock += 1;
        let ticket = self.clock;
        self.waiting += 1;
        self.change(who, |owned| {
            owned.waiting.insert(ticket, amount);
        });
        ticket
    }

    /// Of the owners that wait for room, the one that holds least is next; of equals, the one that waits longest for its
    /// turn. A smaller request behind it does not overtake it.
    fn admit_waiting(&mut self) -> Vec<Ticket> {
        let mut admitted = Vec::new();
        while let Some(&who) = self.ready.values().next() {
            let Some((ticket, amount)) = self.first_of(who) else { break };
            if self.held.saturating_add(amount) > self.bounds.all {
                break;
            }
            self.held += amount;
            self.waiting -= 1;
            self.change(who, |owned| {
                owned.waiting.remove(&ticket);
                owned.held += amount;
            });
            admitted.push(ticket);
        }
        admitted
    }

    fn first_of(&self, who: Who) -> Option<(Ticket, u64)> {
        let (ticket, amount) = self.owners.get(&who)?.waiting.first_key_value()?;
        Some((*ticket, *amount))
    }

    /// Changes an owner's record, keeps its place in the order, and forgets it once it neither holds nor awaits anything.
    fn change(&mut self, who: Who, change: impl FnOnce(&mut Owned)) {
        let owned = self.owners.entry(who).or_default();
        let before = owned.rank(self.bounds.one);
        change(owned);
        let after = owned.rank(self.bounds.one);
        if owned.held == 0 && owned.waiting.is_empty() {
            self.owners.remove(&who);
        }
        if before != after {
            before.map(|rank| self.ready.remove(&rank));
            after.map(|rank| self.ready.insert(rank, who));
        }
    }
}

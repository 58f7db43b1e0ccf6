//! One client does its worst, and what another one does meanwhile takes little longer than before. The clients differ
//! by their addresses: all of 127.0.0.0/8 is this machine.

mod attacks;
mod data;
mod user;

use super::{
    fixture::Fixture,
    results::{Check, Results},
};
use crate::measure::{
    peers::{Peer, ServerOptions},
    verdict::Bound,
};
use attacks::Attack;
use user::{User, WORK};
use xtask::repo::Outcome;

/// How much longer 99 % of the other client's requests may take.
const TIMES_MAX: f64 = 5.0;
/// Below this a request counts as immediate, whatever it took before, in milliseconds.
const IMMEDIATE_MILLISECONDS: f64 = 50.0;
/// What the limits of one client's archives, listings, transfers and connections come to, in bytes.
const MEMORY_MAX: f64 = 1024.0 * 1024.0 * 1024.0;
const ROUNDS: usize = 100;
const ROUNDS_QUICK: usize = 10;

pub(super) fn unread(fixture: &Fixture) -> Outcome<Results> {
    against(fixture, &attacks::UNREAD)
}

pub(super) fn silent(fixture: &Fixture) -> Outcome<Results> {
    against(fixture, &attacks::SILENT)
}

pub(super) fn digests(fixture: &Fixture) -> Outcome<Results> {
    against(fixture, &attacks::DIGESTS)
}

pub(super) fn listings(fixture: &Fixture) -> Outcome<Results> {
    against(fixture, &attacks::LISTINGS)
}

pub(super) fn archives(fixture: &Fixture) -> Outcome<Results> {
    against(fixture, &attacks::ARCHIVES)
}

pub(super) fn copies(fixture: &Fixture) -> Outcome<Results> {
    against(fixture, &attacks::COPIES)
}

pub(super) fn creations(fixture: &Fixture) -> Outcome<Results> {
    against(fixture, &attacks::CREATIONS)
}

pub(super) fn watches(fixture: &Fixture) -> Outcome<Results> {
    against(fixture, &attacks::WATCHES)
}

/// The other client's requests before and during the attack.
fn against(fixture: &Fixture, attack: &Attack) -> Outcome<Results> {
    let folder = data::prepare(&fixture.data.scratch, fixture.quick, attack.needs_many)?;
    let options = ServerOptions { writable: true, ..ServerOptions::default() };
    let server = fixture.peers.start(Peer::Ours, &folder, &fixture.data.scratch, options)?;
    let rounds = if fixture.quick { ROUNDS_QUICK } else { ROUNDS };
    let mut user = User::new(&server);
    let quiet = user.work(rounds);
    let held = attack.begin(&server, fixture.quick);
    let extent = attack.extent(&server)?;
    let busy = user.work(rounds);
    let memory = server.peak_memory() as f64;
    let mut results = Results { notes: vec![held.note.clone()], ..Results::default() };
    results.notes.extend(busy.failure.clone().map(|failure| format!("the first failure: {failure}")));
    results.checks.push(Check::anywhere(attack.figure, extent, "", Bound::AtLeast(1.0)));
    results.checks.push(Check::none("requests of the other client that failed before", quiet.failures));
    results.checks.push(Check::none("requests of the other client that failed meanwhile", busy.failures));
    results.checks.push(Check::anywhere("peak memory of the server", memory, "bytes", Bound::AtMost(MEMORY_MAX)));
    for (index, what) in WORK.iter().enumerate() {
        let (before, meanwhile) = (quiet.milliseconds(index), busy.milliseconds(index));
        let times = meanwhile.max(IMMEDIATE_MILLISECONDS) / before.max(IMMEDIATE_MILLISECONDS);
        results.notes.push(format!("99 % of: {what}: {before:.1} ms before, {meanwhile:.1} ms meanwhile"));
        results.checks.push(Check::of_speed(&format!("{what}, slower by"), times, "times", Bound::AtMost(TIMES_MAX)));
    }
    drop(held);
    drop(server);
    data::remove(&folder)?;
    Ok(results)
}

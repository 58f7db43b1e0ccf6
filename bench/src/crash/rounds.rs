//! Rounds of work amid kills, with a check of every file after each round.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle, sleep};

use xtask::repo::{Failure, Outcome};

use super::client::Request;
use super::cluster::{Cluster, Victim};
use super::expiry;
use super::user::{Counts, SimulatedUser, unexpected};
use crate::random::Random;

const USERS: u64 = 8;
const OPERATIONS_A_ROUND: u64 = 12;
const KILL_MILLISECONDS: (u64, u64) = (5, 250);
/// Repeated as often as each is to be killed in proportion.
const VICTIMS: &[Victim] = &[Victim::Storage, Victim::Storage, Victim::Gateway, Victim::Client, Victim::Client];

/// Works until `count` operations were interrupted, and returns how often each kind was done.
///
/// # Errors
/// The first violation.
pub(crate) fn run(cluster: &Arc<Cluster>, seed: u64, count: u64) -> Outcome<Counts> {
    let mut users: Vec<_> = (0..USERS).map(|number| SimulatedUser::new(Arc::clone(cluster), number, seed)).collect();
    let mut random = Random::seeded(!seed);
    let interrupted = |users: &[SimulatedUser]| users.iter().map(SimulatedUser::total_interrupted).sum::<u64>();
    while interrupted(&users) < count {
        users = round(cluster, users, &mut random)?;
        users.iter().try_for_each(SimulatedUser::check_all_files)?;
        users.iter_mut().try_for_each(SimulatedUser::remove_large_files)?;
        check_private_folder(&mut users)?;
        println!("  {} of {count} interrupted", interrupted(&users));
    }
    expiry::check(cluster, &mut users)?;
    users.iter().try_for_each(SimulatedUser::check_all_files)?;
    Ok(sum(&users))
}

fn sum(users: &[SimulatedUser]) -> Counts {
    let mut counts = Counts::new();
    for (kind, (done, interrupted)) in users.iter().flat_map(|user| &user.counts) {
        let sum = counts.entry(kind).or_default();
        sum.0 += done;
        sum.1 += interrupted;
    }
    counts
}

/// All users work on threads of their own, while this thread kills.
fn round(cluster: &Cluster, users: Vec<SimulatedUser>, random: &mut Random) -> Outcome<Vec<SimulatedUser>> {
    let over = AtomicBool::new(false);
    let working = AtomicU64::new(users.len() as u64);
    thread::scope(|scope| {
        let (over, working) = (&over, &working);
        let start = |user| scope.spawn(move || work(user, over, working));
        let workers: Vec<_> = users.into_iter().map(start).collect();
        let killed = kill_while(working, cluster, random);
        if killed.is_err() {
            over.store(true, Ordering::Relaxed);
        }
        let users = workers.into_iter().map(joined).collect::<Outcome<Vec<_>>>();
        killed.and(users)
    })
}

fn joined(worker: ScopedJoinHandle<'_, Outcome<SimulatedUser>>) -> Outcome<SimulatedUser> {
    worker.join().unwrap_or_else(|_| Err(Failure("a simulated user panicked".into())))
}

/// One user's operations of a round. A failure ends the round for all.
fn work(mut user: SimulatedUser, over: &AtomicBool, working: &AtomicU64) -> Outcome<SimulatedUser> {
    let mut done = Ok(());
    for _ in 0..OPERATIONS_A_ROUND {
        if over.load(Ordering::Relaxed) || done.is_err() {
            break;
        }
        done = operation(&mut user);
    }
    if done.is_err() {
        over.store(true, Ordering::Relaxed);
    }
    working.fetch_sub(1, Ordering::Relaxed);
    done.map(|()| user)
}

fn kill_while(working: &AtomicU64, cluster: &Cluster, random: &mut Random) -> Outcome<()> {
    while working.load(Ordering::Relaxed) > 0 {
        sleep(random.milliseconds(KILL_MILLISECONDS.0, KILL_MILLISECONDS.1));
        if let Some(sentence) = cluster.ended_by_itself() {
            return Err(Failure(sentence.into()));
        }
        cluster.kill(random.pick(VICTIMS), random)?;
    }
    Ok(())
}

fn operation(user: &mut SimulatedUser) -> Outcome<()> {
    match user.random.below(14) {
        0..4 => user.counted("tus upload", SimulatedUser::upload_by_tus),
        4..6 => user.counted("PUT", SimulatedUser::upload_by_put),
        6..8 => user.counted("passerelle put", SimulatedUser::upload_by_command),
        8 => user.counted("make folder", SimulatedUser::make_folder),
        9 => user.counted("move", SimulatedUser::rename),
        10 => user.counted("copy", SimulatedUser::copy),
        11 => user.counted("copy folder", SimulatedUser::copy_folder),
        12 => user.counted("trash and restore", SimulatedUser::trash),
        _ => user.counted("delete", SimulatedUser::delete),
    }
}

/// The server's own folder within the served one is never visible.
fn check_private_folder(users: &mut [SimulatedUser]) -> Outcome<()> {
    let Some(user) = users.first_mut() else { return Ok(()) };
    for target in ["/files/.passerelle", "/files/.passerelle/", "/api/v1/list/.passerelle"] {
        let response = user.ask(&Request::new("GET", target))?;
        if response.status != 404 {
            return Err(unexpected(target, &response));
        }
    }
    let listed = user.ask(&Request::new("GET", "/api/v1/list"))?;
    if listed.status != 200 || listed.text().contains(".passerelle") {
        return Err(unexpected("the list of everything", &listed));
    }
    Ok(())
}

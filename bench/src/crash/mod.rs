//! `crash`: people upload and change files while the file server, the gateway and the clients are killed by SIGKILL at
//! random moments. Nothing that was acknowledged may be lost, no visible file torn, no change made twice.
//!
//! - [`random`] is what the seed decides, [`client`] how servers are asked;
//! - [`world`] is the processes, [`person`] somebody who works and knows what must be there;
//! - [`uploads`] and [`changes`] are the work.
//!
//! A killed process has not lost what the kernel holds: what a loss of power may lose is another test's subject.

mod changes;
mod client;
mod person;
mod random;
mod uploads;
mod world;

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::program;
use client::Request;
use person::{Counts, Person};
use random::Random;
use world::{Victim, World};
use xtask::repo::{AtPath, Failure, Outcome, Repo};

const COUNT_DEFAULT: u64 = 500;
const PEOPLE: u64 = 8;
/// How often everything is checked while nobody works.
const WORKS_A_ROUND: u64 = 12;
/// How long what nobody wants may stay, once it has expired.
const SWEEP_TIME: Duration = Duration::from_secs(60);

#[derive(Debug, PartialEq, Eq)]
struct Wish {
    seed: Option<u64>,
    count: u64,
    /// Another build than the one of the repository as it is.
    program: Option<PathBuf>,
}

pub(crate) fn crash(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    if !cfg!(unix) {
        return Err(Failure("`crash` kills processes by SIGKILL, which this system does not have".into()));
    }
    let wish = parse(arguments)?;
    let seed = wish.seed.unwrap_or_else(any_seed);
    if let Some(program) = wish.program {
        return run(repo, &program, seed, wish.count);
    }
    run(repo, &program::unoptimised(repo)?, seed, wish.count)
}

/// Another one each time.
fn any_seed() -> u64 {
    RandomState::new().hash_one(0)
}

/// `[--seed N] [--count N] [--program PATH]`.
fn parse(arguments: &[String]) -> Outcome<Wish> {
    let mut wish = Wish { seed: None, count: COUNT_DEFAULT, program: None };
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--seed" => wish.seed = value.parse().ok(),
            [name, value] if name == "--program" => wish.program = Some(value.into()),
            [name, value] if name == "--count" => wish.count = value.parse().unwrap_or(0),
            _ => wish.count = 0,
        }
    }
    if wish.count == 0 || (wish.seed.is_none() && arguments.iter().any(|argument| argument == "--seed")) {
        return Err(Failure("say `cargo xtask crash [--seed N] [--count N] [--program PATH]`".into()));
    }
    Ok(wish)
}

/// Works until so many pieces of work were interrupted, with that server.
fn run(repo: &Repo, program: &Path, seed: u64, count: u64) -> Outcome<()> {
    println!("seed {seed}");
    let folder = repo.target("crash").join(seed.to_string());
    if folder.exists() {
        fs::remove_dir_all(&folder).at(&folder)?;
    }
    let world = Arc::new(World::start(program, &folder)?);
    let started = Instant::now();
    let verdict = work(&world, seed, count);
    let counts = verdict.as_ref().map_or(&[][..], |counts| &counts[..]);
    tell(counts, &world, started.elapsed());
    match verdict {
        Ok(_) => {
            drop(world);
            fs::remove_dir_all(&folder).at(&folder)?;
            println!("nothing acknowledged was lost, no file was torn, no change was made twice (seed {seed})");
            Ok(())
        }
        Err(Failure(sentence)) => {
            Err(Failure(format!("VIOLATION with seed {seed}: {sentence}; what is left is in {}", folder.display())))
        }
    }
}

/// Rounds of work, a look at everything after each, and at the end a look at what must be gone.
fn work(world: &Arc<World>, seed: u64, count: u64) -> Outcome<Vec<(&'static str, (u64, u64))>> {
    let mut people: Vec<_> = (0..PEOPLE).map(|number| Person::new(Arc::clone(world), number, seed)).collect();
    let mut random = Random::seeded(!seed);
    let interrupted = |people: &[Person]| people.iter().map(Person::interrupted_ever).sum::<u64>();
    while interrupted(&people) < count {
        people = round(world, people, &mut random)?;
        people.iter().try_for_each(Person::everything_is_there)?;
        people.iter_mut().try_for_each(Person::clear_large)?;
        invisible(&mut people)?;
        println!("  {} of {count} interrupted", interrupted(&people));
    }
    swept(world, &mut people)?;
    people.iter().try_for_each(Person::everything_is_there)?;
    let mut counts = Counts::new();
    for (kind, (done, interrupted)) in people.iter().flat_map(|person| &person.counts) {
        let sum = counts.entry(kind).or_default();
        sum.0 += done;
        sum.1 += interrupted;
    }
    Ok(counts.into_iter().collect())
}

/// Everybody works while somebody kills.
fn round(world: &Arc<World>, people: Vec<Person>, random: &mut Random) -> Outcome<Vec<Person>> {
    let over = AtomicBool::new(false);
    let working = AtomicU64::new(people.len() as u64);
    thread::scope(|scope| {
        let working = &working;
        let over = &over;
        let workers: Vec<_> = people
            .into_iter()
            .map(|mut person| {
                scope.spawn(move || {
                    let done = (0..WORKS_A_ROUND).try_for_each(|_| match over.load(Ordering::Relaxed) {
                        true => Ok(()),
                        false => one_work(&mut person),
                    });
                    if done.is_err() {
                        over.store(true, Ordering::Relaxed);
                    }
                    working.fetch_sub(1, Ordering::Relaxed);
                    done.map(|()| person)
                })
            })
            .collect();
        let mut killing = Ok(());
        while working.load(Ordering::Relaxed) > 0 && killing.is_ok() {
            sleep(random.milliseconds(5, 250));
            let victim =
                random.pick(&[Victim::Storage, Victim::Storage, Victim::Gateway, Victim::Client, Victim::Client]);
            killing = match world.ended_by_itself() {
                Some(sentence) => Err(Failure(sentence.into())),
                None => world.kill(victim, random),
            };
        }
        if killing.is_err() {
            over.store(true, Ordering::Relaxed);
        }
        let people = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(Failure("somebody who worked panicked".into()))));
        let people = people.collect::<Outcome<Vec<_>>>();
        killing.and(people)
    })
}

fn one_work(person: &mut Person) -> Outcome<()> {
    match person.random.below(14) {
        0..4 => person.counted("tus upload", Person::tus),
        4..6 => person.counted("PUT", Person::put),
        6..8 => person.counted("passerelle put", Person::command),
        8 => person.counted("make folder", Person::make_folder),
        9 => person.counted("move", Person::rename),
        10 => person.counted("copy", Person::copy),
        11 => person.counted("copy folder", Person::copy_folder),
        12 => person.counted("trash and restore", Person::trash),
        _ => person.counted("delete", Person::delete),
    }
}

/// The server's own folder is for nobody to see.
fn invisible(people: &mut [Person]) -> Outcome<()> {
    let Some(person) = people.first_mut() else { return Ok(()) };
    for target in ["/files/.passerelle", "/files/.passerelle/", "/api/v1/list/.passerelle"] {
        let answer = person.ask(&Request::new("GET", target))?;
        if answer.status != 404 {
            return Err(person::unexpected(target, &answer));
        }
    }
    let listed = person.ask(&Request::new("GET", "/api/v1/list"))?;
    if listed.status != 200 || listed.text().contains(".passerelle") {
        return Err(person::unexpected("the list of everything", &listed));
    }
    Ok(())
}

/// What was begun and left is all there, and is cleared away once it has expired.
fn swept(world: &World, people: &mut [Person]) -> Outcome<()> {
    let staging = world.served(".passerelle/staging");
    let abandoned = people.iter().map(|person| person.abandoned.len()).sum::<usize>() as u64;
    world.restart_storage(&["--upload-expiry-seconds", "2"])?;
    people.iter_mut().try_for_each(Person::add_to_abandoned)?;
    let before = files_in(&staging)?;
    if before < abandoned {
        return Err(Failure(format!("{abandoned} uploads were left, and only {before} of them are there")));
    }
    let started = Instant::now();
    for person in people {
        while !person.abandoned_are_gone()? {
            patient(started, "uploads that were left do not expire")?;
        }
    }
    // Each start sweeps; between two starts it is done once a minute.
    world.restart_storage(&[])?;
    while files_in(&staging)? > 0 {
        patient(started, "files of uploads that have expired are still there")?;
    }
    println!("  {abandoned} uploads were left: {before} staged files before they expired, none after");
    Ok(())
}

fn patient(started: Instant, sentence: &str) -> Outcome<()> {
    if started.elapsed() > SWEEP_TIME {
        return Err(Failure(sentence.into()));
    }
    sleep(Duration::from_millis(50));
    Ok(())
}

fn files_in(folder: &Path) -> Outcome<u64> {
    let mut count = 0;
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        count += if entry.path().is_dir() { files_in(&entry.path())? } else { 1 };
    }
    Ok(count)
}

fn tell(counts: &[(&str, (u64, u64))], world: &World, elapsed: Duration) {
    for (kind, (done, interrupted)) in counts {
        println!("  {kind:<18} {done:>5} done, {interrupted:>5} of them interrupted");
    }
    let (storage, gateway, client) = (&world.killed.storage, &world.killed.gateway, &world.killed.client);
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "  killed: file server {}, gateway {}, `passerelle put` {}; {} s",
        get(storage),
        get(gateway),
        get(client),
        elapsed.as_secs()
    );
}

#[cfg(test)]
mod tests {
    use super::{COUNT_DEFAULT, Wish, parse};

    #[test]
    fn a_seed_and_a_count_may_be_said() {
        let parse = |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).ok();
        assert_eq!(parse(""), Some(Wish { seed: None, count: COUNT_DEFAULT, program: None }));
        let said = Wish { seed: Some(9), count: 7, program: Some("p".into()) };
        assert_eq!(parse("--count 7 --seed 9 --program p"), Some(said));
        for text in ["--seed", "--seed x", "--count 0", "--count", "seven", "--counts 7"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

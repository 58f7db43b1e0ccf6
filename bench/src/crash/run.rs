//! The command `crash`: starts a cluster, runs the rounds, and prints what was done, killed and interrupted.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use xtask::repo::{AtPath, Failure, Outcome, Repo};

use super::args::{self, Args};
use super::cluster::Cluster;
use super::rounds;
use super::user::Counts;
use crate::program;

/// # Errors
/// For wrong arguments, a server that does not start, and the first violation, with the seed that reproduces it.
pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    if !cfg!(unix) {
        return Err(Failure("`crash` kills processes by SIGKILL, which this system does not have".into()));
    }
    let args = args::parse(arguments).map_err(|error| Failure(format!("{error}\n{}", args::USAGE)))?;
    let program = program::under_test(repo, args.program.as_deref(), program::unoptimised)?;
    let seed = args.seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    crash(repo, &program, seed, &args)
}

fn crash(repo: &Repo, program: &Path, seed: u64, args: &Args) -> Outcome<()> {
    println!("seed {seed}");
    let folder = repo.target("crash").join(seed.to_string());
    if folder.exists() {
        fs::remove_dir_all(&folder).at(&folder)?;
    }
    let cluster = Arc::new(Cluster::start(program, &folder, args.disk.as_deref())?);
    let started = Instant::now();
    let verdict = rounds::run(&cluster, seed, args.count);
    print_summary(verdict.as_ref().ok(), &cluster, started.elapsed());
    match verdict {
        Ok(_) => {
            drop(cluster);
            fs::remove_dir_all(&folder).at(&folder)?;
            println!("nothing acknowledged was lost, no file was torn, no change was made twice (seed {seed})");
            Ok(())
        }
        Err(Failure(sentence)) => {
            Err(Failure(format!("VIOLATION with seed {seed}: {sentence}; the folder is {}", folder.display())))
        }
    }
}

fn print_summary(counts: Option<&Counts>, cluster: &Cluster, elapsed: Duration) {
    for (kind, (done, interrupted)) in counts.into_iter().flatten() {
        println!("  {kind:<18} {done:>5} done, {interrupted:>5} of them interrupted");
    }
    let killed = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "  killed: file server {}, gateway {}, `passerelle put` {}; {} s",
        killed(&cluster.killed.storage),
        killed(&cluster.killed.gateway),
        killed(&cluster.killed.client),
        elapsed.as_secs()
    );
}

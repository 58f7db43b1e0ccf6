//! Abandoned uploads keep their acknowledged bytes until they expire, and then leave no staged file behind.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use xtask::repo::{AtPath, Failure, Outcome};

use super::cluster::Cluster;
use super::user::SimulatedUser;

/// How long the server may take to expire an upload and to remove its file.
const EXPIRY_TIME: Duration = Duration::from_secs(60);
/// The folders with uploads, on the disk of the root and on another one.
const STAGING: [&str; 2] = ["staging", "staging-of-tree"];
const EXPIRY: Duration = Duration::from_secs(2);
const RETRY_TIME: Duration = Duration::from_millis(50);

/// # Errors
/// The first violation.
pub(crate) fn check(cluster: &Cluster, users: &mut [SimulatedUser]) -> Outcome<()> {
    let staged = || {
        let folders = cluster.private_folders().into_iter();
        let parts = folders.flat_map(|folder| STAGING.map(|part| folder.join(part))).filter(|part| part.is_dir());
        parts.map(|part| files_in(&part)).sum::<Outcome<u64>>()
    };
    let abandoned = users.iter().map(|user| user.abandoned.len()).sum::<usize>() as u64;
    cluster.restart_storage(&["--upload-expiry-seconds", &EXPIRY.as_secs().to_string()])?;
    users.iter_mut().try_for_each(SimulatedUser::extend_abandoned)?;
    let before = staged()?;
    if before < abandoned {
        return Err(Failure(format!("{abandoned} uploads were abandoned, and only {before} of them exist")));
    }
    sleep(EXPIRY);
    // The server sweeps at each start and then once a minute, and lets nothing expire before it trusts the clock.
    cluster.restart_storage(&["--clock-steady-seconds", "0"])?;
    let started = Instant::now();
    for user in users {
        while !user.abandoned_expired()? {
            wait(started, "abandoned uploads do not expire")?;
        }
    }
    while staged()? > 0 {
        wait(started, "files of expired uploads still exist")?;
    }
    println!("  {abandoned} uploads were abandoned: {before} staged files before they expired, none after");
    Ok(())
}

fn wait(started: Instant, sentence: &str) -> Outcome<()> {
    if started.elapsed() > EXPIRY_TIME {
        return Err(Failure(sentence.into()));
    }
    sleep(RETRY_TIME);
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

//! Installs packages of Debian by `apt-get`, and waits where another package manager is at work.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    child::{self, Show},
    repo::{Failure, Outcome, Repo},
};

const LOCK_TIME: Duration = Duration::from_secs(600);
/// `apt-get update` gives up at once on the lock of the package lists; `DPkg::Lock::Timeout` is for the other locks.
const RETRY_TIME: Duration = Duration::from_secs(5);

/// # Errors
/// The sentence says how to install the packages by hand.
pub(crate) fn install(repo: &Repo, packages: &[&str]) -> Outcome<()> {
    let names = packages.join(" ");
    let by_hand = format!("install {names} by hand, on Debian with `sudo apt-get install {names}`");
    let is_root = child::output(Command::new("id").arg("-u")).as_deref() == Some("0");
    if !is_root || child::output(Command::new("apt-get").arg("--version")).is_none() {
        return Err(Failure(format!("{names} is missing; {by_hand}")));
    }
    apt_get(repo, "apt-get update", &["update"], &by_hand)?;
    let arguments = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    apt_get(repo, &format!("apt-get install {names}"), &arguments, &by_hand)
}

fn apt_get(repo: &Repo, label: &str, arguments: &[&str], by_hand: &str) -> Outcome<()> {
    let deadline = Instant::now() + LOCK_TIME;
    let mut is_announced = false;
    loop {
        let mut is_locked = false;
        let mut command = repo.program("apt-get");
        command.args(["-o", &format!("DPkg::Lock::Timeout={}", LOCK_TIME.as_secs())]);
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
        let succeeded = child::watch(repo, label, &mut command, Show::Pulse, |line| {
            is_locked |= names_a_lock(line);
            if is_locked && !is_announced {
                is_announced = true;
                println!("    waiting up to {} s for another package manager: {}", LOCK_TIME.as_secs(), line.trim());
            }
        })?;
        if succeeded {
            return Ok(());
        }
        if !is_locked || Instant::now() > deadline {
            return Err(Failure(format!("{label} failed; {by_hand}")));
        }
        thread::sleep(RETRY_TIME);
    }
}

fn names_a_lock(line: &str) -> bool {
    line.contains("Could not get lock") || line.contains("Waiting for cache lock")
}

#[cfg(test)]
mod tests {
    use super::names_a_lock;

    #[test]
    fn lines_about_a_lock_are_recognised() {
        let lists = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 12 (apt-get)";
        assert!(names_a_lock(lists));
        assert!(names_a_lock("Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend..."));
        assert!(!names_a_lock("E: Unable to locate package lock"));
    }
}

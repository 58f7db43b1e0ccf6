//! Ends what this program started before it ends itself, when a signal asks it to: whatever a command is at, nothing that
//! runs because of it outlives it. Knows processes, and nothing of what they do.

#[cfg(unix)]
use std::{
    process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};
#[cfg(unix)]
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
    low_level::{emulate_default_handler, signal_name},
};

#[cfg(unix)]
use crate::repo::Failure;
use crate::repo::Outcome;

/// How long those who were asked to end may take before they are killed.
#[cfg(unix)]
const END_TIME: Duration = Duration::from_secs(10);
/// How long the kernel may take to be rid of who was killed.
#[cfg(unix)]
const KILL_TIME: Duration = Duration::from_secs(5);
#[cfg(unix)]
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[cfg(unix)]
static STOPPING: AtomicBool = AtomicBool::new(false);

/// From now on an interrupt and a request to end reach everything below this process, and end it last, by that same signal.
///
/// # Errors
/// Where the system lets no signal be caught.
#[cfg(unix)]
pub fn at_signals() -> Outcome<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| Failure(format!("signals cannot be caught here: {error}")))?;
    thread::spawn(move || {
        // One that ended by itself meanwhile is no reason for others to begin.
        let Some(signal) = signals.forever().next() else { return };
        STOPPING.store(true, Ordering::SeqCst);
        eprintln!("xtask: {}: ending what was started", signal_name(signal).unwrap_or("a signal"));
        end_all_below(&mut signals);
        let _ = emulate_default_handler(signal);
        process::exit(1);
    });
    Ok(())
}

/// Elsewhere the console ends everything that was started from it.
#[cfg(not(unix))]
pub fn at_signals() -> Outcome<()> {
    Ok(())
}

/// Does not return once this program is to end: that a child was ended is then no finding, and nobody is to begin another.
pub fn or_go_on() {
    #[cfg(unix)]
    while STOPPING.load(Ordering::SeqCst) {
        thread::park();
    }
}

/// Asks each of them to end, also who is started meanwhile; kills who does not, or all once a second signal comes.
#[cfg(unix)]
fn end_all_below(signals: &mut Signals) {
    let own = process::id();
    adopt_orphans();
    let begun = Instant::now();
    let (mut asked, mut patient_until) = (Vec::new(), begun + END_TIME);
    loop {
        let left = below(own);
        let now = Instant::now();
        if left.is_empty() {
            return;
        }
        if now > patient_until + KILL_TIME {
            eprintln!("xtask: these processes cannot be ended: {left:?}");
            return;
        }
        if signals.pending().next().is_some() {
            patient_until = patient_until.min(now);
        }
        for pid in left {
            if now >= patient_until {
                send(pid, Signal::KILL);
            } else if !asked.contains(&pid) {
                asked.push(pid);
                send(pid, Signal::TERM);
            }
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// Whose parent ends before them becomes this process's child, and stays in sight.
#[cfg(target_os = "linux")]
fn adopt_orphans() {
    // A kernel that cannot do it leaves us with those who were there to begin with.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

#[cfg(all(unix, not(target_os = "linux")))]
fn adopt_orphans() {}

#[cfg(target_os = "linux")]
fn below(own: u32) -> Vec<u32> {
    crate::processes::below(own)
}

/// By `ps`, where the kernel has no files that tell.
#[cfg(all(unix, not(target_os = "linux")))]
fn below(own: u32) -> Vec<u32> {
    let mut ps = process::Command::new("ps");
    ps.args(["-A", "-o", "pid=", "-o", "ppid=", "-o", "stat="]).stdout(process::Stdio::piped());
    let Ok(ps) = ps.spawn() else { return Vec::new() };
    let itself = ps.id();
    let said = ps.wait_with_output().map(|output| output.stdout).unwrap_or_default();
    let pairs: Vec<(u32, u32)> = String::from_utf8_lossy(&said).lines().filter_map(pair).collect();
    let mut found = vec![own];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(pairs.iter().filter(|(pid, of)| *of == parent && *pid != itself).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

/// Child and parent, unless the child has ended and waits to be noticed.
#[cfg(all(unix, not(target_os = "linux")))]
fn pair(line: &str) -> Option<(u32, u32)> {
    let mut words = line.split_whitespace();
    let pair = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_some_and(|state| !state.starts_with('Z')).then_some(pair)
}

#[cfg(unix)]
fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended already.
        let _ = kill_process(pid, signal);
    }
}

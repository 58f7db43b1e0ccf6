//! On SIGINT and SIGTERM, ends all descendants of this process before the process itself, so that no server, browser or
//! compiler outlives a command.

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

/// How long processes may take to end after SIGTERM before they are killed.
#[cfg(unix)]
const END_TIME: Duration = Duration::from_secs(10);
/// How long killed processes may take to disappear.
#[cfg(unix)]
const KILL_TIME: Duration = Duration::from_secs(5);
#[cfg(unix)]
const POLL_TIME: Duration = Duration::from_millis(20);

#[cfg(unix)]
static STOPPING: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT and SIGTERM end the descendants of this process and then, by that signal, the process.
///
/// # Errors
/// Where the system refuses to deliver signals.
#[cfg(unix)]
pub fn at_signals() -> Outcome<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| Failure(format!("signals cannot be caught here: {error}")))?;
    thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        STOPPING.store(true, Ordering::SeqCst);
        eprintln!("{}: ending all started processes", signal_name(signal).unwrap_or("a signal"));
        end_all_below(&mut signals);
        let _ = emulate_default_handler(signal);
        process::exit(1);
    });
    Ok(())
}

/// On other systems the console ends the programs that were started from it.
#[cfg(not(unix))]
pub fn at_signals() -> Outcome<()> {
    Ok(())
}

/// Does not return once a signal has come: the end of a child is then not reported, and no other is started.
pub fn or_go_on() {
    #[cfg(unix)]
    while STOPPING.load(Ordering::SeqCst) {
        thread::park();
    }
}

/// Sends SIGTERM to every descendant, those started meanwhile too; SIGKILL after `END_TIME` or at a second signal.
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
            eprintln!("these processes cannot be ended: {left:?}");
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
        thread::sleep(POLL_TIME);
    }
}

/// Makes this process the parent of descendants whose own parent ends, so that they stay descendants.
#[cfg(target_os = "linux")]
fn adopt_orphans() {
    // Where the kernel refuses, only descendants whose parents live are found.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

#[cfg(all(unix, not(target_os = "linux")))]
fn adopt_orphans() {}

#[cfg(target_os = "linux")]
fn below(own: u32) -> Vec<u32> {
    crate::processes::below(own)
}

/// By `ps`, where there is no `/proc`.
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

/// A process and its parent; `None` for a zombie.
#[cfg(all(unix, not(target_os = "linux")))]
fn pair(line: &str) -> Option<(u32, u32)> {
    let mut words = line.split_whitespace();
    let pair = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_some_and(|state| !state.starts_with('Z')).then_some(pair)
}

#[cfg(unix)]
fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // An error means that the process has ended already.
        let _ = kill_process(pid, signal);
    }
}

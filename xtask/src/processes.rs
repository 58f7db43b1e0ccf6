//! Processor time and memory of a process and its descendants, from `/proc`.

use std::{collections::HashMap, fs, time::Duration};

/// `sysconf(_SC_CLK_TCK)`, which Linux's binary interface fixes.
const TICKS_PER_SECOND: f64 = 100.0;

/// Fields of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Stat {
    /// Not a zombie, and not dying.
    alive: bool,
    parent: u32,
    /// User and system time of the process and of the children that it has waited for, in ticks.
    ticks: u64,
}

/// The processes and their descendants.
pub fn tree(roots: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in all() {
        if let Some(stat) = stat(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = roots.to_vec();
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        found.extend(children.get(pid).into_iter().flatten());
        at += 1;
    }
    found
}

/// The living descendants of the process.
pub fn below(root: u32) -> Vec<u32> {
    let alive = |pid: &u32| *pid != root && stat(*pid).is_some_and(|stat| stat.alive);
    tree(&[root]).into_iter().filter(alive).collect()
}

/// The sum of their processor times.
pub fn cpu(pids: &[u32]) -> Duration {
    let ticks: u64 = pids.iter().filter_map(|pid| stat(*pid)).map(|stat| stat.ticks).sum();
    Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND)
}

/// The sum of each process's peak of resident memory, in bytes; shared pages count for each process.
pub fn peak_memory(pids: &[u32]) -> u64 {
    memory(pids, "VmHWM:")
}

/// The sum of their resident memory, in bytes.
pub fn resident_memory(pids: &[u32]) -> u64 {
    memory(pids, "VmRSS:")
}

fn memory(pids: &[u32], field: &str) -> u64 {
    let of =
        |pid: &u32| fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|text| kibibytes(&text, field));
    pids.iter().filter_map(of).sum::<u64>() * 1024
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The second field, the program's name in brackets, may contain spaces and brackets.
fn parse(line: &str) -> Option<Stat> {
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    let alive = !matches!(*fields.first()?, "Z" | "X");
    Some(Stat { alive, parent: u32::try_from(number(1)?).ok()?, ticks })
}

#[cfg(test)]
mod tests {
    use super::{Stat, below, kibibytes, parse, peak_memory, resident_memory, tree};

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let line = "42 (a) S (b) R 7 1 1 0 -1 0 10 20 0 0 100 20 3 4 20 0 1 0 99";
        assert_eq!(parse(line), Some(Stat { alive: true, parent: 7, ticks: 127 }));
        assert_eq!(parse("42 (a"), None);
    }

    #[test]
    fn who_waits_to_be_noticed_has_ended() {
        let line = "42 (a) Z 7 1 1 0 -1 0 10 20 0 0 100 20 3 4 20 0 1 0 99";
        assert_eq!(parse(line).map(|stat| stat.alive), Some(false));
    }

    #[test]
    fn memory_is_read_by_its_name() {
        assert_eq!(kibibytes("VmPeak:\t9 kB\nVmHWM:\t   2048 kB\n", "VmHWM:"), Some(2048));
        assert_eq!(kibibytes("VmPeak:\t9 kB\n", "VmHWM:"), None);
    }

    #[test]
    fn a_child_is_below_until_it_has_ended() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let own = std::process::id();
        assert!(below(own).contains(&child.id()) && !below(own).contains(&own));
        child.kill().and_then(|()| child.wait()).unwrap();
        assert!(!below(own).contains(&child.id()));
    }

    #[test]
    fn this_process_is_its_own_tree() {
        let own = std::process::id();
        let pids = tree(&[own]);
        assert_eq!(pids.first(), Some(&own));
        assert!(resident_memory(&[own]) > 0 && peak_memory(&[own]) >= resident_memory(&[own]) / 2);
    }
}

//! The machine and the versions with which something was measured.

use std::{fs, path::Path, process::Command};

use super::peers::{Peer, Peers};
use xtask::{child, repo::Repo};

/// Name and value of each fact.
pub(crate) fn facts(repo: &Repo, peers: &Peers, served: &Path) -> Vec<(String, String)> {
    let mut facts = vec![
        fact("date", child::output(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))),
        fact("commit", child::output(repo.program("git").args(["describe", "--always", "--dirty"]))),
        fact("processor", processor()),
        fact("kernel", child::output(Command::new("uname").arg("-sr"))),
        fact("memory", memory()),
        fact("disk", disk(served)),
    ];
    for (peer, version) in peers.versions() {
        let name = if peer == Peer::Ours { "passerelle" } else { peer.name() };
        facts.push((name.to_owned(), version));
    }
    facts
}

/// The facts as a Markdown table.
pub(crate) fn rows(facts: &[(String, String)]) -> String {
    let row = |(name, value): &(String, String)| format!("| {name} | {value} |\n");
    format!("| | |\n|---|---|\n{}", facts.iter().map(row).collect::<String>())
}

fn fact(name: &str, value: Option<String>) -> (String, String) {
    (name.to_owned(), value.unwrap_or_else(|| "unknown".to_owned()))
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = field(&text, "model name").unwrap_or("unknown model");
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    Some(format!("{count} × {model}"))
}

fn memory() -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes: u64 = field(&text, "MemTotal")?.trim_end_matches("kB").trim().parse().ok()?;
    Some(format!("{} GiB", kibibytes.div_ceil(1 << 20)))
}

/// The device and the file system that the files are on.
fn disk(served: &Path) -> Option<String> {
    let said = child::output(Command::new("df").args(["--output=source,fstype"]).arg(served))?;
    Some(said.lines().nth(1)?.split_whitespace().collect::<Vec<_>>().join(", "))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn field_finds_a_line_by_its_name() {
        assert_eq!(field("a\t: 1\nmodel name\t: X 3000\n", "model name"), Some("X 3000"));
        assert_eq!(field("a: 1", "b"), None);
    }
}

//! Records a full run in `docs/measurements/load.md`.

use std::{fmt::Write, fs};

use super::{fixture::Fixture, results::Results, scenarios::Scenario};
use crate::measure::{machine, verdict};
use xtask::repo::{AtPath, Outcome, Repo};

const PAGE: &str = "docs/measurements/load.md";
const BEGINNING: &str = "# Load

Written by `cargo xtask load --write`; `cargo xtask load --only NAME` repeats one scenario.

The server starts anew for each scenario; its clients run on the same machine and connect over loopback, with the
kernel's caches warm. The memory of a connection is the growth of the server's resident memory, divided by the number of
connections; the kernel's memory for their sockets is not included. During most scenarios a probe lists a folder twenty
times a second: its latency shows whether requests starve. The command enforces every bound.
";

pub(crate) fn write(repo: &Repo, fixture: &Fixture, played: &[(&Scenario, Results)]) -> Outcome<()> {
    let path = repo.path(PAGE);
    let facts = machine::facts(repo, &fixture.peers, &fixture.data.served);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at(folder)?;
    }
    fs::write(&path, text(&facts, played)).at(&path)
}

fn text(facts: &[(String, String)], played: &[(&Scenario, Results)]) -> String {
    let mut out = format!("{BEGINNING}\n{}", machine::rows(facts));
    for (scenario, found) in played {
        let title = scenario.title;
        let _ = write!(out, "\n## {}{}\n\n", title[..1].to_uppercase(), &title[1..]);
        found.notes.iter().for_each(|note| {
            let _ = writeln!(out, "- {note}");
        });
        let _ = write!(out, "\n{}", verdict::HEADING);
        found.checks.iter().for_each(|check| out.push_str(&check.verdict.row()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{super::results::Check, *};
    use crate::measure::verdict::Bound;

    #[test]
    fn page_contains_facts_notes_and_checks() {
        let scenario = Scenario { name: "n", title: "too many at once", run: |_| Ok(Results::default()) };
        let checks = vec![Check::anywhere("memory", 5.0, "bytes", Bound::AtMost(9.0))];
        let page =
            text(&[("kernel".into(), "6".into())], &[(&scenario, Results { notes: vec!["So.".into()], checks })]);
        for part in [
            "# Load\n",
            "| kernel | 6 |",
            "## Too many at once\n\n- So.\n",
            "| memory | 5.00 bytes | ≤ 9 bytes | met |",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }
}

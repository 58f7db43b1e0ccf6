//! Keeps a whole run: `docs/measurements/load.md`.

use std::{fmt::Write, fs};

use super::{Ground, Scenario, found::Found};
use crate::measure::{machine, verdict};
use xtask::repo::{AtPath, Outcome, Repo};

const PAGE: &str = "docs/measurements/load.md";
const BEGINNING: &str = "# Load

Written by `cargo xtask load --write`; `cargo xtask load --only NAME` plays one scenario again.

How to read it: one server, started anew for each scenario, and its clients on the same machine, over loopback, with the
kernel's caches warm. Memory of connections is by how much the resident memory of the server grew, divided by their
number; what the kernel holds for their sockets comes on top. Somebody looks at a folder twenty times a second during
most of it: how long that takes says whether anybody starves. Every bound is held by the command; figures without one are there
to be read.
";

pub(super) fn write(repo: &Repo, ground: &Ground, played: &[(&Scenario, Found)]) -> Outcome<()> {
    let path = repo.path(PAGE);
    let facts = machine::facts(repo, &ground.peers, &ground.data.served);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at(folder)?;
    }
    fs::write(&path, text(&facts, played)).at(&path)
}

fn text(facts: &[(String, String)], played: &[(&Scenario, Found)]) -> String {
    let mut out = format!("{BEGINNING}\n{}", machine::rows(facts));
    for (scenario, found) in played {
        let title = scenario.title;
        let _ = write!(out, "\n## {}{}\n\n", title[..1].to_uppercase(), &title[1..]);
        found.notes.iter().for_each(|note| {
            let _ = writeln!(out, "- {note}");
        });
        let _ = write!(out, "\n{}", verdict::HEADING);
        found.claims.iter().for_each(|claim| out.push_str(&claim.verdict.row()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{super::found::Claim, *};
    use crate::measure::verdict::Bound;

    #[test]
    fn the_page_says_what_was_found() {
        let scenario = Scenario { name: "n", title: "too many at once", run: |_| Ok(Found::default()) };
        let claims = vec![Claim::anywhere("memory", 5.0, "bytes", Bound::AtMost(9.0))];
        let page = text(&[("kernel".into(), "6".into())], &[(&scenario, Found { notes: vec!["So.".into()], claims })]);
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

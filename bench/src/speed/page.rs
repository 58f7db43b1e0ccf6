//! Records a full run in `docs/measurements/speed.md`, with its curves.

use std::{fmt::Write, fs};

use super::{fixture::Fixture, report::cells, results::Results, table::Table};
use crate::measure::{machine, verdict};
use xtask::repo::{AtPath, Outcome, Repo};

const FOLDER: &str = "docs/measurements";
const BEGINNING: &str = "# Speed

Written by `cargo xtask bench --write`; `cargo xtask bench --row NAME` repeats one row.

All servers served the same files over loopback, on one machine, which also ran the client, with the kernel's caches
warm and without a log of requests. They alternated, round by round. A rate or a time is the best of its rounds, a
latency or a time to the first byte the median, and processor time the sum over all rounds and all processes of a server. Only
ratios within one run are meaningful, because machines differ, and one machine differs from hour to hour. A ratio within
a tenth of its goal may miss it in the next run.
";

pub(crate) fn write(repo: &Repo, fixture: &Fixture, measured: &[Results]) -> Outcome<()> {
    let folder = repo.path(FOLDER);
    fs::create_dir_all(&folder).at(&folder)?;
    let facts = machine::facts(repo, &fixture.peers, &fixture.data.served);
    let page = folder.join("speed.md");
    fs::write(&page, text(&facts, measured)).at(&page)?;
    for chart in measured.iter().flat_map(|found| &found.charts) {
        let path = folder.join(chart.file);
        fs::write(&path, chart.draw()).at(&path)?;
    }
    Ok(())
}

fn text(facts: &[(String, String)], measured: &[Results]) -> String {
    let mut out = format!("{BEGINNING}\n{}\n## Goals\n\n{}", machine::rows(facts), verdict::HEADING);
    for verdict in measured.iter().flat_map(|found| &found.tables).flat_map(|table| &table.verdicts) {
        out.push_str(&verdict.row());
    }
    out.push_str("\n## Figures\n");
    measured.iter().flat_map(|found| &found.tables).for_each(|table| out.push_str(&figures(table)));
    out.push_str("\n## Curves\n");
    for chart in measured.iter().flat_map(|found| &found.charts) {
        let _ = write!(out, "\n![{}]({})\n", chart.title, chart.file);
    }
    out
}

fn figures(table: &Table) -> String {
    let mut out = format!("\n### {}\n\n", table.title);
    for side in &table.sides {
        let _ = writeln!(out, "- {}: {}", side.name, cells(table, side).join("; "));
    }
    for note in &table.notes {
        let _ = write!(out, "\n{note}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn page_begins_with_its_method_and_facts() {
        let page = text(&[("kernel".into(), "6".into())], &[]);
        assert!(page.starts_with("# Speed\n") && page.contains("| kernel | 6 |") && page.contains("## Goals"));
    }
}

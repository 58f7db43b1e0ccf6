//! All scenarios, by the name that `--only` takes.

use xtask::repo::Outcome;

use super::{connections, fixture::Fixture, flood, large_downloads, mixed, results::Results, slow_readers};

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) run: fn(&Fixture) -> Outcome<Results>,
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "idle", title: "idle connections", run: connections::idle },
    Scenario { name: "active", title: "connections that download small files", run: connections::active },
    Scenario { name: "downloads", title: "64 large downloads at a time", run: large_downloads::downloads },
    Scenario { name: "slow", title: "slow clients and stalled clients", run: slow_readers::readers },
    Scenario { name: "mixed", title: "uploads and downloads at the same time", run: mixed::both_ways },
    Scenario { name: "flood", title: "more connections than the limit", run: flood::flood },
];

/// One line for each scenario.
pub(crate) fn list() -> String {
    let line = |scenario: &Scenario| format!("  {:<10} {}", scenario.name, scenario.title);
    SCENARIOS.iter().map(line).collect::<Vec<_>>().join("\n")
}

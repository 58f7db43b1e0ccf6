//! All scenarios, by the name that `--only` takes.

use xtask::repo::Outcome;

use super::{
    connections, fixture::Fixture, flood, large_downloads, mixed, one_against_all, results::Results, slow_readers,
};

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
    Scenario { name: "unread", title: "one client reads none of its downloads", run: one_against_all::unread },
    Scenario { name: "silent", title: "one client opens connections and sends nothing", run: one_against_all::silent },
    Scenario {
        name: "digests",
        title: "one client asks for digests of an endless file",
        run: one_against_all::digests,
    },
    Scenario {
        name: "huge-listings",
        title: "one client reads none of its huge listings",
        run: one_against_all::listings,
    },
    Scenario { name: "archives", title: "one client reads none of its archives", run: one_against_all::archives },
    Scenario { name: "copies", title: "one client copies without end", run: one_against_all::copies },
    Scenario { name: "creations", title: "one client begins uploads and ends none", run: one_against_all::creations },
    Scenario { name: "watches", title: "one client watches many folders", run: one_against_all::watches },
    Scenario { name: "flood", title: "more connections than the limit", run: flood::flood },
];

/// One line for each scenario.
pub(crate) fn list() -> String {
    let line = |scenario: &Scenario| format!("  {:<10} {}", scenario.name, scenario.title);
    SCENARIOS.iter().map(line).collect::<Vec<_>>().join("\n")
}

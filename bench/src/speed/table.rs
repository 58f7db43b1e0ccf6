//! The table of a row: the figures of each server, and their verdicts against the goals. Pure.

use crate::measure::{
    peers::Peer,
    statistics::{least, median, most},
    verdict::{Bound, Verdict},
};

/// One measurement of one side.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Reading {
    /// In the table's unit.
    pub(crate) value: f64,
    /// The amount of work, in the unit to which processor time is related.
    pub(crate) work: f64,
    /// Processor time of the server for this work, in seconds.
    pub(crate) cpu: f64,
    /// In milliseconds.
    pub(crate) first_byte: Option<f64>,
    /// In microseconds.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
}

/// All measurements of one side.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) peer: Option<Peer>,
    pub(crate) readings: Vec<Reading>,
    /// In bytes.
    pub(crate) peak: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Better {
    Higher,
    Lower,
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// The unit of processor time, and its factor from seconds for a unit of work; `None` leaves processor time out.
    pub(crate) cpu_unit: Option<(&'static str, f64)>,
    pub(crate) sides: Vec<Side>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) notes: Vec<String>,
}

impl Side {
    /// The best round, because a disturbance of the machine only ever slows a server down.
    pub(crate) fn value(&self, better: Better) -> f64 {
        let values: Vec<f64> = self.readings.iter().map(|reading| reading.value).collect();
        match better {
            Better::Higher => most(&values),
            Better::Lower => least(&values),
        }
    }

    /// Processor time for a unit of work, in seconds; over all rounds, because the kernel counts hundredths of a
    /// second.
    pub(crate) fn cpu(&self) -> f64 {
        let sum = |of: fn(&Reading) -> f64| self.readings.iter().map(of).sum::<f64>();
        sum(|reading| reading.cpu) / sum(|reading| reading.work)
    }

    /// The median of the rounds.
    pub(crate) fn middle(&self, of: fn(&Reading) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.readings.iter().filter_map(of).collect();
        (!values.is_empty()).then(|| median(&values))
    }
}

impl Table {
    fn side(&self, peer: Peer) -> Option<&Side> {
        self.sides.iter().find(|side| side.peer == Some(peer))
    }

    /// How many times as good ours is as the other, if both were measured.
    pub(crate) fn ratio(&self, other: Peer) -> Option<f64> {
        Some(self.ratio_of(self.side(Peer::Ours)?, self.side(other)?))
    }

    fn ratio_of(&self, ours: &Side, other: &Side) -> f64 {
        let (ours, other) = (ours.value(self.better), other.value(self.better));
        match self.better {
            Better::Higher => ours / other,
            Better::Lower => other / ours,
        }
    }

    /// A goal for the ratio of ours to each other server that was measured.
    pub(crate) fn goal_against(&mut self, what: &str, bounds: &[(Peer, f64)]) {
        for (peer, bound) in bounds {
            if let Some(value) = self.ratio(*peer) {
                self.verdict(format!("{what} against {}", peer.name()), value, "×", Bound::AtLeast(*bound));
            }
        }
    }

    /// A goal for the ratio of two sides by their names, if both were measured.
    pub(crate) fn goal_between(&mut self, what: &str, ours: &str, other: &str, bound: f64) {
        let named = |name: &str| self.sides.iter().find(|side| side.name == name);
        if let (Some(ours), Some(other)) = (named(ours), named(other)) {
            let value = self.ratio_of(ours, other);
            self.verdict(what, value, "×", Bound::AtLeast(bound));
        }
    }

    /// A goal for the ratio of processor time, of which less is better.
    pub(crate) fn cpu_goal_against(&mut self, what: &str, bounds: &[(Peer, f64)]) {
        for (peer, bound) in bounds {
            if let (Some(ours), Some(other)) = (self.side(Peer::Ours), self.side(*peer)) {
                let value = ours.cpu() / other.cpu();
                // Less work than one tick of the kernel's clock.
                if !value.is_finite() {
                    continue;
                }
                self.verdict(format!("{what} against {}", peer.name()), value, "×", Bound::AtMost(*bound));
            }
        }
    }

    pub(crate) fn verdict(&mut self, what: impl Into<String>, value: f64, unit: &'static str, bound: Bound) {
        self.verdicts.push(Verdict { what: what.into(), value, unit, bound });
    }
}

#[cfg(test)]
mod tests {
    use super::{Better, Bound, Peer, Reading, Side, Table, Verdict};

    fn side(peer: Peer, values: &[f64]) -> Side {
        let reading = |value: &f64| Reading { value: *value, work: 2.0, cpu: 1.0, ..Reading::default() };
        Side { name: peer.name().into(), peer: Some(peer), readings: values.iter().map(reading).collect(), peak: None }
    }

    fn table(better: Better) -> Table {
        let sides = vec![side(Peer::Ours, &[10.0, 8.0]), side(Peer::Nginx, &[5.0, 4.0])];
        Table { title: "t".into(), unit: "u", better, cpu_unit: None, sides, verdicts: vec![], notes: vec![] }
    }

    #[test]
    fn a_ratio_above_one_is_better_for_rates_and_for_times() {
        assert_eq!(table(Better::Higher).ratio(Peer::Nginx), Some(2.0));
        assert_eq!(table(Better::Lower).ratio(Peer::Nginx), Some(0.5));
        assert_eq!(table(Better::Lower).ratio(Peer::Dufs), None);
    }

    #[test]
    fn goals_apply_to_measured_servers() {
        let mut table = table(Better::Higher);
        table.goal_against("files", &[(Peer::Nginx, 2.0), (Peer::Dufs, 1.0)]);
        table.cpu_goal_against("time", &[(Peer::Nginx, 0.9)]);
        let met: Vec<bool> = table.verdicts.iter().map(Verdict::is_met).collect();
        assert_eq!(met, [true, false]);
        assert!(Bound::AtMost(1.0).is_met(1.0) && !Bound::AtLeast(1.0).is_met(0.9));
    }
}

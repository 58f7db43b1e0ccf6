//! The metrics of what clients share, for Prometheus.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::admission::Figures;

/// The figures of every kind of place, set when the metrics are read.
pub(super) struct GateMetrics {
    held: Family<KindLabels, Gauge>,
    waiting: Family<KindLabels, Gauge>,
    owners: Family<KindLabels, Gauge>,
    refused: Family<KindLabels, Gauge>,
    bound: Family<BoundLabels, Gauge>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct BoundLabels {
    kind: &'static str,
    of: &'static str,
}

impl GateMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let (held, waiting, owners, refused) = <(Family<_, _>, Family<_, _>, Family<_, _>, Family<_, _>)>::default();
        registry.register("places_held", "Places or bytes that clients hold", Family::clone(&held));
        registry.register("places_waiting", "Requests that wait for a place", Family::clone(&waiting));
        registry.register("places_owners", "Clients that hold or await a place", Family::clone(&owners));
        registry.register(
            "places_refused",
            "Requests refused for want of a place, since the start",
            Family::clone(&refused),
        );
        let bound = Family::default();
        registry.register(
            "places_bound",
            "How many places there are, for all clients and for one",
            Family::clone(&bound),
        );
        Self { held, waiting, owners, refused, bound }
    }

    pub(super) fn set(&self, kind: &'static str, figures: &Figures) {
        let Figures { held, waiting, owners, refused, bounds } = *figures;
        let rows = [
            (&self.held, held),
            (&self.waiting, waiting as u64),
            (&self.owners, owners as u64),
            (&self.refused, refused),
        ];
        for (family, value) in rows {
            family.get_or_create(&KindLabels { kind }).set(count(value));
        }
        for (of, value) in [("all", bounds.all), ("one", bounds.one)] {
            self.bound.get_or_create(&BoundLabels { kind, of }).set(count(value));
        }
    }
}

fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

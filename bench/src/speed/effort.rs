//! How much is measured: the whole, or a small version which shows that everything works.

use crate::measure::data::Scale;

#[derive(Clone, Copy)]
pub(super) struct Effort {
    pub(super) scale: Scale,
    pub(super) rounds: u32,
    /// How long one side is asked for small files in a round, in seconds.
    pub(super) seconds: f64,
    pub(super) idle_connections: usize,
}

pub(super) const FULL: Effort = Effort {
    scale: Scale { big_bytes: 1 << 30, small_files: 10_000, folder_files: 100_000, huge_files: 1_000_000 },
    rounds: 3,
    seconds: 2.0,
    idle_connections: 9_000,
};

pub(super) const QUICK: Effort = Effort {
    scale: Scale { big_bytes: 64 << 20, small_files: 500, folder_files: 5_000, huge_files: 20_000 },
    rounds: 1,
    seconds: 0.2,
    idle_connections: 500,
};

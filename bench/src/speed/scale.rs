//! How much is measured: the full benchmark, or a quick version that only shows that every row works.

use crate::measure::data::DataSize;

#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) data: DataSize,
    pub(crate) rounds: u32,
    /// How long one contender answers requests for small files in a round, in seconds.
    pub(crate) seconds: f64,
    pub(crate) idle_connections: usize,
}

pub(crate) const FULL: Scale = Scale {
    data: DataSize { big_bytes: 1 << 30, small_files: 10_000, folder_files: 100_000, huge_files: 1_000_000 },
    rounds: 3,
    seconds: 2.0,
    idle_connections: 9_000,
};

pub(crate) const QUICK: Scale = Scale {
    data: DataSize { big_bytes: 64 << 20, small_files: 500, folder_files: 5_000, huge_files: 20_000 },
    rounds: 1,
    seconds: 0.2,
    idle_connections: 500,
};

//! What one row measured.

use super::{svg::Chart, table::Table};

#[derive(Default)]
pub(crate) struct Results {
    pub(crate) tables: Vec<Table>,
    pub(crate) charts: Vec<Chart>,
}

impl Results {
    pub(crate) fn table(table: Table) -> Self {
        Self { tables: vec![table], charts: Vec::new() }
    }
}

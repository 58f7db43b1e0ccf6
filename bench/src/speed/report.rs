//! Prints the tables.

use super::{
    results::Results,
    table::{Side, Table},
};
use crate::measure::verdict::{Verdict, number};

pub(crate) fn print(table: &Table) {
    println!("    {}", table.title);
    let width = table.sides.iter().map(|side| side.name.len()).max().unwrap_or_default();
    for side in &table.sides {
        println!("      {:<width$}  {}", side.name, cells(table, side).join("  "));
    }
    table.notes.iter().for_each(|note| println!("      {note}"));
    table.verdicts.iter().for_each(|verdict| println!("      {}", verdict.sentence()));
}

pub(crate) fn print_verdicts(measured: &[Results]) {
    let verdicts: Vec<&Verdict> =
        measured.iter().flat_map(|found| &found.tables).flat_map(|table| &table.verdicts).collect();
    println!("\n{} of {} goals are met", verdicts.iter().filter(|verdict| verdict.is_met()).count(), verdicts.len());
    verdicts.iter().filter(|verdict| !verdict.is_met()).for_each(|verdict| println!("  {}", verdict.sentence()));
}

/// The figures of a side as text, the compared one first.
pub(crate) fn cells(table: &Table, side: &Side) -> Vec<String> {
    let mut cells = vec![format!("{} {}", number(side.value(table.better)), table.unit)];
    if let Some((unit, scale)) = table.cpu_unit {
        cells.push(format!("{} {unit}", number(side.cpu() * scale)));
    }
    cells.extend(side.middle(|reading| reading.first_byte).map(|ms| format!("first byte {} ms", number(ms))));
    if let (Some(p50), Some(p99)) = (side.middle(|reading| reading.p50), side.middle(|reading| reading.p99)) {
        cells.push(format!("50 % {} µs, 99 % {} µs", number(p50), number(p99)));
    }
    cells.extend(side.peak.map(|bytes| format!("peak {} MiB", bytes >> 20)));
    cells
}

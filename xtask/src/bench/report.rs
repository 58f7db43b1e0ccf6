//! Shows the tables on the terminal.

use super::{
    rows::Found,
    table::{Bound, Side, Table, Verdict},
};

pub(super) fn print(table: &Table) {
    println!("    {}", table.title);
    let width = table.sides.iter().map(|side| side.name.len()).max().unwrap_or_default();
    for side in &table.sides {
        println!("      {:<width$}  {}", side.name, cells(table, side).join("  "));
    }
    table.notes.iter().for_each(|note| println!("      {note}"));
    table.verdicts.iter().for_each(|verdict| println!("      {}", sentence(verdict)));
}

pub(super) fn print_verdicts(measured: &[Found]) {
    let verdicts: Vec<&Verdict> =
        measured.iter().flat_map(|found| &found.tables).flat_map(|table| &table.verdicts).collect();
    println!("\n{} of {} goals are met", verdicts.iter().filter(|verdict| verdict.is_met()).count(), verdicts.len());
    verdicts.iter().filter(|verdict| !verdict.is_met()).for_each(|verdict| println!("  {}", sentence(verdict)));
}

/// What there is to say of a side, the figure that counts first.
pub(super) fn cells(table: &Table, side: &Side) -> Vec<String> {
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

pub(super) fn sentence(verdict: &Verdict) -> String {
    let (sign, bound) = match verdict.bound {
        Bound::AtLeast(bound) => ("≥", bound),
        Bound::AtMost(bound) => ("≤", bound),
    };
    let met = if verdict.is_met() { "met" } else { "NOT MET" };
    let (value, unit) = (number(verdict.value), verdict.unit);
    format!("{}: {value} {unit}, goal {sign} {bound} {unit}: {met}", verdict.what)
}

/// Three digits that mean something.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size == 0.0 => "0".to_owned(),
        size => format!("{value:.*}", (2 - size.log10().floor() as i32).clamp(0, 6) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_keep_three_digits() {
        for (value, text) in [(12345.6, "12346"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.0123"), (0.0, "0")] {
            assert_eq!(number(value), text);
        }
    }
}

//! The file with the information about deleted entries: a table with a line of fixed width for each item, in the order of
//! their ids, then a line of JSON for each. Entries that are deleted together share one file, under a name (hard link)
//! for each item: one sync makes all texts durable, and the file lives as long as one of its items.

use std::fmt::Write;

use shared::TrashId;

use super::trash_info::{INFO_BYTES_MAX, Info};
use crate::storage::local::platform::{DiskFile, read_full};

/// Bytes of a line of the table: id, offset and length of the text, separated by spaces.
const LINE_BYTES: usize = ID_BYTES + 1 + OFFSET_BYTES + 1 + LENGTH_BYTES + 1;
const ID_BYTES: usize = 32;
const OFFSET_BYTES: usize = 10;
const LENGTH_BYTES: usize = 6;
/// Most bytes of a table that are kept in memory: more than a job can write.
const TABLE_BYTES_MAX: usize = 64 << 10;

/// The content of the file about these items.
pub(super) fn encode(infos: &[(TrashId, Info)]) -> serde_json::Result<Vec<u8>> {
    let mut sorted: Vec<_> = infos.iter().collect();
    sorted.sort_unstable_by_key(|(id, _)| *id);
    let (mut table, mut texts) = (String::with_capacity(infos.len() * LINE_BYTES), String::new());
    for (id, info) in sorted {
        let offset = infos.len() * LINE_BYTES + texts.len();
        let text = serde_json::to_string(info)?;
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "{id} {offset:0OFFSET_BYTES$} {:0LENGTH_BYTES$}", text.len());
        texts.push_str(&text);
        texts.push('\n');
    }
    table.push_str(&texts);
    Ok(table.into_bytes())
}

/// The information about one item; `None` if the file was damaged from outside.
pub(super) fn find(file: &impl DiskFile, id: TrashId) -> Option<Info> {
    // The first text follows the table.
    let (_, table_bytes, _) = read_line(file, 0)?;
    let (offset, length) = search(table_bytes / LINE_BYTES, id, |number| read_line(file, number))?;
    read_text(file, offset, length)
}

/// The file about the items of a group, with its table in memory: one read finds the text of an item.
pub(super) struct OpenTexts<F> {
    file: F,
    table: Vec<u8>,
    /// How many lines the table has, those that are not in memory included.
    lines: usize,
}

impl<F: DiskFile> OpenTexts<F> {
    /// Reads the table; `None` if the file was damaged from outside.
    pub(super) fn open(file: F) -> Option<Self> {
        let (_, table_bytes, _) = read_line(&file, 0)?;
        let mut table = vec![0; table_bytes.min(TABLE_BYTES_MAX)];
        let count = read_full(&file, &mut table, 0).ok()?;
        table.truncate(count);
        Some(Self { file, table, lines: table_bytes / LINE_BYTES })
    }

    /// See [`find`].
    pub(super) fn find(&self, id: TrashId) -> Option<Info> {
        let line = |number: usize| match self.table.chunks_exact(LINE_BYTES).nth(number) {
            Some(line) => parse_line(line),
            None => read_line(&self.file, number),
        };
        let (offset, length) = search(self.lines, id, line)?;
        read_text(&self.file, offset, length)
    }
}

/// Where the text of an item is, by a binary search in a table with so many lines.
fn search(lines: usize, id: TrashId, line: impl Fn(usize) -> Option<Line>) -> Option<(usize, usize)> {
    let (mut low, mut high) = (0, lines);
    while low < high {
        let middle = low.midpoint(high);
        let (found, offset, length) = line(middle)?;
        match found.cmp(&id) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some((offset, length)),
        }
    }
    None
}

/// A line of the table: the id, offset and length of the text.
type Line = (TrashId, usize, usize);

fn read_line(file: &impl DiskFile, number: usize) -> Option<Line> {
    let mut line = [0; LINE_BYTES];
    if read_full(file, &mut line, number.checked_mul(LINE_BYTES)? as u64).ok()? < LINE_BYTES {
        return None;
    }
    parse_line(&line)
}

fn parse_line(line: &[u8]) -> Option<Line> {
    let mut fields = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let id = TrashId::parse(fields.next()?)?;
    Some((id, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn read_text(file: &impl DiskFile, offset: usize, length: usize) -> Option<Info> {
    let mut text = vec![0; length.min(INFO_BYTES_MAX)];
    let count = read_full(file, &mut text, offset as u64).ok()?;
    serde_json::from_slice(&text[..count]).ok()
}

#[cfg(test)]
mod tests {
    use shared::{Entry, Kind, Timestamp, VPath};

    use super::*;
    use crate::storage::local::platform::write_full;

    fn info(name: &str) -> Info {
        let (path, modified) = (VPath::parse(name).unwrap(), Timestamp(0));
        let entry = Entry { path, kind: Kind::File, size: 7, modified, executable: false, link: None, etag: None };
        Info::new(&entry, Timestamp(1))
    }

    #[test]
    fn each_item_is_found_by_its_id() {
        let ids = [9, 3, 200, 0, 77].map(|number| TrashId([number; 16]));
        for count in 1..=ids.len() {
            let infos: Vec<_> = ids[..count].iter().map(|id| (*id, info(&id.to_string()))).collect();
            let file = tempfile::tempfile().unwrap();
            write_full(&file, &encode(&infos).unwrap(), 0).unwrap();
            let texts = OpenTexts::open(file.try_clone().unwrap()).unwrap();
            let without_table = OpenTexts { table: Vec::new(), file: file.try_clone().unwrap(), ..texts };
            for id in &ids[..count] {
                for info in [find(&file, *id), texts.find(*id), without_table.find(*id)] {
                    let item = info.unwrap().into_item(*id, false, &VPath::root(), 0).unwrap();
                    assert_eq!(item.entry.path, VPath::parse(&id.to_string()).unwrap());
                }
            }
            let absent = TrashId([8; 16]);
            assert!([find(&file, absent), texts.find(absent), without_table.find(absent)].iter().all(Option::is_none));
        }
    }

    #[test]
    fn a_damaged_file_has_no_information() {
        let id = TrashId([1; 16]);
        let whole = encode(&[(id, info("name"))]).unwrap();
        let other_id = [b"f".repeat(ID_BYTES), whole[ID_BYTES..].to_vec()].concat();
        for bytes in [b"".to_vec(), b"spoilt".to_vec(), whole[..whole.len() - 9].to_vec(), other_id] {
            let file = tempfile::tempfile().unwrap();
            write_full(&file, &bytes, 0).unwrap();
            assert!(find(&file, id).is_none());
            assert!(OpenTexts::open(file).is_none_or(|texts| texts.find(id).is_none()));
        }
    }
}

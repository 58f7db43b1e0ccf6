//! The content of a file with the information about deleted entries: a table with a line of fixed width for each item, in
//! the order of their ids, then a line of JSON for each. Entries that are deleted together share one file, so one sync
//! makes all texts durable.

use std::fmt::Write;
use std::io;

use shared::{TrashId, hex};

use super::trash_info::{INFO_BYTES_MAX, Info};
use crate::storage::local::platform::{DiskFile, read_full};

/// Bytes of a line of the table: id, offset and length of the text, separated by spaces.
const LINE_BYTES: usize = ID_BYTES + 1 + OFFSET_BYTES + 1 + LENGTH_BYTES + 1;
const ID_BYTES: usize = 32;
const OFFSET_BYTES: usize = 10;
const LENGTH_BYTES: usize = 6;
/// Most bytes of a file that are kept in memory: more than the table of a job takes, and the texts of usual paths.
const KEPT_BYTES_MAX: usize = 512 << 10;
/// Bytes of a line of the table and of a usual text.
const ITEM_BYTES: usize = LINE_BYTES + 256;

/// The content of the file about these items.
pub(super) fn encode<'a>(infos: impl Iterator<Item = &'a (TrashId, Info)>) -> serde_json::Result<Vec<u8>> {
    let mut sorted: Vec<_> = infos.collect();
    sorted.sort_unstable_by_key(|(id, _)| *id);
    let table_bytes = sorted.len() * LINE_BYTES;
    let (mut table, mut texts) = (String::with_capacity(table_bytes), String::new());
    for (id, info) in sorted {
        let offset = table_bytes + texts.len();
        let text = serde_json::to_string(info)?;
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "{id} {offset:0OFFSET_BYTES$} {:0LENGTH_BYTES$}", text.len());
        texts.push_str(&text);
        texts.push('\n');
    }
    table.push_str(&texts);
    Ok(table.into_bytes())
}

/// A line of the table.
type Line = [u8; LINE_BYTES];

/// The information about one item; `None` if the file was damaged from outside.
pub(super) fn find(file: &impl DiskFile, id: TrashId) -> Option<Info> {
    let (offset, length) = search(count_lines(file)?, id, |number| read_line(file, number))?;
    read_text(file, offset, length)
}

/// The items that a file is about: none if it was damaged from outside, so that it tells nothing.
///
/// # Errors
/// If it cannot be read, or is about more items than a job has.
pub(super) fn ids(file: &impl DiskFile) -> io::Result<Vec<TrashId>> {
    let mut first = [0; LINE_BYTES];
    let count = read_full(file, &mut first, 0).map_err(io::Error::other)?;
    let Some((table_bytes, _)) = place(&first).filter(|_| count == LINE_BYTES) else { return Ok(Vec::new()) };
    if table_bytes > KEPT_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut table = vec![0; table_bytes];
    let count = read_full(file, &mut table, 0).map_err(io::Error::other)?;
    let (lines, _) = table[..count].as_chunks::<LINE_BYTES>();
    let id = |line: &Line| TrashId::parse(str::from_utf8(&line[..ID_BYTES]).ok()?);
    Ok(lines.iter().filter_map(id).collect())
}

/// The file about the items of a group, with its beginning in memory: one read finds the texts of many items.
pub(super) struct OpenTexts<F> {
    file: F,
    start: Vec<u8>,
    /// How many lines the table has, those that are not in memory included.
    lines: usize,
}

impl<F: DiskFile> OpenTexts<F> {
    /// Reads the beginning; `None` if the file was damaged from outside.
    pub(super) fn open(file: F) -> Option<Self> {
        let lines = count_lines(&file)?;
        let mut start = vec![0; lines.saturating_mul(ITEM_BYTES).min(KEPT_BYTES_MAX)];
        let count = read_full(&file, &mut start, 0).ok()?;
        start.truncate(count);
        Some(Self { file, start, lines })
    }

    /// See [`find`].
    pub(super) fn find(&self, id: TrashId) -> Option<Info> {
        let (lines, _) = self.start.as_chunks();
        let line = |number: usize| lines.get(number).copied().or_else(|| read_line(&self.file, number));
        let (offset, length) = search(self.lines, id, line)?;
        match self.start.get(offset..offset.saturating_add(length)) {
            Some(text) => serde_json::from_slice(text).ok(),
            None => read_text(&self.file, offset, length),
        }
    }
}

/// Where the text of an item is, by a binary search in a table with so many lines.
fn search(lines: usize, id: TrashId, line: impl Fn(usize) -> Option<Line>) -> Option<(usize, usize)> {
    let wanted = hex::encode(&id.0);
    let (mut low, mut high) = (0, lines);
    while low < high {
        let middle = low.midpoint(high);
        let line = line(middle)?;
        match line[..ID_BYTES].cmp(wanted.as_bytes()) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return place(&line),
        }
    }
    None
}

/// The number of lines in the table: the text of the first item follows it.
fn count_lines(file: &impl DiskFile) -> Option<usize> {
    place(&read_line(file, 0)?).map(|(table_bytes, _)| table_bytes / LINE_BYTES)
}

fn read_line(file: &impl DiskFile, number: usize) -> Option<Line> {
    let mut line = [0; LINE_BYTES];
    let count = read_full(file, &mut line, number.checked_mul(LINE_BYTES)? as u64).ok()?;
    (count == LINE_BYTES).then_some(line)
}

/// Offset and length of the text that a line is about.
fn place(line: &Line) -> Option<(usize, usize)> {
    let mut fields = str::from_utf8(&line[ID_BYTES..]).ok()?.split_ascii_whitespace();
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
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
            write_full(&file, &encode(infos.iter()).unwrap(), 0).unwrap();
            let texts = OpenTexts::open(file.try_clone().unwrap()).unwrap();
            let not_in_memory = OpenTexts { start: Vec::new(), file: file.try_clone().unwrap(), ..texts };
            for id in &ids[..count] {
                for info in [find(&file, *id), texts.find(*id), not_in_memory.find(*id)] {
                    let item = info.unwrap().into_item(*id, false, &VPath::root(), 0).unwrap();
                    assert_eq!(item.entry.path, VPath::parse(&id.to_string()).unwrap());
                }
            }
            let absent = TrashId([8; 16]);
            assert!([find(&file, absent), texts.find(absent), not_in_memory.find(absent)].iter().all(Option::is_none));
        }
    }

    #[test]
    fn a_damaged_file_has_no_information() {
        let id = TrashId([1; 16]);
        let whole = encode([(id, info("name"))].iter()).unwrap();
        let other_id = [b"f".repeat(ID_BYTES), whole[ID_BYTES..].to_vec()].concat();
        for bytes in [b"".to_vec(), b"spoilt".to_vec(), whole[..whole.len() - 9].to_vec(), other_id] {
            let file = tempfile::tempfile().unwrap();
            write_full(&file, &bytes, 0).unwrap();
            assert!(find(&file, id).is_none());
            assert!(OpenTexts::open(file).is_none_or(|texts| texts.find(id).is_none()));
        }
    }
}

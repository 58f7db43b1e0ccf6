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
    let (mut low, mut high) = (0, table_bytes / LINE_BYTES);
    while low < high {
        let middle = low.midpoint(high);
        let (found, offset, length) = read_line(file, middle)?;
        match found.cmp(&id) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return read_text(file, offset, length),
        }
    }
    None
}

/// A line of the table: the id, and where its text is.
fn read_line(file: &impl DiskFile, number: usize) -> Option<(TrashId, usize, usize)> {
    let mut line = [0; LINE_BYTES];
    if read_full(file, &mut line, number.checked_mul(LINE_BYTES)? as u64).ok()? < LINE_BYTES {
        return None;
    }
    let mut fields = str::from_utf8(&line).ok()?.split_ascii_whitespace();
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
            for id in &ids[..count] {
                let item = find(&file, *id).unwrap().into_item(*id, false, &VPath::root(), 0).unwrap();
                assert_eq!(item.entry.path, VPath::parse(&id.to_string()).unwrap());
            }
            assert!(find(&file, TrashId([8; 16])).is_none());
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
        }
    }
}

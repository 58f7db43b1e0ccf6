//! Splits a change into requests within the server's limits of items and bytes.

use shared::Change;
use shared::limits::{CHANGE_ITEMS_MAX, FRAME_CONTROL_BYTES_MAX};

/// Bytes of paths in one request. The gateway forwards a request in one control frame; the last quarter of the frame is
/// for everything that is not a path.
const BATCH_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX * 3 / 4;
/// Bytes of an item besides its paths: an entity tag or an id, and the encoding (at most 7 bytes for two paths).
const ITEM_BYTES: usize = 24;

/// Splits `change` into requests within the server's limits that keep the order of its items.
pub fn split(change: Change) -> Vec<Change> {
    split_by(change, CHANGE_ITEMS_MAX)
}

/// [`split`] into requests of at most `items_max` items.
pub fn split_by(change: Change, items_max: usize) -> Vec<Change> {
    let items_max = items_max.min(CHANGE_ITEMS_MAX);
    match change {
        Change::MakeFolder { paths, existing_ok } => batches(paths, items_max, |path| path.as_bytes().len())
            .map(|paths| Change::MakeFolder { paths, existing_ok })
            .collect(),
        Change::Move { items, conflict } => {
            batches(items, items_max, |pair| pair.from.as_bytes().len() + pair.to.as_bytes().len())
                .map(|items| Change::Move { items, conflict })
                .collect()
        }
        Change::Copy { items, conflict } => {
            batches(items, items_max, |pair| pair.from.as_bytes().len() + pair.to.as_bytes().len())
                .map(|items| Change::Copy { items, conflict })
                .collect()
        }
        Change::Trash { items } => {
            batches(items, items_max, |item| item.path.as_bytes().len()).map(|items| Change::Trash { items }).collect()
        }
        Change::Delete { items } => {
            batches(items, items_max, |item| item.path.as_bytes().len()).map(|items| Change::Delete { items }).collect()
        }
        Change::Restore { items, conflict } => {
            batches(items, items_max, |item| item.to.as_ref().map_or(0, |to| to.as_bytes().len()))
                .map(|items| Change::Restore { items, conflict })
                .collect()
        }
        Change::Purge { ids: Some(ids) } => {
            batches(ids, items_max, |_| 0).map(|ids| Change::Purge { ids: Some(ids) }).collect()
        }
        all @ Change::Purge { ids: None } => vec![all],
    }
}

/// Cuts `items` into batches of at most `items_max`; `path_bytes` returns the bytes of an item's paths.
fn batches<T>(items: Vec<T>, items_max: usize, path_bytes: impl Fn(&T) -> usize) -> std::vec::IntoIter<Vec<T>> {
    let mut batches: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        let more = path_bytes(&item) + ITEM_BYTES;
        match batches.last_mut().filter(|batch| batch.len() < items_max && bytes + more <= BATCH_BYTES_MAX) {
            Some(batch) => {
                batch.push(item);
                bytes += more;
            }
            None => {
                batches.push(vec![item]);
                bytes = more;
            }
        }
    }
    batches.into_iter()
}

#[cfg(test)]
mod tests {
    use shared::VPath;
    use shared::change::PathItem;

    use super::*;

    fn trash(count: usize, length: usize) -> Change {
        let path = |index| VPath::from_bytes(format!("{index:0>length$}").into_bytes()).unwrap();
        Change::Trash { items: (0..count).map(|index| PathItem { path: path(index), if_etag: None }).collect() }
    }

    #[test]
    fn a_few_items_fit_one_request() {
        assert_eq!(split(trash(3, 10)), [trash(3, 10)]);
        assert_eq!(split(trash(0, 10)), []);
        assert_eq!(split(Change::Purge { ids: None }), [Change::Purge { ids: None }]);
    }

    #[test]
    fn many_items_and_long_paths_need_several_requests() {
        let sizes = |change: Change| split(change).iter().map(Change::len).collect::<Vec<_>>();
        assert_eq!(sizes(trash(2_100, 4)), [1_000, 1_000, 100]);
        assert_eq!(sizes(trash(2_100, 40)), [768, 768, 564]);
        assert_eq!(split_by(trash(5, 4), 2).iter().map(Change::len).collect::<Vec<_>>(), [2, 2, 1]);
        let long = sizes(trash(40, 4_000));
        assert_eq!((long.iter().sum::<usize>(), long[0]), (40, 12));
    }
}

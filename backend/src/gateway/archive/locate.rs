//! Finds the record or content that a byte of an archive belongs to. Pure.

use super::plan::Manifest;

/// The record or content that contains a byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The local records and content of entry `index`, starting at `offset`.
    Entry { index: usize, offset: u64 },
    /// The central directory's record of entry `index`, starting at `offset`; the entry's local record starts at
    /// `entry`.
    Central { index: usize, offset: u64, entry: u64 },
    /// The records at the end, starting at `offset`.
    End { offset: u64 },
}

/// The place of the byte at `offset`, which must be within the archive.
pub(super) fn locate(manifest: &Manifest, offset: u64) -> Place {
    let layout = manifest.layout;
    if offset >= layout.central_offset + layout.central_bytes {
        return Place::End { offset: layout.central_offset + layout.central_bytes };
    }
    let in_central = offset >= layout.central_offset;
    let (mut entry_start, mut central_start) = (0, layout.central_offset);
    for (index, entry) in manifest.entries.iter().enumerate() {
        let record = entry.record();
        let record = record.get();
        let entry_end = entry_start + record.whole_bytes();
        let central_end = central_start + record.central_bytes(entry_start);
        if in_central && offset < central_end {
            return Place::Central { index, offset: central_start, entry: entry_start };
        }
        if !in_central && offset < entry_end {
            return Place::Entry { index, offset: entry_start };
        }
        (entry_start, central_start) = (entry_end, central_end);
    }
    Place::End { offset: central_start }
}

#[cfg(test)]
mod tests {
    use shared::{Entry, Kind, Timestamp, VPath};

    use super::super::plan::{Limits, Planner};
    use super::*;

    fn manifest(sizes: &[u64]) -> Manifest {
        let mut planner = Planner::new(vec![VPath::root()], Limits::default());
        let entry = |path: String, kind, size| Entry {
            path: VPath::parse(&path).unwrap(),
            kind,
            size,
            modified: Timestamp(0),
            executable: false,
            link: None,
            etag: None,
        };
        planner.add(entry(String::new(), Kind::Folder, 0), None).unwrap();
        for (index, &size) in sizes.iter().enumerate() {
            planner.add(entry(format!("f{index}"), Kind::File, size), None).unwrap();
        }
        planner.finish().unwrap()
    }

    #[test]
    fn every_byte_has_a_place_and_places_are_contiguous() {
        let manifest = manifest(&[3, 0, 70]);
        let layout = manifest.layout;
        let mut begun = Vec::new();
        for offset in 0..layout.total_bytes {
            let place = locate(&manifest, offset);
            let start = match place {
                Place::Entry { offset, .. } | Place::Central { offset, .. } | Place::End { offset } => offset,
            };
            assert!(start <= offset);
            if begun.last() != Some(&place) {
                assert_eq!(start, offset);
                begun.push(place);
            }
        }
        // A local record takes 30 bytes, the name and 9 for the time; a descriptor 16; a central record 46, name and
        // time.
        let (first, second, third) = (41 + 3 + 16, 41, 41 + 70 + 16);
        let central = first + second + third;
        let expected = [
            Place::Entry { index: 0, offset: 0 },
            Place::Entry { index: 1, offset: first },
            Place::Entry { index: 2, offset: first + second },
            Place::Central { index: 0, offset: central, entry: 0 },
            Place::Central { index: 1, offset: central + 57, entry: first },
            Place::Central { index: 2, offset: central + 114, entry: first + second },
            Place::End { offset: central + 171 },
        ];
        assert_eq!(begun, expected);
    }

    #[test]
    fn beyond_four_gigabytes_records_are_longer() {
        let manifest = manifest(&[5 << 30, 1]);
        let layout = manifest.layout;
        let second = (5 << 30) + 41 + 20 + 24;
        let large_central = 57 + 4 + 16;
        assert_eq!(locate(&manifest, second - 1), Place::Entry { index: 0, offset: 0 });
        assert_eq!(locate(&manifest, second), Place::Entry { index: 1, offset: second });
        let central = Place::Central { index: 1, offset: layout.central_offset + large_central, entry: second };
        assert_eq!(locate(&manifest, layout.central_offset + large_central), central);
        let end = layout.central_offset + layout.central_bytes;
        assert_eq!(end, layout.central_offset + large_central + 57 + 12);
        assert_eq!(locate(&manifest, layout.total_bytes - 1), Place::End { offset: end });
    }

    #[test]
    fn an_empty_archive_has_only_the_end_records() {
        let manifest = manifest(&[]);
        assert_eq!(locate(&manifest, 0), Place::End { offset: 0 });
    }
}

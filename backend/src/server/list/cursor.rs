//! Where a listing continues.

use std::fmt;

use shared::order::OrderKey;
use shared::path::encode_segment;
use shared::{ErrorCode, VPath};

/// Where a listing continues: in a snapshot at an index or, once the snapshot is gone, after an entry. The text is
/// `1.<snapshot>.<index>.<d|f>.<rank>.<name>`; clients treat it as opaque.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Cursor {
    pub(super) snapshot: u64,
    pub(super) index: usize,
    pub(super) folder: bool,
    pub(super) rank: u64,
    /// A path of one segment.
    pub(super) name: VPath,
}

impl Cursor {
    /// Reads the text.
    ///
    /// # Errors
    /// [`ErrorCode::BadCursor`].
    pub(super) fn parse(text: &str) -> Result<Self, ErrorCode> {
        Self::read(text).ok_or(ErrorCode::BadCursor)
    }

    fn read(text: &str) -> Option<Self> {
        let mut fields = text.splitn(6, '.');
        if fields.next()? != "1" {
            return None;
        }
        let snapshot = u64::from_str_radix(fields.next()?, 16).ok()?;
        let index = fields.next()?.parse().ok()?;
        let folder = match fields.next()? {
            "d" => true,
            "f" => false,
            _ => return None,
        };
        let rank = fields.next()?.parse().ok()?;
        let name = VPath::parse(fields.next()?).ok().filter(|path| path.segments().count() == 1)?;
        Some(Self { snapshot, index, folder, rank, name })
    }

    /// The position of its entry in the order, with the key of its name.
    pub(super) fn order_key<'a>(&'a self, key: &'a [u8]) -> OrderKey<'a> {
        OrderKey { folder: self.folder, rank: self.rank, key, name: self.name.name() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { snapshot, index, folder, rank, name } = self;
        let (folder, name) = (if *folder { 'd' } else { 'f' }, encode_segment(name.name()));
        write!(formatter, "1.{snapshot:x}.{index}.{folder}.{rank}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parse_refuses_other_texts() {
        for text in
            ["", "1", "2.0.0.f.0.a", "1.0.0.x.0.a", "1.0.-1.f.0.a", "1.0.0.f.-1.a", "1.0.0.f.0.", "1.0.0.f.0.a/b"]
        {
            assert_eq!(Cursor::parse(text), Err(ErrorCode::BadCursor), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parse_reads_what_display_writes(
            snapshot: u64,
            index: usize,
            folder: bool,
            rank: u64,
            name in "[^/\0]{1,20}",
        ) {
            prop_assume!(name != "." && name != "..");
            let name = VPath::from_bytes(name.as_bytes()).unwrap();
            let cursor = Cursor { snapshot, index, folder, rank, name };
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor));
        }
    }
}

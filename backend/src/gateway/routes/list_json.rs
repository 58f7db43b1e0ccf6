//! Writes the rows of a listing as JSON, in the format of [`shared::Entry`] but without an allocation for each row.
//! Pure.

use shared::columns::Columns;
use shared::hex;
use shared::path::encoded_pieces;
use shared::{ETag, Kind, Link, VPath};

/// Estimated bytes of a row without its name and its path.
const ROW_BYTES: usize = 140;

/// Writes the rows of one folder.
pub(crate) struct RowWriter {
    /// The folder's encoded path with a slash: the prefix of every path.
    folder: String,
    /// Whether a row was written, so that the next one needs a comma.
    any: bool,
}

impl RowWriter {
    pub(crate) fn below(folder: &VPath) -> Self {
        let mut text = folder.encoded();
        if !folder.is_root() {
            text.push('/');
        }
        Self { folder: text, any: false }
    }

    /// Estimated bytes that the rows take.
    pub(crate) fn bytes(&self, columns: &Columns<impl AsRef<[u8]>>) -> usize {
        let names: usize = (0..columns.len()).map(|row| columns.name(row).len()).sum();
        columns.len() * (ROW_BYTES + self.folder.len()) + 2 * names + 512
    }

    /// Appends the rows, separated by commas.
    ///
    /// # Errors
    /// None if `json` is in memory.
    pub(crate) fn write(
        &mut self,
        columns: &Columns<impl AsRef<[u8]>>,
        json: &mut Vec<u8>,
    ) -> Result<(), serde_json::Error> {
        for row in 0..columns.len() {
            if std::mem::replace(&mut self.any, true) {
                json.push(b',');
            }
            let (name, kind) = (columns.name(row), columns.kind(row));
            json.extend_from_slice(b"{\"name\":");
            serde_json::to_writer(&mut *json, &String::from_utf8_lossy(name))?;
            // Canonical percent-encoding contains no character that JSON escapes.
            json.extend_from_slice(b",\"path\":\"");
            json.extend_from_slice(self.folder.as_bytes());
            encoded_pieces(name).for_each(|piece| json.extend_from_slice(piece.as_bytes()));
            json.extend_from_slice(match kind {
                Kind::File => b"\",\"kind\":\"file\"".as_slice(),
                Kind::Folder => b"\",\"kind\":\"folder\"",
                Kind::Other => b"\",\"kind\":\"other\"",
            });
            if kind == Kind::File {
                json.extend_from_slice(b",\"size\":");
                serde_json::to_writer(&mut *json, &columns.size(row))?;
            }
            json.extend_from_slice(b",\"modified\":");
            serde_json::to_writer(&mut *json, &columns.modified(row).milliseconds())?;
            if columns.is_executable(row) {
                json.extend_from_slice(b",\"executable\":true");
            }
            if let Some(link) = columns.link(row) {
                push_link(&link, json);
            }
            if let Some(etag) = columns.etag(row) {
                push_etag(etag, json);
            }
            json.push(b'}');
        }
        Ok(())
    }
}

fn push_link(link: &Link, json: &mut Vec<u8>) {
    json.extend_from_slice(b",\"link\":\"");
    json.extend_from_slice(link.word().as_bytes());
    json.push(b'"');
}

fn push_etag(etag: ETag, json: &mut Vec<u8>) {
    json.extend_from_slice(b",\"etag\":\"");
    json.extend(hex::digits(&etag.0));
    json.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use shared::columns::{Builder, Head, Row};
    use shared::{Entry, Timestamp};

    use super::*;

    fn row() -> impl Strategy<Value = Entry> {
        let name = vec(any::<u8>(), 1..30).prop_filter_map("a name", |name| VPath::from_bytes(name).ok());
        let name = name.prop_filter("one segment", |name| name.segments().count() == 1);
        let kind = prop_oneof![Just(Kind::File), Just(Kind::Folder), Just(Kind::Other)];
        let link = prop_oneof![
            Just(None),
            Just(Some(Link::Inside(b"a".to_vec()))),
            Just(Some(Link::Escapes)),
            Just(Some(Link::Broken))
        ];
        (name, kind, any::<u64>(), any::<i64>(), any::<bool>(), link, any::<Option<[u8; 16]>>()).prop_map(
            |(path, kind, size, modified, executable, link, etag)| Entry {
                path,
                kind,
                size,
                modified: Timestamp(modified),
                executable,
                link,
                etag: etag.map(ETag),
            },
        )
    }

    proptest! {
        /// The rows equal the serialized entries.
        #[test]
        fn rows_are_entries(entries in vec(row(), 0..12), folder in "[a-z é]{0,9}") {
            let folder = VPath::from_bytes(folder.as_bytes()).unwrap();
            let mut builder = Builder::new();
            entries.iter().for_each(|entry| assert!(builder.push(&Row::of(entry))));
            let columns = Columns::parse(builder.finish(&Head::default())).unwrap();
            let (mut rows, mut json) = (RowWriter::below(&folder), b"[".to_vec());
            rows.write(&columns, &mut json).unwrap();
            json.push(b']');
            let expected: Vec<_> = columns.rows().map(|row| row.entry(&folder).unwrap()).collect();
            prop_assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string(&expected).unwrap());
        }
    }
}

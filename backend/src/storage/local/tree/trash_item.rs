//! The two forms of an item of the trash on disk. A deleted entry is `trash/<id>/data`, with `info.json` beside it. A
//! replaced file is `replaced/<id>`, and `replaced/<id>.json` says what it was: a symbolic link whose target is that
//! text, because a link is durable with its folder while the content of a file needs a sync of its own. Where there are
//! no links, it is a file.

use std::io;
use std::sync::Arc;

use shared::TrashId;

use super::trash_info::{INFO_BYTES_MAX, Info};
use crate::storage::local::platform::{Dir, DiskFile, Metadata, read_full, write_full};

pub(super) const INFO: &[u8] = b"info.json";
pub(super) const DATA: &[u8] = b"data";
const INFO_SUFFIX: &str = ".json";

/// An item: the folder that holds its data and its information, and their names there.
pub(super) struct Item<D> {
    pub(super) id: TrashId,
    pub(super) dir: Arc<D>,
    pub(super) data: Vec<u8>,
    pub(super) info: Vec<u8>,
    /// It was replaced, and shares its folder with the other items.
    pub(super) replaced: bool,
}

impl<D: Dir> Item<D> {
    /// A deleted entry, in the folder of its item.
    pub(super) fn deleted(id: TrashId, dir: Arc<D>) -> Self {
        Self { id, dir, data: DATA.to_vec(), info: INFO.to_vec(), replaced: false }
    }

    /// A replaced file, in the folder of all of them.
    pub(super) fn replaced(id: TrashId, dir: Arc<D>) -> Self {
        Self { id, dir, data: data_name(id), info: info_name(id), replaced: true }
    }

    /// The metadata of the entry; `None` if the item has none.
    pub(super) fn metadata(&self) -> io::Result<Option<Metadata>> {
        match self.dir.metadata_of(&self.data) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// True if the entry is certainly not there.
    pub(super) fn has_no_data(&self) -> bool {
        matches!(self.metadata(), Ok(None))
    }

    /// What the entry was; `None` if the information was damaged from outside.
    pub(super) fn read_info(&self) -> Option<Info> {
        if let Ok(text) = self.dir.link_target(&self.info) {
            return serde_json::from_slice(&text).ok();
        }
        let file = self.dir.open_own_file(&self.info).ok()?;
        let mut bytes = vec![0; INFO_BYTES_MAX];
        let count = read_full(&file, &mut bytes, 0).ok()?;
        serde_json::from_slice(&bytes[..count]).ok()
    }
}

/// The name of a replaced file.
pub(super) fn data_name(id: TrashId) -> Vec<u8> {
    id.to_string().into_bytes()
}

/// The name of the information about a replaced file.
pub(super) fn info_name(id: TrashId) -> Vec<u8> {
    format!("{id}{INFO_SUFFIX}").into_bytes()
}

/// The id in the name of a replaced file or of its information.
pub(super) fn id_in_name(name: &[u8]) -> Option<TrashId> {
    let text = str::from_utf8(name).ok()?;
    TrashId::parse(text.strip_suffix(INFO_SUFFIX).unwrap_or(text))
}

/// Writes the information about a replaced file, in place of what an attempt before a crash left.
pub(super) fn write_info<D: Dir>(dir: &D, name: &[u8], info: &Info) -> io::Result<()> {
    let text = serde_json::to_vec(info)?;
    match dir.make_link(name, &text) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            dir.remove_file(name)?;
            dir.make_link(name, &text).or_else(|_| write_info_file(dir, name, &text))
        }
        Err(error) if error.kind() != io::ErrorKind::StorageFull => write_info_file(dir, name, &text),
        made => made,
    }
}

/// Writes the information as a file: the text is longer than a link may be, or there are no links.
pub(super) fn write_info_file<D: Dir>(dir: &D, name: &[u8], text: &[u8]) -> io::Result<()> {
    let file = dir.create_file(name)?;
    write_full(&file, text, 0)?;
    file.sync()
}

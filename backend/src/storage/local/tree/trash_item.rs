//! The two forms of an item of the trash on disk. A deleted entry is `trash/<id>/data`, with `info.json` beside it. A
//! replaced file is `replaced/<id>`, and `replaced/<id>.json` says what it was: a symbolic link whose target is that
//! text, because a link is durable with its folder while the content of a file needs a sync of its own. Where there are
//! no links, it is a file.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use shared::{Timestamp, TrashId, VPath};

use super::small_text::read_text;
use super::trash_info::Info;
use crate::storage::local::platform::{Dir, FileType, Metadata, unreadable_entry};
use crate::storage::{TrashItem, Visit};

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
    /// The outermost folder of its volume.
    at: VPath,
    /// The number of its file system.
    disk: u64,
}

/// A folder with items.
pub(super) struct TrashFolder<D> {
    pub(super) dir: Arc<D>,
    /// Its items were replaced, not deleted.
    pub(super) replaced: bool,
    /// The outermost folder of its volume.
    pub(super) at: VPath,
    /// The number of its file system.
    pub(super) disk: u64,
}

impl<D: Dir> TrashFolder<D> {
    /// Opens an item.
    pub(super) fn item(&self, id: TrashId) -> io::Result<Item<D>> {
        let (at, disk) = (self.at.clone(), self.disk);
        if !self.replaced {
            let dir = Arc::new(self.dir.open_dir(&item_name(id))?);
            return Ok(Item { id, dir, data: DATA.to_vec(), info: INFO.to_vec(), replaced: false, at, disk });
        }
        self.dir.metadata_of(&info_name(id)).or_else(|_| self.dir.metadata_of(&data_name(id)))?;
        let (dir, data, info) = (Arc::clone(&self.dir), data_name(id), info_name(id));
        Ok(Item { id, dir, data, info, replaced: true, at, disk })
    }

    /// The ids of all items.
    pub(super) fn ids(&self) -> io::Result<BTreeSet<TrashId>> {
        let mut ids = BTreeSet::new();
        self.dir.names(&mut |name| {
            ids.extend(id_in_name(name));
            Visit::Continue
        })?;
        Ok(ids)
    }
}

impl<D: Dir> Item<D> {
    /// The metadata of the entry; `None` if the item has none.
    pub(super) fn metadata(&self) -> io::Result<Option<Metadata>> {
        match self.dir.metadata_of(&self.data) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// True if the entry is a folder.
    pub(super) fn is_folder(&self) -> bool {
        self.metadata().is_ok_and(|data| data.is_some_and(|data| data.file_type == FileType::Folder))
    }

    /// True if the entry is certainly not there.
    pub(super) fn has_no_data(&self) -> bool {
        matches!(self.metadata(), Ok(None))
    }

    /// What the entry was; `None` if the information was damaged from outside.
    pub(super) fn read_info(&self) -> Option<Info> {
        serde_json::from_slice(&read_text(&*self.dir, &self.info)?).ok()
    }

    /// Where the entry was in the tree; `None` if the information was damaged from outside.
    pub(super) fn original_path(&self) -> Option<VPath> {
        Some(self.read_info()?.entry_below(&self.at)?.0.path)
    }

    /// The item, for people to find it.
    pub(super) fn describe(&self) -> TrashItem {
        let (id, replaced, disk, connected) = (self.id, self.replaced, self.disk, true);
        if let Some((entry, trashed)) = self.read_info().and_then(|info| info.entry_below(&self.at)) {
            return TrashItem { id, entry, trashed, replaced, disk, connected };
        }
        // The information was damaged from outside. The item is listed by its id, so that it can still be restored.
        let path = VPath::parse(&id.to_string()).unwrap_or_default();
        let data = self.metadata().ok().flatten();
        let entry = data.map_or_else(|| unreadable_entry(path.clone()), |data| data.entry(path.clone(), None));
        let trashed = if replaced { data } else { self.dir.metadata().ok() };
        let trashed = trashed.map_or(Timestamp::default(), |metadata| metadata.changed);
        TrashItem { id, entry, trashed, replaced, disk, connected }
    }
}

/// The name of the folder of a deleted entry.
pub(super) fn item_name(id: TrashId) -> Vec<u8> {
    id.to_string().into_bytes()
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

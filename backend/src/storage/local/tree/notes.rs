//! Notes about the items of the trash on other disks, in the private directory of the root: `disks/<disk>/<id>.json` is
//! the information of an item, and `disks/<disk>/at` the mount point. With them the trash still lists an item while its
//! disk is not connected. They are written without a sync: the next listing with the disk corrects them.

use std::collections::BTreeSet;
use std::io;

use shared::{TrashId, UploadId, VPath};

use super::own_dir::open_or_create;
use super::small_text::{read_text, write_text};
use super::trash_info::Info;
use super::trash_names::{info_name, item_of_name};
use crate::random::random_bytes;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::Dir;
use crate::storage::{StorageError, Visit};

/// In the private directory of the root: a folder for each other disk, by its id.
pub(super) const DISKS: &[u8] = b"disks";
/// In the private directory of a disk: its id.
const DISK_ID: &[u8] = b"disk";
/// In the folder of a disk: its mount point, as an encoded path.
const AT: &[u8] = b"at";

/// The open folder with the notes about one disk.
pub(super) struct Notes<D>(D);

impl<D: Dir> Notes<D> {
    /// Opens the notes about the disk with this private directory, which is mounted at `at`; `root` is the private
    /// directory of the root.
    pub(super) fn open(root: &D, private_dir: &D, at: &VPath) -> Result<Self, StorageError> {
        let failed = |error| storage_error(error, "making notes about a disk");
        let id = match disk_id(private_dir) {
            Some(id) => id,
            None => {
                let id = UploadId(random_bytes()?).to_string().into_bytes();
                write_text(private_dir, DISK_ID, &id).map_err(failed)?;
                private_dir.prepare_sync().and_then(|sync| sync()).map_err(failed)?;
                id
            }
        };
        let dir = open_or_create(&open_or_create(root, DISKS)?, &id)?;
        let text = at.encoded().into_bytes();
        if read_text(&dir, AT).is_none_or(|known| known != text) {
            write_text(&dir, AT, &text).map_err(failed)?;
            dir.prepare_sync().and_then(|sync| sync()).map_err(failed)?;
        }
        Ok(Self(dir))
    }

    /// Notes an item. On failure it is not listed while its disk is not connected.
    pub(super) fn add(&self, id: TrashId, info: &Info) {
        if let Err(error) = serde_json::to_vec(info).map_err(io::Error::from).and_then(|text| self.write(id, &text)) {
            tracing::warn!(%error, "an item of the trash could not be noted");
        }
    }

    fn write(&self, id: TrashId, text: &[u8]) -> io::Result<()> {
        write_text(&self.0, &info_name(id), text)
    }

    /// Forgets an item. The next listing forgets what this call cannot.
    pub(super) fn remove(&self, id: TrashId) {
        let _ = self.0.remove_file(&info_name(id));
    }

    /// The items that are noted.
    pub(super) fn ids(&self) -> BTreeSet<TrashId> {
        ids_in(&self.0)
    }
}

/// A disk that the tree has had, as the notes have it.
pub(super) struct NotedDisk<D> {
    pub(super) id: Vec<u8>,
    pub(super) at: VPath,
    dir: D,
}

impl<D: Dir> NotedDisk<D> {
    /// The items on the disk.
    pub(super) fn items(&self) -> impl Iterator<Item = (TrashId, Info)> {
        ids_in(&self.dir).into_iter().filter_map(|id| Some((id, self.item(id)?)))
    }

    /// An item on the disk.
    pub(super) fn item(&self, id: TrashId) -> Option<Info> {
        serde_json::from_slice(&read_text(&self.dir, &info_name(id))?).ok()
    }
}

/// The disks in the notes; `disks` is the folder [`DISKS`].
pub(super) fn noted_disks<D: Dir>(disks: &D) -> io::Result<Vec<NotedDisk<D>>> {
    let mut ids: Vec<Vec<u8>> = Vec::new();
    disks.names(&mut |name| {
        ids.push(name.into());
        Visit::Continue
    })?;
    let open = |id: Vec<u8>| {
        let dir = disks.open_dir(&id).ok()?;
        let at = String::from_utf8(read_text(&dir, AT)?).ok()?;
        Some(NotedDisk { id, at: VPath::parse(&at).ok()?, dir })
    };
    Ok(ids.into_iter().filter_map(open).collect())
}

/// The id of the disk with this private directory; `None` if it has none. It becomes the name of a folder, so a text that
/// is no id is none.
pub(super) fn disk_id<D: Dir>(private_dir: &D) -> Option<Vec<u8>> {
    let id = UploadId::parse(str::from_utf8(&read_text(private_dir, DISK_ID)?).ok()?)?;
    Some(id.to_string().into_bytes())
}

fn ids_in<D: Dir>(dir: &D) -> BTreeSet<TrashId> {
    let mut ids = BTreeSet::new();
    // What cannot be read is not listed.
    let _ = dir.names(&mut |name| {
        ids.extend(item_of_name(name, true).map(|(id, _)| id));
        Visit::Continue
    });
    ids
}

//! The forms of an item of the trash on disk. A deleted entry is `trash/<id>.data`, and `trash/<id>.json` is the file
//! with its information (`trash_texts`). Earlier versions of the server made a folder `trash/<id>` with `data` and
//! `info.json`. A replaced file is `replaced/<id>`, and `replaced/<id>.json` says what it was: a symbolic link whose
//! target is that text, because a link is durable with its folder while the content of a file needs a sync of its own.
//! Where there are no links, it is a file.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use shared::{Timestamp, TrashId, VPath, hex};

use super::small_text::read_text;
use super::trash_info::Info;
use super::trash_texts::{self, OpenTexts};
use crate::storage::local::platform::{Dir, DiskFile, FileType, Identity, Metadata, unreadable_entry, write_full};
use crate::storage::{TrashItem, Visit};

const INFO_SUFFIX: &str = ".json";
const DATA_SUFFIX: &str = ".data";
/// The names in the folder of an item that an earlier version of the server made.
const FOLDER_INFO: &[u8] = b"info.json";
const FOLDER_DATA: &[u8] = b"data";

/// Where an item is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Form {
    /// A deleted entry, in the folder of all of them.
    Deleted,
    /// A deleted entry, in a folder of its own.
    Folder,
    /// A replaced file, in the folder of all of them.
    Replaced,
}

/// An item: the folder that holds its data and its information, and their names there.
pub(super) struct Item<D> {
    pub(super) id: TrashId,
    pub(super) dir: Arc<D>,
    pub(super) data: Vec<u8>,
    pub(super) info: Vec<u8>,
    pub(super) form: Form,
    /// The file with its information, as far as it was looked at.
    info_identity: Option<Identity>,
    /// The outermost folder of its volume.
    at: VPath,
    /// The number of its file system.
    disk: u64,
}

/// The open file with the information about the last item that was looked at.
pub(super) struct LastTexts<D: Dir>(Option<OpenGroup<D>>);

/// The open file with the information about the items of a group.
struct OpenGroup<D: Dir> {
    identity: Identity,
    texts: OpenTexts<D::File>,
    /// The outermost folder of the volume, and the number of the file system.
    at: VPath,
    disk: u64,
}

impl<D: Dir> Default for LastTexts<D> {
    fn default() -> Self {
        Self(None)
    }
}

impl<D: Dir> LastTexts<D> {
    /// What the open file says of an item, whether or not the item is still there.
    pub(super) fn describe(&self, id: TrashId) -> Option<TrashItem> {
        let OpenGroup { texts, at, disk, .. } = self.0.as_ref()?;
        texts.find(id)?.into_item(id, false, at, *disk)
    }
}

/// The folder of the deleted or of the replaced items.
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
    /// Finds an item in any of its forms.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none.
    pub(super) fn item(&self, id: TrashId) -> io::Result<Item<D>> {
        if self.replaced { Item::open(self, id, Form::Replaced) } else { Item::open_deleted(self, id) }
    }

    /// All items, each once in each of its forms.
    pub(super) fn items(&self) -> io::Result<BTreeSet<(TrashId, Form)>> {
        let mut items = BTreeSet::new();
        self.dir.names(&mut |name| {
            items.extend(item_of_name(name, self.replaced));
            Visit::Continue
        })?;
        Ok(items)
    }
}

impl<D: Dir> Item<D> {
    /// An item of that form in `folder`.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none.
    pub(super) fn open(folder: &TrashFolder<D>, id: TrashId, form: Form) -> io::Result<Self> {
        let (at, disk) = (folder.at.clone(), folder.disk);
        if form == Form::Folder {
            let dir = Arc::new(folder.dir.open_dir(&id_name(id))?);
            let (data, info) = (FOLDER_DATA.to_vec(), FOLDER_INFO.to_vec());
            return Ok(Self { id, dir, data, info, form, info_identity: None, at, disk });
        }
        let (data, info) = if form == Form::Replaced { (id_name(id), info_name(id)) } else { deleted_names(id) };
        let info_identity = match folder.dir.metadata_of(&info) {
            Ok(metadata) => Some(metadata.identity),
            Err(_) => folder.dir.metadata_of(&data).map(|_| None)?,
        };
        Ok(Self { id, dir: Arc::clone(&folder.dir), data, info, form, info_identity, at, disk })
    }

    /// The deleted entry with that id, whether or not there is one.
    pub(super) fn unseen(folder: &TrashFolder<D>, id: TrashId) -> Self {
        let (dir, (data, info)) = (Arc::clone(&folder.dir), deleted_names(id));
        Self { id, dir, data, info, form: Form::Deleted, info_identity: None, at: folder.at.clone(), disk: folder.disk }
    }

    /// Finds a deleted entry in either of its forms.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none.
    pub(super) fn open_deleted(folder: &TrashFolder<D>, id: TrashId) -> io::Result<Self> {
        match Self::open(folder, id, Form::Deleted) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::open(folder, id, Form::Folder),
            opened => opened,
        }
    }

    /// True for a replaced file.
    pub(super) fn is_replaced(&self) -> bool {
        self.form == Form::Replaced
    }

    /// The metadata of the entry; `None` if the item has none.
    pub(super) fn metadata(&self) -> io::Result<Option<Metadata>> {
        match self.dir.metadata_of(&self.data) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the entry was; `None` if the information was damaged from outside.
    pub(super) fn read_info(&self) -> Option<Info> {
        if self.form == Form::Deleted {
            return trash_texts::find(&self.dir.open_own_file(&self.info).ok()?, self.id);
        }
        serde_json::from_slice(&read_text(&*self.dir, &self.info)?).ok()
    }

    /// [`Item::read_info`] for one item of many: those of a group have one file, which is opened once.
    fn read_info_from(&self, last: &mut LastTexts<D>) -> Option<Info> {
        let (Form::Deleted, Some(identity)) = (self.form, self.info_identity) else { return self.read_info() };
        if last.0.as_ref().is_none_or(|open| open.identity != identity) {
            let file = self.dir.open_own_file(&self.info).ok()?;
            // Another file may have its name by now.
            let opened = D::metadata_of_file(&file).ok()?.identity;
            let group = |texts| OpenGroup { identity: opened, texts, at: self.at.clone(), disk: self.disk };
            last.0 = OpenTexts::open(file).map(group);
        }
        last.0.as_ref()?.texts.find(self.id)
    }

    /// True if the entry is a folder.
    pub(super) fn is_folder(&self) -> bool {
        self.metadata().is_ok_and(|data| data.is_some_and(|data| data.file_type == FileType::Folder))
    }

    /// Where the entry was in the tree; `None` if the information was damaged from outside.
    pub(super) fn original_path(&self) -> Option<VPath> {
        Some(self.read_info()?.into_item(self.id, false, &self.at, self.disk)?.entry.path)
    }

    /// The item, for people to find it.
    pub(super) fn describe(&self) -> TrashItem {
        self.describe_by(self.read_info())
    }

    /// [`Item::describe`] for one item of many.
    pub(super) fn describe_from(&self, last: &mut LastTexts<D>) -> TrashItem {
        self.describe_by(self.read_info_from(last))
    }

    fn describe_by(&self, info: Option<Info>) -> TrashItem {
        let (id, replaced, disk) = (self.id, self.is_replaced(), self.disk);
        if let Some(item) = info.and_then(|info| info.into_item(id, replaced, &self.at, disk)) {
            return item;
        }
        // The information was damaged from outside. The item is listed by its id, so that it can still be restored.
        let path = VPath::parse(&id.to_string()).unwrap_or_default();
        let data = self.metadata().ok().flatten();
        let entry = data.map_or_else(|| unreadable_entry(path.clone()), |data| data.entry(path.clone(), None));
        let trashed = if self.form == Form::Folder { self.dir.metadata().ok() } else { data };
        let trashed = trashed.map_or(Timestamp::default(), |metadata| metadata.changed);
        TrashItem { id, entry, trashed, replaced, owner: None, disk, connected: true }
    }
}

/// The name of a replaced file, and of the folder of a deleted entry.
pub(super) fn id_name(id: TrashId) -> Vec<u8> {
    name_with(id, "")
}

/// The name of the information about an item.
pub(super) fn info_name(id: TrashId) -> Vec<u8> {
    name_with(id, INFO_SUFFIX)
}

/// The names of a deleted entry and of its information.
pub(super) fn deleted_names(id: TrashId) -> (Vec<u8>, Vec<u8>) {
    (name_with(id, DATA_SUFFIX), info_name(id))
}

fn name_with(id: TrashId, suffix: &str) -> Vec<u8> {
    let mut name = Vec::with_capacity(2 * id.0.len() + suffix.len());
    name.extend(hex::digits(&id.0).chain(suffix.bytes()));
    name
}

/// The item that a name in the folder of the deleted or of the replaced ones belongs to.
pub(super) fn item_of_name(name: &[u8], replaced: bool) -> Option<(TrashId, Form)> {
    let text = str::from_utf8(name).ok()?;
    if replaced {
        let id = text.strip_suffix(INFO_SUFFIX).unwrap_or(text);
        return TrashId::parse(id).map(|id| (id, Form::Replaced));
    }
    match text.strip_suffix(INFO_SUFFIX).or_else(|| text.strip_suffix(DATA_SUFFIX)) {
        Some(id) => TrashId::parse(id).map(|id| (id, Form::Deleted)),
        None => TrashId::parse(text).map(|id| (id, Form::Folder)),
    }
}

/// Writes the information about entries that are about to be deleted. All of them share one file, as far as the file
/// system gives a file so many names; where it gives none, each item has a file of its own. The content is durable then;
/// the names are after a sync of the folder, and already now where [`Dir::orders_names`]. Replaces the information of an
/// attempt before a crash. Returns for each item whether its entry may be moved in: false if the trash has one with that
/// id.
pub(super) fn write_infos<D: Dir>(dir: &D, infos: &[(TrashId, Info)]) -> io::Result<Vec<bool>> {
    let mut may_move = Vec::with_capacity(infos.len());
    let mut share_max = usize::MAX;
    while let Some(left) = infos.get(may_move.len()..).filter(|left| !left.is_empty()) {
        let sharing = &left[..left.len().min(share_max)];
        let before = may_move.len();
        let refused = write_shared(dir, sharing, &mut may_move)?;
        if refused.is_some_and(|kind| kind != io::ErrorKind::TooManyLinks) && may_move.len() == before + 1 {
            share_max = 1;
        }
    }
    Ok(may_move)
}

/// Writes one file about these items and gives it their names, until the file system refuses a name. Adds for each item
/// with a name whether its entry may be moved in, and returns the refusal.
fn write_shared<D: Dir>(
    dir: &D,
    infos: &[(TrashId, Info)],
    may_move: &mut Vec<bool>,
) -> io::Result<Option<io::ErrorKind>> {
    let first = infos.iter().position(|(id, _)| dir.metadata_of(&deleted_names(*id).0).is_err());
    let Some(first) = first else {
        may_move.extend(infos.iter().map(|_| false));
        return Ok(None);
    };
    may_move.extend(infos[..first].iter().map(|_| false));
    let name = info_name(infos[first].0);
    remove_if_present(dir, &name)?;
    let file = dir.create_file(&name)?;
    may_move.push(true);
    let (mut sharing, mut refused) = (1, None);
    for (id, _) in &infos[first + 1..] {
        match link_info(dir, &name, *id) {
            Ok(linked) => may_move.push(linked),
            Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                return Err(error);
            }
            Err(error) => {
                refused = Some(error.kind());
                break;
            }
        }
        sharing += 1;
    }
    // Written last: where one log orders all changes, the sync of the file makes its names durable, too.
    write_full(&file, &trash_texts::encode(&infos[first..first + sharing])?, 0)?;
    file.sync()?;
    Ok(refused)
}

/// Gives the file with the information the name for one more item; false if the trash has an entry with that id.
fn link_info<D: Dir>(dir: &D, first: &[u8], id: TrashId) -> io::Result<bool> {
    let (data, info) = deleted_names(id);
    match dir.hard_link(first, dir, &info) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if dir.metadata_of(&data).is_ok() {
                return Ok(false);
            }
            remove_if_present(dir, &info)?;
            dir.hard_link(first, dir, &info).map(|()| true)
        }
        linked => linked.map(|()| true),
    }
}

/// Removes a file, unless it is gone already.
pub(super) fn remove_if_present<D: Dir>(dir: &D, name: &[u8]) -> io::Result<()> {
    match dir.remove_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

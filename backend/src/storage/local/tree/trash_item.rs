//! The forms of an item of the trash on disk. A deleted entry is `trash/<id>.data`, and a file of its group has its
//! information (`trash_groups`). Earlier versions of the server gave that file a name for each item, `trash/<id>.json`,
//! or made a folder `trash/<id>` with `data` and `info.json`. A replaced file is `replaced/<id>`, and
//! `replaced/<id>.json` says what it was: a symbolic link whose target is that text, because a link is durable with its
//! folder while the content of a file needs a sync of its own. Where there are no links, it is a file.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use shared::{Timestamp, TrashId, VPath};

use super::small_text::read_text;
use super::trash_groups::{self, GroupFiles, group_of_name};
use super::trash_info::Info;
use super::trash_names::{Form, deleted_name, id_name, info_name, item_of_name};
use super::trash_texts::{self, OpenTexts};
use crate::storage::local::platform::{Dir, FileType, Metadata, unreadable_entry};
use crate::storage::{TrashGroup, TrashItem, Visit};

/// The names in the folder of an item that an earlier version of the server made.
const FOLDER_INFO: &[u8] = b"info.json";
const FOLDER_DATA: &[u8] = b"data";

/// An item: the folder that holds its data and its information, and their names there.
pub(super) struct Item<D> {
    pub(super) id: TrashId,
    pub(super) dir: Arc<D>,
    pub(super) data: Vec<u8>,
    pub(super) info: Vec<u8>,
    pub(super) form: Form,
    /// A file has its information alone, or under its own name; false if it was not looked for.
    has_own_info: bool,
    /// The outermost folder of its volume.
    at: VPath,
    /// The number of its file system.
    disk: u64,
}

/// The open files with the information about the last item that was looked at.
pub(super) struct LastTexts<D: Dir>(Option<OpenGroup<D>>);

/// The open files with the information about the items of a group; what the first one says of an item holds.
struct OpenGroup<D: Dir> {
    texts: Vec<OpenTexts<D::File>>,
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
    /// What the open files say of an item, whether or not the item is still there.
    pub(super) fn describe(&self, id: TrashId) -> Option<TrashItem> {
        let group = self.0.as_ref()?;
        group.find(id)?.into_item(id, false, &group.at, group.disk)
    }
}

impl<D: Dir> OpenGroup<D> {
    fn find(&self, id: TrashId) -> Option<Info> {
        self.texts.iter().find_map(|texts| texts.find(id))
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
        self.items_and_groups().map(|(items, _)| items)
    }

    /// [`TrashFolder::items`], and the files with information about groups.
    pub(super) fn items_and_groups(&self) -> io::Result<(BTreeSet<(TrashId, Form)>, GroupFiles)> {
        let (mut items, mut groups) = (BTreeSet::new(), GroupFiles::new());
        self.dir.names(&mut |name| {
            items.extend(item_of_name(name, self.replaced));
            if let Some((group, number)) = group_of_name(name).filter(|_| !self.replaced) {
                groups.entry(group).or_default().insert(number);
            }
            Visit::Continue
        })?;
        Ok((items, groups))
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
            return Ok(Self { id, dir, data, info, form, has_own_info: true, at, disk });
        }
        let (data, info) =
            if form == Form::Replaced { (id_name(id), info_name(id)) } else { (deleted_name(id), info_name(id)) };
        let has_own_info = folder.dir.metadata_of(&info).is_ok();
        if !has_own_info {
            folder.dir.metadata_of(&data)?;
        }
        Ok(Self { id, dir: Arc::clone(&folder.dir), data, info, form, has_own_info, at, disk })
    }

    /// The deleted entry with that id, whether or not there is one.
    pub(super) fn unseen(folder: &TrashFolder<D>, id: TrashId) -> Self {
        let (dir, data, info) = (Arc::clone(&folder.dir), deleted_name(id), info_name(id));
        Self { id, dir, data, info, form: Form::Deleted, has_own_info: false, at: folder.at.clone(), disk: folder.disk }
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
        match self.form {
            Form::Deleted => self.info_files().iter().find_map(|file| trash_texts::find(file, self.id)),
            Form::Folder | Form::Replaced => serde_json::from_slice(&read_text(&*self.dir, &self.info)?).ok(),
        }
    }

    /// The files that may have the information about a deleted entry; what the first one says of it holds.
    fn info_files(&self) -> Vec<D::File> {
        if self.has_own_info {
            return self.dir.open_own_file(&self.info).into_iter().collect();
        }
        let mut files: Vec<_> = trash_groups::open_files(&*self.dir, TrashGroup::of(self.id)).flatten().collect();
        files.reverse();
        files
    }

    /// [`Item::read_info`] for one item of many: the files of a group are opened once.
    fn read_info_from(&self, last: &mut LastTexts<D>) -> Option<Info> {
        if self.form != Form::Deleted {
            return self.read_info();
        }
        let open = || OpenGroup {
            texts: self.info_files().into_iter().filter_map(OpenTexts::open).collect(),
            at: self.at.clone(),
            disk: self.disk,
        };
        if last.0.as_ref().is_none_or(|group| group.find(self.id).is_none()) {
            last.0 = Some(open());
        }
        last.0.as_ref()?.find(self.id)
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

/// Removes a file, unless it is gone already.
pub(super) fn remove_if_present<D: Dir>(dir: &D, name: &[u8]) -> io::Result<()> {
    match dir.remove_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

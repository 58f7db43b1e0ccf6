//! The names of the items of the trash on disk; `trash_item` says what they stand for.

use shared::{TrashId, hex};

const INFO_SUFFIX: &str = ".json";
const DATA_SUFFIX: &str = ".data";

/// Where an item is, and in which form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Form {
    /// A deleted entry, in the folder of all of them.
    Deleted,
    /// A deleted entry, in a folder of its own.
    Folder,
    /// A replaced file, in the folder of all of them.
    Replaced,
}

/// The name of a replaced file, and of the folder of a deleted entry.
pub(super) fn id_name(id: TrashId) -> Vec<u8> {
    name_with(id, "")
}

/// The name of the information about an item, of a deleted one in its earlier form.
pub(super) fn info_name(id: TrashId) -> Vec<u8> {
    name_with(id, INFO_SUFFIX)
}

/// The name of a deleted entry.
pub(super) fn deleted_name(id: TrashId) -> Vec<u8> {
    name_with(id, DATA_SUFFIX)
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

//! The trash of a directory: `trash/<id>/info.json` says what something was and where, `trash/<id>/data` is it. The one
//! is durable before the other is renamed, and goes only once it is durable that the other has gone, so that whatever is
//! in the trash can be told from its information, and by hand as well.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::{ETag, Entry, ErrorCode, Kind, Link, Timestamp, TrashId, VPath};

use super::disk::{DiskFile, Folder, read_full, write_full};
use super::metadata::unreadable;
use super::tree::{Tree, refusal};
use super::vault::Vault;
use super::writing::rename_refusal;
use crate::storage::rules::refused;
use crate::storage::{StorageError, TrashItem, Visit};

pub(super) const INFO: &[u8] = b"info.json";
pub(super) const DATA: &[u8] = b"data";
/// Longest information that is read, in bytes: a path and a link's target, each byte as three.
const INFO_BYTES_MAX: usize = 32 << 10;

/// What `info.json` says. Moments are in nanoseconds since 1970, bytes percent-encoded.
#[derive(Serialize, Deserialize)]
struct Info {
    path: VPath,
    kind: Kind,
    size: u64,
    modified: i64,
    executable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<InfoLink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    trashed: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum InfoLink {
    Inside(String),
    Escapes,
    Broken,
}

impl<F: Folder> Tree<F> {
    pub(super) fn trash_entry(
        &self,
        path: &VPath,
        etag: Option<ETag>,
        id: TrashId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let place = self.old_place(path)?;
        self.source(&place, path, etag)?;
        let vault = self.vault()?;
        let _trashing = vault.trashing.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let sync_source = place.ready_to_sync()?;
        let _locks = self.locks.hold(&[place.identity()?]);
        let seen = self.source(&place, path, etag)?;
        let entry = self.entry_from(&place, path, &seen);
        let item = make_item(&vault, id, &Info::of(&entry, now))?;
        let sync_item = item.ready_to_sync().map_err(|error| refusal(error, "syncing the trash"));
        let moved = sync_item.and_then(|sync| {
            let renamed = place.folder().rename(path.name(), &item, DATA, false);
            renamed.map_err(|error| rename_refusal(error, seen.shape)).map(|()| sync)
        });
        match moved {
            Ok(sync_item) => {
                // Where it is now comes first: between the two a crash may leave both names, but never none.
                sync_item().map_err(|error| refusal(error, "syncing the trash"))?;
                sync_source().map_err(|error| refusal(error, "syncing a folder"))
            }
            Err(error) => {
                // Left behind, it would be cleared away by the next listing.
                let _ = discard(&vault, id, &item);
                Err(error)
            }
        }
    }

    pub(super) fn visit_trash(&self, visit: &mut dyn FnMut(TrashItem) -> Visit) -> Result<(), StorageError> {
        let Some(trash) = self.peek_trash()? else { return Ok(()) };
        let mut ids = Vec::new();
        let read = trash.names(&mut |name| {
            ids.extend(str::from_utf8(name).ok().and_then(TrashId::parse));
            Visit::Continue
        });
        read.map_err(|error| refusal(error, "reading the trash"))?;
        for id in ids {
            let Ok(item) = trash.open_folder(&folder_name(id)) else { continue };
            if is_half_made(&item) {
                self.clear_half_made(id);
            } else if visit(describe(&item, id)) == Visit::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Clears away what was written down but never renamed, if nobody is about to rename it. Where that cannot be, it
    /// stays for the next time.
    fn clear_half_made(&self, id: TrashId) {
        let Ok(vault) = self.vault() else { return };
        // Not waited for: who waits to write keeps others from reading.
        let Ok(_trashing) = vault.trashing.try_write() else { return };
        if let Ok(item) = vault.trash.open_folder(&folder_name(id))
            && is_half_made(&item)
        {
            let _ = discard(&vault, id, &item);
        }
    }

    pub(super) fn restore_item(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        let (vault, item) = self.open_item(id)?;
        let _trashing = vault.trashing.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let shape = match item.metadata_of(DATA) {
            Ok(metadata) => metadata.shape,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone()),
            Err(error) => return Err(refusal(error, "looking into the trash")),
        };
        let already = || refused(ErrorCode::AlreadyExists, "something stands at the destination");
        let place = self.new_place(to)?.ok_or_else(already)?;
        let sync_target = place.ready_to_sync()?;
        {
            let _locks = self.locks.hold(&[place.identity()?]);
            if self.standing(&place, to)?.is_some() {
                return Err(already());
            }
            let renamed = item.rename(DATA, place.folder(), to.name(), false);
            renamed.map_err(|error| match rename_refusal(error, shape) {
                error if error.code == ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..error },
                error => error,
            })?;
        }
        sync_target().map_err(|error| refusal(error, "syncing a folder"))?;
        discard(&vault, id, &item).map_err(|error| refusal(error, "clearing the trash"))?;
        self.entry_of(&place, to)
    }

    /// The vault, and the folder of that item.
    pub(super) fn open_item(&self, id: TrashId) -> Result<(Arc<Vault<F>>, F), StorageError> {
        if self.peek_trash()?.is_none() {
            return Err(gone());
        }
        let vault = self.vault()?;
        match vault.trash.open_folder(&folder_name(id)) {
            Ok(item) => Ok((vault, item)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone()),
            Err(error) => Err(refusal(error, "looking into the trash")),
        }
    }
}

/// Makes a folder for the item, with what is known of it, durably.
fn make_item<F: Folder>(vault: &Vault<F>, id: TrashId, info: &Info) -> Result<F, StorageError> {
    let failed = |error| refusal(error, "making room in the trash");
    vault.trash.make_folder(&folder_name(id), true).map_err(failed)?;
    let item = vault.trash.open_folder(&folder_name(id)).map_err(failed)?;
    let written = (|| {
        let file = item.create_file(INFO)?;
        write_full(&file, &serde_json::to_vec(info)?, 0)?;
        file.sync()?;
        item.ready_to_sync()?()?;
        vault.trash.ready_to_sync()?()
    })();
    if let Err(error) = written {
        let _ = discard(vault, id, &item);
        return Err(failed(error));
    }
    Ok(item)
}

/// Removes what is left of an item without its data. A crash may leave some of that, which the next listing clears away.
pub(super) fn discard<F: Folder>(vault: &Vault<F>, id: TrashId, item: &F) -> io::Result<()> {
    // First of all that the data has gone: a crash that brought back its name alone would leave something of which nobody
    // knows what it is, nor since when it is there.
    match item.ready_to_sync() {
        // Somebody else has removed it all.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        sync => sync?()?,
    }
    match item.remove_file(INFO) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match vault.trash.remove_folder(&folder_name(id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_half_made<F: Folder>(item: &F) -> bool {
    item.metadata_of(DATA).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn describe<F: Folder>(item: &F, id: TrashId) -> TrashItem {
    match read_info(item) {
        Some(info) => TrashItem { id, trashed: Timestamp(info.trashed), entry: info.entry() },
        // Somebody spoilt it. What can be seen is told, so that it can still be restored under another name.
        None => {
            let path = VPath::parse(&id.to_string()).unwrap_or_default();
            let entry = match item.metadata_of(DATA) {
                Ok(metadata) => metadata.entry(path, None),
                Err(_) => unreadable(path),
            };
            let trashed = item.metadata().map_or(Timestamp::default(), |metadata| metadata.modified);
            TrashItem { id, entry, trashed }
        }
    }
}

fn read_info<F: Folder>(item: &F) -> Option<Info> {
    let file = item.open_own_file(INFO).ok()?;
    let mut bytes = vec![0; INFO_BYTES_MAX];
    let count = read_full(&file, &mut bytes, 0).ok()?;
    serde_json::from_slice(&bytes[..count]).ok()
}

pub(super) fn folder_name(id: TrashId) -> Vec<u8> {
    id.to_string().into_bytes()
}

pub(super) fn gone() -> StorageError {
    refused(ErrorCode::Gone, "looking for an item of the trash")
}

impl Info {
    fn of(entry: &Entry, trashed: Timestamp) -> Self {
        let link = entry.link.as_ref().map(|link| match link {
            Link::Inside(target) => InfoLink::Inside(shared::path::encode_segment(target)),
            Link::Escapes => InfoLink::Escapes,
            Link::Broken => InfoLink::Broken,
        });
        Self {
            path: entry.path.clone(),
            kind: entry.kind,
            size: entry.size,
            modified: entry.modified.0,
            executable: entry.executable,
            link,
            etag: entry.etag.map(|etag| etag.to_string()),
            trashed: trashed.0,
        }
    }

    fn entry(self) -> Entry {
        let link = self.link.map(|link| match link {
            InfoLink::Inside(target) => Link::Inside(percent_encoding::percent_decode_str(&target).collect()),
            InfoLink::Escapes => Link::Escapes,
            InfoLink::Broken => Link::Broken,
        });
        Entry {
            path: self.path,
            kind: self.kind,
            size: self.size,
            modified: Timestamp(self.modified),
            executable: self.executable,
            link,
            etag: self.etag.as_deref().and_then(ETag::parse),
        }
    }
}

//! Adds files to the queue: files that the user selects, and unfinished uploads of an earlier page.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::{UploadId, VPath};
use web_sys::File;

use super::check_conflicts::check_targets;
use super::controller::Uploads;
use super::file_sources::{FoundFile, FoundFiles};
use super::model::folder_tree::FolderTree;
use super::model::retry_policy::remedy;
use super::model::saved_upload::SavedUpload;
use super::model::{Id, Remedy, SelectedFile, UploadError};
use super::{file_handles, persistence};
use crate::env::clock;
use crate::env::format;
use crate::failure::{Operation, Reason};
use crate::ui::toast::Tone;

impl Uploads {
    /// Uploads files into a folder. With `any_folder`, a file may continue an unfinished upload to another folder.
    pub(super) fn add_files(self, folder: VPath, found: FoundFiles, any_folder: bool) {
        let mut tree = FolderTree::new(folder);
        let (mut unreadable, mut ids) = (found.unreadable, Vec::new());
        let batch = self.state.try_update_value(|state| {
            state.batches += 1;
            state.batches
        });
        for names in &found.folders {
            unreadable += usize::from(tree.add_folder(names).is_err());
        }
        for FoundFile { names, file, handle } in found.files {
            let Ok(target) = tree.add_file(&names, ids.len()) else {
                unreadable += 1;
                continue;
            };
            let selected = SelectedFile { target, size: file.size() as u64, modified: file.last_modified() as i64 };
            let added = self.state.try_update_value(|state| {
                let restored = state.queue.find_restored(&selected, any_folder && names.len() == 1);
                let id = restored.unwrap_or_else(|| state.queue.add(selected, batch.unwrap_or_default()));
                state.files.insert(id, file);
                handle.map(|handle| state.handles.insert(id, handle));
                (id, restored.is_some())
            });
            let Some((id, is_restored)) = added else { return };
            if is_restored {
                self.update(|queue| queue.file_found(id));
            }
            ids.push(id);
        }
        if unreadable > 0 {
            let lang = self.prefs.lang.get_untracked();
            let text = format::counted(lang, &lang.words().uploads_left_out, unreadable);
            self.toasts.show(Tone::Bad, text, None);
        }
        self.conflict_postponed.set(false);
        self.run();
        spawn_local(self.check(tree, ids));
    }

    /// Checks the targets and makes the folders; then the files wait for a connection.
    async fn check(self, tree: FolderTree, ids: Vec<Id>) {
        match check_targets(&tree, ids.len()).await {
            Ok(checked) => self.update(|queue| {
                for (file, code) in checked.without_folder {
                    queue.check_failed(ids[file], UploadError(Reason::of(code)));
                }
                for (id, existing) in ids.into_iter().zip(checked.existing) {
                    queue.target_checked(id, existing);
                }
            }),
            Err(failure) => {
                let error = match remedy(&failure) {
                    Remedy::Fail(error) => error,
                    _ => UploadError(failure.reason()),
                };
                if ids.is_empty() {
                    self.show_error(failure.reason());
                }
                self.update(|queue| ids.into_iter().for_each(|id| queue.check_failed(id, error)));
            }
        }
        // Folders without files finish no upload that would refresh the list.
        if tree.nodes.len() > 1 {
            self.refresh_list();
        }
    }

    fn show_error(self, reason: Reason) {
        let words = self.prefs.lang.get_untracked().words();
        self.toasts.show(Tone::Bad, words.explain(reason, Operation::Create).sentences(), None);
    }

    /// Adds the unfinished uploads of an earlier page.
    pub(super) fn restore_saved(self) {
        let uploads = persistence::load_available();
        if uploads.is_empty() {
            return;
        }
        self.state.update_value(|state| {
            for saved in uploads {
                let id = state.queue.restore(saved.file.clone(), 0, saved.upload, saved.sent);
                self.continue_silently(id, saved.upload);
                persistence::save(&SavedUpload { tab: persistence::tab(), seen: clock() as f64, ..saved });
            }
        });
        self.run();
    }

    /// Continues a restored upload if the browser gives its file without asking the user.
    fn continue_silently(self, id: Id, upload: UploadId) {
        spawn_local(async move {
            if let Some(file) = file_handles::file_if_permitted(upload).await {
                self.file_found(id, file);
            }
        });
    }

    /// Continues a restored upload with its file; ignores a file of another size or time.
    pub(super) fn file_found(self, id: Id, file: File) {
        let matches = self.state.with_value(|state| {
            let selected = state.queue.get(id).map(|item| &item.file);
            selected.is_some_and(|selected| {
                selected.size == file.size() as u64 && selected.modified == file.last_modified() as i64
            })
        });
        if matches {
            self.state.update_value(|state| _ = state.files.insert(id, file));
            self.update(|queue| queue.file_found(id));
        }
    }
}

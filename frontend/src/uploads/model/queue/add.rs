//! Adds uploads to the queue: files that the user selects, and unfinished uploads of an earlier page.

use shared::UploadId;

use super::super::item::{Batch, ExistingEntry, Id, Item, SelectedFile, Stage};
use super::super::retry_policy::UploadError;
use super::state::Queue;

impl Queue {
    /// Adds a file. In an idle queue, finished uploads leave the list first.
    pub fn add(&mut self, file: SelectedFile, batch: Batch) -> Id {
        if !self.totals.is_busy() && self.totals.finished() > 0 {
            self.clear_finished();
        }
        self.insert(Item::new(file, batch))
    }

    /// Adds an unfinished upload of an earlier page, which lacks the browser's file.
    pub fn restore(&mut self, file: SelectedFile, batch: Batch, upload: UploadId, sent: u64) -> Id {
        let sent = sent.min(file.size);
        let item =
            Item { stage: Stage::FileMissing, upload: Some(upload), sent, stored: sent, ..Item::new(file, batch) };
        self.insert(item)
    }

    /// The restored upload that lacks `file`: one with the same target, or with `any_folder` one with the same name.
    pub fn find_restored(&self, file: &SelectedFile, any_folder: bool) -> Option<Id> {
        // Without this check, selecting ten thousand files would search the list ten thousand times.
        if self.totals.missing == 0 {
            return None;
        }
        let matches = |item: &Item| {
            let same_target = if any_folder {
                item.file.target.name() == file.target.name()
            } else {
                item.file.target == file.target
            };
            let same_content = item.file.size == file.size && item.file.modified == file.modified;
            item.stage == Stage::FileMissing && same_target && same_content
        };
        self.shown.iter().copied().find(|&id| matches(&self.items[id]))
    }

    /// Gives a restored upload its file back.
    pub fn file_found(&mut self, id: Id) {
        if self.stage(id) == Some(&Stage::FileMissing) {
            self.enqueue(id);
        }
    }

    /// Ends the check of an upload's target.
    pub fn target_checked(&mut self, id: Id, existing: Option<ExistingEntry>) {
        match (self.stage(id), existing) {
            (Some(Stage::Checking), None) => self.enqueue(id),
            (Some(Stage::Checking), Some(existing)) => {
                let same_size = !existing.folder && existing.size == self.items[id].file.size;
                self.edit(id, |item| item.existing = Some(existing.clone()));
                match same_size {
                    true => self.enqueue(id),
                    false => self.raise_conflict(id, existing),
                }
            }
            _ => {}
        }
    }

    /// Ends the check of an upload's target with an error.
    pub fn check_failed(&mut self, id: Id, error: UploadError) {
        if self.stage(id) == Some(&Stage::Checking) {
            self.stop_at(id, Stage::Failed(error));
        }
    }
}

//! How files come into the queue: chosen now, or left unfinished by an earlier page.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::VPath;
use web_sys::File;

use super::check_conflicts::survey;
use super::controller::Uploads;
use super::file_sources::{Found, Gathered};
use super::model::folder_tree::Layout;
use super::model::retry_policy::remedy;
use super::model::saved_upload::Record;
use super::model::{Chosen, Id, Remedy, Trouble};
use super::{file_handles, persistence};
use crate::env::clock;
use crate::failure::Reason;
use crate::i18n::fill;
use crate::ui::toast::Tone;

impl Uploads {
    /// Sends files into a folder. `anywhere`: they may continue an upload of an earlier page whatever folder that is for.
    pub(super) fn send(self, folder: VPath, gathered: Gathered, anywhere: bool) {
        let mut layout = Layout::new(folder);
        let (mut refused, mut ids) = (gathered.unreadable, Vec::new());
        let batch = self.state.try_update_value(|state| {
            state.batches += 1;
            state.batches
        });
        for names in &gathered.folders {
            refused += usize::from(layout.folder(names).is_err());
        }
        for Found { names, file, handle } in gathered.files {
            let Ok(target) = layout.file(&names, ids.len()) else {
                refused += 1;
                continue;
            };
            let chosen = Chosen { target, size: file.size() as u64, modified: file.last_modified() as i64 };
            let id = self.state.try_update_value(|state| {
                let known = state.queue.continued_by(&chosen, anywhere && names.len() == 1);
                let id = known.unwrap_or_else(|| state.queue.add(chosen, batch.unwrap_or_default()));
                state.files.insert(id, file);
                handle.map(|handle| state.handles.insert(id, handle));
                (id, known.is_some())
            });
            let Some((id, known)) = id else { return };
            if known {
                self.act(|queue| queue.found(id));
            }
            ids.push(id);
        }
        if refused > 0 {
            let text = self.prefs.lang.get_untracked();
            let text = crate::env::format::counted(text, &text.words().upload_unreadable, refused);
            self.toasts.show(Tone::Bad, text, None);
        }
        self.put_off.set(false);
        self.drive();
        spawn_local(self.prepare(layout, ids));
    }

    /// Looks at the targets and makes the folders; then the files wait for their turn.
    async fn prepare(self, layout: Layout, ids: Vec<Id>) {
        match survey(&layout, ids.len()).await {
            Ok(found) => self.act(|queue| {
                for file in found.homeless {
                    queue.refuse(ids[file], Trouble::FolderMissing);
                }
                for (id, theirs) in ids.into_iter().zip(found.theirs) {
                    queue.judge(id, theirs);
                }
            }),
            Err(failure) => {
                let trouble = match remedy(&failure) {
                    Remedy::Tell(trouble) => trouble,
                    _ => Trouble::Other(failure.reason()),
                };
                if ids.is_empty() {
                    self.tell(failure.reason());
                }
                self.act(|queue| ids.into_iter().for_each(|id| queue.refuse(id, trouble)));
            }
        }
        // Folders alone are nothing that the queue would tell of.
        if layout.places.len() > 1 {
            self.refresh();
        }
    }

    fn tell(self, reason: Reason) {
        let words = self.prefs.lang.get_untracked().words().explain(reason);
        self.toasts.show(
            Tone::Bad,
            fill("{title}. {advice}", &[("title", words.title), ("advice", words.advice)]),
            None,
        );
    }

    /// Takes in what an earlier page left unfinished.
    pub(super) fn recall(self) {
        let records = persistence::recall();
        if records.is_empty() {
            return;
        }
        self.state.update_value(|state| {
            for record in records {
                let id = state.queue.recall(record.chosen.clone(), 0, record.upload, record.sent);
                file_handles::look_up(self, id, record.upload);
                persistence::remember(&Record { tab: persistence::tab(), seen: clock() as f64, ..record });
            }
        });
        self.drive();
    }

    /// The file of a recalled upload is here again.
    pub(super) fn found(self, id: Id, file: File) {
        let fits = self.state.with_value(|state| {
            let chosen = state.queue.get(id).map(|item| &item.chosen);
            chosen.is_some_and(|chosen| {
                chosen.size == file.size() as u64 && chosen.modified == file.last_modified() as i64
            })
        });
        if fits {
            self.state.update_value(|state| _ = state.files.insert(id, file));
            self.act(|queue| queue.found(id));
        }
    }
}

//! `Changes`: the state of everything that changes files: the clipboard, open dialogs, the queue, the history. The
//! other files of this folder act on it and render it.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use shared::VPath;

use super::model::{Clipboard, Entries, History, Origin};
use super::queue::ChangeQueue;
use super::submission::Submission;
use super::task::Task;
use crate::env::format;
use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::folder::model::Edit;
use crate::i18n::{Counted, Words};
use crate::ui::menu::Anchor;
use crate::ui::resolution::Resolution;
use crate::ui::toast::{Action, Toasts, Tone};

/// The state of everything that changes files. A copy is the same state.
#[derive(Clone, Copy)]
pub struct Changes {
    /// Entries that were cut or copied.
    pub clipboard: RwSignal<Option<Clipboard>>,
    /// Raw name of the row that is being renamed.
    pub renaming: RwSignal<Option<Vec<u8>>>,
    /// Position of the menu of the selection, while it is open.
    pub menu: RwSignal<Option<Anchor>>,
    /// Position of the menu of the folder, while it is open.
    pub(crate) folder_menu: RwSignal<Option<Anchor>>,
    /// Entries that are being dragged within the page.
    pub(crate) dragged: RwSignal<Option<Entries>>,
    /// The folder under the pointer that accepts the dragged entries.
    pub drop_target: RwSignal<Option<VPath>>,
    /// The pointer drags entries over a link to the trash.
    pub(crate) over_trash: RwSignal<bool>,
    /// Parent of the new folder, while its dialog is open.
    pub(super) new_folder_in: RwSignal<Option<VPath>>,
    /// Notified when a change ended, with any result.
    pub change_ended: Trigger,
    /// Entries whose destination the user chooses, while the folder picker is open.
    pub(super) transfer: RwSignal<Option<Transfer>>,
    /// The change that the user has to confirm, while its dialog is open.
    pub(super) confirmation: RwSignal<Option<Confirmation>>,
    /// The conflict that the user has to resolve, while its dialog is open.
    pub(super) conflict: RwSignal<Option<NameConflict>>,
    /// The answer to `conflict`, and whether it applies to all further conflicts of the change.
    pub(super) answer: StoredValue<Option<(Resolution, bool)>>,
    /// Wakes the change that waits for `answer`.
    pub(super) on_answer: StoredValue<Option<js_sys::Function>, LocalStorage>,
    pub(super) history: RwSignal<History>,
    /// All changes that wait or run: a change waits until the earlier ones that access its paths have ended.
    pub(super) queue: ChangeQueue,
    /// The changes whose conflicts wait for the user. The dialog shows the conflicts of the first of them.
    pub(super) conflict_queue: ChangeQueue,
    /// Edits that the list shows for changes that wait in `queue`.
    pub(super) queued_edits: StoredValue<Vec<QueuedEdits>>,
    /// Tasks with a card.
    pub(super) tasks: RwSignal<Vec<Task>>,
    next_task_id: StoredValue<u32>,
    /// The message about the last change. There is one at most, because its button undoes the last change of all.
    last_message: StoredValue<Option<u32>>,
    pub(crate) browser: FileBrowser,
    pub(crate) prefs: Prefs,
    pub(super) toasts: Toasts,
}

/// Entries to move or copy to a folder that the user chooses.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transfer {
    pub(super) entries: Entries,
    pub(super) copy: bool,
}

/// A change that cannot be undone, and the question about it.
#[derive(Clone)]
pub(super) struct Confirmation {
    pub(super) question: String,
    pub(super) submission: Submission,
}

/// A name that exists at the destination already.
#[derive(Clone, PartialEq)]
pub(super) struct NameConflict {
    pub(super) name: String,
    pub(super) new: Option<shared::Entry>,
    pub(super) existing: Option<shared::Entry>,
    /// Number of further conflicts of the change.
    pub(super) others: usize,
}

/// The predicted edits of a change that waits.
pub(super) struct QueuedEdits {
    /// The change's id in the scheduler.
    pub(super) ticket: u32,
    pub(super) folder: VPath,
    pub(super) edits: Vec<Edit>,
}

impl Changes {
    /// An initial state; [`Changes::provide`] is for components.
    pub(super) fn new(browser: FileBrowser, prefs: Prefs, toasts: Toasts) -> Self {
        Self {
            clipboard: RwSignal::new(None),
            renaming: RwSignal::new(None),
            menu: RwSignal::new(None),
            folder_menu: RwSignal::new(None),
            dragged: RwSignal::new(None),
            drop_target: RwSignal::new(None),
            over_trash: RwSignal::new(false),
            new_folder_in: RwSignal::new(None),
            change_ended: Trigger::new(),
            transfer: RwSignal::new(None),
            confirmation: RwSignal::new(None),
            conflict: RwSignal::new(None),
            answer: StoredValue::new(None),
            on_answer: StoredValue::new_local(None),
            history: RwSignal::default(),
            queue: ChangeQueue::new(),
            conflict_queue: ChangeQueue::new(),
            queued_edits: StoredValue::new(Vec::new()),
            tasks: RwSignal::new(Vec::new()),
            next_task_id: StoredValue::new(0),
            last_message: StoredValue::new(None),
            browser,
            prefs,
            toasts,
        }
    }

    /// The state that was provided to the components.
    pub fn get() -> Self {
        expect_context()
    }

    /// Shows a message about the last change in place of the previous one.
    pub(super) fn show_message(self, text: String, action: Option<Action>) {
        self.replace_message(Tone::Good, text, action);
    }

    /// Shows a message that is no success, in place of the previous one.
    pub(crate) fn show_notice(self, text: String) {
        self.replace_message(Tone::Notice, text, None);
    }

    fn replace_message(self, tone: Tone, text: String, action: Option<Action>) {
        if let Some(previous) = self.last_message.get_value() {
            self.toasts.dismiss(previous);
        }
        self.last_message.set_value(Some(self.toasts.show_with_action(tone, text, action)));
    }

    /// True if the user may undo (or redo, by `origin`): there is a step in the history, or a change in the queue will
    /// add one. Reactive.
    pub fn can(self, origin: Origin) -> bool {
        let recorded = self.history.with(|history| match origin {
            Origin::Undo => history.can_undo(),
            _ => history.can_redo(),
        });
        self.browser.allows_changes() && (recorded || self.queue.will_add_step(origin))
    }

    /// True if the clipboard may be pasted into the current folder; reactive.
    pub fn can_paste(self) -> bool {
        self.clipboard
            .with(|clipboard| clipboard.as_ref().is_some_and(|clipboard| self.browser.allows(clipboard.needed())))
    }

    /// [`Changes::can_paste`] without reactivity.
    pub(crate) fn may_paste(self) -> bool {
        self.clipboard.with_untracked(|clipboard| {
            clipboard.as_ref().is_some_and(|clipboard| self.browser.allows_untracked(clipboard.needed()))
        })
    }

    pub(super) fn new_task_id(self) -> u32 {
        let id = self.next_task_id.get_value();
        self.next_task_id.set_value(id + 1);
        id
    }

    /// The messages in the current language.
    pub(crate) fn words(self) -> &'static Words {
        self.prefs.lang.get_untracked().words()
    }

    /// The message for `count` in the current language.
    pub(crate) fn counted(self, choose: fn(&'static Words) -> &'static Counted, count: usize) -> String {
        let lang = self.prefs.lang.get_untracked();
        format::counted(lang, choose(lang.words()), count)
    }

    /// [`Changes::counted`] with further values.
    pub(crate) fn counted_with(
        self,
        choose: fn(&'static Words) -> &'static Counted,
        count: usize,
        values: &[(&str, &str)],
    ) -> String {
        let lang = self.prefs.lang.get_untracked();
        format::counted_with(lang, choose(lang.words()), count, values)
    }
}

//! `Changes`: the state of everything that changes files, and who may. Asking the server is in `run`, what a person can
//! do in `deeds`, drawing in the components.

use leptos::prelude::*;
use shared::{Change, JobId, VPath};

use super::model::conflict::Answer;
use super::model::{Clipboard, History, Origin, Verb};
use super::queue::Line;
use crate::env::prefs::Prefs;
use crate::folder::Browser;
use crate::folder::model::Edit;
use crate::server_info::ServerInfo;
use crate::ui::menu::Spot;
use crate::ui::toast::{Action, Toasts, Tone};

/// The state of everything that changes files.
#[derive(Clone, Copy)]
pub struct Changes {
    /// What was cut or copied.
    pub clipboard: RwSignal<Option<Clipboard>>,
    /// The raw name of the row that is being renamed.
    pub renaming: RwSignal<Option<Vec<u8>>>,
    /// Where the menu of the selection is open.
    pub menu: RwSignal<Option<Spot>>,
    /// Where the menu of the folder is open.
    pub(crate) folder_menu: RwSignal<Option<Spot>>,
    /// What is being dragged within the page.
    pub dragged: RwSignal<Option<Vec<VPath>>>,
    /// The folder that it would be dropped on.
    pub drop_on: RwSignal<Option<VPath>>,
    /// A folder is being made: in which folder.
    pub making: RwSignal<Option<VPath>>,
    /// A change ended, whatever became of it.
    pub ended: Trigger,
    pub(super) sending: RwSignal<Option<Sending>>,
    pub(super) sure: RwSignal<Option<Sure>>,
    pub(super) question: RwSignal<Option<Question>>,
    /// What was answered, and whether for all that is left.
    pub(super) answer: StoredValue<Option<(Answer, bool)>>,
    /// Wakes who waits for the answer.
    pub(super) answered: StoredValue<Option<js_sys::Function>, LocalStorage>,
    pub(super) history: RwSignal<History>,
    /// Of changes that are made one after the other.
    pub(super) line: Line,
    /// Of changes with something to ask: the person answers one at a time.
    pub(super) askers: Line,
    /// What the list shows already of those that wait: their turns, the folders, and what will be there.
    pub(super) foreseen: StoredValue<Vec<(u32, VPath, Vec<Edit>)>>,
    pub(super) tasks: RwSignal<Vec<super::tasks::Task>>,
    pub(super) next_task: StoredValue<u32>,
    /// The message about the last change. There is only ever one: its button takes back the last change, whichever.
    said: StoredValue<Option<u32>>,
    pub(crate) browser: Browser,
    pub(crate) prefs: Prefs,
    pub(super) toasts: Toasts,
    pub(crate) server: ServerInfo,
}

/// What waits to be moved or copied to a folder that the person is choosing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sending {
    pub(super) paths: Vec<VPath>,
    pub(super) copy: bool,
}

/// What waits for the person to be sure.
#[derive(Clone)]
pub(super) struct Sure {
    pub(super) text: String,
    pub(super) change: Change,
    pub(super) verb: Verb,
}

/// Something stands in the way, and the person decides.
#[derive(Clone, PartialEq)]
pub(super) struct Question {
    pub(super) name: String,
    pub(super) new: Option<shared::Entry>,
    pub(super) old: Option<shared::Entry>,
    /// How many others wait for an answer.
    pub(super) others: usize,
}

impl Changes {
    /// Provides the state to the components.
    pub fn provide(browser: Browser, prefs: Prefs, toasts: Toasts, server: ServerInfo) -> Self {
        let changes = Self {
            clipboard: RwSignal::new(None),
            renaming: RwSignal::new(None),
            menu: RwSignal::new(None),
            folder_menu: RwSignal::new(None),
            dragged: RwSignal::new(None),
            drop_on: RwSignal::new(None),
            making: RwSignal::new(None),
            ended: Trigger::new(),
            sending: RwSignal::new(None),
            sure: RwSignal::new(None),
            question: RwSignal::new(None),
            answer: StoredValue::new(None),
            answered: StoredValue::new_local(None),
            history: RwSignal::default(),
            line: Line::new(),
            askers: Line::new(),
            foreseen: StoredValue::new(Vec::new()),
            tasks: RwSignal::new(Vec::new()),
            next_task: StoredValue::new(0),
            said: StoredValue::new(None),
            browser,
            prefs,
            toasts,
            server,
        };
        provide_context(changes);
        // What the person leaves is no longer being renamed.
        Effect::new(move |_| {
            browser.folder.track();
            changes.renaming.set(None);
        });
        changes.take_up_again();
        changes
    }

    /// The state that was provided.
    pub fn get() -> Self {
        expect_context()
    }

    /// Says what went well, in the place of what was said before.
    pub(super) fn say(self, text: String, action: Option<Action>) {
        if let Some(before) = self.said.get_value() {
            self.toasts.dismiss(before);
        }
        self.said.set_value(Some(self.toasts.offer(Tone::Good, text, action)));
    }

    /// True if there is something to undo, or to do again, or will be once what is under way is done.
    pub fn can(self, origin: Origin) -> bool {
        let known = self.history.with(|history| match origin {
            Origin::Undo => history.can_undo(),
            _ => history.can_redo(),
        });
        self.browser.allows_changes() && (known || self.line.promises(origin))
    }

    /// True if the clipboard may be pasted into the folder on the screen; effects follow it.
    pub fn can_paste(self) -> bool {
        self.clipboard
            .with(|clipboard| clipboard.as_ref().is_some_and(|clipboard| self.browser.allows(clipboard.needed())))
    }

    /// [`Self::can_paste`] outside of effects.
    pub(crate) fn may_paste(self) -> bool {
        self.clipboard.with_untracked(|clipboard| {
            clipboard.as_ref().is_some_and(|clipboard| self.browser.allows_untracked(clipboard.needed()))
        })
    }

    /// A key for a new request.
    pub(super) fn mint() -> JobId {
        JobId(crate::env::random_id())
    }
}

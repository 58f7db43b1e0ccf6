//! `Browser`: the state of the Files screen. Going elsewhere is in `going`, fetching in `load`, what comes of it in `show`
//! and `merge`, drawing in the components.

#![cfg(target_arch = "wasm32")]

use js_sys::Function;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use shared::{Order, Rights, VPath};
use web_sys::AbortController;

use super::loaded_page::LoadedPage;
use super::model::typeahead::TypeAhead;
use super::model::{Edit, Listing, LocalEdits, Remap, Selection, SelectionSnapshot, View, ViewState};
use super::saved_view::saved_view_state;
use crate::env::prefs::Prefs;
use crate::env::{history, storage};
use crate::failure::Failure;
use crate::ui::toast::Toasts;

/// What the screen shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The folder before, for the blink of an eye.
    Waiting,
    /// Grey bars: it takes longer.
    Skeleton,
    /// The folder.
    Ready,
    /// Why there is none.
    Failed(Failure),
}

/// Where the list is asked to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScrollTarget {
    /// Just far enough to see the row.
    Show(usize),
    /// With the row in the middle, unless it is in sight.
    Center(usize),
    /// So many rows down.
    Top(f64),
}

/// The state of the Files screen.
#[derive(Clone, Copy)]
pub struct Browser {
    /// The folder that the address names.
    pub folder: RwSignal<VPath>,
    /// How it is sorted.
    pub order: RwSignal<Order>,
    /// What is shown; during a change of folder still the one before.
    pub listing: RwSignal<Listing>,
    /// Which of its rows are shown.
    pub view: RwSignal<View>,
    /// What the person filters by.
    pub filter: RwSignal<String>,
    /// The selected rows.
    pub selection: RwSignal<Selection>,
    /// The row that has, or would have, the focus.
    pub cursor: RwSignal<usize>,
    /// What the screen shows.
    pub phase: RwSignal<Phase>,
    /// The folder is being read again behind what is shown.
    pub refreshing: RwSignal<bool>,
    /// What the user may do in the folder, or in the trash; `None` until a response says.
    pub rights: RwSignal<Option<Rights>>,
    /// The last request did not reach the server.
    pub offline: RwSignal<bool>,
    /// Where the list is asked to go next.
    pub target: RwSignal<Option<ScrollTarget>>,
    /// Says that the focus is wished on the cursor's row.
    pub focus_requested: Trigger,
    /// Such a wish is not yet fulfilled.
    pub focus_pending: StoredValue<bool>,
    /// The trash is on the screen, and the folder waits.
    pub in_trash: RwSignal<bool>,
    /// Whether the shortcuts are shown.
    pub help: RwSignal<bool>,
    /// How many rows are scrolled away above, as the list last said.
    pub top: StoredValue<f64>,
    /// How many whole rows fit, as the list last said.
    pub page: StoredValue<usize>,
    pub(crate) prefs: Prefs,
    pub(crate) toasts: Toasts,
    /// How rows changed places since the list last looked, each with what was shown before.
    pub(crate) shifts: StoredValue<Vec<(View, Remap)>>,
    pub(super) typing: StoredValue<TypeAhead>,
    pub(super) work: StoredValue<Work, LocalStorage>,
}

/// What runs behind the screen.
#[derive(Default)]
pub(super) struct Work {
    /// Ends the requests for the folder before.
    pub(super) abort: Option<AbortController>,
    /// Ends a wait for the next try.
    pub(super) wake: Option<Function>,
    /// What was in hand, while the rows that it is looked for in arrive.
    pub(super) snapshot: SelectionSnapshot,
    /// Once the folder is here, it is to be looked whether it is still so.
    pub(super) revalidation_due: bool,
    /// The pages of which the folder was read.
    pub(super) loaded_pages: Vec<LoadedPage>,
    /// How often the server began to tell of changes, and in which folder it did last.
    pub(super) watch_starts: u32,
    pub(super) watched_folder: Option<VPath>,
    /// A folder is being read: what is merged until it is here has to be merged into that, too.
    pub(super) loading: bool,
    /// What was merged since.
    pub(super) edits_while_loading: Vec<Edit>,
    /// What this page itself changed.
    pub(super) local_edits: LocalEdits,
    /// Folders that were left, to be shown at once when the person comes back.
    pub(super) left_listings: Vec<Listing>,
    /// Will write the place into the history.
    pub(super) save_timer: Option<TimeoutHandle>,
}

impl Browser {
    /// Provides the screen's state, for the folder that the address names, and starts to fill it.
    pub fn provide(prefs: Prefs, toasts: Toasts) -> Self {
        let folder = history::folder().unwrap_or_default();
        let order = storage::order(&folder);
        let browser = Self {
            folder: RwSignal::new(folder.clone()),
            order: RwSignal::new(order),
            listing: RwSignal::new(Listing::new(folder, order)),
            view: RwSignal::default(),
            filter: RwSignal::default(),
            selection: RwSignal::default(),
            cursor: RwSignal::new(0),
            phase: RwSignal::new(Phase::Waiting),
            refreshing: RwSignal::new(false),
            rights: RwSignal::new(None),
            offline: RwSignal::new(false),
            target: RwSignal::new(None),
            focus_requested: Trigger::new(),
            focus_pending: StoredValue::new(false),
            in_trash: RwSignal::new(false),
            help: RwSignal::new(false),
            top: StoredValue::new(0.0),
            page: StoredValue::new(1),
            prefs,
            toasts,
            shifts: StoredValue::new(Vec::new()),
            typing: StoredValue::new(TypeAhead::default()),
            work: StoredValue::new_local(Work::default()),
        };
        provide_context(browser);
        browser
    }

    /// The state that was provided.
    pub fn get() -> Self {
        expect_context()
    }

    /// Sorts the folder, and keeps to that.
    pub fn sort(self, order: Order) {
        if order == self.order.get_untracked() {
            return;
        }
        storage::set_order(&self.folder.get_untracked(), order);
        self.order.set(order);
        let keep = self.snapshot();
        self.load(false, ViewState { top: Some(0.0), focus: keep.focus.clone() }, keep, false);
    }

    /// Reads the folder again, behind what is shown if there is something.
    pub fn refresh(self) {
        if self.wake() {
            return;
        }
        let ready = self.phase.get_untracked() == Phase::Ready;
        let place = if ready { ViewState::default() } else { saved_view_state() };
        self.load(ready, place, self.snapshot(), false);
    }

    /// Shows only the rows whose name has the text in it.
    pub fn filter_by(self, text: String) {
        let row = self.cursor.get_untracked();
        let view = self
            .listing
            .with_untracked(|listing| self.view.with_untracked(|before| before.filtered_further(listing, &text)));
        self.filter.set(text);
        // What is selected but not seen would be downloaded by surprise.
        self.selection.update(Selection::clear);
        let nearest = view.row(view.position(row)).unwrap_or(row);
        self.view.set(view);
        self.cursor.set(nearest);
        self.target.set(Some(ScrollTarget::Show(nearest)));
    }

    /// Puts the focus on the cursor's row as soon as that is drawn.
    pub fn focus_cursor(self) {
        self.focus_pending.set_value(true);
        self.focus_requested.notify();
    }

    /// The path of a row that is here.
    pub fn path_of(self, row: usize) -> Option<VPath> {
        self.listing.with_untracked(|listing| listing.folder.join(listing.rows.name(row)?).ok())
    }

    /// The person moved: the row that was being looked for is no longer wanted.
    pub(crate) fn forget_sought_row(self) {
        self.work.update_value(|work| work.snapshot.focus = None);
    }

    /// Ends a wait for the next try, if there is one.
    pub fn wake(self) -> bool {
        let wake = self.work.try_update_value(|work| work.wake.take()).flatten();
        wake.is_some_and(|wake| wake.call0(&wasm_bindgen::JsValue::UNDEFINED).is_ok())
    }

    pub(super) fn abort(self) {
        let abort = self.work.try_update_value(|work| work.abort.take()).flatten();
        if let Some(abort) = abort {
            abort.abort();
        }
        self.wake();
    }
}

//! [`FileBrowser`]: the state of the folder on the screen. The other files of this folder add its methods, by subject.

#![cfg(target_arch = "wasm32")]

use js_sys::Function;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use shared::{Order, Rights, VPath};
use web_sys::AbortController;

use super::loaded_page::LoadedPage;
use super::model::typeahead::TypeAhead;
use super::model::{Edit, Listing, LocalEdits, Remap, Selection, SelectionSnapshot, View, ViewState};
use super::restoration::Restoration;
use super::saved_view::saved_view_state;
use crate::env::prefs::Prefs;
use crate::env::{history, storage};
use crate::failure::Failure;
use crate::ui::toast::Toasts;

/// The phases of loading a folder.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The request is under way, and the screen still shows the former folder.
    Waiting,
    /// The request takes longer, and the screen shows grey bars.
    Skeleton,
    /// The screen shows the folder.
    Ready,
    /// The folder cannot be shown.
    Failed(Failure),
}

/// Where the list is to scroll.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScrollTarget {
    /// As far as it takes to see the row.
    Show(usize),
    /// Until the row is in the middle, unless it is in sight.
    Center(usize),
    /// Until this many rows are above.
    Top(f64),
}

/// The state of the folder on the screen: signals and cells only, so copies are cheap and share the state.
#[derive(Clone, Copy)]
pub struct FileBrowser {
    /// The folder that the address names.
    pub folder: RwSignal<VPath>,
    /// The sort order.
    pub order: RwSignal<Order>,
    /// The listing on the screen; until the next folder arrives, that of the former one.
    pub listing: RwSignal<Listing>,
    /// The rows of the listing that the filter lets through.
    pub view: RwSignal<View>,
    /// The text of the filter.
    pub filter: RwSignal<String>,
    /// The selected rows.
    pub selection: RwSignal<Selection>,
    /// The row that keyboard commands act on; it has the focus while the list does.
    pub cursor: RwSignal<usize>,
    /// How far loading has come.
    pub phase: RwSignal<Phase>,
    /// The folder is being read again while its former listing is shown.
    pub refreshing: RwSignal<bool>,
    /// What the user may do in the folder, or in the trash; `None` until a response says.
    pub rights: RwSignal<Option<Rights>>,
    /// The last request did not reach the server.
    pub offline: RwSignal<bool>,
    /// The next position to scroll to.
    pub target: RwSignal<Option<ScrollTarget>>,
    /// Notified when the row at the cursor is to take the focus.
    pub focus_requested: Trigger,
    /// The row at the cursor has yet to take the focus.
    pub focus_pending: StoredValue<bool>,
    /// The trash is on the screen instead of the folder.
    pub in_trash: RwSignal<bool>,
    /// The dialog with the keyboard shortcuts is open.
    pub help: RwSignal<bool>,
    /// How many rows the list has scrolled away above, a fraction included.
    pub top: StoredValue<f64>,
    /// How many whole rows fit into the list.
    pub page: StoredValue<usize>,
    pub(crate) prefs: Prefs,
    pub(crate) toasts: Toasts,
    /// How rows moved since the list was last drawn, each with the view before the move.
    pub(crate) shifts: StoredValue<Vec<(View, Remap)>>,
    pub(super) typing: StoredValue<TypeAhead>,
    pub(super) work: StoredValue<Work, LocalStorage>,
}

/// The state of background work, which no view reads.
#[derive(Default)]
pub(super) struct Work {
    /// Aborts the requests for the folder.
    pub(super) abort: Option<AbortController>,
    /// Ends the wait before the next retry.
    pub(super) wake: Option<Function>,
    /// Rows to select and focus once they arrive.
    pub(super) snapshot: SelectionSnapshot,
    /// The folder is to be revalidated once it is loaded.
    pub(super) revalidation_due: bool,
    /// The pages of which the folder was read.
    pub(super) loaded_pages: Vec<LoadedPage>,
    /// How often watching a folder has begun.
    pub(super) watch_starts: u32,
    /// The folder in which watching began last.
    pub(super) watched_folder: Option<VPath>,
    /// A listing is being read; edits until its end are merged into it as well.
    pub(super) loading: bool,
    /// The edits since reading began.
    pub(super) edits_while_loading: Vec<Edit>,
    /// The entries that this page changes.
    pub(super) local_edits: LocalEdits,
    /// The entry whose row stays in the list while the user edits its name.
    pub(super) held: Option<(VPath, Box<[u8]>)>,
    /// Folders that the user left, with the rights there, to show them without a wait on the way back.
    pub(super) left_listings: Vec<(Listing, Option<Rights>)>,
    /// Saves the view state to the history when it fires.
    pub(super) save_timer: Option<TimeoutHandle>,
}

impl FileBrowser {
    /// Provides the state, with the folder that the address names and nothing loaded.
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

    /// The state that [`Self::provide`] provided.
    pub fn get() -> Self {
        expect_context()
    }

    /// True while the rows on the screen are those of the folder that the address names. Commands act on no others.
    pub fn shows_folder(self) -> bool {
        let is_shown = matches!(self.phase.get_untracked(), Phase::Ready | Phase::Waiting);
        is_shown
            && !self.in_trash.get_untracked()
            && self.listing.with_untracked(|listing| self.folder.with_untracked(|folder| listing.folder == *folder))
    }

    /// Sorts the folder, now and at later visits.
    pub fn sort(self, order: Order) {
        if order == self.order.get_untracked() || !self.shows_folder() {
            return;
        }
        storage::set_order(&self.folder.get_untracked(), order);
        self.order.set(order);
        let snapshot = self.snapshot();
        let view_state = ViewState { top: Some(0.0), focus: snapshot.focus.clone() };
        self.load(Restoration { view_state, snapshot, focus: false });
    }

    /// Reads the folder again, in the background while it is shown.
    pub fn refresh(self) {
        if self.wake() {
            return;
        }
        match self.phase.get_untracked() {
            Phase::Ready => self.load_in_background(),
            _ => {
                let snapshot = if self.shows_folder() { self.snapshot() } else { SelectionSnapshot::default() };
                self.load(Restoration { view_state: saved_view_state(), snapshot, focus: false });
            }
        }
    }

    /// The browser reports that it has lost its network. The folder is read again, with retries until the server answers,
    /// which takes the banner away: a browser may report the loss and never the return.
    pub fn connection_lost(self) {
        self.offline.set(true);
        let is_loading = self.work.with_value(|work| work.loading);
        if !is_loading && self.shows_folder() {
            self.load_in_background();
        }
    }

    /// Shows only the rows whose names contain the text.
    pub fn filter_by(self, text: String) {
        let row = self.cursor.get_untracked();
        let view = self
            .listing
            .with_untracked(|listing| self.view.with_untracked(|before| before.filtered_further(listing, &text)));
        self.filter.set(text);
        // A selected row that the filter hides would be downloaded by surprise.
        self.selection.update(Selection::clear);
        let nearest = view.row(view.position(row)).unwrap_or(row);
        self.view.set(view);
        self.cursor.set(nearest);
        self.target.set(Some(ScrollTarget::Show(nearest)));
    }

    /// Focuses the row at the cursor as soon as it is drawn.
    pub fn focus_cursor(self) {
        self.focus_pending.set_value(true);
        self.focus_requested.notify();
    }

    /// The path of a row; `None` while the row has yet to arrive.
    pub fn path_of(self, row: usize) -> Option<VPath> {
        self.listing.with_untracked(|listing| listing.folder.join(listing.rows.name(row)?).ok())
    }

    /// Stops looking for the row to focus among arriving rows, because the user has moved elsewhere.
    pub(crate) fn forget_sought_row(self) {
        self.work.update_value(|work| work.snapshot.focus = None);
    }

    /// Ends the wait before the next retry; true if there was one.
    pub fn wake(self) -> bool {
        let wake = self.work.try_update_value(|work| work.wake.take()).flatten();
        wake.is_some_and(|wake| wake.call0(&wasm_bindgen::JsValue::UNDEFINED).is_ok())
    }

    /// Aborts the requests for the folder, and the wait between them.
    pub(super) fn abort(self) {
        let abort = self.work.try_update_value(|work| work.abort.take()).flatten();
        if let Some(abort) = abort {
            abort.abort();
        }
        self.wake();
    }
}

//! `Browser`: the state of the Files screen, and what changes it. Fetching is in `load`, drawing in the components.

use std::time::Duration;

use js_sys::Function;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use shared::{Order, VPath};
use web_sys::AbortController;

use super::model::typeahead::TypeAhead;
use super::model::{Edit, Keep, Listing, Own, Place, Remap, Selection, View};
use super::proof::Proof;
use crate::env::prefs::Prefs;
use crate::env::{focused, history, storage};
use crate::failure::Failure;
use crate::ui::toast::Toasts;

/// How long after a movement the place is written into the history: browsers limit how often a page may.
const REMEMBER_AFTER: Duration = Duration::from_millis(300);
/// How many folders are kept for going back, and how many rows in all.
const KEPT_FOLDERS_MAX: usize = 8;
const KEPT_ROWS_MAX: usize = 300_000;

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
pub enum Target {
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
    /// The last request did not reach the server.
    pub offline: RwSignal<bool>,
    /// Where the list is asked to go next.
    pub target: RwSignal<Option<Target>>,
    /// Says that the focus is wished on the cursor's row.
    pub wish_focus: Trigger,
    /// Such a wish is not yet fulfilled.
    pub focus_due: StoredValue<bool>,
    /// The trash is on the screen, and the folder waits.
    pub in_trash: RwSignal<bool>,
    /// Whether the shortcuts are shown.
    pub help: RwSignal<bool>,
    /// How many rows are scrolled away above, as the list last said.
    pub top: StoredValue<f64>,
    /// How many whole rows fit, as the list last said.
    pub page: StoredValue<usize>,
    pub(super) prefs: Prefs,
    pub(super) toasts: Toasts,
    /// How rows changed places since the list last looked, each with what was shown before.
    pub(super) shifts: StoredValue<Vec<(View, Remap)>>,
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
    pub(super) keep: Keep,
    /// Once the folder is here, it is to be looked whether it is still so.
    pub(super) check_due: bool,
    /// The pages of which the folder was read.
    pub(super) proofs: Vec<Proof>,
    /// How often the server began to tell of changes, and in which folder it did last.
    pub(super) told: u32,
    pub(super) told_of: Option<VPath>,
    /// A folder is being read: what is merged until it is here has to be merged into that, too.
    pub(super) reading: bool,
    /// What was merged since.
    pub(super) recent: Vec<Edit>,
    /// What this page itself changed.
    pub(super) own: Own,
    kept: Vec<Listing>,
    remember: Option<TimeoutHandle>,
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
            offline: RwSignal::new(false),
            target: RwSignal::new(None),
            wish_focus: Trigger::new(),
            focus_due: StoredValue::new(false),
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

    /// Opens what the address names: at the start, and when the person goes back or forward.
    pub fn follow_address(self, focus: bool) {
        self.in_trash.set(history::in_trash());
        if history::in_trash() {
            return;
        }
        match history::folder() {
            Ok(folder) => self.enter(folder, history::place().unwrap_or_default(), focus),
            Err(_) => {
                self.forget_timers();
                self.abort();
                let code = shared::ErrorCode::BadPath;
                self.phase.set(Phase::Failed(Failure::Refused { code, status: 400, request_id: String::new() }));
            }
        }
    }

    /// Goes to a folder. Coming from inside it, the focus is on where one came from.
    pub fn navigate(self, folder: VPath) {
        let here = self.folder.get_untracked();
        let inner = folder.strip_prefix_of(&here);
        let place = inner.as_ref().and_then(|inner| inner.segments().next()).map(Place::at).unwrap_or_default();
        self.remember_now();
        history::push(&folder);
        self.in_trash.set(false);
        self.enter(folder, place, true);
    }

    /// Shows the trash.
    pub fn open_trash(self) {
        if !self.in_trash.get_untracked() {
            self.remember_now();
            history::push_trash();
            self.in_trash.set(true);
        }
    }

    /// Goes to the folder above.
    pub fn parent(self) {
        if let Some(parent) = self.folder.get_untracked().parent() {
            self.navigate(parent);
        }
    }

    /// Sorts the folder, and keeps to that.
    pub fn sort(self, order: Order) {
        if order == self.order.get_untracked() {
            return;
        }
        storage::set_order(&self.folder.get_untracked(), order);
        self.order.set(order);
        let keep = self.in_hand();
        self.load(false, Place { top: Some(0.0), focus: keep.focus.clone() }, keep, false);
    }

    /// Reads the folder again, behind what is shown if there is something.
    pub fn refresh(self) {
        if self.wake() {
            return;
        }
        let ready = self.phase.get_untracked() == Phase::Ready;
        let place = if ready { Place::default() } else { history::place().unwrap_or_default() };
        self.load(ready, place, self.in_hand(), false);
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
        self.target.set(Some(Target::Show(nearest)));
    }

    /// Puts the focus on the cursor's row as soon as that is drawn.
    pub fn focus_cursor(self) {
        self.focus_due.set_value(true);
        self.wish_focus.notify();
    }

    /// Writes the place into the history once the person rests.
    pub fn remember_soon(self) {
        let browser = self;
        let handle = set_timeout_with_handle(move || browser.remember_now(), REMEMBER_AFTER).ok();
        let before = self.work.try_update_value(|work| std::mem::replace(&mut work.remember, handle)).flatten();
        if let Some(before) = before {
            before.clear();
        }
    }

    /// The path of a row that is here.
    pub fn path_of(self, row: usize) -> Option<VPath> {
        self.listing.with_untracked(|listing| listing.folder.join(listing.rows.name(row)?).ok())
    }

    fn enter(self, folder: VPath, place: Place, focus: bool) {
        self.forget_timers();
        self.keep_listing();
        let order = storage::order(&folder);
        self.folder.set(folder.clone());
        self.order.set(order);
        self.filter.set(String::new());
        let kept = self.work.try_update_value(|work| {
            let index = work.kept.iter().position(|kept| kept.folder == folder && kept.order == order)?;
            Some(work.kept.remove(index))
        });
        match kept.flatten() {
            Some(listing) => {
                self.show(listing, place, Keep::default(), focus);
                self.load(true, Place::default(), self.in_hand(), false);
            }
            None => self.load(false, place, Keep::default(), focus),
        }
    }

    /// Shows a listing that has at least its first page.
    pub(super) fn show(self, mut listing: Listing, place: Place, mut keep: Keep, focus: bool) {
        self.catch_up(&mut listing);
        let mut selection = Selection::default();
        let arrived = 0..listing.rows.len();
        keep.focus = place.focus.clone().or(keep.focus);
        let found = keep.find_in(&listing, arrived, &mut selection);
        let cursor = found.unwrap_or(0);
        let target = match (place.top, found) {
            (Some(top), _) => Target::Top(top),
            (None, Some(row)) => Target::Center(row),
            (None, None) => Target::Top(0.0),
        };
        self.view.set(View::filtered(&listing, &self.filter.get_untracked()));
        self.listing.set(listing);
        self.selection.set(selection);
        self.cursor.set(cursor);
        self.phase.set(Phase::Ready);
        self.target.set(Some(target));
        self.work.update_value(|work| work.keep = keep);
        if focus {
            self.focus_cursor();
        }
    }

    /// Puts a listing that was read again in the place of the one that is shown, under the person's hands.
    pub(super) fn swap(self, mut listing: Listing) {
        self.catch_up(&mut listing);
        let mut keep = self.in_hand();
        let here = self.cursor.get_untracked();
        let above = here as f64 - self.top.get_value();
        let had_focus = focused().is_some_and(|element| element.closest(".row").is_ok_and(|row| row.is_some()));
        let mut selection = Selection::default();
        let found = keep.find_in(&listing, 0..listing.rows.len(), &mut selection);
        let cursor = found.unwrap_or_else(|| here.min(listing.total().saturating_sub(1)));
        self.view.set(View::filtered(&listing, &self.filter.get_untracked()));
        self.listing.set(listing);
        self.selection.set(selection);
        self.cursor.set(cursor);
        // The focused row stays where it is on the screen, whatever came or went above it.
        if found.is_some_and(|row| row != here) {
            self.target.set(Some(Target::Top((cursor as f64 - above).max(0.0))));
        }
        self.work.update_value(|work| work.keep = keep);
        if had_focus {
            self.focus_cursor();
        }
    }

    /// What the person has in hand, with what is still being looked for.
    pub(super) fn in_hand(self) -> Keep {
        let cursor = self.cursor.get_untracked();
        let mut keep = self
            .listing
            .with_untracked(|listing| self.selection.with_untracked(|chosen| Keep::of(listing, chosen, cursor)));
        self.work.with_value(|work| {
            keep.selected.extend(work.keep.selected.iter().cloned());
            keep.everything |= work.keep.everything;
            keep.focus = work.keep.focus.clone().or(keep.focus.take());
        });
        keep
    }

    /// The person moved: the row that was being looked for is no longer wanted.
    pub(super) fn settle(self) {
        self.work.update_value(|work| work.keep.focus = None);
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

    fn remember_now(self) {
        self.forget_timers();
        let here =
            self.listing.with_untracked(|listing| self.folder.with_untracked(|folder| listing.folder == *folder));
        if here && !self.in_trash.get_untracked() && self.phase.get_untracked() == Phase::Ready {
            let cursor = self.cursor.get_untracked();
            let focus = self.listing.with_untracked(|listing| listing.rows.name(cursor).map(<[u8]>::to_vec));
            history::remember(&Place { top: Some(self.top.get_value()), focus });
        }
    }

    fn forget_timers(self) {
        let before = self.work.try_update_value(|work| work.remember.take()).flatten();
        if let Some(before) = before {
            before.clear();
        }
    }

    /// Keeps the folder that is being left, to be shown at once when the person comes back.
    fn keep_listing(self) {
        if self.phase.get_untracked() != Phase::Ready {
            return;
        }
        if self.listing.with_untracked(|listing| listing.rows.len() > KEPT_ROWS_MAX) {
            return;
        }
        let listing = self.listing.get_untracked();
        self.work.update_value(|work| {
            work.kept.retain(|kept| kept.folder != listing.folder);
            work.kept.push(listing);
            let rows = |kept: &[Listing]| kept.iter().map(|kept| kept.rows.len()).sum::<usize>();
            while work.kept.len() > KEPT_FOLDERS_MAX || rows(&work.kept) > KEPT_ROWS_MAX {
                work.kept.remove(0);
            }
        });
    }
}

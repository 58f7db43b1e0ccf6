//! The dialog with the keyboard shortcuts.

use leptos::prelude::*;

use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::i18n::Words;
use crate::ui::dialog::Dialog;

/// The keys of a shortcut, and its description.
type Line = (fn(&'static Words) -> Vec<Vec<&'static str>>, fn(&'static Words) -> &'static str);

const LINES: &[Line] = &[
    (|_| vec![vec!["↑"], vec!["↓"]], |words| words.do_move),
    (|words| vec![vec![words.key_shift, "↑"], vec![words.key_shift, "↓"]], |words| words.do_extend),
    (|words| vec![vec![words.key_ctrl, "↑"], vec![words.key_ctrl, "↓"]], |words| words.do_move_only),
    (|words| vec![vec![words.key_ctrl, words.key_space]], |words| words.do_toggle),
    (|words| vec![vec![words.key_home], vec![words.key_end]], |words| words.do_first_last),
    (|words| vec![vec![words.key_page_up], vec![words.key_page_down]], |words| words.do_pages),
    (|words| vec![vec![words.key_enter]], |words| words.open),
    (|words| vec![vec![words.key_backspace], vec![words.key_alt, "↑"]], |words| words.do_parent),
    (|words| vec![vec![words.key_ctrl, "A"]], |words| words.select_all),
    (|words| vec![vec![words.key_escape]], |words| words.clear_selection),
    (|words| vec![vec![words.key_letters]], |words| words.do_type_ahead),
    (|words| vec![vec![words.key_ctrl, "F"]], |words| words.filter),
    (|_| vec![vec!["?"]], |words| words.do_help),
];

/// The shortcuts for changes.
const CHANGES: &[Line] = &[
    (|_| vec![vec!["F2"]], |words| words.rename),
    (
        |words| vec![vec![words.key_ctrl, "X"], vec![words.key_ctrl, "C"], vec![words.key_ctrl, "V"]],
        |words| words.do_clipboard,
    ),
    (|words| vec![vec![words.key_delete]], |words| words.move_to_trash),
    (|words| vec![vec![words.key_shift, words.key_delete]], |words| words.delete_forever),
    (|words| vec![vec![words.key_ctrl, "Z"], vec![words.key_ctrl, words.key_shift, "Z"]], |words| words.do_undo),
    (|words| vec![vec![words.key_shift, "F10"]], |words| words.do_menu),
];

/// The dialog with the keyboard shortcuts.
#[component]
pub fn Shortcuts() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    let lines = move || {
        let words = prefs.words();
        let line = |(keys, what): &Line| {
            let chords = keys(words).into_iter().map(|chord| {
                let keys = chord.into_iter().map(|key| view! { <kbd>{key}</kbd> }).collect_view();
                view! { <span class="chord">{keys}</span> }
            });
            view! { <div><dt>{what(words)}</dt><dd>{chords.collect_view()}</dd></div> }
        };
        let more = if browser.allows_changes() { CHANGES } else { &[] };
        LINES.iter().chain(more).map(line).collect_view()
    };
    view! {
        <Dialog open=browser.help title=prefs.text(|words| words.shortcuts_title) class="shortcuts">
            <dl>{lines}</dl>
        </Dialog>
    }
}

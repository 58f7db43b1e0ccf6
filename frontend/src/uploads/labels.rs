//! The texts of the panel: those of one upload, and those of all.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::controller::Uploads;
use super::model::{Connectivity, Item, Queue, Stage};
use crate::env::format;
use crate::env::prefs::Prefs;
use crate::i18n::fill;
use crate::printable::printable;

/// What a row shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RowLabels {
    pub(super) name: String,
    /// Path of the target.
    pub(super) path: String,
    /// The stage, with figures.
    pub(super) state: String,
    /// How the user can solve a problem; empty without one.
    pub(super) advice: String,
    /// Progress in whole per cent. `None` in stages without a progress bar.
    pub(super) percent: Option<u8>,
    /// CSS class of the stage.
    pub(super) class: &'static str,
    /// Name of the icon.
    pub(super) icon: &'static str,
    pub(super) actions: Actions,
}

/// The actions that a row offers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Actions {
    pub(super) pause: bool,
    pub(super) resume: bool,
    pub(super) retry: bool,
    /// Open the dialog about the conflict.
    pub(super) resolve: bool,
    /// Select the missing file.
    pub(super) select_file: bool,
    /// Open the folder with the file.
    pub(super) show_in_folder: bool,
    /// Cancel the upload; if `false`, only remove it from the list.
    pub(super) cancel: bool,
}

/// The labels of one upload.
pub(super) fn row_labels(prefs: Prefs, item: &Item, connectivity: Connectivity) -> RowLabels {
    let words = prefs.words();
    let size = item.file.size;
    let sent_of_size = |template: &str| fill(template, &[("x", &prefs.size(item.sent)), ("y", &prefs.size(size))]);
    let cancel = Actions { cancel: true, ..Actions::default() };
    let pause = Actions { pause: true, ..cancel };
    let show = Actions { show_in_folder: true, ..Actions::default() };
    let lost = !matches!(connectivity, Connectivity::Online);
    let (state, class, icon, actions) = match &item.stage {
        Stage::Checking => (words.upload_checking.into(), "moving", "spinner", cancel),
        Stage::Comparing => (words.upload_comparing.into(), "moving", "spinner", pause),
        Stage::Waiting if lost => (words.uploads_disconnected.into(), "waiting", "offline", pause),
        Stage::Waiting => (format!("{} · {}", words.upload_waiting, prefs.size(size)), "waiting", "upload", pause),
        Stage::Sending => (sent_of_size(words.upload_sent), "moving", "upload", pause),
        Stage::Verifying => (words.upload_verifying.into(), "moving", "spinner", pause),
        Stage::Backoff(_) => (words.upload_backoff.into(), "waiting", "refresh", Actions { retry: true, ..pause }),
        Stage::Paused => (sent_of_size(words.upload_paused), "paused", "pause", Actions { resume: true, ..cancel }),
        Stage::Conflict(_) => {
            let name = printable(item.file.target.name());
            let text = fill(words.conflict_title, &[("name", &name)]);
            (text, "stuck", "warning", Actions { resolve: true, ..cancel })
        }
        Stage::FileMissing => {
            (sent_of_size(words.upload_file_missing), "stuck", "warning", Actions { select_file: true, ..cancel })
        }
        Stage::Done(verified) => {
            let word = if *verified { words.upload_verified } else { words.upload_done };
            (format!("{word} · {}", prefs.size(size)), "done", "check", show)
        }
        Stage::Identical => (words.upload_identical.into(), "done", "check", show),
        Stage::Skipped => (words.upload_skipped.into(), "waiting", "check", show),
        Stage::Failed(error) => {
            let missing = prefs.size(size.saturating_sub(item.sent));
            // The advice follows as a sentence of its own.
            let title = format!("{}.", fill(error.explain(words).title, &[("x", &missing)]));
            (title, "failed", "warning", Actions { retry: error.can_retry(), ..Actions::default() })
        }
        Stage::Canceled => return RowLabels::default(),
    };
    let advice = match &item.stage {
        Stage::Failed(error) => error.explain(words).advice,
        _ => "",
    };
    let percent = matches!(class, "moving" | "paused" | "waiting").then(|| (item.progress() * 100.0) as u8);
    RowLabels {
        name: printable(item.file.target.name()),
        path: printable(item.file.target.as_bytes()),
        state,
        advice: advice.into(),
        percent,
        class,
        icon,
        actions,
    }
}

/// The title of the panel, and the line of figures below.
pub(super) fn panel_labels(uploads: Uploads) -> (String, String) {
    let prefs = uploads.prefs;
    uploads.read_with_speed(|queue, speed| {
        let (totals, words) = (queue.totals(), prefs.words());
        let lost = !matches!(queue.connectivity(), Connectivity::Online) && totals.active > 0;
        let title = if let Some(files) = uploads.reading.get() {
            prefs.counted(|words| &words.uploads_reading, files)
        } else if lost {
            words.uploads_disconnected.to_owned()
        } else if totals.active > 0 {
            prefs.counted(|words| &words.uploads_running, totals.active)
        } else if totals.paused > 0 {
            words.uploads_paused.to_owned()
        } else if totals.needs_user() > 0 {
            prefs.counted(|words| &words.uploads_need_user, totals.needs_user())
        } else {
            prefs.counted(|words| &words.uploads_done, totals.done)
        };
        let figures = if totals.active + totals.paused == 0 {
            summary(prefs, queue)
        } else {
            let sent = [("x", prefs.size(totals.sent)), ("y", prefs.size(totals.bytes))];
            let sent: Vec<_> = sent.iter().map(|(key, size)| (*key, size.as_str())).collect();
            let mut parts = vec![fill(words.upload_sent, &sent)];
            if let Some(rate) = speed.bytes_per_second().filter(|_| !lost) {
                parts.push(fill(words.upload_rate, &[("rate", &prefs.size(rate))]));
                let remaining = speed.remaining_time(totals.remaining);
                parts.extend(remaining.map(|time| fill(words.upload_remaining, &[("t", &time.text())])));
            }
            if totals.needs_user() > 0 {
                parts.push(prefs.counted(|words| &words.uploads_need_user, totals.needs_user()));
            }
            parts.join(" · ")
        };
        (title, figures)
    })
}

/// The results of the finished uploads.
pub(super) fn summary(prefs: Prefs, queue: &Queue) -> String {
    let totals = queue.totals();
    let mut parts = Vec::new();
    if totals.needs_user() > 0 && totals.done > 0 {
        parts.push(prefs.counted(|words| &words.uploads_done, totals.done));
    }
    if totals.done > 0 && totals.verified == totals.done {
        parts.push(prefs.counted(|words| &words.uploads_verified, totals.done));
    }
    if totals.identical > 0 {
        parts.push(prefs.counted(|words| &words.uploads_identical, totals.identical));
    }
    if totals.skipped > 0 {
        parts.push(prefs.counted(|words| &words.uploads_skipped, totals.skipped));
    }
    parts.join(" · ")
}

/// The size and date of one side of a conflict.
pub(super) fn side_label(prefs: Prefs, folder: bool, size: u64, modified: i64) -> String {
    let date = format::date(prefs.lang.get(), modified);
    let size = if folder { prefs.words().folder.to_owned() } else { prefs.size(size) };
    format!("{size} · {date}")
}

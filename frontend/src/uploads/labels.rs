//! An upload and all uploads in words.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::controller::Uploads;
use super::model::{Item, Link, Queue, Stage};
use crate::env::format;
use crate::env::prefs::Prefs;
use crate::i18n::fill;
use crate::printable::printable;

/// What a row of the panel says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    /// Where it goes.
    pub(super) path: String,
    /// How it stands, in words.
    pub(super) text: String,
    /// What to do about it, where something is to be done.
    pub(super) advice: String,
    /// How far it is, in whole per cent; none where nothing moves.
    pub(super) percent: Option<u8>,
    /// How it looks, in the style sheet.
    pub(super) look: &'static str,
    /// The drawing before it.
    pub(super) icon: &'static str,
    /// What can be done with it.
    pub(super) can: Can,
}

/// What can be done with an upload.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Can {
    pub(super) pause: bool,
    pub(super) resume: bool,
    pub(super) retry: bool,
    pub(super) decide: bool,
    pub(super) choose: bool,
    pub(super) show: bool,
    /// Stop it; else only take it off the list.
    pub(super) cancel: bool,
}

/// Describes one upload.
pub(super) fn line(prefs: Prefs, item: &Item, link: Link) -> Line {
    let words = prefs.words();
    let size = item.chosen.size;
    let part = |template: &str| fill(template, &[("x", &prefs.size(item.sent)), ("y", &prefs.size(size))]);
    let none = Can { cancel: true, ..Can::default() };
    let can_pause = Can { pause: true, ..none };
    let over = Can { show: true, ..Can::default() };
    let lost = !matches!(link, Link::Up);
    let (text, look, icon, can) = match &item.stage {
        Stage::Planned => (words.upload_checking.into(), "moving", "spinner", none),
        Stage::Comparing => (words.upload_comparing.into(), "moving", "spinner", can_pause),
        Stage::Waiting if lost => (words.uploads_lost.into(), "waiting", "offline", can_pause),
        Stage::Waiting => (format!("{} · {}", words.upload_waiting, prefs.size(size)), "waiting", "upload", can_pause),
        Stage::Sending => (part(words.upload_part), "moving", "upload", can_pause),
        Stage::Verifying => (words.upload_verifying.into(), "moving", "spinner", can_pause),
        Stage::Resting(_) => (words.upload_resting.into(), "waiting", "refresh", Can { retry: true, ..can_pause }),
        Stage::Paused => (part(words.upload_paused), "paused", "pause", Can { resume: true, ..none }),
        Stage::Asking(_) => (words.upload_asking.into(), "stuck", "warning", Can { decide: true, ..none }),
        Stage::Absent => (part(words.upload_absent), "stuck", "warning", Can { choose: true, ..none }),
        Stage::Done(verified) => {
            let word = if *verified { words.upload_verified } else { words.upload_done };
            (format!("{word} · {}", prefs.size(size)), "done", "check", over)
        }
        Stage::Identical => (words.upload_identical.into(), "done", "check", over),
        Stage::Skipped => (words.upload_skipped.into(), "waiting", "check", over),
        Stage::Failed(trouble) => {
            let missing = prefs.size(size.saturating_sub(item.sent));
            let title = fill(trouble.explain(words).title, &[("x", &missing)]);
            (title, "failed", "warning", Can { retry: trouble.sends_again(), ..Can::default() })
        }
        Stage::Canceled => return Line::default(),
    };
    let advice = match &item.stage {
        Stage::Failed(trouble) => trouble.explain(words).advice,
        _ => "",
    };
    let percent = matches!(look, "moving" | "paused" | "waiting").then(|| (item.progress() * 100.0) as u8);
    Line {
        name: printable(item.chosen.target.name()),
        path: printable(item.chosen.target.as_bytes()),
        text,
        advice: advice.into(),
        percent,
        look,
        icon,
        can,
    }
}

/// What the panel's head says: one line on what goes on, one of figures.
pub(super) fn head(uploads: Uploads) -> (String, String) {
    let prefs = uploads.prefs;
    uploads.read_pace(|queue, pace| {
        let (tally, words) = (queue.tally(), prefs.words());
        let lost = !matches!(queue.link(), Link::Up) && tally.moving > 0;
        let title = if let Some(files) = uploads.reading.get() {
            prefs.counted(|words| &words.uploads_reading, files)
        } else if lost {
            words.uploads_lost.to_owned()
        } else if tally.moving > 0 {
            prefs.counted(|words| &words.uploads_running, tally.moving)
        } else if tally.paused > 0 {
            words.uploads_paused.to_owned()
        } else if tally.stuck() > 0 {
            prefs.counted(|words| &words.uploads_stuck, tally.stuck())
        } else {
            prefs.counted(|words| &words.uploads_done, tally.done)
        };
        let figures = if tally.moving + tally.paused == 0 {
            summary(prefs, queue)
        } else {
            let mut parts =
                vec![fill(words.upload_part, &[("x", &prefs.size(tally.sent)), ("y", &prefs.size(tally.bytes))])];
            if let Some(rate) = pace.bytes_per_second().filter(|_| !lost) {
                parts.push(fill(words.upload_rate, &[("rate", &prefs.size(rate))]));
                parts.extend(pace.left(tally.left).map(|left| fill(words.upload_left, &[("t", &left.text())])));
            }
            if tally.stuck() > 0 {
                parts.push(prefs.counted(|words| &words.uploads_stuck, tally.stuck()));
            }
            parts.join(" · ")
        };
        (title, figures)
    })
}

/// What became of all of it.
pub(super) fn summary(prefs: Prefs, queue: &Queue) -> String {
    let tally = queue.tally();
    let mut parts = Vec::new();
    if tally.stuck() > 0 && tally.done > 0 {
        parts.push(prefs.counted(|words| &words.uploads_done, tally.done));
    }
    if tally.done > 0 && tally.verified == tally.done {
        parts.push(prefs.counted(|words| &words.uploads_verified, tally.done));
    }
    if tally.identical > 0 {
        parts.push(prefs.counted(|words| &words.uploads_spared, tally.identical));
    }
    if tally.skipped > 0 {
        parts.push(prefs.counted(|words| &words.uploads_skipped, tally.skipped));
    }
    parts.join(" · ")
}

/// How large and how old a side of a conflict is.
pub(super) fn side(prefs: Prefs, folder: bool, size: u64, modified: i64) -> String {
    let date = format::date(prefs.lang.get(), modified);
    let what = if folder { prefs.words().folder.to_owned() } else { prefs.size(size) };
    format!("{what} · {date}")
}

//! One row of the panel: a slot that shows whatever upload stands at its position.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::controller::Uploads;
use super::labels::{Can, Line, line};
use super::model::{Id, Queue};
use super::panel::keep_focus;
use super::{file_handles, picker};
use crate::env::prefs::Prefs;
use crate::i18n::{Words, fill};
use crate::ui::icon::Icon;
use crate::ui::virtual_list::{Extent, pixels};

/// A place for a row.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) id: usize,
    /// Which of the shown uploads it shows.
    pub(super) position: RwSignal<Option<usize>>,
}

#[component]
pub(super) fn Row(row: Slot, extent: Memo<Extent>, shift: Signal<f64>) -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let Slot { id: slot, position } = row;
    let id = Memo::new(move |_| {
        let position = position.get()?;
        uploads.read(|queue| queue.shown().get(position).copied())
    });
    let shown = Memo::new(move |_| {
        let id = id.get();
        uploads.read(|queue| {
            let item = id.and_then(|id| queue.get(id));
            item.map_or_else(Line::default, |item| line(prefs, item, queue.link()))
        })
    });
    let text = move |part: fn(&Line) -> &String| Signal::derive(move || shown.with(|line| part(line).clone()));
    let offset = Signal::derive(move || {
        let top = position.get().unwrap_or(0) as f64 * extent.get().row;
        format!("translateY({})", pixels(top + shift.get()))
    });
    let class = Signal::derive(move || match id.get() {
        Some(_) => format!("upload {}", shown.with(|line| line.look)),
        None => "upload off".to_owned(),
    });
    let percent = Signal::derive(move || shown.with(|line| line.percent));
    let labelled = move |label: fn(&Words) -> &'static str| {
        Signal::derive(move || shown.with(|line| fill(label(prefs.words()), &[("name", &line.name)])))
    };
    let act = move |act: fn(&mut Queue, Id)| {
        Callback::new(move |()| {
            if let Some(id) = id.get_untracked() {
                uploads.act(|queue| act(queue, id));
                keep_focus(slot);
            }
        })
    };
    let can = move |test: fn(&Can) -> bool| Signal::derive(move || shown.with(|line| test(&line.can)));
    let decide = Callback::new(move |()| {
        if let Some(id) = id.get_untracked() {
            uploads.act(|queue| queue.ask_about(id));
            uploads.put_off.set(false);
        }
    });
    let choose = Callback::new(move |()| {
        if let Some(id) = id.get_untracked() {
            choose_again(uploads, id);
        }
    });
    let show = Callback::new(move |()| {
        let target = id.get_untracked().and_then(|id| uploads.target(id));
        if let Some(folder) = target.and_then(|target| target.parent()) {
            uploads.browser.navigate(folder);
        }
    });
    view! {
        <li class=class id=format!("upload-{slot}") style:transform=offset aria-hidden=move || id.get().is_none().to_string()>
            <Icon name=Signal::derive(move || shown.with(|line| line.icon)) />
            <div class="upload-text">
                <p class="upload-name" title=text(|line| &line.path)><bdi>{text(|line| &line.name)}</bdi></p>
                <p class="upload-state" title=text(|line| &line.advice)>
                    <span>{text(|line| &line.text)}</span>
                    " "
                    <span class="upload-advice">{text(|line| &line.advice)}</span>
                </p>
                <div class="bar" class:off=move || percent.get().is_none() role="progressbar"
                    aria-label=labelled(|words| words.upload_progress) aria-valuemin="0" aria-valuemax="100"
                    aria-valuenow=move || percent.get().unwrap_or(0).to_string()>
                    <i style:width=move || format!("{}%", percent.get().unwrap_or(0))></i>
                </div>
            </div>
            <Tool when=can(|can| can.decide) icon="warning" word=|words| words.decide
                label=labelled(|words| words.upload_decide) press=decide />
            <Tool when=can(|can| can.choose) icon="upload" word=|words| words.choose_again
                label=labelled(|words| words.upload_choose) press=choose />
            <Tool when=can(|can| can.retry) icon="refresh" word=|words| words.retry
                label=labelled(|words| words.upload_retry) press=act(Queue::resume) />
            <Tool when=can(|can| can.resume) icon="resume" label=labelled(|words| words.upload_resume)
                press=act(Queue::resume) />
            <Tool when=can(|can| can.pause) icon="pause" label=labelled(|words| words.upload_pause)
                press=act(Queue::pause) />
            <Tool when=can(|can| can.show) icon="folder" label=labelled(|words| words.upload_show) press=show />
            <Tool when=can(|can| can.cancel) icon="close" label=labelled(|words| words.upload_cancel)
                press=act(Queue::cancel) />
            <Tool when=can(|can| !can.cancel) icon="close" label=labelled(|words| words.upload_dismiss)
                press=act(Queue::cancel) />
        </li>
    }
}

/// The browser may still know the file, and asks whether it may be read; else the person chooses it again.
fn choose_again(uploads: Uploads, id: Id) {
    let upload = uploads.upload_of(id);
    leptos::task::spawn_local(async move {
        let known = match upload {
            Some(upload) => file_handles::resume(uploads, id, upload).await,
            None => false,
        };
        if !known {
            picker::pick(picker::AGAIN_ID);
        }
    });
}

/// A small button of a row; with a word where it is what the row is waiting for.
#[component]
fn Tool(
    when: Signal<bool>,
    icon: &'static str,
    #[prop(optional)] word: Option<fn(&Words) -> &'static str>,
    label: Signal<String>,
    press: Callback<()>,
) -> AnyView {
    let prefs = Prefs::get();
    // Pause and resume take each other's place; the same key again does the other.
    let hidden = Signal::derive(move || !when.get());
    view! {
        <button type="button" class="button quiet tool" class:worded=word.is_some() hidden=hidden aria-label=label title=label
            on:click=move |_| press.run(())>
            {match word {
                Some(word) => view! { <span>{move || word(prefs.words())}</span> }.into_any(),
                None => view! { <Icon name=icon /> }.into_any(),
            }}
        </button>
    }
    .into_any()
}

//! A row of the panel: a slot that shows the upload at its current position.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::controller::Uploads;
use super::labels::{Actions, RowLabels, row_labels};
use super::model::{Id, Queue};
use super::{file_handles, picker};
use crate::env::prefs::Prefs;
use crate::i18n::{Words, fill};
use crate::ui::icon::Icon;
use crate::ui::virtual_list::{Extent, pixels};

/// A slot of the virtual list, whose element is reused for other positions as the list scrolls.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) id: usize,
    /// Position in the list; `None` while the slot is not in use.
    pub(super) position: RwSignal<Option<usize>>,
}

/// The row.
#[component]
pub(super) fn Row(row: Slot, extent: Memo<Extent>, shift: Signal<f64>) -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let Slot { id: slot, position } = row;
    let id = Memo::new(move |_| {
        let position = position.get()?;
        uploads.read(|queue| queue.shown().get(position).copied())
    });
    let labels = Memo::new(move |_| {
        let id = id.get();
        uploads.read(|queue| {
            let item = id.and_then(|id| queue.get(id));
            item.map_or_else(RowLabels::default, |item| row_labels(prefs, item, queue.connectivity()))
        })
    });
    let text =
        move |part: fn(&RowLabels) -> &String| Signal::derive(move || labels.with(|labels| part(labels).clone()));
    let offset = Signal::derive(move || {
        let top = position.get().unwrap_or(0) as f64 * extent.get().row;
        format!("translateY({})", pixels(top + shift.get()))
    });
    let number = move || position.get().map(|position| (position + 1).to_string());
    let class = Signal::derive(move || match id.get() {
        Some(_) => format!("upload {}", labels.with(|labels| labels.class)),
        None => "upload off".to_owned(),
    });
    let percent = Signal::derive(move || labels.with(|labels| labels.percent));
    let with_name = move |template: fn(&Words) -> &'static str| {
        Signal::derive(move || labels.with(|labels| fill(template(prefs.words()), &[("name", &labels.name)])))
    };
    let update = move |change: fn(&mut Queue, Id)| {
        Callback::new(move |()| {
            if let Some(id) = id.get_untracked() {
                uploads.command(|queue| change(queue, id));
            }
        })
    };
    let can = move |test: fn(&Actions) -> bool| Signal::derive(move || labels.with(|labels| test(&labels.actions)));
    let resolve = Callback::new(move |()| {
        if let Some(id) = id.get_untracked() {
            uploads.update(|queue| queue.show_conflict(id));
            uploads.conflict_postponed.set(false);
        }
    });
    let select_file = Callback::new(move |()| {
        if let Some(id) = id.get_untracked() {
            find_or_select_file(uploads, id);
        }
    });
    let show = Callback::new(move |()| {
        let target = id.get_untracked().and_then(|id| uploads.target(id));
        if let Some(folder) = target.and_then(|target| target.parent()) {
            uploads.browser.navigate(folder);
        }
    });
    view! {
        <li class=class id=format!("upload-{slot}") style:transform=offset aria-hidden=move || id.get().is_none().to_string()
            aria-posinset=number aria-setsize=move || extent.get().rows.to_string()>
            <Icon name=Signal::derive(move || labels.with(|labels| labels.icon)) />
            <div class="upload-text">
                <p class="upload-name" title=text(|labels| &labels.path)><bdi>{text(|labels| &labels.name)}</bdi></p>
                <p class="upload-state" title=text(|labels| &labels.advice)>
                    <span>{text(|labels| &labels.state)}</span>
                    " "
                    <span class="upload-advice">{text(|labels| &labels.advice)}</span>
                </p>
                <div class="bar" class:off=move || percent.get().is_none() role="progressbar"
                    aria-label=with_name(|words| words.upload_progress) aria-valuemin="0" aria-valuemax="100"
                    aria-valuenow=move || percent.get().unwrap_or(0).to_string()>
                    <i style:width=move || format!("{}%", percent.get().unwrap_or(0))></i>
                </div>
            </div>
            <RowButton when=can(|actions| actions.resolve) icon="warning" word=|words| words.resolve
                label=with_name(|words| words.upload_resolve) press=resolve />
            <RowButton when=can(|actions| actions.select_file) icon="upload" word=|words| words.select_file
                label=with_name(|words| words.upload_select_file) press=select_file />
            <RowButton when=can(|actions| actions.retry) icon="refresh" word=|words| words.retry
                label=with_name(|words| words.upload_retry) press=update(Queue::resume) />
            <RowButton when=can(|actions| actions.resume) icon="resume" label=with_name(|words| words.upload_resume)
                press=update(Queue::resume) />
            <RowButton when=can(|actions| actions.pause) icon="pause" label=with_name(|words| words.upload_pause)
                press=update(Queue::pause) />
            <RowButton when=can(|actions| actions.show_in_folder) icon="folder" label=with_name(|words| words.upload_show) press=show />
            <RowButton when=can(|actions| actions.cancel) icon="close" label=with_name(|words| words.upload_cancel)
                press=update(Queue::cancel) />
            <RowButton when=can(|actions| !actions.cancel) icon="close" label=with_name(|words| words.upload_dismiss)
                press=update(Queue::cancel) />
        </li>
    }
}

/// Continues an upload with the file of its stored handle; without one, opens a picker.
fn find_or_select_file(uploads: Uploads, id: Id) {
    let upload = uploads.upload_id(id);
    leptos::task::spawn_local(async move {
        let file = match upload {
            Some(upload) => file_handles::request_file(upload).await,
            None => None,
        };
        match file {
            Some(file) => uploads.file_found(id, file),
            None => picker::open(picker::MISSING_FILES_ID),
        }
    });
}

/// A button of a row, with a word instead of an icon if the upload waits for it.
#[component]
fn RowButton(
    when: Signal<bool>,
    icon: &'static str,
    #[prop(optional)] word: Option<fn(&Words) -> &'static str>,
    label: Signal<String>,
    press: Callback<()>,
) -> AnyView {
    let prefs = Prefs::get();
    // Hidden instead of removed, so that the other buttons keep the focus.
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

//! A text field for a name. An error appears below the field as the user types; Enter submits, Escape cancels.

#![cfg(target_arch = "wasm32")]

use leptos::html;
use leptos::prelude::*;

use super::model::names::{NameError, from_field, stem_units, to_field, validate};
use crate::env::prefs::Prefs;
use crate::env::{focus_element, focused, once_rendered};
use crate::i18n::{Words, fill};

/// The field. The stem of the name is selected at first.
#[component]
pub(crate) fn NameField(
    /// The raw name at first.
    before: Vec<u8>,
    /// True for the name of a folder, which has no extension.
    folder: bool,
    /// The accessible name.
    label: Signal<&'static str>,
    id: &'static str,
    /// True for a name that exists already.
    taken: Callback<Vec<u8>, bool>,
    /// Receives a valid name, or `None` if the user cancelled.
    done: Callback<Option<Vec<u8>>>,
    /// Losing the focus submits a valid name, or else cancels.
    #[prop(optional)]
    submit_on_blur: bool,
    /// Submits the name, as Enter does.
    #[prop(optional)]
    submit: Option<Trigger>,
) -> AnyView {
    let prefs = Prefs::get();
    let node = NodeRef::<html::Input>::new();
    // With the name that it is about.
    let error = RwSignal::new(None::<(NameError, String)>);
    let ended = StoredValue::new(false);
    let start = to_field(&before);
    let units = u32::try_from(stem_units(&start, folder)).unwrap_or(u32::MAX);
    let before = StoredValue::new(before);
    Effect::new(move |_| {
        if let Some(field) = node.get() {
            let _ = field.set_selection_range(0, units);
            focus_element(&field);
            // Within a dialog that is about to open, the field accepts the focus only once it is open.
            once_rendered(move || {
                if !focused().is_some_and(|element| element.is_same_node(Some(&field))) {
                    focus_element(&field);
                }
            });
        }
    });
    let parse = move |text: &str| {
        let name = before.with_value(|before| from_field(text, before));
        let unchanged = before.with_value(|before| *before == name);
        match validate(&name) {
            Err(error) => Err(error),
            Ok(()) if !unchanged && taken.run(name.clone()) => Err(NameError::Taken),
            Ok(()) => Ok(name),
        }
    };
    let end = move |name: Option<Vec<u8>>| {
        if !ended.get_value() {
            ended.set_value(true);
            done.run(name);
        }
    };
    let finish = move |show_error: bool| {
        // Chromium fires `blur` while it removes the field, when the signals of this view are gone.
        let Some(field) = node.try_get_untracked().flatten() else { return };
        match parse(&field.value()) {
            Ok(name) => end(Some(name)),
            Err(invalid) if show_error => error.set(Some((invalid, field.value()))),
            Err(_) => end(None),
        }
    };
    Effect::new(move |before: Option<()>| {
        submit.iter().for_each(Trigger::track);
        if before.is_some() {
            finish(true);
        }
    });
    let key = move |event: leptos::ev::KeyboardEvent| {
        if event.is_composing() {
            return;
        }
        match event.key().as_str() {
            "Enter" => {
                event.prevent_default();
                event.stop_propagation();
                finish(true);
            }
            "Escape" => {
                event.prevent_default();
                event.stop_propagation();
                end(None);
            }
            _ => event.stop_propagation(),
        }
    };
    let input = move |_| {
        let Some(field) = node.get_untracked() else { return };
        // An empty field is no error while the user types a new name.
        let invalid = parse(&field.value()).err().filter(|invalid| *invalid != NameError::Empty);
        error.set(invalid.map(|invalid| (invalid, field.value())));
    };
    let blur = move |_| {
        if submit_on_blur {
            finish(false);
        }
    };
    let message =
        move || error.get().map(|(invalid, name)| fill(error_text(prefs.words(), invalid), &[("name", &name)]));
    let error_id = format!("{id}-error");
    view! {
        <div class="name-field">
            <input id=id node_ref=node type="text" class="name-input" autofocus=true autocomplete="off" autocapitalize="off"
                spellcheck="false" enterkeyhint="done" aria-label=label value=start
                aria-invalid=move || if error.get().is_some() { "true" } else { "false" } aria-describedby=error_id.clone()
                on:keydown=key on:input=input on:blur=blur />
            <p id=error_id class="name-error" role="alert">{message}</p>
        </div>
    }
    .into_any()
}

fn error_text(words: &'static Words, error: NameError) -> &'static str {
    match error {
        NameError::Empty => words.name_empty,
        NameError::Slash => words.name_slash,
        NameError::Dots => words.name_dots,
        NameError::TooLong => words.name_long,
        NameError::Taken => words.name_taken,
    }
}

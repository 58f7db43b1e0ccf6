//! A field for a name: what is wrong with it stands below while it is typed, Enter takes it and Escape leaves it.

use leptos::html;
use leptos::prelude::*;

use super::model::names::{NameFault, check, from_field, stem_units, to_field};
use crate::env::prefs::Prefs;
use crate::env::{focus_element, focused};
use crate::i18n::Words;

/// The field.
#[component]
pub(crate) fn NameField(
    /// The raw name that it starts with.
    before: Vec<u8>,
    /// Of a folder, which has no extension.
    folder: bool,
    /// What the field is for.
    label: Signal<&'static str>,
    /// Its id.
    id: &'static str,
    /// True for names that something has already.
    taken: Callback<Vec<u8>, bool>,
    /// Takes a good name; none where the field was left.
    done: Callback<Option<Vec<u8>>>,
    /// Leaving the field for another place takes the name, if it is a good one.
    #[prop(optional)]
    on_leave: bool,
    /// Asks to take the name, as Enter does.
    #[prop(optional)]
    submit: Option<Trigger>,
) -> AnyView {
    let prefs = Prefs::get();
    let node = NodeRef::<html::Input>::new();
    let fault = RwSignal::new(None::<NameFault>);
    let ended = StoredValue::new(false);
    let start = to_field(&before);
    let units = u32::try_from(stem_units(&start, folder)).unwrap_or(u32::MAX);
    let before = StoredValue::new(before);
    Effect::new(move |_| {
        if let Some(field) = node.get() {
            // At once: whoever types on without looking means this field, and a new name.
            let _ = field.set_selection_range(0, units);
            focus_element(&field);
            // In a dialog that is only about to open it cannot have the focus yet.
            request_animation_frame(move || {
                if !focused().is_some_and(|element| element.is_same_node(Some(&field))) {
                    focus_element(&field);
                }
            });
        }
    });
    let judge = move |text: &str| {
        let name = before.with_value(|before| from_field(text, before));
        let same = before.with_value(|before| *before == name);
        match check(&name) {
            Err(fault) => Err(fault),
            Ok(()) if !same && taken.run(name.clone()) => Err(NameFault::Taken),
            Ok(()) => Ok(name),
        }
    };
    let end = move |name: Option<Vec<u8>>| {
        // Taking the field away makes it lose the focus once more.
        if !ended.get_value() {
            ended.set_value(true);
            done.run(name);
        }
    };
    let take = move |insist: bool| {
        let Some(field) = node.get_untracked() else { return };
        match judge(&field.value()) {
            Ok(name) => end(Some(name)),
            Err(why) if insist => fault.set(Some(why)),
            Err(_) => end(None),
        }
    };
    Effect::new(move |before: Option<()>| {
        submit.iter().for_each(Trigger::track);
        if before.is_some() {
            take(true);
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
                take(true);
            }
            "Escape" => {
                event.prevent_default();
                event.stop_propagation();
                end(None);
            }
            _ => event.stop_propagation(),
        }
    };
    let typed = move |_| {
        let Some(field) = node.get_untracked() else { return };
        // Nobody is told of an empty field while they are about to fill it.
        fault.set(judge(&field.value()).err().filter(|why| *why != NameFault::Empty));
    };
    let left = move |_| {
        if on_leave {
            take(false);
        }
    };
    let message = move || fault.get().map(|why| says(prefs.words(), why));
    let hint = format!("{id}-fault");
    view! {
        <div class="name-field">
            <input id=id node_ref=node type="text" class="name-input" autofocus=true autocomplete="off" autocapitalize="off"
                spellcheck="false" enterkeyhint="done" aria-label=label value=start
                aria-invalid=move || if fault.get().is_some() { "true" } else { "false" } aria-describedby=hint.clone()
                on:keydown=key on:input=typed on:blur=left />
            <p id=hint class="name-fault" role="alert">{message}</p>
        </div>
    }
    .into_any()
}

fn says(words: &'static Words, why: NameFault) -> &'static str {
    match why {
        NameFault::Empty => words.name_empty,
        NameFault::Slash => words.name_slash,
        NameFault::Dots => words.name_dots,
        NameFault::TooLong => words.name_long,
        NameFault::Taken => words.name_taken,
    }
}

//! A menu of things to do, at the place where it was asked for: a column beside the pointer, a sheet on a phone. Keys as
//! in the ARIA practices for menus; the focus goes back to where it was.

#![cfg(target_arch = "wasm32")]

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, Node};

use super::element_size::measured;
use super::icon::Icon;
use super::position::Ways;
use super::virtual_list::pixels;
use crate::env::{focus_element, focused};

/// Something that can be done.
#[derive(Clone, Copy)]
pub struct MenuItem {
    /// In words.
    pub label: Signal<&'static str>,
    /// The drawing before the words.
    pub icon: &'static str,
    /// The keys that do the same, if there are any.
    pub keys: &'static str,
    /// It cannot be taken back.
    pub danger: bool,
    /// A line stands above it.
    pub apart: bool,
    /// Does it.
    pub run: Callback<()>,
}

/// Where a menu opens, and where the focus returns.
#[derive(Clone, Copy)]
pub struct Anchor {
    x: Ways,
    y: Ways,
    opener: StoredValue<Option<HtmlElement>, LocalStorage>,
}

impl Anchor {
    /// At a point, in pixels from the top left; the focus returns to where it is now.
    pub fn at(x: i32, y: i32) -> Self {
        Self::new(Ways::from(f64::from(x)), Ways::from(f64::from(y)))
    }

    /// Below an element, or above it, that many pixels from where it starts.
    pub fn beside(element: &HtmlElement, inset: f64) -> Self {
        let around = element.get_bounding_client_rect();
        let x = Ways { onward: around.left() + inset, back: around.right() };
        Self::new(x, Ways { onward: around.bottom() + 2.0, back: around.top() - 2.0 })
    }

    fn new(x: Ways, y: Ways) -> Self {
        let opener = focused().and_then(|element| element.dyn_into().ok());
        Self { x, y, opener: StoredValue::new_local(opener) }
    }
}

/// The menu, while `open` says where.
#[component]
pub fn Menu(
    /// Where; none while it is closed.
    open: RwSignal<Option<Anchor>>,
    /// What it is called.
    label: Signal<&'static str>,
    /// What is in it, when it opens.
    items: Callback<(), Vec<MenuItem>>,
) -> AnyView {
    let shown = move || open.get().map(|spot| view! { <Opened open spot label items=items.run(()) /> });
    shown.into_any()
}

/// The menu, as long as it is open: that is as long as it has the focus.
#[component]
fn Opened(
    open: RwSignal<Option<Anchor>>,
    spot: Anchor,
    label: Signal<&'static str>,
    items: Vec<MenuItem>,
) -> impl IntoView {
    let (node, backdrop) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    let (size, room) = (measured(node), measured(backdrop));
    let x = move || pixels(spot.x.place(size.get().0, room.get().0));
    let y = move || pixels(spot.y.place(size.get().1, room.get().1));
    let close = move || {
        if open.get_untracked().is_some() {
            open.set(None);
            spot.opener.with_value(|opener| opener.iter().for_each(focus_element));
        }
    };
    Effect::new(move |_| {
        if let Some(menu) = node.get() {
            step(&menu, Step::First);
        }
    });
    let key = move |event: leptos::ev::KeyboardEvent| {
        let Some(menu) = node.get_untracked() else { return };
        event.stop_propagation();
        match event.key().as_str() {
            "ArrowDown" => step(&menu, Step::Next),
            "ArrowUp" => step(&menu, Step::Before),
            "Home" => step(&menu, Step::First),
            "End" => step(&menu, Step::Last),
            "Escape" | "Tab" => close(),
            "Enter" | " " => return,
            letter => step(&menu, Step::Letter(letter)),
        }
        event.prevent_default();
    };
    // Something else took the focus, and keeps it.
    let left = move |event: leptos::ev::FocusEvent| {
        let to = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        if to.is_some_and(|to| node.get_untracked().is_some_and(|menu| !menu.contains(Some(&to)))) {
            open.set(None);
        }
    };
    let buttons = items.into_iter().map(|item| {
        let run = move |_| {
            close();
            item.run.run(());
        };
        view! {
            <button type="button" role="menuitem" tabindex="-1" class="menu-line" class:danger=item.danger
                class:apart=item.apart on:click=run>
                <Icon name=item.icon />
                <span>{item.label}</span>
                <kbd aria-hidden="true">{item.keys}</kbd>
            </button>
        }
    });
    let outside = move |event: &web_sys::Event| {
        let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
        backdrop
            .get_untracked()
            .is_some_and(|backdrop| target.is_some_and(|target| target.is_same_node(Some(&backdrop))))
    };
    // The whole press is the menu's, to its end: a part of it would be taken by what is below.
    let pressed = move |event: leptos::ev::MouseEvent| {
        if outside(&event) {
            close();
        }
    };
    // The key for menus opened it, and some systems say so only when the key is let go.
    let away = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        pressed(event);
    };
    let held = move |event: leptos::ev::MouseEvent| {
        if outside(&event) {
            event.prevent_default();
        }
    };
    view! {
        <div class="menu-backdrop" node_ref=backdrop on:mousedown=held on:click=pressed on:contextmenu=away>
            <div role="menu" class="menu-box" tabindex="-1" aria-label=label node_ref=node on:keydown=key
                on:focusout=left style:--x=x style:--y=y>
                {buttons.collect_view()}
            </div>
        </div>
    }
}

enum Step<'a> {
    Next,
    Before,
    First,
    Last,
    Letter(&'a str),
}

/// Moves the focus among the lines, around the ends.
fn step(menu: &HtmlElement, step: Step<'_>) {
    let Ok(found) = menu.query_selector_all("[role=menuitem]") else { return };
    let lines: Vec<HtmlElement> = (0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect();
    if lines.is_empty() {
        return;
    }
    let here = focused().and_then(|element| lines.iter().position(|line| element.is_same_node(Some(line))));
    let count = lines.len();
    let to = match (step, here) {
        (Step::First, _) | (Step::Next, None) => 0,
        (Step::Last, _) | (Step::Before, None) => count - 1,
        (Step::Next, Some(here)) => (here + 1) % count,
        (Step::Before, Some(here)) => (here + count - 1) % count,
        (Step::Letter(letter), here) => {
            let start = here.map_or(0, |here| here + 1);
            let begins = |index: &usize| {
                let text = lines[*index].text_content().unwrap_or_default().trim().to_lowercase();
                text.starts_with(&letter.to_lowercase())
            };
            match (start..start + count).map(|index| index % count).find(begins) {
                Some(found) => found,
                None => return,
            }
        }
    };
    // A menu that is taller than the window scrolls to it.
    let _ = lines[to].focus();
}

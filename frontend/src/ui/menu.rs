//! A context menu: beside the pointer or an element, or a sheet at the bottom of a phone. Its keys follow the menu
//! pattern of the ARIA Authoring Practices; closing it restores the focus.

#![cfg(target_arch = "wasm32")]

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, Node};

use super::element_size::measured;
use super::icon::Icon;
use super::position::AxisAnchor;
use super::virtual_list::pixels;
use crate::env::{focus_element, focused};

/// A menu item.
#[derive(Clone, Copy)]
pub struct MenuItem {
    pub label: Signal<&'static str>,
    /// Name of the icon.
    pub icon: &'static str,
    /// The keyboard shortcut; empty without one.
    pub keys: &'static str,
    /// True if the action cannot be undone.
    pub danger: bool,
    /// True if a line separates the item from the one above.
    pub separator: bool,
    /// The action.
    pub run: Callback<()>,
}

/// The position of a menu, and the element that gets the focus back.
#[derive(Clone, Copy)]
pub struct Anchor {
    x: AxisAnchor,
    y: AxisAnchor,
    opener: StoredValue<Option<HtmlElement>, LocalStorage>,
}

impl Anchor {
    /// At a point of the viewport, in pixels.
    pub fn at(x: i32, y: i32) -> Self {
        Self::new(AxisAnchor::from(f64::from(x)), AxisAnchor::from(f64::from(y)))
    }

    /// Below an element, or above it, `inset` pixels from its left edge.
    pub fn beside(element: &HtmlElement, inset: f64) -> Self {
        let rect = element.get_bounding_client_rect();
        let x = AxisAnchor { forward: rect.left() + inset, backward: rect.right() };
        Self::new(x, AxisAnchor { forward: rect.bottom() + 2.0, backward: rect.top() - 2.0 })
    }

    fn new(x: AxisAnchor, y: AxisAnchor) -> Self {
        let opener = focused().and_then(|element| element.dyn_into().ok());
        Self { x, y, opener: StoredValue::new_local(opener) }
    }
}

/// The menu.
#[component]
pub fn Menu(
    /// The position; `None` while the menu is closed.
    open: RwSignal<Option<Anchor>>,
    /// The accessible name.
    label: Signal<&'static str>,
    /// Returns the items when the menu opens.
    items: Callback<(), Vec<MenuItem>>,
) -> AnyView {
    let shown = move || open.get().map(|anchor| view! { <OpenMenu open anchor label items=items.run(()) /> });
    shown.into_any()
}

/// The menu while it is open, which is while it has the focus.
#[component]
fn OpenMenu(
    open: RwSignal<Option<Anchor>>,
    anchor: Anchor,
    label: Signal<&'static str>,
    items: Vec<MenuItem>,
) -> impl IntoView {
    let (node, backdrop) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    let (size, viewport) = (measured(node), measured(backdrop));
    let x = move || pixels(anchor.x.start(size.get().0, viewport.get().0));
    let y = move || pixels(anchor.y.start(size.get().1, viewport.get().1));
    let close = move || {
        if open.get_untracked().is_some() {
            open.set(None);
            // The view with the opener may be gone, as after a folder was deleted while its menu is open.
            anchor.opener.try_with_value(|opener| opener.iter().for_each(focus_element));
        }
    };
    Effect::new(move |_| {
        if let Some(menu) = node.get() {
            move_focus(&menu, FocusMove::First);
        }
    });
    let key = move |event: leptos::ev::KeyboardEvent| {
        let Some(menu) = node.get_untracked() else { return };
        event.stop_propagation();
        match event.key().as_str() {
            "ArrowDown" => move_focus(&menu, FocusMove::Next),
            "ArrowUp" => move_focus(&menu, FocusMove::Previous),
            "Home" => move_focus(&menu, FocusMove::First),
            "End" => move_focus(&menu, FocusMove::Last),
            "Escape" | "Tab" => close(),
            "Enter" | " " => return,
            letter => move_focus(&menu, FocusMove::Letter(letter)),
        }
        event.prevent_default();
    };
    // An element outside that took the focus keeps it.
    let blur = move |event: leptos::ev::FocusEvent| {
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
                class:separator=item.separator on:click=run>
                <Icon name=item.icon />
                <span>{item.label}</span>
                <kbd aria-hidden="true">{item.keys}</kbd>
            </button>
        }
    });
    let is_outside = move |event: &web_sys::Event| {
        let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
        backdrop
            .get_untracked()
            .is_some_and(|backdrop| target.is_some_and(|target| target.is_same_node(Some(&backdrop))))
    };
    // The backdrop closes on `click` and keeps `mousedown` for itself, so that no element below receives half of a
    // click.
    let click = move |event: leptos::ev::MouseEvent| {
        if is_outside(&event) {
            close();
        }
    };
    // The context-menu key may have opened this menu, and some systems fire `contextmenu` only on its release.
    let context_menu = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        click(event);
    };
    let mouse_down = move |event: leptos::ev::MouseEvent| {
        if is_outside(&event) {
            event.prevent_default();
        }
    };
    view! {
        <div class="menu-backdrop" node_ref=backdrop on:mousedown=mouse_down on:click=click on:contextmenu=context_menu>
            <div role="menu" class="menu-box" tabindex="-1" aria-label=label node_ref=node on:keydown=key
                on:focusout=blur style:--x=x style:--y=y>
                {buttons.collect_view()}
            </div>
        </div>
    }
}

enum FocusMove<'a> {
    Next,
    Previous,
    First,
    Last,
    Letter(&'a str),
}

/// Moves the focus among the items, from one end to the other.
fn move_focus(menu: &HtmlElement, movement: FocusMove<'_>) {
    let Ok(found) = menu.query_selector_all("[role=menuitem]") else { return };
    let lines: Vec<HtmlElement> = (0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect();
    if lines.is_empty() {
        return;
    }
    let current = focused().and_then(|element| lines.iter().position(|line| element.is_same_node(Some(line))));
    let count = lines.len();
    let to = match (movement, current) {
        (FocusMove::First, _) | (FocusMove::Next, None) => 0,
        (FocusMove::Last, _) | (FocusMove::Previous, None) => count - 1,
        (FocusMove::Next, Some(current)) => (current + 1) % count,
        (FocusMove::Previous, Some(current)) => (current + count - 1) % count,
        (FocusMove::Letter(letter), current) => {
            let start = current.map_or(0, |current| current + 1);
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
    // `focus` scrolls within a menu that is taller than the viewport.
    let _ = lines[to].focus();
}

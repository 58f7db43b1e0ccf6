//! The size of an element as a signal, and its height as a variable of the style sheets.

#![cfg(target_arch = "wasm32")]

use leptos::html::ElementType;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{HtmlElement, ResizeObserver};

use super::virtual_list::pixels;

/// Width and height of an element in pixels; zero before it is rendered.
pub fn measured<E>(node: NodeRef<E>) -> RwSignal<(f64, f64)>
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + 'static,
{
    observed(node, true)
}

/// The size of an element from its next frame on, or also `at_once`, for which the browser has to arrange the whole page.
fn observed<E>(node: NodeRef<E>, at_once: bool) -> RwSignal<(f64, f64)>
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + 'static,
{
    let size = RwSignal::new((0.0, 0.0));
    let observer = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
    Effect::new(move |_| {
        if let Some((previous, _)) = observer.try_update_value(Option::take).flatten() {
            previous.disconnect();
        }
        let Some(element) = node.get() else { return };
        let element: HtmlElement = element.unchecked_into();
        let measure = {
            let element = element.clone();
            move || {
                let now = (f64::from(element.client_width()), f64::from(element.client_height()));
                if size.try_get_untracked().is_some_and(|before| before != now) {
                    size.set(now);
                }
            }
        };
        if at_once {
            measure();
        }
        let closure = Closure::<dyn FnMut()>::new(measure);
        if let Ok(resize_observer) = ResizeObserver::new(closure.as_ref().unchecked_ref()) {
            resize_observer.observe(&element);
            observer.set_value(Some((resize_observer, closure)));
        }
    });
    on_cleanup(move || {
        observer.try_update_value(|observer| {
            if let Some((resize_observer, _)) = observer.take() {
                resize_observer.disconnect();
            }
        });
    });
    size
}

/// Sets the CSS variable `name` of the page to the height of an element, until the element is removed.
pub fn publish_height<E>(node: NodeRef<E>, name: &'static str)
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + 'static,
{
    let size = observed(node, false);
    let set = move |height: f64| {
        if let Some(page) = document().document_element() {
            let _ = page.unchecked_into::<HtmlElement>().style().set_property(name, &pixels(height));
        }
    };
    Effect::new(move |_| set(size.get().1));
    on_cleanup(move || set(0.0));
}

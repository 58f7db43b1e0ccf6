//! The size of an element as a signal.

#![cfg(target_arch = "wasm32")]

use leptos::html::ElementType;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{HtmlElement, ResizeObserver};

/// Width and height of an element in pixels; zero before it is rendered.
pub fn measured<E>(node: NodeRef<E>) -> RwSignal<(f64, f64)>
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + 'static,
{
    observed(node, true)
}

/// As [`measured`], but zero until the next frame: the browser does not have to arrange the whole page at once.
pub fn measured_later<E>(node: NodeRef<E>) -> RwSignal<(f64, f64)>
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + 'static,
{
    observed(node, false)
}

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

//! The clock, and timers for async code.

#![cfg(target_arch = "wasm32")]

use js_sys::{Function, Promise};
use wasm_bindgen_futures::JsFuture;

/// Milliseconds since the page started.
pub fn now() -> f64 {
    leptos::prelude::window().performance().map_or(0.0, |clock| clock.now())
}

/// Milliseconds since the Unix epoch.
pub fn clock() -> i64 {
    js_sys::Date::now() as i64
}

/// A future that ends after `milliseconds`, and a function that ends it early.
pub fn sleep(milliseconds: u32) -> (JsFuture, Function) {
    let mut wake = None;
    let promise = Promise::new(&mut |resolve, _| {
        // A browser that refuses the timer leaves the function to end the wait.
        let wait = i32::try_from(milliseconds).unwrap_or(i32::MAX);
        let _ = leptos::prelude::window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, wait);
        wake = Some(resolve);
    });
    (JsFuture::from(promise), wake.unwrap_or_else(|| Function::new_no_args("")))
}

/// Lets the browser draw and handle events before the rest of a long piece of work, which then is a task of its own.
pub async fn next_task() {
    // The promise is never rejected.
    let _ = sleep(0).0.await;
}

//! Passerelle's page: one screen of files, in the browser.
//!
//! Pure rooms come first: they know no browser and are tested natively. The rest is compiled for wasm32 alone.
//!
//! - [`address`]: the query that names a folder. [`failure`]: why a request failed. [`page`]: a page of a listing as it
//!   comes. [`i18n`]: what the page says.
//! - [`browse::model`]: rows, pages, selection, keys. [`uploads::model`]: the queue of uploads. [`ui::span`]: the
//!   arithmetic of a virtual list.
//! - `fetch` and `api`: the only code that fetches. `env`: storage, history, `Intl` and media queries of the browser.
//! - `ui`: parts that know no files. `browse`: the Files screen. `app`: providers, shell, and the screen on one page.

// The component macro makes each component's props public, wherever the component is.
#![cfg_attr(target_arch = "wasm32", allow(unreachable_pub))]

pub mod address;
pub mod failure;
pub mod i18n;
pub mod page;

pub mod browse;
pub mod changes;
pub mod ui;
pub mod uploads;

#[cfg(target_arch = "wasm32")]
pub mod api;
#[cfg(target_arch = "wasm32")]
pub mod app;
#[cfg(target_arch = "wasm32")]
pub mod env;
#[cfg(target_arch = "wasm32")]
mod fetch;
#[cfg(target_arch = "wasm32")]
mod live;
#[cfg(target_arch = "wasm32")]
mod settings;
#[cfg(target_arch = "wasm32")]
mod trash;

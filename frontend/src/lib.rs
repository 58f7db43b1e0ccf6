//! Passerelle's page: one screen of files, in the browser.
//!
//! Everything named `model`, [`env::address`], [`failure`], [`i18n`], [`net::listing_page`] and [`ui::virtual_list`] is
//! pure: it knows no browser and is tested natively. The rest is compiled for wasm32 alone.
//!
//! From the bottom up: `env` holds the browser's services, `net` all requests, `ui` parts that know no files, `folder` the
//! state of the folder on the screen. `changes`, `uploads` and `trash` are built on it, and `files` and `app` compose them.

// The component macro makes each component's props public, wherever the component is.
#![cfg_attr(target_arch = "wasm32", allow(unreachable_pub))]

pub mod changes;
pub mod env;
pub mod failure;
pub mod folder;
pub mod i18n;
pub mod net;
pub mod printable;
pub mod ui;
pub mod uploads;

#[cfg(target_arch = "wasm32")]
pub mod app;
#[cfg(target_arch = "wasm32")]
mod files;
#[cfg(target_arch = "wasm32")]
mod frame;
#[cfg(target_arch = "wasm32")]
mod links;
#[cfg(target_arch = "wasm32")]
mod server_info;
#[cfg(target_arch = "wasm32")]
mod settings;
#[cfg(target_arch = "wasm32")]
mod trash;

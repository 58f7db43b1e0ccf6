//! Parts of the page that know no files.

pub mod ids;
pub mod placing;
pub mod span;

#[cfg(target_arch = "wasm32")]
pub mod button;
#[cfg(target_arch = "wasm32")]
pub mod dialog;
#[cfg(target_arch = "wasm32")]
pub mod icon;
#[cfg(target_arch = "wasm32")]
pub mod menu;
#[cfg(target_arch = "wasm32")]
pub mod size;
#[cfg(target_arch = "wasm32")]
pub mod toast;

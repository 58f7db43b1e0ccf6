//! Parts of the page that know no files.

pub mod ids;
pub mod position;
pub mod virtual_list;

#[cfg(target_arch = "wasm32")]
pub mod button;
#[cfg(target_arch = "wasm32")]
pub mod dialog;
#[cfg(target_arch = "wasm32")]
pub mod element_size;
#[cfg(target_arch = "wasm32")]
pub mod icon;
#[cfg(target_arch = "wasm32")]
pub mod menu;
#[cfg(target_arch = "wasm32")]
pub mod toast;

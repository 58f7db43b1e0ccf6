//! System calls that every Unix has, over the handle of a directory. None of them follows a link.

mod attributes;
#[cfg(target_os = "linux")]
mod extended;
mod names;

pub(super) use attributes::apply_attributes;
pub(super) use names::{make_dir, prepare_sync, rename_by_link, space};

//! Widgets that know nothing of files: dialogs, menus, messages, the arithmetic of a virtual list.

pub mod button;
pub mod conflict_dialog;
pub mod dialog;
pub mod element_size;
pub mod entry_name;
pub mod icon;
pub mod ids;
pub mod menu;
pub mod name_parts;
pub mod position;
pub mod resolution;
pub mod toast;
pub mod virtual_list;

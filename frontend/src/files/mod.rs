//! The Files screen: views that compose the folder's state, changes, uploads and the trash.

mod breadcrumb;
mod download;
mod empty_states;
mod grid;
mod list_bar;
mod menus;
mod pointer;
mod row;
mod screen;
mod scroller;
mod selection_actions;
mod shortcuts;
mod sidebar;
mod sort;

pub use {
    screen::FilesScreen, selection_actions::SelectionActions, shortcuts::Shortcuts, sidebar::Sidebar, sort::SortChoice,
};

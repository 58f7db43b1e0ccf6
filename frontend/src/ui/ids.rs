//! Ids of elements that one file renders and others focus.

/// The current screen. It takes the focus when the user clicks beside the rows, and when the focused element
/// disappears.
pub const MAIN_ID: &str = "main";

/// The text field of the filter.
pub const FILTER_ID: &str = "filter";

/// The panel that replaces the list in an empty folder or after an error.
pub const PANEL_ID: &str = "panel";

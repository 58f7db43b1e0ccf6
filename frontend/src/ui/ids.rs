//! Ids of elements that one file renders and others focus.

/// The screen. It takes the focus when the user presses beside the rows, and when the element that had it goes.
pub const MAIN_ID: &str = "main";

/// The filter's field.
pub const FILTER_ID: &str = "filter";

/// The panel that stands in for the list.
pub const PANEL_ID: &str = "panel";

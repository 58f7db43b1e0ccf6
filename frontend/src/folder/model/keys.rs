//! The keyboard commands of a list: which key stands for what, and where a movement leads. Pure.

/// The command that a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Move the cursor.
    Move(Motion, Reach),
    /// Toggle the selection of the row at the cursor.
    Toggle,
    /// Select every row.
    SelectAll,
    /// Clear the selection.
    Clear,
    /// Open the row at the cursor.
    Open,
    /// Open the parent folder.
    Parent,
    /// Find a row by its first letters, of which this is one.
    Type(char),
    /// Focus the filter.
    Filter,
    /// Show the keyboard shortcuts.
    Help,
    /// Act on the selected files.
    Act(FileAction),
}

/// The actions on files that have a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileAction {
    /// Rename the row at the cursor.
    Rename,
    /// Move to the trash.
    Trash,
    /// Delete permanently.
    Delete,
    /// Put on the clipboard, to be moved.
    Cut,
    /// Put on the clipboard, to be copied.
    Copy,
    /// Undo the last change.
    Undo,
    /// Redo the change that was undone last.
    Redo,
    /// Open the context menu.
    Menu,
}

/// The movements of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// To the row above.
    Up,
    /// To the row below.
    Down,
    /// Up by a screen.
    PageUp,
    /// Down by a screen.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// What a movement does to the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Selects the destination alone.
    Select,
    /// Selects everything from the anchor to the destination.
    Extend,
    /// Selects everything from the anchor to the destination; what is selected elsewhere stays.
    ExtendMore,
    /// Leaves the selection as it is.
    Pass,
}

/// A key press with its modifiers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Press<'a> {
    /// `KeyboardEvent.key`.
    pub key: &'a str,
    /// Ctrl, or ⌘ on a Mac.
    pub command: bool,
    /// Shift.
    pub shift: bool,
    /// Alt.
    pub alt: bool,
}

/// The command of a key press; `None` for one that is left to the browser. `typing` is true while the user types the
/// first letters of a name.
pub fn intent(press: Press<'_>, typing: bool) -> Option<Intent> {
    let Press { key, command, shift, alt } = press;
    let reach = match (command, shift) {
        (false, false) => Reach::Select,
        (false, true) => Reach::Extend,
        (true, true) => Reach::ExtendMore,
        (true, false) => Reach::Pass,
    };
    if alt {
        return (key == "ArrowUp").then_some(Intent::Parent);
    }
    match key {
        "ArrowUp" => Some(Intent::Move(Motion::Up, reach)),
        "ArrowDown" => Some(Intent::Move(Motion::Down, reach)),
        // With Ctrl, these switch between tabs of the browser.
        "PageUp" if !command => Some(Intent::Move(Motion::PageUp, reach)),
        "PageDown" if !command => Some(Intent::Move(Motion::PageDown, reach)),
        "Home" => Some(Intent::Move(Motion::First, reach)),
        "End" => Some(Intent::Move(Motion::Last, reach)),
        "Enter" if !shift && !command => Some(Intent::Open),
        "Backspace" if !command => Some(Intent::Parent),
        "Escape" => Some(Intent::Clear),
        " " if command => Some(Intent::Toggle),
        " " if typing => Some(Intent::Type(' ')),
        "a" | "A" if command && !shift => Some(Intent::SelectAll),
        "f" | "F" if command && !shift => Some(Intent::Filter),
        "?" if !command => Some(Intent::Help),
        "F2" if !command => Some(Intent::Act(FileAction::Rename)),
        "Delete" if !command => Some(Intent::Act(if shift { FileAction::Delete } else { FileAction::Trash })),
        "x" | "X" if command && !shift => Some(Intent::Act(FileAction::Cut)),
        "c" | "C" if command && !shift => Some(Intent::Act(FileAction::Copy)),
        "z" | "Z" if command => Some(Intent::Act(if shift { FileAction::Redo } else { FileAction::Undo })),
        "y" | "Y" if command && !shift => Some(Intent::Act(FileAction::Redo)),
        "ContextMenu" => Some(Intent::Act(FileAction::Menu)),
        "F10" if shift => Some(Intent::Act(FileAction::Menu)),
        _ if command => None,
        _ => single(key).filter(|character| !character.is_whitespace()).map(Intent::Type),
    }
}

/// The position that a movement leads to, among `len` positions of which `page` fit on the screen.
pub fn destination(from: usize, motion: Motion, len: usize, page: usize) -> usize {
    let last = len.saturating_sub(1);
    match motion {
        Motion::Up => from.saturating_sub(1),
        Motion::Down => (from + 1).min(last),
        Motion::PageUp => from.saturating_sub(page.max(1)),
        Motion::PageDown => (from + page.max(1)).min(last),
        Motion::First => 0,
        Motion::Last => last,
    }
}

/// The character of a key; `None` for a key with a name, such as `F5`.
fn single(key: &str) -> Option<char> {
    let mut characters = key.chars();
    characters.next().filter(|_| characters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keys: &str, expected: Option<Intent>) {
        let mut press = Press::default();
        for part in keys.split('+') {
            match part {
                "Ctrl" => press.command = true,
                "Shift" => press.shift = true,
                "Alt" => press.alt = true,
                "Space" => press.key = " ",
                key => press.key = key,
            }
        }
        assert_eq!(intent(press, false), expected, "{keys}");
    }

    #[test]
    fn every_key_of_the_shortcuts_dialog_has_its_command() {
        check("ArrowDown", Some(Intent::Move(Motion::Down, Reach::Select)));
        check("Shift+ArrowUp", Some(Intent::Move(Motion::Up, Reach::Extend)));
        check("Ctrl+ArrowDown", Some(Intent::Move(Motion::Down, Reach::Pass)));
        check("Ctrl+Shift+End", Some(Intent::Move(Motion::Last, Reach::ExtendMore)));
        check("Ctrl+Space", Some(Intent::Toggle));
        check("PageDown", Some(Intent::Move(Motion::PageDown, Reach::Select)));
        check("Enter", Some(Intent::Open));
        check("Backspace", Some(Intent::Parent));
        check("Alt+ArrowUp", Some(Intent::Parent));
        check("Ctrl+a", Some(Intent::SelectAll));
        check("Ctrl+f", Some(Intent::Filter));
        check("Escape", Some(Intent::Clear));
        check("Shift+?", Some(Intent::Help));
        check("é", Some(Intent::Type('é')));
        check("F2", Some(Intent::Act(FileAction::Rename)));
        check("Delete", Some(Intent::Act(FileAction::Trash)));
        check("Shift+Delete", Some(Intent::Act(FileAction::Delete)));
        check("Ctrl+x", Some(Intent::Act(FileAction::Cut)));
        check("Ctrl+c", Some(Intent::Act(FileAction::Copy)));
        check("Ctrl+z", Some(Intent::Act(FileAction::Undo)));
        check("Ctrl+Shift+Z", Some(Intent::Act(FileAction::Redo)));
        check("Ctrl+y", Some(Intent::Act(FileAction::Redo)));
        check("Shift+F10", Some(Intent::Act(FileAction::Menu)));
        check("ContextMenu", Some(Intent::Act(FileAction::Menu)));
    }

    #[test]
    fn keys_of_the_browser_have_no_command() {
        check("Alt+ArrowLeft", None);
        check("Ctrl+PageDown", None);
        check("Ctrl+r", None);
        check("F5", None);
        check("F10", None);
        // Pasting is an event of its own, which also brings files.
        check("Ctrl+v", None);
        check("Tab", None);
        check("Space", None);
        assert_eq!(intent(Press { key: " ", ..Press::default() }, true), Some(Intent::Type(' ')));
    }

    #[test]
    fn destination_stops_at_either_end() {
        assert_eq!(destination(0, Motion::Up, 5, 3), 0);
        assert_eq!(destination(4, Motion::Down, 5, 3), 4);
        assert_eq!(destination(1, Motion::PageDown, 5, 3), 4);
        assert_eq!(destination(3, Motion::PageDown, 5, 3), 4);
        assert_eq!(destination(4, Motion::PageUp, 5, 3), 1);
        assert_eq!(destination(2, Motion::Last, 5, 3), 4);
        assert_eq!(destination(0, Motion::Last, 0, 3), 0);
    }
}

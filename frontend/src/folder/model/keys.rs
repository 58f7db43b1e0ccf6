//! What a key press in the list means, and where a movement leads.

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Go elsewhere in the list.
    Move(Motion, Reach),
    /// Select the focused row, or no longer.
    Toggle,
    /// Select everything.
    SelectAll,
    /// Select nothing.
    Clear,
    /// Open the focused row.
    Open,
    /// Go to the folder above.
    Parent,
    /// Find a row by its first letters.
    Type(char),
    /// Go to the filter.
    Filter,
    /// Show the shortcuts.
    Help,
    /// Do something with the files themselves.
    Act(FileAction),
}

/// What a person does with files by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileAction {
    /// Give the row another name.
    Rename,
    /// Put into the trash.
    Trash,
    /// Remove for ever.
    Delete,
    /// Take, to be moved elsewhere.
    Cut,
    /// Take, to be copied elsewhere.
    Copy,
    /// Take the last change back.
    Undo,
    /// Do again what was taken back.
    Redo,
    /// Open the menu.
    Menu,
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// One up.
    Up,
    /// One down.
    Down,
    /// One screen up.
    PageUp,
    /// One screen down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
}

/// What a movement does to the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The destination alone is selected.
    Select,
    /// Everything from the anchor to the destination is.
    Extend,
    /// As before, and what was selected elsewhere stays.
    ExtendMore,
    /// Nothing changes.
    Pass,
}

/// A key with what was held down. `command` is Ctrl, and ⌘ on a Mac.
#[derive(Clone, Copy, Debug, Default)]
pub struct Press<'a> {
    /// `KeyboardEvent.key`.
    pub key: &'a str,
    /// Ctrl, or ⌘.
    pub command: bool,
    /// Shift.
    pub shift: bool,
    /// Alt.
    pub alt: bool,
}

/// What the press means; none for what is the browser's. `typing` is true while letters of a name come in.
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
        // With Ctrl these change the browser's tab.
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

/// The position that a movement leads to, among `len` positions, `page` of which fit on the screen.
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

/// `key` is a name like `F5` for what is not a character.
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
    fn every_key_of_the_shortcuts_dialog() {
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
    fn the_browser_keeps_its_own() {
        check("Alt+ArrowLeft", None);
        check("Ctrl+PageDown", None);
        check("Ctrl+r", None);
        check("F5", None);
        check("F10", None);
        // Pasting is an event of its own, which says whether files come with it.
        check("Ctrl+v", None);
        check("Tab", None);
        check("Space", None);
        assert_eq!(intent(Press { key: " ", ..Press::default() }, true), Some(Intent::Type(' ')));
    }

    #[test]
    fn movements_stop_at_the_ends() {
        assert_eq!(destination(0, Motion::Up, 5, 3), 0);
        assert_eq!(destination(4, Motion::Down, 5, 3), 4);
        assert_eq!(destination(1, Motion::PageDown, 5, 3), 4);
        assert_eq!(destination(3, Motion::PageDown, 5, 3), 4);
        assert_eq!(destination(4, Motion::PageUp, 5, 3), 1);
        assert_eq!(destination(2, Motion::Last, 5, 3), 4);
        assert_eq!(destination(0, Motion::Last, 0, 3), 0);
    }
}

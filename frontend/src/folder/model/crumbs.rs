//! The breadcrumb: which folders of a path are shown, and which collapse into a menu when the line is too short.

use std::ops::Range;

use shared::VPath;

/// What "…" takes, with the separator after it.
const ELLIPSIS_PX: f64 = 52.0;
/// Padding of a crumb and the separator after it.
const AROUND_PX: f64 = 36.0;
/// A crumb is cut here, by the style sheet.
const CRUMB_PX_MAX: f64 = 240.0;
/// A letter of the system font at the breadcrumb's size, on the wide side.
const LETTER_PX: f64 = 8.6;

/// About how wide a crumb is: close enough to decide what collapses without a layout.
pub fn width(text: &str) -> f64 {
    (text.chars().count() as f64 * LETTER_PX + AROUND_PX).min(CRUMB_PX_MAX)
}

/// Which crumbs to collapse, from the second on, so that the rest fits. The first and the last always stay.
pub fn collapse(widths: &[f64], available: f64) -> Range<usize> {
    let total: f64 = widths.iter().sum();
    if total <= available || widths.len() < 3 {
        return 0..0;
    }
    let mut rest = total + ELLIPSIS_PX;
    let mut end = 1;
    while end < widths.len() - 1 && rest > available {
        rest -= widths[end];
        end += 1;
    }
    1..end
}

/// Each folder on the way, the root first, with its name for people; the root's is `root`.
pub fn crumbs(path: &VPath, root: &str) -> Vec<(VPath, String)> {
    let named = |folder: VPath| {
        let name = if folder.is_root() { root.to_owned() } else { crate::printable::printable(folder.name()) };
        (folder, name)
    };
    path.ancestry().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays() {
        assert_eq!(collapse(&[100.0, 100.0, 100.0], 300.0), 0..0);
        assert_eq!(collapse(&[100.0, 300.0], 50.0), 0..0);
        assert_eq!(collapse(&[], 50.0), 0..0);
    }

    #[test]
    fn the_middle_goes_first_and_the_ends_stay() {
        assert_eq!(collapse(&[100.0, 100.0, 100.0, 100.0], 380.0), 1..2);
        assert_eq!(collapse(&[100.0, 100.0, 100.0, 100.0], 300.0), 1..3);
        assert_eq!(collapse(&[100.0, 100.0, 100.0, 100.0], 10.0), 1..3);
    }

    #[test]
    fn crumbs_are_the_folders_on_the_way() {
        let path = VPath::parse("a/b%0Ac").unwrap();
        let names: Vec<_> = crumbs(&path, "Home").into_iter().map(|(folder, name)| (folder.encoded(), name)).collect();
        let expected = [("", "Home"), ("a", "a"), ("a/b%0Ac", "b↵c")];
        assert_eq!(names, expected.map(|(path, name)| (path.to_owned(), name.to_owned())));
    }
}

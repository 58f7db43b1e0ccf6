//! The breadcrumb: the folders of a path, and which of them collapse into a menu on a short line. Pure.

use std::ops::Range;

use shared::VPath;

/// The width of "…" with the separator after it.
const ELLIPSIS_PX: f64 = 52.0;
/// The width of a crumb's padding and of the separator after it.
const AROUND_PX: f64 = 36.0;
/// The `max-width` of a crumb in the style sheet.
const CRUMB_PX_MAX: f64 = 240.0;
/// The width of a wide letter of the system font at the breadcrumb's size.
const LETTER_PX: f64 = 8.6;

/// The approximate width of a crumb in pixels, close enough to decide what collapses without a layout.
pub fn width(text: &str) -> f64 {
    (text.chars().count() as f64 * LETTER_PX + AROUND_PX).min(CRUMB_PX_MAX)
}

/// The crumbs to collapse, from the second on, so that the others fit. The first and the last always stay.
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

/// Each folder of the path with its display name, from the root on; the root's is `root`.
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
    fn crumbs_that_fit_do_not_collapse() {
        assert_eq!(collapse(&[100.0, 100.0, 100.0], 300.0), 0..0);
        assert_eq!(collapse(&[100.0, 300.0], 50.0), 0..0);
        assert_eq!(collapse(&[], 50.0), 0..0);
    }

    #[test]
    fn collapse_starts_at_the_second_crumb_and_keeps_the_last() {
        assert_eq!(collapse(&[100.0, 100.0, 100.0, 100.0], 380.0), 1..2);
        assert_eq!(collapse(&[100.0, 100.0, 100.0, 100.0], 300.0), 1..3);
        assert_eq!(collapse(&[100.0, 100.0, 100.0, 100.0], 10.0), 1..3);
    }

    #[test]
    fn crumbs_name_each_folder_of_the_path() {
        let path = VPath::parse("a/b%0Ac").unwrap();
        let names: Vec<_> = crumbs(&path, "Home").into_iter().map(|(folder, name)| (folder.encoded(), name)).collect();
        let expected = [("", "Home"), ("a", "a"), ("a/b%0Ac", "b↵c")];
        assert_eq!(names, expected.map(|(path, name)| (path.to_owned(), name.to_owned())));
    }
}

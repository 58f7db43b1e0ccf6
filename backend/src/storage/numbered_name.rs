//! Names for a second copy beside an existing entry. Pure.

use shared::{ErrorCode, VPath};

use super::checks::NAME_BYTES_MAX;

/// The path to try as the `attempt`th where both entries are to be kept: `name (2).ext`, `name (3).ext`. A name that
/// would become too long loses the end of its stem. `None` for the root, and if the extension leaves no room.
pub fn numbered_name(path: &VPath, attempt: u32) -> Option<VPath> {
    let name = path.name();
    // A name that begins with its only dot has no extension (`.profile`).
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let number = format!(" ({attempt})");
    let room = NAME_BYTES_MAX.checked_sub(number.len() + extension.len())?;
    let mut end = stem.len().min(room);
    // Cut between characters of UTF-8, whose continuation bytes begin with the bits 10.
    while end > 0 && end < stem.len() && stem[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    let name = [&stem[..end], number.as_bytes(), extension].concat();
    path.parent()?.join(&name).ok()
}

/// The first number of a name beside another one.
const FIRST: u32 = 2;
/// Up to this number, each name is looked at.
const EACH_MAX: u32 = 16;
/// The largest number.
const NUMBER_MAX: u32 = 1 << 20;

/// A free path beside `path`: that with the first free number up to 16. Beyond that, numbers are looked at that double,
/// and then halve their distance, so that at most fifty looks find a free number after one that is taken.
///
/// # Errors
/// [`ErrorCode::NameRefused`] if no number fits into the name; [`ErrorCode::AlreadyExists`] if the largest number is
/// taken; as `is_free`.
pub fn free_beside<E: From<ErrorCode>>(
    path: &VPath,
    mut is_free: impl FnMut(&VPath) -> Result<bool, E>,
) -> Result<VPath, E> {
    let mut look = |number| {
        let beside = numbered_name(path, number).ok_or(ErrorCode::NameRefused)?;
        Ok::<_, E>(is_free(&beside)?.then_some(beside))
    };
    let mut taken = FIRST - 1;
    let (mut free, mut number) = loop {
        let number = if taken < EACH_MAX { taken + 1 } else { taken * 2 };
        if number > NUMBER_MAX {
            return Err(ErrorCode::AlreadyExists.into());
        }
        match look(number)? {
            Some(free) => break (free, number),
            None => taken = number,
        }
    };
    while number - taken > 1 {
        let middle = taken + (number - taken) / 2;
        match look(middle)? {
            Some(path) => (free, number) = (path, middle),
            None => taken = middle,
        }
    }
    Ok(free)
}

/// Whether `path` is one that [`free_beside`] gives for `wanted`.
pub fn is_beside(path: &VPath, wanted: &VPath) -> bool {
    let name = path.name();
    let numbers = name.windows(2).enumerate().filter(|(_, pair)| pair == b" (").filter_map(|(at, _)| {
        let digits = name[at + 2..].split(|byte| *byte == b')').next()?;
        str::from_utf8(digits).ok()?.parse().ok()
    });
    numbers
        .filter(|number| (FIRST..=NUMBER_MAX).contains(number))
        .any(|number| numbered_name(wanted, number).as_ref() == Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbered_name_keeps_its_extension_and_fits() {
        let numbered = |text: &str| numbered_name(&VPath::parse(text).unwrap(), 2).map(|path| path.encoded());
        assert_eq!(numbered("a/report.pdf").as_deref(), Some("a/report%20%282%29.pdf"));
        assert_eq!(numbered(".profile").as_deref(), Some(".profile%20%282%29"));
        assert_eq!(numbered("folder").as_deref(), Some("folder%20%282%29"));
        let long = VPath::from_bytes([b"\xc3\xa9".repeat(125), b".txt".to_vec()].concat()).unwrap();
        let path = numbered_name(&long, 10).unwrap();
        assert!(path.name().len() <= NAME_BYTES_MAX && str::from_utf8(path.name()).is_ok());
    }

    fn free(taken: impl Fn(u32) -> bool) -> (Result<VPath, ErrorCode>, u32) {
        let wanted = VPath::parse("a/n.pdf").unwrap();
        let mut looks = 0;
        let found = free_beside(&wanted, |path| {
            looks += 1;
            assert!(is_beside(path, &wanted));
            let name = path.display_name().into_owned();
            Ok(!taken(name.trim_start_matches("n (").trim_end_matches(").pdf").parse().unwrap()))
        });
        (found, looks)
    }

    #[test]
    fn a_free_number_takes_few_looks_however_many_are_taken() {
        for last in (1..200).chain([9_999, 65_535, 65_536, NUMBER_MAX - 1]) {
            let (found, looks) = free(|number| number <= last);
            assert_eq!(found.unwrap().display_name(), format!("n ({}).pdf", last + 1));
            assert!(looks <= 50, "{looks} looks for {last}");
        }
        assert_eq!(free(|_| true).0, Err(ErrorCode::AlreadyExists));
        // With gaps it is the first of the small numbers, and else one whose predecessor is taken.
        assert_eq!(free(|number| number != 7).0.unwrap().display_name(), "n (7).pdf");
        assert_eq!(free(|number| number < 20 || number == 33).0.unwrap().display_name(), "n (20).pdf");
    }

    #[test]
    fn a_path_is_beside_another_by_its_number_alone() {
        let is = |path: &str, wanted: &str| is_beside(&VPath::parse(path).unwrap(), &VPath::parse(wanted).unwrap());
        assert!(
            is("a/n%20(2).pdf", "a/n.pdf") && is("n%20(1)%20(30)", "n%20(1)") && is("n%20(2)%20(2).x", "n%20(2).x")
        );
        for path in
            ["a/n.pdf", "a/n%20(1).pdf", "a/n%20(02).pdf", "b/n%20(2).pdf", "a/n%20(2).txt", "a/n%20(9999999).pdf"]
        {
            assert!(!is(path, "a/n.pdf"), "{path}");
        }
    }
}

//! The names of entries inside an archive: safe on every system, and always the same for the same files. Pure.
//!
//! - `%XX` replaces what another system would read otherwise: bytes that are not UTF-8, characters that are invisible or
//!   reorder the text around them, characters that Windows reserves, a dot or space at the end, and the first letter of
//!   the name of a device on Windows. Nothing else is changed.
//! - Of two names in one folder that are equivalent (equal, or different only in letter case or in composed and
//!   decomposed letters) the later one gets ` (2)`, ` (3)`… before its extension: on Windows and macOS they would be one
//!   file.

use percent_encoding::percent_encode_byte;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry::Vacant;
use std::hash::{DefaultHasher, Hash, Hasher};

use shared::VPath;
use shared::characters::is_unprintable;
use shared::name_key::equivalence_key;
use shared::windows_name::{is_cut_off, is_device, is_literal, is_reserved};

/// Assigns names along a walk that visits a folder before its entries. It keeps hashes of the names in the folders
/// between the start and the current position.
#[derive(Default)]
pub(super) struct Names {
    /// Names at the top of the archive, where all selected entries are placed.
    top: Used,
    /// The folders that contain the current position, outermost first.
    open: Vec<Folder>,
}

struct Folder {
    /// The path in the storage.
    path: VPath,
    /// The path in the archive with a slash at the end; empty for the top.
    prefix: String,
    used: Used,
}

/// The next number for each name, keyed by a hash of its [`equivalence_key`]. A hash collision only costs a number.
#[derive(Default)]
struct Used(HashMap<u64, u32>);

const SECOND: u32 = 2;

impl Names {
    /// The name of a selected entry, at the top of the archive. The root has none: its entries are at the top.
    pub(super) fn start(&mut self, path: &VPath, folder: bool) -> String {
        self.open.clear();
        if path.is_root() {
            let used = std::mem::take(&mut self.top);
            self.open.push(Folder { path: path.clone(), prefix: String::new(), used });
            return String::new();
        }
        let name = self.top.claim(safe_name(path.name()), folder);
        self.enter(path, name, folder)
    }

    /// The name of an entry below the current selected one; `None` if the walk did not visit its folder.
    pub(super) fn inside(&mut self, path: &VPath, folder: bool) -> Option<String> {
        let parent = path.parent()?;
        while self.open.last()?.path != parent {
            self.open.pop();
        }
        let holder = self.open.last_mut()?;
        let name = holder.used.claim(safe_name(path.name()), folder);
        let name = format!("{}{name}", holder.prefix);
        Some(self.enter(path, name, folder))
    }

    /// The name of a file at the top of the archive that is no entry of the storage. Called after the walk.
    pub(super) fn own(&mut self, name: &str) -> String {
        let root = self.open.first_mut().filter(|folder| folder.prefix.is_empty());
        root.map_or(&mut self.top, |root| &mut root.used).claim(Cow::Borrowed(name), false)
    }

    /// The memory that the names take, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        let open = self.open.iter().map(|folder| folder.used.memory_bytes() + folder.path.as_bytes().len() * 2);
        self.top.memory_bytes() + open.sum::<usize>()
    }

    fn enter(&mut self, path: &VPath, name: String, folder: bool) -> String {
        if !folder {
            return name;
        }
        let prefix = name + "/";
        self.open.push(Folder { path: path.clone(), prefix: prefix.clone(), used: Used::default() });
        prefix
    }
}

impl Used {
    /// The memory of the table, in bytes: an eighth of it stays free, and each place has a byte beside it.
    fn memory_bytes(&self) -> usize {
        self.0.capacity() / 7 * 8 * (size_of::<(u64, u32)>() + 1)
    }

    fn claim(&mut self, name: Cow<'_, str>, folder: bool) -> String {
        let key = folded(&name);
        let Some(mut count) = self.0.get(&key).copied() else {
            self.0.insert(key, SECOND);
            return name.into_owned();
        };
        loop {
            let numbered = number(&name, count, folder);
            count += 1;
            // An entry may already have the numbered name.
            if let Vacant(place) = self.0.entry(folded(&numbered)) {
                place.insert(SECOND);
                self.0.insert(key, count);
                return numbered;
            }
        }
    }
}

/// `report (2).pdf`; a dot in a folder's name starts no extension.
fn number(name: &str, count: u32, folder: bool) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !folder && !stem.is_empty() => format!("{stem} ({count}).{ending}"),
        _ => format!("{name} ({count})"),
    }
}

/// The hasher has fixed keys, so that the same names give the same archive.
fn folded(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    equivalence_key(name.as_bytes()).hash(&mut hasher);
    hasher.finish()
}

/// A segment as text that is one file name on every system, and reads as the name that it is.
pub(super) fn safe_name(name: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(name)
        && is_literal(text)
        && !text.contains(is_unprintable)
    {
        return Cow::Borrowed(text);
    }
    let mut safe = encode_unsafe(name);
    if is_device(&safe) {
        safe = encode_first(&safe);
    }
    if is_cut_off(&safe) {
        safe = encode_last(&safe);
    }
    Cow::Owned(safe)
}

fn encode_unsafe(name: &[u8]) -> String {
    let mut safe = String::with_capacity(name.len() + 16);
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_unprintable(character) || is_reserved(character) {
                encode(character, &mut safe);
            } else {
                safe.push(character);
            }
        }
        safe.extend(chunk.invalid().iter().copied().map(percent_encode_byte));
    }
    safe
}

fn encode_first(name: &str) -> String {
    let mut characters = name.chars();
    let mut safe = String::with_capacity(name.len() + 2);
    characters.next().inspect(|first| encode(*first, &mut safe));
    safe + characters.as_str()
}

fn encode_last(name: &str) -> String {
    let mut characters = name.chars();
    let last = characters.next_back();
    let mut safe = characters.as_str().to_owned();
    last.inspect(|last| encode(*last, &mut safe));
    safe
}

fn encode(character: char, text: &mut String) {
    text.extend(character.encode_utf8(&mut [0; 4]).bytes().map(percent_encode_byte));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(bytes: &[u8]) -> VPath {
        VPath::from_bytes(bytes).unwrap()
    }

    #[test]
    fn unsafe_characters_are_encoded() {
        let check = |name: &[u8], expected: &str| assert_eq!(safe_name(name), expected);
        check("été (1).txt".as_bytes(), "été (1).txt");
        check(b"latin\xe9.txt", "latin%E9.txt");
        check(b"..\\..\\evil", "..%5C..%5Cevil");
        check(b"line\r\nfeed\x7f", "line%0D%0Afeed%7F");
        check("c1\u{85}".as_bytes(), "c1%C2%85");
        check(b"12:30", "12%3A30");
        check(b"a:b", "a%3Ab");
        check(b"C:evil", "C%3Aevil");
        check(b"\xff\xfe", "%FF%FE");
        check("ab\u{202e}gpj.exe".as_bytes(), "ab%E2%80%AEgpj.exe");
        check("zero\u{200b}width\u{2028}".as_bytes(), "zero%E2%80%8Bwidth%E2%80%A8");
        check("👩\u{200d}👧 \u{2764}\u{fe0f}".as_bytes(), "👩\u{200d}👧 \u{2764}\u{fe0f}");
        check(b"what? <\"a|b\"> *", "what%3F %3C%22a%7Cb%22%3E %2A");
        check(b"CON", "%43ON");
        check(b"nul.txt", "%6Eul.txt");
        check(b"Com1 .x", "%43om1 .x");
        check("lpt²".as_bytes(), "%6Cpt²");
        check(b"aux.", "%61ux%2E");
        check(b"end.", "end%2E");
        check(b"end ", "end%20");
        check(b"...", "..%2E");
        check(b"console", "console");
    }

    #[test]
    fn names_in_one_folder_differ_in_more_than_case() {
        let mut names = Names::default();
        assert_eq!(names.start(&path(b"d"), true), "d/");
        let mut inside = |name: &[u8], folder| names.inside(&path(name), folder).unwrap();
        assert_eq!(inside(b"d/README", false), "d/README");
        assert_eq!(inside(b"d/ReadMe", false), "d/ReadMe (2)");
        assert_eq!(inside(b"d/a.tar.gz", false), "d/a.tar.gz");
        assert_eq!(inside(b"d/A.TAR.GZ", false), "d/A.TAR (2).GZ");
        assert_eq!(inside(b"d/a.tar (3).gz", false), "d/a.tar (3).gz");
        assert_eq!(inside(b"d/A.tar.gz", false), "d/A.tar (4).gz");
        assert_eq!(inside(b"d/.env", false), "d/.env");
        assert_eq!(inside(b"d/.ENV", false), "d/.ENV (2)");
        assert_eq!(inside(b"d/v1.0", true), "d/v1.0/");
        assert_eq!(inside(b"d/v1.0/x", false), "d/v1.0/x");
        assert_eq!(inside(b"d/V1.0", true), "d/V1.0 (2)/");
        assert_eq!(inside(b"d/V1.0/X", false), "d/V1.0 (2)/X");
        assert_eq!(inside("d/e\u{301}".as_bytes(), false), "d/e\u{301}");
        assert_eq!(inside("d/é".as_bytes(), false), "d/é (2)");
        assert_eq!(inside("d/É".as_bytes(), false), "d/É (3)");
        assert_eq!(inside(b"d/\xe9", false), "d/%E9");
        assert_eq!(inside(b"d/%E9", false), "d/%E9 (2)");
    }

    #[test]
    fn selected_entries_are_side_by_side() {
        let mut names = Names::default();
        assert_eq!(names.start(&path(b"a/notes.txt"), false), "notes.txt");
        assert_eq!(names.start(&path(b"b/Notes.txt"), false), "Notes (2).txt");
        assert_eq!(names.start(&path(b"c/notes.txt"), true), "notes.txt (3)/");
        assert_eq!(names.inside(&path(b"c/notes.txt/x"), false).as_deref(), Some("notes.txt (3)/x"));
        assert_eq!(names.inside(&path(b"elsewhere/x"), false), None);
    }

    #[test]
    fn the_root_has_no_name() {
        let mut names = Names::default();
        assert_eq!(names.start(&VPath::root(), true), "");
        assert_eq!(names.inside(&path(b"C:evil"), false).as_deref(), Some("C%3Aevil"));
        assert_eq!(names.inside(&path(b"d"), true).as_deref(), Some("d/"));
        assert_eq!(names.inside(&path(b"d/C:x"), false).as_deref(), Some("d/C%3Ax"));
        assert_eq!(Names::default().start(&path(b"x/C:"), true), "C%3A/");
    }

    #[test]
    fn many_equal_names_are_numbered_in_constant_time() {
        let mut used = Used::default();
        for _ in 0..50_000 {
            used.claim(Cow::Borrowed("A.txt"), false);
        }
        assert_eq!(used.claim(Cow::Borrowed("a.TXT"), false), "a (50001).TXT");
    }

    proptest! {
        #[test]
        fn every_name_is_a_single_safe_segment(name in prop::collection::vec(any::<u8>(), 1..40)) {
            let Ok(path) = VPath::from_bytes(name) else { return Ok(()) };
            prop_assume!(path.segments().count() == 1);
            let name = Names::default().start(&path, false);
            prop_assert!(!name.is_empty() && name != "." && name != "..");
            prop_assert!(is_literal(&name) && !name.chars().any(is_unprintable));
        }

        #[test]
        fn names_differ_in_more_than_case(names in prop::collection::vec("[aA.( 23)]{1,6}", 1..30)) {
            let mut used = Used::default();
            let mut given: Vec<_> = names.iter().map(|name| used.claim(Cow::Borrowed(name), false).to_lowercase()).collect();
            given.sort_unstable();
            given.dedup();
            prop_assert_eq!(given.len(), names.len());
        }
    }
}

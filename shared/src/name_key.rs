//! The natural order of names, and text without case and accents.
//!
//! Composed and decomposed forms of a letter (Unicode Standard Annex #15) give the same key and the same text: macOS
//! decomposes the names that a keyboard composes.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Bytes whose order is the natural order of names: case and accents are ignored, and a run of digits is compared as a
/// number. Names with equal keys are compared by their bytes.
pub fn name_key(name: &[u8]) -> Box<[u8]> {
    let mut key = Vec::with_capacity(name.len() + 4);
    push_name_key(name, &mut key);
    key.into()
}

/// Appends the [`name_key`] of a name to `key`. Most names are ASCII and need no allocation.
pub fn push_name_key(name: &[u8], key: &mut Vec<u8>) {
    if name.is_ascii() {
        push_folded(name, key);
    } else {
        push_folded(fold_text(&String::from_utf8_lossy(name)).as_bytes(), key);
    }
}

fn push_folded(mut rest: &[u8], key: &mut Vec<u8>) {
    while let Some(first) = rest.first() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 {
            push_number(key, &rest[..digits]);
        } else {
            key.push(first.to_ascii_lowercase());
        }
        rest = &rest[digits.max(1)..];
    }
}

/// The text in lower case, decomposed and without the accents of European scripts, for search and type-ahead. Marks of
/// other scripts stay, because they make other letters: `ば` is not `は`.
pub fn fold_text(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for character in decomposed_lowercase(text) {
        match character {
            // Combining Diacritical Marks, the block of the Latin, Greek and Cyrillic ones.
            '\u{300}'..='\u{36f}' => {}
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            _ => folded.push(bare(character)),
        }
    }
    folded
}

/// Names with equal keys are one name to people, and one file on Windows or macOS: they differ only in letter case, or
/// in composed and decomposed letters. `None` if the name is not UTF-8, and so is equivalent to itself alone.
pub fn equivalence_key(name: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(name).ok()?;
    Some(if text.is_ascii() { text.to_ascii_lowercase() } else { decomposed_lowercase(text).collect() })
}

fn decomposed_lowercase(text: &str) -> impl Iterator<Item = char> {
    // The sigma at the end of a word has a form of its own, which upper case does not tell.
    let lower = text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter });
    DecomposingNormalizerBorrowed::new_nfd().normalize_iter(lower)
}

/// The base letter of a Latin letter whose mark is a part of it, so that it has no decomposition.
fn bare(letter: char) -> char {
    match letter {
        'đ' | 'ð' => 'd',
        'ħ' => 'h',
        'ı' => 'i',
        'ŀ' | 'ł' => 'l',
        'ŉ' => 'n',
        'ø' => 'o',
        'ŧ' => 't',
        _ => letter,
    }
}

/// Numbers are compared by their number of digits, then by the digits. The marker sorts numbers where digits would be.
fn push_number(key: &mut Vec<u8>, digits: &[u8]) {
    let significant = &digits[digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len())..];
    key.push(b'0');
    // A name has at most 255 bytes, so the count fits. A longer run would sort last.
    key.push(u8::try_from(significant.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(significant);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Composed and decomposed forms of several scripts.
    const FORMS: &[(&str, &str)] = &[
        ("\u{c9}clair", "E\u{301}clair"),
        ("\u{d55c}\u{ae00}", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
        ("\u{3070}", "\u{306f}\u{3099}"),
        ("\u{439}", "\u{438}\u{306}"),
        ("Ελλ\u{3ac}δα", "Ελλα\u{301}δα"),
        ("ti\u{1ebf}ng Vi\u{1ec7}t", "tie\u{302}\u{301}ng Vie\u{323}\u{302}t"),
        ("\u{958}", "\u{915}\u{93c}"),
        ("\u{fb2a}", "\u{5e9}\u{5c1}"),
        ("\u{622}ب", "\u{627}\u{653}ب"),
    ];

    #[test]
    fn composed_and_decomposed_names_are_found_sorted_and_compared_as_one() {
        for (composed, decomposed) in FORMS {
            assert_ne!(composed, decomposed);
            assert_eq!(fold_text(composed), fold_text(decomposed), "{composed}");
            assert_eq!(name_key(composed.as_bytes()), name_key(decomposed.as_bytes()), "{composed}");
            assert_eq!(equivalence_key(composed.as_bytes()), equivalence_key(decomposed.as_bytes()), "{composed}");
        }
    }

    #[test]
    fn case_and_the_marks_of_european_scripts_are_folded() {
        let check = |typed: &str, expected: &str| assert_eq!(fold_text(typed), fold_text(expected), "{typed}");
        check("ΕΛΛΑΔΑ", "Ελλάδα");
        check("ΟΔΟΣ", "Οδός");
        check("ёлкий", "ЕЛКИИ");
        check("Việt", "viet");
        check("Łódź Øre Đàn", "lodz ore dan");
        check("Straße œuvre Æther", "STRASSE OEUVRE aether");
        check("İstanbul ılık", "istanbul ilik");
        assert_ne!(fold_text("ば"), fold_text("は"));
        assert_ne!(fold_text("한"), fold_text("할"));
    }

    #[test]
    fn equivalent_names_differ_in_case_or_composition_alone() {
        let check = |one: &str, other: &str, expected| {
            let equal = equivalence_key(one.as_bytes()) == equivalence_key(other.as_bytes());
            assert_eq!(equal, expected, "{one} {other}");
        };
        check("Read Me.TXT", "read me.txt", true);
        check("ÉTÉ", "e\u{301}te\u{301}", true);
        check("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ", true);
        check("été", "ete", false);
        check("file 1", "file 01", false);
        assert_eq!(equivalence_key(b"latin\xe9"), None);
    }

    proptest! {
        #[test]
        fn numbers_sort_by_value(left: u64, right: u64) {
            let key = |number: u64| name_key(format!("file {number}.txt").as_bytes());
            prop_assert_eq!(key(left).cmp(&key(right)), left.cmp(&right));
        }
    }
}

//! The natural order of names, and text without case and accents.

/// Bytes whose order is the natural order of names: case and accents are ignored, and a run of digits is compared as a
/// number. Names with equal keys are compared by their bytes.
pub fn name_key(name: &[u8]) -> Box<[u8]> {
    let mut key = Vec::with_capacity(name.len() + 4);
    push_name_key(name, &mut key);
    key.into()
}

/// Appends the [`name_key`] of a name to `key`, without an allocation per name.
pub fn push_name_key(name: &[u8], key: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(name);
    let mut rest = &*text;
    while let Some(first) = rest.bytes().next() {
        if first.is_ascii_digit() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            push_number(key, &rest.as_bytes()[..digits]);
            rest = &rest[digits..];
        } else if first.is_ascii() {
            key.push(first.to_ascii_lowercase());
            rest = &rest[1..];
        } else {
            // `rest` has a first byte, so it has a first character.
            let Some(character) = rest.chars().next() else { return };
            fold(character, |folded| {
                let mut buffer = [0; 4];
                key.extend_from_slice(folded.encode_utf8(&mut buffer).as_bytes());
            });
            rest = &rest[character.len_utf8()..];
        }
    }
}

/// The text in lower case and without accents, for search and type-ahead.
pub fn fold_text(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    text.chars().for_each(|character| fold(character, |character| folded.push(character)));
    folded
}

/// Numbers are compared by their number of digits, then by the digits. The marker sorts numbers where digits would be.
fn push_number(key: &mut Vec<u8>, digits: &[u8]) {
    let significant = &digits[digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len())..];
    key.push(b'0');
    // A name has at most 255 bytes, so the count fits. A longer run would sort last.
    key.push(u8::try_from(significant.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(significant);
}

/// Latin letters with diacritics, each group with its base letter. They cover European languages; other scripts sort by
/// code point.
const MARKED: &[(char, &str)] = &[
    ('a', "àáâãäåāăąǎ"),
    ('c', "çćĉċč"),
    ('d', "ďđð"),
    ('e', "èéêëēĕėęě"),
    ('g', "ĝğġģ"),
    ('h', "ĥħ"),
    ('i', "ìíîïĩīĭįı"),
    ('j', "ĵ"),
    ('k', "ķ"),
    ('l', "ĺļľŀł"),
    ('n', "ñńņňŉ"),
    ('o', "òóôõöøōŏőǒ"),
    ('r', "ŕŗř"),
    ('s', "śŝşšș"),
    ('t', "ţťŧț"),
    ('u', "ùúûüũūŭůűųǔ"),
    ('w', "ŵ"),
    ('y', "ýÿŷ"),
    ('z', "źżž"),
];

fn fold(character: char, mut push: impl FnMut(char)) {
    if character.is_ascii() {
        return push(character.to_ascii_lowercase());
    }
    for lower in character.to_lowercase() {
        match lower {
            // Combining diacritics, as in the decomposed names of macOS.
            '\u{300}'..='\u{36f}' => {}
            'œ' => ['o', 'e'].into_iter().for_each(&mut push),
            'æ' => ['a', 'e'].into_iter().for_each(&mut push),
            'ß' => ['s', 's'].into_iter().for_each(&mut push),
            '\u{e0}'..='\u{21b}' => {
                push(MARKED.iter().find(|(_, marked)| marked.contains(lower)).map_or(lower, |(bare, _)| *bare));
            }
            _ => push(lower),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_sort_by_value(left: u64, right: u64) {
            let key = |number: u64| name_key(format!("file {number}.txt").as_bytes());
            prop_assert_eq!(key(left).cmp(&key(right)), left.cmp(&right));
        }
    }
}

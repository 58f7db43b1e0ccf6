//! Bytes as hexadecimal digits: two for each byte, lower case when written, either case when read.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The ASCII digits of `bytes`, without an allocation.
pub fn digits(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]])
}

/// The digits of `bytes` as text.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    text.extend(digits(bytes).map(char::from));
    text
}

/// The bytes that `text` stands for. `None` for an odd number of digits or any other character.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

/// As [`decode`], for a text of exactly `N` bytes.
pub fn decode_array<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_chunks();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (target, pair) in bytes.iter_mut().zip(pairs) {
        *target = byte(pair)?;
    }
    Some(bytes)
}

fn byte(pair: &[u8; 2]) -> Option<u8> {
    // A digit is below 16, so the conversion to `u8` loses nothing.
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16).map(|value| value as u8));
    Some(high? << 4 | low?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_read_back() {
        assert_eq!(encode(&[0, 1, 0x9f, 0xff]), "00019fff");
        assert_eq!(decode(b"00019FfF"), Some(vec![0, 1, 0x9f, 0xff]));
        assert_eq!(decode_array(b"00019FfF"), Some([0, 1, 0x9f, 0xff]));
        assert_eq!(decode(b""), Some(Vec::new()));
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in ["0", "zz", "0g", "+1", "é"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
            assert_eq!(decode_array::<1>(text.as_bytes()), None, "{text}");
        }
        assert_eq!(decode_array::<1>(b"0001"), None);
        assert_eq!(decode_array::<2>(b"000"), None);
    }
}

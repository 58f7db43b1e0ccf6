//! Checks a ZIP archive without compression (PKWARE APPNOTE 4.3). Pure.

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const END_BYTES: usize = 22;
const CENTRAL_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;

/// The number of entries; `None` if a record, a length or a checksum is wrong.
pub(crate) fn check(zip: &[u8]) -> Option<u64> {
    let end = zip.len().checked_sub(END_BYTES)?;
    (zip.get(end..end + 4)? == END).then_some(())?;
    let (count, mut at) = directory(zip, end)?;
    for _ in 0..count {
        (zip.get(at..at + 4)? == CENTRAL).then_some(())?;
        let (method, sum, bytes) = (short(zip, at + 10)?, long(zip, at + 16)?, long(zip, at + 24)? as usize);
        let (name, extra, comment) = (short(zip, at + 28)?, short(zip, at + 30)?, short(zip, at + 32)?);
        let local = long(zip, at + 42)? as usize;
        (method == 0 && zip.get(local..local + 4)? == LOCAL).then_some(())?;
        let content = local + LOCAL_BYTES + short(zip, local + 26)? + short(zip, local + 28)?;
        let mut crc = flate2::Crc::new();
        crc.update(zip.get(content..content + bytes)?);
        (crc.sum() == sum).then_some(())?;
        at += CENTRAL_BYTES + name + extra + comment;
    }
    Some(count)
}

/// The number of entries and the offset of the central directory, from the ZIP64 record if there is one.
fn directory(zip: &[u8], end: usize) -> Option<(u64, usize)> {
    const LOCATOR_BYTES: usize = 20;
    const RECORD_BYTES: usize = 56;
    let record = end.checked_sub(LOCATOR_BYTES + RECORD_BYTES);
    match record.filter(|at| zip.get(*at..at + 4) == Some(&END_64)) {
        Some(at) => Some((wide(zip, at + 32)?, usize::try_from(wide(zip, at + 48)?).ok()?)),
        None => Some((short(zip, end + 10)? as u64, long(zip, end + 16)? as usize)),
    }
}

fn short(zip: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(*zip.get(at..)?.first_chunk()?)))
}

fn long(zip: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*zip.get(at..)?.first_chunk()?))
}

fn wide(zip: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*zip.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::check;

    /// An archive of one file `a` with the content `hi`.
    fn zip() -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(b"hi");
        let sizes = [crc.sum().to_le_bytes(), 2_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat();
        let local = [b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0".as_slice(), &sizes, b"\x01\0\0\0ahi"].concat();
        let central =
            [b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0".as_slice(), &sizes, b"\x01\0", &[0; 16], b"a"].concat();
        let at = u32::try_from(local.len()).unwrap().to_le_bytes();
        let end =
            [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &[central.len() as u8, 0, 0, 0], &at, b"\0\0"].concat();
        [local, central, end].concat()
    }

    #[test]
    fn check_refuses_truncated_and_damaged_archives() {
        let whole = zip();
        assert_eq!(check(&whole), Some(1));
        assert_eq!(check(&whole[..whole.len() - 1]), None);
        let mut damaged = whole;
        damaged[31] ^= 1;
        assert_eq!(check(&damaged), None);
    }
}

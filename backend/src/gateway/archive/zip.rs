//! The ZIP format (PKWARE APPNOTE 6.3): the bytes and the length of every record. Pure.
//!
//! Entries are stored without compression. A file's CRC-32 is known only after its last byte, so a data descriptor
//! follows the content. ZIP64 records (§4.3.14, §4.5.3) are used only where a number does not fit 32 bits, because some
//! programs cannot read them.

use bytes::{BufMut, BytesMut};

use crate::calendar::DateTime;

/// What the records say about one entry.
pub(super) struct Record<'a> {
    /// With a slash at the end for a folder.
    pub name: &'a str,
    /// In bytes; 0 for a folder.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Whether the owner may execute the file.
    pub executable: bool,
}

/// The records at the end of an archive.
pub(super) struct End {
    /// The number of entries.
    pub entries: u64,
    /// The position of the central directory.
    pub central_offset: u64,
    /// The length of the central directory, in bytes.
    pub central_bytes: u64,
}

const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;

const LOCAL_BYTES: u64 = 30;
const CENTRAL_BYTES: u64 = 46;
const DESCRIPTOR_BYTES: u64 = 16;
const DESCRIPTOR_64_BYTES: u64 = 24;
const END_BYTES: u64 = 22;
const END_64_BYTES: u64 = 56;
const LOCATOR_64_BYTES: u64 = 20;
/// Info-ZIP's extended timestamp: header, flags, and seconds since 1970.
const TIME_BYTES: u64 = 9;

/// These values refer to the ZIP64 record; they are also the first that do not fit.
const FULL_32: u64 = u32::MAX as u64;
const FULL_16: u64 = u16::MAX as u64;

const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
/// "Made by" Unix: the upper half of the external attributes is a `st_mode`.
const UNIX: u16 = 3 << 8;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_UTF8: u16 = 1 << 11;
const EXTRA_64: u16 = 0x0001;
const EXTRA_TIME: u16 = 0x5455;

impl Record<'_> {
    fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    /// The CRC-32 of an empty file is 0, so it needs no descriptor.
    pub(super) fn has_descriptor(&self) -> bool {
        self.size > 0
    }

    fn is_large(&self) -> bool {
        self.size >= FULL_32
    }

    fn flags(&self) -> u16 {
        FLAG_UTF8 | if self.has_descriptor() { FLAG_DESCRIPTOR } else { 0 }
    }

    /// The seconds, if they fit the signed 32 bits of the extra field.
    fn seconds(&self) -> Option<i32> {
        i32::try_from(self.modified).ok()
    }

    fn time_bytes(&self) -> u64 {
        if self.seconds().is_some() { TIME_BYTES } else { 0 }
    }

    /// The length of the local record, in bytes.
    pub(super) fn local_bytes(&self) -> u64 {
        let large = if self.is_large() { 20 } else { 0 };
        LOCAL_BYTES + self.name.len() as u64 + self.time_bytes() + large
    }

    /// The length of the data descriptor, in bytes.
    pub(super) fn descriptor_bytes(&self) -> u64 {
        match (self.has_descriptor(), self.is_large()) {
            (false, _) => 0,
            (true, false) => DESCRIPTOR_BYTES,
            (true, true) => DESCRIPTOR_64_BYTES,
        }
    }

    /// The length of everything of an entry before the central directory, in bytes.
    pub(super) fn whole_bytes(&self) -> u64 {
        self.local_bytes() + self.size + self.descriptor_bytes()
    }

    fn central_extra_64_bytes(&self, offset: u64) -> u64 {
        let fields = if self.is_large() { 16 } else { 0 } + if offset >= FULL_32 { 8 } else { 0 };
        if fields == 0 { 0 } else { 4 + fields }
    }

    /// The length of the record in the central directory, in bytes.
    pub(super) fn central_bytes(&self, offset: u64) -> u64 {
        CENTRAL_BYTES + self.name.len() as u64 + self.time_bytes() + self.central_extra_64_bytes(offset)
    }

    /// The local file header (§4.3.7). Its sizes are 0, because the flag says that the descriptor has them.
    pub(super) fn put_local(&self, out: &mut BytesMut) {
        let large = self.is_large();
        out.put_u32_le(LOCAL);
        out.put_u16_le(if large { VERSION_64 } else { VERSION });
        out.put_u16_le(self.flags());
        out.put_u16_le(0);
        self.put_dos_time(out);
        out.put_u32_le(0);
        let size = if large { u32::MAX } else { 0 };
        out.put_u32_le(size);
        out.put_u32_le(size);
        // A name is shorter than the longest path, so it fits.
        out.put_u16_le(self.name.len() as u16);
        out.put_u16_le(self.time_bytes() as u16 + if large { 20 } else { 0 });
        out.put_slice(self.name.as_bytes());
        if large {
            out.put_u16_le(EXTRA_64);
            out.put_u16_le(16);
            out.put_u64_le(0);
            out.put_u64_le(0);
        }
        self.put_time(out);
    }

    /// The data descriptor (§4.3.9).
    pub(super) fn put_descriptor(&self, crc: u32, out: &mut BytesMut) {
        out.put_u32_le(DESCRIPTOR);
        out.put_u32_le(crc);
        for _ in 0..2 {
            if self.is_large() {
                out.put_u64_le(self.size);
            } else {
                out.put_u32_le(self.size as u32);
            }
        }
    }

    /// The central directory's file header (§4.3.12).
    pub(super) fn put_central(&self, crc: u32, offset: u64, out: &mut BytesMut) {
        let large = self.is_large();
        let extra_64 = self.central_extra_64_bytes(offset);
        let version = if extra_64 > 0 { VERSION_64 } else { VERSION };
        out.put_u32_le(CENTRAL);
        out.put_u16_le(UNIX | version);
        out.put_u16_le(version);
        out.put_u16_le(self.flags());
        out.put_u16_le(0);
        self.put_dos_time(out);
        out.put_u32_le(crc);
        out.put_u32_le(self.size.min(FULL_32) as u32);
        out.put_u32_le(self.size.min(FULL_32) as u32);
        out.put_u16_le(self.name.len() as u16);
        out.put_u16_le((self.time_bytes() + extra_64) as u16);
        // No comment, disk 0, no internal attributes.
        out.put_u16_le(0);
        out.put_u16_le(0);
        out.put_u16_le(0);
        out.put_u32_le(self.attributes());
        out.put_u32_le(offset.min(FULL_32) as u32);
        out.put_slice(self.name.as_bytes());
        if extra_64 > 0 {
            out.put_u16_le(EXTRA_64);
            out.put_u16_le(extra_64 as u16 - 4);
            if large {
                out.put_u64_le(self.size);
                out.put_u64_le(self.size);
            }
            if offset >= FULL_32 {
                out.put_u64_le(offset);
            }
        }
        self.put_time(out);
    }

    /// `st_mode` in the upper half, the MS-DOS folder bit in the lower.
    fn attributes(&self) -> u32 {
        let (mode, dos) = match (self.is_folder(), self.executable) {
            (true, _) => (0o040_755, 0x10),
            (false, true) => (0o100_755, 0),
            (false, false) => (0o100_644, 0),
        };
        mode << 16 | dos
    }

    fn put_time(&self, out: &mut BytesMut) {
        if let Some(seconds) = self.seconds() {
            out.put_u16_le(EXTRA_TIME);
            out.put_u16_le(5);
            // Only the modification time is present.
            out.put_u8(1);
            out.put_i32_le(seconds);
        }
    }

    /// The MS-DOS time (§4.4.6): two-second steps from 1980 to 2107. It has no time zone; UTC makes archives equal
    /// wherever they are made. Programs that know the extra field ignore it.
    fn put_dos_time(&self, out: &mut BytesMut) {
        let DateTime { year, month, day, hour, minute, second } = DateTime::from_unix(self.modified);
        let (time, date) = match year {
            ..1980 => (0, 1 << 5 | 1),
            1980..=2107 => {
                let time = hour << 11 | minute << 5 | (second / 2);
                (time as u16, ((year - 1980) as u16) << 9 | (month as u16) << 5 | day as u16)
            }
            _ => (23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31),
        };
        out.put_u16_le(time);
        out.put_u16_le(date);
    }
}

impl End {
    fn is_large(&self) -> bool {
        self.entries >= FULL_16 || self.central_bytes >= FULL_32 || self.central_offset >= FULL_32
    }

    /// The length of the end records, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        END_BYTES + if self.is_large() { END_64_BYTES + LOCATOR_64_BYTES } else { 0 }
    }

    /// The end of central directory records (§4.3.14 to §4.3.16).
    pub(super) fn put(&self, out: &mut BytesMut) {
        if self.is_large() {
            out.put_u32_le(END_64);
            out.put_u64_le(END_64_BYTES - 12);
            out.put_u16_le(UNIX | VERSION_64);
            out.put_u16_le(VERSION_64);
            out.put_u32_le(0);
            out.put_u32_le(0);
            out.put_u64_le(self.entries);
            out.put_u64_le(self.entries);
            out.put_u64_le(self.central_bytes);
            out.put_u64_le(self.central_offset);
            out.put_u32_le(LOCATOR_64);
            out.put_u32_le(0);
            out.put_u64_le(self.central_offset + self.central_bytes);
            out.put_u32_le(1);
        }
        out.put_u32_le(END);
        out.put_u16_le(0);
        out.put_u16_le(0);
        out.put_u16_le(self.entries.min(FULL_16) as u16);
        out.put_u16_le(self.entries.min(FULL_16) as u16);
        out.put_u32_le(self.central_bytes.min(FULL_32) as u32);
        out.put_u32_le(self.central_offset.min(FULL_32) as u32);
        out.put_u16_le(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(name: &str, size: u64, modified: i64) -> Record<'_> {
        Record { name, size, modified, executable: false }
    }

    #[track_caller]
    fn check_lengths(record: &Record<'_>, offset: u64) {
        let written = |put: &dyn Fn(&mut BytesMut)| {
            let mut out = BytesMut::new();
            put(&mut out);
            out.len() as u64
        };
        assert_eq!(written(&|out| record.put_local(out)), record.local_bytes());
        assert_eq!(written(&|out| record.put_central(7, offset, out)), record.central_bytes(offset));
        if record.has_descriptor() {
            assert_eq!(written(&|out| record.put_descriptor(7, out)), record.descriptor_bytes());
        } else {
            assert_eq!(record.descriptor_bytes(), 0);
        }
    }

    #[test]
    fn golden_bytes_of_a_small_file() {
        let mut out = BytesMut::new();
        record("a", 3, 1_700_000_000).put_local(&mut out);
        let expected = b"PK\x03\x04\x14\x00\x08\x08\x00\x00\xaa\xb1\x6e\x57\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x09\x00a\
            UT\x05\x00\x01\x00\xf1\x53\x65";
        assert_eq!(&out[..], expected);
    }

    #[test]
    fn times_outside_the_format_are_clamped() {
        let dos = |modified| {
            let mut out = BytesMut::new();
            record("a", 0, modified).put_dos_time(&mut out);
            out.to_vec()
        };
        assert_eq!(dos(0), [0, 0, 0x21, 0]);
        assert_eq!(dos(i64::MIN / 2_000_000_000), [0, 0, 0x21, 0]);
        assert_eq!(dos(9_000_000_000), [0x7d, 0xbf, 0x9f, 0xff]);
    }

    proptest! {
        #[test]
        fn every_record_is_as_long_as_it_says(
            name in "[a-zé]{1,20}/?", size in prop_oneof![Just(0), 1u64..100, FULL_32 - 2..FULL_32 + 2, any::<u64>()],
            modified in prop_oneof![any::<i32>().prop_map(i64::from), -9_223_372_036i64..9_223_372_036],
            offset in prop_oneof![0u64..100, FULL_32 - 2..FULL_32 + 2, any::<u64>()],
        ) {
            check_lengths(&record(&name, size, modified), offset);
        }

        #[test]
        fn every_end_is_as_long_as_it_says(
            entries in prop_oneof![0u64..10, FULL_16 - 2..FULL_16 + 2], central_offset in 0..1u64 << 40,
            central_bytes in prop_oneof![0u64..10, FULL_32 - 2..FULL_32 + 2],
        ) {
            let end = End { entries, central_offset, central_bytes };
            let mut out = BytesMut::new();
            end.put(&mut out);
            prop_assert_eq!(out.len() as u64, end.bytes());
        }
    }
}

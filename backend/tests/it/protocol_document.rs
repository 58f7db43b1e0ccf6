//! `docs/PROTOCOL.md` matches the code: its tables line by line; `protocol_examples` compares its examples.

use std::path::Path;

use shared::limits::{CURSOR_BYTES_MAX, DATA_BYTES_MAX, FRAME_CONTROL_BYTES_MAX, FRAME_HANDSHAKE_BYTES_MAX};
use shared::wire::{End, Failure, FrameKind, decode, encode};
use shared::{ByteRange, ErrorCode, Link};

pub(crate) const DOCUMENT: &str = include_str!("../../../docs/PROTOCOL.md");

/// The cells of each row of the table with this header.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = DOCUMENT.split_once(header).expect("the table exists");
    let lines = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_table_lists_exactly_the_error_codes() {
    let written: Vec<_> = table("| Code | Name | Retryable | Meaning |")
        .iter()
        .map(|cells| format!("{} {} {}", cells[0], cells[1].trim_matches('`'), cells[2]))
        .collect();
    let retryable = |code: &ErrorCode| if code.retryable() { "yes" } else { "no" };
    let coded: Vec<_> =
        ErrorCode::ALL.iter().map(|code| format!("{} {} {}", code.number(), code.name(), retryable(code))).collect();
    assert_eq!(written, coded);
}

/// The code of the file server, without its tests and comments.
fn server_code(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            server_code(&path, code);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let program = text.split("#[cfg(test)]\nmod").next().unwrap();
            code.extend(
                program.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]),
            );
        }
    }
}

#[test]
fn the_table_marks_exactly_the_codes_that_the_file_server_does_not_answer() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut code = String::new();
    for room in ["server", "storage/local", "wire"] {
        server_code(&source.join(room), &mut code);
    }
    code.push_str(&std::fs::read_to_string(source.join("storage/error.rs")).unwrap());
    code.push_str(&std::fs::read_to_string(source.join("storage/symlinks.rs")).unwrap());
    for (cells, known) in table("| Code | Name | Retryable | Meaning |").iter().zip(ErrorCode::ALL) {
        let name = format!("ErrorCode::{known:?}");
        let named = |(at, _): (usize, &str)| !code[at + name.len()..].starts_with(|next: char| next.is_alphanumeric());
        let answered = code.match_indices(&name).any(named);
        assert_eq!(!cells[3].starts_with('*'), answered, "{name}");
    }
}

#[test]
fn the_table_lists_exactly_the_frame_kinds() {
    let written: Vec<_> = table("| Type | Name | Direction | Body | |")
        .iter()
        .map(|cells| (cells[0].to_owned(), cells[1].replace('_', "").to_lowercase()))
        .collect();
    let coded: Vec<_> = FrameKind::ALL
        .iter()
        .map(|kind| (format!("{:#04x}", *kind as u8), format!("{kind:?}").to_lowercase()))
        .collect();
    assert_eq!(written, coded);
}

#[test]
fn the_documented_limits_match_the_code() {
    use shared::limits::{
        CANCELS_PER_MINUTE_MAX, GET_ITEMS_MAX, LIST_LIMIT_MAX, PATH_BYTES_MAX, SCOPE_GRANTS_MAX, SCOPE_PATHS_BYTES_MAX,
        SCOPE_ROOTS_MAX,
    };
    let rows = table("| What | How much | Otherwise |");
    let check = |what: &str, number: usize| {
        let row = rows.iter().find(|cells| cells[0].starts_with(what)).expect(what);
        assert!(row[1].split([' ', ',']).any(|word| word == number.to_string()), "{what}: {}", row[1]);
    };
    check("frame, in the handshake", FRAME_HANDSHAKE_BYTES_MAX);
    check("frame, afterwards", FRAME_CONTROL_BYTES_MAX);
    check("DATA body", DATA_BYTES_MAX);
    check("path", PATH_BYTES_MAX);
    check("items of a GET", GET_ITEMS_MAX);
    check("grants of a scope", SCOPE_GRANTS_MAX);
    check("grants of a scope", SCOPE_PATHS_BYTES_MAX);
    check("roots of a scope", SCOPE_ROOTS_MAX);
    check("entries in the answer", LIST_LIMIT_MAX as usize);
    check("cursor of a LIST", CURSOR_BYTES_MAX);
    check("CANCELs", CANCELS_PER_MINUTE_MAX as usize);
}

/// Receivers must accept encodings that this server itself never sends.
#[test]
fn bodies_are_decoded_as_leniently_as_documented() {
    #[track_caller]
    fn check(body: &[u8], expected: Option<Failure>) {
        assert_eq!(decode::<End>(body).unwrap().error, expected, "{body:02x?}");
    }
    let failure = |code, message: &str| Some(Failure { retryable: false, ..Failure::new(code, message) });
    check(b"\xa0", None);
    check(b"\xa1\x00\xf6", None);
    check(b"\xbf\xff", None);
    check(b"\xbf\x00\xbf\x02\xf4\x01\x60\x00\x18\xc8\xff\xff", failure(ErrorCode::NotFound, ""));
    check(b"\xa1\x18\x00\xa3\x00\x1b\0\0\0\0\0\0\0\xc8\x01\x78\x01x\x02\xf4", failure(ErrorCode::NotFound, "x"));
    // Of duplicate fields the last one counts.
    check(b"\xa2\x00\xa3\x00\x01\x01\x60\x02\xf4\x00\xf6", None);
    // Unknown fields of every CBOR type, one of them deeply nested, are skipped.
    check(
        b"\xa3\x18\xc8\x9f\x82\x01\xa1\x61a\x9f\xff\xff\x19\x10\x00\xfb\0\0\0\0\0\0\0\0\x20\xd8\x20\x5f\x41a\xff",
        None,
    );
    let deep = [&b"\xa1\x09"[..], &[0x81; 60_000], b"\x00"].concat();
    check(&deep, None);
    for body in [
        &b"\xa1\x00\xa2\x00\x18\xc8\x02\xf4"[..],
        b"\xa1\x00\xa3\x00\x18\xc8\x01\x7f\x61a\xff\x02\xf4",
        b"\xa1\x00\xa3\x00\xfa\0\0\0\0\x01\x60\x02\xf4",
        b"\xa0\x00",
        b"",
        b"\x80",
    ] {
        assert!(decode::<End>(body).is_err(), "{body:02x?}");
    }
    assert_eq!(encode(&ByteRange::From(1)), b"\x82\x00\x81\x01");
    assert_eq!(encode(&Link::Escapes), b"\x82\x01\x80");
    assert_eq!(encode(&Link::Broken), b"\x82\x02\x80");
}

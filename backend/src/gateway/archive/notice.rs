//! `NOT INCLUDED.txt`: the file of an archive that names the entries which are missing in it, and says why. Pure.

use bytes::Bytes;
use shared::{Entry, ErrorCode, Kind, Link, VPath};

use super::names::safe_name;

/// The file's name, unless an entry has it.
pub(super) const NAME: &str = "NOT INCLUDED.txt";
/// Longest list of entries, in bytes. Beyond that they are counted.
const LIST_BYTES_MAX: usize = 1 << 20;

/// The entries that an archive leaves out.
#[derive(Default)]
pub(super) struct LeftOut {
    lines: Vec<String>,
    bytes: usize,
    /// How many have no line.
    more: u64,
}

impl LeftOut {
    /// Adds an entry. Returns the memory that it takes, in bytes.
    pub(super) fn add(&mut self, path: &VPath, reason: &str) -> usize {
        let segments: Vec<_> = path.segments().map(safe_name).collect();
        let line = format!("{}: {reason}\n", segments.join("/"));
        if self.bytes + line.len() > LIST_BYTES_MAX {
            self.more += 1;
            return 0;
        }
        self.bytes += line.len();
        let memory = size_of::<String>() + line.len();
        self.lines.push(line);
        memory
    }

    /// How many entries are left out.
    pub(super) fn count(&self) -> u64 {
        self.lines.len() as u64 + self.more
    }

    /// The text, always the same for the same entries. `None` if nothing is left out.
    pub(super) fn text(mut self) -> Option<Bytes> {
        if self.lines.is_empty() {
            return None;
        }
        self.lines.sort_unstable();
        let more = if self.more > 0 { format!("and {} more\n", self.more) } else { String::new() };
        Some(format!("These entries are not in this archive:\n\n{}{more}", self.lines.concat()).into())
    }
}

/// Why an archive leaves out an entry that is no start; `None` if it does not.
pub(super) fn reason(entry: &Entry) -> Option<&'static str> {
    match (entry.kind, &entry.link) {
        (Kind::Other, Some(Link::Escapes)) => Some("a link that leads out of the shared folder"),
        (Kind::Other, Some(_)) => Some("a link that leads to nothing"),
        (Kind::Other, None) => Some("neither a file nor a folder"),
        (Kind::Folder, Some(_)) => Some("a link to a folder"),
        _ => None,
    }
}

/// Why an archive leaves out an entry that the file server did not report.
pub(super) fn reason_of_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::AccessDenied => "the server may not read it",
        ErrorCode::NotFound => "it is gone",
        ErrorCode::TooLarge => "some of its entries lie too deep",
        code => code.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_sorted_and_bounded() {
        assert!(LeftOut::default().text().is_none());
        let mut left_out = LeftOut::default();
        for name in ["b/pipe", "a\\x"] {
            left_out.add(&VPath::from_bytes(name.as_bytes()).unwrap(), "neither a file nor a folder");
        }
        let text = "These entries are not in this archive:\n\n\
            a%5Cx: neither a file nor a folder\n\
            b/pipe: neither a file nor a folder\n";
        assert_eq!(left_out.text().unwrap(), text);
        let mut left_out = LeftOut::default();
        let path = VPath::parse(&vec!["x".repeat(200); 15].join("/")).unwrap();
        for _ in 0..1000 {
            left_out.add(&path, "gone");
        }
        assert_eq!(left_out.count(), 1000);
        let text = left_out.text().unwrap();
        assert!(text.len() < LIST_BYTES_MAX + 100 && text.ends_with(b" more\n"));
    }
}

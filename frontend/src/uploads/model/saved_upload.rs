//! What is remembered of an unfinished upload, so that it can go on after the page was loaded again: one entry of the
//! browser's storage for each, so that several tabs do not overwrite each other's.

use shared::{UploadId, VPath};

use super::item::Chosen;

/// A tab that has not given a sign for so long is gone, in milliseconds.
pub const TAB_SILENT_MILLISECONDS: f64 = 60_000.0;
/// How often a tab gives a sign, in milliseconds.
pub const SIGN_MILLISECONDS: f64 = 10_000.0;

/// An unfinished upload.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its address at the server.
    pub upload: UploadId,
    /// What was chosen.
    pub chosen: Chosen,
    /// Bytes that the server had when it was written.
    pub sent: u64,
    /// Which tab it belongs to; empty where that tab was closed.
    pub tab: String,
    /// When that tab last gave a sign, in milliseconds since 1970.
    pub seen: f64,
}

impl Record {
    /// As it is kept.
    pub fn to_text(&self) -> String {
        let Chosen { target, size, modified } = &self.chosen;
        format!(
            "{size} {modified} {} {} {} {target}",
            self.sent,
            self.seen as u64,
            if self.tab.is_empty() { "-" } else { &self.tab }
        )
    }

    /// Reads that again; none for what something else wrote.
    pub fn from_text(upload: UploadId, text: &str) -> Option<Self> {
        let mut words = text.splitn(6, ' ');
        let size = words.next()?.parse().ok()?;
        let modified = words.next()?.parse().ok()?;
        let sent = words.next()?.parse().ok()?;
        let seen = words.next()?.parse::<u64>().ok()? as f64;
        let tab = words.next().filter(|tab| *tab != "-").unwrap_or("").to_owned();
        let target = VPath::parse(words.next()?).ok()?;
        Some(Self { upload, chosen: Chosen { target, size, modified }, sent, tab, seen })
    }

    /// True if this tab may take it over: it is its own, or that of a tab that is gone.
    pub fn is_free(&self, tab: &str, now: f64) -> bool {
        self.tab.is_empty() || self.tab == tab || now - self.seen > TAB_SILENT_MILLISECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back() {
        let target = VPath::parse("a%20b/latin%E9").unwrap();
        let chosen = Chosen { target, size: u64::MAX, modified: -5 };
        let record = Record { upload: UploadId([1; 16]), chosen, sent: 7, tab: String::new(), seen: 1e12 };
        assert_eq!(Record::from_text(record.upload, &record.to_text()), Some(record.clone()));
        let owned = Record { tab: "t1".into(), ..record };
        assert_eq!(Record::from_text(owned.upload, &owned.to_text()), Some(owned));
        for text in ["", "1 2 3", "x 0 0 0 - a", "1 2 3 4 - ../a"] {
            assert_eq!(Record::from_text(UploadId::default(), text), None, "{text}");
        }
    }

    #[test]
    fn another_tab_keeps_its_uploads_while_it_lives() {
        let chosen = Chosen { target: VPath::root(), size: 1, modified: 0 };
        let record = Record { upload: UploadId::default(), chosen, sent: 0, tab: "a".into(), seen: 100_000.0 };
        assert!(record.is_free("a", 100_001.0));
        assert!(!record.is_free("b", 100_001.0));
        assert!(record.is_free("b", 200_000.0));
        assert!(Record { tab: String::new(), ..record }.is_free("b", 100_001.0));
    }
}

//! What the browser's storage keeps of an unfinished upload, so that it continues after a reload. Each upload has its
//! own key, so that tabs do not overwrite each other's uploads.

use shared::{UploadId, VPath};

use super::item::SelectedFile;

/// A tab without a heartbeat for so long is closed, in milliseconds.
pub const TAB_TIMEOUT_MILLISECONDS: f64 = 60_000.0;
/// Time between heartbeats of a tab, in milliseconds.
pub const HEARTBEAT_MILLISECONDS: f64 = 10_000.0;

/// An unfinished upload.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedUpload {
    /// Id of the upload at the server.
    pub upload: UploadId,
    /// The file.
    pub file: SelectedFile,
    /// Bytes sent when this was written.
    pub sent: u64,
    /// Name of the tab that uploads it; empty if that tab was closed.
    pub tab: String,
    /// The tab's last heartbeat, in milliseconds since 1970.
    pub seen: f64,
}

impl SavedUpload {
    /// The stored text.
    pub fn to_text(&self) -> String {
        let SelectedFile { target, size, modified } = &self.file;
        format!(
            "{size} {modified} {} {} {} {target}",
            self.sent,
            self.seen as u64,
            if self.tab.is_empty() { "-" } else { &self.tab }
        )
    }

    /// Parses a stored text. `None` if the text has another form.
    pub fn from_text(upload: UploadId, text: &str) -> Option<Self> {
        let mut words = text.splitn(6, ' ');
        let size = words.next()?.parse().ok()?;
        let modified = words.next()?.parse().ok()?;
        let sent = words.next()?.parse().ok()?;
        let seen = words.next()?.parse::<u64>().ok()? as f64;
        let tab = words.next().filter(|tab| *tab != "-").unwrap_or("").to_owned();
        let target = VPath::parse(words.next()?).ok()?;
        Some(Self { upload, file: SelectedFile { target, size, modified }, sent, tab, seen })
    }

    /// True if `tab` may continue the upload: it is its own, or that of a closed tab.
    pub fn is_available(&self, tab: &str, now: f64) -> bool {
        self.tab.is_empty() || self.tab == tab || now - self.seen > TAB_TIMEOUT_MILLISECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_upload_survives_a_round_trip() {
        let target = VPath::parse("a%20b/latin%E9").unwrap();
        let file = SelectedFile { target, size: u64::MAX, modified: -5 };
        let saved = SavedUpload { upload: UploadId([1; 16]), file, sent: 7, tab: String::new(), seen: 1e12 };
        assert_eq!(SavedUpload::from_text(saved.upload, &saved.to_text()), Some(saved.clone()));
        let claimed = SavedUpload { tab: "t1".into(), ..saved };
        assert_eq!(SavedUpload::from_text(claimed.upload, &claimed.to_text()), Some(claimed));
        for text in ["", "1 2 3", "x 0 0 0 - a", "1 2 3 4 - ../a"] {
            assert_eq!(SavedUpload::from_text(UploadId::default(), text), None, "{text}");
        }
    }

    #[test]
    fn another_tab_cannot_claim_an_upload_while_its_own_tab_is_open() {
        let file = SelectedFile { target: VPath::root(), size: 1, modified: 0 };
        let saved = SavedUpload { upload: UploadId::default(), file, sent: 0, tab: "a".into(), seen: 100_000.0 };
        assert!(saved.is_available("a", 100_001.0));
        assert!(!saved.is_available("b", 100_001.0));
        assert!(saved.is_available("b", 200_000.0));
        assert!(SavedUpload { tab: String::new(), ..saved }.is_available("b", 100_001.0));
    }
}

//! The one table from a reason and an operation to the sentences of a failure.

use super::text::{Explained, fill};
use super::words::Words;
use crate::failure::{Operation, Reason};

impl Words {
    /// Why an operation failed, and what helps.
    pub fn explain(&self, reason: Reason, operation: Operation) -> &Explained {
        use Operation as Op;
        let words = &self.failures;
        match (reason, operation) {
            (Reason::Forbidden, Op::Open | Op::Download) => &words.forbidden,
            (Reason::Forbidden, _) => &words.forbidden_change,
            (Reason::SignIn, _) => &words.sign_in,
            (Reason::UnknownHost, _) => &words.unknown_host,
            (Reason::CrossSite, _) => &words.cross_site,
            (Reason::Proxy, _) => &words.proxy,
            (Reason::ProxyLimit, _) => &words.proxy_limit,
            (Reason::Missing | Reason::BadPath, Op::Open) => &words.folder_missing,
            (Reason::Missing, _) => &words.item_missing,
            (Reason::BadPath, _) => &words.bad_name,
            (Reason::IsFolder, _) => &words.folder_in_the_way,
            (Reason::NotFolder, Op::Open) => &words.not_folder,
            (Reason::NotFolder, _) => &words.file_in_the_way,
            (Reason::Special, _) => &words.special,
            (Reason::LinkEscapes, _) => &words.link_escapes,
            (Reason::LinkBroken, _) => &words.link_broken,
            (Reason::Changed, Op::Download) => &words.changed_download,
            (Reason::Changed, _) => &words.changed,
            (Reason::Taken, _) => &words.taken,
            (Reason::NotEmpty, _) => &words.not_empty,
            (Reason::NoParent, _) => &words.parent_missing,
            (Reason::IntoItself, _) => &words.into_itself,
            (Reason::Expired, Op::Restore | Op::Delete) => &words.expired_trash,
            (Reason::Expired, Op::Upload) => &words.expired_upload,
            (Reason::Expired, _) => &words.expired,
            (Reason::Locked, _) => &words.locked,
            (Reason::NameRefused, _) => &words.name_refused,
            (Reason::NameReserved, _) => &words.name_reserved,
            (Reason::NameTooLong, _) => &words.name_too_long,
            (Reason::OtherDisk, Op::Trash) => &words.other_disk_trash,
            (Reason::OtherDisk, Op::Restore) => &words.other_disk_restore,
            (Reason::OtherDisk, _) => &words.other_disk,
            (Reason::Mounted, Op::Upload) => &words.mounted_file,
            (Reason::Mounted, _) => &words.mounted,
            (Reason::DiskAbsent, _) => &words.disk_absent,
            (Reason::TooLarge, Op::Open) => &words.folder_too_large,
            (Reason::TooLarge, Op::Download) => &words.too_many_for_zip,
            (Reason::TooLarge, Op::Upload) => &words.upload_too_large,
            (Reason::TooLarge, _) => &words.too_many,
            (Reason::Busy, Op::Open) => &words.busy_open,
            (Reason::Busy, _) => &words.busy,
            (Reason::Unreachable, Op::Open) => &words.unreachable_open,
            (Reason::Unreachable, _) => &words.unreachable,
            (Reason::NoSpace, Op::Upload) => &words.upload_no_space,
            (Reason::NoSpace, _) => &words.no_space,
            (Reason::Quota, Op::Upload) => &words.upload_quota,
            (Reason::Quota, _) => &words.quota,
            (Reason::Unsupported, _) => &words.unsupported,
            (Reason::Outdated, _) => &words.outdated,
            (Reason::ListChanged, _) => &words.list_changed,
            (Reason::Misconfigured, _) => &words.misconfigured,
            (Reason::DiskError, _) => &words.disk_error,
            (Reason::AccessDenied, Op::Open | Op::Download) => &words.unreadable,
            (Reason::AccessDenied, _) => &words.unwritable,
            (Reason::ReadOnly, _) => &words.read_only,
            (Reason::Canceled, _) => &words.canceled,
            (Reason::Interrupted, _) => &words.interrupted,
            (Reason::Damaged, _) => &words.damaged,
            (Reason::Unreadable, _) => &words.unreadable_file,
            (Reason::Broken, _) => &words.broken,
        }
    }

    /// The sentences of a failure: which entry was not changed, why, and what helps.
    pub fn failure(&self, reason: Reason, operation: Operation, name: &str) -> String {
        let lead = fill(self.not_done(reason, operation), &[("name", name)]);
        format!("{lead} {}", self.explain(reason, operation).sentences())
    }

    /// The sentences of a change that failed at an entry below its item, so that part of it may be done.
    pub fn partial_failure(&self, reason: Reason, operation: Operation, name: &str, inner: &str) -> String {
        let lead = fill(self.failures.partly, &[("name", name), ("inner", inner)]);
        format!("{lead} {}", self.explain(reason, operation).sentences())
    }

    fn not_done(&self, reason: Reason, operation: Operation) -> &'static str {
        let words = &self.failures;
        match operation {
            // The server may have made the change before the connection broke.
            _ if reason == Reason::Unreachable && operation.is_change() => words.uncertain,
            Operation::Open => words.not_opened,
            Operation::Download => words.not_downloaded,
            Operation::Create => words.not_created,
            Operation::Rename => words.not_renamed,
            Operation::Move => words.not_moved,
            Operation::Copy => words.not_copied,
            Operation::Trash => words.not_trashed,
            Operation::Delete => words.not_deleted,
            Operation::Restore => words.not_restored,
            Operation::Upload => words.not_uploaded,
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::ErrorCode;
    use shared::limits::{ARCHIVE_ENTRIES_MAX, ARCHIVE_PATHS_MAX};

    use super::super::lang::Lang;
    use super::*;

    /// The codes that have no cause which a user could remove: a bug of the server has its log alone.
    const GENERIC: [ErrorCode; 1] = [ErrorCode::Internal];

    #[test]
    fn each_code_has_sentences_of_its_own_for_each_operation_in_each_language() {
        for lang in Lang::ALL {
            let words = lang.words();
            let pairs = ErrorCode::ALL.iter().flat_map(|code| Operation::ALL.map(|operation| (*code, operation)));
            for (code, operation) in pairs {
                let reason = Reason::of(code);
                let is_generic = std::ptr::eq(words.explain(reason, operation), &raw const words.failures.broken);
                assert_eq!(is_generic, GENERIC.contains(&code), "{code} {operation:?}");
                let text = words.failure(reason, operation, "a.txt");
                assert!(text.contains("a.txt"), "{text}");
                let Explained { title, advice } = words.explain(reason, operation);
                assert!(title.len() > 5 && !title.ends_with(['.', '!']), "{title}");
                assert!(advice.len() > 8 && advice.ends_with('.'), "{advice}");
            }
        }
    }

    #[test]
    fn no_text_is_the_same_in_both_languages() {
        for code in ErrorCode::ALL {
            for operation in Operation::ALL {
                let text = |lang: Lang| lang.words().failure(Reason::of(*code), operation, "x");
                assert_ne!(text(Lang::En), text(Lang::Fr), "{code} {operation:?}");
            }
        }
    }

    #[test]
    fn the_limit_of_archives_is_the_servers() {
        for lang in Lang::ALL {
            let words = &lang.words().failures;
            let number = |title: &str| title.chars().filter(char::is_ascii_digit).collect::<String>().parse::<usize>();
            assert_eq!(number(words.too_many_for_zip.title), Ok(ARCHIVE_ENTRIES_MAX));
            assert_eq!(number(words.too_many_selected.title), Ok(ARCHIVE_PATHS_MAX));
        }
    }

    #[test]
    fn a_change_whose_answer_is_lost_is_not_called_undone() {
        let words = Lang::En.words();
        let lost = words.failure(Reason::Unreachable, Operation::Move, "a");
        assert!(lost.starts_with("“a”: the result is unknown."), "{lost}");
        let partly = words.partial_failure(Reason::Special, Operation::Copy, "photos", "socket");
        assert!(partly.starts_with("“photos” was processed only in part: “socket” failed. It is not"), "{partly}");
    }
}

//! The rights that actions in a folder need. They decide which controls the page offers; the server authorises every
//! request by itself.

use shared::Rights;

/// To upload into a folder, or to make a folder in it.
pub const ADD: Rights = Rights::CREATE;
/// To rename, or to cut and paste.
pub const MOVE: Rights = Rights::DELETE.union(Rights::CREATE);
/// To copy and paste, or to duplicate.
pub const COPY: Rights = Rights::READ_ONLY.union(Rights::CREATE);
/// To put into the trash, or to delete.
pub const REMOVE: Rights = Rights::DELETE;

/// True if `rights` allow any change at all.
pub fn allows_changes(rights: Rights) -> bool {
    [Rights::CREATE, Rights::REPLACE, Rights::DELETE].into_iter().any(|right| rights.contains(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_allows_no_change() {
        assert!(!allows_changes(Rights::READ_ONLY) && !allows_changes(Rights::NONE));
        assert!(allows_changes(Rights::CREATE) && allows_changes(Rights::DELETE));
        assert!([ADD, MOVE, COPY, REMOVE].into_iter().all(|needed| !Rights::READ_ONLY.contains(needed)));
    }

    #[test]
    fn adding_alone_allows_neither_moving_nor_removing() {
        let adds = Rights::READ_ONLY.union(Rights::CREATE);
        assert!(adds.contains(ADD) && adds.contains(COPY));
        assert!(!adds.contains(MOVE) && !adds.contains(REMOVE));
    }
}

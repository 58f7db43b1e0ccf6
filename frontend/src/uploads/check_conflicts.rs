//! Checks the targets of files before they are uploaded: finds existing entries, and makes missing folders.

#![cfg(target_arch = "wasm32")]

use std::collections::{HashMap, HashSet};

use shared::api::files::{ListFolder, StatEntry};
use shared::limits::{CHANGE_ITEMS_MAX, LIST_PAGE_MAX};
use shared::{Change, Entry, ErrorCode, JobId, Outcome, VPath};

use super::model::ExistingEntry;
use super::model::conflict::{Lookup, lookup_for};
use super::model::folder_tree::{FolderNode, FolderTree};
use crate::env::random_id;
use crate::failure::Failure;
use crate::net::api::{call_retrying, list_retrying};
use crate::net::jobs::run_change;

/// The result of the check.
pub(super) struct CheckedTargets {
    /// The entry at the target of each file.
    pub(super) existing: Vec<Option<ExistingEntry>>,
    /// Files whose folder does not exist and cannot be made, each with the reason.
    pub(super) without_folder: Vec<(usize, ErrorCode)>,
}

/// Checks the targets of the `files` files of a tree, and makes its missing folders.
///
/// # Errors
/// If a request fails for good, or too often.
pub(super) async fn check_targets(tree: &FolderTree, files: usize) -> Result<CheckedTargets, Failure> {
    let mut existing = vec![None; files];
    let mut folder_exists = vec![false; tree.nodes.len()];
    folder_exists[0] = true;
    for (index, node) in tree.nodes.iter().enumerate() {
        // Nothing exists in a missing folder.
        if !folder_exists[index] {
            continue;
        }
        let children = node.children.iter().map(|&child| (tree.nodes[child].path.name(), Wanted::Folder(child)));
        let files = node.files.iter().map(|&(file, ref name)| (name.as_slice(), Wanted::File(file)));
        let wanted: HashMap<_, _> = children.chain(files).collect();
        for entry in find_entries(node, wanted.keys().copied()).await? {
            match wanted.get(entry.path.name()) {
                Some(Wanted::File(file)) => existing[*file] = Some(ExistingEntry::from(&entry)),
                Some(Wanted::Folder(child)) => folder_exists[*child] = entry.is_folder(),
                None => {}
            }
        }
    }
    let without_folder = make_missing_folders(tree, &folder_exists).await?;
    Ok(CheckedTargets { existing, without_folder })
}

#[derive(Clone, Copy)]
enum Wanted {
    Folder(usize),
    File(usize),
}

/// Makes the folders that do not exist. Returns the files of those that cannot be made, each with the reason.
async fn make_missing_folders(tree: &FolderTree, folder_exists: &[bool]) -> Result<Vec<(usize, ErrorCode)>, Failure> {
    let missing: Vec<_> = (0..folder_exists.len()).filter(|&node| !folder_exists[node]).collect();
    let mut without_folder = Vec::new();
    for batch in missing.chunks(CHANGE_ITEMS_MAX) {
        let paths = batch.iter().map(|&node| tree.nodes[node].path.clone()).collect();
        let made = match make_folders(paths).await {
            // The server refuses a request for a single folder as a whole.
            Err(Failure::Refused { code, .. }) if batch.len() == 1 => vec![Some(code)],
            made => made?,
        };
        for (&node, failure) in batch.iter().zip(made) {
            if let Some(code) = failure {
                without_folder.extend(tree.nodes[node].files.iter().map(|(file, _)| (*file, code)));
            }
        }
    }
    Ok(without_folder)
}

/// Makes folders, with missing parents. Returns for each why it does not exist afterwards; `None` if it does.
async fn make_folders(paths: Vec<VPath>) -> Result<Vec<Option<ErrorCode>>, Failure> {
    let count = paths.len();
    let change = Change::MakeFolder { paths, existing_ok: true };
    let job = run_change(JobId(random_id()), change, |_| {}).await?;
    let failure = |outcome: &Outcome| match outcome {
        Outcome::Failed { code, .. } => Some(*code),
        _ => None,
    };
    let mut failures: Vec<_> = job.outcomes.iter().map(failure).collect();
    // A canceled job has no outcomes of the items that it did not attempt.
    failures.resize(count, Some(ErrorCode::Canceled));
    Ok(failures)
}

/// The entries of a folder with these names.
async fn find_entries(node: &FolderNode, names: impl ExactSizeIterator<Item = &[u8]>) -> Result<Vec<Entry>, Failure> {
    match lookup_for(names.len()) {
        Lookup::Stats => stat_each(&node.path, names).await,
        Lookup::Listing => search_listing(&node.path, names.collect()).await,
    }
}

async fn stat_each(folder: &VPath, names: impl Iterator<Item = &[u8]>) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for name in names {
        let Ok(path) = folder.join(name) else { continue };
        match call_retrying(&StatEntry { path }, None, |_| {}).await {
            Ok(entry) => entries.push(entry),
            Err(failure) if is_missing(&failure) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(entries)
}

async fn search_listing(folder: &VPath, names: HashSet<&[u8]>) -> Result<Vec<Entry>, Failure> {
    let (mut entries, mut cursor) = (Vec::new(), None);
    loop {
        let request =
            ListFolder { path: folder.clone(), order: Default::default(), limit: Some(LIST_PAGE_MAX), cursor };
        let page = match list_retrying(&request).await {
            Err(failure) if is_missing(&failure) => break,
            page => page?,
        };
        let matching = page.rows().filter(|row| names.contains(row.name));
        entries.extend(matching.filter_map(|row| row.entry(folder)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(entries)
}

fn is_missing(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused { code: ErrorCode::NotFound, .. })
}

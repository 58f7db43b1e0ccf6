//! Before files are sent: what stands at their targets, and the folders that they need.

#![cfg(target_arch = "wasm32")]

use std::collections::{HashMap, HashSet};

use shared::api::changes::{ReadJob, RequestChange};
use shared::api::files::{ListFolder, StatEntry};
use shared::limits::{CHANGE_ITEMS_MAX, LIST_PAGE_MAX};
use shared::{Change, Entry, ErrorCode, JobId, JobState, Outcome, VPath};

use super::model::Theirs;
use super::model::conflict::{Inquiry, inquiry};
use super::model::folder_tree::{Layout, Place};
use crate::env::random_id;
use crate::failure::Failure;
use crate::net::api::{call_retrying, list_retrying};

/// How long one question about a running job waits for news, in milliseconds.
const JOB_WAIT_MILLISECONDS: u32 = 10_000;

/// What was found.
pub(super) struct Survey {
    /// What stands at the target of each file.
    pub(super) theirs: Vec<Option<Theirs>>,
    /// Files whose folder is not there and cannot be made.
    pub(super) homeless: Vec<usize>,
}

/// Looks up what stands at the targets of `files` files, and makes the folders that are missing.
pub(super) async fn survey(layout: &Layout, files: usize) -> Result<Survey, Failure> {
    let mut theirs = vec![None; files];
    let mut there = vec![false; layout.places.len()];
    there[0] = true;
    for (index, place) in layout.places.iter().enumerate() {
        // What is in a folder that is not there is not there.
        if !there[index] {
            continue;
        }
        let inside = place.inside.iter().map(|&inner| (layout.places[inner].path.name(), Wanted::Folder(inner)));
        let files = place.files.iter().map(|&(file, ref name)| (name.as_slice(), Wanted::File(file)));
        let wanted: HashMap<_, _> = inside.chain(files).collect();
        for entry in found(place, wanted.keys().copied()).await? {
            match wanted.get(entry.path.name()) {
                Some(Wanted::File(file)) => theirs[*file] = Some(theirs_of(&entry)),
                Some(Wanted::Folder(inner)) => there[*inner] = entry.is_folder(),
                None => {}
            }
        }
    }
    let homeless = make_missing(layout, &there).await?;
    Ok(Survey { theirs, homeless })
}

#[derive(Clone, Copy)]
enum Wanted {
    Folder(usize),
    File(usize),
}

/// What an entry means for an upload to its path.
pub(super) fn theirs_of(entry: &Entry) -> Theirs {
    Theirs { folder: !entry.is_file(), size: entry.size, modified: entry.modified.milliseconds(), etag: entry.etag }
}

/// Makes folders, with those on the way; one that is there already will do. Says for each whether it is there now.
pub(super) async fn make_folders(paths: Vec<VPath>) -> Result<Vec<bool>, Failure> {
    let count = paths.len();
    let change = Change::MakeFolder { paths, existing_ok: true };
    let mut job = call_retrying(&RequestChange { key: Some(JobId(random_id())), change }, None, |_| {}).await?;
    while job.state == JobState::Running {
        let ask = ReadJob { id: job.id, seen: job.version, wait: JOB_WAIT_MILLISECONDS };
        job = call_retrying(&ask, None, |_| {}).await?;
    }
    let mut made: Vec<_> = job.outcomes.iter().map(|outcome| !matches!(outcome, Outcome::Failed { .. })).collect();
    made.resize(count, false);
    Ok(made)
}

/// Makes the folders that are not there; answers the files of those that cannot be made.
async fn make_missing(layout: &Layout, there: &[bool]) -> Result<Vec<usize>, Failure> {
    let missing: Vec<_> = (0..there.len()).filter(|&place| !there[place]).collect();
    let mut homeless = Vec::new();
    for some in missing.chunks(CHANGE_ITEMS_MAX) {
        let paths = some.iter().map(|&place| layout.places[place].path.clone()).collect();
        let made = match make_folders(paths).await {
            // One folder that cannot be made is answered as that folder's own problem.
            Err(Failure::Refused { .. }) if some.len() == 1 => vec![false],
            made => made?,
        };
        for (&place, made) in some.iter().zip(made) {
            if !made {
                homeless.extend(layout.places[place].files.iter().map(|(file, _)| *file));
            }
        }
    }
    Ok(homeless)
}

/// What there is of those names in a folder.
async fn found(place: &Place, names: impl ExactSizeIterator<Item = &[u8]>) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    match inquiry(names.len()) {
        Inquiry::Stats => {
            for name in names {
                let Ok(path) = place.path.join(name) else { continue };
                match call_retrying(&StatEntry { path }, None, |_| {}).await {
                    Ok(entry) => entries.push(entry),
                    Err(failure) if is_missing(&failure) => {}
                    Err(failure) => return Err(failure),
                }
            }
        }
        Inquiry::Listing => {
            let names: HashSet<_> = names.collect();
            let mut cursor = None;
            loop {
                let path = place.path.clone();
                let ask = ListFolder { path, order: Default::default(), limit: Some(LIST_PAGE_MAX), cursor };
                let page = match list_retrying(&ask).await {
                    Err(failure) if is_missing(&failure) => break,
                    page => page?,
                };
                let wanted = page.rows().filter(|row| names.contains(row.name));
                entries.extend(wanted.filter_map(|row| row.entry(&place.path)));
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
        }
    }
    Ok(entries)
}

fn is_missing(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused { code: ErrorCode::NotFound, .. })
}

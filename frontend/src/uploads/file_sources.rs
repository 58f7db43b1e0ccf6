//! Where files come from: a picker, a drop, the clipboard. Whatever it was, it becomes files with their names below the
//! folder that they go into, and folders, the empty ones too.

#![cfg(target_arch = "wasm32")]

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, DataTransferItem, File, FileList, FileSystemDirectoryEntry, FileSystemDirectoryReader,
    FileSystemEntry, FileSystemFileEntry,
};

/// What was chosen.
#[derive(Default)]
pub(super) struct Gathered {
    /// Each file with its names: the folders on the way, and its own.
    pub(super) files: Vec<Found>,
    /// The folders, by their names.
    pub(super) folders: Vec<Vec<String>>,
    /// How many could not be read.
    pub(super) unreadable: usize,
}

/// A file that was chosen.
pub(super) struct Found {
    /// The folders on the way, and its own name.
    pub(super) names: Vec<String>,
    /// The browser's file.
    pub(super) file: File,
    /// What reads it again after the page was loaded again, where the browser gives that out (a `FileSystemFileHandle`).
    pub(super) handle: Option<JsValue>,
}

/// What a drop or the clipboard holds. It must be taken out at once: the browser empties it after the event.
pub(super) struct Carried {
    items: Vec<(Option<FileSystemEntry>, Option<File>, Option<Promise>)>,
}

/// The files of a picker.
pub(super) fn of_list(list: &FileList) -> Gathered {
    let mut gathered = Gathered::default();
    for file in (0..list.length()).filter_map(|index| list.get(index)) {
        let path = Reflect::get(&file, &"webkitRelativePath".into()).ok().and_then(|path| path.as_string());
        let path = path.filter(|path| !path.is_empty()).unwrap_or_else(|| file.name());
        let names = path.split('/').map(ToOwned::to_owned).collect();
        gathered.files.push(Found { names, file, handle: None });
    }
    gathered
}

/// True if something that is dragged or pasted has files in it.
pub(super) fn has_files(data: &DataTransfer) -> bool {
    data.types().iter().any(|kind| kind.as_string().as_deref() == Some("Files"))
}

/// Takes out what a drop or the clipboard holds; none where there is no file in it.
pub(super) fn carried(data: &DataTransfer) -> Option<Carried> {
    let list = data.items();
    let files = (0..list.length()).filter_map(|index| list.get(index)).filter(|item| item.kind() == "file");
    let items: Vec<_> = files
        .map(|item| {
            let entry = item.webkit_get_as_entry().ok().flatten();
            (entry, item.get_as_file().ok().flatten(), handle_of(&item))
        })
        .collect();
    (!items.is_empty()).then_some(Carried { items })
}

impl Carried {
    /// Reads it, folders with all that is in them; `seen` hears how many files there are so far.
    pub(super) async fn read(self, seen: impl Fn(usize)) -> Gathered {
        let mut gathered = Gathered::default();
        for (entry, file, handle) in self.items {
            match (entry, file) {
                (Some(entry), _) if entry.is_directory() => {
                    walk(vec![entry.name()], entry.unchecked_into(), &mut gathered, &seen).await;
                }
                (_, Some(file)) => {
                    let handle = match handle {
                        Some(promise) => JsFuture::from(promise).await.ok().filter(|handle| !handle.is_null()),
                        None => None,
                    };
                    gathered.files.push(Found { names: vec![file.name()], file, handle });
                }
                _ => gathered.unreadable += 1,
            }
            seen(gathered.files.len());
        }
        gathered
    }
}

/// Reads a folder and all below it.
async fn walk(names: Vec<String>, folder: FileSystemDirectoryEntry, gathered: &mut Gathered, seen: &impl Fn(usize)) {
    let mut folders = vec![(names, folder)];
    while let Some((names, folder)) = folders.pop() {
        let reader = folder.create_reader();
        gathered.folders.push(names.clone());
        loop {
            // A part of it at a time (Chromium: 100), until there is none.
            let Ok(entries) = entries(&reader).await else {
                gathered.unreadable += 1;
                break;
            };
            if entries.length() == 0 {
                break;
            }
            let mut files = Vec::new();
            for entry in entries.iter().map(JsCast::unchecked_into::<FileSystemEntry>) {
                let mut names = names.clone();
                names.push(entry.name());
                match entry.is_directory() {
                    true => folders.push((names, entry.unchecked_into())),
                    // All of them are asked for before the first is waited for.
                    false => files.push((names, file(entry.unchecked_into()))),
                }
            }
            for (names, file) in files {
                match file.await {
                    Ok(file) => gathered.files.push(Found { names, file: file.unchecked_into(), handle: None }),
                    Err(_) => gathered.unreadable += 1,
                }
            }
            seen(gathered.files.len());
        }
    }
}

async fn entries(reader: &FileSystemDirectoryReader) -> Result<Array, JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        let (resolve, reject) = callbacks(resolve, reject);
        let _ = reader.read_entries_with_callback_and_callback(resolve.unchecked_ref(), reject.unchecked_ref());
    });
    JsFuture::from(promise).await.map(JsCast::unchecked_into)
}

fn file(entry: FileSystemFileEntry) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, reject| {
        let (resolve, reject) = callbacks(resolve, reject);
        entry.file_with_callback_and_callback(resolve.unchecked_ref(), reject.unchecked_ref());
    }))
}

/// A promise's own functions are what these calls want.
fn callbacks(resolve: Function, reject: Function) -> (JsValue, JsValue) {
    (resolve.into(), reject.into())
}

/// Only a secure page has it, and not in every browser.
fn handle_of(item: &DataTransferItem) -> Option<Promise> {
    let get: Function = Reflect::get(item, &"getAsFileSystemHandle".into()).ok()?.dyn_into().ok()?;
    get.call0(item).ok()?.dyn_into().ok()
}

/// Calls `act` with what was chosen once the picker is closed.
pub(super) fn on_change(input: &web_sys::HtmlInputElement, act: impl Fn(Gathered) + 'static) {
    let picked = input.clone();
    let chosen = Closure::<dyn FnMut()>::new(move || {
        let gathered = picked.files().map(|list| of_list(&list)).unwrap_or_default();
        // The same file may be chosen again.
        picked.set_value("");
        act(gathered);
    });
    input.set_onchange(Some(chosen.as_ref().unchecked_ref()));
    // It belongs to an element that stays for as long as the page.
    chosen.forget();
}

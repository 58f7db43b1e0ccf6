//! The sources of files: a picker, a drop, the clipboard. Each yields the files with their relative paths, and the
//! folders, including empty ones.

#![cfg(target_arch = "wasm32")]

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, DataTransferItem, File, FileList, FileSystemDirectoryEntry, FileSystemDirectoryReader,
    FileSystemEntry, FileSystemFileEntry,
};

/// The files and folders of a selection.
#[derive(Default)]
pub(super) struct FoundFiles {
    pub(super) files: Vec<FoundFile>,
    /// The relative path of each folder.
    pub(super) folders: Vec<Vec<String>>,
    /// Number of files and folders that could not be read.
    pub(super) unreadable: usize,
}

/// A file of a selection.
pub(super) struct FoundFile {
    /// The relative path; the last name is the file's own.
    pub(super) names: Vec<String>,
    pub(super) file: File,
    /// A `FileSystemFileHandle`, which reads the file after a reload, if the browser provides one.
    pub(super) handle: Option<JsValue>,
}

/// The files and folders of a drop or paste, taken out of its `DataTransfer`, which the browser empties after the
/// event.
pub(super) struct TransferredItems {
    items: Vec<(Option<FileSystemEntry>, Option<File>, Option<Promise>)>,
}

/// The files of a picker.
fn of_list(list: &FileList) -> FoundFiles {
    let mut found = FoundFiles::default();
    for file in (0..list.length()).filter_map(|index| list.get(index)) {
        let path = Reflect::get(&file, &"webkitRelativePath".into()).ok().and_then(|path| path.as_string());
        let path = path.filter(|path| !path.is_empty()).unwrap_or_else(|| file.name());
        let names = path.split('/').map(ToOwned::to_owned).collect();
        found.files.push(FoundFile { names, file, handle: None });
    }
    found
}

/// True if a drag or paste contains files.
pub(super) fn has_files(data: &DataTransfer) -> bool {
    data.types().iter().any(|kind| kind.as_string().as_deref() == Some("Files"))
}

/// Takes the files and folders out of a drop or paste. `None` if there are none.
pub(super) fn take_items(data: &DataTransfer) -> Option<TransferredItems> {
    let list = data.items();
    let files = (0..list.length()).filter_map(|index| list.get(index)).filter(|item| item.kind() == "file");
    let items: Vec<_> = files
        .map(|item| {
            let entry = item.webkit_get_as_entry().ok().flatten();
            (entry, item.get_as_file().ok().flatten(), handle_of(&item))
        })
        .collect();
    (!items.is_empty()).then_some(TransferredItems { items })
}

impl TransferredItems {
    /// Reads all files, and the folders recursively; `on_progress` receives the number of files found so far.
    pub(super) async fn read(self, on_progress: impl Fn(usize)) -> FoundFiles {
        let mut found = FoundFiles::default();
        for (entry, file, handle) in self.items {
            match (entry, file) {
                (Some(entry), _) if entry.is_directory() => {
                    walk(vec![entry.name()], entry.unchecked_into(), &mut found, &on_progress).await;
                }
                (_, Some(file)) => {
                    let handle = match handle {
                        Some(promise) => JsFuture::from(promise).await.ok().filter(|handle| !handle.is_null()),
                        None => None,
                    };
                    found.files.push(FoundFile { names: vec![file.name()], file, handle });
                }
                _ => found.unreadable += 1,
            }
            on_progress(found.files.len());
        }
        found
    }
}

/// Reads a folder recursively.
async fn walk(
    names: Vec<String>,
    folder: FileSystemDirectoryEntry,
    found: &mut FoundFiles,
    on_progress: &impl Fn(usize),
) {
    let mut folders = vec![(names, folder)];
    while let Some((names, folder)) = folders.pop() {
        let reader = folder.create_reader();
        found.folders.push(names.clone());
        loop {
            // Each call returns some entries (100 in Chromium); no entries mean the end.
            let Ok(entries) = read_entries(&reader).await else {
                found.unreadable += 1;
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
                    // Requested here and awaited below, so that the requests run concurrently.
                    false => files.push((names, read_file(entry.unchecked_into()))),
                }
            }
            for (names, file) in files {
                match file.await {
                    Ok(file) => found.files.push(FoundFile { names, file: file.unchecked_into(), handle: None }),
                    Err(_) => found.unreadable += 1,
                }
            }
            on_progress(found.files.len());
        }
    }
}

async fn read_entries(reader: &FileSystemDirectoryReader) -> Result<Array, JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        let (resolve, reject) = callbacks(resolve, reject);
        let _ = reader.read_entries_with_callback_and_callback(resolve.unchecked_ref(), reject.unchecked_ref());
    });
    JsFuture::from(promise).await.map(JsCast::unchecked_into)
}

fn read_file(entry: FileSystemFileEntry) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, reject| {
        let (resolve, reject) = callbacks(resolve, reject);
        entry.file_with_callback_and_callback(resolve.unchecked_ref(), reject.unchecked_ref());
    }))
}

/// The functions of a promise, in the type of callbacks.
fn callbacks(resolve: Function, reject: Function) -> (JsValue, JsValue) {
    (resolve.into(), reject.into())
}

/// The handle of a dropped file. `None` if the browser has no such method, or the page is not secure.
fn handle_of(item: &DataTransferItem) -> Option<Promise> {
    let get: Function = Reflect::get(item, &"getAsFileSystemHandle".into()).ok()?.dyn_into().ok()?;
    get.call0(item).ok()?.dyn_into().ok()
}

/// Calls `on_files` with the files that the user selected in a picker.
pub(super) fn on_change(input: &web_sys::HtmlInputElement, on_files: impl Fn(FoundFiles) + 'static) {
    let picker = input.clone();
    let on_change = Closure::<dyn FnMut()>::new(move || {
        let found = picker.files().map(|list| of_list(&list)).unwrap_or_default();
        // Without this, selecting the same file again would fire no event.
        picker.set_value("");
        on_files(found);
    });
    input.set_onchange(Some(on_change.as_ref().unchecked_ref()));
    // The element lives as long as the page, and needs the closure as long.
    on_change.forget();
}

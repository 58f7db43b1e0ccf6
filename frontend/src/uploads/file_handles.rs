//! Handles of dropped files (`FileSystemFileHandle`), stored in IndexedDB: with one, an upload continues after a reload
//! without the user selecting the file again. Only some browsers provide handles, and only to secure pages.

#![cfg(target_arch = "wasm32")]

use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::window;
use leptos::task::spawn_local;
use shared::UploadId;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, IdbDatabase, IdbObjectStore, IdbRequest, IdbTransactionMode};

const DATABASE: &str = "passerelle";
const OBJECT_STORE: &str = "handles";

/// Stores the handle of an upload's file.
pub(super) fn save(upload: UploadId, handle: JsValue) {
    spawn_local(async move {
        // If storing fails, the user selects the file again.
        let key = upload.to_string().into();
        let _ = with_store(IdbTransactionMode::Readwrite, |store| store.put_with_key(&handle, &key)).await;
    });
}

/// Deletes the handle of an upload's file.
pub(super) fn forget(upload: UploadId) {
    spawn_local(async move {
        let key = upload.to_string().into();
        let _ = with_store(IdbTransactionMode::Readwrite, |store| store.delete(&key)).await;
    });
}

/// The file of an upload. `None` without a handle, or if the browser would have to ask the user for permission.
pub(super) async fn file_if_permitted(upload: UploadId) -> Option<File> {
    file_with_permission(upload, "queryPermission").await
}

/// The file of an upload, after the browser asked the user for permission if needed. A browser asks only while it
/// handles an action of the user.
pub(super) async fn request_file(upload: UploadId) -> Option<File> {
    file_with_permission(upload, "requestPermission").await
}

async fn file_with_permission(upload: UploadId, method: &str) -> Option<File> {
    let handle = load(upload).await?;
    if !has_permission(&handle, method).await {
        return None;
    }
    read_file(&handle).await
}

async fn load(upload: UploadId) -> Option<JsValue> {
    let key = upload.to_string().into();
    with_store(IdbTransactionMode::Readonly, |store| store.get(&key)).await.filter(JsValue::is_object)
}

/// Calls a permission method of the handle. A handle without such methods (of the origin private file system) needs no
/// permission.
async fn has_permission(handle: &JsValue, name: &str) -> bool {
    let Some(permission) = method(handle, name) else { return true };
    let Ok(Ok(promise)) = permission.call0(handle).map(JsCast::dyn_into::<Promise>) else { return false };
    JsFuture::from(promise).await.is_ok_and(|answer| answer.as_string().as_deref() == Some("granted"))
}

async fn read_file(handle: &JsValue) -> Option<File> {
    let promise: Promise = method(handle, "getFile")?.call0(handle).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

fn method(handle: &JsValue, name: &str) -> Option<Function> {
    Reflect::get(handle, &name.into()).ok()?.dyn_into().ok()
}

/// Opens the database, creating it on the first use, and sends one request to the object store. Returns the result.
async fn with_store(
    mode: IdbTransactionMode,
    send: impl FnOnce(&IdbObjectStore) -> Result<IdbRequest, JsValue>,
) -> Option<JsValue> {
    let request = window().indexed_db().ok()??.open(DATABASE).ok()?;
    let opening = request.clone();
    let upgrade = Closure::once_into_js(move || {
        if let Ok(database) = opening.result() {
            let _ = database.unchecked_into::<IdbDatabase>().create_object_store(OBJECT_STORE);
        }
    });
    request.set_onupgradeneeded(Some(upgrade.unchecked_ref()));
    let database: IdbDatabase = finished(&request).await.ok()?.unchecked_into();
    let names = Array::of1(&OBJECT_STORE.into());
    let transaction = database.transaction_with_str_sequence_and_mode(&names, mode).ok();
    let request = transaction.and_then(|transaction| send(&transaction.object_store(OBJECT_STORE).ok()?).ok());
    let result = match request {
        Some(request) => finished(&request).await.ok(),
        None => None,
    };
    database.close();
    result
}

async fn finished(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    JsFuture::from(promise).await?;
    request.result()
}

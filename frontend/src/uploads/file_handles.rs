//! The browser's own handles of dropped files, kept in IndexedDB: with one, an unfinished upload goes on after a reload
//! without the file being chosen again. Only some browsers give them out, and only to secure pages; without them the panel
//! asks for the file.

#![cfg(target_arch = "wasm32")]

use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::window;
use leptos::task::spawn_local;
use shared::UploadId;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, IdbDatabase, IdbObjectStore, IdbRequest, IdbTransactionMode};

use super::controller::Uploads;
use super::model::Id;

const DATABASE: &str = "passerelle";
const STORE: &str = "handles";

/// Keeps the handle of an upload's file.
pub(super) fn keep(upload: UploadId, handle: JsValue) {
    spawn_local(async move {
        // A browser that cannot keep it will ask for the file.
        let key = upload.to_string().into();
        let _ = ask(IdbTransactionMode::Readwrite, |store| store.put_with_key(&handle, &key)).await;
    });
}

/// Forgets the handle of an upload's file.
pub(super) fn forget(upload: UploadId) {
    spawn_local(async move {
        let key = upload.to_string().into();
        let _ = ask(IdbTransactionMode::Readwrite, |store| store.delete(&key)).await;
    });
}

/// Goes on with a recalled upload if its handle was kept and may be read without asking.
pub(super) fn look_up(uploads: Uploads, id: Id, upload: UploadId) {
    spawn_local(async move {
        if let Some(handle) = handle(upload).await
            && is_granted(&handle, "queryPermission").await
            && let Some(file) = file(&handle).await
        {
            uploads.found(id, file);
        }
    });
}

/// The same when a person asks for it: then the browser may ask whether the page may read the file. True if that did it.
pub(super) async fn resume(uploads: Uploads, id: Id, upload: UploadId) -> bool {
    let Some(handle) = handle(upload).await else { return false };
    if !is_granted(&handle, "requestPermission").await {
        return false;
    }
    let Some(file) = file(&handle).await else { return false };
    uploads.found(id, file);
    true
}

async fn handle(upload: UploadId) -> Option<JsValue> {
    let key = upload.to_string().into();
    ask(IdbTransactionMode::Readonly, |store| store.get(&key)).await.filter(JsValue::is_object)
}

async fn is_granted(handle: &JsValue, ask: &str) -> bool {
    // A handle without such a method (of the origin's private files) needs no permission.
    let Some(ask) = method(handle, ask) else { return true };
    let Ok(Ok(promise)) = ask.call0(handle).map(JsCast::dyn_into::<Promise>) else { return false };
    JsFuture::from(promise).await.is_ok_and(|answer| answer.as_string().as_deref() == Some("granted"))
}

async fn file(handle: &JsValue) -> Option<File> {
    let promise: Promise = method(handle, "getFile")?.call0(handle).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

fn method(handle: &JsValue, name: &str) -> Option<Function> {
    Reflect::get(handle, &name.into()).ok()?.dyn_into().ok()
}

/// Asks the one store, in a database that is made at the first use.
async fn ask(
    mode: IdbTransactionMode,
    act: impl FnOnce(&IdbObjectStore) -> Result<IdbRequest, JsValue>,
) -> Option<JsValue> {
    let request = window().indexed_db().ok()??.open(DATABASE).ok()?;
    let opening = request.clone();
    let upgrade = Closure::once_into_js(move || {
        if let Ok(database) = opening.result() {
            let _ = database.unchecked_into::<IdbDatabase>().create_object_store(STORE);
        }
    });
    request.set_onupgradeneeded(Some(upgrade.unchecked_ref()));
    let database: IdbDatabase = finished(&request).await.ok()?.unchecked_into();
    let names = Array::of1(&STORE.into());
    let transaction = database.transaction_with_str_sequence_and_mode(&names, mode).ok();
    let request = transaction.and_then(|transaction| act(&transaction.object_store(STORE).ok()?).ok());
    let answer = match request {
        Some(request) => finished(&request).await.ok(),
        None => None,
    };
    database.close();
    answer
}

async fn finished(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    JsFuture::from(promise).await?;
    request.result()
}

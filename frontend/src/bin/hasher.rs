//! The web worker that hashes files with BLAKE3: a thread of its own, so that the page stays responsive, and a program of
//! its own, so that the page stays small. It uses WebAssembly's SIMD, and works over plain HTTP, where WebCrypto is absent.
//!
//! The page sends `[job, blob, whole]` to start a job and `[job]` to cancel it. The worker sends `[]` when it is ready,
//! `[job, bytes]` as progress, and at the end `[job, digest]` with hexadecimal digits, or `[job, null]` for a file that
//! cannot be read. With `whole`, for small files, the end is `[job, digest, content]` with the bytes of the file.

#[cfg(target_arch = "wasm32")]
fn main() {
    worker::listen();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this is a web worker: the page starts it");
}

#[cfg(target_arch = "wasm32")]
mod worker {
    use std::cell::RefCell;
    use std::collections::HashSet;

    use js_sys::{Array, ArrayBuffer, Uint8Array};
    use wasm_bindgen::prelude::Closure;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::{JsFuture, spawn_local};
    use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageEvent};

    /// Bytes per read: few enough that a cancelled job ends soon and several jobs share the worker.
    const READ_BYTES: f64 = (2 << 20) as f64;
    /// Reads between two messages of progress.
    const READS_PER_PROGRESS: u32 = 8;

    thread_local! {
        /// The jobs that are not cancelled.
        static ACTIVE: RefCell<HashSet<u32>> = RefCell::new(HashSet::new());
    }

    pub(super) fn listen() {
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
            let message: Array = event.data().unchecked_into();
            let Some(job) = message.get(0).as_f64().map(|job| job as u32) else { return };
            match message.get(1).dyn_into::<Blob>() {
                Ok(blob) => {
                    ACTIVE.with_borrow_mut(|active| active.insert(job));
                    spawn_local(hash(job, blob, message.get(2).is_truthy()));
                }
                Err(_) => ACTIVE.with_borrow_mut(|active| _ = active.remove(&job)),
            }
        });
        scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        // The listener lives as long as the worker.
        on_message.forget();
        send(&Array::new());
    }

    async fn hash(job: u32, blob: Blob, whole: bool) {
        let read = if whole { read(&blob).await } else { digest(job, &blob).await.map(|digest| (digest, None)) };
        let active = ACTIVE.with_borrow_mut(|active| active.remove(&job));
        if !active {
            return;
        }
        match read {
            Some((digest, Some(content))) => {
                let message = Array::of3(&job.into(), &digest.as_str().into(), &content);
                // As in `send`; the bytes are transferred without a copy.
                let _ = scope().post_message_with_transfer(&message, &Array::of1(&content));
            }
            Some((digest, None)) => send(&Array::of2(&job.into(), &digest.as_str().into())),
            None => send(&Array::of2(&job.into(), &JsValue::NULL)),
        }
    }

    /// The digest and the bytes of a small file.
    async fn read(blob: &Blob) -> Option<(String, Option<ArrayBuffer>)> {
        let buffer: ArrayBuffer = JsFuture::from(blob.array_buffer()).await.ok()?.unchecked_into();
        let digest = blake3::hash(&Uint8Array::new(&buffer).to_vec()).to_hex().to_string();
        Some((digest, Some(buffer).filter(|buffer| buffer.byte_length() > 0)))
    }

    /// The digest in hexadecimal digits; `None` if the file cannot be read or the job was cancelled.
    async fn digest(job: u32, blob: &Blob) -> Option<String> {
        let mut hasher = blake3::Hasher::new();
        let mut piece = Vec::new();
        let (size, mut at, mut count) = (blob.size(), 0.0, 0);
        while at < size {
            if !ACTIVE.with_borrow(|active| active.contains(&job)) {
                return None;
            }
            let end = (at + READ_BYTES).min(size);
            let slice = blob.slice_with_f64_and_f64(at, end).ok()?;
            let buffer: ArrayBuffer = JsFuture::from(slice.array_buffer()).await.ok()?.unchecked_into();
            let bytes = Uint8Array::new(&buffer);
            piece.resize(bytes.length() as usize, 0);
            bytes.copy_to(&mut piece);
            hasher.update(&piece);
            (at, count) = (end, count + 1);
            if count % READS_PER_PROGRESS == 0 {
                send(&Array::of2(&job.into(), &at.into()));
            }
        }
        Some(hasher.finalize().to_hex().to_string())
    }

    fn send(message: &Array) {
        // Only a value that cannot be cloned fails, and numbers and strings can be.
        let _ = scope().post_message(message);
    }

    fn scope() -> DedicatedWorkerGlobalScope {
        js_sys::global().unchecked_into()
    }
}

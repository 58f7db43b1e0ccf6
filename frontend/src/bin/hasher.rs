//! The worker that hashes files: BLAKE3 with WebAssembly's SIMD, apart from the page so that it never stutters, and as a
//! program of its own so that the page is not larger for it. It also works over plain HTTP, where WebCrypto is absent.
//!
//! The page sends `[job, blob, whole]` to hash and `[job]` to stop; it hears `[]` once when the worker is ready, then
//! `[job, bytes]` now and then, and at the end `[job, digest]` in hexadecimal digits, or `[job, null]` where the file
//! cannot be read. Where `whole` is true the file is small, and `[job, digest, content]` brings its bytes along.

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

    /// Bytes read at a time: few enough that a cancelled job ends soon and several jobs share the worker.
    const PIECE_BYTES: f64 = (2 << 20) as f64;
    /// Pieces between two signs of life.
    const PIECES_PER_SIGN: u32 = 8;

    thread_local! {
        /// The jobs that are wanted.
        static WANTED: RefCell<HashSet<u32>> = RefCell::new(HashSet::new());
    }

    pub(super) fn listen() {
        let heard = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
            let message: Array = event.data().unchecked_into();
            let Some(job) = message.get(0).as_f64().map(|job| job as u32) else { return };
            match message.get(1).dyn_into::<Blob>() {
                Ok(blob) => {
                    WANTED.with_borrow_mut(|wanted| wanted.insert(job));
                    spawn_local(hash(job, blob, message.get(2).is_truthy()));
                }
                Err(_) => WANTED.with_borrow_mut(|wanted| _ = wanted.remove(&job)),
            }
        });
        scope().set_onmessage(Some(heard.as_ref().unchecked_ref()));
        // The worker listens for as long as it lives.
        heard.forget();
        say(&Array::new());
    }

    async fn hash(job: u32, blob: Blob, whole: bool) {
        let read = if whole { read(&blob).await } else { digest(job, &blob).await.map(|digest| (digest, None)) };
        let wanted = WANTED.with_borrow_mut(|wanted| wanted.remove(&job));
        if !wanted {
            return;
        }
        match read {
            Some((digest, Some(content))) => {
                let message = Array::of3(&job.into(), &digest.as_str().into(), &content);
                // As in `say`; the bytes go over without a copy.
                let _ = scope().post_message_with_transfer(&message, &Array::of1(&content));
            }
            Some((digest, None)) => say(&Array::of2(&job.into(), &digest.as_str().into())),
            None => say(&Array::of2(&job.into(), &JsValue::NULL)),
        }
    }

    /// The digest of a small file, and its bytes.
    async fn read(blob: &Blob) -> Option<(String, Option<ArrayBuffer>)> {
        let buffer: ArrayBuffer = JsFuture::from(blob.array_buffer()).await.ok()?.unchecked_into();
        let digest = blake3::hash(&Uint8Array::new(&buffer).to_vec()).to_hex().to_string();
        Some((digest, Some(buffer).filter(|buffer| buffer.byte_length() > 0)))
    }

    /// The digest in hexadecimal digits; none where the file cannot be read, or is no longer wanted.
    async fn digest(job: u32, blob: &Blob) -> Option<String> {
        let mut hasher = blake3::Hasher::new();
        let mut piece = Vec::new();
        let (size, mut at, mut count) = (blob.size(), 0.0, 0);
        while at < size {
            if !WANTED.with_borrow(|wanted| wanted.contains(&job)) {
                return None;
            }
            let end = (at + PIECE_BYTES).min(size);
            let slice = blob.slice_with_f64_and_f64(at, end).ok()?;
            let buffer: ArrayBuffer = JsFuture::from(slice.array_buffer()).await.ok()?.unchecked_into();
            let bytes = Uint8Array::new(&buffer);
            piece.resize(bytes.length() as usize, 0);
            bytes.copy_to(&mut piece);
            hasher.update(&piece);
            (at, count) = (end, count + 1);
            if count % PIECES_PER_SIGN == 0 {
                say(&Array::of2(&job.into(), &at.into()));
            }
        }
        Some(hasher.finalize().to_hex().to_string())
    }

    fn say(message: &Array) {
        // It fails only for what cannot be copied, and numbers and texts can.
        let _ = scope().post_message(message);
    }

    fn scope() -> DedicatedWorkerGlobalScope {
        js_sys::global().unchecked_into()
    }
}

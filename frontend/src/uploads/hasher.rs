//! `Hasher`: the page's side of the web worker that hashes files (`bin/hasher.rs`), which starts with the first file.
//! If the worker cannot start, in an old browser for instance, files are uploaded without verification.

#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Function, Promise};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, Event, MessageEvent, Worker};

/// URL relative to the page; the bundler derives the name from that of the program.
const WORKER_URL: &str = "./hasher_loader.js";

/// Hashes files. A clone is the same worker.
#[derive(Clone, Default)]
pub(super) struct Hasher(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    state: WorkerState,
    jobs: HashMap<u32, Job>,
    next_job: u32,
}

#[derive(Default)]
enum WorkerState {
    #[default]
    NotStarted,
    /// The worker does not listen yet: messages wait.
    Starting(Worker, Vec<Array>),
    Ready(Worker),
    Broken,
}

struct Job {
    resolve: Function,
    on_progress: Rc<dyn Fn(u64)>,
    signal: AbortSignal,
    /// A listener of `signal`, which several jobs may have.
    on_abort: Closure<dyn FnMut()>,
}

/// A hash that runs. It ends early when its signal aborts, and when the last clone is dropped: its result is not needed
/// then.
#[derive(Clone)]
pub(super) struct PendingHash {
    result: Promise,
    _running: Rc<RunningJob>,
}

/// Cancels a job when it is dropped.
struct RunningJob {
    hasher: Hasher,
    id: u32,
}

/// A file that was hashed.
#[derive(Default)]
pub(super) struct HashedFile {
    /// The digest in hexadecimal digits. `None` if the file cannot be read, or the worker cannot start.
    pub(super) digest: Option<String>,
    /// The bytes, if they were requested and the file is not empty.
    pub(super) bytes: Option<ArrayBuffer>,
}

impl PendingHash {
    /// Waits for [`HashedFile::digest`].
    pub(super) async fn digest(self) -> Option<String> {
        self.file().await.digest
    }

    /// Waits for the digest and the bytes.
    pub(super) async fn file(self) -> HashedFile {
        // The promise never rejects. It resolves to `[job, digest, bytes]`, or to null after a failure.
        let message = JsFuture::from(self.result).await;
        let Some(message) = message.ok().and_then(|message| message.dyn_into::<Array>().ok()) else {
            return HashedFile::default();
        };
        HashedFile { digest: message.get(1).as_string(), bytes: message.get(2).dyn_into().ok() }
    }
}

impl Hasher {
    /// Starts to hash a file before the result is awaited. `on_progress` receives the number of bytes hashed.
    pub(super) fn hash(&self, blob: &Blob, signal: &AbortSignal, on_progress: impl Fn(u64) + 'static) -> PendingHash {
        self.begin(blob, false, signal, on_progress)
    }

    /// [`Hasher::hash`] for a small file that also returns the bytes, so that they are read once.
    pub(super) fn hash_and_read(&self, blob: &Blob, signal: &AbortSignal) -> PendingHash {
        self.begin(blob, true, signal, |_| {})
    }

    fn begin(
        &self,
        blob: &Blob,
        with_bytes: bool,
        signal: &AbortSignal,
        on_progress: impl Fn(u64) + 'static,
    ) -> PendingHash {
        self.start_worker();
        let id = {
            let mut inner = self.0.borrow_mut();
            inner.next_job += 1;
            inner.next_job
        };
        let on_progress: Rc<dyn Fn(u64)> = Rc::new(on_progress);
        let result = Promise::new(&mut |resolve, _| {
            let hasher = self.clone();
            let on_abort = Closure::new(move || hasher.cancel(id));
            let job = Job::new(resolve, on_progress.clone(), signal.clone(), on_abort);
            self.0.borrow_mut().jobs.insert(id, job);
        });
        self.send(Array::of3(&id.into(), blob, &with_bytes.into()));
        PendingHash { result, _running: Rc::new(RunningJob { hasher: self.clone(), id }) }
    }

    fn cancel(&self, job: u32) {
        if self.0.borrow().jobs.contains_key(&job) {
            self.send(Array::of1(&job.into()));
            self.finish(job, &JsValue::NULL);
        }
    }

    fn finish(&self, job: u32, result: &JsValue) {
        let job = self.0.borrow_mut().jobs.remove(&job);
        if let Some(job) = job {
            job.end(result);
        }
    }

    fn send(&self, message: Array) {
        let failed = match &mut self.0.borrow_mut().state {
            WorkerState::Starting(_, waiting) => {
                waiting.push(message.clone());
                false
            }
            WorkerState::Ready(worker) => worker.post_message(&message).is_err(),
            WorkerState::NotStarted | WorkerState::Broken => true,
        };
        if failed {
            self.finish(message.get(0).as_f64().unwrap_or(-1.0) as u32, &JsValue::NULL);
        }
    }

    fn start_worker(&self) {
        if !matches!(self.0.borrow().state, WorkerState::NotStarted) {
            return;
        }
        let state = match Worker::new(WORKER_URL) {
            Ok(worker) => {
                let (receiver, failing) = (self.clone(), self.clone());
                let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                    receiver.receive(&event.data().unchecked_into());
                });
                let on_error = Closure::<dyn FnMut(Event)>::new(move |_| failing.fail_all());
                worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
                worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
                // The worker lives as long as the page, and needs the closures as long.
                on_message.forget();
                on_error.forget();
                WorkerState::Starting(worker, Vec::new())
            }
            Err(_) => WorkerState::Broken,
        };
        self.0.borrow_mut().state = state;
    }

    /// Handles a message of the worker; `bin/hasher.rs` describes them.
    fn receive(&self, message: &Array) {
        let (job, value) = (message.get(0), message.get(1));
        let Some(job) = job.as_f64().map(|job| job as u32) else { return self.worker_ready() };
        match value.as_f64() {
            Some(bytes) => {
                if let Some(job) = self.0.borrow().jobs.get(&job) {
                    (job.on_progress)(bytes as u64);
                }
            }
            None => self.finish(job, message),
        }
    }

    fn worker_ready(&self) {
        let state = std::mem::take(&mut self.0.borrow_mut().state);
        if let WorkerState::Starting(worker, waiting) = state {
            self.0.borrow_mut().state = WorkerState::Ready(worker);
            waiting.into_iter().for_each(|message| self.send(message));
        }
    }

    fn fail_all(&self) {
        self.0.borrow_mut().state = WorkerState::Broken;
        let jobs = std::mem::take(&mut self.0.borrow_mut().jobs);
        jobs.into_values().for_each(|job| job.end(&JsValue::NULL));
    }
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        self.hasher.cancel(self.id);
    }
}

impl Job {
    fn new(
        resolve: Function,
        on_progress: Rc<dyn Fn(u64)>,
        signal: AbortSignal,
        on_abort: Closure<dyn FnMut()>,
    ) -> Self {
        let _ = signal.add_event_listener_with_callback("abort", on_abort.as_ref().unchecked_ref());
        Self { resolve, on_progress, signal, on_abort }
    }

    fn end(self, result: &JsValue) {
        let _ = self.signal.remove_event_listener_with_callback("abort", self.on_abort.as_ref().unchecked_ref());
        // Resolving a promise does not throw.
        let _ = self.resolve.call1(&JsValue::UNDEFINED, result);
        // Drop the closure `on_abort` later, because it may be what calls this function.
        wasm_bindgen_futures::spawn_local(async move { drop(self) });
    }
}

//! The page's side of the worker that hashes (`bin/hasher.rs`), which starts with the first file. Where there is no such
//! worker (an old browser, a file that is missing on the host) nothing is hashed, and uploads go on unproved.

#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Function, Promise};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, Event, MessageEvent, Worker};

/// Beside the page, wherever that is; the bundler names it after the program.
const WORKER: &str = "./hasher_loader.js";

/// Hashes files.
#[derive(Clone, Default)]
pub(super) struct Hasher(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    state: State,
    jobs: HashMap<u32, Job>,
    next: u32,
}

#[derive(Default)]
enum State {
    #[default]
    Absent,
    /// It does not listen yet: what is to be hashed waits.
    Starting(Worker, Vec<Array>),
    Ready(Worker),
    Broken,
}

struct Job {
    resolve: Function,
    progress: Box<dyn Fn(u64)>,
    signal: AbortSignal,
    /// What the signal calls.
    _stop: Closure<dyn FnMut()>,
}

/// A file being hashed.
pub(super) struct Hashing(JsFuture);

/// What came of it.
#[derive(Default)]
pub(super) struct Hashed {
    /// The digest in hexadecimal digits; none where the file could not be read, or nothing hashes here.
    pub(super) digest: Option<String>,
    /// The bytes, where they were asked for and there are any.
    pub(super) bytes: Option<ArrayBuffer>,
}

impl Hashing {
    /// The digest, as in [`Hashed`].
    pub(super) async fn digest(self) -> Option<String> {
        self.whole().await.digest
    }

    /// The digest, and the bytes that were read for it.
    pub(super) async fn whole(self) -> Hashed {
        // The promise is only ever resolved: with `[job, digest, bytes]`, or with nothing.
        let Some(said) = self.0.await.ok().and_then(|said| said.dyn_into::<Array>().ok()) else {
            return Hashed::default();
        };
        Hashed { digest: said.get(1).as_string(), bytes: said.get(2).dyn_into().ok() }
    }
}

impl Hasher {
    /// Starts to hash, whether or not anybody waits for it. It ends early when `signal` says so.
    pub(super) fn start(&self, blob: &Blob, signal: &AbortSignal, progress: impl Fn(u64) + 'static) -> Hashing {
        self.begin(blob, false, signal, progress)
    }

    /// The same for a small file, whose bytes are then wanted as well: so they are read once.
    pub(super) fn read(&self, blob: &Blob, signal: &AbortSignal) -> Hashing {
        self.begin(blob, true, signal, |_| {})
    }

    fn begin(&self, blob: &Blob, bytes: bool, signal: &AbortSignal, progress: impl Fn(u64) + 'static) -> Hashing {
        self.wake();
        let mut resolve = None;
        let promise = Promise::new(&mut |accept, _| resolve = Some(accept));
        let Some(resolve) = resolve else { return Hashing(JsFuture::from(promise)) };
        let job = {
            let mut inner = self.0.borrow_mut();
            inner.next += 1;
            inner.next
        };
        let hasher = self.clone();
        let stop = Closure::<dyn FnMut()>::new(move || hasher.stop(job));
        signal.set_onabort(Some(stop.as_ref().unchecked_ref()));
        let kept = Job { resolve, progress: Box::new(progress), signal: signal.clone(), _stop: stop };
        self.0.borrow_mut().jobs.insert(job, kept);
        self.send(Array::of3(&job.into(), blob, &bytes.into()));
        Hashing(JsFuture::from(promise))
    }

    fn stop(&self, job: u32) {
        if self.0.borrow().jobs.contains_key(&job) {
            self.send(Array::of1(&job.into()));
            self.finish(job, &JsValue::NULL);
        }
    }

    fn finish(&self, job: u32, digest: &JsValue) {
        let job = self.0.borrow_mut().jobs.remove(&job);
        if let Some(job) = job {
            job.end(digest);
        }
    }

    fn send(&self, message: Array) {
        let broken = match &mut self.0.borrow_mut().state {
            State::Starting(_, waiting) => {
                waiting.push(message.clone());
                false
            }
            State::Ready(worker) => worker.post_message(&message).is_err(),
            State::Absent | State::Broken => true,
        };
        if broken {
            self.finish(message.get(0).as_f64().unwrap_or(-1.0) as u32, &JsValue::NULL);
        }
    }

    fn wake(&self) {
        if !matches!(self.0.borrow().state, State::Absent) {
            return;
        }
        let state = match Worker::new(WORKER) {
            Ok(worker) => {
                let (hears, fails) = (self.clone(), self.clone());
                let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                    hears.heard(&event.data().unchecked_into());
                });
                let failed = Closure::<dyn FnMut(Event)>::new(move |_| fails.broke());
                worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
                worker.set_onerror(Some(failed.as_ref().unchecked_ref()));
                // The worker lives for as long as the page.
                heard.forget();
                failed.forget();
                State::Starting(worker, Vec::new())
            }
            Err(_) => State::Broken,
        };
        self.0.borrow_mut().state = state;
    }

    fn heard(&self, message: &Array) {
        let (job, value) = (message.get(0), message.get(1));
        let Some(job) = job.as_f64().map(|job| job as u32) else { return self.ready() };
        match value.as_f64() {
            Some(bytes) => {
                if let Some(job) = self.0.borrow().jobs.get(&job) {
                    (job.progress)(bytes as u64);
                }
            }
            None => self.finish(job, message),
        }
    }

    fn ready(&self) {
        let state = std::mem::take(&mut self.0.borrow_mut().state);
        if let State::Starting(worker, waiting) = state {
            self.0.borrow_mut().state = State::Ready(worker);
            waiting.into_iter().for_each(|message| self.send(message));
        }
    }

    fn broke(&self) {
        self.0.borrow_mut().state = State::Broken;
        let jobs = std::mem::take(&mut self.0.borrow_mut().jobs);
        jobs.into_values().for_each(|job| job.end(&JsValue::NULL));
    }
}

impl Job {
    fn end(self, digest: &JsValue) {
        self.signal.set_onabort(None);
        // A promise's own function does not throw.
        let _ = self.resolve.call1(&JsValue::UNDEFINED, digest);
        // It may be running just now, in which case it must not be dropped under its own feet.
        wasm_bindgen_futures::spawn_local(async move { drop(self) });
    }
}

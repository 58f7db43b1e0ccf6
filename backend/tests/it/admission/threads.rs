//! Steps that hang in the storage: one client takes a part of the threads for them, whatever it sends and whether it
//! waits for its answers.

use std::sync::{Arc, Condvar, Mutex};

use backend::admission::Figures;
use backend::client::{Caller, Stage};
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Faults, FaultyStorage, Operation};
use shared::limits::{STORE_BYTES_MAX, STORED_BYTES_OF_ONE_MAX, TRASHES_READ_MAX, UPLOAD_STEPS_OF_ONE_MAX};
use shared::wire::{Abort, Commit, FrameKind, List, ListTrash, Message, PutEnd, Store};
use shared::{ErrorCode, Order, UploadId, VPath};

use super::{visitor, wait_until};
use crate::raw_connection::{RawConnection, within};
use crate::test_server::{TestServer, writer};
use crate::uploads::{commit, stage, store_request};

const ATTACKER: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";
/// How many steps of one client wait for its own.
const WAITING: usize = 4;
const ONE: usize = UPLOAD_STEPS_OF_ONE_MAX as usize;

/// A caller without an account that may write.
fn writer_at(address: &str) -> Caller {
    Caller { scope: writer().scope, ..visitor(address) }
}

/// Calls of the storage that wait until the gate opens.
#[derive(Default)]
struct Gate {
    entered: Mutex<usize>,
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    /// Has as many of the next calls of an operation wait as one client may have.
    fn close(self: &Arc<Self>, faults: &Faults, operation: Operation) {
        let calls = faults.calls(operation);
        for call in 1..=UPLOAD_STEPS_OF_ONE_MAX {
            let gate = Arc::clone(self);
            faults.before(operation, calls + call, move || gate.wait());
        }
    }

    fn wait(&self) {
        *self.entered.lock().unwrap() += 1;
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
    }

    fn entered(&self) -> usize {
        *self.entered.lock().unwrap()
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// Opens the gate when it is dropped, so that a test that fails leaves no thread waiting.
struct OpenOnDrop(Arc<Gate>);

impl Drop for OpenOnDrop {
    fn drop(&mut self) {
        self.0.open();
    }
}

struct Served {
    server: TestServer,
    faults: Arc<Faults>,
    gate: Arc<Gate>,
    _opens: OpenOnDrop,
}

impl Served {
    async fn start() -> Self {
        let faults = Faults::seeded(1);
        let storage = Arc::new(FaultyStorage::new(MemoryStorage::new(), Arc::clone(&faults)));
        let gate = Arc::<Gate>::default();
        let _opens = OpenOnDrop(Arc::clone(&gate));
        Self { server: TestServer::with_storage(storage).await, faults, gate, _opens }
    }

    fn figures(&self) -> Figures {
        self.figures_of("upload_steps")
    }

    fn figures_of(&self, name: &str) -> Figures {
        let all = self.server.server.admission_figures();
        all.into_iter().find(|(of, _)| *of == name).map(|(_, figures)| figures).unwrap()
    }

    async fn begin(&self, number: usize, length: u64) -> UploadId {
        let request = Stage { caller: writer_at(ATTACKER), ..stage(&format!("upload{number}"), Some(length)) };
        self.server.client.stage(&request).await.unwrap().id
    }

    async fn ask<M: Message>(&self, kind: FrameKind, request: &M) -> RawConnection {
        let mut raw = RawConnection::open(&self.server).await;
        raw.send(kind, 1, request).await;
        raw
    }

    async fn store(&self, address: &str, name: &str) -> RawConnection {
        let request = store_request(name, b"12345");
        let stage = Stage { caller: writer_at(address), ..request.stage };
        let mut raw = self.ask(FrameKind::Store, &Store { stage, ..request }).await;
        raw.send_body(FrameKind::Data, 1, b"12345").await;
        raw.send(FrameKind::PutEnd, 1, &PutEnd { broken: false }).await;
        raw
    }

    /// The steps of one client are at the gate, and those of another are done.
    async fn check(self, asking: Vec<RawConnection>) {
        wait_until(|| (self.gate.entered(), self.figures().waiting) == (ONE, WAITING)).await;
        let mut other = self.store(OTHER, "other").await;
        assert_eq!(within(other.end(1)).await, None);
        self.gate.open();
        for mut raw in asking {
            assert_eq!(raw.end(1).await, None);
        }
        wait_until(|| (self.figures().held, self.figures().waiting) == (0, 0)).await;
        self.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_has_few_stores_on_threads() {
    let served = Served::start().await;
    served.gate.close(&served.faults, Operation::Publish);
    let mut asking = Vec::new();
    for number in 0..ONE + WAITING {
        asking.push(served.store(ATTACKER, &number.to_string()).await);
    }
    served.check(asking).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_commits_few_uploads_at_a_time() {
    let served = Served::start().await;
    let mut uploads = Vec::new();
    for number in 0..ONE + WAITING {
        uploads.push(served.begin(number, 0).await);
    }
    served.gate.close(&served.faults, Operation::Publish);
    let mut asking = Vec::new();
    for upload in uploads {
        let request = Commit { caller: writer_at(ATTACKER), ..commit(upload) };
        asking.push(served.ask(FrameKind::Commit, &request).await);
    }
    served.check(asking).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_gives_up_few_uploads_at_a_time() {
    let served = Served::start().await;
    let mut uploads = Vec::new();
    for number in 0..ONE + WAITING {
        uploads.push(served.begin(number, 5).await);
    }
    served.gate.close(&served.faults, Operation::Stage);
    let mut asking = Vec::new();
    for upload in uploads {
        asking.push(served.ask(FrameKind::Abort, &Abort { caller: writer_at(ATTACKER), upload }).await);
    }
    served.check(asking).await;
}

/// Readings of the trash hang, and folders are listed meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_the_trash_hold_up_no_folders() {
    let served = Served::start().await;
    served.gate.close(&served.faults, Operation::Restore);
    let mut asking = Vec::new();
    for number in 0..ONE {
        let request = ListTrash { caller: writer_at(&format!("192.0.2.{number}")), cursor: None, limit: 1 };
        asking.push(served.ask(FrameKind::ListTrash, &request).await);
    }
    // A sweep of the server itself may read the trash as well.
    wait_until(|| served.gate.entered() >= TRASHES_READ_MAX as usize).await;
    let order = Order::default();
    let list = List { caller: writer_at(OTHER), path: VPath::root(), order, cursor: None, limit: 10 };
    assert_eq!(within(served.ask(FrameKind::List, &list).await.end(1)).await, None);
    served.gate.open();
    for raw in &mut asking {
        assert_eq!(raw.end(1).await, None);
    }
    drop(asking);
    served.server.stop().await;
}

/// A client begins many files of the largest length, and leaves out their last bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_has_a_part_of_the_memory_for_stores() {
    const LENGTH: usize = STORE_BYTES_MAX as usize;
    let served = Served::start().await;
    let beginning = async |address: &str, name: &str| {
        let request = store_request(name, &[0; LENGTH]);
        let stage = Stage { caller: writer_at(address), ..request.stage };
        served.ask(FrameKind::Store, &Store { stage, ..request }).await
    };
    let figures = || served.figures_of("stored_bytes");
    let mut asking = Vec::new();
    for number in 0..STORED_BYTES_OF_ONE_MAX / STORE_BYTES_MAX {
        asking.push(beginning(ATTACKER, &number.to_string()).await);
    }
    wait_until(|| figures().held == STORED_BYTES_OF_ONE_MAX).await;
    let mut waiting = Vec::new();
    for number in 0..WAITING {
        waiting.push(beginning(ATTACKER, &format!("waiting{number}")).await);
    }
    let mut other = served.store(OTHER, "other").await;
    assert_eq!(within(other.end(1)).await, None);
    // Those that wait for too long are refused.
    for raw in &mut waiting {
        assert_eq!(within(raw.end(1)).await, Some(ErrorCode::TooManyRequests));
    }
    drop((asking, waiting));
    wait_until(|| figures().held == 0).await;
    served.server.stop().await;
}

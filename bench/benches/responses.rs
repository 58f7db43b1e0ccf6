//! Response heads and archives of the gateway, in one process, with a storage in memory.
//!
//! Requests go over a loopback connection, whose cost is in each figure. HEAD of an archive ends with its plan, so the cost
//! of its content is the difference between GET and HEAD.

mod samples;

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use backend::client::{Client, PoolConfig, ServerAddress, Target};
use backend::gateway::{self, Gateway, GatewayConfig};
use backend::server::{self, Listeners, Server, ServerConfig};
use backend::storage::memory::MemoryStorage;
use backend::wire::{Key, in_process};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use samples::names;
use shared::Rights;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const ENTRIES: u32 = 10_000;
const ENTRY_BYTES: usize = 100;
const FILE_BYTES: usize = 4 << 10;

fn responses(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let mut client = Connection::new(serve(&runtime));
    let mut group = criterion.benchmark_group("response");
    group.bench_function("head of a file", |bencher| bencher.iter(|| client.ask("HEAD", "/files/file")));
    group.bench_function("file of 4 KiB", |bencher| bencher.iter(|| client.ask("GET", "/files/file")));
    group.finish();

    let mut group = criterion.benchmark_group("archive of 10 000 files");
    group.throughput(Throughput::Elements(u64::from(ENTRIES))).sample_size(20);
    for method in ["HEAD", "GET"] {
        group.bench_function(method, |bencher| bencher.iter(|| client.ask(method, "/api/v1/archive?path=folder")));
    }
    group.finish();
}

/// Starts a gateway and a file server in this process.
fn serve(runtime: &Runtime) -> SocketAddr {
    let storage = MemoryStorage::new();
    storage.add_file("file", vec![7; FILE_BYTES]).expect("a file");
    for name in names(ENTRIES) {
        storage.add_file([b"folder/", &name[..]].concat(), vec![7; ENTRY_BYTES]).expect("a file");
    }
    let key = Key::generate().expect("randomness");
    let server = Server::new(Arc::new(storage), None, [(key.clone(), Rights::ALL)], ServerConfig::default());
    let (connector, in_process) = in_process();
    let listeners = Listeners { tcp: None, unix: None, in_process: Some(in_process) };
    runtime.spawn(server::serve(listeners, server, CancellationToken::new()));

    let target = Target { address: ServerAddress::InProcess(connector), key };
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("its number");
    runtime.spawn(async move {
        let gateway = Gateway::new(Client::new(target, PoolConfig::default()), GatewayConfig::default());
        gateway::serve(vec![listener], gateway, CancellationToken::new()).await;
    });
    address
}

/// A keep-alive connection.
struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

impl Connection {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the gateway listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, address, buffer: vec![0; 256 << 10] }
    }

    /// Sends a request, and reads the response to its end.
    fn ask(&mut self, method: &str, target: &str) -> usize {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        self.stream.write_all(head.as_bytes()).expect("the gateway reads");
        let mut filled = 0;
        let (body, length) = loop {
            filled += self.read(filled);
            let text = &self.buffer[..filled];
            if let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
                break (filled - end - 4, length(&text[..end]));
            }
        };
        let mut left = if method == "HEAD" { 0 } else { length - body };
        while left > 0 {
            left -= self.read(0);
        }
        black_box(length)
    }

    /// Reads the next bytes into the buffer from an index on.
    fn read(&mut self, from: usize) -> usize {
        match self.stream.read(&mut self.buffer[from..]).expect("the gateway responds") {
            0 => panic!("an incomplete response"),
            count => count,
        }
    }
}

/// The length of the body, from the head of a successful response.
fn length(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).expect("a head is text");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let value = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    value.parse().expect("a number")
}

criterion_group!(group, responses);
criterion_main!(group);

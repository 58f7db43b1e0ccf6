//! Blocking requests, timed: for single transfers, and for connections that are held open.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::net::{self, AddressFamily, SocketType};

use crate::http::Decoder;
use xtask::repo::{Failure, Outcome};

/// Longer than any pause between two bytes.
const TIMEOUT: Duration = Duration::from_secs(120);
const READ_BYTES: usize = 256 << 10;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Timed {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    /// From the first byte of the request to the first byte of the response, in seconds.
    pub(crate) first_byte: f64,
    /// From the first byte of the request to the last byte of the response, in seconds.
    pub(crate) whole: f64,
}

/// A GET on a new connection, which is opened before the clock starts.
pub(crate) fn get(server: SocketAddr, target: &str, headers: &str, sink: &mut dyn FnMut(&[u8])) -> Outcome<Timed> {
    let head = format!("GET {target} HTTP/1.1\r\nHost: {server}\r\n{headers}\r\n");
    exchange(server, &head, |_| Ok(()), sink)
}

/// A PUT of `bytes` bytes, which `body` writes to the connection.
pub(crate) fn put(
    server: SocketAddr,
    target: &str,
    bytes: u64,
    body: impl FnOnce(&mut TcpStream) -> std::io::Result<()>,
) -> Outcome<Timed> {
    let head = format!("PUT {target} HTTP/1.1\r\nHost: {server}\r\nContent-Length: {bytes}\r\n\r\n");
    exchange(server, &head, body, &mut |_| ())
}

/// The body of a GET.
///
/// # Errors
/// For any status but 200.
pub(crate) fn body(server: SocketAddr, target: &str, headers: &str) -> Outcome<Vec<u8>> {
    let mut body = Vec::new();
    let timed = get(server, target, headers, &mut |bytes| body.extend_from_slice(bytes))?;
    match timed.status {
        200 => Ok(body),
        status => Err(Failure(format!("GET {target}: {status}"))),
    }
}

/// Opens keep-alive connections, and has each answer one GET with 200.
pub(crate) fn open_idle(server: SocketAddr, target: &str, connections: usize) -> Outcome<Vec<TcpStream>> {
    let head = format!("GET {target} HTTP/1.1\r\nHost: {server}\r\n\r\n");
    let mut held = Vec::with_capacity(connections);
    for number in 0..connections {
        let failed = |why: String| Failure(format!("connection {} of {connections}: {why}", number + 1));
        let mut stream = connect(server).map_err(|error| failed(error.to_string()))?;
        let timed = exchange_on(&mut stream, &head, |_| Ok(()), &mut |_| ())?;
        if timed.status != 200 {
            return Err(failed(format!("status {}", timed.status)));
        }
        held.push(stream);
    }
    Ok(held)
}

/// A request on a new connection from this loopback address, which is opened before the clock starts.
///
/// # Errors
/// If no complete response comes.
pub(crate) fn send_from(from: Ipv4Addr, server: SocketAddr, request: &str, body: &[u8]) -> Outcome<Timed> {
    let mut stream = connect_from(from, server).map_err(|error| Failure(format!("{server}: {error}")))?;
    let length = body.len();
    let head = format!("{request}\r\nHost: {server}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    exchange_on(&mut stream, &head, |stream| stream.write_all(body), &mut |_| ())
}

/// A connection from this loopback address.
pub(crate) fn connect_from(from: Ipv4Addr, server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    net::bind(&socket, &SocketAddr::from((from, 0)))?;
    net::connect(&socket, &server)?;
    set_up(TcpStream::from(socket))
}

/// A GET on an open connection.
pub(crate) fn get_again(stream: &mut TcpStream, server: SocketAddr, target: &str) -> Outcome<Timed> {
    exchange_on(stream, &format!("GET {target} HTTP/1.1\r\nHost: {server}\r\n\r\n"), |_| Ok(()), &mut |_| ())
}

fn exchange(
    server: SocketAddr,
    head: &str,
    body: impl FnOnce(&mut TcpStream) -> std::io::Result<()>,
    sink: &mut dyn FnMut(&[u8]),
) -> Outcome<Timed> {
    let mut stream = connect(server).map_err(|error| Failure(format!("{server}: {error}")))?;
    exchange_on(&mut stream, head, body, sink)
}

/// Sends a request on an open connection, and reads the response.
fn exchange_on(
    stream: &mut TcpStream,
    head: &str,
    body: impl FnOnce(&mut TcpStream) -> std::io::Result<()>,
    sink: &mut dyn FnMut(&[u8]),
) -> Outcome<Timed> {
    let what = head.lines().next().unwrap_or_default().to_owned();
    let failed = |why: String| Failure(format!("{what}: {why}"));
    let started = Instant::now();
    stream.write_all(head.as_bytes()).map_err(|error| failed(error.to_string()))?;
    // A server may respond before it has read the whole body: then its response counts, not the failed write.
    let sent = body(stream);
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; READ_BYTES];
    let mut first_byte = None;
    while !decoder.is_done() {
        match stream.read(&mut buffer) {
            Ok(0) if decoder.ends_with_connection() => break,
            Ok(0) => return Err(failed(sent.err().map_or("an incomplete response".into(), |error| error.to_string()))),
            Ok(count) => {
                first_byte.get_or_insert_with(|| started.elapsed());
                decoder.feed(&buffer[..count], sink).map_err(|error| failed(error.0.to_owned()))?;
            }
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    Ok(Timed {
        status: decoder.status,
        body_bytes: decoder.body_bytes,
        first_byte: first_byte.unwrap_or_default().as_secs_f64(),
        whole: started.elapsed().as_secs_f64(),
    })
}

pub(crate) fn connect(server: SocketAddr) -> std::io::Result<TcpStream> {
    set_up(TcpStream::connect_timeout(&server, TIMEOUT)?)
}

fn set_up(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

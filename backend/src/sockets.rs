//! Options of TCP sockets, for listeners and for both ends of a connection.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Most connections that wait to be accepted, within the limit of the system (`net.core.somaxconn`). A client that
/// finds the queue full gets no answer and tries again after a second: with the default of 128, that happens to 500 of
/// 1 000 clients that connect at the same moment.
const BACKLOG: u32 = 4096;
/// Unsent bytes from which a socket counts as full (`TCP_NOTSENT_LOWAT`, tcp(7)); it is writable again at half of that.
/// Bytes that are sent and not acknowledged do not count, so a connection with a long round trip stays busy. The
/// default is megabytes: then a client that receives 5 kB/s would seem to stall for minutes, and bytes would leave the
/// processor's caches before they are sent.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 64 << 10;

/// Listens on the address; port 0 chooses a free one.
///
/// # Errors
/// Errors of the system: another process listens there, or the address does not belong to this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    listen_with(&socket, address)?;
    socket.listen(BACKLOG)
}

/// As [`listen`], for an IPv6 address beside a listener of the port for IPv4: `[::]` would take IPv4 as well.
///
/// # Errors
/// As [`listen`]; also where the system has no IPv6.
pub fn listen_v6_only(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v6()?;
    socket2::SockRef::from(&socket).set_only_v6(true)?;
    listen_with(&socket, address)?;
    socket.listen(BACKLOG)
}

fn listen_with(socket: &TcpSocket, address: SocketAddr) -> io::Result<()> {
    // Allows the address while connections of a server that has just ended are in TIME_WAIT. On Windows the option
    // would allow a second server on the address.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}

/// Sets the options of a connection: written bytes are sent at once, and the send buffer holds few unsent bytes.
///
/// # Errors
/// Errors of the system, mostly because the peer has closed the connection.
pub fn set_up(stream: &TcpStream) -> io::Result<()> {
    // Nagle's algorithm would delay the end of a small message until its beginning is acknowledged.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hundreds_of_connections_wait_to_be_accepted() {
        let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let many = allowed.trim().parse::<usize>().unwrap().min(500);
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        // Without accept(2), a client that finds the queue full gets no answer.
        let patience = std::time::Duration::from_secs(10);
        let connect = |_| std::net::TcpStream::connect_timeout(&address, patience);
        let held: Vec<_> = (0..many).map_while(|number| connect(number).ok()).collect();
        assert_eq!(held.len(), many);
    }

    #[tokio::test]
    async fn a_connection_buffers_few_unsent_bytes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        set_up(&near).unwrap();
        assert!(near.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket2::SockRef::from(&near).tcp_notsent_lowat().unwrap(), UNSENT_BYTES);
        // Without a reader the receive buffer of the peer fills first, then the send buffer.
        let piece = vec![0; 16 << 10];
        near.writable().await.unwrap();
        let mut filled = 0;
        while let Ok(written) = near.try_write(&piece) {
            filled += written;
        }
        // Receiving the buffered bytes makes the socket writable again.
        let mut taken = vec![0; filled];
        let mut far = far;
        tokio::io::AsyncReadExt::read_exact(&mut far, &mut taken).await.unwrap();
        near.writable().await.unwrap();
        assert!(near.try_write(&piece).is_ok());
    }
}

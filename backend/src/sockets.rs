//! How every TCP connection is set up, whichever end of it this is.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How many connections may wait to be accepted, as far as the system allows (`net.core.somaxconn`). Whoever comes when
/// there are more is left without an answer and tries again after a second: with the default of 128, that happens to half
/// a thousand clients that come at once.
const BACKLOG: u32 = 4096;
/// How many bytes wait unsent before a socket counts as full; it counts as writable again at half of that. What was sent
/// and not yet acknowledged comes on top, so that long lines stay full. The default is megabytes: then a client that takes
/// five kilobytes a second is not seen to move for minutes, and much of what waits leaves the processor's caches again
/// before it is sent (`TCP_NOTSENT_LOWAT`, tcp(7)).
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 64 << 10;

/// Listens on the address; port 0 chooses a free one.
///
/// # Errors
/// Those of the system: somebody else listens there, or the address is not this machine's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // What is left of the connections of a server that has just ended keeps nobody out. Elsewhere the option would let a
    // second server have the same address.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Makes a new connection one of ours: what is written leaves at once, and no more waits in the system's send buffer than
/// keeps the line busy.
///
/// # Errors
/// Those of the system, mostly that the other side has gone already.
pub fn set_up(stream: &TcpStream) -> io::Result<()> {
    // Otherwise the end of a small message waits for the acknowledgement of its beginning.
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
    async fn hundreds_may_come_before_anybody_is_accepted() {
        let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let many = allowed.trim().parse::<usize>().unwrap().min(500);
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody accepts: who finds no room is never answered.
        let patience = std::time::Duration::from_secs(10);
        let connect = |_| std::net::TcpStream::connect_timeout(&address, patience);
        let held: Vec<_> = (0..many).map_while(|number| connect(number).ok()).collect();
        assert_eq!(held.len(), many);
    }

    #[tokio::test]
    async fn a_connection_holds_little_that_was_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        set_up(&near).unwrap();
        assert!(near.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket2::SockRef::from(&near).tcp_notsent_lowat().unwrap(), UNSENT_BYTES);
        // Nobody reads: the other side's buffer fills first, then ours.
        let piece = vec![0; 16 << 10];
        near.writable().await.unwrap();
        let mut filled = 0;
        while let Ok(written) = near.try_write(&piece) {
            filled += written;
        }
        // Whoever takes as much as was waiting is seen to have moved.
        let mut taken = vec![0; filled];
        let mut far = far;
        tokio::io::AsyncReadExt::read_exact(&mut far, &mut taken).await.unwrap();
        near.writable().await.unwrap();
        assert!(near.try_write(&piece).is_ok());
    }
}

//! The file server on a Unix socket: file descriptors between two processes, permissions, and leaks: of descriptors
//! that clients send, of sockets of killed servers, and of a thousand downloads.

use std::fs;
use std::io::{BufRead, BufReader, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use backend::gateway::GatewayConfig;
use backend::storage::local::LocalStorage;
use backend::wire::{TransportWriter, connect_unix};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use shared::wire::FrameKind;

use super::cli::shell::{ChildProcess, Shell, pattern};
use super::raw_connection::{RawConnection, frame, frame_bytes};
use super::test_gateway::TestGateway;
use super::test_server::{TestServer, Transport};

mod descriptors {
    use super::*;

    /// Most descriptors in one message on Linux.
    const MANY: usize = 253;

    /// Number of files below `place` that this process, which includes the servers, has open.
    #[cfg(target_os = "linux")]
    fn open(place: &Path) -> usize {
        let links = fs::read_dir("/proc/self/fd").unwrap().flatten().map(|entry| fs::read_link(entry.path()));
        links.filter(|link| link.as_ref().is_ok_and(|link| link.starts_with(place) && link.is_file())).count()
    }

    /// The server receives no descriptors, so the kernel closes them.
    #[tokio::test]
    async fn descriptors_of_a_client_are_closed() {
        let server = TestServer::start().await;
        let (reader, writer) = connect_unix(&server.socket()).await.unwrap();
        let mut raw = RawConnection::new(reader, writer);
        raw.handshake(&server.key, None).await;
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "x").unwrap();
        let file = fs::File::open(place.path().join("file")).unwrap();
        let files = vec![file.as_fd(); MANY];
        let ping = frame_bytes(&backend::wire::Frame::new(FrameKind::Ping, 5, Vec::new()));
        for _ in 0..100 {
            let TransportWriter::Unix(writer) = &raw.writer else { panic!("not a Unix socket") };
            let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MANY))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            assert!(control.push(SendAncillaryMessage::ScmRights(&files)));
            let sent = sendmsg(writer.socket(), &[IoSlice::new(&ping)], &mut control, SendFlags::empty());
            assert_eq!(sent, Ok(ping.len()));
            assert_eq!(raw.next().await.and_then(|frame| frame.kind()), Some(FrameKind::Pong));
        }
        #[cfg(target_os = "linux")]
        assert_eq!(open(place.path()), 1);
        raw.assert_usable().await;
        server.stop().await;
    }

    /// Also before the handshake, when the peer may be any process of this user.
    #[tokio::test]
    async fn descriptors_of_an_unauthenticated_client_are_closed() {
        let server = TestServer::start().await;
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "x").unwrap();
        let (reader, mut writer) = connect_unix(&server.socket()).await.unwrap();
        let TransportWriter::Unix(unix) = &mut writer else { panic!("not a Unix socket") };
        unix.pass_fd(fs::File::open(place.path().join("file")).unwrap());
        let mut raw = RawConnection::new(reader, writer);
        raw.send_bytes(&frame_bytes(&frame(FrameKind::Goodbye, 0, &shared::wire::Goodbye::default()))).await;
        assert!(raw.closing_code().await.is_some());
        #[cfg(target_os = "linux")]
        assert_eq!(open(place.path()), 0);
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_thousand_passed_files_leave_no_descriptor_open() {
        let place = tempfile::tempdir().unwrap();
        let content = pattern(200_000, 1);
        fs::write(place.path().join("large"), &content).unwrap();
        let server =
            TestServer::with_storage(LocalStorage::open(place.path(), None).unwrap().into()).await.via(Transport::Unix);
        let gateway = Arc::new(TestGateway::in_front_of(server, GatewayConfig::default()).await);
        let readers: Vec<_> = (0..8)
            .map(|_| {
                let (gateway, content) = (Arc::clone(&gateway), content.clone());
                tokio::spawn(async move {
                    for _ in 0..125 {
                        let answer = gateway.get("/files/large").await;
                        assert!(answer.complete && answer.body == content);
                    }
                })
            })
            .collect();
        for reader in readers {
            reader.await.unwrap();
        }
        // The server closes its descriptor after the last check of the file.
        #[cfg(target_os = "linux")]
        crate::cli::shell::wait_until("files are left open", || (open(place.path()) == 0).then_some(()));
        assert_eq!(gateway.server.client.status().reading.busy, 0);
    }
}

mod processes {
    use super::*;

    fn shell() -> Shell {
        let shell = Shell { folder: tempfile::tempdir().unwrap(), server: String::new(), with_key: true };
        fs::create_dir(shell.path("served")).unwrap();
        shell
    }

    /// Starts a server and parses the addresses that it prints.
    fn start(shell: &Shell, args: &[&str]) -> (ChildProcess, Value) {
        let mut server = shell.start(&[args, &["--json", "--log", "error"]].concat());
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addresses = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{args:?} says {line:?}"));
        (server, addresses)
    }

    const STORAGE: &[&str] = &["storage", "served", "--unix", "socket"];

    /// Stops a server and waits for its end.
    fn end(mut server: ChildProcess) {
        let pid = Pid::from_raw(server.0.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        assert!(server.0.wait().unwrap().success());
    }

    /// The error of a server that does not start.
    fn refused(shell: &Shell, args: &[&str]) -> String {
        shell.expect_exit(args, 1).err
    }

    fn get(address: &str, target: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        answer.split_off(end + 4)
    }

    #[test]
    fn a_gateway_and_the_command_line_connect_to_the_socket() {
        let mut shell = shell();
        let large = pattern(5_000_000, 7);
        fs::write(shell.path("served/large"), &large).unwrap();
        fs::write(shell.path("served/small"), "small").unwrap();
        let (storage, addresses) = start(&shell, STORAGE);
        // TCP is not configured.
        assert!(addresses.get("tcp").is_none(), "{addresses}");
        let socket = addresses["unix"].as_str().unwrap().to_owned();
        assert_eq!(Path::new(&socket), shell.path("socket"));
        let metadata = fs::symlink_metadata(&socket).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);

        let (gateway, addresses) = start(&shell, &["gateway", "--server", "unix:socket", "--http", "127.0.0.1:0"]);
        let http = addresses["http"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        assert!(get(&http, "/files/large") == large);
        assert_eq!(get(&http, "/files/small"), b"small");
        end(gateway);

        shell.server = format!("unix:{socket}");
        assert_eq!(shell.expect_exit(&["ls"], 0).lines(), ["large", "small"]);
        // The key that a server leaves for its user is found for a socket, too.
        shell.with_key = false;
        shell.expect_exit(&["get", "/", "copy", "--server", "unix:socket"], 0);
        assert!(fs::read(shell.path("copy/large")).unwrap() == large);
        fs::write(shell.path("new"), &large[..300_000]).unwrap();
        shell.expect_exit(&["put", "new", "/"], 0);
        assert!(fs::read(shell.path("served/new")).unwrap() == large[..300_000]);

        end(storage);
        assert!(!Path::new(&socket).exists());
        assert!(shell.expect_exit(&["ls"], 5).err.contains(&format!("unix:{socket}")));
        shell.expect_exit(&["ls", "--server", "unix:"], 2);
    }

    #[test]
    fn a_socket_has_one_server_and_is_removed_with_it() {
        let shell = shell();
        fs::create_dir(shell.path("other")).unwrap();
        let second = ["storage", "other", "--unix", "socket", "--key", "other.key"];
        let (mut first, _) = start(&shell, STORAGE);
        let said = refused(&shell, &second);
        assert!(said.contains("another process listens on socket already"), "{said}");
        shell.expect_exit(&["ping", "--server", "unix:socket"], 0);
        first.kill();
        assert!(shell.path("socket").exists());
        shell.expect_exit(&["ping", "--server", "unix:socket"], 5);
        let (second, _) = start(&shell, &second);
        shell.expect_exit(&["ping", "--server", "unix:socket", "--key", "other.key"], 0);
        end(second);
        assert!(!shell.path("socket").exists());

        fs::write(shell.path("socket"), "precious").unwrap();
        let said = refused(&shell, STORAGE);
        assert!(said.contains("socket exists and is no socket"), "{said}");
        assert_eq!(fs::read(shell.path("socket")).unwrap(), b"precious");
        let long = "x".repeat(200);
        let said = refused(&shell, &["storage", "served", "--unix", &long]);
        assert!(said.contains("too long for a Unix socket"), "{said}");
    }

    #[test]
    fn tcp_and_a_unix_socket_are_served_together() {
        let shell = shell();
        for verb in ["serve", "storage"] {
            let http: &[&str] = if verb == "serve" { &["--http", "127.0.0.1:0"] } else { &[] };
            let (server, addresses) =
                start(&shell, &[&[verb, "served", "--unix", "socket", "--tcp", "127.0.0.1:0"], http].concat());
            let key: &[&str] = if verb == "serve" { &["--key", "served/.passerelle/local.key"] } else { &[] };
            let tcp = addresses["tcp"].as_str().unwrap();
            for address in [tcp, &format!("unix:{}", addresses["unix"].as_str().unwrap())] {
                shell.expect_exit(&[&["ping", "--server", address], key].concat(), 0);
            }
            end(server);
        }
    }
}

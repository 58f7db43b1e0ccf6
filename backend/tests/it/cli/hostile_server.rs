//! Client verbs against a server that writes to the user's terminal.

use std::fs;

use backend::wire::Key;
use shared::wire::{End, Failure, FrameKind};
use shared::{ErrorCode, characters::is_unprintable};
use tokio::net::TcpListener;

use super::shell::Shell;
use crate::raw_connection::RawConnection;

/// Sets the title of a terminal, clears its screen by a C1 control, begins a line, and reorders what follows.
const TEXT: &str = "x\x1b]0;title\x07\u{9b}2J\nroot# \u{202e}";

/// Refuses the first request of each connection with a code that no version knows, and with [`TEXT`].
async fn serve(listener: TcpListener, key: Key) {
    while let Ok((stream, _)) = listener.accept().await {
        let (reader, writer) = stream.into_split();
        let mut raw = RawConnection::new(reader, writer);
        raw.accept(&key, |_| {}).await;
        while let Some(request) = raw.next().await {
            let error = Some(Failure::new(ErrorCode::Unknown(599), TEXT));
            raw.send(FrameKind::End, request.header.request_id, &End { error }).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_a_server_is_printed_without_what_a_terminal_obeys() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (server, key) = (listener.local_addr().unwrap().to_string(), Key::generate().unwrap());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), format!("{key}\n")).unwrap();
    fs::write(folder.path().join("a.txt"), "a").unwrap();
    tokio::spawn(serve(listener, key));
    let shell = Shell { folder, server, with_key: true };
    for args in [
        &["ls", "/"][..],
        &["stat", "/x"],
        &["get", "/x", "-"],
        &["get", "/x", "y"],
        &["put", "a.txt", "/x"],
        &["mkdir", "/x"],
        &["mv", "/x", "/y"],
        &["rm", "/x"],
        &["trash", "ls"],
        &["trash", "empty"],
    ] {
        for json in [&[][..], &["--json"]] {
            let ran = shell.run(&[args, json].concat());
            let obeyed = |text: &str| text.lines().any(|line| line.contains(is_unprintable));
            assert!(!obeyed(&ran.out) && !obeyed(&ran.err), "{args:?} {:?} {:?}", ran.out, ran.err);
            assert!(!ran.err.lines().any(|line| line.starts_with("root# ")), "{args:?} {:?}", ran.err);
            assert_ne!(ran.code, 0, "{args:?}");
        }
    }
}

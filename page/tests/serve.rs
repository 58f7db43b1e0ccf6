//! The linked program answers `/` by a page. Cargo builds `target/debug/passerelle` for this test, and the end-to-end
//! tests run against it.
// A failed step of the test ends it.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_program_serves_a_page() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve");
    let (served, state) = (folder.join("files"), folder.join("state"));
    fs::create_dir_all(&served).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_passerelle"));
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("PASSERELLE_")) {
        command.env_remove(name);
    }
    command.arg("serve").arg(&served).arg("--state").arg(&state);
    command.args(["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0"]);
    let mut server = Server(command.stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(server.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.filter_map(|line| Some(line.split_once("http://")?.1.to_owned())).next().unwrap();
    let mut stream = TcpStream::connect(address.trim().trim_end_matches('/')).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("<title>Passerelle</title>"), "{answer}");
    fs::remove_dir_all(folder).unwrap();
}

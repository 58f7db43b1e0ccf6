//! A server that starts with a low limit of open files, which is the default of most systems.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::cli::shell::{ChildProcess, Shell};

/// Longer than any step takes on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts `passerelle` with a limit of `files` open files: a soft one (`-S`), or one that cannot be raised (empty).
fn start(shell: &Shell, kind: &str, files: u32, args: &[&str]) -> (ChildProcess, Value) {
    let command = shell.command(args);
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit {kind} -n {files} && exec \"$0\" \"$@\"")]);
    limited.arg(command.get_program()).args(command.get_args()).current_dir(shell.folder.path());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let mut server = ChildProcess(limited.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (server, serde_json::from_str(&line).unwrap())
}

#[test]
fn a_server_raises_its_limit_of_open_files() {
    let shell = Shell { folder: tempfile::tempdir().unwrap(), server: String::new(), with_key: false };
    fs::create_dir(shell.path("served")).unwrap();
    let args = ["serve", "served", "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--json", "--log", "error"];
    let (_server, addresses) = start(&shell, "-S", 64, &args);
    let address = addresses["http"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    let mut held = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut status = [0; 12];
        let answered = stream.read_exact(&mut status);
        assert!(answered.is_ok() && &status == b"HTTP/1.1 200", "connection {number}: {answered:?}");
        held.push(stream);
    }
}

/// Folders above a file cost no descriptor each: a hundred uploads to deep folders would take all of them.
#[test]
fn a_deep_folder_takes_few_descriptors() {
    let shell = Shell { folder: tempfile::tempdir().unwrap(), server: String::new(), with_key: false };
    let deep = "d/".repeat(240);
    fs::create_dir_all(shell.path("served").join(&deep)).unwrap();
    let args = ["serve", "served", "--anonymous", "write", "--http", "127.0.0.1:0", "--json", "--log", "error"];
    let (_server, addresses) = start(&shell, "", 160, &args);
    let address = addresses["http"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    for (request, expected) in [
        (format!("PUT /files/{deep}new HTTP/1.1\r\ncontent-length: 3\r\n"), "201"),
        (format!("GET /files/{deep}new HTTP/1.1\r\n"), "200"),
        (format!("DELETE /files/{deep}new HTTP/1.1\r\n"), "204"),
    ] {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        stream.write_all(format!("{request}host: localhost\r\nconnection: close\r\n\r\nnew").as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(answer.get(9..12), Some(expected), "{request}: {answer}");
    }
}

//! The state that an earlier version leaves when it is killed opens in this version: uploads and jobs continue, the trash
//! restores. `states/` has one archive per version, made by `states/make-state.sh`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::cli::shell::ChildProcess;

/// A version, and the ids that `make-state.sh` printed for it.
struct EarlierState {
    archive: &'static str,
    upload: &'static str,
    job: &'static str,
}

const STATES: &[EarlierState] = &[EarlierState {
    archive: "0.1.0.tar.gz",
    upload: "f6bf7bfea286ce4ef1fcfa3f3ca5ffc7",
    job: "eba96a7ccc47e74fb5129a82b0d04bf7",
}];

/// Longer than the tests are kept, in seconds.
const NEVER: &str = "3000000000";

/// The program of this version on the unpacked state.
struct Server {
    folder: TempDir,
    http: String,
    tcp: String,
    _process: ChildProcess,
}

struct Response {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Server {
    fn open(state: &EarlierState) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archive = format!("{}/tests/it/states/{}", env!("CARGO_MANIFEST_DIR"), state.archive);
        let unpacked = Command::new("tar").arg("-xzf").arg(archive).current_dir(folder.path()).status().unwrap();
        assert!(unpacked.success());
        let mut process = ChildProcess(
            Command::new(env!("CARGO_BIN_EXE_backend"))
                .args(["serve", ".", "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--anonymous", "write", "--json"])
                .args(["--upload-expiry-seconds", NEVER, "--trash-expiry-seconds", NEVER, "--log", "error"])
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addresses: Value = serde_json::from_str(&line).expect("the server starts and prints its addresses");
        let http = addresses["http"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let tcp = addresses["tcp"].as_str().unwrap().to_owned();
        Self { folder, http, tcp, _process: process }
    }

    fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.http);
        head += &format!("Content-Length: {}\r\n", body.len());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        Response::parse(&answer)
    }

    fn get(&self, target: &str) -> Response {
        self.request("GET", target, &[], "")
    }

    fn change(&self, change: &str) -> Value {
        let response =
            self.request("POST", "/api/v1/changes?wait=30000", &[("Content-Type", "application/json")], change);
        assert_eq!(response.status, 200, "{}", response.body);
        serde_json::from_str(&response.body).unwrap()
    }
}

impl Response {
    fn parse(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: body.to_owned() }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The content of the interrupted upload, 11 000 bytes; the first 5 500 are in the state.
fn upload_content() -> String {
    (1..=1000).map(|number| format!("line {number:05}\n")).collect()
}

#[test]
fn an_interrupted_upload_continues_and_its_file_is_whole() {
    for state in STATES {
        let server = Server::open(state);
        let upload = format!("/api/v1/uploads/{}", state.upload);
        let tus = ("Tus-Resumable", "1.0.0");

        let head = server.request("HEAD", &upload, &[tus], "");
        assert_eq!((head.status, head.headers["upload-offset"].as_str()), (200, "5500"), "{}", state.archive);

        let rest = &upload_content()[5500..];
        let content_type = ("Content-Type", "application/offset+octet-stream");
        let patch = server.request("PATCH", &upload, &[tus, ("Upload-Offset", "5500"), content_type], rest);
        assert_eq!(patch.status, 204, "{}", patch.body);
        assert_eq!(fs::read_to_string(server.folder.path().join("half.txt")).unwrap(), upload_content());
    }
}

#[test]
fn an_interrupted_job_ends_with_every_file_copied() {
    for state in STATES {
        let server = Server::open(state);
        let mut job = server.get(&format!("/api/v1/jobs/{}", state.job)).json();
        while job["state"] == "running" {
            job = server.get(&format!("/api/v1/jobs/{}?seen={}&wait=30000", state.job, job["version"])).json();
        }
        assert_eq!(job["outcomes"][0]["result"], "done", "{job}");
        for number in 1..=3 {
            let copy = server.folder.path().join(format!("copies/picture{number}.txt"));
            assert_eq!(fs::read_to_string(copy).unwrap(), format!("Picture {number}\n"));
        }
    }
}

/// Version 0.1.0 recorded no principals.
#[test]
fn earlier_work_is_found_by_its_id_and_listed_for_no_caller() {
    for state in STATES {
        let server = Server::open(state);
        assert_eq!(server.get(&format!("/api/v1/uploads/{}", state.upload)).status, 200);
        assert_eq!(server.get(&format!("/api/v1/jobs/{}", state.job)).status, 200);
        let uploads = server.get("/api/v1/uploads").json();
        assert!(uploads["uploads"].as_array().is_some_and(Vec::is_empty), "{uploads}");
        let jobs = server.get("/api/v1/jobs").json();
        assert!(jobs["jobs"].as_array().is_some_and(Vec::is_empty), "{jobs}");
    }
}

#[test]
fn the_trash_restores_files_and_folders() {
    for state in STATES {
        let server = Server::open(state);
        let trash = server.get("/api/v1/trash").json();
        let entries = trash["items"].as_array().unwrap_or_else(|| panic!("{trash}"));
        let items: Vec<_> = entries.iter().map(|entry| serde_json::json!({"id": entry["id"]})).collect();
        assert_eq!(items.len(), 2, "{trash}");
        server.change(&serde_json::json!({"action": "restore", "items": items}).to_string());

        let read = |name| fs::read_to_string(server.folder.path().join(name)).unwrap();
        assert_eq!(read("thrown.txt"), "A file in the trash.\n");
        assert_eq!(read("letters/letter.txt"), "A letter in a folder in the trash.\n");
        assert_eq!(read("stays.txt"), "A file that stays.\n");
    }
}

#[test]
fn the_key_of_the_client_commands_still_opens_the_server() {
    for state in STATES {
        let server = Server::open(state);
        let listed = Command::new(env!("CARGO_BIN_EXE_backend"))
            .args(["ls", "/", "--server", &server.tcp, "--key"])
            .arg(server.folder.path().join(".passerelle/local.key"))
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.contains("stays.txt"), "{listed}");
    }
}

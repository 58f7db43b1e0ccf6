//! Common programs (curl, wget, aria2 and others) against the gateway. Skips programs that are not installed.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use backend::storage::memory::MemoryStorage;
use tokio::process::Command;

use super::test_gateway::TestGateway;

/// Runs a program in `folder`. False if it is not installed.
async fn run(folder: &Path, program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_remove("http_proxy").stdin(Stdio::null());
    match command.output().await {
        Ok(output) => {
            assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(_) => false,
    }
}

fn pseudo_random_bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| ((index * index) >> 7) as u8).collect()
}

async fn gateway() -> (TestGateway, Vec<u8>) {
    let content = pseudo_random_bytes(20_000_000);
    let storage = MemoryStorage::new();
    storage.add_file("d/large.bin", content.clone()).unwrap();
    storage.add_file("d/sub dir/é %.txt", "deep").unwrap();
    storage.add_file("d/a&b='\".txt", "odd").unwrap();
    storage.add_folder("d/empty").unwrap();
    (TestGateway::with_storage(Arc::new(storage)).await, content)
}

#[tokio::test]
async fn broken_downloads_resume() {
    let (gateway, content) = gateway().await;
    let url = format!("http://{}/files/d/large.bin", gateway.address);
    let programs: [(&str, &[&str]); 3] = [
        ("curl", &["-sS", "--fail", "-C", "-", "-O"]),
        ("wget", &["-q", "-c"]),
        ("aria2c", &["-q", "-c", "-x", "8", "-s", "8", "-k", "1M", "--allow-overwrite=true"]),
    ];
    for (program, arguments) in programs {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("large.bin");
        std::fs::write(&file, &content[..7_000_000]).unwrap();
        if run(folder.path(), program, &[arguments, &[&url]].concat()).await {
            assert!(std::fs::read(&file).unwrap() == content, "{program}");
        }
    }
    gateway.assert_healthy_and_stop().await;
}

/// A broken download of an archive resumes at any offset, and is equal to the last byte.
#[tokio::test]
async fn broken_archive_downloads_resume() {
    let (gateway, _) = gateway().await;
    let url = format!("http://{}/api/v1/archive?path=d&name=all", gateway.address);
    let whole = gateway.get("/api/v1/archive?path=d&name=all").await.body;
    let programs: [(&str, &[&str]); 3] = [
        ("curl", &["-sS", "--fail", "-C", "-", "-o", "all.zip"]),
        ("wget", &["-q", "-c", "-O", "all.zip"]),
        ("aria2c", &["-q", "-c", "-x", "8", "-s", "8", "-k", "1M", "--allow-overwrite=true", "-o", "all.zip"]),
    ];
    // Within the first header, within a file, after the files, within the last record.
    let places = [17, 7_000_000, whole.len() - 300, whole.len() - 5];
    for (program, arguments) in programs {
        for place in places {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("all.zip");
            std::fs::write(&file, &whole[..place]).unwrap();
            if !run(folder.path(), program, &[arguments, &[&url]].concat()).await {
                break;
            }
            assert!(std::fs::read(&file).unwrap() == whole, "{program} from {place}");
            if let Ok(output) = Command::new("unzip").arg("-tq").arg(&file).output().await {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            }
        }
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_folder_is_mirrored() {
    let (gateway, content) = gateway().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}/files/d/", gateway.address);
    if run(folder.path(), "wget", &["-q", "-m", "-np", "-nH", "--cut-dirs=1", "--restrict-file-names=nocontrol", &url])
        .await
    {
        let read = |name: &str| std::fs::read(folder.path().join("d").join(name)).unwrap();
        assert!(read("large.bin") == content);
        assert_eq!(read("sub dir/é %.txt"), b"deep");
        assert_eq!(read("a&b='\".txt"), b"odd");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_download_has_a_name_and_revalidates() {
    let (gateway, _) = gateway().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}/files/d/sub%20dir/%C3%A9%20%25.txt", gateway.address);
    let download = format!("{url}?download");
    if run(folder.path(), "curl", &["-sS", "--fail", "-OJ", &download]).await {
        // curl reads only the plain form of the name.
        assert_eq!(std::fs::read(folder.path().join("_ _.txt")).unwrap(), b"deep");
        let twice = ["-sS", "--etag-save", "tag", "--etag-compare", "tag", "-o", "out", "-w", "%{http_code}"];
        run(folder.path(), "curl", &[&twice, &[url.as_str()][..]].concat()).await;
        let output = Command::new("curl").args(twice).arg(&url).current_dir(folder.path()).output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "304");
    }
    gateway.assert_healthy_and_stop().await;
}

//! `passerelle key`, beside a file server that runs.

use std::fs;

use super::shell::{Shell, wait_until};

/// The id of the key that a run has printed.
fn id(printed: &str) -> &str {
    printed.split(' ').nth(1).unwrap()
}

#[test]
fn a_key_opens_a_running_server_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Shell { folder, server: String::new(), with_key: false };
    fs::create_dir_all(shell.path("served/docs")).unwrap();
    fs::write(shell.path("served/docs/old"), "old").unwrap();
    fs::write(shell.path("served/secret.txt"), "secret").unwrap();
    let early = shell.expect_exit(&["key", "new", "--dir", "served"], 3);
    assert!(early.err.contains("--state"), "{}", early.err);
    let mut server = shell.serve("served");

    let new = ["key", "new", "old phone", "--folder", "docs", "--days", "3", "--dir", "served"];
    let printed = shell.expect_exit(&new, 0).out;
    fs::write(shell.path("phone"), &printed).unwrap();
    shell.expect_exit(&["key", "new", "--rights", "edit", "--out", "office", "--dir", "served"], 0);
    shell.expect_exit(&["key", "new", "--out", "office", "--dir", "served"], 1);
    let list = shell.expect_exit(&["key", "ls", "--dir", "served", "--json"], 0).json();
    let phone = list.iter().find(|key| key["id"] == id(&printed)).unwrap();
    assert_eq!(
        (&phone["folder"], &phone["rights"], &phone["gateway"]),
        (&"docs".into(), &"list read".into(), &false.into())
    );
    assert!(phone["ends"].as_i64().unwrap() > 0 && phone["name"] == "old phone" && list.len() == 2, "{list:?}");
    assert!(!shell.expect_exit(&["key", "ls", "--dir", "served"], 0).out.contains(printed.trim()));

    let opened = || (shell.run(&["ls", "docs", "--key", "phone"]).code == 0).then_some(());
    wait_until("the server takes the new key", opened);
    shell.expect_exit(&["stat", "secret.txt", "--key", "phone"], 3);
    shell.expect_exit(&["rm", "docs/old", "--key", "phone"], 4);
    wait_until("the server takes the other key", || (shell.run(&["ls", "--key", "office"]).code == 0).then_some(()));
    shell.expect_exit(&["rm", "docs/old", "--key", "office"], 0);

    shell.expect_exit(&["key", "revoke", id(&printed), "--dir", "served"], 0);
    shell.expect_exit(&["key", "revoke", id(&printed), "--dir", "served"], 3);
    let closed = || (shell.run(&["ls", "docs", "--key", "phone"]).code == 4).then_some(());
    wait_until("the server forgets the key", closed);
    shell.expect_exit(&["ls", "--key", "office"], 0);
    server.kill();
}

#[test]
fn a_key_is_made_for_the_directory_of_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let shell = Shell { folder, server: String::new(), with_key: false };
    fs::create_dir(shell.path("state")).unwrap();
    shell.expect_exit(&["key", "ls", "--state", "state"], 3);
    fs::write(shell.path("state/lock"), "").unwrap();
    let made = shell.expect_exit(&["key", "new", "--gateway", "--json", "--state", "state"], 0).json();
    assert_eq!(made[0]["rights"], "list read create replace delete share");
    let file = fs::read_to_string(shell.path(&format!("state/keys/{}.key", made[0]["id"].as_str().unwrap()))).unwrap();
    assert!(file.starts_with(made[0]["key"].as_str().unwrap()), "{file}");
    fs::write(shell.path("state/keys/broken.key"), "no key").unwrap();
    let listed = shell.expect_exit(&["key", "ls", "--state", "state"], 0);
    assert!(listed.err.contains("broken.key") && listed.lines().len() == 1, "{}{}", listed.out, listed.err);
    for args in [&["key", "new", "a\tb"][..], &["key", "new", "--folder", "../a"], &["key", "new", "--days", "0"]] {
        shell.expect_exit(&[args, &["--state", "state"]].concat(), 2);
    }
    shell.expect_exit(&["key", "revoke", "../lock", "--state", "state"], 3);
    assert!(shell.path("state/lock").exists());
}

//! `passerelle key`: makes, lists and removes keys of a file server on this machine, through files of its state directory.
//! The server may be running: it notices them.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use shared::{Timestamp, VPath};

use super::connect::path;
use super::failure::{Exit, Failure};
use super::{format, output};
use crate::cli::{KeyCommand, KeyLsArgs, KeyNewArgs, KeyRevokeArgs, KeysOfArgs};
use crate::state::{KeyEntry, KeyFolder, StateDir, StateError, is_key_name, write_new_key};
use crate::wire::Key;

const DAY_SECONDS: i64 = 86_400;

pub(super) fn run(command: KeyCommand) -> Result<Exit, Failure> {
    match command {
        KeyCommand::New(args) => new(&args),
        KeyCommand::Ls(args) => ls(&args),
        KeyCommand::Revoke(args) => revoke(&args),
    }
}

fn new(args: &KeyNewArgs) -> Result<Exit, Failure> {
    if !is_key_name(&args.name) {
        return Err(Failure::usage("a name is one line of at most 256 bytes, without space at either end"));
    }
    let folder = args.folder.as_deref().map(path).transpose()?.unwrap_or_default();
    let keys = folder_of(&args.of)?;
    let key = Key::generate().map_err(|error| Failure::new(Exit::Failed, "internal", error.to_string()))?;
    let ends = args.days.map(|days| now().saturating_add(DAY_SECONDS * i64::from(days)));
    let entry =
        KeyEntry { key, name: args.name.clone(), rights: args.rights(), folder, is_gateway: args.gateway, ends };
    // A key of which its holder gets nothing would stay as a file: its own file is made first.
    if let Some(file) = &args.out {
        write_new_key(file, &entry.key).map_err(failure)?;
    }
    keys.add(&entry).map_err(failure)?;
    match (&args.out, args.of.json) {
        (None, true) => {
            let mut value = describe(&entry);
            value["key"] = entry.key.to_string().into();
            output::line(&format::json(&value))?;
        }
        (None, false) => output::line(&entry.key.to_string())?,
        (Some(_), true) => output::line(&format::json(&describe(&entry)))?,
        (Some(_), false) => output::line(&line(&entry))?,
    }
    Ok(Exit::Done)
}

fn ls(args: &KeyLsArgs) -> Result<Exit, Failure> {
    let (mut keys, refused) = folder_of(&args.of)?.read().map_err(failure)?;
    keys.sort_by(|left, right| (&left.name, left.key.id()).cmp(&(&right.name, right.key.id())));
    let mut output = io::stdout().lock();
    for entry in &keys {
        let line = if args.of.json { format::json(&describe(entry)) } else { line(entry) };
        writeln!(output, "{line}").map_err(|error| Failure::output(&error))?;
    }
    refused.into_iter().for_each(|error| output::message(args.of.json, "warning", "", &failure(error)));
    Ok(Exit::Done)
}

fn revoke(args: &KeyRevokeArgs) -> Result<Exit, Failure> {
    if folder_of(&args.of)?.remove(&args.id).map_err(failure)? {
        Ok(Exit::Done)
    } else {
        let message = format!("there is no key {}", args.id.escape_debug());
        Err(Failure::new(Exit::NotFound, shared::ErrorCode::NotFound.name(), message))
    }
}

fn folder_of(of: &KeysOfArgs) -> Result<KeyFolder, Failure> {
    StateDir::find(of.state.as_deref(), &of.dir).map(|state| KeyFolder::of(&state)).map_err(failure)
}

fn failure(error: StateError) -> Failure {
    let (exit, code) = match error {
        StateError::NoState(_) => (Exit::NotFound, "no_state"),
        StateError::Io { .. } => (Exit::Failed, "io"),
        _ => (Exit::Failed, "bad_key"),
    };
    Failure::new(exit, code, error.to_string())
}

fn line(entry: &KeyEntry) -> String {
    let KeyEntry { key, name, rights, folder, is_gateway, ends } = entry;
    let gateway = if *is_gateway { "  gateway" } else { "" };
    let ends = ends.map(|ends| format!("  until {}", format::time(moment(ends)))).unwrap_or_default();
    let name = if name.is_empty() { String::new() } else { format!("  {}", name.escape_debug()) };
    format!("{}  /{}  {rights}{gateway}{ends}{name}", key.id(), folder_text(folder))
}

fn folder_text(folder: &VPath) -> String {
    if folder.is_root() { String::new() } else { format::path(folder) }
}

fn describe(entry: &KeyEntry) -> serde_json::Value {
    json!({
        "id": entry.key.id(),
        "name": entry.name,
        "rights": entry.rights.to_string(),
        "folder": entry.folder.encoded(),
        "gateway": entry.is_gateway,
        "ends": entry.ends,
    })
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(1_000_000_000))
}

fn now() -> i64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    i64::try_from(time).unwrap_or(i64::MAX)
}

//! Writes lines on standard output, and failures on standard error.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::failure::Failure;
use super::format;

/// Prints one line on standard output and flushes it.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}").and_then(|()| output.flush()).map_err(|error| Failure::output(&error))
}

/// Prints a failure on standard error, unless its message is empty.
pub(super) fn failure(json: bool, failure: &Failure) {
    if !failure.message.is_empty() {
        message(json, "error", "", failure);
    }
}

/// Prints a failure or a warning on standard error: under the key `key` of a JSON object, or after `prefix`. Errors of
/// standard error are ignored, because there is no other place to report them.
pub(super) fn message(json: bool, key: &str, prefix: &str, failure: &Failure) {
    let line = if json {
        format::json(&json!({ key: failure_json(failure) }))
    } else {
        format!("passerelle: {prefix}{}", format::sentence(&failure.sentence()))
    };
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn failure_json(failure: &Failure) -> Value {
    let mut value = json!({ "code": failure.code, "message": failure.message });
    if let Some(path) = &failure.path {
        value["path"] = path.encoded().into();
    }
    value
}

//! Integration tests in one binary, which links once. Servers run in the process of the tests, on port 0.
// A failed `unwrap` fails its test at the right line, in helpers, too.
#![allow(clippy::unwrap_used)]

mod raw_connection;
mod reading;
mod test_gateway;
mod test_server;

mod accounts;
mod admission;
mod api_changes;
mod archive;
mod authority;
mod behind_nginx;
mod cancelling;
mod captured_log;
mod changes;
mod cli;
mod conditional;
mod copies;
mod crash_simulation;
mod deep_paths;
#[cfg(unix)]
mod descriptors;
mod download_clients;
mod drop_box;
mod earlier_state;
mod events;
mod framed;
mod grants;
mod hostile;
mod hostile_http;
mod http;
mod http_put;
mod job_scope;
mod link_scope;
mod listing;
mod protocol_document;
mod protocol_examples;
mod python_client;
mod removable_keys;
mod request_fields;
mod resilience;
mod rights_model;
mod spa;
mod storage;
mod targets;
mod tls;
mod transports;
mod tus;
#[cfg(unix)]
mod unix_socket;
mod upload_clients;
mod uploads;
mod watch;

//! HTTPS and HTTP/2. The client trusts only the authority in `certificates/`, which is valid for a hundred years.

mod certificates;
mod fixtures;
mod handshake;
mod http_2;
mod idle;
#[cfg(target_os = "linux")]
mod one_against_all;

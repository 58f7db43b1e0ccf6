//! Settings of the servers: defaults < configuration file < environment < flags, merged here and checked once.
//!
//! One struct per section serves the command line, the environment and the file, so that a setting cannot exist in one
//! and be missing in another. In these structs (`…Settings`), `None` means "not given here"; a `…Config` is complete.

mod bounds;
mod error;
mod file;
mod http;
mod listen;
mod process;
mod tcp;

pub use error::ConfigError;
pub use file::FileSettings;
pub use http::{AnonymousRight, HTTP_PORT_DEFAULT, HttpConfig, HttpSettings};
pub use listen::{Binding, ListenAddress, ListenAddressError};
pub use process::{LogFormat, LogLevel, ProcessConfig, ProcessSettings};
pub use tcp::{DurabilityChoice, TCP_PORT_DEFAULT, TcpConfig, TcpSettings};

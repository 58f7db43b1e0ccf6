//! Settings of the process: its state directory, its log, and how it stops.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::bounds::LIMITS;

/// How long requests may go on after the server was asked to stop.
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// The format of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The least severe level that is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures that an administrator must act on.
    Error,
    /// Also conditions that may need action.
    Warn,
    /// Also each request.
    #[default]
    Info,
    /// Also each step of a request.
    Debug,
    /// Everything.
    Trace,
}

/// Settings of the process: section `[process]` of the file.
#[derive(Args, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProcessSettings {
    /// Directory for the server's own data [default: .passerelle in the served folder, or a directory of this user if the
    /// folder cannot be changed].
    #[arg(long, value_name = "DIR", env = "PASSERELLE_STATE")]
    pub state: Option<PathBuf>,
    /// File with settings (TOML): sections http, tcp and process.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Print the addresses as one JSON object, for scripts.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
    /// What to log: this level and all above it [default: info].
    #[arg(long, value_name = "LEVEL", env = "PASSERELLE_LOG")]
    pub log: Option<LogLevel>,
    /// Form of the log [default: text].
    #[arg(long, value_name = "FORMAT", env = "PASSERELLE_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// At a stop, running requests have this many seconds to end [default: 30].
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub drain_seconds: Option<u64>,
}

/// Complete settings of the process.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessConfig {
    /// Directory for the server's own state. `None` chooses one: see [`crate::state::StateDir::open`].
    pub state: Option<PathBuf>,
    /// Print the addresses as JSON.
    pub json: bool,
    /// Least severe level to log.
    pub log: LogLevel,
    /// Format of the log.
    pub log_format: LogFormat,
    /// How long running requests may take after the server was asked to stop. Zero aborts them.
    pub drain_time: Duration,
}

impl ProcessSettings {
    /// Completes the settings from the file's section, then from defaults.
    pub fn resolve(self, file: &Self) -> ProcessConfig {
        let file = file.clone();
        ProcessConfig {
            state: self.state.or(file.state),
            json: self.json,
            log: self.log.or(file.log).unwrap_or_default(),
            log_format: self.log_format.or(file.log_format).unwrap_or_default(),
            drain_time: self.drain_seconds.or(file.drain_seconds).map_or(DRAIN_TIME, Duration::from_secs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_time_of_zero_is_accepted() {
        let file: ProcessSettings = toml::from_str("log = 'warn'\ndrain-seconds = 0\n").unwrap();
        let config = ProcessSettings::default().resolve(&file);
        assert_eq!((config.log, config.drain_time), (LogLevel::Warn, Duration::ZERO));
    }
}

//! Numbers of a setting, with their default and their minimum.

use std::time::Duration;

use super::error::ConfigError;

/// The section of `--help` with the settings that few servers need.
pub(super) const LIMITS: &str = "Limits";

/// A number of things, at least 1.
pub(super) fn positive(value: Option<usize>, default: usize, name: &'static str) -> Result<usize, ConfigError> {
    match value.unwrap_or(default) {
        0 => Err(ConfigError::Zero(name)),
        value => Ok(value),
    }
}

/// A time given in seconds, at least 1.
pub(super) fn seconds(value: Option<u64>, default: Duration, name: &'static str) -> Result<Duration, ConfigError> {
    match value {
        Some(0) => Err(ConfigError::Zero(name)),
        value => Ok(value.map_or(default, Duration::from_secs)),
    }
}

/// A share of 1 to 100 percent.
pub(super) fn percent(value: Option<u8>, default: u8) -> Result<u8, ConfigError> {
    match value.unwrap_or(default) {
        value @ 1..=100 => Ok(value),
        value => Err(ConfigError::Percent(value)),
    }
}

/// Bytes of a size given in MiB.
pub(super) fn mebibytes(value: Option<usize>, default: usize) -> usize {
    value.map_or(default, |mebibytes| mebibytes.saturating_mul(1 << 20))
}

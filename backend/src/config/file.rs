//! The configuration file: TOML, one table for each section.

use std::path::Path;

use serde::Deserialize;

use super::error::ConfigError;
use super::http::HttpSettings;
use super::process::ProcessSettings;
use super::tcp::TcpSettings;

/// The content of a configuration file.
#[derive(Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct FileSettings {
    /// `[http]`.
    pub http: HttpSettings,
    /// `[tcp]`.
    pub tcp: TcpSettings,
    /// `[process]`.
    pub process: ProcessSettings,
}

impl FileSettings {
    /// Reads the file. Without a path, no setting is given.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] and [`ConfigError::Malformed`].
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|source| ConfigError::Malformed { path: path.to_owned(), source: Box::new(source) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_settings_and_wrong_types_are_refused() {
        for text in ["[http]\nlissten = '127.0.0.1:1'", "[http]\nlisten = 'here'", "port = 80", "[tcp]\nlisten = 5"] {
            assert!(toml::from_str::<FileSettings>(text).is_err(), "{text}");
        }
    }
}

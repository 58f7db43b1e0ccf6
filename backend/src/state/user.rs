//! The directory in which the platform keeps application state of this user (XDG on Linux and macOS).

use std::path::PathBuf;

use etcetera::BaseStrategy;

use super::error::StateError;
use super::private::make_private_folder;

pub(super) fn user_folder() -> Result<PathBuf, StateError> {
    let base = etcetera::choose_base_strategy().map_err(|_| StateError::Nowhere)?;
    Ok(base.state_dir().unwrap_or_else(|| base.data_dir()).join("passerelle"))
}

/// A private folder for state of the client verbs, created if needed.
///
/// # Errors
/// [`StateError::Nowhere`] and [`StateError::Io`].
pub fn client_folder(name: &str) -> Result<PathBuf, StateError> {
    let folder = user_folder()?.join(name);
    make_private_folder(&folder)?;
    Ok(folder)
}

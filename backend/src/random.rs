//! Random bytes of the operating system: ids, nonces and keys that cannot be guessed.

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

/// `N` bytes, each time new ones.
///
/// # Errors
/// [`NoRandomness`], on systems that are set up wrong (no `/dev/urandom` in a jail, say).
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

//! Hashes of passwords, in the PHC string format.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::text::Password;
use crate::random::random_bytes;

/// Memory of a hash, in KiB; above the floor of OWASP's Password Storage Cheat Sheet (19 MiB, two passes).
const MEMORY_KIB: u32 = 32 << 10;
/// Passes over the memory.
const PASSES: u32 = 3;
/// Threads of a hash.
const LANES: u32 = 1;
/// Length of the hash.
const HASH_BYTES: usize = 32;

/// Most memory of a hash that was made elsewhere, in KiB.
const FOREIGN_MEMORY_KIB_MAX: u32 = 256 << 10;
/// Most passes of a hash that was made elsewhere.
const FOREIGN_PASSES_MAX: u32 = 16;
/// Most lanes of a hash that was made elsewhere.
const FOREIGN_LANES_MAX: u32 = 16;

/// A hash that no password has, with the cost of a new one: what an unknown name is compared with.
pub(super) const DUMMY: &str =
    "$argon2id$v=19$m=32768,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a hash is not made or not compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HashError {
    /// The stored text is no hash of Argon2id, or one that would cost too much.
    #[error("the stored hash of a password cannot be used")]
    Unusable,
    /// There is no memory or no randomness.
    #[error("a password cannot be hashed at present")]
    Unavailable,
}

/// Hashes a password with a new salt. Takes tens of milliseconds of a processor and [`MEMORY_KIB`].
///
/// # Errors
/// [`HashError::Unavailable`].
pub(super) fn hash(password: &Password) -> Result<String, HashError> {
    let salt = random_bytes::<16>().map_err(|_| HashError::Unavailable)?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).map_err(|_| HashError::Unavailable)?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = hasher.hash_password_with_salt(password.bytes(), &salt).map_err(|_| HashError::Unavailable)?;
    Ok(hash.to_string())
}

/// Compares a password with a stored hash, in time that does not depend on where they differ.
///
/// # Errors
/// [`HashError`].
pub(super) fn is_right(password: &Password, stored: &str) -> Result<bool, HashError> {
    let hash = check(stored)?;
    let verifier = Argon2::default();
    match PasswordVerifier::<PasswordHash>::verify_password(&verifier, password.bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(HashError::Unavailable),
    }
}

/// True if a stored hash has other costs than a new one.
pub(super) fn is_outdated(stored: &str) -> bool {
    let costs = |params: Params| (params.m_cost(), params.t_cost(), params.p_cost());
    !check(stored).is_ok_and(|hash| {
        hash.version == Some(Version::V0x13.into())
            && Params::try_from(&hash).is_ok_and(|params| costs(params) == (MEMORY_KIB, PASSES, LANES))
    })
}

/// A stored hash, which was perhaps made elsewhere.
fn check(stored: &str) -> Result<PasswordHash, HashError> {
    let hash = PasswordHash::new(stored).map_err(|_| HashError::Unusable)?;
    let params = Params::try_from(&hash).map_err(|_| HashError::Unusable)?;
    let is_affordable = params.m_cost() <= FOREIGN_MEMORY_KIB_MAX
        && params.t_cost() <= FOREIGN_PASSES_MAX
        && params.p_cost() <= FOREIGN_LANES_MAX;
    let is_ours = hash.algorithm.as_str() == "argon2id" && hash.hash.is_some() && hash.salt.is_some();
    if is_affordable && is_ours { Ok(hash) } else { Err(HashError::Unusable) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::sent(text).unwrap()
    }

    #[test]
    fn a_hash_is_of_its_password_alone_and_salted() {
        let stored = hash(&password("correct horse")).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=32768,t=3,p=1$"), "{stored}");
        assert_ne!(hash(&password("correct horse")).unwrap(), stored);
        assert_eq!(is_right(&password("correct horse"), &stored), Ok(true));
        assert_eq!(is_right(&password("correct horsf"), &stored), Ok(false));
        assert!(!is_outdated(&stored));
    }

    #[test]
    fn the_dummy_costs_what_a_new_hash_costs() {
        assert!(!is_outdated(DUMMY));
        assert_eq!(is_right(&password(""), DUMMY), Ok(false));
    }

    #[test]
    fn foreign_hashes_are_outdated_and_expensive_ones_are_refused() {
        let foreign = DUMMY.replace("m=32768,t=3", "m=19456,t=2");
        assert!(is_outdated(&foreign));
        assert_eq!(is_right(&password("x"), &foreign), Ok(false));
        for stored in [
            DUMMY.replace("m=32768", "m=4000000"),
            DUMMY.replace("t=3", "t=4000000"),
            DUMMY.replace("p=1", "p=1000"),
            DUMMY.replace("argon2id", "argon2i"),
            DUMMY.replace("argon2id", "bcrypt"),
            "correct horse".to_owned(),
            String::new(),
        ] {
            assert_eq!(is_right(&password("x"), &stored), Err(HashError::Unusable), "{stored}");
        }
    }
}

//! A pool that hashes a few passwords at a time, so that many attempts take neither all memory nor all processors.

use std::sync::Arc;

use shared::ErrorCode;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::hash::{DUMMY, HashError, hash, is_outdated, is_right};
use super::text::Password;

/// Hashes at a time, each with 32 MiB.
const RUNNING_MAX: usize = 2;
/// Attempts that wait for their turn.
const WAITING_MAX: usize = 32;

/// Why a password was not hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PoolError {
    /// As many attempts wait as may.
    #[error("too many passwords are being checked")]
    Busy,
    /// The hash failed.
    #[error(transparent)]
    Hash(#[from] HashError),
}

impl PoolError {
    /// The stable code on all interfaces.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Busy => ErrorCode::TooManyRequests,
            Self::Hash(_) => ErrorCode::Internal,
        }
    }
}

/// Whether a password is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is not, or there is no account or no password of that name.
    Wrong,
    /// It is.
    Right {
        /// The stored hash has other costs than a new one, and is to be replaced.
        is_outdated: bool,
    },
}

/// Hashes a bounded number of passwords at a time.
#[derive(Clone, Debug)]
pub struct PasswordPool {
    /// Those that wait and those that run.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Default for PasswordPool {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(RUNNING_MAX + WAITING_MAX)),
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
        }
    }
}

impl PasswordPool {
    /// Compares a password with the stored hash of an account. Without one, the work is that of an account with a new
    /// hash, so that the time says nothing about names.
    ///
    /// # Errors
    /// [`PoolError`].
    pub async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verdict, PoolError> {
        self.run(move || {
            let is_right = is_right(&password, stored.as_deref().unwrap_or(DUMMY))?;
            Ok(match stored {
                Some(stored) if is_right => Verdict::Right { is_outdated: is_outdated(&stored) },
                _ => Verdict::Wrong,
            })
        })
        .await
    }

    /// The hash of a password that was chosen.
    ///
    /// # Errors
    /// [`PoolError`].
    pub async fn hash(&self, password: Password) -> Result<String, PoolError> {
        self.run(move || hash(&password)).await
    }

    /// The permits belong to the work: a client that leaves frees nothing before the work ends.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, PoolError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PoolError::Busy)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| PoolError::Busy)?;
        let done = spawn_blocking(move || {
            let _held = (place, permit);
            work()
        });
        Ok(done.await.unwrap_or(Err(HashError::Unavailable))?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    fn password(text: &str) -> Password {
        Password::sent(text).unwrap()
    }

    #[tokio::test]
    async fn unknown_names_and_accounts_without_a_password_are_wrong() {
        let pool = PasswordPool::default();
        let stored = pool.hash(password("correct horse")).await.unwrap();
        let verify = async |text, stored| pool.verify(password(text), stored).await;
        assert_eq!(verify("correct horse", Some(stored.clone())).await, Ok(Verdict::Right { is_outdated: false }));
        assert_eq!(verify("battery", Some(stored)).await, Ok(Verdict::Wrong));
        assert_eq!(verify("correct horse", None).await, Ok(Verdict::Wrong));
        assert_eq!(verify("", None).await, Ok(Verdict::Wrong));
    }

    /// A flood of attempts, whose clients leave at once.
    #[tokio::test]
    async fn attempts_whose_clients_left_hold_their_places_until_they_end() {
        let pool = PasswordPool::default();
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(std::sync::Mutex::new(ended));
        for _ in 0..RUNNING_MAX {
            let ended = Arc::clone(&ended);
            let running = pool.run(move || {
                let _ = ended.lock().map(|ended| ended.recv());
                Ok(())
            });
            let mut running = Box::pin(running);
            assert!(futures_util::poll!(&mut running).is_pending());
        }
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(pool.run(|| Ok(7)))).collect();
        for attempt in &mut waiting {
            assert!(futures_util::poll!(attempt).is_pending());
        }
        assert_eq!(pool.run(|| Ok(7)).await, Err(PoolError::Busy));
        // A client that leaves while it waits makes room for another one that waits.
        waiting.pop();
        let mut next = Box::pin(pool.run(|| Ok(8)));
        assert!(futures_util::poll!(&mut next).is_pending());
        // The others would get their turns before it.
        drop(waiting);
        drop(end);
        assert_eq!(next.await, Ok(8));
    }

    /// Prints the cost of a sign-in: `cargo test --release -p backend --lib cost_of_a_password -- --ignored --nocapture`.
    #[ignore = "a measurement"]
    #[tokio::test(flavor = "multi_thread")]
    async fn cost_of_a_password() {
        let pool = PasswordPool::default();
        let stored = pool.hash(password("correct horse")).await.unwrap();
        for (what, stored) in [("known", Some(stored)), ("unknown", None)] {
            let begun = Instant::now();
            for _ in 0..20 {
                pool.verify(password("battery"), stored.clone()).await.unwrap();
            }
            println!("{what}: {:?} each", begun.elapsed() / 20);
        }
    }
}

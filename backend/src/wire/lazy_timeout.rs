//! A bound on waits that nearly always end long before it: on a connection that is used thousands of times a second a
//! timer that is set and taken back for each wait costs more than the wait.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer for many waits, one after the other. It stays as it was set until it goes off, and only then looks whether
/// it should have been set later.
#[derive(Debug, Default)]
pub struct LazyTimeout {
    timer: Option<Pin<Box<Sleep>>>,
}

impl LazyTimeout {
    /// What `work` comes to; none if that takes longer than `time`.
    pub async fn within<T>(&mut self, time: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut deadline = None;
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            // Most work never comes here, and needs no look at the clock.
            Poll::Pending => self.poll(context, *deadline.get_or_insert_with(|| Instant::now() + time)).map(|()| None),
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(context).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{pause, sleep};

    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn each_wait_has_its_own_time() {
        pause();
        let mut timeout = LazyTimeout::default();
        for _ in 0..10 {
            assert_eq!(timeout.within(TIME, sleep(TIME * 3 / 4)).await, Some(()));
        }
        for time in [TIME, 3 * TIME, TIME / 2] {
            let started = Instant::now();
            assert_eq!(timeout.within(time, pending::<()>()).await, None);
            assert!(started.elapsed() >= time && started.elapsed() < time + TIME / 4);
        }
    }

    #[tokio::test]
    async fn what_is_done_at_once_is_never_late() {
        pause();
        let mut timeout = LazyTimeout::default();
        assert_eq!(timeout.within(Duration::ZERO, async { 7 }).await, Some(7));
        assert!(timeout.timer.is_none());
    }
}

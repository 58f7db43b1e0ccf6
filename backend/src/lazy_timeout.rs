//! A timeout for waits that nearly always end early. On a connection that serves thousands of requests a second,
//! setting and cancelling a timer for each wait would cost more than the wait.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer for consecutive waits. It keeps its deadline when a wait ends, and is moved to the deadline of the present
/// wait when it fires.
#[derive(Debug, Default)]
pub struct LazyTimeout {
    timer: Option<Pin<Box<Sleep>>>,
}

impl LazyTimeout {
    /// Runs `work`; `None` if it takes longer than `time`.
    pub async fn within<T>(&mut self, time: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut deadline = None;
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            // Most work is ready at once and needs no clock.
            Poll::Pending => self.poll(context, *deadline.get_or_insert_with(|| Instant::now() + time)).map(|()| None),
        })
        .await
    }

    /// Ready once `deadline` has passed. Consecutive polls may have different deadlines.
    pub fn poll(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
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
    async fn each_wait_has_its_own_deadline() {
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
    async fn work_that_is_ready_at_once_never_times_out() {
        pause();
        let mut timeout = LazyTimeout::default();
        assert_eq!(timeout.within(Duration::ZERO, async { 7 }).await, Some(7));
        assert!(timeout.timer.is_none());
    }
}

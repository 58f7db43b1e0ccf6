//! The queue by example, and as a property: after any sequence of events the totals are right and the limits hold, and
//! once the server answers, every upload ends.

use proptest::prelude::*;
use shared::{ETag, UploadId, VPath};

use super::super::item::{ExistingEntry, Id, OnExisting, SelectedFile, Stage};
use super::super::retry_policy::{Remedy, UploadError};
use super::super::slices::SLICE_BYTES_MIN;
use super::super::totals::Totals;
use super::schedule::{COMPARISONS_MAX, CONNECTIONS_MAX};
use super::{AttemptEvent, Connectivity, Effect, Queue};
use crate::failure::Reason;
use crate::ui::resolution::Resolution;

fn file(name: &str, size: u64) -> SelectedFile {
    SelectedFile { target: VPath::parse(name).unwrap(), size, modified: 7 }
}

fn existing(size: u64) -> ExistingEntry {
    ExistingEntry { folder: false, size, modified: 1, etag: Some(ETag([1; 16])) }
}

fn queue_of(sizes: &[u64]) -> Queue {
    let mut queue = Queue::default();
    for (index, size) in sizes.iter().enumerate() {
        let id = queue.add(file(&format!("f{index}"), *size), 0);
        queue.target_checked(id, None);
    }
    queue
}

fn stage(queue: &Queue, id: Id) -> &Stage {
    &queue.get(id).unwrap().stage
}

#[test]
fn start_next_sends_four_files_at_a_time_in_order() {
    let mut queue = queue_of(&[1, 2, 3, 4, 5]);
    let started: Vec<_> = std::iter::from_fn(|| queue.start_next(0.0)).collect();
    assert_eq!(started, [(0, 1), (1, 1), (2, 1), (3, 1)]);
    assert_eq!(queue.upcoming().collect::<Vec<_>>(), [4]);
    queue.handle(1, 1, AttemptEvent::Done(true), 0.0);
    assert_eq!(queue.start_next(0.0), Some((4, 1)));
    assert_eq!(queue.take_effects(), [Effect::Abort(1), Effect::Release(1)]);
}

#[test]
fn large_files_leave_connections_to_small_ones() {
    let large = SLICE_BYTES_MIN + 1;
    let mut queue = queue_of(&[large, large, large, 1, 1]);
    let started: Vec<_> = std::iter::from_fn(|| queue.start_next(0.0)).map(|(id, _)| id).collect();
    assert_eq!(started, [0, 1, 3, 4]);
    queue.handle(3, 1, AttemptEvent::Done(true), 0.0);
    assert_eq!(queue.start_next(0.0).map(|(id, _)| id), Some(2), "no small file waits");
}

#[test]
fn pause_keeps_the_stored_bytes_and_ignores_events_of_the_old_attempt() {
    let mut queue = queue_of(&[100]);
    let (id, attempt) = queue.start_next(0.0).unwrap();
    queue.handle(id, attempt, AttemptEvent::Created(UploadId([9; 16])), 0.0);
    queue.handle(id, attempt, AttemptEvent::Stored(40), 0.0);
    queue.handle(id, attempt, AttemptEvent::Sent(55), 0.0);
    queue.pause(id);
    assert_eq!(queue.take_effects(), [Effect::Save(id), Effect::Abort(id)]);
    queue.handle(id, attempt, AttemptEvent::Sent(60), 0.0);
    queue.handle(id, attempt, AttemptEvent::Done(true), 0.0);
    assert_eq!((stage(&queue, id), queue.get(id).unwrap().sent), (&Stage::Paused, 40));
    assert_eq!(queue.start_next(0.0), None);
    queue.resume(id);
    assert!(queue.start_next(0.0).is_some());
    queue.cancel(id);
    assert!(queue.take_effects().contains(&Effect::Delete(UploadId([9; 16]))));
    assert_eq!((queue.totals().files, queue.shown().len()), (0, 0));
}

#[test]
fn a_lost_connection_stops_all_uploads_and_one_probes_the_server() {
    let mut queue = queue_of(&[10; 5]);
    for _ in 0..3 {
        queue.start_next(0.0).unwrap();
    }
    queue.handle(0, 1, AttemptEvent::Failed(Remedy::Reconnect), 0.0);
    assert_eq!(queue.connectivity(), Connectivity::Lost { failures: 0, retry_at: 1_000.0 });
    assert_eq!((queue.start_next(999.0), queue.next_wake()), (None, Some(1_000.0)));
    let (id, attempt) = queue.start_next(1_000.0).unwrap();
    assert_eq!((id, queue.start_next(1_000.0)), (0, None), "only the first upload probes");
    queue.handle(id, attempt, AttemptEvent::Failed(Remedy::Reconnect), 1_000.0);
    assert_eq!(queue.connectivity(), Connectivity::Lost { failures: 1, retry_at: 3_000.0 });
    let (id, attempt) = queue.start_next(3_000.0).unwrap();
    queue.handle(id, attempt, AttemptEvent::Sent(5), 3_000.0);
    assert_eq!(queue.connectivity(), Connectivity::Online);
    assert!(queue.start_next(3_000.0).is_some() && queue.start_next(3_000.0).is_some());
}

#[test]
fn no_upload_starts_offline_and_one_starts_at_once_when_online() {
    let mut queue = queue_of(&[10; 2]);
    queue.start_next(0.0).unwrap();
    queue.set_online(false, 0.0);
    assert_eq!((queue.start_next(1e9), queue.next_wake()), (None, None));
    queue.set_online(true, 1e9);
    assert_eq!(queue.start_next(1e9).map(|(id, _)| id), Some(0));
}

#[test]
fn a_file_that_alone_keeps_failing_is_given_up() {
    let mut queue = queue_of(&[10]);
    let mut now = 0.0;
    for _ in 0..100 {
        let Some((id, attempt)) = queue.start_next(now) else {
            match queue.next_wake() {
                Some(wake) => now = wake,
                None => break,
            }
            continue;
        };
        // The server answers, but the bytes never arrive.
        queue.handle(id, attempt, AttemptEvent::Created(UploadId([1; 16])), now);
        queue.handle(id, attempt, AttemptEvent::Failed(Remedy::Reconnect), now);
    }
    assert_eq!(stage(&queue, 0), &Stage::Failed(UploadError(Reason::Unreachable)));
    queue.resume(0);
    assert!(queue.start_next(now).is_some());
}

#[test]
fn an_expired_upload_starts_over() {
    let mut queue = queue_of(&[100]);
    let (id, attempt) = queue.start_next(0.0).unwrap();
    queue.handle(id, attempt, AttemptEvent::Created(UploadId([2; 16])), 0.0);
    queue.handle(id, attempt, AttemptEvent::Sent(50), 0.0);
    queue.take_effects();
    queue.handle(id, attempt, AttemptEvent::Failed(Remedy::StartOver), 0.0);
    assert!(queue.take_effects().contains(&Effect::Forget(UploadId([2; 16]))));
    assert_eq!((queue.get(id).unwrap().upload, queue.get(id).unwrap().sent), (None, 0));
    assert_eq!(queue.start_next(1_000.0), Some((id, attempt + 1)));
}

#[test]
fn files_of_the_same_size_are_compared_and_others_are_conflicts() {
    let mut queue = Queue::default();
    for size in [5, 5, 6] {
        queue.add(file("a", size), 1);
    }
    for id in 0..3 {
        queue.target_checked(id, Some(existing(5)));
    }
    assert_eq!(queue.current_conflict(), Some((2, 0)));
    let (same, attempt) = queue.start_comparison().unwrap();
    queue.handle(same, attempt, AttemptEvent::Compared(true), 0.0);
    assert_eq!(stage(&queue, same), &Stage::Identical);
    let (other, attempt) = queue.start_comparison().unwrap();
    queue.handle(other, attempt, AttemptEvent::Compared(false), 0.0);
    assert_eq!(queue.current_conflict(), Some((2, 1)));
    queue.resolve(2, Resolution::Replace, true);
    assert_eq!(queue.current_conflict(), None);
    assert_eq!(queue.get(other).unwrap().on_existing, OnExisting::Replace(Some(ETag([1; 16]))));
    assert_eq!((queue.totals().identical, queue.totals().active), (1, 2));
    // The answer applies to later files of the batch, but not to another batch.
    let later = queue.add(file("b", 9), 1);
    queue.target_checked(later, Some(existing(5)));
    assert_eq!(stage(&queue, later), &Stage::Waiting);
    let another = queue.add(file("c", 9), 2);
    queue.target_checked(another, Some(existing(5)));
    assert_eq!(queue.current_conflict(), Some((another, 0)));
    queue.resolve(another, Resolution::Skip, false);
    assert_eq!(stage(&queue, another), &Stage::Skipped);
}

#[test]
fn an_entry_that_changed_since_the_answer_is_a_new_conflict() {
    let mut queue = Queue::default();
    let id = queue.add(file("a", 9), 1);
    queue.target_checked(id, Some(existing(5)));
    queue.resolve(id, Resolution::Replace, true);
    let (_, attempt) = queue.start_next(0.0).unwrap();
    queue.handle(id, attempt, AttemptEvent::Created(UploadId([3; 16])), 0.0);
    queue.handle(id, attempt, AttemptEvent::Conflict(existing(8)), 0.0);
    assert_eq!(queue.current_conflict(), Some((id, 0)));
    queue.resolve(id, Resolution::KeepBoth, false);
    assert_eq!(queue.get(id).unwrap().upload, Some(UploadId([3; 16])), "the stored bytes are kept");
    assert!(queue.start_next(0.0).is_some());
}

#[test]
fn a_restored_upload_waits_for_its_file() {
    let mut queue = Queue::default();
    let id = queue.restore(file("folder/a", 100), 0, UploadId([4; 16]), 60);
    assert_eq!((queue.start_next(0.0), queue.totals().missing), (None, 1));
    assert_eq!(queue.find_restored(&file("elsewhere/a", 100), false), None);
    assert_eq!(queue.find_restored(&file("elsewhere/a", 100), true), Some(id));
    assert_eq!(queue.find_restored(&file("folder/a", 101), true), None);
    queue.file_found(id);
    assert_eq!(queue.start_next(0.0), Some((id, 1)));
    assert_eq!(queue.get(id).unwrap().sent, 60);
}

#[test]
fn adding_a_file_clears_finished_uploads_but_not_failed_ones() {
    let mut queue = queue_of(&[1, 1]);
    for _ in 0..2 {
        queue.start_next(0.0);
    }
    queue.handle(0, 1, AttemptEvent::Done(true), 0.0);
    queue.handle(1, 1, AttemptEvent::Failed(Remedy::Fail(UploadError(Reason::NoSpace))), 0.0);
    let new = queue.add(file("new", 1), 1);
    assert_eq!(queue.shown(), [1, new]);
}

#[test]
fn a_verifying_upload_keeps_its_connection_and_can_be_paused() {
    let mut queue = queue_of(&[3 * SLICE_BYTES_MIN]);
    let (id, attempt) = queue.start_next(0.0).unwrap();
    queue.handle(id, attempt, AttemptEvent::Stored(2 * SLICE_BYTES_MIN), 0.0);
    queue.handle(id, attempt, AttemptEvent::Verifying, 0.0);
    assert_eq!((stage(&queue, id), queue.totals().large_connections), (&Stage::Verifying, 1));
    assert!(queue.get(id).unwrap().progress() < 0.7, "the last slice is not sent yet");
    queue.handle(id, attempt, AttemptEvent::Sent(2 * SLICE_BYTES_MIN), 0.0);
    assert_eq!(stage(&queue, id), &Stage::Sending);
    queue.handle(id, attempt, AttemptEvent::Verifying, 0.0);
    queue.pause(id);
    assert_eq!((stage(&queue, id), queue.unfinished_bytes()), (&Stage::Paused, 2 * SLICE_BYTES_MIN));
}

#[test]
fn damaged_bytes_are_deleted_and_a_retry_starts_over() {
    let mut queue = queue_of(&[3 * SLICE_BYTES_MIN]);
    let (id, attempt) = queue.start_next(0.0).unwrap();
    queue.handle(id, attempt, AttemptEvent::Created(UploadId([6; 16])), 0.0);
    queue.handle(id, attempt, AttemptEvent::Stored(2 * SLICE_BYTES_MIN), 0.0);
    queue.handle(id, attempt, AttemptEvent::Failed(Remedy::Fail(UploadError(Reason::Damaged))), 0.0);
    assert!(queue.take_effects().contains(&Effect::Delete(UploadId([6; 16]))));
    queue.resume(id);
    assert_eq!(queue.start_next(0.0), Some((id, attempt + 1)));
    assert_eq!((queue.get(id).unwrap().upload, queue.get(id).unwrap().sent), (None, 0));
}

#[derive(Clone, Debug)]
enum Action {
    Add(u64, u32),
    CheckTarget(usize, bool, u64),
    Start,
    Compare,
    Event(usize, bool, usize),
    User(usize, usize),
    Online(bool),
    Wait(u16),
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (0..3 * SLICE_BYTES_MIN, 0..3_u32).prop_map(|(size, batch)| Action::Add(size, batch)),
        3 => (0..20_usize, any::<bool>(), 0..4_u64).prop_map(|(id, there, size)| Action::CheckTarget(id, there, size)),
        4 => Just(Action::Start),
        1 => Just(Action::Compare),
        6 => (0..20_usize, any::<bool>(), 0..14_usize).prop_map(|(id, old, choice)| Action::Event(id, old, choice)),
        3 => (0..20_usize, 0..11_usize).prop_map(|(id, choice)| Action::User(id, choice)),
        1 => any::<bool>().prop_map(Action::Online),
        1 => any::<u16>().prop_map(Action::Wait),
    ]
}

fn event_of(choice: usize) -> AttemptEvent {
    let remedies = [
        Remedy::Reconnect,
        Remedy::Retry(Reason::Busy),
        Remedy::StartOver,
        Remedy::CheckTarget,
        Remedy::Fail(UploadError(Reason::NoSpace)),
    ];
    match choice {
        0 => AttemptEvent::Created(UploadId([5; 16])),
        1 => AttemptEvent::Sent(1_000),
        12 => AttemptEvent::Stored(2_000),
        2 => AttemptEvent::Hashed(1_000),
        3 => AttemptEvent::Verifying,
        4 => AttemptEvent::Done(false),
        5 => AttemptEvent::Conflict(existing(3)),
        6 => AttemptEvent::Damaged(None),
        7 => AttemptEvent::TargetFree,
        _ => AttemptEvent::Failed(remedies[(choice - 8) % remedies.len()]),
    }
}

fn perform(queue: &mut Queue, now: &mut f64, action: Action) {
    let attempt = |queue: &Queue, id| queue.get(id).map_or(0, |item| item.attempt);
    match action {
        Action::Add(size, batch) => _ = queue.add(file("a", size), batch),
        Action::CheckTarget(id, there, size) => queue.target_checked(id, there.then(|| existing(size))),
        Action::Start => _ = queue.start_next(*now),
        Action::Compare => {
            if let Some((id, attempt)) = queue.start_comparison() {
                queue.handle(id, attempt, AttemptEvent::Compared(id % 2 == 0), *now);
            }
        }
        Action::Event(id, old, choice) => {
            queue.handle(id, attempt(queue, id).wrapping_sub(u32::from(old)), event_of(choice), *now)
        }
        Action::User(id, choice) => match choice {
            0 => queue.pause(id),
            1 => queue.resume(id),
            2 => queue.cancel(id),
            3 => queue.pause_all(),
            4 => queue.resume_all(),
            5 => queue.retry_all(),
            6 => queue.cancel_all(),
            7 => queue.clear_finished(),
            8 => queue.resolve(id, Resolution::Replace, true),
            9 => queue.resolve(id, Resolution::Skip, false),
            _ => queue.show_conflict(id),
        },
        Action::Online(online) => queue.set_online(online, *now),
        Action::Wait(milliseconds) => *now += f64::from(milliseconds),
    }
}

fn check(queue: &Queue) {
    let mut totals = Totals::default();
    queue.items.iter().for_each(|item| totals.add(item));
    assert_eq!(&totals, queue.totals());
    assert!(
        totals.small_connections + totals.large_connections <= CONNECTIONS_MAX && totals.comparing <= COMPARISONS_MAX
    );
    for (id, item) in queue.items.iter().enumerate() {
        let may_run = item.stage.uses_connection() || item.stage == Stage::Comparing;
        assert!(!item.running || may_run, "{id}: {:?}", item.stage);
        assert!(!item.stage.uses_connection() || item.running, "{id}");
        assert_eq!(item.stage == Stage::Canceled, !queue.shown().contains(&id), "{id}");
        assert!(!item.stage.is_final() || item.upload.is_none(), "{id}");
    }
}

proptest! {
    #[test]
    fn totals_stay_right_and_every_upload_ends(list in proptest::collection::vec(actions(), 0..120)) {
        let (mut queue, mut now) = (Queue::default(), 0.0);
        for one in list {
            perform(&mut queue, &mut now, one);
            check(&queue);
        }
        // From here on the server answers, and the user agrees to everything.
        queue.set_online(true, now);
        for round in 0..1_000 {
            prop_assert!(round < 999, "uploads remain after 1000 rounds");
            for id in queue.shown().to_vec() {
                match stage(&queue, id) {
                    Stage::Checking => queue.target_checked(id, None),
                    Stage::Conflict(_) => queue.resolve(id, Resolution::KeepBoth, false),
                    Stage::Paused | Stage::Failed(_) => queue.resume(id),
                    stage if stage.uses_connection() => {
                        let attempt = queue.get(id).unwrap().attempt;
                        queue.handle(id, attempt, AttemptEvent::Done(true), now);
                    }
                    Stage::Comparing if queue.get(id).unwrap().running => {
                        let attempt = queue.get(id).unwrap().attempt;
                        queue.handle(id, attempt, AttemptEvent::Compared(true), now);
                    }
                    _ => {}
                }
            }
            while queue.start_comparison().is_some() {}
            let started = queue.start_next(now).is_some();
            check(&queue);
            if queue.totals().finished() == queue.totals().files {
                break;
            }
            if !started && queue.totals().small_connections + queue.totals().large_connections == 0 {
                now = queue.next_wake().unwrap_or(now).max(now);
            }
        }
        prop_assert_eq!(queue.totals().percent(), 100);
    }
}

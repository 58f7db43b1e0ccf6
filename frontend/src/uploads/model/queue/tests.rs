//! The queue by example, and as properties: whatever happens in whatever order, the sums are right, the lanes suffice,
//! and once the server answers everything comes to an end.

use proptest::prelude::*;
use shared::VPath;

use super::super::slices::SLICE_BYTES_MIN;
use super::*;

fn file(name: &str, size: u64) -> Chosen {
    Chosen { target: VPath::parse(name).unwrap(), size, modified: 7 }
}

fn theirs(size: u64) -> Theirs {
    Theirs { folder: false, size, modified: 1, etag: Some(ETag([1; 16])) }
}

fn with(sizes: &[u64]) -> Queue {
    let mut queue = Queue::default();
    for (index, size) in sizes.iter().enumerate() {
        let id = queue.add(file(&format!("f{index}"), *size), 0);
        queue.judge(id, None);
    }
    queue
}

fn stage(queue: &Queue, id: Id) -> &Stage {
    &queue.get(id).unwrap().stage
}

#[test]
fn four_are_sent_at_a_time_first_come_first_served() {
    let mut queue = with(&[1, 2, 3, 4, 5]);
    let started: Vec<_> = std::iter::from_fn(|| queue.start(0.0)).collect();
    assert_eq!(started, [(0, 1), (1, 1), (2, 1), (3, 1)]);
    assert_eq!(queue.upcoming().collect::<Vec<_>>(), [4]);
    queue.report(1, 1, Report::Done(true), 0.0);
    assert_eq!(queue.start(0.0), Some((4, 1)));
    assert_eq!(queue.take_orders(), [Order::Stop(1), Order::Release(1)]);
}

#[test]
fn large_files_leave_a_lane_to_small_ones() {
    let large = SLICE_BYTES_MIN + 1;
    let mut queue = with(&[large, large, large, 1, 1]);
    let started: Vec<_> = std::iter::from_fn(|| queue.start(0.0)).map(|(id, _)| id).collect();
    assert_eq!(started, [0, 1, 3, 4]);
    queue.report(3, 1, Report::Done(true), 0.0);
    assert_eq!(queue.start(0.0).map(|(id, _)| id), Some(2), "with no small one waiting, the lane is free");
}

#[test]
fn pausing_keeps_what_is_there_and_an_old_attempt_is_not_heard() {
    let mut queue = with(&[100]);
    let (id, run) = queue.start(0.0).unwrap();
    queue.report(id, run, Report::Created(UploadId([9; 16])), 0.0);
    queue.report(id, run, Report::Kept(40), 0.0);
    queue.report(id, run, Report::Sent(55), 0.0);
    queue.pause(id);
    assert_eq!(queue.take_orders(), [Order::Remember(id), Order::Stop(id)]);
    queue.report(id, run, Report::Sent(60), 0.0);
    queue.report(id, run, Report::Done(true), 0.0);
    assert_eq!((stage(&queue, id), queue.get(id).unwrap().sent), (&Stage::Paused, 40));
    assert_eq!(queue.start(0.0), None);
    queue.resume(id);
    assert!(queue.start(0.0).is_some());
    queue.cancel(id);
    assert!(queue.take_orders().contains(&Order::Discard(UploadId([9; 16]))));
    assert_eq!((queue.tally().files, queue.shown().len()), (0, 0));
}

#[test]
fn a_lost_connection_stops_all_and_one_asks_until_the_server_is_back() {
    let mut queue = with(&[10; 5]);
    for _ in 0..3 {
        queue.start(0.0).unwrap();
    }
    queue.report(0, 1, Report::Failed(Remedy::Reconnect), 0.0);
    assert_eq!(queue.link(), Link::Lost { tries: 0, again: 1_000.0 });
    assert_eq!((queue.start(999.0), queue.next_wake()), (None, Some(1_000.0)));
    let (id, run) = queue.start(1_000.0).unwrap();
    assert_eq!((id, queue.start(1_000.0)), (0, None), "one asks, and it is the one that was first");
    queue.report(id, run, Report::Failed(Remedy::Reconnect), 1_000.0);
    assert_eq!(queue.link(), Link::Lost { tries: 1, again: 3_000.0 });
    let (id, run) = queue.start(3_000.0).unwrap();
    queue.report(id, run, Report::Sent(5), 3_000.0);
    assert_eq!(queue.link(), Link::Up);
    assert!(queue.start(3_000.0).is_some() && queue.start(3_000.0).is_some());
}

#[test]
fn without_a_network_nothing_is_tried_and_with_it_at_once() {
    let mut queue = with(&[10; 2]);
    queue.start(0.0).unwrap();
    queue.set_online(false, 0.0);
    assert_eq!((queue.start(1e9), queue.next_wake()), (None, None));
    queue.set_online(true, 1e9);
    assert_eq!(queue.start(1e9).map(|(id, _)| id), Some(0));
}

#[test]
fn one_file_that_alone_fails_is_given_up_at_last() {
    let mut queue = with(&[10]);
    let mut now = 0.0;
    for _ in 0..100 {
        let Some((id, run)) = queue.start(now) else {
            match queue.next_wake() {
                Some(wake) => now = wake,
                None => break,
            }
            continue;
        };
        // The server answers, and yet the bytes do not get through.
        queue.report(id, run, Report::Created(UploadId([1; 16])), now);
        queue.report(id, run, Report::Failed(Remedy::Reconnect), now);
    }
    assert_eq!(stage(&queue, 0), &Stage::Failed(Trouble::Other(crate::failure::Reason::Unreachable)));
    queue.resume(0);
    assert!(queue.start(now).is_some());
}

#[test]
fn an_expired_upload_starts_over() {
    let mut queue = with(&[100]);
    let (id, run) = queue.start(0.0).unwrap();
    queue.report(id, run, Report::Created(UploadId([2; 16])), 0.0);
    queue.report(id, run, Report::Sent(50), 0.0);
    queue.take_orders();
    queue.report(id, run, Report::Failed(Remedy::StartOver), 0.0);
    assert!(queue.take_orders().contains(&Order::Forget(UploadId([2; 16]))));
    assert_eq!((queue.get(id).unwrap().upload, queue.get(id).unwrap().sent), (None, 0));
    assert_eq!(queue.start(1_000.0), Some((id, run + 1)));
}

#[test]
fn the_same_size_is_compared_first_and_another_size_asked_about() {
    let mut queue = Queue::default();
    for size in [5, 5, 6] {
        queue.add(file("a", size), 1);
    }
    for id in 0..3 {
        queue.judge(id, Some(theirs(5)));
    }
    assert_eq!(queue.question(), Some((2, 0)));
    let (same, run) = queue.start_comparison().unwrap();
    queue.report(same, run, Report::Compared(true), 0.0);
    assert_eq!(stage(&queue, same), &Stage::Identical);
    let (other, run) = queue.start_comparison().unwrap();
    queue.report(other, run, Report::Compared(false), 0.0);
    assert_eq!(queue.question(), Some((2, 1)));
    queue.decide(2, Decision::Replace, true);
    assert_eq!(queue.question(), None);
    assert_eq!(queue.get(other).unwrap().rule, super::super::item::Rule::Replace(Some(ETag([1; 16]))));
    assert_eq!((queue.tally().identical, queue.tally().moving), (1, 2));
    // What comes later in the same batch is answered already, another batch is not.
    let later = queue.add(file("b", 9), 1);
    queue.judge(later, Some(theirs(5)));
    assert_eq!(stage(&queue, later), &Stage::Waiting);
    let another = queue.add(file("c", 9), 2);
    queue.judge(another, Some(theirs(5)));
    assert_eq!(queue.question(), Some((another, 0)));
    queue.decide(another, Decision::Skip, false);
    assert_eq!(stage(&queue, another), &Stage::Skipped);
}

#[test]
fn a_file_that_changed_since_it_was_seen_is_asked_about_again() {
    let mut queue = Queue::default();
    let id = queue.add(file("a", 9), 1);
    queue.judge(id, Some(theirs(5)));
    queue.decide(id, Decision::Replace, true);
    let (_, run) = queue.start(0.0).unwrap();
    queue.report(id, run, Report::Created(UploadId([3; 16])), 0.0);
    queue.report(id, run, Report::Conflict(theirs(8)), 0.0);
    assert_eq!(queue.question(), Some((id, 0)));
    queue.decide(id, Decision::KeepBoth, false);
    assert_eq!(queue.get(id).unwrap().upload, Some(UploadId([3; 16])), "the bytes are there and stay");
    assert!(queue.start(0.0).is_some());
}

#[test]
fn a_recalled_upload_waits_for_its_file() {
    let mut queue = Queue::default();
    let id = queue.recall(file("folder/a", 100), 0, UploadId([4; 16]), 60);
    assert_eq!((queue.start(0.0), queue.tally().absent), (None, 1));
    assert_eq!(queue.continued_by(&file("elsewhere/a", 100), false), None);
    assert_eq!(queue.continued_by(&file("elsewhere/a", 100), true), Some(id));
    assert_eq!(queue.continued_by(&file("folder/a", 101), true), None);
    queue.found(id);
    assert_eq!(queue.start(0.0), Some((id, 1)));
    assert_eq!(queue.get(id).unwrap().sent, 60);
}

#[test]
fn finished_ones_leave_when_new_ones_come_and_failures_stay() {
    let mut queue = with(&[1, 1]);
    for _ in 0..2 {
        queue.start(0.0);
    }
    queue.report(0, 1, Report::Done(true), 0.0);
    queue.report(1, 1, Report::Failed(Remedy::Tell(Trouble::NoSpace)), 0.0);
    let new = queue.add(file("new", 1), 1);
    assert_eq!(queue.shown(), [1, new]);
}

#[test]
fn while_the_hash_is_waited_for_the_lane_is_held_and_pausing_works() {
    let mut queue = with(&[3 * SLICE_BYTES_MIN]);
    let (id, run) = queue.start(0.0).unwrap();
    queue.report(id, run, Report::Kept(2 * SLICE_BYTES_MIN), 0.0);
    queue.report(id, run, Report::Verifying, 0.0);
    assert_eq!((stage(&queue, id), queue.tally().large_lanes), (&Stage::Verifying, 1));
    assert!(queue.get(id).unwrap().progress() < 0.7, "the last slice is not there yet");
    queue.report(id, run, Report::Sent(2 * SLICE_BYTES_MIN), 0.0);
    assert_eq!(stage(&queue, id), &Stage::Sending);
    queue.report(id, run, Report::Verifying, 0.0);
    queue.pause(id);
    assert_eq!((stage(&queue, id), queue.loses()), (&Stage::Paused, 2 * SLICE_BYTES_MIN));
}

#[test]
fn damaged_bytes_are_given_up_and_sent_again_from_the_start() {
    let mut queue = with(&[3 * SLICE_BYTES_MIN]);
    let (id, run) = queue.start(0.0).unwrap();
    queue.report(id, run, Report::Created(UploadId([6; 16])), 0.0);
    queue.report(id, run, Report::Kept(2 * SLICE_BYTES_MIN), 0.0);
    queue.report(id, run, Report::Failed(Remedy::Tell(Trouble::Damaged)), 0.0);
    assert!(queue.take_orders().contains(&Order::Discard(UploadId([6; 16]))));
    queue.resume(id);
    assert_eq!(queue.start(0.0), Some((id, run + 1)));
    assert_eq!((queue.get(id).unwrap().upload, queue.get(id).unwrap().sent), (None, 0));
}

#[derive(Clone, Debug)]
enum Act {
    Add(u64, u32),
    Judge(usize, bool, u64),
    Start,
    Compare,
    Report(usize, bool, usize),
    Person(usize, usize),
    Online(bool),
    Wait(u16),
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..3 * SLICE_BYTES_MIN, 0..3_u32).prop_map(|(size, batch)| Act::Add(size, batch)),
        3 => (0..20_usize, any::<bool>(), 0..4_u64).prop_map(|(id, there, size)| Act::Judge(id, there, size)),
        4 => Just(Act::Start),
        1 => Just(Act::Compare),
        6 => (0..20_usize, any::<bool>(), 0..14_usize).prop_map(|(id, old, what)| Act::Report(id, old, what)),
        3 => (0..20_usize, 0..11_usize).prop_map(|(id, what)| Act::Person(id, what)),
        1 => any::<bool>().prop_map(Act::Online),
        1 => any::<u16>().prop_map(Act::Wait),
    ]
}

fn report_of(what: usize) -> Report {
    let remedies = [Remedy::Reconnect, Remedy::Retry, Remedy::StartOver, Remedy::Ask, Remedy::Tell(Trouble::NoSpace)];
    match what {
        0 => Report::Created(UploadId([5; 16])),
        1 => Report::Sent(1_000),
        12 => Report::Kept(2_000),
        2 => Report::Hashed(1_000),
        3 => Report::Verifying,
        4 => Report::Done(false),
        5 => Report::Conflict(theirs(3)),
        6 => Report::Damaged(None),
        7 => Report::Cleared,
        _ => Report::Failed(remedies[(what - 8) % remedies.len()]),
    }
}

fn act(queue: &mut Queue, now: &mut f64, act: Act) {
    let run = |queue: &Queue, id| queue.get(id).map_or(0, |item| item.run);
    match act {
        Act::Add(size, batch) => _ = queue.add(file("a", size), batch),
        Act::Judge(id, there, size) => queue.judge(id, there.then(|| theirs(size))),
        Act::Start => _ = queue.start(*now),
        Act::Compare => {
            if let Some((id, run)) = queue.start_comparison() {
                queue.report(id, run, Report::Compared(id % 2 == 0), *now);
            }
        }
        Act::Report(id, old, what) => {
            queue.report(id, run(queue, id).wrapping_sub(u32::from(old)), report_of(what), *now)
        }
        Act::Person(id, what) => match what {
            0 => queue.pause(id),
            1 => queue.resume(id),
            2 => queue.cancel(id),
            3 => queue.pause_all(),
            4 => queue.resume_all(),
            5 => queue.retry_all(),
            6 => queue.cancel_all(),
            7 => queue.clear_finished(),
            8 => queue.decide(id, Decision::Replace, true),
            9 => queue.decide(id, Decision::Skip, false),
            _ => queue.ask_about(id),
        },
        Act::Online(online) => queue.set_online(online, *now),
        Act::Wait(milliseconds) => *now += f64::from(milliseconds),
    }
}

fn check(queue: &Queue) {
    let mut sums = Tally::default();
    queue.items.iter().for_each(|item| sums.add(item));
    assert_eq!(&sums, queue.tally());
    assert!(sums.small_lanes + sums.large_lanes <= LANES && sums.comparing <= COMPARISONS);
    for (id, item) in queue.items.iter().enumerate() {
        let works = item.stage.holds_lane() || item.stage == Stage::Comparing;
        assert!(!item.busy || works, "{id}: {:?}", item.stage);
        assert!(!item.stage.holds_lane() || item.busy, "{id}");
        assert_eq!(item.stage == Stage::Canceled, !queue.shown().contains(&id), "{id}");
        assert!(!item.stage.is_over() || item.upload.is_none(), "{id}");
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_sums_are_right_and_everything_ends(list in proptest::collection::vec(acts(), 0..120)) {
        let (mut queue, mut now) = (Queue::default(), 0.0);
        for one in list {
            act(&mut queue, &mut now, one);
            check(&queue);
        }
        // From here on the server answers and the person says yes.
        queue.set_online(true, now);
        for round in 0..1_000 {
            prop_assert!(round < 999, "it goes on for ever");
            for id in queue.shown().to_vec() {
                match stage(&queue, id) {
                    Stage::Planned => queue.judge(id, None),
                    Stage::Asking(_) => queue.decide(id, Decision::KeepBoth, false),
                    Stage::Paused | Stage::Failed(_) => queue.resume(id),
                    stage if stage.holds_lane() => {
                        let run = queue.get(id).unwrap().run;
                        queue.report(id, run, Report::Done(true), now);
                    }
                    Stage::Comparing if queue.get(id).unwrap().busy => {
                        let run = queue.get(id).unwrap().run;
                        queue.report(id, run, Report::Compared(true), now);
                    }
                    _ => {}
                }
            }
            while queue.start_comparison().is_some() {}
            let started = queue.start(now).is_some();
            check(&queue);
            if queue.tally().over() == queue.tally().files {
                break;
            }
            if !started && queue.tally().small_lanes + queue.tally().large_lanes == 0 {
                now = queue.next_wake().unwrap_or(now).max(now);
            }
        }
        prop_assert_eq!(queue.tally().percent(), 100);
    }
}

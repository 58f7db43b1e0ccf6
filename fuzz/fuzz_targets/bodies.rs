//! Decodes arbitrary bytes as each message: they are refused, or the message survives encoding and decoding.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use shared::limits::FRAME_CONTROL_BYTES_MAX;
use shared::wire::{
    Abort, Auth, AuthOk, Bounded, CancelJob, ChangeRequest, Commit, Digest, DigestsKnown, End, Get, Goodbye, Hello,
    Health, HelloAck, ItemEnd, JobStatus, List, ListTrash, Message, Meta, Page, Put, PutEnd, Stage, Stat, Store, TrashPage,
    Upload, UploadStatus, Walk, Watch, decode, encode,
};
use shared::{Event, Job};

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    if bytes.len() > FRAME_CONTROL_BYTES_MAX {
        return;
    }
    match kind % 32 {
        0 => bounded::<Hello>(bytes),
        1 => bounded::<List>(bytes),
        2 => bounded::<Stat>(bytes),
        3 => bounded::<Get>(bytes),
        4 => bounded::<Walk>(bytes),
        5 => drop(check::<HelloAck>(bytes)),
        6 => drop(check::<Auth>(bytes)),
        7 => drop(check::<AuthOk>(bytes)),
        8 => drop(check::<Page>(bytes)),
        9 => drop(check::<Meta>(bytes)),
        10 => drop(check::<ItemEnd>(bytes)),
        11 => drop(check::<End>(bytes)),
        12 => drop(check::<Goodbye>(bytes)),
        13 => bounded::<Stage>(bytes),
        14 => bounded::<Put>(bytes),
        15 => bounded::<UploadStatus>(bytes),
        16 => bounded::<Commit>(bytes),
        17 => bounded::<Abort>(bytes),
        18 => bounded::<Digest>(bytes),
        19 => bounded::<ChangeRequest>(bytes),
        20 => bounded::<JobStatus>(bytes),
        21 => bounded::<CancelJob>(bytes),
        22 => bounded::<ListTrash>(bytes),
        23 => bounded::<Watch>(bytes),
        24 => drop(check::<PutEnd>(bytes)),
        25 => drop(check::<Upload>(bytes)),
        26 => drop(check::<DigestsKnown>(bytes)),
        27 => drop(check::<Job>(bytes)),
        28 => drop(check::<TrashPage>(bytes)),
        29 => bounded::<Store>(bytes),
        30 => bounded::<Health>(bytes),
        _ => drop(check::<Event>(bytes)),
    }
});

fn bounded<M: Message + Bounded + PartialEq + Debug>(bytes: &[u8]) {
    if let Some(message) = check::<M>(bytes) {
        let _ = message.check_bounds();
    }
}

fn check<M: Message + PartialEq + Debug>(bytes: &[u8]) -> Option<M> {
    let message: M = decode(bytes).ok()?;
    let again: M = decode(&encode(&message)).expect("an encoded message decodes");
    assert_eq!(again, message);
    Some(message)
}

//! Invalid frames, bodies and parameters on an authenticated connection.

use backend::client::GetItem;
use backend::wire::Frame;
use shared::limits::SCOPE_GRANTS_MAX;
use shared::limits::{CANCELS_PER_MINUTE_MAX, IDLE_TIME};
use shared::wire::{Caller, FrameKind, Get, List, Stat, Walk, encode};
use shared::{ErrorCode, Grant, Order, Rights, Scope, VPath};
use tokio::io::AsyncWriteExt;

use super::fixtures::{connect_in_memory, pseudo_random_bytes};
use crate::raw_connection::{PipeServer, RawPipe, frame, frame_bytes, header, stat, within};
use crate::test_server::{path, reader};

async fn open() -> (RawPipe, PipeServer) {
    let (mut raw, server) = connect_in_memory();
    raw.handshake(&server.key, None).await;
    (raw, server)
}

/// Sends bytes on an open connection, and checks the code with which the server closes it.
async fn assert_closes_with(sent: &[u8], expected: ErrorCode) {
    let (mut raw, server) = open().await;
    raw.send_bytes(sent).await;
    assert_eq!(raw.closing_code().await, Some(expected), "{:02x?}", &sent[..sent.len().min(16)]);
    drop(raw);
    within(server.task).await.unwrap();
}

#[tokio::test]
async fn frames_invalid_for_a_client_end_the_connection() {
    assert_closes_with(&header(0, 0x10, 0, 0, 1), ErrorCode::Protocol).await;
    assert_closes_with(&header(7, 0x50, 0, 0, 1), ErrorCode::Protocol).await;
    assert_closes_with(&header((64 << 10) + 1, 0x10, 0, 0, 1), ErrorCode::FrameTooLong).await;
    assert_closes_with(&header((64 << 10) + 1, 0x3f, 0, 0, 1), ErrorCode::FrameTooLong).await;
    assert_closes_with(&header(u32::MAX, 0x10, 0, 0, 1), ErrorCode::FrameTooLong).await;
    assert_closes_with(&header(8, 0x50, 0x80, 0, 1), ErrorCode::Protocol).await;
    assert_closes_with(&header(8, 0x50, 0, 0x100, 1), ErrorCode::Protocol).await;
    // DATA: empty, outside a PUT, and longer than agreed.
    assert_closes_with(&header(8, 0x42, 0, 0, 1), ErrorCode::Protocol).await;
    assert_closes_with(&[&header(9, 0x42, 0, 0, 1)[..], b"x"].concat(), ErrorCode::Protocol).await;
    assert_closes_with(&header((1 << 20) + 9, 0x42, 0, 0, 1), ErrorCode::FrameTooLong).await;
    for kind in [FrameKind::Hello, FrameKind::Auth, FrameKind::Page, FrameKind::End, FrameKind::Pong] {
        assert_closes_with(&frame_bytes(&Frame::new(kind, 1, b"\xa0".to_vec())), ErrorCode::Protocol).await;
    }
    for number in [0x00, 0x05, 0x0f, 0x54, 0x60, 0xff] {
        assert_closes_with(&header(8, number, 0, 0, 1), ErrorCode::Protocol).await;
    }
}

/// A client that waits for the answer to such a frame sends no further byte.
#[tokio::test]
async fn a_length_that_no_frame_may_have_ends_the_connection_without_the_rest_of_the_header() {
    assert_closes_with(&7_u32.to_be_bytes(), ErrorCode::Protocol).await;
    assert_closes_with(&[&7_u32.to_be_bytes()[..], b"\x11\0\0\0\0\0\0"].concat(), ErrorCode::Protocol).await;
    assert_closes_with(&(1_u32 << 31).to_be_bytes(), ErrorCode::FrameTooLong).await;
    let (mut raw, _server) = connect_in_memory();
    raw.send_bytes(&4097_u32.to_be_bytes()).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::FrameTooLong));
}

#[tokio::test]
async fn a_request_with_the_id_0_ends_the_connection() {
    assert_closes_with(&frame_bytes(&frame(FrameKind::Stat, 0, &stat(""))), ErrorCode::Protocol).await;
    assert_closes_with(&header(8, 0x3f, 0, 0, 0), ErrorCode::Protocol).await;
    // The greatest id is as good as any other.
    let (mut raw, _server) = open().await;
    raw.send(FrameKind::Stat, u32::MAX, &stat("")).await;
    assert_eq!(raw.end(u32::MAX).await, None);
}

#[tokio::test]
async fn an_unknown_operation_is_answered_unsupported() {
    let (mut raw, _server) = open().await;
    for (request_id, number) in (0x10..=0x3f).filter(|number| FrameKind::from_number(*number).is_none()).enumerate() {
        let request_id = request_id as u32 + 1;
        raw.send_bytes(&[header(11, number, 0, 0, request_id), pseudo_random_bytes(7, 3)].concat()).await;
        assert_eq!(raw.end(request_id).await, Some(ErrorCode::Unsupported), "{number:#x}");
    }
    raw.assert_usable().await;
}

#[tokio::test]
async fn an_undecodable_body_is_answered_bad_request() {
    let (mut raw, _server) = open().await;
    let good = encode(&stat("hello.txt"));
    let bodies = [
        Vec::new(),
        vec![0xff],
        vec![0xa0],
        // A byte too many, a byte too few, and random bytes.
        [&good[..], b"\0"].concat(),
        good[..good.len() - 1].to_vec(),
        pseudo_random_bytes(3, 60_000),
        // False lengths: a map, a list, a text and a byte string of 2^64 - 1.
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        b"\xa2\x00\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        b"\xa2\x00\xa2\x00\xa1\x00\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        b"\xa2\x01\x5b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        b"\xa2\x01\x5b\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        b"\xa2\x09\x7b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        // Nested as deeply as a frame allows, in a known and in a skipped field, complete and incomplete.
        vec![0x81; 65_000],
        vec![0xbf; 65_000],
        [&b"\xa1\x00"[..], &vec![0x9f; 65_000]].concat(),
        [&b"\xa1\x09"[..], &vec![0x81; 65_000]].concat(),
        [&b"\xa1\x09"[..], &vec![0x9f; 65_000]].concat(),
        [&b"\xa1\x09"[..], &vec![0xd8; 65_000]].concat(),
        [&b"\xa1\x09"[..], &b"\x82\x9f".repeat(32_000)].concat(),
        [&b"\xa1\x09"[..], &b"\xbf\xa2".repeat(32_000)].concat(),
    ];
    for (request_id, body) in (1..).zip(&bodies) {
        for kind in [FrameKind::Stat, FrameKind::List, FrameKind::Get, FrameKind::Walk] {
            raw.send_body(kind, request_id, body).await;
            let code = raw.end(request_id).await;
            assert_eq!(code, Some(ErrorCode::BadRequest), "{kind:?} {:02x?}", &body[..body.len().min(16)]);
        }
    }
    raw.assert_usable().await;
}

#[tokio::test]
async fn paths_with_dot_segments_are_refused() {
    let (mut raw, _server) = open().await;
    let plain = encode(&stat("abcde"));
    let at = plain.windows(5).position(|window| window == b"abcde").unwrap();
    for name in [&b"../ab"[..], b"ab/..", b"a/../", b"/abcd", b"a//bc", b"ab\0cd", b"./abc", b"abcd/"] {
        let mut body = plain.clone();
        body[at..at + 5].copy_from_slice(name);
        raw.send_body(FrameKind::Stat, 1, &body).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest), "{}", name.escape_ascii());
    }
    // Dot segments in the folder of a scope's root.
    let caller = Caller { scope: scope("abcde", Rights::ALL), ..Caller::default() };
    let plain = encode(&Stat { caller, path: VPath::root(), for_reading: None });
    let at = plain.windows(5).position(|window| window == b"abcde").unwrap();
    let mut body = plain.clone();
    body[at..at + 5].copy_from_slice(b"a/../");
    raw.send_body(FrameKind::Stat, 1, &body).await;
    assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest));
    // Names that only resemble dot segments are valid.
    for text in ["...", "%5C..%5C..", "%2e%2e%5C", "..%00"] {
        if let Ok(path) = VPath::parse(text) {
            raw.send(FrameKind::Stat, 1, &Stat { caller: reader(), path, for_reading: None }).await;
            assert_eq!(raw.end(1).await, Some(ErrorCode::NotFound), "{text}");
        }
    }
    raw.assert_usable().await;
}

fn scope(folder: &str, rights: Rights) -> Scope {
    Scope::below(path(folder), rights)
}

#[tokio::test]
async fn parameters_outside_their_bounds_are_answered_bad_request() {
    let (mut raw, _server) = open().await;
    let list = List { caller: reader(), path: path(""), order: Order::default(), cursor: None, limit: 1 };
    let grants = |at: &str, count| Scope {
        grants: vec![Grant { at: path(at), rights: Rights::ALL }; count],
        ..Scope::default()
    };
    let callers = [
        Caller { scope: grants("", SCOPE_GRANTS_MAX + 1), ..Caller::default() },
        Caller { scope: grants(&"a".repeat(2_048), 9), ..Caller::default() },
        Caller { trace_id: Some("x".repeat(257)), ..reader() },
        Caller { client: Some("x".repeat(33)), ..reader() },
    ];
    let lists = [
        List { limit: 0, ..list.clone() },
        List { limit: 1_000_001, ..list.clone() },
        List { limit: u32::MAX, ..list.clone() },
        List { cursor: Some("x".repeat(2_049)), ..list.clone() },
    ];
    let lists = lists.into_iter().chain(callers.into_iter().map(|caller| List { caller, ..list.clone() }));
    for request in lists {
        raw.send(FrameKind::List, 1, &request).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest), "{request:?}");
    }
    let item = GetItem { path: path("x"), range: None, if_etag: None, if_prefix: None };
    for count in [0, 1_025] {
        raw.send(FrameKind::Get, 1, &Get { caller: reader(), items: vec![item.clone(); count], pass_fd: None }).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest), "{count} items");
        raw.send(FrameKind::Walk, 1, &Walk { caller: reader(), paths: vec![path("x"); count], cursor: None }).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest), "{count} paths");
    }
    let walk = Walk { caller: reader(), paths: vec![path("docs")], cursor: Some("x".repeat(12_545)) };
    raw.send(FrameKind::Walk, 1, &walk).await;
    assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest));
    for cursor in ["x", "1.docs", "0.hello.txt", "18446744073709551616.docs", "0.../..", "0.docs/%"] {
        let cursor = Some(cursor.to_owned());
        raw.send(FrameKind::Walk, 1, &Walk { caller: reader(), paths: vec![path("docs")], cursor }).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::BadCursor));
    }
    for cursor in ["x", "1.0.0.f.0.", "1.0.18446744073709551616.f.0.a", "1.0.0.f.x.a"] {
        raw.send(FrameKind::List, 1, &List { cursor: Some(cursor.into()), ..list.clone() }).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::BadCursor));
    }
    raw.assert_usable().await;
}

#[tokio::test]
async fn rights_are_the_intersection_of_key_and_scope() {
    let (mut raw, _server) = open().await;
    let ask = async |raw: &mut RawPipe, caller: Caller| {
        raw.send(FrameKind::Stat, 1, &Stat { caller, path: path("hello.txt"), for_reading: None }).await;
        raw.end(1).await
    };
    let caller = |scope| Caller { scope, ..Caller::default() };
    assert_eq!(ask(&mut raw, caller(Scope::default())).await, Some(ErrorCode::NotFound));
    assert_eq!(ask(&mut raw, caller(scope("", Rights::READ))).await, Some(ErrorCode::Forbidden));
    assert_eq!(ask(&mut raw, caller(scope("docs", Rights::ALL))).await, Some(ErrorCode::NotFound));
    assert_eq!(ask(&mut raw, caller(scope("", Rights::LIST))).await, None);
}

#[tokio::test]
async fn random_bodies_end_at_most_the_connection() {
    for seed in 0..200 {
        let (mut raw, server) = open().await;
        // Valid headers with invalid bodies.
        let mut sent = Vec::new();
        for round in 0..20 {
            let body = pseudo_random_bytes(seed * 100 + round, (seed % 50) as usize);
            sent.extend(header(8 + body.len() as u32, 0x10 + (round % 6) as u8, 0, 0, round as u32));
            sent.extend(body);
        }
        sent.extend(pseudo_random_bytes(seed, 100));
        raw.send_bytes(&sent).await;
        raw.writer.shutdown().await.unwrap();
        while let Ok(Some(_)) = raw.incoming().await {}
        within(server.task).await.unwrap();
    }
}

#[tokio::test]
async fn frames_may_arrive_split_and_joined() {
    let (mut raw, _server) = open().await;
    let ping = frame_bytes(&Frame::new(FrameKind::Ping, 5, Vec::new()));
    let request = frame_bytes(&frame(FrameKind::Stat, 6, &stat("hello.txt")));
    for byte in [&ping[..], &request].concat() {
        raw.send_bytes(&[byte]).await;
    }
    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Pong));
    assert_eq!(raw.end(6).await, None);
    raw.send_bytes(&ping.repeat(1_000)).await;
    for _ in 0..1_000 {
        assert_eq!(raw.next().await.unwrap().header.request_id, 5);
    }
    raw.assert_usable().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_without_a_failure() {
    let (mut raw, server) = open().await;
    assert_eq!(raw.closing_code().await, None);
    drop(raw);
    within(server.task).await.unwrap();
    // Half a frame does not count as activity.
    let (mut raw, server) = open().await;
    let started = tokio::time::Instant::now();
    raw.send_bytes(&header(8, 0x50, 0, 0, 1)[..6]).await;
    assert_eq!(raw.closing_code().await, None);
    assert_eq!(started.elapsed().as_secs(), IDLE_TIME.as_secs());
    drop(raw);
    within(server.task).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_cancels_ends_the_connection() {
    let (mut raw, server) = open().await;
    let cancel = frame_bytes(&Frame::new(FrameKind::Cancel, 9, Vec::new()));
    raw.send_bytes(&cancel.repeat(CANCELS_PER_MINUTE_MAX as usize)).await;
    raw.assert_usable().await;
    raw.send_bytes(&cancel).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::TooManyRequests));
    drop(raw);
    within(server.task).await.unwrap();
}

#[tokio::test]
async fn immediate_cancels_count_toward_the_limit() {
    let (mut raw, server) = open().await;
    let list = List { caller: reader(), path: path(""), order: Order::default(), cursor: None, limit: 1 };
    let mut ended = 0;
    for request_id in 1..=CANCELS_PER_MINUTE_MAX + 1 {
        let pair =
            [frame_bytes(&frame(FrameKind::List, request_id, &list)), header(8, 0x52, 0, 0, request_id)].concat();
        raw.send_bytes(&pair).await;
        loop {
            let frame = raw.next().await.expect("END or GOODBYE");
            match frame.kind() {
                Some(FrameKind::End) => break ended += 1,
                Some(FrameKind::Goodbye) => break assert_eq!(request_id, CANCELS_PER_MINUTE_MAX + 1),
                _ => {}
            }
        }
    }
    assert!(ended >= CANCELS_PER_MINUTE_MAX);
    drop(raw);
    within(server.task).await.unwrap();
}

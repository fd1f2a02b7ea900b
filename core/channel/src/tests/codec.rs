//! Frames and control frames as bytes.

use crate::{
    ChannelError, CloseReason, MAX_BODY, MAX_EXTRA, StreamId,
    clock::ClockKeeper,
    control::{Ack, Control, Delivered},
    frame::{CONTROL, Frame},
    limits::Window,
};
use bytes::Bytes;

fn encoded(body: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    Frame::encode(7, StreamId(0x0102), 0x0304_0506_0708_090a, body, &mut out).unwrap();
    out
}

#[test]
fn a_frame_has_exactly_the_specified_bytes() {
    let bytes = encoded(b"abc");
    let mut wanted = vec![1, 7, 1, 2, 1, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 3, b'a', b'b', b'c'];
    wanted.resize(32, 0);
    assert_eq!(bytes, wanted);
}

#[test]
fn every_length_survives_and_is_padded_to_blocks() {
    for len in [0, 1, 14, 15, 16, 17, 1000, MAX_BODY] {
        let body = vec![9; len];
        let bytes = encoded(&body);
        assert_eq!(bytes.len() % 16, 0);
        assert!(bytes.len() + 16 <= crate::MAX_MESSAGE);
        assert_eq!(Frame::decode(bytes.into()).unwrap().body, body);
    }
    let too_long = Frame::encode(0, StreamId(1), 1, &vec![0; MAX_BODY + 1], &mut vec![]);
    assert!(matches!(too_long, Err(ChannelError::FrameTooLarge { .. })));
}

/// Each header field and each padding byte is checked: no two byte strings mean the same frame.
#[test]
fn malformed_frames_are_refused() {
    let good = encoded(b"abc");
    let spoil = |at: usize, value: u8| {
        let mut bad = good.clone();
        bad[at] = value;
        Frame::decode(bad.into())
    };
    for (at, value) in [(0, 0), (0, 2), (4, 0), (4, 2), (4, 3), (16, 2), (16, 20), (13, 1), (20, 1), (31, 1)] {
        assert!(spoil(at, value).is_err(), "byte {at} = {value}");
    }
    assert!(matches!(spoil(13, 0xff), Err(ChannelError::FrameTooLarge { .. })));
    for len in 0..good.len() {
        assert!(Frame::decode(Bytes::copy_from_slice(&good[..len])).is_err(), "cut at {len}");
    }
    let longer = [good.as_slice(), &[0; 16]].concat();
    assert!(Frame::decode(longer.into()).is_err(), "no room for a second message in the padding");
}

fn check_control(control: Control) {
    let (kind, body) = control.encode();
    let frame = |body: Vec<u8>| Frame { kind, stream: CONTROL, seq: 1, body: body.into() };
    assert_eq!(Control::decode(frame(body.clone())).unwrap(), control);
    if matches!(control, Control::Hello { .. } | Control::Welcome { .. } | Control::Ack(_)) {
        for cut in 1..10 {
            assert!(Control::decode(frame(body[..body.len() - cut].to_vec())).is_err(), "{control:?} cut by {cut}");
        }
    }
}

#[test]
fn control_frames_survive_and_are_not_accepted_cut() {
    let window = Window { frames: 5, bytes: 1 << 40 };
    let delivered = vec![Delivered { stream: 1, through: 9 }, Delivered { stream: 0xffff, through: u64::MAX }];
    let hello = |established| Control::Hello {
        resume: [3; 16],
        established,
        window,
        mono_ns: 77,
        delivered: delivered.clone(),
    };
    check_control(hello(true));
    check_control(hello(false));
    check_control(Control::Welcome { resumed: true, window, wall_ns: -5, echo_ns: 6, delivered: delivered.clone() });
    check_control(Control::Ack(vec![Ack { stream: 1, through: 2, bitmap: 0b110 }]));
    check_control(Control::Ping { mono_ns: 1, extra: Bytes::from_static(b"tree head") });
    check_control(Control::Pong { echo_ns: 1, wall_ns: 2, extra: Bytes::new() });
    check_control(Control::RekeyInit(Bytes::from_static(b"x")));
    check_control(Control::RekeyReply(Bytes::from_static(b"y")));
    check_control(Control::RekeySwitch);
    check_control(Control::Close(CloseReason::Policy));
}

#[test]
fn control_frames_that_are_unknown_or_too_long_are_refused() {
    let decode = |kind, body: Vec<u8>| Control::decode(Frame { kind, stream: CONTROL, seq: 1, body: body.into() });
    assert!(decode(0, vec![]).is_err());
    assert!(decode(200, vec![]).is_err());
    assert!(decode(3, vec![]).is_err(), "an empty acknowledgement");
    assert!(decode(3, vec![0; 18 * 257]).is_err());
    assert!(decode(4, vec![0; 8 + MAX_EXTRA + 1]).is_err());
    assert!(decode(8, vec![0]).is_err());
    assert!(decode(1, vec![0; 37 + 257 * 10]).is_err(), "too many streams");
}

#[test]
fn close_reasons_have_one_name_each() {
    for reason in [CloseReason::Normal, CloseReason::Decrypt, CloseReason::FrameTooLarge, CloseReason::Capacity] {
        assert_eq!(CloseReason::from_code(reason.code()), reason);
        assert_eq!(CloseReason::from_websocket(reason.websocket_code(), reason.code()), reason);
        assert!((1000..=1013).contains(&reason.websocket_code()));
    }
    assert_eq!(CloseReason::from_code("WHATEVER"), CloseReason::Unknown);
    assert_eq!(CloseReason::from_websocket(1009, "max length"), CloseReason::FrameTooLarge);
}

#[test]
fn the_clock_estimate_keeps_the_best_sample_and_lets_it_age() {
    const S: u64 = 1_000_000_000;
    let mut keeper = ClockKeeper::default();
    assert!(keeper.at(0).is_none());
    // 10 ms round trip; the server answered in its middle with wall time 1000 s, local time 5.005 s.
    keeper.add(5 * S, 1000 * 1_000_000_000, 5 * S + 10_000_000);
    let estimate = keeper.at(5 * S + 10_000_000).unwrap();
    assert_eq!(estimate.err_ns, 5_000_000);
    assert_eq!(estimate.wall_at(5 * S + 5_000_000), 1000 * 1_000_000_000);
    // A worse sample that agrees is left aside; drift is added: 200 us a second.
    keeper.add(6 * S, 1001 * 1_000_000_000 + 3_000_000, 6 * S + 100_000_000);
    assert_eq!(keeper.at(15 * S + 10_000_000).unwrap().err_ns, 5_000_000 + 10 * 200_000);
    // A server clock that was set by a minute shows at once, even in a worse sample.
    keeper.add(16 * S, 1071 * 1_000_000_000, 16 * S + 100_000_000);
    assert_eq!(keeper.at(16 * S + 100_000_000).unwrap().err_ns, 50_000_000);
}

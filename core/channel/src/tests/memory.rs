//! Windows, acknowledgements and what a resume sends again.

use crate::{
    ChannelError, CloseReason, MAX_STREAMS, Resume, ResumeTable, StreamId,
    control::{Ack, Delivered},
    frame::Frame,
    limits::{MAX_RESUMES_PER_PEER, Window},
    receive::Receive,
    transmit::Transmit,
};
use aitrading_security::{PeerIdentity, identity::TenantId};
use bytes::Bytes;
use std::time::Duration;

const S1: StreamId = StreamId(1);
const WIDE: Window = Window { frames: 1000, bytes: 1 << 20 };

fn frame(seq: u64) -> Frame {
    Frame { kind: 1, stream: S1, seq, body: Bytes::from_static(b"0123456789") }
}

fn sent(n: u64) -> Transmit {
    let mut tx = Transmit::default();
    for seq in 1..=n {
        assert_eq!(tx.push(S1, 1, Bytes::from_static(b"0123456789")).unwrap(), seq);
    }
    tx
}

fn written(tx: &mut Transmit) -> Vec<u64> {
    let mut out = vec![];
    tx.take(usize::MAX, usize::MAX, &mut out);
    out.iter().map(|frame| frame.seq).collect()
}

fn ack(through: u64, bitmap: u64) -> Ack {
    Ack { stream: 1, through, bitmap }
}

fn delivered(through: u64) -> Vec<Delivered> {
    vec![Delivered { stream: 1, through }]
}

#[test]
fn acknowledgements_open_the_window_cumulatively_and_selectively() {
    let window = Window { frames: 8, bytes: 100 };
    let mut tx = sent(8);
    assert!(!tx.admits(window, 1));
    assert_eq!(written(&mut tx), (1..=8).collect::<Vec<_>>());
    assert_eq!(tx.acknowledge(ack(2, 0b100)).unwrap(), Some(2), "1, 2 and 5");
    assert!(tx.admits(window, 10) && !tx.admits(window, 60));
    assert_eq!(tx.acknowledge(ack(2, 0b011)).unwrap(), Some(5), "3 and 4 join 5");
    assert_eq!(tx.acknowledge(ack(1, 0)).unwrap(), None, "an older one changes nothing");
    assert_eq!(tx.acknowledge(ack(8, 0)).unwrap(), Some(8));
    assert!(tx.admits(window, 100));
    assert!(tx.admits(Window { frames: 1, bytes: 1 }, 5000), "a lone frame always fits");
}

#[test]
fn what_was_never_sent_cannot_be_acknowledged() {
    let mut tx = sent(3);
    assert!(tx.acknowledge(ack(1, 0)).is_err(), "not written yet");
    written(&mut tx);
    for bad in [ack(4, 0), ack(3, 1), ack(0, 1 << 3), ack(u64::MAX, u64::MAX), Ack { stream: 9, through: 0, bitmap: 0 }]
    {
        assert!(matches!(tx.acknowledge(bad), Err(ChannelError::BadFrame(_))), "{bad:?}");
    }
    tx.acknowledge(ack(0, 0b111)).unwrap();
}

#[test]
fn a_reconnect_sends_exactly_what_did_not_arrive() {
    let mut tx = sent(6);
    written(&mut tx);
    tx.acknowledge(ack(2, 0)).unwrap();
    assert!(tx.fits(&delivered(2)) && tx.fits(&delivered(6)));
    assert!(!tx.fits(&delivered(1)), "1 and 2 are gone");
    assert!(!tx.fits(&delivered(7)), "never sent");
    assert!(!tx.fits(&[Delivered { stream: 2, through: 1 }]), "a stream that we never used");
    tx.rewind(&delivered(4));
    assert_eq!(written(&mut tx), [5, 6]);
    tx.acknowledge(ack(4, 0)).unwrap();
    tx.rewind(&delivered(6));
    assert!(written(&mut tx).is_empty());
}

#[test]
fn frames_come_in_order_within_the_window() {
    let mut rx = Receive::default();
    let window = Window { frames: 3, bytes: 1000 };
    rx.push(window, frame(1)).unwrap();
    assert!(matches!(rx.push(window, frame(1)), Err(ChannelError::SeqGap { expected: 2, got: 1, .. })));
    assert!(matches!(rx.push(window, frame(3)), Err(ChannelError::SeqGap { expected: 2, got: 3, .. })));
    rx.push(window, frame(2)).unwrap();
    rx.push(window, frame(3)).unwrap();
    assert!(matches!(rx.push(window, frame(4)), Err(ChannelError::WindowExceeded)));
    assert_eq!(rx.pop().unwrap().seq, 1);
    rx.push(window, frame(4)).unwrap();
    let mut narrow = Receive::default();
    narrow.push(Window { frames: 9, bytes: 15 }, frame(1)).unwrap();
    assert!(narrow.push(Window { frames: 9, bytes: 15 }, frame(2)).is_err(), "bytes count as well");
}

#[test]
fn only_taken_frames_can_be_acknowledged_and_the_bitmap_tells_the_rest() {
    let mut rx = Receive::default();
    (1..=80).for_each(|seq| rx.push(WIDE, frame(seq)).unwrap());
    assert!(!rx.acknowledge(S1, 1), "not taken yet");
    while rx.pop().is_some() {}
    let mut acks = vec![];
    assert!(rx.acknowledge(S1, 1) && rx.acknowledge(S1, 3) && rx.acknowledge(S1, 65) && rx.acknowledge(S1, 66));
    assert!(!rx.acknowledge(S1, 1) && !rx.acknowledge(S1, 81) && !rx.acknowledge(StreamId(2), 1));
    rx.take_acks(&mut acks);
    assert_eq!(acks, [ack(1, 0b10 | 1 << 63)], "66 does not fit in the bitmap");
    assert!(rx.acknowledge(S1, 2));
    assert!(rx.acknowledge_through(S1, 64));
    acks.clear();
    rx.take_acks(&mut acks);
    assert_eq!(acks, [ack(66, 0)]);
    acks.clear();
    rx.take_acks(&mut acks);
    assert!(acks.is_empty(), "said once");
    rx.reconnect();
    rx.take_acks(&mut acks);
    assert_eq!(acks, [ack(66, 0)], "and again to the next connection");
}

#[test]
fn after_a_reconnect_what_was_not_taken_comes_again_and_what_was_taken_is_dropped() {
    let mut rx = Receive::default();
    (1..=4).for_each(|seq| rx.push(WIDE, frame(seq)).unwrap());
    rx.pop();
    rx.pop();
    rx.reconnect();
    assert_eq!(rx.delivered(), delivered(2));
    assert!(rx.pop().is_none());
    for seq in 1..=4 {
        rx.push(WIDE, frame(seq)).unwrap();
    }
    assert_eq!(rx.pop().unwrap().seq, 3, "1 and 2 were taken before");
    assert!(rx.push(WIDE, frame(2)).is_err(), "but not once the stream moves on");
}

#[test]
fn streams_are_bounded_on_both_sides() {
    let (mut rx, mut tx) = (Receive::default(), Transmit::default());
    for id in 1..=u16::try_from(MAX_STREAMS).unwrap() {
        rx.push(WIDE, Frame { stream: StreamId(id), ..frame(1) }).unwrap();
        tx.push(StreamId(id), 1, Bytes::new()).unwrap();
    }
    assert!(rx.push(WIDE, Frame { stream: StreamId(999), ..frame(1) }).is_err());
    assert!(tx.push(StreamId(999), 1, Bytes::new()).is_err());
}

fn peer(tenant: u64) -> PeerIdentity {
    PeerIdentity::Service { tenant: TenantId(tenant), name: "x".into() }
}

fn end(resume: &Resume, now: u64) {
    let generation = resume.lock().attach(WIDE).0;
    resume.lock().end(generation, now, CloseReason::Normal, None);
}

#[test]
fn a_peer_finds_its_own_sessions_alone_and_only_for_a_while() {
    let table = ResumeTable::new(100, Duration::from_nanos(50));
    let (mine, found) = table.find(0, &peer(1), [1; 16]).unwrap();
    assert!(!found);
    end(&mine, 10);
    assert!(table.find(20, &peer(1), [1; 16]).unwrap().1);
    assert!(!table.find(20, &peer(2), [1; 16]).unwrap().1, "the same name of another peer");
    assert!(!table.find(20, &peer(1), [2; 16]).unwrap().1);
    end(&mine, 30);
    assert!(!table.find(81, &peer(1), [1; 16]).unwrap().1, "kept for 50 ns");
    table.forget(&peer(1), [1; 16]);
    assert!(!table.find(82, &peer(1), [1; 16]).unwrap().1);
}

/// Without the bounds the table would grow with every name that a peer invents.
#[test]
fn the_table_is_bounded_and_never_drops_a_connected_session() {
    let table = ResumeTable::new(MAX_RESUMES_PER_PEER + 2, Duration::MAX);
    for n in 0..MAX_RESUMES_PER_PEER {
        table.find(0, &peer(1), [u8::try_from(n).unwrap(); 16]).unwrap();
    }
    assert!(matches!(table.find(0, &peer(1), [99; 16]), Err(ChannelError::Capacity)), "all connected");
    let (third, _) = table.find(0, &peer(1), [3; 16]).unwrap();
    end(&third, 5);
    table.find(6, &peer(1), [99; 16]).unwrap();
    assert_eq!(table.len(), MAX_RESUMES_PER_PEER);
    table.find(6, &peer(2), [0; 16]).unwrap();
    table.find(6, &peer(3), [0; 16]).unwrap();
    assert!(matches!(table.find(6, &peer(4), [0; 16]), Err(ChannelError::Capacity)));
    assert_eq!(table.len(), MAX_RESUMES_PER_PEER + 2);
}

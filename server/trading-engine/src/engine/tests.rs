//! The state machine, case by case: what goes in, and what must come out.

mod day;
mod deciding;
mod judging;
mod lifecycle;
mod reporting;

use super::{Event, codec, state::Stage};
use crate::testing::Bench;

impl Bench {
    /// Stages of the open signals, in the order of their ids.
    fn stages(&self) -> Vec<Stage> {
        self.engine.state.open.values().map(|open| open.stage).collect()
    }

    fn reservations(&self) -> usize {
        self.engine.state.reserved(crate::testing::ACCOUNT).len()
    }
}

#[test]
fn every_event_is_read_back_as_it_was_written() {
    let mut bench = Bench::ready();
    bench.play(0..4);
    let signal = bench.signals()[0];
    bench.report(&crate::testing::executed(&signal, 1, aitrading_model::Fence(1), "170", 1));
    bench.play(4..5);
    bench.pass(400);
    bench.put(super::Input::Timer);
    let events: Vec<Event> = bench.events();
    let header = codec::Header { ticket: 3, confirmed: 2, audit_from: 9 };
    assert!(events.len() >= 4, "{events:?}");
    let bytes = codec::encode(&header, &events);
    assert_eq!(codec::decode(&bytes), Ok((header, events)));
    for cut in 0..bytes.len() {
        assert!(codec::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

//! A real day of ticks with an honest client: tens of signals, each executed once, no anomaly, no denial.

use super::super::{Effect, Event, Input};
use crate::{
    EngineSettings,
    engine::{Engine, Pseudonyms},
    testing::{ACCOUNT, Bench, SEAT, executed, keys, spec, subscription},
};
use aitrading_env::{Fs, RealFs};
use aitrading_model::{
    Bar, Epoch, Fence, MarketTime, Price, Signal, Source, Tick, TickFlags, Timeframe, TraceId, Volume,
};
use aitrading_wire::services::FeedBatch;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

const FILE: &str = "ticks/gbpjpy-ticks-2012-12-03.csv";

fn ticks() -> Option<Vec<Tick>> {
    let beside = |dir: &Path| Some(dir.parent()?.join("shared/data")).filter(|p| p.is_dir());
    let root = option_env!("AITRADING_SHARED_DATA").map(PathBuf::from);
    let root = root.or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(beside));
    let Some(root) = root else {
        println!("skipped: {FILE} is not here; set AITRADING_SHARED_DATA to the folder that holds ticks/");
        return None;
    };
    let bytes = RealFs.read(&root.join(FILE), 64 << 20).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let tick = |line: &str| {
        let mut fields = line.split(',');
        let mut field = || fields.next().unwrap();
        let time = MarketTime(field().parse().unwrap());
        let (bid, ask) = (field().parse().unwrap(), field().parse().unwrap());
        Tick { time, bid, ask, last: Price::ZERO, volume: Volume::ZERO, flags: TickFlags::BID }
    };
    Some(text.lines().skip(1).map(tick).collect())
}

/// Closes minute bars over bids.
#[derive(Default)]
struct Minutes(Option<Bar>);

impl Minutes {
    fn take(&mut self, tick: &Tick) -> Option<Bar> {
        let (timeframe, start) = (Timeframe::M1, Timeframe::M1.start_of(tick.time));
        if let Some(bar) = self.0.as_mut().filter(|bar| bar.start == start) {
            bar.high = bar.high.max(tick.bid);
            bar.low = bar.low.min(tick.bid);
            bar.close = tick.bid;
            return None;
        }
        let (bid, ticks, spread_min) = (tick.bid, 1, Price::ZERO);
        self.0.replace(Bar { timeframe, start, open: bid, high: bid, low: bid, close: bid, ticks, spread_min })
    }
}

/// Executes what was delivered at the tick's prices, until nothing new comes.
fn execute(bench: &mut Bench, tick: &Tick, done: &mut BTreeSet<[u8; 16]>, report_seq: &mut u64) {
    loop {
        let decode = |e: &Effect| match e {
            Effect::Deliver { envelope, .. } => aitrading_wire::decode_signal(&envelope.bytes).ok(),
            _ => None,
        };
        let fresh: Vec<Signal> = bench.seen.drain(..).filter_map(|e| decode(&e)).collect();
        if fresh.is_empty() {
            return;
        }
        for signal in fresh {
            assert!(done.insert(signal.id.0), "executed once");
            *report_seq += 1;
            let fill = if signal.side == aitrading_model::Side::Buy { tick.ask } else { tick.bid };
            let mut report = executed(&signal, *report_seq, Fence(1), &fill.to_string(), 1_000 + *report_seq);
            report.deals[0].time = tick.time;
            let answer = bench.report(&report);
            assert_eq!(answer, super::super::Answer::Done);
            for event in bench.events() {
                assert!(!matches!(&event, Event::Reported(r) if !r.finding.is_empty()), "{event:?}");
            }
        }
    }
}

#[test]
fn a_real_day_gives_tens_of_signals_and_no_anomaly() {
    let Some(ticks) = ticks() else { return };
    let mut bench = Bench::new();
    let config = Arc::new(EngineSettings { replayed_feeds: true, ..EngineSettings::default() }.resolve().unwrap());
    bench.engine = Engine::new(config, crate::EngineKeys { pseudonyms: Pseudonyms::new([2; 32]), ..keys() });
    bench.put(Input::Entitlement { account: ACCOUNT, answer: Ok(Some(subscription())) });
    let mut session = crate::testing::session(1, 0, bench.now);
    let symbol = "GBPJPY".parse().unwrap();
    session.specs[0] = aitrading_model::SymbolSpec {
        symbol,
        tick_value: "1.2152".parse().unwrap(),
        tick_value_loss: "1.2152".parse().unwrap(),
        margin_conversion: "1.6080".parse().unwrap(),
        profit_conversion: "0.012152".parse().unwrap(),
        ..spec()
    };
    session.state.time = MarketTime(0);
    bench.ask(|token| Input::SessionOpened { token, session: Box::new(session) });
    bench.put(Input::SessionReady { seat: SEAT, fence: Fence(1) });
    let source = Source { tenant: SEAT.tenant, account: SEAT.account, symbol };
    let (mut minutes, mut done, mut seq, mut denials) = (Minutes::default(), BTreeSet::new(), 0, Vec::new());
    for (n, tick) in ticks.iter().enumerate() {
        let batch = FeedBatch {
            trace: TraceId([1; 16]),
            source,
            epoch: Epoch(1),
            last_seq: n as u64 + 1,
            ticks: Arc::new([*tick]),
            bars: minutes.take(tick).into_iter().collect(),
            gaps: Vec::new(),
            received: bench.now,
        };
        bench.put(Input::Feed(batch));
        denials.extend(bench.denials());
        execute(&mut bench, tick, &mut done, &mut seq);
    }
    println!("{} ticks, {} signals, denials {denials:?}", ticks.len(), done.len());
    assert!((20..1_000).contains(&done.len()), "{} signals", done.len());
    assert!(denials.is_empty(), "{denials:?}");
}

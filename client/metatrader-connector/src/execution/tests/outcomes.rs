//! Every way an order can end.

use super::{
    broker::Fate,
    world::{LATENCY, LIFE, NOW, World, frame, server_key, signal, terms},
};
use crate::{execution::Received, validator::Refusal};
use aitrading_model::{ReportState as S, Retcode, Signal, Timestamp};
use aitrading_wire::{SIGNAL_DOMAIN, SignalEnvelope};
use std::time::Duration;

/// Signal 1 meets these fates; the reports must say so, and the broker must hold so many deals from so many requests.
async fn check(fates: &[Fate], states: &[S], deals: usize, requests: usize) -> Vec<aitrading_model::Report> {
    let world = World::new(1);
    world.broker.fate(fates);
    let client = world.client();
    client.run(&world, &signal(1)).await.unwrap();
    assert_eq!(client.states(), states, "{fates:?}");
    assert_eq!(world.broker.deals(signal(1).id.magic()), deals, "{fates:?}");
    assert_eq!(world.broker.requests().len(), requests, "{fates:?}");
    client.reports()
}

#[tokio::test]
async fn a_filled_order_is_reported_with_its_deals() {
    let reports = check(&[Fate::Fill], &[S::Executed], 1, 1).await;
    let report = &reports[0];
    assert_eq!((report.deals.len(), report.seq, report.retcode), (1, 1, Retcode::DONE));
    assert_eq!((report.volume, report.price), ("0.50".parse().unwrap(), "86.71".parse().unwrap()));
    assert_eq!(report.order, report.deals[0].order);
    let t = report.times;
    assert!(t.received.0 >= NOW && t.received <= t.validated && t.validated <= t.intent && t.intent <= t.result);
}

#[tokio::test]
async fn the_order_says_what_the_signal_says() {
    let world = World::new(1);
    world.client().run(&world, &signal(4)).await.unwrap();
    let request = world.broker.requests().remove(0);
    let signal = signal(4);
    assert_eq!((request.magic, request.comment), (signal.id.magic(), signal.id.comment()));
    assert_eq!((request.volume, request.stop_loss), (signal.lots_max, signal.stop_loss));
    assert_eq!(request.request_id, 8);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_until_the_order_is_found() {
    let reports = check(&[Fate::FillSilently], &[S::Unknown, S::Executed], 1, 1).await;
    let t = reports[1].times;
    assert!(t.order_send >= t.intent, "without the terminal's word the client's own time of sending stands: {t:?}");
}

#[tokio::test]
async fn an_order_lost_on_the_way_counts_as_not_executed_only_after_the_deadline() {
    let world = World::new(1);
    world.broker.fate(&[Fate::LoseBefore]);
    let client = world.client();
    client.run(&world, &signal(1)).await.unwrap();
    assert_eq!(client.states(), [S::Unknown, S::NotExecuted]);
    let settled = client.reports()[1].times.result;
    assert!(settled > Timestamp(NOW).plus(LIFE + LATENCY), "settled at {settled}");
    assert_eq!(world.broker.requests().len(), 1, "never sent again");
}

#[tokio::test]
async fn what_was_surely_not_sent_is_refused() {
    let reports = check(&[Fate::NotSent], &[S::Refused], 0, 0).await;
    assert_eq!((reports[0].reason.as_str(), reports[0].times.order_send), ("NO_TERMINAL", Timestamp(0)));
}

#[tokio::test]
async fn refusals_by_the_broker_are_final() {
    for code in [Retcode::NO_MONEY, Retcode::MARKET_CLOSED, Retcode::TRADE_DISABLED, Retcode::INVALID_STOPS] {
        let reports = check(&[Fate::Refuse(code)], &[S::Rejected], 0, 1).await;
        assert_eq!((reports[0].retcode, reports[0].reason.as_str()), (code, code.row().unwrap().name));
    }
}

#[tokio::test]
async fn a_requote_is_met_with_one_new_request() {
    check(&[Fate::Refuse(Retcode::REQUOTE)], &[S::Executed], 1, 2).await;
    let twice = [Fate::Refuse(Retcode::REQUOTE), Fate::Refuse(Retcode::PRICE_CHANGED)];
    let reports = check(&twice, &[S::Rejected], 0, 2).await;
    assert_eq!(reports[0].retcode, Retcode::PRICE_CHANGED);
}

#[tokio::test]
async fn a_refusal_is_evidence_and_no_proof() {
    check(&[Fate::RefuseYetFill(Retcode::PRICE_OFF)], &[S::Executed], 1, 1).await;
    check(&[Fate::RefuseYetFill(Retcode::TIMEOUT)], &[S::Executed], 1, 1).await;
}

#[tokio::test]
async fn an_unclear_code_is_looked_up_and_never_retried() {
    for code in [Retcode::TIMEOUT, Retcode::CONNECTION, Retcode::ERROR, Retcode(12345)] {
        check(&[Fate::Refuse(code)], &[S::Unknown, S::Rejected], 0, 1).await;
    }
}

#[tokio::test]
async fn a_refusal_that_cannot_be_checked_is_unknown() {
    let world = World::new(1);
    world.broker.fate(&[Fate::Refuse(Retcode::REQUOTE)]);
    world.broker.blind(true);
    let client = world.client();
    let signal = signal(1);
    let work = client.run(&world, &signal);
    tokio::select! {
        biased;
        _ = work => panic!("settled blindly"),
        () = async { while client.states() != [S::Unknown] { tokio::task::yield_now().await } } => {}
    }
    assert_eq!(world.broker.requests().len(), 1);
}

#[tokio::test]
async fn an_accepted_order_that_fills_late_is_found() {
    let world = World::new(1);
    world.broker.fate(&[Fate::FillLater]);
    let client = world.client();
    let broker = world.broker.clone();
    let filling = async {
        while client.states() != [S::Unknown] {
            tokio::task::yield_now().await;
        }
        broker.fill_late();
    };
    let signal = signal(1);
    let (done, ()) = tokio::join!(client.run(&world, &signal), filling);
    done.unwrap();
    assert_eq!(client.states(), [S::Unknown, S::Executed]);
}

/// T37: what is left of a signal's life when it arrives decides; the clock's error counts against it.
#[tokio::test]
async fn t37_a_signal_executes_at_179_seconds_and_not_at_180() {
    for (seconds, state) in [(178, S::Executed), (180, S::Expired), (181, S::Expired)] {
        let world = World::new(1);
        world.time.advance(Duration::from_secs(seconds));
        let client = world.client();
        client.run(&world, &signal(1)).await.unwrap();
        assert_eq!(client.states(), [state], "{seconds} s");
        assert_eq!(world.broker.requests().len(), usize::from(state == S::Executed));
    }
}

#[tokio::test]
async fn a_signal_that_expires_behind_its_intent_is_not_sent() {
    let world = World::new(1);
    let client = world.client();
    let Received::Execute(intended) = client.desk.receive(&frame(&signal(1)), &terms()).await.unwrap() else {
        panic!()
    };
    world.time.advance(LIFE);
    client.desk.execute(*intended).await.unwrap();
    assert_eq!(client.states(), [S::Expired]);
    assert!(world.broker.requests().is_empty());
}

#[tokio::test]
async fn a_refused_signal_is_reported_and_its_number_is_used_up() {
    let world = World::new(1);
    let client = world.client();
    let greedy = Signal { lots_max: "2".parse().unwrap(), ..signal(1) };
    client.run(&world, &greedy).await.unwrap();
    assert_eq!(client.reports()[0].reason, "OWN_LOT_LIMIT");
    client.run(&world, &signal(1)).await.unwrap();
    assert_eq!(client.states(), [S::Refused]);
    assert!(world.broker.requests().is_empty());
}

#[tokio::test]
async fn a_signal_of_a_stranger_is_not_even_acknowledged() {
    let world = World::new(1);
    let client = world.client();
    let mut sealed = SignalEnvelope::decode(&frame(&signal(1))).unwrap();
    sealed.signature = device_signature(&sealed.bytes);
    for (body, refusal) in [
        (sealed.encode(), Refusal::BadSignature),
        (SignalEnvelope { key_id: [0; 8], ..sealed.clone() }.encode(), Refusal::UnknownKey),
        (vec![1, 2, 3], Refusal::Malformed),
    ] {
        let received = client.desk.receive(&body, &terms()).await.unwrap();
        assert!(matches!(received, Received::Hostile(found) if found == refusal), "{received:?}");
    }
    assert!(client.reports().is_empty() && world.broker.requests().is_empty());
    assert_eq!(client.board.status(true, Default::default(), 0).signals.hostile, 3);
}

fn device_signature(bytes: &[u8]) -> [u8; 64] {
    assert_ne!(server_key().verifying_key(), super::world::device_key().verifying_key());
    super::world::device_key().sign_detached(SIGNAL_DOMAIN, bytes)
}

/// T39: a signal for another holder of the account's fence is refused here.
#[tokio::test]
async fn t39_a_fenced_signal_is_refused() {
    let world = World::new(1);
    let client = world.client();
    let newer = Signal { fence: aitrading_model::Fence(4), ..signal(1) };
    client.run(&world, &newer).await.unwrap();
    assert_eq!(client.reports()[0].reason, "FENCED");
    assert_eq!(client.reports()[0].fence, aitrading_model::Fence(3));
}

#[tokio::test]
async fn without_a_durable_intent_nothing_is_sent() {
    let world = World::new(1);
    let client = world.client();
    world.fs.set_fail_sync(true);
    assert!(client.run(&world, &signal(1)).await.is_err());
    assert!(world.broker.requests().is_empty());
}

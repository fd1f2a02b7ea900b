//! What every [`SignalStore`] promises.

use super::sample::{MONDAY, issued, mark, report, signal, symbol};
use crate::{
    DenialRow, JournalMark, ReportHead, SignalChange, SignalCounts, SignalHead, SignalState, SignalStore, SignalView,
    StoreError, StoredDenial, Verdict,
};
use aitrading_model::{
    AccountId, DeviceId, PolicyHash, Price, ReportState, Side, SignalId, SignalKind, StrategyId, TenantId, Timestamp,
    TraceId,
};
use std::sync::Arc;

type Store = Arc<dyn SignalStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);

fn delivered(n: u8, at: i64) -> SignalChange {
    SignalChange::Delivered { tenant: ONE, signal: SignalId([n; 16]), at: Timestamp(at) }
}

fn state(n: u8, state: SignalState) -> SignalChange {
    SignalChange::State { tenant: ONE, signal: SignalId([n; 16]), state }
}

fn reported(seq: u64, n: u8, state: ReportState, orders: &[u64]) -> SignalChange {
    SignalChange::Reported(report(1, seq, n, state, orders))
}

fn denied(code: &str) -> SignalChange {
    SignalChange::Denied(DenialRow {
        tenant: ONE,
        account: AccountId(7),
        strategy: StrategyId(1),
        symbol: symbol("GBPJPY"),
        trace: TraceId([9; 16]),
        code: code.to_owned(),
        at: Timestamp(4),
        verdict: None,
    })
}

fn verdict() -> Verdict {
    Verdict {
        side: Side::Sell,
        kind: SignalKind::Close,
        price: Price::from_raw(13_000_000_000),
        market: MONDAY,
        limit: "tick_age_ms".to_owned(),
        value: Some(-60_001),
        bound: Some(60_000),
        limits_version: u32::MAX,
        policy: Some(PolicyHash([5; 32])),
    }
}

fn denied_with(tenant: TenantId, at: i64, verdict: Option<Verdict>) -> DenialRow {
    DenialRow {
        tenant,
        account: AccountId(u64::MAX),
        strategy: StrategyId(u32::MAX),
        symbol: symbol("GBPJPY"),
        trace: TraceId([9; 16]),
        code: "STALE_PRICE".to_owned(),
        at: Timestamp(at),
        verdict,
    }
}

/// Nothing is made up.
pub async fn a_new_store_is_empty(store: Store) -> Checked {
    assert_eq!(store.mark().await?, JournalMark::START);
    assert_eq!(store.counts(ONE).await?, SignalCounts::default());
    assert_eq!(store.latest(ONE, 9).await?, []);
    assert_eq!(store.open(9).await?, []);
    assert_eq!(store.reports(ONE, 0, 9).await?, []);
    assert_eq!(store.denials(ONE, 0, 9).await?, []);
    assert_eq!(store.signal(ONE, SignalId([1; 16])).await?, None);
    assert_eq!((store.signal_heads().await?, store.report_heads().await?), (vec![], vec![]));
    Ok(())
}

/// Every outcome is counted once; an execution outweighs whatever was reported before or after.
pub async fn a_signals_life_is_counted(store: Store) -> Checked {
    let issue = (1..=7).map(|n| issued(1, n)).chain([denied("MAX_POSITIONS"), denied("STALE"), denied("STALE")]);
    store.apply(mark(1), issue.collect()).await?;
    let lives = vec![
        delivered(1, 50),
        delivered(1, 60),
        delivered(2, 51),
        reported(1, 1, ReportState::Unknown, &[]),
        reported(2, 1, ReportState::Executed, &[10]),
        reported(3, 2, ReportState::Unknown, &[]),
        reported(4, 3, ReportState::Rejected, &[]),
        reported(5, 4, ReportState::Refused, &[]),
        reported(6, 5, ReportState::Expired, &[]),
        reported(7, 6, ReportState::Unknown, &[]),
        reported(8, 6, ReportState::NotExecuted, &[]),
        state(1, SignalState::Executed),
    ];
    store.apply(mark(2), lives).await?;
    let counts = SignalCounts {
        issued: 7,
        denied: [("MAX_POSITIONS".to_owned(), 1), ("STALE".to_owned(), 2)].into(),
        delivered: 2,
        executed: 1,
        rejected: 1,
        refused: 1,
        unknown: 1,
        expired: 1,
        not_executed: 1,
        open: 1,
        reports: 8,
        disputed_reports: 0,
        executions_per_signal_max: 1,
    };
    assert_eq!(store.counts(ONE).await?, counts);
    let first = SignalView { row: signal(1, 1), state: SignalState::Executed, delivered_at: Some(Timestamp(50)) };
    assert_eq!(store.signal(ONE, SignalId([1; 16])).await?, Some(first), "the first delivery's time stands");
    let latest: Vec<_> = store.latest(ONE, 2).await?.iter().map(|view| view.row.signal.seq).collect();
    assert_eq!(latest, [7, 6]);
    Ok(())
}

/// A change that contradicts the store takes its companions with it.
pub async fn changes_are_all_or_nothing(store: Store) -> Checked {
    store.apply(mark(1), vec![issued(1, 1)]).await?;
    let bad = [
        delivered(9, 1),
        issued(1, 1),
        state(9, SignalState::Expired),
        reported(1, 9, ReportState::Executed, &[1]),
        SignalChange::Delivered { tenant: TenantId(2), signal: SignalId([1; 16]), at: Timestamp(1) },
    ];
    for change in bad {
        let shown = format!("{change:?}");
        let refused = store.apply(mark(2), vec![issued(1, 2), denied("X"), change]).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?} for {shown}");
    }
    let counts = SignalCounts { issued: 1, open: 1, ..SignalCounts::default() };
    assert_eq!(store.counts(ONE).await?, counts);
    assert_eq!(store.mark().await?, mark(1));
    Ok(())
}

/// The same stretch of the journal again changes nothing.
pub async fn a_mark_is_taken_once(store: Store) -> Checked {
    store.apply(mark(5), vec![denied("X")]).await?;
    for offset in [5, 4] {
        let again = store.apply(mark(offset), vec![denied("X")]).await;
        assert!(matches!(again, Err(StoreError::AlreadyDone { stored }) if stored == mark(5)), "{again:?}");
    }
    assert_eq!(store.counts(ONE).await?.denied, [("X".to_owned(), 1)].into());
    Ok(())
}

/// A repeated report is no second one; a different one under its number is a contradiction.
pub async fn the_same_report_counts_once(store: Store) -> Checked {
    store.apply(mark(1), vec![issued(1, 1), issued(1, 2)]).await?;
    store.apply(mark(2), vec![reported(1, 1, ReportState::Executed, &[10])]).await?;
    store.apply(mark(3), vec![reported(1, 1, ReportState::Executed, &[10])]).await?;
    assert_eq!(store.counts(ONE).await?.reports, 1);
    let other = store.apply(mark(4), vec![reported(1, 2, ReportState::Executed, &[11])]).await;
    assert!(matches!(other, Err(StoreError::Conflict { .. })), "{other:?}");
    Ok(())
}

/// Two orders that name one signal are two executions, even in separate reports; two deals of one order are one.
pub async fn two_orders_of_one_signal_are_seen(store: Store) -> Checked {
    store.apply(mark(1), vec![issued(1, 1), reported(1, 1, ReportState::Executed, &[10, 10])]).await?;
    assert_eq!(store.counts(ONE).await?.executions_per_signal_max, 1);
    let mut again = report(1, 2, 1, ReportState::Executed, &[11]);
    again.finding = Some("SECOND_ORDER".to_owned());
    store.apply(mark(2), vec![SignalChange::Reported(again)]).await?;
    let counts = store.counts(ONE).await?;
    assert_eq!((counts.executions_per_signal_max, counts.executed, counts.disputed_reports), (2, 1, 1));
    Ok(())
}

/// The tenant is part of every key: two tenants may even have the same signal id.
pub async fn tenants_do_not_see_each_other(store: Store) -> Checked {
    store.apply(mark(1), vec![issued(1, 1), issued(2, 1), delivered(1, 5)]).await?;
    let two = TenantId(2);
    assert_eq!((store.counts(ONE).await?.delivered, store.counts(two).await?.delivered), (1, 0));
    assert_eq!(store.latest(two, 9).await?.len(), 1);
    assert_eq!(store.reports(two, 0, 9).await?, []);
    let seqs: Vec<_> = store.signal_heads().await?.iter().map(|head| (head.tenant, head.seq)).collect();
    assert_eq!(seqs, [(ONE, 1), (two, 1)]);
    Ok(())
}

/// A restarted engine finds what it must look after, and where the numbers stand.
pub async fn open_signals_are_found_again(store: Store) -> Checked {
    let changes = vec![
        issued(1, 1),
        issued(1, 2),
        issued(1, 3),
        delivered(2, 5),
        state(1, SignalState::Executed),
        state(3, SignalState::Unknown),
        reported(4, 3, ReportState::Unknown, &[]),
    ];
    store.apply(mark(1), changes).await?;
    let open: Vec<_> = store.open(9).await?.iter().map(|view| (view.row.signal.seq, view.state)).collect();
    assert_eq!(open, [(2, SignalState::Delivered), (3, SignalState::Unknown)]);
    assert_eq!(store.open(1).await?.len(), 1);
    let head = SignalHead { tenant: ONE, account: AccountId(7), seq: 3, signal: SignalId([3; 16]) };
    assert_eq!(store.signal_heads().await?, [head]);
    let head = ReportHead { tenant: ONE, account: AccountId(7), device: DeviceId([3; 16]), seq: 4 };
    assert_eq!(store.report_heads().await?, [head]);
    Ok(())
}

/// Reports come back whole, in order of acceptance, page by page.
pub async fn reports_are_paged(store: Store) -> Checked {
    let mut changes = vec![issued(1, 1), issued(2, 1)];
    changes.push(SignalChange::Reported(report(2, 1, 1, ReportState::Executed, &[77])));
    changes.extend((1..=5).map(|seq| reported(seq, 1, ReportState::Unknown, &[])));
    changes.push(reported(6, 1, ReportState::Executed, &[10, 11]));
    store.apply(mark(1), changes).await?;
    let first = store.reports(ONE, 0, 4).await?;
    assert_eq!(first.iter().map(|stored| stored.row.report.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let rest = store.reports(ONE, first[3].id, 9).await?;
    assert_eq!(rest.len(), 2);
    assert_eq!(rest[1].row, report(1, 6, 1, ReportState::Executed, &[10, 11]));
    assert_eq!(rest[1].issued_at, Timestamp(1_000_000), "latency is measured from the decision");
    assert_eq!(store.reports(ONE, rest[1].id, 9).await?, []);
    Ok(())
}

/// A denial comes back whole: what it was decided on, the limit, its value and bound, and the version; or without, as it came.
pub async fn denials_keep_their_verdict(store: Store) -> Checked {
    let plain = Verdict { limit: String::new(), value: None, bound: None, policy: None, ..verdict() };
    let zero = Verdict { side: Side::Buy, kind: SignalKind::Open, value: Some(0), bound: Some(0), ..verdict() };
    let verdicts = [Some(verdict()), Some(plain), Some(zero), None];
    let rows: Vec<_> = (1..).zip(verdicts).map(|(at, verdict)| denied_with(ONE, at, verdict)).collect();
    store.apply(mark(1), rows.iter().cloned().map(SignalChange::Denied).collect()).await?;
    let stored = store.denials(ONE, 0, 9).await?;
    assert_eq!(stored.into_iter().map(|stored| stored.row).collect::<Vec<_>>(), rows);
    Ok(())
}

/// Denials are read page by page, each tenant's alone.
pub async fn denials_are_paged(store: Store) -> Checked {
    let row = |tenant, at| SignalChange::Denied(denied_with(TenantId(tenant), at, Some(verdict())));
    store.apply(mark(1), vec![row(1, 1), row(2, 2), row(1, 3), row(1, 4)]).await?;
    let ats = |stored: &[StoredDenial]| stored.iter().map(|stored| stored.row.at.0).collect::<Vec<_>>();
    let first = store.denials(ONE, 0, 2).await?;
    assert_eq!(ats(&first), [1, 3]);
    let rest = store.denials(ONE, first[1].id, 9).await?;
    assert_eq!(ats(&rest), [4]);
    assert_eq!(store.denials(ONE, rest[0].id, 9).await?, []);
    assert_eq!(ats(&store.denials(TenantId(2), 0, 9).await?), [2]);
    Ok(())
}

/// What the server itself ended has an outcome too.
pub async fn expiry_without_a_report_counts(store: Store) -> Checked {
    store.apply(mark(1), vec![issued(1, 1), issued(1, 2), state(2, SignalState::Expired)]).await?;
    let counts = store.counts(ONE).await?;
    assert_eq!((counts.issued, counts.expired, counts.open), (2, 1, 1));
    Ok(())
}

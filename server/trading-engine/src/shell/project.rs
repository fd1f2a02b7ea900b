//! Projects the journal into the signal store, in journal order and off the hot path. The store's mark is the journal's
//! position, so that a restart goes on where the last change went in.

use super::{Parts, Shared};
use crate::{
    EngineError,
    engine::{End, Event, decode},
};
use aitrading_env::Task;
use aitrading_error::Coded;
use aitrading_journal::{Journal, Position, Reader};
use aitrading_model::ReportState;
use aitrading_store::{DenialRow, JournalMark, ReportRow, SignalChange, SignalRow, SignalState, SignalStore, Verdict};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Changes in one transaction.
const BATCH: usize = 512;
/// Pause after the store failed.
const RETRY: Duration = Duration::from_secs(1);
/// Longest wait for the projection at the end.
pub(super) const DRAIN: Duration = Duration::from_secs(10);

type Batch = Result<(Position, Vec<SignalChange>), EngineError>;

pub(super) fn start(shared: &Arc<Shared>, parts: &Parts, journal: Journal) -> Result<Task, EngineError> {
    let mark = *shared.projected.borrow();
    let reader = journal.read_from(mark).map_err(EngineError::Journal)?;
    let (ask, asked) = mpsc::channel::<()>(1);
    let (give, given) = mpsc::channel::<Batch>(1);
    let read = Box::new(move || read_loop(reader, asked, &give));
    // It ends when the task below does.
    drop(parts.env.spawn.thread("engine-project", read).map_err(EngineError::Thread)?);
    let signals = Arc::clone(&parts.signals);
    let (clock, projected) = (Arc::clone(&parts.env.clock), shared.projected.clone());
    let backlog = Arc::clone(&shared.backlog);
    let follow = async move {
        let mut at = mark;
        let mut given = given;
        while journal.durable_after(at).await.is_ok() {
            backlog.waits(journal.durable(), clock.mono_ns());
            if ask.send(()).await.is_err() {
                return;
            }
            match given.recv().await {
                Some(Ok((position, changes))) => {
                    let mark = JournalMark { segment: position.segment, offset: position.offset };
                    apply(signals.as_ref(), &clock, mark, changes).await;
                    at = position;
                    backlog.stored(at);
                    projected.send_replace(at);
                }
                Some(Err(error)) => {
                    tracing::error!(code = error.dna().code, "the signal projection cannot read the journal");
                    return;
                }
                None => return,
            }
        }
    };
    Ok(parts.env.spawn.task("engine-projection", Box::pin(follow)))
}

/// Goes on trying: the journal keeps everything, and nothing on the hot path waits for this.
async fn apply(
    signals: &dyn SignalStore,
    clock: &Arc<dyn aitrading_env::Clock>,
    mark: JournalMark,
    changes: Vec<SignalChange>,
) {
    loop {
        match signals.apply(mark, changes.clone()).await {
            Ok(()) | Err(aitrading_store::StoreError::AlreadyDone { .. }) => return,
            Err(error) => {
                crate::meters::projection_failed().increment(1);
                tracing::error!(code = error.dna().code, "the signal store refused changes; they are tried again");
                clock.sleep(RETRY).await;
            }
        }
    }
}

/// Reads on its own thread, a batch whenever it is asked.
fn read_loop(mut reader: Reader, mut asked: mpsc::Receiver<()>, give: &mpsc::Sender<Batch>) {
    while asked.blocking_recv().is_some() {
        let batch = read_batch(&mut reader);
        if give.blocking_send(batch).is_err() {
            return;
        }
    }
}

fn read_batch(reader: &mut Reader) -> Batch {
    let mut changes = Vec::new();
    while changes.len() < BATCH {
        let Some((_, bytes)) = reader.read().map_err(EngineError::Journal)? else { break };
        let (_, events) = decode(bytes).map_err(EngineError::Record)?;
        events.into_iter().for_each(|event| project(event, &mut changes));
    }
    Ok((reader.position(), changes))
}

/// What an event changes in the store. Reports of signals that never existed are kept in journal and audit log alone.
fn project(event: Event, changes: &mut Vec<SignalChange>) {
    match event {
        Event::Decided(d) => changes.push(SignalChange::Issued(SignalRow {
            signal: d.signal,
            key_id: d.envelope.key_id,
            signature: d.envelope.signature,
        })),
        Event::Denied(d) => changes.push(SignalChange::Denied(DenialRow {
            tenant: d.tenant,
            account: d.account,
            strategy: d.strategy,
            symbol: d.symbol,
            trace: d.trace,
            code: d.code,
            at: d.at,
            verdict: Some(Verdict {
                side: d.side,
                kind: d.kind,
                price: d.price,
                market: d.market,
                limit: d.limit,
                // Records of before units were kept cannot tell "nothing" from zero.
                value: (d.units.is_none_or(|(value, _)| value != 0)).then_some(d.value),
                bound: (d.units.is_none_or(|(_, bound)| bound != 0)).then_some(d.bound),
                limits_version: d.limits_version,
                policy: d.policy,
            }),
        })),
        Event::Delivered { tenant, signal, at, .. } => changes.push(SignalChange::Delivered { tenant, signal, at }),
        Event::Reported(p) if matches!(p.finding.as_str(), "UNKNOWN_SIGNAL" | "REPORT_REUSED") => {}
        Event::Reported(p) => {
            let (tenant, signal) = (p.report.tenant, p.report.signal);
            let sound = p.finding.is_empty();
            let state = if sound { state_of(p.report.state) } else { SignalState::Disputed };
            changes.push(SignalChange::Reported(ReportRow {
                report: p.report,
                signature: p.envelope.signature,
                received_at: p.at,
                finding: (!sound).then_some(p.finding),
            }));
            changes.push(SignalChange::State { tenant, signal, state });
        }
        Event::Judged(j) if j.finding.is_empty() => {}
        Event::Judged(j) => {
            let state = SignalState::Disputed;
            changes.push(SignalChange::State { tenant: j.tenant, signal: j.signal, state });
        }
        Event::Ended { tenant, signal, end, .. } => {
            let state = match end {
                End::Unconfirmed => SignalState::Unknown,
                End::Expired | End::Voided | End::Lost => SignalState::Expired,
            };
            changes.push(SignalChange::State { tenant, signal, state });
        }
        Event::Session(_) | Event::State(_) => {}
    }
}

const fn state_of(state: ReportState) -> SignalState {
    match state {
        ReportState::Refused => SignalState::Refused,
        ReportState::Rejected => SignalState::Rejected,
        ReportState::Executed => SignalState::Executed,
        ReportState::Unknown => SignalState::Unknown,
        ReportState::Expired => SignalState::Expired,
        ReportState::NotExecuted => SignalState::NotExecuted,
    }
}

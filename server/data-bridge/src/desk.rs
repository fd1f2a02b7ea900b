//! One session's talk with the engine: hello, account, specifications, reports and deliveries, one after the other and beside
//! the stream of ticks, which never waits for an audit leaf.

use crate::{BridgeError, bridge::Core, seats::Connected};
use aitrading_channel::{Sender, StreamId};
use aitrading_error::Coded;
use aitrading_model::{AccountState, SignalId, SymbolSpec, Timestamp, TraceId};
use aitrading_wire::{
    ReportEnvelope,
    limits::TEXT_BYTES_MAX,
    link::{Control, Hello, Welcome, stream},
    services::{AuditEvent, AuditEventKind, Seat, ServiceError, SessionOpened},
};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

const CONTROL: StreamId = StreamId(stream::CONTROL);
const REPORTS: StreamId = StreamId(stream::REPORTS);

/// Something for the engine, with the frame that brought it.
pub(crate) enum Errand {
    Hello(u64, Box<Hello>),
    Account(u64, Box<AccountState>),
    Specs(u64, Vec<SymbolSpec>),
    Report(u64, ReportEnvelope),
    Delivered(SignalId),
}

/// Serves one session's errands in order.
pub(crate) struct Desk {
    pub(crate) core: Arc<Core>,
    pub(crate) seat: Seat,
    pub(crate) device_key: [u8; 32],
    pub(crate) trace: TraceId,
    pub(crate) sender: Sender,
    pub(crate) session: Arc<Connected>,
    /// Dropped with the desk: the session has not ended before.
    pub(crate) alive: watch::Receiver<()>,
    pub(crate) failures: mpsc::Sender<BridgeError>,
}

impl Desk {
    /// Works until the session's end, and then what is left: frames that were taken are not sent again.
    pub(crate) async fn run(self, mut errands: mpsc::Receiver<Errand>, mut closed: watch::Receiver<&'static str>) {
        while let Some(errand) = errands.recv().await {
            if let Err(error) = self.serve(errand).await {
                tracing::warn!(trace = %self.trace, code = error.dna.code, "the engine refused a client's message");
                // The first failure ends the session; later ones say nothing new.
                self.failures.try_send(BridgeError::Engine(error)).unwrap_or(());
                break;
            }
        }
        drop(errands);
        // The session names its end before it waits for ours; a session that died has none to name.
        let code = closed.wait_for(|code| !code.is_empty()).await.map_or("ABORTED", |code| *code);
        self.close(code).await;
        drop(self.alive);
    }

    async fn serve(&self, errand: Errand) -> Result<(), ServiceError> {
        let (seat, reports, at) = (self.seat, &self.core.ports.reports, self.core.ingest.now());
        match errand {
            Errand::Hello(seq, hello) => {
                self.hello(*hello, at).await?;
                self.sender.ack(CONTROL, seq);
            }
            Errand::Account(seq, state) => {
                reports.account(seat, *state, at).await?;
                self.sender.ack(CONTROL, seq);
            }
            Errand::Specs(seq, specs) => {
                reports.specs(seat, specs, at).await?;
                self.sender.ack(CONTROL, seq);
            }
            Errand::Report(seq, envelope) => {
                reports.report(seat, envelope, at).await?;
                self.sender.ack(REPORTS, seq);
            }
            Errand::Delivered(signal) => reports.delivered(seat, signal, at).await?,
        }
        Ok(())
    }

    async fn hello(&self, hello: Hello, at: Timestamp) -> Result<(), ServiceError> {
        let opened = SessionOpened {
            seat: self.seat,
            trace: self.trace,
            device_key: self.device_key,
            ledger_generation: hello.ledger_generation,
            last_signal_seq: hello.last_signal_seq,
            state: hello.state,
            specs: hello.specs,
            at,
        };
        self.audit(AuditEventKind::SessionOpened, None).await?;
        let grant = self.core.ports.reports.session_opened(opened).await?;
        let welcome = Control::Welcome(Welcome {
            fence: grant.fence,
            policy: grant.policy,
            signal_keys: grant.signal_keys,
            last_report_seq: grant.last_report_seq,
            now: at,
            pacing: self.core.settings.pacing,
        });
        if self.say(&welcome).await {
            self.session.open(grant.fence);
            self.core.ports.reports.session_ready(self.seat, grant.fence).await?;
        }
        Ok(())
    }

    async fn audit(&self, kind: AuditEventKind, code: Option<&'static str>) -> Result<(), ServiceError> {
        let event = AuditEvent { kind, seat: Some(self.seat), trace: self.trace, code };
        self.core.ports.audit.append(event).await.map(drop)
    }

    /// Sends a control message; `false` if the connection is gone.
    async fn say(&self, message: &Control) -> bool {
        self.sender.send(CONTROL, message.kind(), message.encode().into()).await.is_ok()
    }

    async fn close(&self, code: &'static str) {
        let Some(fence) = self.session.fence() else { return };
        let told = self.core.ports.reports.session_closed(self.seat, fence, code).await;
        let audited = self.audit(AuditEventKind::SessionClosed, Some(code)).await;
        for error in [told.err(), audited.err()].into_iter().flatten() {
            tracing::warn!(trace = %self.trace, code = error.dna.code, "the end of a session was not noted");
        }
    }
}

/// The refusal as the client gets it.
pub(crate) fn refusal(error: &BridgeError) -> Control {
    let mut message = error.public_message();
    let end = (0..=TEXT_BYTES_MAX.min(message.len())).rev().find(|at| message.is_char_boundary(*at));
    message.truncate(end.unwrap_or_default());
    Control::Refused { code: error.dna().code.to_owned(), message }
}

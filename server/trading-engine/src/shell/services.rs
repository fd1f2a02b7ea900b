//! The interfaces through which other services meet the engine.

use super::{TradingEngine, entitle};
use crate::{
    EngineError,
    engine::{Answer, Input},
};
use aitrading_audit::{Entry, EventKind, Field, Level};
use aitrading_model::{AccountState, Epoch, Fence, SignalId, Source, SymbolSpec, Timestamp};
use aitrading_wire::{
    ReportEnvelope,
    services::{
        AuditEvent, AuditEventKind, AuditSink, ChangeAsked, ChangeSink, FeedBatch, ReportSink, Seat, ServiceError,
        SessionGrant, SessionOpened, TickFeed,
    },
};
use std::sync::PoisonError;

type Served<T> = Result<T, ServiceError>;

fn service<T>(outcome: Result<T, EngineError>) -> Served<T> {
    outcome.map_err(|error| ServiceError::from_coded(&error))
}

#[async_trait::async_trait]
impl TickFeed for TradingEngine {
    async fn publish(&self, batch: FeedBatch) -> Served<()> {
        service(self.tell(Input::Feed(batch)).await)
    }

    async fn settled(&self, source: Source, epoch: Epoch, seq: u64) -> Served<()> {
        service(self.done(|token| Input::Settled { token, source, epoch, seq }).await)
    }
}

#[async_trait::async_trait]
impl ReportSink for TradingEngine {
    async fn session_opened(&self, session: SessionOpened) -> Served<SessionGrant> {
        let account = (session.seat.tenant, session.seat.account);
        self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(account);
        entitle::refresh(&self.0, account).await.ok_or_else(|| ServiceError::from_coded(&EngineError::Closed))?;
        let asked = self.ask(|token| Input::SessionOpened { token, session: Box::new(session) }).await;
        match service(asked)? {
            Answer::Grant(grant) => Ok(grant),
            Answer::Refused(refusal) => service(Err(EngineError::Refused(refusal))),
            Answer::Done | Answer::Issued(_) | Answer::Denied(_) => service(Err(EngineError::Closed)),
        }
    }

    async fn session_ready(&self, seat: Seat, fence: Fence) -> Served<()> {
        service(self.tell(Input::SessionReady { seat, fence }).await)
    }

    async fn session_closed(&self, seat: Seat, fence: Fence, _code: &'static str) -> Served<()> {
        service(self.tell(Input::SessionClosed { seat, fence }).await)
    }

    async fn account(&self, seat: Seat, state: AccountState, at: Timestamp) -> Served<()> {
        service(self.tell(Input::Account { seat, state: Box::new(state), at }).await)
    }

    async fn specs(&self, seat: Seat, specs: Vec<SymbolSpec>, at: Timestamp) -> Served<()> {
        service(self.tell(Input::Specs { seat, specs, at }).await)
    }

    async fn delivered(&self, seat: Seat, signal: SignalId, at: Timestamp) -> Served<()> {
        service(self.done(|token| Input::Delivered { token, seat, signal, at }).await)
    }

    async fn report(&self, seat: Seat, envelope: ReportEnvelope, at: Timestamp) -> Served<()> {
        service(self.done(|token| Input::Report { token, seat, envelope, at }).await)
    }
}

#[async_trait::async_trait]
impl AuditSink for TradingEngine {
    async fn append(&self, event: AuditEvent) -> Served<u64> {
        let (level, kind) = match event.kind {
            AuditEventKind::SessionOpened => (Level::Info, EventKind::SessionOpened),
            AuditEventKind::SessionClosed => (Level::Info, EventKind::SessionClosed),
            // A refusal is a session that ended before it began; its code says why.
            AuditEventKind::PeerRefused => (Level::Warning, EventKind::SessionClosed),
            AuditEventKind::ClockStep => (Level::Warning, EventKind::ClockStep),
        };
        let mut entry = Entry::new(level, kind).trace(event.trace.0);
        if kind != EventKind::ClockStep {
            if let Some(seat) = event.seat {
                entry = entry
                    .subject(self.0.names.account((seat.tenant, seat.account)))
                    .with(Field::Tenant(seat.tenant.0))
                    .with(Field::Account(self.0.names.account((seat.tenant, seat.account))))
                    .with(Field::Device(self.0.names.device(seat.device)));
            }
            if let Some(code) = event.code {
                entry = entry.with(Field::Code(code.into()));
            }
        }
        let receipt = self.0.audit.append(entry).await.map_err(EngineError::Audit);
        service(receipt.map(|receipt| receipt.index))
    }
}

#[async_trait::async_trait]
impl ChangeSink for TradingEngine {
    async fn asked(&self, change: ChangeAsked) -> Served<u64> {
        let entry = Entry::new(Level::Info, EventKind::ChangeAsked)
            .trace(change.trace.0)
            .actor(self.0.names.actor(change.tenant, change.actor))
            .with(Field::Tenant(change.tenant.0))
            .with(Field::Code(change.what.into()))
            .with(Field::BodyHash(change.request));
        let receipt = self.0.audit.append(entry).await.map_err(EngineError::Audit);
        service(receipt.map(|receipt| receipt.index))
    }
}

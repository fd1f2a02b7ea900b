//! Signals in memory.

use super::lock;
use crate::{
    DenialRow, JournalMark, Outcome, ReportHead, ReportRow, SignalChange, SignalCounts, SignalHead, SignalRow,
    SignalState, SignalStore, SignalView, StoreError, StoredDenial, StoredReport,
};
use aitrading_model::{ReportState, SignalId, TenantId, Ticket, Timestamp};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

/// Keeps signals, denials and reports in memory.
#[derive(Debug, Default)]
pub struct MemorySignals(Mutex<State>);

#[derive(Debug, Default, Clone)]
struct State {
    mark: JournalMark,
    /// In the order in which they were issued.
    signals: Vec<SignalView>,
    denials: Vec<DenialRow>,
    reports: Vec<ReportRow>,
}

impl State {
    fn view(&mut self, tenant: TenantId, signal: SignalId) -> Result<&mut SignalView, StoreError> {
        let unknown = StoreError::Conflict { what: "the change names a signal that was never issued" };
        let known = |view: &&mut SignalView| view.row.signal.tenant == tenant && view.row.signal.id == signal;
        self.signals.iter_mut().find(known).ok_or(unknown)
    }

    fn take(&mut self, change: SignalChange) -> Result<(), StoreError> {
        match change {
            SignalChange::Issued(row) => self.issue(row)?,
            SignalChange::Denied(row) => self.denials.push(row),
            SignalChange::Delivered { tenant, signal, at } => {
                let view = self.view(tenant, signal)?;
                view.delivered_at = view.delivered_at.or(Some(at));
                if view.state == SignalState::Issued {
                    view.state = SignalState::Delivered;
                }
            }
            SignalChange::Reported(row) => self.report(row)?,
            SignalChange::State { tenant, signal, state } => self.view(tenant, signal)?.state = state,
        }
        Ok(())
    }

    fn issue(&mut self, row: SignalRow) -> Result<(), StoreError> {
        let new = &row.signal;
        let same = |old: &SignalView| {
            let old = &old.row.signal;
            old.tenant == new.tenant && (old.id == new.id || (old.account == new.account && old.seq == new.seq))
        };
        if self.signals.iter().any(same) {
            return Err(StoreError::Conflict { what: "a signal with this id or number was issued before" });
        }
        self.signals.push(SignalView { row, state: SignalState::Issued, delivered_at: None });
        Ok(())
    }

    fn report(&mut self, row: ReportRow) -> Result<(), StoreError> {
        self.view(row.report.tenant, row.report.signal)?;
        let key = |row: &ReportRow| (row.report.tenant, row.report.account, row.report.device, row.report.seq);
        match self.reports.iter().find(|old| key(old) == key(&row)) {
            Some(old) if old.report == row.report => Ok(()),
            Some(_) => Err(StoreError::Conflict { what: "another report has this number" }),
            None => {
                self.reports.push(row);
                Ok(())
            }
        }
    }

    fn outcome(&self, view: &SignalView) -> Outcome {
        let signal = &view.row.signal;
        let own = |row: &&ReportRow| row.report.tenant == signal.tenant && row.report.signal == signal.id;
        let states = || self.reports.iter().filter(own).map(|row| row.report.state);
        Outcome::of(states().find(|s| *s == ReportState::Executed).or_else(|| states().next_back()), view.state)
    }

    fn executions_max(&self, tenant: TenantId) -> u64 {
        let mut orders: BTreeMap<SignalId, BTreeSet<Ticket>> = BTreeMap::new();
        for row in self.reports.iter().filter(|row| row.report.tenant == tenant) {
            orders.entry(row.report.signal).or_default().extend(row.report.deals.iter().map(|deal| deal.order));
        }
        orders.values().map(|tickets| tickets.len() as u64).max().unwrap_or(0)
    }

    fn issued_at(&self, row: &ReportRow) -> Timestamp {
        let same = |v: &&SignalView| v.row.signal.tenant == row.report.tenant && v.row.signal.id == row.report.signal;
        self.signals.iter().find(same).map(|v| v.row.signal.issued_at).unwrap_or_default()
    }
}

#[async_trait]
impl SignalStore for MemorySignals {
    async fn apply(&self, mark: JournalMark, changes: Vec<SignalChange>) -> Result<(), StoreError> {
        let mut state = lock(&self.0);
        if mark <= state.mark {
            return Err(StoreError::AlreadyDone { stored: state.mark });
        }
        // All or nothing: a copy takes the changes, and replaces the state if every one went through.
        let mut next = state.clone();
        changes.into_iter().try_for_each(|change| next.take(change))?;
        next.mark = mark;
        *state = next;
        Ok(())
    }

    async fn mark(&self) -> Result<JournalMark, StoreError> {
        Ok(lock(&self.0).mark)
    }

    async fn counts(&self, tenant: TenantId) -> Result<SignalCounts, StoreError> {
        let state = lock(&self.0);
        let mut counts = SignalCounts::default();
        for view in state.signals.iter().filter(|view| view.row.signal.tenant == tenant) {
            counts.add(state.outcome(view), 1);
            counts.delivered = counts.delivered.saturating_add(u64::from(view.delivered_at.is_some()));
        }
        for denial in state.denials.iter().filter(|denial| denial.tenant == tenant) {
            let count = counts.denied.entry(denial.code.clone()).or_default();
            *count = count.saturating_add(1);
        }
        for row in state.reports.iter().filter(|row| row.report.tenant == tenant) {
            counts.reports = counts.reports.saturating_add(1);
            counts.disputed_reports = counts.disputed_reports.saturating_add(u64::from(row.finding.is_some()));
        }
        counts.executions_per_signal_max = state.executions_max(tenant);
        Ok(counts)
    }

    async fn signal(&self, tenant: TenantId, signal: SignalId) -> Result<Option<SignalView>, StoreError> {
        Ok(lock(&self.0).view(tenant, signal).ok().copied())
    }

    async fn latest(&self, tenant: TenantId, limit: usize) -> Result<Vec<SignalView>, StoreError> {
        let state = lock(&self.0);
        Ok(state.signals.iter().rev().filter(|view| view.row.signal.tenant == tenant).take(limit).copied().collect())
    }

    async fn open(&self, limit: usize) -> Result<Vec<SignalView>, StoreError> {
        Ok(lock(&self.0).signals.iter().filter(|view| view.state.is_open()).take(limit).copied().collect())
    }

    async fn reports(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<StoredReport>, StoreError> {
        let state = lock(&self.0);
        let numbered = (1_u64..).zip(&state.reports).filter(|(id, row)| *id > after && row.report.tenant == tenant);
        let stored =
            |(id, row): (u64, &ReportRow)| StoredReport { id, issued_at: state.issued_at(row), row: row.clone() };
        Ok(numbered.take(limit).map(stored).collect())
    }

    async fn denials(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<StoredDenial>, StoreError> {
        let state = lock(&self.0);
        let numbered = (1_u64..).zip(&state.denials).filter(|(id, row)| *id > after && row.tenant == tenant);
        Ok(numbered.take(limit).map(|(id, row)| StoredDenial { id, row: row.clone() }).collect())
    }

    async fn signal_heads(&self) -> Result<Vec<SignalHead>, StoreError> {
        let mut heads = BTreeMap::new();
        for view in &lock(&self.0).signals {
            let s = &view.row.signal;
            let head = SignalHead { tenant: s.tenant, account: s.account, seq: s.seq, signal: s.id };
            let known = heads.entry((s.tenant, s.account)).or_insert(head);
            if known.seq < head.seq {
                *known = head;
            }
        }
        Ok(heads.into_values().collect())
    }

    async fn report_heads(&self) -> Result<Vec<ReportHead>, StoreError> {
        let mut heads = BTreeMap::new();
        for row in &lock(&self.0).reports {
            let r = &row.report;
            let seq = heads.entry((r.tenant, r.account, r.device)).or_insert(r.seq);
            *seq = r.seq.max(*seq);
        }
        let head = |((tenant, account, device), seq)| ReportHead { tenant, account, device, seq };
        Ok(heads.into_iter().map(head).collect())
    }
}

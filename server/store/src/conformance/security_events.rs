//! What every [`SecurityEventStore`] promises.

use super::race::check_refused;
use crate::{PAGE_MAX, SecurityEvent, SecurityEventStore, SecurityQuery, SecuritySeverity, StoreError};
use aitrading_model::{TenantId, Timestamp, TraceId};
use std::sync::Arc;

type Store = Arc<dyn SecurityEventStore>;
type Checked = Result<(), StoreError>;

fn event(tenant: u64, n: u8, at: i64) -> SecurityEvent {
    SecurityEvent {
        tenant: TenantId(tenant),
        id: [n; 16],
        at: Timestamp(at),
        kind: "login.refused".to_owned(),
        severity: SecuritySeverity::Warning,
        subject: "anna".to_owned(),
        origin: "203.0.113.9".to_owned(),
        trace: TraceId([9; 16]),
        detail: String::new(),
    }
}

fn everything(tenant: u64) -> SecurityQuery {
    SecurityQuery {
        tenant: TenantId(tenant),
        kind: None,
        severity_min: SecuritySeverity::Info,
        from: Timestamp(i64::MIN),
        to: Timestamp(i64::MAX),
        before: None,
        limit: PAGE_MAX,
    }
}

async fn check_found(store: &Store, query: &SecurityQuery, expected: &[u8]) -> Checked {
    let found: Vec<u8> = store.query(query).await?.iter().map(|event| event.id[0]).collect();
    assert_eq!(found, expected, "{query:?}");
    Ok(())
}

/// Every field comes back: every severity, odd texts, extremes; there is nothing at first.
pub async fn every_field_of_an_event_survives(store: Store) -> Checked {
    check_found(&store, &everything(u64::MAX), &[]).await?;
    let mut events = Vec::new();
    for (n, severity) in (0_u8..).zip(SecuritySeverity::ALL) {
        events.push(SecurityEvent {
            kind: "k-1._".repeat(12) + "wxyz",
            severity: *severity,
            subject: "s\"'\\é🦀\n".to_owned(),
            origin: "o".repeat(SecurityEvent::NAME_MAX),
            trace: TraceId([0xff; 16]),
            detail: "{ \"b\": 1, \"a\": \"\\u00e9\" }".to_owned(),
            ..event(u64::MAX, n, [i64::MAX - 1, 1, 0, i64::MIN][usize::from(n)])
        });
    }
    store.append(events.clone()).await?;
    assert_eq!(store.query(&everything(u64::MAX)).await?, events);
    Ok(())
}

/// An event that is written again stays as it was; tenants' ids are their own.
pub async fn an_id_counts_once(store: Store) -> Checked {
    store.append(vec![event(1, 1, 5), event(11, 1, 6), event(1, 2, 7)]).await?;
    let other = SecurityEvent { severity: SecuritySeverity::Critical, ..event(1, 1, 9) };
    store.append(vec![other.clone(), event(1, 3, 8), event(1, 3, 1)]).await?;
    check_found(&store, &everything(1), &[3, 2, 1]).await?;
    check_found(&store, &SecurityQuery { severity_min: other.severity, ..everything(1) }, &[]).await?;
    check_found(&store, &everything(11), &[1]).await?;
    check_found(&store, &everything(2), &[]).await
}

/// Kind, severity and time (half open) choose, alone and together.
pub async fn questions_choose(store: Store) -> Checked {
    let mut events: Vec<_> = (1..=6_u8).map(|n| event(1, n, i64::from(n) * 10)).collect();
    for n in [1, 3, 5] {
        events[n].kind = "login".to_owned();
    }
    for (event, severity) in events.iter_mut().zip(SecuritySeverity::ALL.iter().cycle()) {
        event.severity = *severity;
    }
    store.append(events).await?;
    let all = everything(1);
    let logins = SecurityQuery { kind: Some("login".to_owned()), ..all.clone() };
    check_found(&store, &logins, &[6, 4, 2]).await?;
    check_found(&store, &SecurityQuery { kind: Some("log".to_owned()), ..all.clone() }, &[]).await?;
    check_found(&store, &SecurityQuery { severity_min: SecuritySeverity::High, ..all.clone() }, &[4, 3]).await?;
    let (from, to) = (Timestamp(20), Timestamp(50));
    check_found(&store, &SecurityQuery { from, to, ..all.clone() }, &[4, 3, 2]).await?;
    check_found(&store, &SecurityQuery { from: to, to: from, ..all }, &[]).await?;
    check_found(&store, &SecurityQuery { from, to, severity_min: SecuritySeverity::High, ..logins }, &[4]).await
}

/// Answers come page by page, also where many events have one time.
pub async fn events_are_paged(store: Store) -> Checked {
    store.append((0..100_u8).map(|n| event(1, n, i64::from(n / 30))).collect()).await?;
    for limit in [1, 7, 99] {
        let mut seen: Vec<SecurityEvent> = Vec::new();
        loop {
            let before = seen.last().map(SecurityEvent::place);
            let page = store.query(&SecurityQuery { before, limit, ..everything(1) }).await?;
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen.iter().map(|event| event.id[0]).collect::<Vec<_>>(), (0..100).rev().collect::<Vec<_>>());
    }
    Ok(())
}

/// What breaks a rule is refused, all of it.
pub async fn limits_are_kept(store: Store) -> Checked {
    let good = event(1, 1, 1);
    let long = "n".repeat(SecurityEvent::NAME_MAX + 1);
    let detail = format!("{{\"a\":\"{}\"}}", "x".repeat(SecurityEvent::DETAIL_MAX));
    let mut bad: Vec<SecurityEvent> = Vec::new();
    for kind in ["", "A", "a b", &"k".repeat(SecurityEvent::KIND_MAX + 1)] {
        bad.push(SecurityEvent { kind: kind.to_owned(), ..good.clone() });
    }
    for detail in ["{", "[]", "x", "{\"a\":\"\\u0000\"}", &detail] {
        bad.push(SecurityEvent { detail: detail.to_owned(), ..good.clone() });
    }
    for name in ["a\0", &long] {
        bad.push(SecurityEvent { subject: name.to_owned(), ..good.clone() });
        bad.push(SecurityEvent { origin: name.to_owned(), ..good.clone() });
    }
    for bad in bad {
        check_refused(store.append(vec![event(1, 2, 1), bad]).await);
    }
    check_refused(store.append(vec![good; SecurityEvent::AT_ONCE_MAX + 1]).await);
    check_found(&store, &everything(1), &[]).await?;
    for limit in [0, PAGE_MAX + 1] {
        check_refused(store.query(&SecurityQuery { limit, ..everything(1) }).await);
    }
    store.append(vec![]).await
}

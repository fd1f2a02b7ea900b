//! What the platform's stores keep: one record of each port, that it survives reopening, and what is deleted in steps.

use crate::{
    identity_rows,
    world::{World, block_on},
};
use aitrading_database_service::Settings;
use aitrading_model::{
    AccountId, Money, OrderType, PositionState, PositionTicket, Price, Side, SignalId, StrategyId, TenantId, Ticket,
    Timestamp, TraceId, Volume,
};
use aitrading_store::{
    AuditRow, ChainDefinition, ChainDependency, ChainEdge, ChainId, ChainNode, ChainSpan, ChainStatus, GraphEdge,
    GraphName, LogBatch, LogCost, LogLevel, LogLine, LogPartition, LogQuery, LoginName, OrderEvent, OrderId,
    OrderState, OrderView, PlatformStores, PositionBook, RetentionPolicy, RiskPart, RiskRecord, RiskScope,
    SecurityEvent, SecurityQuery, SecuritySeverity, SequenceName, StorageTier, StoreError, User, UserId, UserRole,
    UserStatus, Version, conformance::sample::symbol,
};

pub(crate) const TENANT: TenantId = TenantId(1);
const ACCOUNT: AccountId = AccountId(7);
const TRACE: TraceId = TraceId([9; 16]);
/// 2023-11-14, 22:13:20.5 UTC.
const NOW: Timestamp = Timestamp(1_700_000_000_500_000_000);
const DAY: i64 = 19_675;

fn user() -> User {
    User {
        tenant: TENANT,
        id: UserId([1; 16]),
        login: LoginName::new("anna").unwrap(),
        role: UserRole::Operator,
        status: UserStatus::Active,
        opaque: vec![1, 2],
        second_factor: vec![3],
        note: "note".to_owned(),
        created_at: NOW,
        changed_at: NOW,
    }
}

fn order() -> OrderView {
    OrderView {
        tenant: TENANT,
        account: ACCOUNT,
        id: OrderId([2; 16]),
        signal: Some(SignalId([3; 16])),
        strategy: StrategyId(1),
        symbol: symbol("GBPJPY"),
        side: Side::Sell,
        order_type: OrderType::Market,
        state: OrderState::PartlyFilled,
        volume: Volume::from_raw(10),
        filled: Volume::from_raw(5),
        price: Price::from_raw(13_000_000_000),
        ticket: Ticket(5),
        position: PositionTicket(6),
        created_at: NOW,
        changed_at: NOW,
    }
}

fn order_event() -> OrderEvent {
    OrderEvent { kind: "filled".to_owned(), at: NOW, trace: TRACE, body: vec![7] }
}

fn book() -> PositionBook {
    let position = PositionState {
        ticket: PositionTicket(6),
        symbol: symbol("GBPJPY"),
        side: Side::Sell,
        volume: Volume::from_raw(5),
        price_open: Price::from_raw(13_000_000_000),
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        profit: Money::from_raw(-3),
        magic: 9,
    };
    PositionBook { tenant: TENANT, account: ACCOUNT, place: 1, at: NOW, positions: vec![position] }
}

fn limits() -> RiskRecord {
    let scope = RiskScope::Account(ACCOUNT);
    RiskRecord { tenant: TENANT, scope, part: RiskPart::Limits, body: vec![1], by: "anna".to_owned(), at: NOW }
}

fn line(at: i64, message: &str) -> LogLine {
    LogLine {
        level: LogLevel::Error,
        at: Timestamp(at),
        service: "gateway".to_owned(),
        trace: Some(TRACE),
        message: message.to_owned(),
        fields: "{}".to_owned(),
    }
}

fn batch(n: u8, lines: Vec<LogLine>) -> LogBatch {
    LogBatch { tenant: TENANT, id: [n; 16], lines }
}

fn all_lines() -> LogQuery {
    let (from, to) = (Timestamp(0), Timestamp(i64::MAX));
    LogQuery { tenant: TENANT, level_min: LogLevel::Debug, from, to, trace: None, before: None, limit: 9 }
}

fn policy() -> RetentionPolicy {
    RetentionPolicy {
        level: LogLevel::Critical,
        retention_days: 365,
        storage_tier: "cold".to_owned(),
        compression: Some("zstd-19".to_owned()),
        compliance_required: true,
        cost_per_gb_month: Some(Money::from_raw(2_310_000)),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn tier() -> StorageTier {
    StorageTier {
        name: "cold".to_owned(),
        technology: "parquet".to_owned(),
        max_query_latency_ms: Some(2_000),
        cost_per_gb_month: Some(Money::from_raw(2_310_000)),
        compression_ratio_tenths: Some(145),
        is_active: true,
    }
}

fn cost() -> LogCost {
    LogCost {
        day: DAY,
        total_logs_gb_hundredths: Some(12_345),
        hot: Some(Money::from_raw(1_050_000_000)),
        warm: None,
        cold: Some(Money::ZERO),
        total_month: Some(Money::from_raw(9_999_999_999_000_000)),
        savings: Some(Money::from_raw(-25_000_000)),
    }
}

fn security_event() -> SecurityEvent {
    SecurityEvent {
        tenant: TENANT,
        id: [4; 16],
        at: NOW,
        kind: "login.refused".to_owned(),
        severity: SecuritySeverity::High,
        subject: "anna".to_owned(),
        origin: "203.0.113.9".to_owned(),
        trace: TRACE,
        detail: "{\"tries\":3}".to_owned(),
    }
}

fn leaf() -> AuditRow {
    AuditRow {
        index: 0,
        hash: [0xab; 32],
        at: NOW,
        level: LogLevel::Critical,
        event: "signal.issued".to_owned(),
        actor: [1; 16],
        subject: [2; 16],
        trace: TRACE,
        leaf: vec![5],
    }
}

fn name(text: &str) -> GraphName {
    GraphName::new(text).unwrap()
}

fn chain() -> ChainDefinition {
    let edge = GraphEdge { source: name("engine"), target: name("gateway"), kind: name("event") };
    ChainDefinition {
        tenant: TENANT,
        id: ChainId::new("A1").unwrap(),
        name: "Signal".to_owned(),
        category: "trading".to_owned(),
        description: "words".to_owned(),
        status: ChainStatus::Healthy,
        metadata: "{\"a\": \"\\ud800\", \"b\": 1e999}".to_owned(),
        nodes: ["engine", "gateway"].map(|node| ChainNode { name: name(node), kind: name("service") }).to_vec(),
        edges: vec![ChainEdge {
            edge,
            condition: Some("always".to_owned()),
            latency_sla_ms: Some(50),
            retry_policy: Some("{\"tries\":3}".to_owned()),
        }],
        dependencies: vec![ChainDependency { on: ChainId::new("B2").unwrap(), kind: name("data") }],
        created_by: "anna".to_owned(),
        created_at: NOW,
        changed_at: NOW,
    }
}

fn span(n: u64) -> ChainSpan {
    ChainSpan {
        tenant: TENANT,
        trace: TRACE,
        span: n.to_be_bytes(),
        parent: None,
        chain: ChainId::new("A1").unwrap(),
        source: None,
        target: name("engine"),
        at: NOW,
        took_ns: 5,
        code: None,
    }
}

/// One record into each store that keeps rows.
pub(crate) async fn fill(stores: &PlatformStores) -> Result<(), StoreError> {
    stores.users.put(user(), Version::NONE).await?;
    identity_rows::fill(stores).await?;
    stores.orders.append(order(), vec![order_event()], Version::NONE).await?;
    stores.positions.put(book(), Version::NONE).await?;
    stores.risk.put(limits(), Version::NONE).await?;
    stores.sequences.next(TENANT, &SequenceName::new("orders")?, 5).await?;
    assert!(stores.logs.append(batch(1, vec![line(NOW.0, "first")])).await?);
    stores.log_policies.put_policy(policy()).await?;
    stores.log_policies.put_tier(tier()).await?;
    stores.log_policies.put_cost(cost()).await?;
    stores.security_events.append(vec![security_event()]).await?;
    stores.audit.append(vec![leaf()]).await?;
    stores.chains.put(chain(), Version::NONE).await?;
    stores.chain_traces.append(vec![span(1)]).await
}

async fn check_filled(stores: &PlatformStores) -> Result<(), StoreError> {
    let value = stores.users.get(TENANT, user().id).await?.map(|user| (user.value, user.version));
    assert_eq!(value, Some((user(), Version(1))));
    identity_rows::check_filled(stores).await?;
    let open = stores.orders.open(TENANT, ACCOUNT, None, 9).await?;
    assert_eq!(open.iter().map(|order| order.value).collect::<Vec<_>>(), [order()]);
    let history = stores.orders.history(TENANT, ACCOUNT, 0, 9).await?;
    assert_eq!(history.iter().map(|stored| &stored.event).collect::<Vec<_>>(), [&order_event()]);
    assert_eq!(stores.positions.get(TENANT, ACCOUNT).await?.map(|book| book.value), Some(book()));
    assert_eq!(stores.risk.limits_at(TENANT, limits().scope, Version(1)).await?, Some(limits()));
    assert_eq!(stores.sequences.last(TENANT, &SequenceName::new("orders")?).await?, 5);
    let found = stores.logs.query(&all_lines()).await?;
    assert_eq!(found.iter().map(|stored| &stored.line).collect::<Vec<_>>(), [&line(NOW.0, "first")]);
    assert!(!stores.logs.append(batch(1, vec![line(NOW.0, "again")])).await?, "known batches stay known");
    assert_eq!(stores.log_policies.policies().await?, [policy()]);
    assert_eq!(stores.log_policies.tiers(9).await?, [tier()]);
    assert_eq!(stores.log_policies.costs(0, i64::MAX, 9).await?, [cost()]);
    let (from, to) = (Timestamp(0), Timestamp(i64::MAX));
    let severity_min = SecuritySeverity::Info;
    let events = SecurityQuery { tenant: TENANT, kind: None, severity_min, from, to, before: None, limit: 9 };
    assert_eq!(stores.security_events.query(&events).await?, [security_event()]);
    assert_eq!(stores.audit.rows(0, 9).await?, [leaf()]);
    assert_eq!(stores.chains.get(TENANT, &chain().id).await?.map(|chain| chain.value), Some(chain()));
    assert_eq!(stores.chain_traces.of_trace(TENANT, TRACE, None, 9).await?, [span(1)]);
    Ok(())
}

#[test]
fn rows_of_every_port_are_there_after_reopening() {
    let world = World::new();
    block_on(async {
        let database = world.open(Settings::default()).await.unwrap();
        fill(&database.platform()).await.unwrap();
        database.close().await.unwrap();
        drop(database);
        let database = world.open(Settings::default()).await.unwrap();
        check_filled(&database.platform()).await.unwrap();
    });
}

#[test]
fn every_call_answers_the_same_stores() {
    let world = World::new();
    block_on(async {
        let database = world.open(Settings::default()).await.unwrap();
        database.platform().graph.put(TENANT, chain().shape()).await.unwrap();
        let shape = database.platform().graph.shape(TENANT, chain().id.name()).await.unwrap();
        assert_eq!(shape, Some(chain().shape()));
    });
}

#[test]
fn a_large_day_of_logs_is_deleted_in_steps() {
    let world = World::new();
    block_on(async {
        let logs = world.open(Settings::default()).await.unwrap().platform().logs;
        for (n, lines) in [(1, LogBatch::LINES_MAX), (2, 2_000)] {
            logs.append(batch(n, vec![line(NOW.0, "four"); lines])).await.unwrap();
        }
        let partition = LogPartition { day: DAY, level: LogLevel::Error, lines: 12_000, bytes: 72_000 };
        assert_eq!(logs.partitions(TENANT).await.unwrap(), [partition]);
        assert_eq!(logs.delete(TENANT, LogLevel::Error, DAY).await.unwrap(), 12_000);
        assert_eq!(logs.query(&all_lines()).await.unwrap(), []);
        assert_eq!(logs.partitions(TENANT).await.unwrap(), []);
    });
}

#[test]
fn the_first_and_the_last_day_of_all_are_deleted_whole() {
    let world = World::new();
    block_on(async {
        let logs = world.open(Settings::default()).await.unwrap().platform().logs;
        let ends = [i64::MIN, i64::MIN + 1, 0, i64::MAX];
        logs.append(batch(1, ends.map(|at| line(at, "x")).to_vec())).await.unwrap();
        for nowhere in [i64::MIN, -106_753, 106_752, i64::MAX] {
            assert_eq!(logs.delete(TENANT, LogLevel::Error, nowhere).await.unwrap(), 0, "{nowhere}");
        }
        for (day, lines) in [(-106_752, 2), (106_751, 1)] {
            assert_eq!(logs.delete(TENANT, LogLevel::Error, day).await.unwrap(), lines, "{day}");
        }
        let left = logs.partitions(TENANT).await.unwrap();
        assert_eq!(left, [LogPartition { day: 0, level: LogLevel::Error, lines: 1, bytes: 3 }]);
    });
}

#[test]
fn a_batch_that_was_forgotten_is_not_counted_again() {
    let world = World::new();
    block_on(async {
        let logs = world.open(Settings::default()).await.unwrap().platform().logs;
        for n in 0..=u8::try_from(LogBatch::REMEMBERED).unwrap() {
            assert!(logs.append(batch(n, vec![line(NOW.0, "four")])).await.unwrap());
        }
        assert!(logs.append(batch(0, vec![line(NOW.0, "four")])).await.unwrap(), "forgotten as a batch");
        let lines = LogBatch::REMEMBERED as u64 + 1;
        let partition = LogPartition { day: DAY, level: LogLevel::Error, lines, bytes: lines * 6 };
        assert_eq!(logs.partitions(TENANT).await.unwrap(), [partition]);
    });
}

#[test]
fn many_old_steps_are_forgotten_in_steps() {
    let world = World::new();
    block_on(async {
        let traces = world.open(Settings::default()).await.unwrap().platform().chain_traces;
        for n in 0..12 {
            let spans = (n * 1_000..(n + 1) * 1_000).map(span).collect();
            traces.append(spans).await.unwrap();
        }
        assert_eq!(traces.forget(TENANT, Timestamp(NOW.0 + 1)).await.unwrap(), 12_000);
        assert_eq!(traces.of_trace(TENANT, TRACE, None, 9).await.unwrap(), []);
    });
}

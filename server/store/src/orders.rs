//! The port for orders: what happened to each, never changed, and how each stands now.

use crate::{
    StoreError, Version, Versioned,
    bounds::{is_word, numbered, require},
};
use aitrading_model::{
    AccountId, OrderType, PositionTicket, Price, Side, SignalId, StrategyId, Symbol, TenantId, Ticket, Timestamp,
    TraceId, Volume,
};
use async_trait::async_trait;

/// An order of ours: 16 bytes drawn by the server, known before the broker gives a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct OrderId(#[serde(with = "crate::hex")] pub [u8; 16]);

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum OrderState {
    /// Decided, not sent.
    Decided = 0,
    /// On its way to the broker.
    Sent = 1,
    /// Waits at the broker.
    Placed = 2,
    /// Filled in part, the rest waits.
    PartlyFilled = 3,
    /// Sent, and nobody knows: still counts against limits.
    Unknown = 4,
    /// Filled.
    Filled = 5,
    /// Taken back.
    Cancelled = 6,
    /// Out of time.
    Expired = 7,
    /// Refused.
    Rejected = 8,
}

numbered!(OrderState: Decided Sent Placed PartlyFilled Unknown Filled Cancelled Expired Rejected);

impl OrderState {
    /// Is anything still to come?
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Decided | Self::Sent | Self::Placed | Self::PartlyFilled | Self::Unknown)
    }
}

/// How an order stands now, as far as others ask for it; the whole truth is its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderView {
    /// Whose.
    pub tenant: TenantId,
    /// On which account.
    pub account: AccountId,
    /// Which.
    pub id: OrderId,
    /// The signal behind it; `None`: found at the broker and adopted.
    pub signal: Option<SignalId>,
    /// The strategy behind it.
    pub strategy: StrategyId,
    /// On which symbol.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// Of which type.
    pub order_type: OrderType,
    /// Where it stands.
    pub state: OrderState,
    /// Wanted.
    pub volume: Volume,
    /// Filled so far.
    pub filled: Volume,
    /// Average price of what is filled; 0 for none.
    pub price: Price,
    /// The broker's ticket; 0 for none yet.
    pub ticket: Ticket,
    /// The position that it made or closes; 0 for none.
    pub position: PositionTicket,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When the last event happened.
    pub changed_at: Timestamp,
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderEvent {
    /// What happened: 1 to [`OrderEvent::KIND_MAX`] of `a-z`, `0-9`, `_`, `-` and `.`, for instance `filled`.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Joins it to its cause.
    pub trace: TraceId,
    /// As the engine encodes it; at most [`OrderEvent::BODY_MAX`] bytes.
    #[serde(with = "crate::hex")]
    pub body: Vec<u8>,
}

/// An event with its place in the account's history.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredOrderEvent {
    /// 1 for the first event of the account, then without a hole.
    pub place: u64,
    /// The order that it happened to.
    pub order: OrderId,
    /// The event.
    pub event: OrderEvent,
}

impl OrderEvent {
    /// Most bytes of a kind.
    pub const KIND_MAX: usize = 40;
    /// Most bytes of a body.
    pub const BODY_MAX: usize = 16_384;
    /// Most events in one call.
    pub const AT_ONCE_MAX: usize = 100;
}

/// The rules that every adapter enforces on [`OrderStore::append`].
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_order(view: &OrderView, events: &[OrderEvent]) -> Result<(), StoreError> {
    require((1..=OrderEvent::AT_ONCE_MAX).contains(&events.len()), "an order changes by 1 to 100 events at once")?;
    let good =
        |event: &OrderEvent| is_word(&event.kind, OrderEvent::KIND_MAX) && event.body.len() <= OrderEvent::BODY_MAX;
    require(
        events.iter().all(good),
        "an order's event has a kind of 1 to 40 of a-z, 0-9, '_', '-', '.', and at most 16,384 bytes",
    )?;
    require(
        Volume::ZERO <= view.filled && view.filled <= view.volume && view.volume > Volume::ZERO,
        "an order has a volume above 0 and is filled by 0 to all of it",
    )?;
    require(view.price >= Price::ZERO, "an order's average price is not negative")
}

/// Keeps orders. An order's version is the number of its events.
#[async_trait]
pub trait OrderStore: Send + Sync {
    /// Appends events to an order that has `expected` of them, and keeps how it stands then: all or nothing. Answers the new
    /// version. Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    async fn append(&self, view: OrderView, events: Vec<OrderEvent>, expected: Version) -> Result<Version, StoreError>;
    /// How one order stands.
    async fn order(
        &self,
        tenant: TenantId,
        account: AccountId,
        id: OrderId,
    ) -> Result<Option<Versioned<OrderView>>, StoreError>;
    /// Up to `limit` orders of the account whose state is open, behind the id `after`, by id.
    async fn open(
        &self,
        tenant: TenantId,
        account: AccountId,
        after: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Versioned<OrderView>>, StoreError>;
    /// The last `limit` orders of a tenant by the time of their last event, newest first.
    async fn latest(&self, tenant: TenantId, limit: usize) -> Result<Vec<Versioned<OrderView>>, StoreError>;
    /// Up to `limit` events of one order behind its `after`-th, in order.
    async fn events(
        &self,
        tenant: TenantId,
        account: AccountId,
        id: OrderId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<StoredOrderEvent>, StoreError>;
    /// Up to `limit` events of all orders of an account behind `place`, in the order in which they were appended.
    async fn history(
        &self,
        tenant: TenantId,
        account: AccountId,
        place: u64,
        limit: usize,
    ) -> Result<Vec<StoredOrderEvent>, StoreError>;
}

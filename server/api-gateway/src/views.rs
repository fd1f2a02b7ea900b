//! The JSON forms of what the interface shows and takes. Moments are milliseconds since 1970 in UTC; prices, volumes and money
//! are decimal texts, so that no reader rounds them; what nobody may see has no field here.

use aitrading_model::{AccountState, Bar, GapRecord, GapState, PositionState, Tick, Timestamp};
use aitrading_store::{
    Device, Entitlement, LoginSession, PaymentState, SecurityEvent, SecuritySeverity, SignalView, Subscription,
    SubscriptionStatus, SymbolScope, User, UserRole, UserStatus,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Milliseconds since 1970 in UTC.
pub(crate) fn ms(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|n| char::from_digit(u32::from(n), 16).unwrap_or('0'))
        .collect()
}

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Value of `after` for the next page; `null` behind the last one.
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// A page of `limit` items at most, which is the last one if there are fewer.
    pub(crate) fn new(items: Vec<T>, limit: usize, place: impl Fn(&T) -> String) -> Self {
        let next = items.last().filter(|_| items.len() >= limit).map(place);
        Self { items, next }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident of $store:ident { $($variant:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name { $($variant,)* }

        impl From<$store> for $name {
            fn from(stored: $store) -> Self {
                match stored { $($store::$variant => Self::$variant,)* }
            }
        }

        impl From<$name> for $store {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant,)* }
            }
        }
    )*};
}

words! {
    /// What a user may do.
    RoleWord of UserRole { Operator, RiskOfficer, Auditor, Subscriber, Service }
    /// May the user log in?
    UserStatusWord of UserStatus { Invited, Active, Locked, Closed }
    /// Is the subscription in force?
    SubscriptionStatusWord of SubscriptionStatus { Active, Lapsed, Suspended }
    /// Is it paid for?
    PaymentWord of PaymentState { None, Paid, Grace, Overdue }
    /// How bad it is.
    SeverityWord of SecuritySeverity { Info, Warning, High, Critical }
}

/// Whom the gateway takes the caller for.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MeView {
    pub(crate) tenant: u64,
    /// `user`, `device` or `service`.
    pub(crate) kind: &'static str,
    /// The user's or the device's id, or the service's name.
    pub(crate) id: String,
    pub(crate) role: &'static str,
    /// What of the proof still holds: `certificate`, `password`, `second factor` or `fresh proof`.
    pub(crate) level: &'static str,
    pub(crate) account: Option<u64>,
    pub(crate) device: Option<String>,
    /// What the role may do: permission and rows (`own`, `all`).
    pub(crate) permissions: Vec<PermissionView>,
}

/// A permission of the caller's role.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PermissionView {
    pub(crate) name: &'static str,
    /// `own` or `all`.
    pub(crate) rows: &'static str,
    /// What has to be proved for it.
    pub(crate) needs: &'static str,
}

/// A user.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct UserView {
    pub(crate) id: String,
    pub(crate) login: String,
    pub(crate) role: RoleWord,
    pub(crate) status: UserStatusWord,
    pub(crate) second_factor: bool,
    pub(crate) note: String,
    pub(crate) created_ms: i64,
    pub(crate) changed_ms: i64,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: hex(&user.id.0),
            login: user.login.as_str().to_owned(),
            role: user.role.into(),
            status: user.status.into(),
            second_factor: !user.second_factor.is_empty(),
            note: user.note,
            created_ms: ms(user.created_at),
            changed_ms: ms(user.changed_at),
        }
    }
}

/// What is to be changed of a user; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    pub(crate) role: Option<RoleWord>,
    /// `active` or `locked`; closing is for good.
    pub(crate) status: Option<UserStatusWord>,
    pub(crate) note: Option<String>,
}

/// A session of a user.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SessionView {
    pub(crate) id: String,
    /// SHA-256 of the public key of the device that it is bound to.
    pub(crate) device_key: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: i64,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) ended_why: Option<String>,
}

impl From<LoginSession> for SessionView {
    fn from(session: LoginSession) -> Self {
        let (ended_ms, ended_why) = session.ended.map(|ended| (ms(ended.at), ended.reason)).unzip();
        Self {
            id: hex(&session.id.0),
            device_key: session.device.map(|key| hex(&key)),
            created_ms: ms(session.created_at),
            expires_ms: ms(session.expires_at),
            ended_ms,
            ended_why,
        }
    }
}

/// How many sessions were ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EndedView {
    pub(crate) sessions: u64,
}

/// An installation.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeviceView {
    pub(crate) account: u64,
    pub(crate) device: String,
    pub(crate) revoked: bool,
    pub(crate) enrolled_ms: Option<i64>,
    pub(crate) last_seen_ms: Option<i64>,
    /// SHA-256 of the certificate that it goes with.
    pub(crate) certificate: Option<String>,
    pub(crate) user: Option<String>,
}

impl From<Device> for DeviceView {
    fn from(device: Device) -> Self {
        Self {
            account: device.account.0,
            device: device.device.to_string(),
            revoked: device.revoked,
            enrolled_ms: device.enrolled_at.map(ms),
            last_seen_ms: device.last_seen_at.map(ms),
            certificate: device.certificate.map(|sha256| hex(&sha256)),
            user: device.user.map(|user| hex(&user.0)),
        }
    }
}

/// What an account is entitled to.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionForm {
    pub(crate) status: SubscriptionStatusWord,
    pub(crate) expires_ms: i64,
    /// `null` for every symbol.
    pub(crate) symbols: Option<Vec<String>>,
    /// May signals be executed without asking the user?
    #[serde(default)]
    pub(crate) auto_trading: bool,
    #[serde(default)]
    pub(crate) tier: String,
    #[serde(default)]
    pub(crate) features: BTreeSet<String>,
    #[serde(default)]
    pub(crate) region: String,
    #[serde(default = "unknown_payment")]
    pub(crate) payment: PaymentWord,
    /// The user whose it is.
    #[serde(default)]
    pub(crate) user: Option<String>,
}

const fn unknown_payment() -> PaymentWord {
    PaymentWord::None
}

/// A subscription and the account that it is for.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SubscriptionView {
    pub(crate) account: u64,
    #[serde(flatten)]
    pub(crate) form: SubscriptionForm,
}

impl From<Subscription> for SubscriptionView {
    fn from(stored: Subscription) -> Self {
        let Entitlement { user, tier, features, region, payment } = stored.entitlement;
        let symbols = match stored.symbols {
            SymbolScope::All => None,
            SymbolScope::Only(symbols) => Some(symbols.iter().map(ToString::to_string).collect()),
        };
        let form = SubscriptionForm {
            status: stored.status.into(),
            expires_ms: ms(stored.expires_at),
            symbols,
            auto_trading: stored.auto_trading,
            tier,
            features,
            region,
            payment: payment.into(),
            user: user.map(|user| hex(&user.0)),
        };
        Self { account: stored.account.0, form }
    }
}

/// A terminal's symbol, as it streams.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SourceView {
    pub(crate) account: u64,
    pub(crate) symbol: String,
    /// Market time of the newest stored tick.
    pub(crate) newest_ms: i64,
}

/// A quote.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TickView {
    pub(crate) time_ms: i64,
    pub(crate) bid: String,
    pub(crate) ask: String,
    /// Left out where the symbol has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
    /// In lots; left out where the symbol has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) volume: Option<String>,
}

impl From<Tick> for TickView {
    fn from(tick: Tick) -> Self {
        Self {
            time_ms: tick.time.0,
            bid: tick.bid.to_string(),
            ask: tick.ask.to_string(),
            last: (tick.last.raw() != 0).then(|| tick.last.to_string()),
            volume: (tick.volume.raw() != 0).then(|| tick.volume.to_string()),
        }
    }
}

/// A bar of bids. A period without quotes has none.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BarView {
    /// First millisecond.
    pub(crate) start_ms: i64,
    pub(crate) open: String,
    pub(crate) high: String,
    pub(crate) low: String,
    pub(crate) close: String,
    pub(crate) ticks: u32,
    /// Smallest distance of ask and bid.
    pub(crate) spread_min: String,
}

impl From<Bar> for BarView {
    fn from(bar: Bar) -> Self {
        Self {
            start_ms: bar.start.0,
            open: bar.open.to_string(),
            high: bar.high.to_string(),
            low: bar.low.to_string(),
            close: bar.close.to_string(),
            ticks: bar.ticks,
            spread_min: bar.spread_min.to_string(),
        }
    }
}

/// A hole in a source's history.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct GapView {
    /// Last tick before it.
    pub(crate) from_ms: i64,
    /// First tick after it.
    pub(crate) to_ms: i64,
    /// `silence`, `discontinuity` or `difference`.
    pub(crate) kind: String,
    /// `open`, `settled` or `given_up`.
    pub(crate) state: &'static str,
    /// Ticks that were added in it.
    pub(crate) added: u64,
}

impl From<GapRecord> for GapView {
    fn from(record: GapRecord) -> Self {
        Self {
            from_ms: record.gap.from.0,
            to_ms: record.gap.to.0,
            kind: format!("{:?}", record.gap.kind).to_lowercase(),
            state: match record.state {
                GapState::Open => "open",
                GapState::Settled => "settled",
                GapState::GivenUp { .. } => "given_up",
            },
            added: record.added,
        }
    }
}

/// What a terminal last said of its account.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AccountView {
    pub(crate) account: u64,
    /// The trade server's name.
    pub(crate) server: String,
    pub(crate) currency: String,
    pub(crate) leverage: u32,
    pub(crate) balance: String,
    pub(crate) equity: String,
    pub(crate) margin: String,
    pub(crate) free_margin: String,
    /// The terminal's market time of this snapshot.
    pub(crate) time_ms: i64,
    /// When it arrived here.
    pub(crate) received_ms: i64,
    pub(crate) positions: Vec<PositionView>,
}

impl AccountView {
    pub(crate) fn new(state: AccountState, at: Timestamp) -> Self {
        Self {
            account: state.account.0,
            server: state.server,
            currency: state.currency.to_string(),
            leverage: state.leverage,
            balance: state.balance.to_string(),
            equity: state.equity.to_string(),
            margin: state.margin.to_string(),
            free_margin: state.free_margin.to_string(),
            time_ms: state.time.0,
            received_ms: ms(at),
            positions: state.positions.into_iter().map(PositionView::from).collect(),
        }
    }
}

/// An open position, as the terminal tells it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PositionView {
    pub(crate) ticket: u64,
    pub(crate) symbol: String,
    /// `buy` or `sell`.
    pub(crate) side: String,
    /// In lots.
    pub(crate) volume: String,
    pub(crate) price_open: String,
    /// `null` for none.
    pub(crate) stop_loss: Option<String>,
    /// `null` for none.
    pub(crate) take_profit: Option<String>,
    pub(crate) profit: String,
}

impl From<PositionState> for PositionView {
    fn from(position: PositionState) -> Self {
        let set = |price: aitrading_model::Price| (price.raw() != 0).then(|| price.to_string());
        Self {
            ticket: position.ticket.0,
            symbol: position.symbol.to_string(),
            side: format!("{:?}", position.side).to_lowercase(),
            volume: position.volume.to_string(),
            price_open: position.price_open.to_string(),
            stop_loss: set(position.stop_loss),
            take_profit: set(position.take_profit),
            profit: position.profit.to_string(),
        }
    }
}

/// A signal, as the server sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SignalShown {
    pub(crate) id: String,
    pub(crate) account: u64,
    pub(crate) symbol: String,
    /// `buy` or `sell`.
    pub(crate) side: String,
    /// `issued`, `delivered`, `unknown`, `executed`, `refused`, `rejected`, `expired`, `notexecuted` or `disputed`.
    pub(crate) state: String,
    pub(crate) issued_ms: i64,
    pub(crate) expires_ms: i64,
    pub(crate) delivered_ms: Option<i64>,
}

impl From<SignalView> for SignalShown {
    fn from(view: SignalView) -> Self {
        let signal = view.row.signal;
        Self {
            id: signal.id.to_string(),
            account: signal.account.0,
            symbol: signal.symbol.to_string(),
            side: format!("{:?}", signal.side).to_lowercase(),
            state: format!("{:?}", view.state).to_lowercase(),
            issued_ms: ms(signal.issued_at),
            expires_ms: ms(signal.expires_at),
            delivered_ms: view.delivered_at.map(ms),
        }
    }
}

/// Something that happened to security.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SecurityEventView {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    pub(crate) kind: String,
    pub(crate) severity: SeverityWord,
    /// Whom or what it is about.
    pub(crate) subject: String,
    /// Where it came from.
    pub(crate) origin: String,
    pub(crate) trace: String,
    /// Further facts, a JSON object; empty for none.
    pub(crate) detail: String,
}

impl From<SecurityEvent> for SecurityEventView {
    fn from(event: SecurityEvent) -> Self {
        Self {
            id: hex(&event.id),
            at_ms: ms(event.at),
            kind: event.kind,
            severity: event.severity.into(),
            subject: event.subject,
            origin: event.origin,
            trace: event.trace.to_string(),
            detail: event.detail,
        }
    }
}

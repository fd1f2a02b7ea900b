//! All operations of the interface. One row each: who gets in, how often, what goes in and what comes out.

use crate::{
    endpoint::{
        Endpoint,
        Gate::{May, Recognised},
        Parameter, Verb,
    },
    operations::{accounts, devices, market, me, security, signals, subscriptions, users},
    views,
};
use aitrading_http::StatusCode;
use aitrading_security::{access::Permission, limits::Action};

#[cfg(test)]
mod tests;

const LIMIT: Parameter =
    Parameter { name: "limit", what: "1 to 1000; 100 unless told", kind: "integer", required: false };
const AFTER: Parameter =
    Parameter { name: "after", what: "`next` of the page before", kind: "string", required: false };
const FROM: Parameter =
    Parameter { name: "from", what: "at or after: milliseconds since 1970 in UTC", kind: "integer", required: false };
const TO: Parameter =
    Parameter { name: "to", what: "before: milliseconds since 1970 in UTC", kind: "integer", required: false };
const TIMEFRAME: Parameter =
    Parameter { name: "timeframe", what: "M1, M5 or H1; M1 unless told", kind: "string", required: false };
const KIND: Parameter = Parameter { name: "kind", what: "of this kind alone", kind: "string", required: false };
const SEVERITY: Parameter =
    Parameter { name: "severity", what: "at least: info, warning, high or critical", kind: "string", required: false };

/// A question.
macro_rules! get {
    ($id:literal, $path:literal, $summary:literal, $gate:expr, $query:expr, $answer:ty, $handle:path) => {
        Endpoint {
            id: $id,
            verb: Verb::Get,
            path: $path,
            summary: $summary,
            gate: $gate,
            limit: Action::ApiRead,
            query: $query,
            body: None,
            status: StatusCode::OK,
            answer: Some(|schemas| schemas.subschema_for::<$answer>()),
            handle: |api, call| Box::pin($handle(api, call)),
        }
    };
}

/// A change that answers with what stands now.
macro_rules! change {
    ($id:literal, $verb:ident $path:literal, $summary:literal, $gate:expr, $body:expr, $answer:ty, $handle:path) => {
        Endpoint {
            verb: Verb::$verb,
            limit: Action::ApiWrite,
            body: $body,
            ..get!($id, $path, $summary, $gate, &[], $answer, $handle)
        }
    };
}

/// All of them.
pub(crate) static ENDPOINTS: &[Endpoint] = &[
    get!("me.show", "/api/v1/me", "Whom the gateway takes you for", Recognised, &[], views::MeView, me::show),
    get!(
        "users.list",
        "/api/v1/users",
        "Users, by login name",
        May(Permission::UserRead),
        &[LIMIT, AFTER],
        views::Page<views::UserView>,
        users::list
    ),
    get!("users.get", "/api/v1/users/{user}", "A user", May(Permission::UserRead), &[], views::UserView, users::get),
    change!(
        "users.change", Put "/api/v1/users/{user}", "Changes role, status or note; a changed right ends all sessions",
        May(Permission::UserManage), Some(|schemas| schemas.subschema_for::<views::UserChange>()),
        views::UserView, users::change
    ),
    Endpoint {
        id: "users.erase",
        verb: Verb::Delete,
        path: "/api/v1/users/{user}",
        summary: "Erases a user and everything that was issued to him",
        gate: May(Permission::UserErase),
        limit: Action::ApiWrite,
        query: &[],
        body: None,
        status: StatusCode::NO_CONTENT,
        answer: None,
        handle: |api, call| Box::pin(users::erase(api, call)),
    },
    get!(
        "sessions.list",
        "/api/v1/users/{user}/sessions",
        "A user's sessions, also those that have ended",
        May(Permission::SessionRead),
        &[LIMIT, AFTER],
        views::Page<views::SessionView>,
        users::sessions
    ),
    change!(
        "sessions.end", Delete "/api/v1/users/{user}/sessions", "Ends all sessions of a user at once",
        May(Permission::SessionEnd), None, views::EndedView, users::end_sessions
    ),
    get!(
        "devices.list",
        "/api/v1/devices",
        "Installations",
        May(Permission::DeviceRead),
        &[],
        views::Page<views::DeviceView>,
        devices::list
    ),
    get!(
        "devices.get",
        "/api/v1/devices/{account}/{device}",
        "An installation",
        May(Permission::DeviceRead),
        &[],
        views::DeviceView,
        devices::get
    ),
    change!(
        "devices.revoke", Post "/api/v1/devices/{account}/{device}/revoke", "Revokes an installation for good",
        May(Permission::DeviceRevoke), None, views::DeviceView, devices::revoke
    ),
    get!(
        "subscriptions.list",
        "/api/v1/subscriptions",
        "Subscriptions, the longest unchanged first",
        May(Permission::SubscriptionRead),
        &[LIMIT, AFTER],
        views::Page<views::SubscriptionView>,
        subscriptions::list
    ),
    get!(
        "subscriptions.get",
        "/api/v1/subscriptions/{account}",
        "What an account is entitled to",
        May(Permission::SubscriptionRead),
        &[],
        views::SubscriptionView,
        subscriptions::get
    ),
    change!(
        "subscriptions.put", Put "/api/v1/subscriptions/{account}", "Replaces what an account is entitled to",
        May(Permission::SubscriptionManage), Some(|schemas| schemas.subschema_for::<views::SubscriptionForm>()),
        views::SubscriptionView, subscriptions::put
    ),
    get!(
        "accounts.get",
        "/api/v1/accounts/{account}",
        "What a terminal last said of its account, with open positions",
        May(Permission::AccountRead),
        &[],
        views::AccountView,
        accounts::get
    ),
    get!(
        "signals.list",
        "/api/v1/signals",
        "The newest signals; of an account's own, those among the tenant's newest 1,000",
        May(Permission::SignalRead),
        &[LIMIT],
        views::Page<views::SignalShown>,
        signals::list
    ),
    get!(
        "signals.get",
        "/api/v1/signals/{signal}",
        "A signal and what became of it",
        May(Permission::SignalRead),
        &[],
        views::SignalShown,
        signals::get
    ),
    get!(
        "market.sources",
        "/api/v1/market",
        "Symbols that terminals stream",
        May(Permission::MarketRead),
        &[],
        views::Page<views::SourceView>,
        market::sources
    ),
    get!(
        "market.ticks",
        "/api/v1/market/{account}/{symbol}/ticks",
        "Stored ticks, in order",
        May(Permission::MarketRead),
        &[FROM, TO, LIMIT],
        views::Page<views::TickView>,
        market::ticks
    ),
    get!(
        "market.bars",
        "/api/v1/market/{account}/{symbol}/bars",
        "Bars of bids, in order",
        May(Permission::MarketRead),
        &[TIMEFRAME, FROM, TO, LIMIT],
        views::Page<views::BarView>,
        market::bars
    ),
    get!(
        "market.gaps",
        "/api/v1/market/{account}/{symbol}/gaps",
        "Holes in the history, and what became of them",
        May(Permission::MarketRead),
        &[],
        views::Page<views::GapView>,
        market::gaps
    ),
    get!(
        "security.events",
        "/api/v1/security/events",
        "What happened to security, newest first",
        May(Permission::SecurityRead),
        &[KIND, SEVERITY, FROM, TO, LIMIT, AFTER],
        views::Page<views::SecurityEventView>,
        security::events
    ),
];

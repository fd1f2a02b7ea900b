//! All ports: from one declaration of each come its rows in the table, the client's implementation of the trait and the
//! service's side. A method of a trait that is missing here does not compile.

mod declare;
mod identity;
mod platform;
mod trading;

use crate::{
    door::{DoorError, Refusal, Scope},
    message::{Asked, Message},
    table::{Method, Port},
};
use aitrading_store::{PlatformStores, Stores};

/// The stores that a door serves.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) trading: Stores,
    pub(crate) platform: PlatformStores,
}

macro_rules! ports {
    ($($set:ident: $($port:ident)*;)*) => {
        /// Every port that is served.
        pub const PORTS: &[&Port] = &[$($(&$set::$port::PORT,)*)*];

        /// Calls a method of a store.
        pub(crate) async fn serve(
            served: &Served,
            port: &'static Port,
            method: &'static Method,
            asked: Asked,
            scope: Scope,
        ) -> Result<Message, Refusal> {
            match port.name {
                $($(stringify!($port) => $set::$port::serve(&*served.$set.$port, method, asked, scope).await,)*)*
                _ => Err(DoorError::Unknown.into()),
            }
        }
    };
}

ports! {
    trading: ticks signals subscriptions accounts devices meta;
    platform: users invites login_sessions revocations lockouts idempotency orders positions risk sequences logs
        log_policies security_events audit chains chain_traces graph patterns events shared;
}

/// Finds `PORT/METHOD`.
pub(crate) fn find(path: &str) -> Option<(&'static Port, &'static Method)> {
    let (port, method) = path.split_once('/')?;
    let port = PORTS.iter().find(|known| known.name == port)?;
    Some((port, port.method(method)?))
}

/// The port of events, which is asked first.
pub(crate) const EVENTS: Port = platform::events::PORT;
/// The port of shared values, whose changes can be listened to.
pub(crate) const SHARED: Port = platform::shared::PORT;

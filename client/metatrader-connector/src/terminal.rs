//! The simulated MT5 terminal: it dials the connector with five connections, exactly as the Expert Advisor does, replays tick
//! histories, and trades at a simulated broker with a hedging account in Market execution.
//!
//! Refusals come from the broker's own checks alone. The broker's books are files of their own: like a real broker's, they
//! survive whatever happens to the client. Netting, Instant execution and pending orders do not exist here yet.

pub mod broker;
mod connection;
mod desk;
mod error;
mod faults;
mod pace;
mod past;
mod pump;
mod roles;
mod store;
#[cfg(test)]
mod tests;

pub use broker::{OrderRow, executions_per_magic};
pub use error::TerminalError;
pub use faults::FaultPlan;
pub use store::read_history;

use crate::{ea_link::LinkTimes, ticks::TickHistory};
use aitrading_env::{Env, RngExt, Task};
use aitrading_model::{AccountId, AccountState, Currency, MarketTime, Money, Permissions, Symbol, SymbolSpec};
use aitrading_security::Secret;
use aitrading_wire::ea::{Refuse, Role};
use desk::Desk;
use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How fast histories are replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// As fast as the link takes them.
    Max,
    /// So many times as fast as the market was; 0 counts as 1.
    Times(u32),
}

/// A symbol's history.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Symbol; its specification must be among [`SimSettings::specs`].
    pub symbol: Symbol,
    /// Ticks.
    pub history: TickHistory,
}

/// A stretch of a symbol's market time, `from <= time < to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Symbol.
    pub symbol: Symbol,
    /// First millisecond.
    pub from: MarketTime,
    /// The first millisecond behind it.
    pub to: MarketTime,
}

impl Stretch {
    fn holds(&self, symbol: Symbol, time: MarketTime) -> bool {
        self.symbol == symbol && self.from <= time && time < self.to
    }
}

/// What goes wrong with ticks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TickFaults {
    /// The feed misses these ticks; the history has them.
    pub missed: Vec<Stretch>,
    /// The feed brings these ticks; the history no longer has them when it is asked, or when a feed is subscribed to again.
    pub rewritten: Vec<Stretch>,
    /// So many first answers from the history are cut short, as of a terminal that is still loading.
    pub loading: u32,
}

/// What a simulated terminal is.
#[derive(Debug)]
pub struct SimSettings {
    /// The connector's loopback address.
    pub addr: SocketAddr,
    /// The secret that the connector knows too.
    pub secret: Secret<Vec<u8>>,
    /// Login.
    pub account: AccountId,
    /// The trade server's name.
    pub server: String,
    /// Deposit currency.
    pub currency: Currency,
    /// 1:n.
    pub leverage: u32,
    /// Balance of a new account; ignored if the books exist already.
    pub deposit: Money,
    /// Stop-out level in percent of margin; 0 for none.
    pub stop_out_percent: u32,
    /// What may be traded.
    pub specs: Vec<SymbolSpec>,
    /// What is replayed.
    pub feeds: Vec<Feed>,
    /// How fast.
    pub speed: Speed,
    /// Ticks in one frame at most, 1 to 256.
    pub batch: usize,
    /// Seed of slippage, faults and reconnect pauses.
    pub seed: u64,
    /// Most ticks by which a fill may be worse than the market.
    pub slippage_ticks: u32,
    /// What goes wrong with orders.
    pub faults: FaultPlan,
    /// What goes wrong with ticks.
    pub tick_faults: TickFaults,
    /// Time from `OrderSend` to the broker's decision.
    pub latency: Duration,
    /// Permissions at start.
    pub permissions: Permissions,
    /// Directory of the broker's books.
    pub books: PathBuf,
    /// Times of the link.
    pub times: LinkTimes,
}

impl SimSettings {
    /// A demo account: 10,000 in the deposit currency, 1:100, no faults, no latency, no slippage, replay at full speed.
    #[must_use]
    pub fn demo(
        addr: SocketAddr,
        secret: Secret<Vec<u8>>,
        account: AccountId,
        currency: Currency,
        books: PathBuf,
    ) -> Self {
        Self {
            addr,
            secret,
            account,
            server: "Simulation-Demo".into(),
            currency,
            leverage: 100,
            deposit: Money::from_raw(1_000_000_000_000),
            stop_out_percent: 50,
            specs: Vec::new(),
            feeds: Vec::new(),
            speed: Speed::Max,
            batch: aitrading_wire::limits::TICKS_PER_BATCH_MAX,
            seed: 1,
            slippage_ticks: 0,
            faults: FaultPlan::default(),
            tick_faults: TickFaults::default(),
            latency: Duration::ZERO,
            permissions: Permissions::ALL,
            books,
            times: LinkTimes::default(),
        }
    }
}

/// A running terminal. Dropping it ends its connections; its books stay.
pub struct SimTerminal {
    desk: Arc<Desk>,
    tasks: Vec<Task>,
}

impl fmt::Debug for SimTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimTerminal").field("account", &self.desk.settings.account).finish_non_exhaustive()
    }
}

impl SimTerminal {
    /// Opens the broker's books and starts to dial.
    ///
    /// # Errors
    /// [`TerminalError`] if the settings contradict each other or the books cannot be opened.
    pub async fn start(env: Env, settings: SimSettings) -> Result<Self, TerminalError> {
        let instance = env.rng.bytes();
        let desk = Arc::new(Desk::open(env, settings, instance).await?);
        let dial = |role: Role| {
            let keep = connection::keep(Arc::clone(&desk), role);
            desk.env.spawn.task(role.name(), Box::pin(keep))
        };
        let tasks = Role::ALL.into_iter().map(dial).collect();
        Ok(Self { desk, tasks })
    }

    /// The account as the broker has it now.
    #[must_use]
    pub fn account(&self) -> AccountState {
        self.desk.account()
    }

    /// Turns permissions on and off: the Algo Trading button, an investor login, a lost trade server...
    pub fn set_permissions(&self, permissions: Permissions) {
        self.desk.set_permissions(permissions);
    }

    /// Why the connector last refused this terminal; `None` if it never did.
    #[must_use]
    pub fn refusal(&self) -> watch::Receiver<Option<Refuse>> {
        self.desk.refusal.subscribe()
    }

    /// Ends the connections and closes the books.
    pub async fn stop(mut self) {
        self.desk.stop.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            // A connection that panicked has ended, too.
            task.join().await.unwrap_or(());
        }
        self.desk.close().await;
    }
}

impl Drop for SimTerminal {
    fn drop(&mut self) {
        self.desk.stop.send_replace(true);
    }
}

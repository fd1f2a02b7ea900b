//! What the connector needs of a terminal. The link to the Expert Advisor offers it; tests put a broker of their own behind it.

use aitrading_model::{AccountState, MarketTime, Symbol, SymbolSpec, Tick};
use aitrading_wire::ea::{FeedMode, LookupResult, OrderRequest, OrderResult};
use std::{fmt, time::Duration};
use tokio::sync::{mpsc, watch};

/// Why there is no answer to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderFailure {
    /// For certain nothing was handed to the terminal.
    NotSent,
    /// It may have been executed. Only looking tells.
    Unknown,
}

/// The terminal cannot be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable;

/// What a tick feed says. A feed that ends without a word lost its terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedEvent {
    /// Ticks in order.
    Ticks {
        /// 1 to 256.
        ticks: Vec<Tick>,
        /// The feed stands behind the last of them until it is told to go on.
        stands: bool,
    },
    /// The history ends here.
    End {
        /// Ticks that it holds from its beginning.
        total: u64,
    },
    /// The history was changed under the cursor: fewer (or more) ticks have its time than were known.
    Rewritten {
        /// The cursor's time.
        time: MarketTime,
        /// Ticks with that time now.
        found: u32,
    },
    /// There is no such feed.
    Refused(String),
}

/// A terminal with its account.
#[async_trait::async_trait]
pub trait Terminal: Send + Sync + fmt::Debug {
    /// The account with its permissions; `None` while no terminal is connected.
    fn account(&self) -> Option<AccountState>;
    /// Specifications of all symbols it may trade.
    fn specs(&self) -> Vec<SymbolSpec>;
    /// Specification of one symbol.
    fn spec(&self, symbol: Symbol) -> Option<SymbolSpec>;
    /// Changes whenever account, permissions, specifications or the connection change.
    fn changes(&self) -> watch::Receiver<u64>;
    /// Sends one order and waits for the answer.
    ///
    /// # Errors
    /// [`OrderFailure`], which says whether it may have been executed.
    async fn order(&self, request: OrderRequest, timeout: Duration) -> Result<OrderResult, OrderFailure>;
    /// Everything under a magic number.
    ///
    /// # Errors
    /// [`Unreachable`] if nobody answers.
    async fn lookup(&self, magic: u64) -> Result<LookupResult, Unreachable>;
    /// Starts a feed behind the first `skip` ticks of `time`.
    ///
    /// # Errors
    /// [`Unreachable`] if no terminal is connected.
    async fn subscribe(
        &self,
        symbol: Symbol,
        time: MarketTime,
        skip: u32,
        mode: FeedMode,
    ) -> Result<mpsc::Receiver<FeedEvent>, Unreachable>;
    /// Lets a feed that stands go on.
    async fn continue_feed(&self, symbol: Symbol);
}

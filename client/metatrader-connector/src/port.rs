//! What the connector needs of a terminal. The link to the Expert Advisor offers it; tests put a broker of their own behind it.

use crate::ea_link::{EaLink, EaLinkError, FeedEvent, LinkPhase, LinkStatus, OrderLinkError, TickFeed, TickFrom};
use aitrading_model::{AccountState, HistoryFault, MarketTime, Permissions, Symbol, SymbolSpec, Tick};
use aitrading_wire::ea::{FeedMode, LookupResult, OrderRequest, OrderResult};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Ticks of one symbol. Dropping it ends the feed.
#[async_trait::async_trait]
pub trait Feed: Send {
    /// What comes next; `None` if the feed is over.
    async fn next(&mut self) -> Option<FeedEvent>;
}

/// A terminal with its account.
#[async_trait::async_trait]
pub trait Terminal: Send + Sync + fmt::Debug {
    /// Is it there?
    fn status(&self) -> watch::Receiver<LinkStatus>;
    /// The latest account snapshot.
    fn accounts(&self) -> watch::Receiver<Option<Arc<AccountState>>>;
    /// The latest specifications.
    fn specs(&self) -> watch::Receiver<Arc<[SymbolSpec]>>;
    /// The five flags; all false while the terminal is not there.
    fn permissions(&self) -> Permissions;
    /// Sends one order and waits for the answer.
    ///
    /// # Errors
    /// [`OrderLinkError`], which says whether it may have been executed.
    async fn order(&self, request: OrderRequest, timeout: Duration) -> Result<OrderResult, OrderLinkError>;
    /// Everything under a magic number.
    ///
    /// # Errors
    /// [`EaLinkError`] if nobody answers.
    async fn lookup(&self, magic: u64, timeout: Duration) -> Result<LookupResult, EaLinkError>;
    /// Starts a feed; one of the same symbol that runs already ends.
    ///
    /// # Errors
    /// [`EaLinkError`] if the terminal is not there.
    async fn subscribe(&self, symbol: Symbol, from: TickFrom, mode: FeedMode) -> Result<Box<dyn Feed>, EaLinkError>;
    /// Lets a feed that stands go on.
    async fn continue_feed(&self, symbol: Symbol);
    /// Every tick that the terminal has with `from <= time <= to`, at most an hour, in order.
    ///
    /// # Errors
    /// [`HistoryFault`]: there is no answer, or what there is is not all.
    async fn history(
        &self,
        symbol: Symbol,
        span: (MarketTime, MarketTime),
        timeout: Duration,
    ) -> Result<Vec<Tick>, HistoryFault>;

    /// Is it connected, with everything known that trading needs?
    fn is_ready(&self) -> bool {
        self.status().borrow().phase == LinkPhase::Ready
    }

    /// The account as it may be relied on now: `None` unless the terminal is there, and with the newest permissions.
    fn account(&self) -> Option<AccountState> {
        let state = self.accounts().borrow().clone().filter(|_| self.is_ready())?;
        Some(AccountState { permissions: self.permissions(), ..(*state).clone() })
    }

    /// The specification of a symbol.
    fn spec(&self, symbol: Symbol) -> Option<SymbolSpec> {
        self.specs().borrow().iter().find(|spec| spec.symbol == symbol).copied()
    }
}

#[async_trait::async_trait]
impl Feed for TickFeed {
    async fn next(&mut self) -> Option<FeedEvent> {
        self.recv().await
    }
}

#[async_trait::async_trait]
impl Terminal for EaLink {
    fn status(&self) -> watch::Receiver<LinkStatus> {
        Self::status(self)
    }

    fn accounts(&self) -> watch::Receiver<Option<Arc<AccountState>>> {
        Self::account(self)
    }

    fn specs(&self) -> watch::Receiver<Arc<[SymbolSpec]>> {
        Self::specs(self)
    }

    fn permissions(&self) -> Permissions {
        Self::permissions(self)
    }

    async fn order(&self, request: OrderRequest, timeout: Duration) -> Result<OrderResult, OrderLinkError> {
        Self::order(self, request, timeout).await
    }

    async fn lookup(&self, magic: u64, timeout: Duration) -> Result<LookupResult, EaLinkError> {
        Self::lookup(self, magic, timeout).await
    }

    async fn subscribe(&self, symbol: Symbol, from: TickFrom, mode: FeedMode) -> Result<Box<dyn Feed>, EaLinkError> {
        Ok(Box::new(Self::subscribe(self, symbol, from, mode).await?))
    }

    async fn continue_feed(&self, symbol: Symbol) {
        Self::continue_feed(self, symbol).await;
    }

    async fn history(
        &self,
        symbol: Symbol,
        span: (MarketTime, MarketTime),
        timeout: Duration,
    ) -> Result<Vec<Tick>, HistoryFault> {
        Self::history(self, symbol, span, timeout).await
    }
}

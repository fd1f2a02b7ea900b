//! What the store shows to queries: the port that its owner implements.

use aitrading_model::{AccountId, Bar, MarketTime, Source, Symbol, TenantId, Tick, Timeframe, Timestamp, TraceId};
use aitrading_store::StoreError;
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use std::{any::Any, fmt, path::PathBuf};

/// Rows of a table that is not kept in files, a handful of pages at a time.
pub type Rows<T> = BoxStream<'static, Result<Vec<T>, StoreError>>;

/// Which ticks a query can use. A hint: the view may show more, never less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TickWish {
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only this symbol.
    pub symbol: Option<Symbol>,
    /// Nothing before.
    pub from: Option<MarketTime>,
    /// Nothing after; this very millisecond is wanted.
    pub to: Option<MarketTime>,
}

/// Which bars a query can use. A hint: the view may show more, never less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BarWish {
    /// Account, symbol and start.
    pub ticks: TickWish,
    /// Only this timeframe.
    pub timeframe: Option<Timeframe>,
}

/// Which log lines a query can use. A hint: the view may show more, never less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogWish {
    /// Nothing before.
    pub from: Option<Timestamp>,
    /// Nothing after; this very moment is wanted.
    pub to: Option<Timestamp>,
}

/// A tick file, laid out as `docs/specs/tick-files.md` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Whose ticks.
    pub source: Source,
    /// Where it is.
    pub path: PathBuf,
    /// Ticks in it.
    pub ticks: u64,
    /// Its length.
    pub bytes: u64,
    /// CRC-32C of all its bytes.
    pub crc: u32,
    /// Time of its first tick.
    pub min: MarketTime,
    /// Time of its last tick.
    pub max: MarketTime,
}

impl ListedFile {
    /// Its symbol and name: enough to find it, and nothing of where the store lies.
    #[must_use]
    pub fn shown(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!("{}/{name}", self.source.symbol)
    }
}

/// Ticks of one source that are in no listed file yet, column by column. The three have the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingTicks {
    /// Whose ticks.
    pub source: Source,
    /// The ticks in order.
    pub ticks: Vec<Tick>,
    /// Each one's epoch.
    pub epochs: Vec<u64>,
    /// Each one's number.
    pub seqs: Vec<u64>,
}

/// One moment of one tenant's ticks: every tick is either in exactly one file, or waits.
pub struct TickSnapshot {
    /// Files, those of a source in order.
    pub files: Vec<ListedFile>,
    /// What waits; behind the files of its source in order.
    pub waiting: Vec<WaitingTicks>,
    /// Files that would be listed, but were found damaged before and are left out; every answer names them.
    pub set_aside: Vec<ListedFile>,
    /// While it lives, no listed file is removed.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for TickSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, waiting) = (self.files.len(), self.waiting.len());
        f.debug_struct("TickSnapshot").field("files", &files).field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// A bar and its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarRow {
    /// Whose.
    pub source: Source,
    /// The bar.
    pub bar: Bar,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// When it was written.
    pub at: Timestamp,
    /// `CRITICAL`, `ERROR`, `WARNING`, `INFO`, `DEBUG`.
    pub level: String,
    /// Which service wrote it.
    pub service: String,
    /// The error's or event's code, if it has one.
    pub code: Option<String>,
    /// The text.
    pub message: String,
    /// What it belongs to.
    pub trace: Option<TraceId>,
}

/// The store's side of the three tables. Calls arrive on the runtime that asked the query, so connections stay where they
/// were made. Everything shown belongs to `tenant`.
#[async_trait]
pub trait TickFilesView: Send + Sync {
    /// Where ticks and bars are kept, if not here: what asks for them is refused, with this place.
    fn elsewhere(&self) -> Option<&'static str> {
        None
    }
    /// The files and waiting ticks of this moment, read in one transaction, with the guard taken before it.
    async fn ticks(&self, tenant: TenantId, wish: &TickWish) -> Result<TickSnapshot, StoreError>;
    /// The finished bars.
    async fn bars(&self, tenant: TenantId, wish: &BarWish) -> Result<Rows<BarRow>, StoreError>;
    /// The log lines that this tenant may see.
    async fn logs(&self, tenant: TenantId, wish: &LogWish) -> Result<Rows<LogRow>, StoreError>;
    /// A listed file turned out to be damaged. The query that met it fails; the store may set the file aside.
    async fn damaged(&self, file: &ListedFile);
}

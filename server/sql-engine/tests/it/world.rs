//! A small store in memory, and an engine over it.

use crate::layout::{self, EPOCH};
use aitrading_env::{
    DirEntry, Env, File, FileLock, Fs, Meta, OpenMode,
    sim::{ManualClock, MemFs},
};
use aitrading_error::Coded;
use aitrading_model::{AccountId, MarketTime, Source, TenantId, Tick, TraceId};
use aitrading_sql_engine::{
    BarRow, BarWish, Chunks, Format, ListedFile, LogRow, LogWish, Rows, SqlEngine, SqlError, SqlLimits, SqlSession,
    TickFilesView, TickSnapshot, TickWish, WaitingTicks,
};
use aitrading_store::StoreError;
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// 2024-01-01T00:00:00Z, a Monday.
pub(crate) const MONDAY: i64 = 1_704_067_200_000;
pub(crate) const DAY: i64 = 86_400_000;
/// Without optimisation and beside other tests.
const FREED_WITHIN_NS: u64 = 60_000_000_000;

pub(crate) fn source(tenant: u64, account: u64, symbol: &str) -> Source {
    Source { tenant: TenantId(tenant), account: AccountId(account), symbol: symbol.parse().unwrap() }
}

/// Counts how often a file is opened.
#[derive(Debug, Default, Clone)]
pub(crate) struct CountingFs {
    files: MemFs,
    opened: Arc<AtomicUsize>,
}

impl Fs for CountingFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        self.files.open(path, mode)
    }
    fn metadata(&self, path: &Path) -> io::Result<Option<Meta>> {
        self.files.metadata(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.files.list(dir)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.files.create_dir_all(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.files.remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.files.sync_dir(dir)
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        self.files.try_lock(path)
    }
}

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) files: Mutex<Vec<ListedFile>>,
    pub(crate) waiting: Mutex<Vec<WaitingTicks>>,
    pub(crate) bars: Mutex<Vec<BarRow>>,
    pub(crate) logs: Mutex<Vec<LogRow>>,
    pub(crate) damaged: Mutex<Vec<PathBuf>>,
    pub(crate) wishes: Mutex<Vec<TickWish>>,
    /// Shows everything to everybody, as no store may.
    pub(crate) careless: Mutex<bool>,
    pub(crate) guards: Arc<()>,
}

#[async_trait]
impl TickFilesView for Store {
    async fn ticks(&self, tenant: TenantId, wish: &TickWish) -> Result<TickSnapshot, StoreError> {
        self.wishes.lock().unwrap().push(wish.clone());
        let careless = *self.careless.lock().unwrap();
        let ours = |source: &Source| careless || source.tenant == tenant;
        let files = self.files.lock().unwrap().iter().filter(|file| ours(&file.source)).cloned().collect();
        let waiting = self.waiting.lock().unwrap().iter().filter(|w| ours(&w.source)).cloned().collect();
        Ok(TickSnapshot { files, waiting, set_aside: Vec::new(), guard: Box::new(Arc::clone(&self.guards)) })
    }
    async fn bars(&self, tenant: TenantId, _: &BarWish) -> Result<Rows<BarRow>, StoreError> {
        let rows: Vec<BarRow> =
            self.bars.lock().unwrap().iter().filter(|b| b.source.tenant == tenant).copied().collect();
        Ok(stream::iter(rows.chunks(2).map(|page| Ok(page.to_vec())).collect::<Vec<_>>()).boxed())
    }
    async fn logs(&self, _: TenantId, _: &LogWish) -> Result<Rows<LogRow>, StoreError> {
        let rows = self.logs.lock().unwrap().clone();
        Ok(stream::iter([Ok(rows)]).boxed())
    }
    async fn damaged(&self, file: &ListedFile) {
        self.damaged.lock().unwrap().push(file.path.clone());
    }
}

/// A store, its files, a clock that stands still, and an engine.
pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) fs: CountingFs,
    pub(crate) clock: ManualClock,
    pub(crate) engine: SqlEngine,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(SqlLimits::default())
    }

    pub(crate) fn with(limits: SqlLimits) -> Self {
        let (store, fs, clock) = (Arc::new(Store::default()), CountingFs::default(), ManualClock::new(0));
        let env = Env { clock: Arc::new(clock.clone()), fs: Arc::new(fs.clone()), ..Env::real() };
        let engine = SqlEngine::new(env, limits, Arc::<Store>::clone(&store));
        Self { store, fs, clock, engine }
    }

    /// Writes and lists a file.
    pub(crate) fn add_file(&self, source: Source, ticks: &[Tick], first_seq: u64) -> ListedFile {
        let bytes = layout::encode(&source, ticks, first_seq);
        let dir = PathBuf::from(format!(
            "/ticks/tenant={}/account={}/symbol={}",
            source.tenant, source.account, source.symbol
        ));
        let mut files = self.store.files.lock().unwrap();
        let path = dir.join(format!("{}-{first_seq}.parquet", files.len()));
        self.fs.create_dir_all(&dir).unwrap();
        self.fs.write_atomic(&path, &bytes).unwrap();
        let times = || ticks.iter().map(|tick| tick.time);
        let file = ListedFile {
            source,
            path,
            ticks: ticks.len() as u64,
            bytes: bytes.len() as u64,
            crc: crc32c::crc32c(&bytes),
            min: times().min().unwrap(),
            max: times().max().unwrap(),
        };
        files.push(file.clone());
        file
    }

    pub(crate) fn add_waiting(&self, source: Source, ticks: &[Tick], first_seq: u64) {
        let seqs = (0..ticks.len() as u64).map(|i| first_seq + i).collect();
        let waiting = WaitingTicks { source, ticks: ticks.to_vec(), epochs: vec![EPOCH; ticks.len()], seqs };
        self.store.waiting.lock().unwrap().push(waiting);
    }

    /// How many files were opened since the last call.
    pub(crate) fn opened(&self) -> usize {
        self.fs.opened.swap(0, Ordering::SeqCst)
    }

    pub(crate) async fn start(&self, sql: &str, format: Format) -> Result<Chunks, SqlError> {
        let session = SqlSession::new(TenantId(1), TraceId::default());
        Ok(self.engine.execute(sql, &session).await?.chunks(format))
    }

    /// The whole result.
    pub(crate) async fn bytes(&self, sql: &str, format: Format) -> Result<Vec<u8>, SqlError> {
        let mut chunks = self.start(sql, format).await?;
        let mut out = Vec::new();
        while let Some(chunk) = chunks.next_chunk().await? {
            out.extend(chunk);
        }
        Ok(out)
    }

    /// The rows of a result, as CSV without its header.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let bytes =
            self.bytes(sql, Format::Csv).await.unwrap_or_else(|e| panic!("{sql}: {}", aitrading_error::chain(&e)));
        String::from_utf8(bytes).unwrap().lines().skip(1).map(str::to_owned).collect()
    }

    /// The code of the error that a statement must end with.
    pub(crate) async fn code(&self, sql: &str) -> (&'static str, String) {
        match self.bytes(sql, Format::Csv).await {
            Ok(bytes) => panic!("{sql} was answered: {}", String::from_utf8_lossy(&bytes)),
            Err(error) => (error.dna().code, error.public_message()),
        }
    }

    /// Waits until no query holds files any more.
    pub(crate) async fn until_freed(&self) {
        // Bounded: a query that is stopped must let go of its files at its next breath.
        let clock = Env::real().clock;
        while clock.mono_ns() < FREED_WITHIN_NS {
            if Arc::strong_count(&self.store.guards) == 1 {
                return;
            }
            tokio::task::yield_now().await;
            std::thread::yield_now();
        }
        panic!("a query that is over still holds its files");
    }
}

/// A tick's market time in a result.
pub(crate) fn shown(time: MarketTime) -> String {
    time.to_string()
}

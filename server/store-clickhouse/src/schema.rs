//! The tables, as numbered steps. A step that was half made is made again: each statement does nothing the second time.
//!
//! Prices are whole numbers with `scale` decimals. Codecs as measured on a real day: `Delta` and `ZSTD` for what wanders,
//! `T64` where the values are small; `DoubleDelta` only for numbers that rise by one, since on irregular times it is worse.
//! Everything is synced before it is acknowledged, merged parts too: without that a power failure takes what was
//! acknowledged.

/// The newest schema that this release knows.
pub(crate) const KNOWN: u32 = 3;

/// Kept apart from the steps: it says how many of them were made.
pub(crate) const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
    version UInt32,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

/// The steps; the first makes version 1, the second added imports, the third what became of holes and days.
pub(crate) const STEPS: [&[&str]; KNOWN as usize] =
    [&[TICKS, BARS, GAPS, REJECTS, CURSORS, MARKS, WRITERS], &[IMPORTS], &[GAP_STATES, GAP_ATTEMPTS, GAP_ADDED, DAYS]];

/// A hole has a row for each commit that had to do with it: the newest that counts says where it stands, and `added` adds up.
/// 255 is a row that only records the hole.
const GAP_STATES: &str = "ALTER TABLE gaps ADD COLUMN IF NOT EXISTS state UInt8 DEFAULT 255";
const GAP_ATTEMPTS: &str = "ALTER TABLE gaps ADD COLUMN IF NOT EXISTS attempts UInt32";
const GAP_ADDED: &str = "ALTER TABLE gaps ADD COLUMN IF NOT EXISTS added UInt64";

/// One row per count of a day; the newest that counts holds.
const DAYS: &str = "CREATE TABLE IF NOT EXISTS day_checks (
    tenant UInt64,
    account UInt64,
    symbol LowCardinality(String),
    day Int64 CODEC(Delta, ZSTD(1)),
    terminal UInt64,
    stored UInt64,
    refused UInt64,
    hours UInt32,
    at_ns Int64,
    number UInt64 CODEC(Delta, ZSTD(1)),
    pos UInt32,
    rank UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
ORDER BY (tenant, account, symbol, day, number, pos)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

const TICKS: &str = "CREATE TABLE IF NOT EXISTS ticks (
    tenant UInt64 CODEC(Delta, ZSTD(1)),
    account UInt64 CODEC(Delta, ZSTD(1)),
    symbol LowCardinality(String),
    time_ms Int64 CODEC(Delta, T64, ZSTD(3)),
    number UInt64 CODEC(Delta, ZSTD(1)),
    pos UInt32 CODEC(Delta, ZSTD(1)),
    bid Int64 CODEC(Delta, ZSTD(9)),
    spread Int64 CODEC(T64, ZSTD(3)),
    last Int64 CODEC(Delta, ZSTD(3)),
    volume Int64 CODEC(Delta, ZSTD(3)),
    flags UInt8 CODEC(ZSTD(1)),
    scale UInt8 CODEC(ZSTD(1)),
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    seq UInt64 CODEC(DoubleDelta, ZSTD(1)),
    rank UInt64 CODEC(Delta, ZSTD(1)),
    INDEX numbers number TYPE minmax GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(time_ms, 'UTC'))
ORDER BY (tenant, account, symbol, time_ms, number, pos)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

const BARS: &str = "CREATE TABLE IF NOT EXISTS bars (
    tenant UInt64 CODEC(Delta, ZSTD(1)),
    account UInt64 CODEC(Delta, ZSTD(1)),
    symbol LowCardinality(String),
    timeframe_ms Int64 CODEC(Delta, ZSTD(1)),
    start_ms Int64 CODEC(Delta, ZSTD(3)),
    number UInt64 CODEC(Delta, ZSTD(1)),
    pos UInt32 CODEC(Delta, ZSTD(1)),
    open Int64 CODEC(Delta, ZSTD(3)),
    high Int64 CODEC(Delta, ZSTD(3)),
    low Int64 CODEC(Delta, ZSTD(3)),
    close Int64 CODEC(Delta, ZSTD(3)),
    ticks UInt32 CODEC(T64, ZSTD(3)),
    spread_min Int64 CODEC(T64, ZSTD(3)),
    rank UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toYear(fromUnixTimestamp64Milli(start_ms, 'UTC'))
ORDER BY (tenant, account, symbol, timeframe_ms, start_ms, number, pos)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

const GAPS: &str = "CREATE TABLE IF NOT EXISTS gaps (
    tenant UInt64,
    account UInt64,
    symbol LowCardinality(String),
    from_ms Int64 CODEC(Delta, ZSTD(1)),
    to_ms Int64 CODEC(Delta, ZSTD(1)),
    kind UInt8,
    number UInt64 CODEC(Delta, ZSTD(1)),
    pos UInt32,
    rank UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
ORDER BY (tenant, account, symbol, from_ms, to_ms, number, pos)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

/// Code 0 counts duplicates.
const REJECTS: &str = "CREATE TABLE IF NOT EXISTS rejects (
    tenant UInt64,
    account UInt64,
    symbol LowCardinality(String),
    code UInt8,
    ticks UInt64,
    number UInt64 CODEC(Delta, ZSTD(1)),
    rank UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
ORDER BY (tenant, account, symbol, code, number)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

/// One row per commit and source; the newest that counts is the cursor, upkeep removes the others. A table that replaces rows
/// by itself will not do: it would let a row of an abandoned attempt take the place of one that counts.
const CURSORS: &str = "CREATE TABLE IF NOT EXISTS cursors (
    tenant UInt64,
    account UInt64,
    symbol LowCardinality(String),
    number UInt64 CODEC(Delta, ZSTD(1)),
    pos UInt32,
    epoch UInt64,
    seq UInt64,
    time_ms Int64,
    count_at_time UInt32,
    rank UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
ORDER BY (tenant, account, symbol, number, pos)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

/// What counts. Not partitioned, so that the rows of one insert appear together.
const MARKS: &str = "CREATE TABLE IF NOT EXISTS marks (
    number UInt64,
    rank UInt64,
    content UInt64,
    segment UInt64,
    offset UInt64,
    contested UInt8,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree ORDER BY (number, rank)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

/// Who has begun to write. The highest number may.
const WRITERS: &str = "CREATE TABLE IF NOT EXISTS writers (
    writer UInt64,
    nonce UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree ORDER BY (writer, nonce)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

/// One row per part of an import; the newest that counts says how far it is. `key` is hexadecimal.
const IMPORTS: &str = "CREATE TABLE IF NOT EXISTS imports (
    tenant UInt64,
    key String,
    account UInt64,
    symbol LowCardinality(String),
    parts UInt64,
    ticks UInt64,
    bars UInt64,
    done UInt8,
    number UInt64 CODEC(Delta, ZSTD(1)),
    rank UInt64 CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
ORDER BY (tenant, key, number)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1";

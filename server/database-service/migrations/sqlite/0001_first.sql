-- Times are integers: nanoseconds (receive time) or milliseconds (market time) since 1970 UTC. Money, prices and volumes are
-- integers in units of 10^-8. Unsigned 64-bit numbers are stored as the signed number with the same bits.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- How far the journal that feeds a store has been taken.
CREATE TABLE marks (
    feed      TEXT PRIMARY KEY,
    segment   INTEGER NOT NULL,
    position  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
    id            INTEGER PRIMARY KEY,
    tenant        INTEGER NOT NULL,
    account       INTEGER NOT NULL,
    symbol        TEXT    NOT NULL,
    digits        INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    time_ms       INTEGER NOT NULL,
    count_at_time INTEGER NOT NULL,
    duplicates    INTEGER NOT NULL,
    UNIQUE (tenant, account, symbol)
) STRICT;

CREATE TABLE rejects (
    source INTEGER NOT NULL REFERENCES sources (id),
    code   INTEGER NOT NULL,
    ticks  INTEGER NOT NULL,
    PRIMARY KEY (source, code)
) STRICT, WITHOUT ROWID;

-- The files that count. A file that is not listed here does not exist for anybody.
CREATE TABLE tick_files (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    source  INTEGER NOT NULL REFERENCES sources (id),
    day     INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    ticks   INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    crc     INTEGER NOT NULL,
    min_ms  INTEGER NOT NULL,
    max_ms  INTEGER NOT NULL,
    UNIQUE (source, day, ordinal),
    UNIQUE (source, name)
) STRICT;

-- Ticks of the running day that are too few for a file of their own. They come after the day's files.
CREATE TABLE tick_tails (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    source INTEGER NOT NULL REFERENCES sources (id),
    day    INTEGER NOT NULL,
    ticks  INTEGER NOT NULL,
    body   BLOB    NOT NULL
) STRICT;
CREATE INDEX tick_tails_source ON tick_tails (source, day, id);

CREATE TABLE bars (
    source     INTEGER NOT NULL REFERENCES sources (id),
    frame_ms   INTEGER NOT NULL,
    start_ms   INTEGER NOT NULL,
    open       INTEGER NOT NULL,
    high       INTEGER NOT NULL,
    low        INTEGER NOT NULL,
    close      INTEGER NOT NULL,
    ticks      INTEGER NOT NULL,
    spread_min INTEGER NOT NULL,
    PRIMARY KEY (source, frame_ms, start_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps (
    source  INTEGER NOT NULL REFERENCES sources (id),
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    PRIMARY KEY (source, from_ms, to_ms, kind)
) STRICT, WITHOUT ROWID;

-- body is the signal's bytes as they were signed; the columns repeat what is searched for.
CREATE TABLE signals (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       INTEGER NOT NULL,
    signal       BLOB    NOT NULL,
    account      INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    issued_at    INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    delivered_at INTEGER,
    body         BLOB    NOT NULL,
    key_id       BLOB    NOT NULL,
    signature    BLOB    NOT NULL,
    UNIQUE (tenant, signal),
    UNIQUE (tenant, account, seq)
) STRICT;
CREATE INDEX signals_open ON signals (id) WHERE state IN (0, 1, 2);

CREATE TABLE denials (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant   INTEGER NOT NULL,
    account  INTEGER NOT NULL,
    strategy INTEGER NOT NULL,
    symbol   TEXT    NOT NULL,
    trace    BLOB    NOT NULL,
    code     TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
CREATE INDEX denials_code ON denials (tenant, code);

-- body is the report's bytes as they were signed.
CREATE TABLE reports (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant      INTEGER NOT NULL,
    account     INTEGER NOT NULL,
    device      BLOB    NOT NULL,
    seq         INTEGER NOT NULL,
    signal      BLOB    NOT NULL,
    state       INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    finding     TEXT,
    body        BLOB    NOT NULL,
    signature   BLOB    NOT NULL,
    UNIQUE (tenant, account, device, seq),
    FOREIGN KEY (tenant, signal) REFERENCES signals (tenant, signal)
) STRICT;
CREATE INDEX reports_signal ON reports (tenant, signal, id);

CREATE TABLE deals (
    report       INTEGER NOT NULL REFERENCES reports (id),
    place        INTEGER NOT NULL,
    tenant       INTEGER NOT NULL,
    account      INTEGER NOT NULL,
    signal       BLOB    NOT NULL,
    ticket       INTEGER NOT NULL,
    order_ticket INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    side         INTEGER NOT NULL,
    entry        INTEGER NOT NULL,
    volume       INTEGER NOT NULL,
    price        INTEGER NOT NULL,
    profit       INTEGER NOT NULL,
    time_ms      INTEGER NOT NULL,
    PRIMARY KEY (report, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX deals_signal ON deals (tenant, signal, order_ticket);

CREATE TABLE subscriptions (
    tenant       INTEGER NOT NULL,
    account      INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    all_symbols  INTEGER NOT NULL,
    auto_trading INTEGER NOT NULL,
    PRIMARY KEY (tenant, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscription_symbols (
    tenant  INTEGER NOT NULL,
    account INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    symbol  TEXT    NOT NULL,
    PRIMARY KEY (tenant, account, place),
    FOREIGN KEY (tenant, account) REFERENCES subscriptions (tenant, account)
) STRICT, WITHOUT ROWID;

-- body is JSON in the words of the model.
CREATE TABLE account_states (
    tenant  INTEGER NOT NULL,
    account INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (tenant, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE symbol_specs (
    tenant  INTEGER NOT NULL,
    account INTEGER NOT NULL,
    symbol  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (tenant, account, symbol)
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    tenant     INTEGER NOT NULL,
    account    INTEGER NOT NULL,
    device     BLOB    NOT NULL,
    public_key BLOB    NOT NULL,
    revoked    INTEGER NOT NULL,
    PRIMARY KEY (tenant, account, device)
) STRICT, WITHOUT ROWID;

-- The rows of migrations/sqlite/0001_first.sql without those of the tick store, which stays in files on one machine.
-- Times are integers: nanoseconds (receive time) or milliseconds (market time) since 1970 UTC. Money, prices and volumes are
-- integers in units of 10^-8. Unsigned 64-bit numbers are stored as the signed number with the same bits. Every number is a
-- BIGINT, because the statements are those of SQLite, which knows no narrower one. Text sorts by its bytes.

CREATE TABLE meta (
    key   TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);

-- How far the journal that feeds a store has been taken.
CREATE TABLE marks (
    feed     TEXT COLLATE "C" PRIMARY KEY,
    segment  BIGINT NOT NULL,
    position BIGINT NOT NULL
);

-- body is the signal's bytes as they were signed; the columns repeat what is searched for.
CREATE TABLE signals (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant       BIGINT NOT NULL,
    signal       BYTEA  NOT NULL,
    account      BIGINT NOT NULL,
    seq          BIGINT NOT NULL,
    issued_at    BIGINT NOT NULL,
    state        BIGINT NOT NULL,
    delivered_at BIGINT,
    body         BYTEA  NOT NULL,
    key_id       BYTEA  NOT NULL,
    signature    BYTEA  NOT NULL,
    UNIQUE (tenant, signal),
    UNIQUE (tenant, account, seq)
);
CREATE INDEX signals_open ON signals (id) WHERE state IN (0, 1, 2);
-- SQLite's indexes end with the row's number; here it has to be named.
CREATE INDEX signals_latest ON signals (tenant, id);

CREATE TABLE denials (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant   BIGINT NOT NULL,
    account  BIGINT NOT NULL,
    strategy BIGINT NOT NULL,
    symbol   TEXT COLLATE "C" NOT NULL,
    trace    BYTEA  NOT NULL,
    code     TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL
);
CREATE INDEX denials_code ON denials (tenant, code);
CREATE INDEX denials_page ON denials (tenant, id);

-- body is the report's bytes as they were signed.
CREATE TABLE reports (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant      BIGINT NOT NULL,
    account     BIGINT NOT NULL,
    device      BYTEA  NOT NULL,
    seq         BIGINT NOT NULL,
    signal      BYTEA  NOT NULL,
    state       BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    finding     TEXT COLLATE "C",
    body        BYTEA  NOT NULL,
    signature   BYTEA  NOT NULL,
    UNIQUE (tenant, account, device, seq),
    FOREIGN KEY (tenant, signal) REFERENCES signals (tenant, signal)
);
CREATE INDEX reports_signal ON reports (tenant, signal, id);
CREATE INDEX reports_page ON reports (tenant, id);

CREATE TABLE deals (
    report       BIGINT NOT NULL REFERENCES reports (id),
    place        BIGINT NOT NULL,
    tenant       BIGINT NOT NULL,
    account      BIGINT NOT NULL,
    signal       BYTEA  NOT NULL,
    ticket       BIGINT NOT NULL,
    order_ticket BIGINT NOT NULL,
    position     BIGINT NOT NULL,
    side         BIGINT NOT NULL,
    entry        BIGINT NOT NULL,
    volume       BIGINT NOT NULL,
    price        BIGINT NOT NULL,
    profit       BIGINT NOT NULL,
    time_ms      BIGINT NOT NULL,
    PRIMARY KEY (report, place)
);
CREATE INDEX deals_signal ON deals (tenant, signal, order_ticket);

CREATE TABLE subscriptions (
    tenant       BIGINT  NOT NULL,
    account      BIGINT  NOT NULL,
    status       BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    all_symbols  BOOLEAN NOT NULL,
    auto_trading BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, account)
);

CREATE TABLE subscription_symbols (
    tenant  BIGINT NOT NULL,
    account BIGINT NOT NULL,
    place   BIGINT NOT NULL,
    symbol  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, account, place),
    FOREIGN KEY (tenant, account) REFERENCES subscriptions (tenant, account)
);

-- body is JSON in the words of the model. It is kept as text: what was written is read back byte for byte.
CREATE TABLE account_states (
    tenant  BIGINT NOT NULL,
    account BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    body    TEXT   NOT NULL,
    PRIMARY KEY (tenant, account)
);

CREATE TABLE symbol_specs (
    tenant  BIGINT NOT NULL,
    account BIGINT NOT NULL,
    symbol  TEXT COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    body    TEXT   NOT NULL,
    PRIMARY KEY (tenant, account, symbol)
);

CREATE TABLE devices (
    tenant     BIGINT  NOT NULL,
    account    BIGINT  NOT NULL,
    device     BYTEA   NOT NULL,
    public_key BYTEA   NOT NULL,
    revoked    BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, account, device)
);

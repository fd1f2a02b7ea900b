-- The platform around trading. Times are nanoseconds since 1970 UTC, money is in units of 10^-8, unsigned 64-bit numbers are
-- stored as the signed number with the same bits: as in 0001.
--
-- Where a name was promised together with dates, decimals or JSON (audit_logs, log_retention_policies, storage_tiers,
-- log_cost_metrics, chain_definitions), that name is a VIEW which shows the promised columns readably, and what it is made of
-- stands in a table of another name. The other promised names (users, security_events, chain_nodes, chain_edges,
-- chain_dependencies, and subscriptions in 0001) are the tables themselves.

CREATE TABLE users (
    tenant        INTEGER NOT NULL,
    id            BLOB    NOT NULL,
    login         TEXT    NOT NULL,
    role          INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    opaque        BLOB    NOT NULL,
    second_factor BLOB    NOT NULL,
    note          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, login)
) STRICT;

-- How an order stands; its version is the number of its events. With a key of its own instead of a rowid, SQLite would read
-- all orders of an account to find the open ones.
CREATE TABLE orders (
    tenant     INTEGER NOT NULL,
    account    INTEGER NOT NULL,
    id         BLOB    NOT NULL,
    signal     BLOB,
    strategy   INTEGER NOT NULL,
    symbol     TEXT    NOT NULL,
    side       INTEGER NOT NULL,
    order_type INTEGER NOT NULL,
    state      INTEGER NOT NULL,
    volume     INTEGER NOT NULL,
    filled     INTEGER NOT NULL,
    price      INTEGER NOT NULL,
    ticket     INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (tenant, account, id)
) STRICT;
CREATE INDEX orders_open ON orders (tenant, account, id) WHERE state <= 4;
CREATE INDEX orders_latest ON orders (tenant, changed_at, account, id);

-- place counts the events of an account, number those of an order; both from 1 without a hole.
CREATE TABLE order_events (
    tenant   INTEGER NOT NULL,
    account  INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    order_id BLOB    NOT NULL,
    number   INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    trace    BLOB    NOT NULL,
    body     BLOB    NOT NULL,
    PRIMARY KEY (tenant, account, place),
    UNIQUE (tenant, account, order_id, number)
) STRICT;

-- body is JSON in the words of the model.
CREATE TABLE position_books (
    tenant  INTEGER NOT NULL,
    account INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant, account)
) STRICT;
CREATE INDEX position_books_unsigned ON position_books (tenant, (account < 0), account);

-- What stands. Of limits every version is kept in risk_limits as well.
CREATE TABLE risk_documents (
    tenant       INTEGER NOT NULL,
    part         INTEGER NOT NULL,
    scope        INTEGER NOT NULL,
    scope_number INTEGER NOT NULL,
    scope_symbol TEXT    NOT NULL,
    body         BLOB    NOT NULL,
    changed_by   TEXT    NOT NULL,
    changed_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    PRIMARY KEY (tenant, part, scope, scope_number, scope_symbol)
) STRICT;
CREATE INDEX risk_documents_unsigned
    ON risk_documents (tenant, part, scope, (scope_number < 0), scope_number, scope_symbol);

CREATE TABLE risk_limits (
    tenant       INTEGER NOT NULL,
    scope        INTEGER NOT NULL,
    scope_number INTEGER NOT NULL,
    scope_symbol TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    body         BLOB    NOT NULL,
    changed_by   TEXT    NOT NULL,
    changed_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant, scope, scope_number, scope_symbol, version)
) STRICT;

CREATE TABLE sequences (
    tenant INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    last   INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_lines (
    tenant  INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    batch   BLOB    NOT NULL,
    place   INTEGER NOT NULL,
    service TEXT    NOT NULL,
    trace   BLOB,
    message TEXT    NOT NULL,
    fields  TEXT    NOT NULL,
    PRIMARY KEY (tenant, level, at, batch, place)
) STRICT;
CREATE INDEX log_lines_trace ON log_lines (tenant, trace, at, batch, place) WHERE trace IS NOT NULL;

-- The last batches of a tenant, so that none is written twice. number counts them.
CREATE TABLE log_batches (
    tenant INTEGER NOT NULL,
    batch  BLOB    NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (tenant, batch),
    UNIQUE (tenant, number)
) STRICT, WITHOUT ROWID;

-- What log_lines holds, counted on the way in and out.
CREATE TABLE log_partitions (
    tenant INTEGER NOT NULL,
    day    INTEGER NOT NULL,
    level  INTEGER NOT NULL,
    lines  INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, level)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_policies (
    log_level           TEXT    PRIMARY KEY,
    retention_days      INTEGER NOT NULL,
    storage_tier        TEXT    NOT NULL,
    compression_algo    TEXT,
    compliance_required INTEGER NOT NULL,
    cost_per_gb_month   INTEGER,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE VIEW log_retention_policies AS
    SELECT log_level, retention_days, storage_tier, compression_algo, compliance_required,
           (cost_per_gb_month / 10000) / 10000.0 AS cost_per_gb_month,
           strftime('%Y-%m-%d %H:%M:%f', created_at / 1000000000.0, 'unixepoch') AS created_at,
           strftime('%Y-%m-%d %H:%M:%f', updated_at / 1000000000.0, 'unixepoch') AS updated_at
    FROM log_policies;

CREATE TABLE log_tiers (
    tier_name                TEXT    PRIMARY KEY,
    technology               TEXT    NOT NULL,
    max_query_latency_ms     INTEGER,
    cost_per_gb_month        INTEGER,
    compression_ratio_tenths INTEGER,
    is_active                INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE VIEW storage_tiers AS
    SELECT tier_name, technology, max_query_latency_ms,
           (cost_per_gb_month / 10000) / 10000.0 AS cost_per_gb_month,
           compression_ratio_tenths / 10.0 AS compression_ratio, is_active
    FROM log_tiers;

-- day is in UTC since 1970-01-01.
CREATE TABLE log_costs (
    day                      INTEGER PRIMARY KEY,
    total_logs_gb_hundredths INTEGER,
    hot                      INTEGER,
    warm                     INTEGER,
    cold                     INTEGER,
    total_month              INTEGER,
    savings                  INTEGER
) STRICT;
CREATE VIEW log_cost_metrics AS
    SELECT date(day * 86400, 'unixepoch') AS date,
           total_logs_gb_hundredths / 100.0 AS total_logs_gb,
           (hot / 1000000) / 100.0 AS hot_storage_cost,
           (warm / 1000000) / 100.0 AS warm_storage_cost,
           (cold / 1000000) / 100.0 AS cold_storage_cost,
           (total_month / 1000000) / 100.0 AS total_monthly_cost,
           (savings / 1000000) / 100.0 AS savings_vs_uniform
    FROM log_costs;

CREATE TABLE security_events (
    tenant   INTEGER NOT NULL,
    id       BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    severity INTEGER NOT NULL,
    subject  TEXT    NOT NULL,
    origin   TEXT    NOT NULL,
    trace    BLOB    NOT NULL,
    detail   TEXT    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX security_events_time ON security_events (tenant, at, id);
CREATE INDEX security_events_kind ON security_events (tenant, kind, at, id);

-- The copy of the Merkle log, which is the proof; the log is the whole deployment's and names tenants by pseudonym.
CREATE TABLE audit_leaves (
    place   INTEGER PRIMARY KEY,
    hash    BLOB    NOT NULL,
    at      INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    event   TEXT    NOT NULL,
    actor   BLOB    NOT NULL,
    subject BLOB    NOT NULL,
    trace   BLOB    NOT NULL,
    leaf    BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_leaves_trace ON audit_leaves (trace, place);
CREATE VIEW audit_logs AS
    SELECT place AS leaf_index, lower(hex(hash)) AS leaf_hash,
           strftime('%Y-%m-%d %H:%M:%f', at / 1000000000.0, 'unixepoch') AS created_at,
           CASE level WHEN 0 THEN 'DEBUG' WHEN 1 THEN 'INFO' WHEN 2 THEN 'WARNING' WHEN 3 THEN 'ERROR'
                      WHEN 4 THEN 'CRITICAL' END AS log_level,
           event, lower(hex(actor)) AS actor, lower(hex(subject)) AS subject, lower(hex(trace)) AS trace_id, leaf
    FROM audit_leaves;

CREATE TABLE chains (
    tenant      INTEGER NOT NULL,
    id          TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    category    TEXT    NOT NULL,
    description TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    metadata    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE VIEW chain_definitions AS
    SELECT tenant, id, name, category, description, status, metadata,
           strftime('%Y-%m-%d %H:%M:%f', created_at / 1000000000.0, 'unixepoch') AS created_at,
           strftime('%Y-%m-%d %H:%M:%f', changed_at / 1000000000.0, 'unixepoch') AS updated_at,
           created_by, version
    FROM chains;

CREATE TABLE chain_nodes (
    tenant    INTEGER NOT NULL,
    chain_id  TEXT    NOT NULL,
    node_name TEXT    NOT NULL,
    node_type TEXT    NOT NULL,
    PRIMARY KEY (tenant, chain_id, node_name),
    FOREIGN KEY (tenant, chain_id) REFERENCES chains (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- latency_sla is in milliseconds, retry_policy is JSON.
CREATE TABLE chain_edges (
    tenant       INTEGER NOT NULL,
    chain_id     TEXT    NOT NULL,
    source_node  TEXT    NOT NULL,
    target_node  TEXT    NOT NULL,
    edge_type    TEXT    NOT NULL,
    condition    TEXT,
    latency_sla  INTEGER,
    retry_policy TEXT,
    PRIMARY KEY (tenant, chain_id, source_node, target_node, edge_type),
    FOREIGN KEY (tenant, chain_id) REFERENCES chains (tenant, id) ON DELETE CASCADE
) STRICT;

-- depends_on need not be there.
CREATE TABLE chain_dependencies (
    tenant          INTEGER NOT NULL,
    chain_id        TEXT    NOT NULL,
    depends_on      TEXT    NOT NULL,
    dependency_type TEXT    NOT NULL,
    PRIMARY KEY (tenant, chain_id, depends_on, dependency_type),
    FOREIGN KEY (tenant, chain_id) REFERENCES chains (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE chain_spans (
    tenant  INTEGER NOT NULL,
    trace   BLOB    NOT NULL,
    span    BLOB    NOT NULL,
    parent  BLOB,
    chain   TEXT    NOT NULL,
    source  TEXT,
    target  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    took_ns INTEGER NOT NULL,
    code    TEXT,
    PRIMARY KEY (tenant, trace, span)
) STRICT;
CREATE INDEX chain_spans_trace ON chain_spans (tenant, trace, at, span);
CREATE INDEX chain_spans_chain ON chain_spans (tenant, chain, at, trace, span);
CREATE INDEX chain_spans_time ON chain_spans (tenant, at);

-- The platform around trading. Times are nanoseconds since 1970 UTC, money is in units of 10^-8, unsigned 64-bit numbers are
-- stored as the signed number with the same bits: as in 0001.
--
-- Where a name was promised together with dates, decimals or JSON (audit_logs, log_retention_policies, storage_tiers,
-- log_cost_metrics, chain_definitions), that name is a VIEW which shows the promised columns readably, and what it is made of
-- stands in a table of another name. The other promised names (users, security_events, chain_nodes, chain_edges,
-- chain_dependencies, and subscriptions in 0001) are the tables themselves.

CREATE TABLE users (
    tenant        BIGINT           NOT NULL,
    id            BYTEA            NOT NULL,
    login         TEXT COLLATE "C" NOT NULL,
    role          BIGINT           NOT NULL,
    status        BIGINT           NOT NULL,
    opaque        BYTEA            NOT NULL,
    second_factor BYTEA            NOT NULL,
    note          TEXT COLLATE "C" NOT NULL,
    created_at    BIGINT           NOT NULL,
    changed_at    BIGINT           NOT NULL,
    version       BIGINT           NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, login)
);

-- How an order stands; its version is the number of its events.
CREATE TABLE orders (
    tenant     BIGINT           NOT NULL,
    account    BIGINT           NOT NULL,
    id         BYTEA            NOT NULL,
    signal     BYTEA,
    strategy   BIGINT           NOT NULL,
    symbol     TEXT COLLATE "C" NOT NULL,
    side       BIGINT           NOT NULL,
    order_type BIGINT           NOT NULL,
    state      BIGINT           NOT NULL,
    volume     BIGINT           NOT NULL,
    filled     BIGINT           NOT NULL,
    price      BIGINT           NOT NULL,
    ticket     BIGINT           NOT NULL,
    position   BIGINT           NOT NULL,
    created_at BIGINT           NOT NULL,
    changed_at BIGINT           NOT NULL,
    version    BIGINT           NOT NULL,
    PRIMARY KEY (tenant, account, id)
);
CREATE INDEX orders_open ON orders (tenant, account, id) WHERE state <= 4;
CREATE INDEX orders_latest ON orders (tenant, changed_at, account, id);

-- place counts the events of an account, number those of an order; both from 1 without a hole.
CREATE TABLE order_events (
    tenant   BIGINT           NOT NULL,
    account  BIGINT           NOT NULL,
    place    BIGINT           NOT NULL,
    order_id BYTEA            NOT NULL,
    number   BIGINT           NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    at       BIGINT           NOT NULL,
    trace    BYTEA            NOT NULL,
    body     BYTEA            NOT NULL,
    PRIMARY KEY (tenant, account, place),
    UNIQUE (tenant, account, order_id, number)
);

-- body is JSON in the words of the model.
CREATE TABLE position_books (
    tenant  BIGINT           NOT NULL,
    account BIGINT           NOT NULL,
    place   BIGINT           NOT NULL,
    at      BIGINT           NOT NULL,
    body    TEXT COLLATE "C" NOT NULL,
    version BIGINT           NOT NULL,
    PRIMARY KEY (tenant, account)
);
CREATE INDEX position_books_unsigned ON position_books (tenant, (account < 0), account);

-- What stands. Of limits every version is kept in risk_limits as well.
CREATE TABLE risk_documents (
    tenant       BIGINT           NOT NULL,
    part         BIGINT           NOT NULL,
    scope        BIGINT           NOT NULL,
    scope_number BIGINT           NOT NULL,
    scope_symbol TEXT COLLATE "C" NOT NULL,
    body         BYTEA            NOT NULL,
    changed_by   TEXT COLLATE "C" NOT NULL,
    changed_at   BIGINT           NOT NULL,
    version      BIGINT           NOT NULL,
    PRIMARY KEY (tenant, part, scope, scope_number, scope_symbol)
);
CREATE INDEX risk_documents_unsigned
    ON risk_documents (tenant, part, scope, (scope_number < 0), scope_number, scope_symbol);

CREATE TABLE risk_limits (
    tenant       BIGINT           NOT NULL,
    scope        BIGINT           NOT NULL,
    scope_number BIGINT           NOT NULL,
    scope_symbol TEXT COLLATE "C" NOT NULL,
    version      BIGINT           NOT NULL,
    body         BYTEA            NOT NULL,
    changed_by   TEXT COLLATE "C" NOT NULL,
    changed_at   BIGINT           NOT NULL,
    PRIMARY KEY (tenant, scope, scope_number, scope_symbol, version)
);

CREATE TABLE sequences (
    tenant BIGINT           NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    last   BIGINT           NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE log_lines (
    tenant  BIGINT           NOT NULL,
    level   BIGINT           NOT NULL,
    at      BIGINT           NOT NULL,
    batch   BYTEA            NOT NULL,
    place   BIGINT           NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    trace   BYTEA,
    message TEXT COLLATE "C" NOT NULL,
    fields  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, level, at, batch, place)
);
CREATE INDEX log_lines_trace ON log_lines (tenant, trace, at, batch, place) WHERE trace IS NOT NULL;

-- The last batches of a tenant, so that none is written twice. number counts them.
CREATE TABLE log_batches (
    tenant BIGINT           NOT NULL,
    batch  BYTEA            NOT NULL,
    number BIGINT           NOT NULL,
    PRIMARY KEY (tenant, batch),
    UNIQUE (tenant, number)
);

-- What log_lines holds, counted on the way in and out.
CREATE TABLE log_partitions (
    tenant BIGINT           NOT NULL,
    day    BIGINT           NOT NULL,
    level  BIGINT           NOT NULL,
    lines  BIGINT           NOT NULL,
    bytes  BIGINT           NOT NULL,
    PRIMARY KEY (tenant, day, level)
);

CREATE TABLE log_policies (
    log_level           TEXT COLLATE "C" PRIMARY KEY,
    retention_days      BIGINT           NOT NULL,
    storage_tier        TEXT COLLATE "C" NOT NULL,
    compression_algo    TEXT COLLATE "C",
    compliance_required BOOLEAN          NOT NULL,
    cost_per_gb_month   BIGINT,
    created_at          BIGINT           NOT NULL,
    updated_at          BIGINT           NOT NULL
);
CREATE VIEW log_retention_policies AS
    SELECT log_level, retention_days, storage_tier, compression_algo, compliance_required,
           CAST(CAST(cost_per_gb_month AS NUMERIC) / 100000000 AS NUMERIC(10, 4)) AS cost_per_gb_month,
           TIMESTAMP 'epoch' + (created_at / 1000) * INTERVAL '1 microsecond' AS created_at,
           TIMESTAMP 'epoch' + (updated_at / 1000) * INTERVAL '1 microsecond' AS updated_at
    FROM log_policies;

CREATE TABLE log_tiers (
    tier_name                TEXT COLLATE "C" PRIMARY KEY,
    technology               TEXT COLLATE "C" NOT NULL,
    max_query_latency_ms     BIGINT,
    cost_per_gb_month        BIGINT,
    compression_ratio_tenths BIGINT,
    is_active                BOOLEAN          NOT NULL
);
CREATE VIEW storage_tiers AS
    SELECT tier_name, technology, max_query_latency_ms,
           CAST(CAST(cost_per_gb_month AS NUMERIC) / 100000000 AS NUMERIC(10, 4)) AS cost_per_gb_month,
           CAST(CAST(compression_ratio_tenths AS NUMERIC) / 10 AS NUMERIC(3, 1)) AS compression_ratio, is_active
    FROM log_tiers;

-- day is in UTC since 1970-01-01.
CREATE TABLE log_costs (
    day                      BIGINT           PRIMARY KEY,
    total_logs_gb_hundredths BIGINT,
    hot                      BIGINT,
    warm                     BIGINT,
    cold                     BIGINT,
    total_month              BIGINT,
    savings                  BIGINT
);
CREATE VIEW log_cost_metrics AS
    SELECT DATE '1970-01-01' + CAST(day AS INTEGER) AS date,
           CAST(CAST(total_logs_gb_hundredths AS NUMERIC) / 100 AS NUMERIC(10, 2)) AS total_logs_gb,
           CAST(CAST(hot AS NUMERIC) / 100000000 AS NUMERIC(10, 2)) AS hot_storage_cost,
           CAST(CAST(warm AS NUMERIC) / 100000000 AS NUMERIC(10, 2)) AS warm_storage_cost,
           CAST(CAST(cold AS NUMERIC) / 100000000 AS NUMERIC(10, 2)) AS cold_storage_cost,
           CAST(CAST(total_month AS NUMERIC) / 100000000 AS NUMERIC(10, 2)) AS total_monthly_cost,
           CAST(CAST(savings AS NUMERIC) / 100000000 AS NUMERIC(10, 2)) AS savings_vs_uniform
    FROM log_costs;

CREATE TABLE security_events (
    tenant   BIGINT           NOT NULL,
    id       BYTEA            NOT NULL,
    at       BIGINT           NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    severity BIGINT           NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    origin   TEXT COLLATE "C" NOT NULL,
    trace    BYTEA            NOT NULL,
    detail   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX security_events_time ON security_events (tenant, at, id);
CREATE INDEX security_events_kind ON security_events (tenant, kind, at, id);

-- The copy of the Merkle log, which is the proof; the log is the whole deployment's and names tenants by pseudonym.
CREATE TABLE audit_leaves (
    place   BIGINT           PRIMARY KEY,
    hash    BYTEA            NOT NULL,
    at      BIGINT           NOT NULL,
    level   BIGINT           NOT NULL,
    event   TEXT COLLATE "C" NOT NULL,
    actor   BYTEA            NOT NULL,
    subject BYTEA            NOT NULL,
    trace   BYTEA            NOT NULL,
    leaf    BYTEA            NOT NULL
);
CREATE INDEX audit_leaves_trace ON audit_leaves (trace, place);
CREATE VIEW audit_logs AS
    SELECT place AS leaf_index, encode(hash, 'hex') AS leaf_hash,
           TIMESTAMP 'epoch' + (at / 1000) * INTERVAL '1 microsecond' AS created_at,
           CASE level WHEN 0 THEN 'DEBUG' WHEN 1 THEN 'INFO' WHEN 2 THEN 'WARNING' WHEN 3 THEN 'ERROR'
                      WHEN 4 THEN 'CRITICAL' END AS log_level,
           event, encode(actor, 'hex') AS actor, encode(subject, 'hex') AS subject, encode(trace, 'hex') AS trace_id, leaf
    FROM audit_leaves;

CREATE TABLE chains (
    tenant      BIGINT           NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    category    TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    status      TEXT COLLATE "C" NOT NULL,
    metadata    TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT           NOT NULL,
    changed_at  BIGINT           NOT NULL,
    created_by  TEXT COLLATE "C" NOT NULL,
    version     BIGINT           NOT NULL,
    PRIMARY KEY (tenant, id)
);
-- JSON, not JSONB: that would refuse texts which are JSON all the same (lone surrogates, huge numbers), and one such row would
-- stop every reader of the view.
CREATE VIEW chain_definitions AS
    SELECT tenant, id, name, category, description, status, CAST(metadata AS JSON) AS metadata,
           TIMESTAMP 'epoch' + (created_at / 1000) * INTERVAL '1 microsecond' AS created_at,
           TIMESTAMP 'epoch' + (changed_at / 1000) * INTERVAL '1 microsecond' AS updated_at,
           created_by, version
    FROM chains;

CREATE TABLE chain_nodes (
    tenant    BIGINT           NOT NULL,
    chain_id  TEXT COLLATE "C" NOT NULL,
    node_name TEXT COLLATE "C" NOT NULL,
    node_type TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, chain_id, node_name),
    FOREIGN KEY (tenant, chain_id) REFERENCES chains (tenant, id) ON DELETE CASCADE
);

-- latency_sla is in milliseconds, retry_policy is JSON.
CREATE TABLE chain_edges (
    tenant       BIGINT           NOT NULL,
    chain_id     TEXT COLLATE "C" NOT NULL,
    source_node  TEXT COLLATE "C" NOT NULL,
    target_node  TEXT COLLATE "C" NOT NULL,
    edge_type    TEXT COLLATE "C" NOT NULL,
    condition    TEXT COLLATE "C",
    latency_sla  BIGINT,
    retry_policy TEXT COLLATE "C",
    PRIMARY KEY (tenant, chain_id, source_node, target_node, edge_type),
    FOREIGN KEY (tenant, chain_id) REFERENCES chains (tenant, id) ON DELETE CASCADE
);

-- depends_on need not be there.
CREATE TABLE chain_dependencies (
    tenant          BIGINT           NOT NULL,
    chain_id        TEXT COLLATE "C" NOT NULL,
    depends_on      TEXT COLLATE "C" NOT NULL,
    dependency_type TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, chain_id, depends_on, dependency_type),
    FOREIGN KEY (tenant, chain_id) REFERENCES chains (tenant, id) ON DELETE CASCADE
);

CREATE TABLE chain_spans (
    tenant  BIGINT           NOT NULL,
    trace   BYTEA            NOT NULL,
    span    BYTEA            NOT NULL,
    parent  BYTEA,
    chain   TEXT COLLATE "C" NOT NULL,
    source  TEXT COLLATE "C",
    target  TEXT COLLATE "C" NOT NULL,
    at      BIGINT           NOT NULL,
    took_ns BIGINT           NOT NULL,
    code    TEXT COLLATE "C",
    PRIMARY KEY (tenant, trace, span)
);
CREATE INDEX chain_spans_trace ON chain_spans (tenant, trace, at, span);
CREATE INDEX chain_spans_chain ON chain_spans (tenant, chain, at, trace, span);
CREATE INDEX chain_spans_time ON chain_spans (tenant, at);

-- Who may come in: invitations, login sessions, revocations, lockouts, idempotency keys; and what subscriptions and devices say
-- beside what the first step had. Rows of before stay valid: what they do not say is NULL, empty or 0.

-- The last place that was given to a change of one kind (subscriptions, revocations). Places only grow.
CREATE TABLE places (
    tenant BIGINT           NOT NULL,
    feed   TEXT COLLATE "C" NOT NULL,
    last   BIGINT           NOT NULL,
    PRIMARY KEY (tenant, feed)
);

-- features are words with spaces between them. place moves on with every change; a release that does not know it leaves it as it
-- is, so those who ask for what is new learn of such a change when they ask for the row.
ALTER TABLE subscriptions
    ADD COLUMN user_id  BYTEA,
    ADD COLUMN tier     TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN features TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN region   TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN payment  BIGINT           NOT NULL DEFAULT 0,
    ADD COLUMN place    BIGINT           NOT NULL DEFAULT 0;
UPDATE subscriptions SET place = numbered.place
FROM (SELECT tenant, account, ROW_NUMBER() OVER (PARTITION BY tenant ORDER BY account) AS place FROM subscriptions) AS numbered
WHERE numbered.tenant = subscriptions.tenant AND numbered.account = subscriptions.account;
INSERT INTO places (tenant, feed, last)
    SELECT tenant, 'subscriptions', MAX(place) FROM subscriptions GROUP BY tenant;
CREATE INDEX subscriptions_place ON subscriptions (tenant, place);

-- Certificates are SHA-256 of what the device shows; next_certificate is good beside the other until the device comes with it.
ALTER TABLE devices
    ADD COLUMN noise_key        BYTEA,
    ADD COLUMN certificate      BYTEA,
    ADD COLUMN next_certificate BYTEA,
    ADD COLUMN enrolled_at      BIGINT,
    ADD COLUMN last_seen_at     BIGINT,
    ADD COLUMN fingerprint      BYTEA,
    ADD COLUMN user_id          BYTEA;

-- id is derived from the code, which is never stored; sealed is the key that the code gives, and goes with the first use.
CREATE TABLE invites (
    tenant     BIGINT           NOT NULL,
    id         BYTEA            NOT NULL,
    purpose    BIGINT           NOT NULL,
    role       BIGINT           NOT NULL,
    login      TEXT COLLATE "C",
    account    BIGINT,
    sealed     BYTEA            NOT NULL,
    made_by    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL,
    used_at    BIGINT,
    used_by    TEXT COLLATE "C",
    PRIMARY KEY (tenant, id)
);
CREATE INDEX invites_expiry ON invites (tenant, expires_at);

-- A family of refresh tokens; state is its own versioned form. device is SHA-256 of the public key that it is bound to.
CREATE TABLE login_sessions (
    tenant       BIGINT           NOT NULL,
    id           BYTEA            NOT NULL,
    user_id      BYTEA            NOT NULL,
    device       BYTEA,
    state        BYTEA            NOT NULL,
    created_at   BIGINT           NOT NULL,
    expires_at   BIGINT           NOT NULL,
    ended_at     BIGINT,
    ended_reason TEXT COLLATE "C",
    version      BIGINT           NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX login_sessions_user ON login_sessions (tenant, user_id, id);
CREATE INDEX login_sessions_expiry ON login_sessions (tenant, expires_at);

CREATE TABLE revocations (
    tenant     BIGINT           NOT NULL,
    kind       BIGINT           NOT NULL,
    subject    BYTEA            NOT NULL,
    not_before BIGINT           NOT NULL,
    at         BIGINT           NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    revoked_by TEXT COLLATE "C" NOT NULL,
    place      BIGINT           NOT NULL,
    PRIMARY KEY (tenant, kind, subject),
    UNIQUE (tenant, place)
);
CREATE INDEX revocations_age ON revocations (tenant, not_before);

-- key is a hash, state what was counted in its own versioned form.
CREATE TABLE lockouts (
    tenant       BIGINT           NOT NULL,
    key          BYTEA            NOT NULL,
    state        BYTEA            NOT NULL,
    locked_until BIGINT           NOT NULL,
    changed_at   BIGINT           NOT NULL,
    version      BIGINT           NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX lockouts_until ON lockouts (tenant, locked_until);

-- state is 0 running, 1 abandoned, 2 done; the last three columns are the answer of what is done. run counts the runs of a key.
CREATE TABLE idempotency_keys (
    tenant       BIGINT           NOT NULL,
    actor        BYTEA            NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    request      BYTEA            NOT NULL,
    run          BIGINT           NOT NULL,
    state        BIGINT           NOT NULL,
    started_at   BIGINT           NOT NULL,
    expires_at   BIGINT           NOT NULL,
    status       BIGINT,
    content_type TEXT COLLATE "C",
    body         BYTEA,
    PRIMARY KEY (tenant, actor, key)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (tenant, expires_at);

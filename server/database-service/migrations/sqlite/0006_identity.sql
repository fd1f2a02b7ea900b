-- Who may come in: invitations, login sessions, revocations, lockouts, idempotency keys; and what subscriptions and devices say
-- beside what the first step had. Rows of before stay valid: what they do not say is NULL, empty or 0.

-- The last place that was given to a change of one kind (subscriptions, revocations). Places only grow.
CREATE TABLE places (
    tenant INTEGER NOT NULL,
    feed   TEXT    NOT NULL,
    last   INTEGER NOT NULL,
    PRIMARY KEY (tenant, feed)
) STRICT, WITHOUT ROWID;

-- features are words with spaces between them. place moves on with every change; a release that does not know it leaves it as it
-- is, so those who ask for what is new learn of such a change when they ask for the row.
ALTER TABLE subscriptions ADD COLUMN user_id  BLOB;
ALTER TABLE subscriptions ADD COLUMN tier     TEXT    NOT NULL DEFAULT '';
ALTER TABLE subscriptions ADD COLUMN features TEXT    NOT NULL DEFAULT '';
ALTER TABLE subscriptions ADD COLUMN region   TEXT    NOT NULL DEFAULT '';
ALTER TABLE subscriptions ADD COLUMN payment  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscriptions ADD COLUMN place    INTEGER NOT NULL DEFAULT 0;
UPDATE subscriptions SET place = numbered.place
FROM (SELECT tenant, account, ROW_NUMBER() OVER (PARTITION BY tenant ORDER BY account) AS place FROM subscriptions) AS numbered
WHERE numbered.tenant = subscriptions.tenant AND numbered.account = subscriptions.account;
INSERT INTO places (tenant, feed, last)
    SELECT tenant, 'subscriptions', MAX(place) FROM subscriptions GROUP BY tenant;
CREATE INDEX subscriptions_place ON subscriptions (tenant, place);

-- Certificates are SHA-256 of what the device shows; next_certificate is good beside the other until the device comes with it.
ALTER TABLE devices ADD COLUMN noise_key        BLOB;
ALTER TABLE devices ADD COLUMN certificate      BLOB;
ALTER TABLE devices ADD COLUMN next_certificate BLOB;
ALTER TABLE devices ADD COLUMN enrolled_at      INTEGER;
ALTER TABLE devices ADD COLUMN last_seen_at     INTEGER;
ALTER TABLE devices ADD COLUMN fingerprint      BLOB;
ALTER TABLE devices ADD COLUMN user_id          BLOB;

-- id is derived from the code, which is never stored; sealed is the key that the code gives, and goes with the first use.
CREATE TABLE invites (
    tenant     INTEGER NOT NULL,
    id         BLOB    NOT NULL,
    purpose    INTEGER NOT NULL,
    role       INTEGER NOT NULL,
    login      TEXT,
    account    INTEGER,
    sealed     BLOB    NOT NULL,
    made_by    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    used_by    TEXT,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX invites_expiry ON invites (tenant, expires_at);

-- A family of refresh tokens; state is its own versioned form. device is SHA-256 of the public key that it is bound to.
CREATE TABLE login_sessions (
    tenant       INTEGER NOT NULL,
    id           BLOB    NOT NULL,
    user_id      BLOB    NOT NULL,
    device       BLOB,
    state        BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    ended_reason TEXT,
    version      INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX login_sessions_user ON login_sessions (tenant, user_id, id);
CREATE INDEX login_sessions_expiry ON login_sessions (tenant, expires_at);

CREATE TABLE revocations (
    tenant     INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    subject    BLOB    NOT NULL,
    not_before INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    revoked_by TEXT    NOT NULL,
    place      INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, subject),
    UNIQUE (tenant, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX revocations_age ON revocations (tenant, not_before);

-- key is a hash, state what was counted in its own versioned form.
CREATE TABLE lockouts (
    tenant       INTEGER NOT NULL,
    key          BLOB    NOT NULL,
    state        BLOB    NOT NULL,
    locked_until INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT;
CREATE INDEX lockouts_until ON lockouts (tenant, locked_until);

-- state is 0 running, 1 abandoned, 2 done; the last three columns are the answer of what is done. run counts the runs of a key.
CREATE TABLE idempotency_keys (
    tenant       INTEGER NOT NULL,
    actor        BLOB    NOT NULL,
    key          TEXT    NOT NULL,
    request      BLOB    NOT NULL,
    run          INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    status       INTEGER,
    content_type TEXT,
    body         BLOB,
    PRIMARY KEY (tenant, actor, key)
) STRICT;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (tenant, expires_at);

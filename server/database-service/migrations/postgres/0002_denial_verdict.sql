-- What a denial was decided on, with the limit that it broke. NULL in all of them: kept before this version.
-- value and bound are in the unit of the limit (fixed-point values in 10^-8), NULL where the control compares nothing.
ALTER TABLE denials
    ADD COLUMN side           BIGINT,
    ADD COLUMN kind           BIGINT,
    ADD COLUMN price          BIGINT,
    ADD COLUMN market_ms      BIGINT,
    ADD COLUMN limit_name     TEXT COLLATE "C",
    ADD COLUMN value          BIGINT,
    ADD COLUMN bound          BIGINT,
    ADD COLUMN limits_version BIGINT,
    ADD COLUMN policy         BYTEA;

-- What a denial was decided on, with the limit that it broke. NULL in all of them: kept before this version.
-- value and bound are in the unit of the limit (fixed-point values in 10^-8), NULL where the control compares nothing.
ALTER TABLE denials ADD COLUMN side           INTEGER;
ALTER TABLE denials ADD COLUMN kind           INTEGER;
ALTER TABLE denials ADD COLUMN price          INTEGER;
ALTER TABLE denials ADD COLUMN market_ms      INTEGER;
ALTER TABLE denials ADD COLUMN limit_name     TEXT;
ALTER TABLE denials ADD COLUMN value          INTEGER;
ALTER TABLE denials ADD COLUMN bound          INTEGER;
ALTER TABLE denials ADD COLUMN limits_version INTEGER;
ALTER TABLE denials ADD COLUMN policy         BLOB;

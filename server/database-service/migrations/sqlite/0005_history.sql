-- What became of a hole: state 0 is open, 1 settled, from 2 on given up for the fault of that number less 1; added counts the
-- ticks that came late.
ALTER TABLE gaps ADD COLUMN state    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gaps ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gaps ADD COLUMN added    INTEGER NOT NULL DEFAULT 0;
CREATE INDEX gaps_open ON gaps (source, from_ms, to_ms) WHERE state = 0;

-- How the count of a day that is over came out. Bit n of hours: hour n differs; bit 31: the day was not counted.
CREATE TABLE day_checks (
    source   INTEGER NOT NULL REFERENCES sources (id),
    day      INTEGER NOT NULL,
    terminal INTEGER NOT NULL,
    stored   INTEGER NOT NULL,
    refused  INTEGER NOT NULL,
    hours    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (source, day)
) STRICT, WITHOUT ROWID;

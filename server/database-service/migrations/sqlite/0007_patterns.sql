-- What the index of similar errors and threats in process knows: read whole when the stores are opened. vector is its numbers in
-- order, each an IEEE 754 single of four bytes, little end first.
CREATE TABLE patterns (
    tenant INTEGER NOT NULL,
    id     BLOB    NOT NULL,
    kind   INTEGER NOT NULL,
    vector BLOB    NOT NULL,
    text   TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

-- How far each import of a file has come. key is a hash of the file and of what decides what is made of it.
CREATE TABLE imports (
    tenant INTEGER NOT NULL,
    key    BLOB    NOT NULL,
    source INTEGER NOT NULL REFERENCES sources (id),
    parts  INTEGER NOT NULL,
    ticks  INTEGER NOT NULL,
    bars   INTEGER NOT NULL,
    done   INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

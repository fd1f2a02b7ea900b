"""DuckDB on tick files: what it needs for bars and to read every value, and how fast it writes the same ticks.

Usage: python duckdb_ticks.py bars|scan|write RUNS FOLDER LIST

LIST names one Parquet file per line; FOLDER takes what is written. Answers one JSON object. DuckDB has its defaults: all cores,
its own choice of encodings.
"""

import json
import os
import sys
import time

import duckdb

# A whole number of minutes is what DuckDB groups fastest: time_bucket and date_trunc on a time with a zone take longer.
BARS = """SELECT count(*), sum(open), sum(high), sum(low), sum(close), sum(ticks) FROM (
    SELECT epoch_ms(time_ms) // 60000 AS minute, arg_min(bid, time_ms) AS open, max(bid) AS high, min(bid) AS low,
        arg_max(bid, time_ms) AS close, count(*) AS ticks
    FROM read_parquet({files}) GROUP BY 1)"""


def timed(work):
    begun = time.perf_counter()
    answer = work()
    return time.perf_counter() - begun, answer


def bars(connection, runs, _folder, files):
    statement = BARS.format(files=files)
    connection.execute(statement).fetchall()
    took, row = [], None
    for _ in range(runs):
        seconds, row = timed(lambda: connection.execute(statement).fetchone())
        took.append(seconds * 1e3)
    return {"ms": took, "sums": [float(value) for value in row]}


def scan(connection, runs, _folder, files):
    # Every value is read, and none is left out because nobody wants it.
    source = f"read_parquet({files}, hive_partitioning = false)"
    columns = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    number = lambda name, kind: f'epoch_ms("{name}")' if kind.startswith("TIMESTAMP") else f'"{name}"'
    sums = ", ".join(f"sum({number(name, kind)})" for name, kind, *_ in columns)
    statement = f"SELECT count(*), {sums} FROM {source}"
    connection.execute(statement).fetchall()
    took, row = [], None
    for _ in range(runs):
        seconds, row = timed(lambda: connection.execute(statement).fetchone())
        took.append(seconds * 1e3)
    return {"ms": took, "rows": row[0]}


def write(connection, runs, folder, files):
    connection.execute(f"CREATE TEMP TABLE ticks AS SELECT * FROM read_parquet({files}, hive_partitioning = false)")
    rows = connection.execute("SELECT count(*) FROM ticks").fetchone()[0]
    parquet, table, size = [], [], 0
    for run in range(runs):
        out = os.path.join(folder, "duckdb.parquet")
        seconds, _ = timed(lambda: connection.execute(f"COPY ticks TO '{out}' (FORMAT parquet, COMPRESSION zstd)"))
        parquet.append(rows / seconds)
        size = os.path.getsize(out)
        os.remove(out)
        own = os.path.join(folder, f"duckdb-{run}.db")
        connection.execute(f"ATTACH '{own}' AS own")

        def fill():
            connection.execute("CREATE TABLE own.ticks AS SELECT * FROM ticks")
            connection.execute("CHECKPOINT own")

        seconds, _ = timed(fill)
        table.append(rows / seconds)
        connection.execute("DETACH own")
        os.remove(own)
    return {"rows": rows, "parquet_per_s": parquet, "parquet_bytes": size, "table_per_s": table}


def main():
    what, runs, folder, listed = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    with open(listed, encoding="utf-8") as lines:
        files = [line.strip() for line in lines if line.strip()]
    answer = {"bars": bars, "scan": scan, "write": write}[what](duckdb.connect(), runs, folder, files)
    print(json.dumps(answer))


main()

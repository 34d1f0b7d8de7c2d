"""Asks engines for the rows at each column's bounds: `bounds.py <folder of a Delta table> <its one live file>`.

Prints as JSON how many questions were asked, and each answer that is not the number of rows that the values themselves say. Engines skip
row groups and files by statistics, so a wrong bound is a wrong answer here.
"""

import json
import math
import pathlib
import sys

import duckdb
import duckdb_extension_delta
import polars
import pyarrow
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet


def main(folder, file):
    files = [str(pathlib.Path(folder) / file)]
    table = pyarrow.parquet.ParquetFile(files[0]).read()
    engines = [duckdb_files, pyarrow_files, polars_files, duckdb_delta, polars_delta]
    asked, wrong = 0, []
    for name in table.column_names:
        values = [value for value in table[name].to_pylist() if value is not None and value == value]
        if not values:
            continue
        for value in {min(values), max(values)}:
            expected = values.count(value)
            for engine in engines:
                asked += 1
                found = engine(folder, files, name, value, table.schema.field(name).type)
                if found != expected:
                    wrong.append([engine.__name__, name, str(value), found, expected])
    print(json.dumps({"asked": asked, "wrong": wrong}))


def connection():
    made = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    made.execute("set timezone = 'UTC'")
    return made


def duckdb_files(folder, files, name, value, type):
    sql = f'select count(*) from read_parquet($1) where "{name}" = $2'
    return connection().execute(sql, [files, value]).fetchone()[0]


def duckdb_delta(folder, files, name, value, type):
    made = connection()
    extension = next(pathlib.Path(duckdb_extension_delta.__file__).parent.rglob("delta.duckdb_extension"))
    made.execute(f"load '{extension}'")
    return made.execute(f'select count(*) from delta_scan($1) where "{name}" = $2', [folder, value]).fetchone()[0]


def pyarrow_files(folder, files, name, value, type):
    wanted = pyarrow.compute.field(name) == pyarrow.scalar(value, type)
    return pyarrow.dataset.dataset(files, format="parquet").count_rows(filter=wanted)


def polars_files(folder, files, name, value, type):
    return counted(polars.scan_parquet(files), name, value)


def polars_delta(folder, files, name, value, type):
    return counted(polars.scan_delta(folder), name, value)


def counted(frame, name, value):
    wanted = polars.lit(value, dtype=frame.collect_schema()[name])
    return frame.filter(polars.col(name) == wanted).select(polars.len()).collect().item()


main(*sys.argv[1:])

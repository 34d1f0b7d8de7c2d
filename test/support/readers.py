"""Reads a table with an engine that is not ours: `readers.py <duckdb|pyarrow|polars|delta-rs> <folder|delta> <path>`.

Prints one row per line as JSON, keys sorted, lines sorted. NULL is null; integers beyond 2^53, decimals, dates, timestamps (UTC, microseconds)
and binary (hex) are text. `folder` takes Hive partition values as text; a partition of `__HIVE_DEFAULT_PARTITION__` is NULL.
"""

import datetime
import decimal
import json
import math
import pathlib
import sys
import urllib.parse


def main(engine, kind, path):
    reader = READERS.get((engine, kind))
    if reader is None:
        sys.exit(f"{engine} does not read {kind}: expected one of {sorted(READERS)}")
    lines = [json.dumps({name: canonical(value) for name, value in row.items()}, sort_keys=True) for row in reader(path)]
    sys.stdout.writelines(line + "\n" for line in sorted(lines))


def duckdb_folder(path):
    import duckdb

    if not data_files(path):
        return []
    options = "union_by_name = true, hive_partitioning = true, hive_types_autocast = false"
    return duckdb_rows(duckdb.connect(), f"from read_parquet($1, {options})", f"{path}/**/*.parquet")


def duckdb_delta(path):
    return duckdb_rows(duckdb_delta_connection(), "from delta_scan($1)", path)


def duckdb_delta_connection():
    import duckdb
    import duckdb_extension_delta

    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    extension = next(pathlib.Path(duckdb_extension_delta.__file__).parent.rglob("delta.duckdb_extension"))
    connection.execute(f"load '{extension}'")
    return connection


def duckdb_rows(connection, sql, path):
    connection.execute("set timezone = 'UTC'")
    return connection.execute(sql, [path]).to_arrow_table().to_pylist()


def pyarrow_folder(path):
    import pyarrow
    import pyarrow.dataset
    import pyarrow.parquet

    files = data_files(path)
    if not files:
        return []
    in_folders = pyarrow.schema([(name, pyarrow.string()) for name in partition_columns(path)])
    in_files = [pyarrow.parquet.read_schema(file) for file in files]
    schema = pyarrow.unify_schemas([*in_files, in_folders], promote_options="permissive")
    by_folder = pyarrow.dataset.partitioning(in_folders, flavor="hive")
    return pyarrow.dataset.dataset(path, schema=schema, partitioning=by_folder).to_table().to_pylist()


def pyarrow_delta(path):
    import deltalake

    return deltalake.DeltaTable(path).to_pyarrow_dataset().to_table().to_pylist()


def polars_folder(path):
    import polars

    by_folder = {name: polars.String for name in partition_columns(path)}
    options = {"hive_partitioning": True, "hive_schema": by_folder, "glob": False}
    frames = [polars.scan_parquet(file, **options) for file in data_files(path)]
    return polars.concat(frames, how="diagonal_relaxed").collect().to_dicts() if frames else []


def polars_delta(path):
    import polars

    return polars.read_delta(path).to_dicts()


def delta_rs_delta(path):
    import deltalake
    import pyarrow

    query = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(path))
    return pyarrow.table(query.execute("select * from t").read_all()).to_pylist()


READERS = {
    ("duckdb", "folder"): duckdb_folder,
    ("duckdb", "delta"): duckdb_delta,
    ("pyarrow", "folder"): pyarrow_folder,
    ("pyarrow", "delta"): pyarrow_delta,
    ("polars", "folder"): polars_folder,
    ("polars", "delta"): polars_delta,
    ("delta-rs", "delta"): delta_rs_delta,
}


def data_files(path):
    return sorted(pathlib.Path(path).rglob("*.parquet"))


def partition_columns(path):
    folders = [folder for file in data_files(path) for folder in file.relative_to(path).parts[:-1]]
    return list(dict.fromkeys(urllib.parse.unquote(folder.split("=")[0]) for folder in folders if "=" in folder))


def canonical(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        utc = value.astimezone(datetime.timezone.utc) if value.tzinfo else value
        return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    raise TypeError(f"no canonical form for {type(value).__name__}")


if __name__ == "__main__":
    main(*sys.argv[1:])

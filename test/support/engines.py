"""Reads typed tables with engines that are not ours. Standard input: one JSON list of `{engine, kind, path, types}`, `types` from column to Delta type.

Prints for each a JSON line `{rows, misses}`. `rows`: every value as text, floats as the hex of their eight bytes. `misses`: the values that a
filter on equality does not find where the rows have them, as `[column, text, ids found, ids expected]`: a bound that is wrong hides rows.
"""

import datetime
import json
import struct
import sys

import readers


def main():
    for read in json.load(sys.stdin):
        engine, kind, path, types = (read[name] for name in ("engine", "kind", "path", "types"))
        rows = readers.READERS[engine, kind](path)
        text_rows = [{name: text(row[name], lake) for name, lake in {"id": "integer", **types}.items()} for row in rows]
        find = FINDERS[engine, kind](path)
        print(json.dumps({"rows": text_rows, "misses": list(misses(find, rows, types))}), flush=True)


def misses(find, rows, types):
    """Probes each column with each of its values. NaN and the two zeros are no question of bounds: engines differ on their equality."""
    for name, lake in types.items():
        for value in {text(row[name], lake): row[name] for row in rows if row[name] is not None}.values():
            if value != value or (lake in ("float", "double") and value == 0):
                continue
            expected = sorted(row["id"] for row in rows if row[name] == value)
            found = sorted(find(name, value, lake))
            if found != expected:
                yield [name, text(value, lake), found, expected]


def duckdb_finder(relation):
    def open_path(path):
        import duckdb

        connection = readers.duckdb_delta_connection() if relation.startswith("delta") else duckdb.connect()
        connection.execute("set timezone = 'UTC'")
        source = relation.format(path=path)

        def find(name, value, lake):
            wanted = "from_hex($1)" if lake == "binary" else f"cast($1 as {DUCKDB_TYPES.get(lake, lake)})"
            found = connection.execute(f'select id from {source} where "{name}" = {wanted}', [literal_text(value, lake)])
            return [row[0] for row in found.fetchall()]

        return find

    return open_path


def pyarrow_finder(open_dataset):
    def open_path(path):
        import pyarrow.compute
        import pyarrow.dataset

        dataset = open_dataset(path)

        def find(name, value, _lake):
            wanted = pyarrow.scalar(value, dataset.schema.field(name).type)
            return dataset.to_table(columns=["id"], filter=pyarrow.dataset.field(name) == wanted)["id"].to_pylist()

        return find

    return open_path


def folder_dataset(path):
    import pyarrow.dataset

    return pyarrow.dataset.dataset(path, format="parquet")


def delta_dataset(path):
    import deltalake

    return deltalake.DeltaTable(path).to_pyarrow_dataset()


def polars_finder(scan):
    def open_path(path):
        import polars

        frame = getattr(polars, scan)(path)
        schema = frame.collect_schema()

        def find(name, value, _lake):
            wanted = polars.lit(value, dtype=schema[name])
            return frame.filter(polars.col(name) == wanted).select("id").collect()["id"].to_list()

        return find

    return open_path


def delta_rs_finder(path):
    import deltalake
    import pyarrow

    query = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(path))

    def find(name, value, lake):
        literal = sql_literal(value, lake, ARROW_TYPES, "arrow_cast({text}, '{type}')")
        return pyarrow.table(query.execute(f'select id from t where "{name}" = {literal}').read_all())["id"].to_pylist()

    return find


DUCKDB_TYPES = {"byte": "tinyint", "short": "smallint", "long": "bigint", "string": "varchar", "timestamp": "timestamptz"}
ARROW_TYPES = {
    "boolean": "Boolean",
    "byte": "Int8",
    "short": "Int16",
    "integer": "Int32",
    "long": "Int64",
    "float": "Float32",
    "double": "Float64",
    "string": "Utf8",
    "date": "Date32",
    "timestamp": 'Timestamp(Microsecond, Some("UTC"))',
}


def literal_text(value, lake):
    return repr(value) if lake in ("float", "double") else text(value, lake)


def sql_literal(value, lake, types, cast):
    if lake == "binary":
        return f"X'{value.hex()}'"
    named = lake.replace("decimal", "Decimal128") if types is ARROW_TYPES and lake.startswith("decimal") else types.get(lake, lake)
    return cast.format(text="'" + literal_text(value, lake).replace("'", "''") + "'", type=named)


FINDERS = {
    ("duckdb", "folder"): duckdb_finder("read_parquet('{path}/*.parquet')"),
    ("duckdb", "delta"): duckdb_finder("delta_scan('{path}')"),
    ("pyarrow", "folder"): pyarrow_finder(folder_dataset),
    ("pyarrow", "delta"): pyarrow_finder(delta_dataset),
    ("polars", "folder"): polars_finder("scan_parquet"),
    ("polars", "delta"): polars_finder("scan_delta"),
    ("delta-rs", "delta"): delta_rs_finder,
}


def text(value, lake):
    if value is None or isinstance(value, str):
        return value
    if lake == "boolean":
        return "true" if value else "false"
    if lake in ("float", "double"):
        return struct.pack(">d", value).hex()
    if lake.startswith("decimal"):
        return format(value, "f")
    if lake == "timestamp":
        if value.tzinfo is None:
            return f"{value.isoformat(timespec='microseconds')} without a zone"
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if lake == "binary":
        return bytes(value).hex()
    return value.isoformat() if lake == "date" else str(value)


if __name__ == "__main__":
    main()

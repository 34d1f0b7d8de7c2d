"""delta-rs: delta-rs.py load | merge <table> <keys, by commas> <partition column> <file>…, files <table>. Places are paths or s3:// with AWS_* variables."""

import os
import sys
from urllib.parse import urlparse

import duckdb
import pyarrow.parquet as pq
from deltalake import DeltaTable, WriterProperties, write_deltalake
from pyarrow import fs

PROPERTIES = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=122_880)
OPTIONS = {"AWS_ALLOW_HTTP": "true", "conditional_put": "etag"}


def opened(file):
    if not file.startswith("s3://"):
        return pq.ParquetFile(file)
    endpoint = urlparse(os.environ["AWS_ENDPOINT_URL"])
    s3 = fs.S3FileSystem(endpoint_override=endpoint.netloc, scheme=endpoint.scheme, region=os.environ["AWS_REGION"])
    return pq.ParquetFile(s3.open_input_file(file.removeprefix("s3://")))


def load(table, _, partition, files):
    for at, file in enumerate(files):
        write_deltalake(
            table,
            opened(file).read(),
            mode="overwrite" if at == 0 else "append",
            partition_by=[partition] if partition else None,
            writer_properties=PROPERTIES,
            storage_options=OPTIONS,
        )


def merge(table, keys, partition, files):
    import pyarrow as pa

    changes = pa.concat_tables([opened(file).read() for file in files])
    last = duckdb.sql(
        f"""select * exclude (seq, committed, nth) from (
             select *, row_number() over (partition by {", ".join(keys)} order by seq desc) as nth from changes)
           where nth = 1"""
    ).to_arrow_table()
    first = keys[0]
    low, high = duckdb.sql(f"select min({first}), max({first}) from last").fetchone()
    same = " and ".join(f"t.{key} = s.{key}" for key in keys)
    predicate = f"{same} and t.{first} >= {low!r} and t.{first} <= {high!r}"
    if partition:
        touched = [value for (value,) in duckdb.sql(f"select distinct {partition} from last").fetchall()]
        predicate += f" and t.{partition} = s.{partition} and t.{partition} in ({', '.join(map(repr, touched))})"
    values = {name: f"s.{name}" for name in last.column_names if name != "Op"}
    (
        DeltaTable(table, storage_options=OPTIONS)
        .merge(
            last,
            predicate=predicate,
            source_alias="s",
            target_alias="t",
            streamed_exec=False,
            writer_properties=PROPERTIES,
        )
        .when_matched_delete("s.\"Op\" = 'D'")
        .when_matched_update(values)
        .when_not_matched_insert(values, predicate="s.\"Op\" <> 'D'")
        .execute()
    )


def files(table):
    actions = DeltaTable(table, storage_options=OPTIONS).get_add_actions(flatten=True)
    print("\n".join(f"{table}/{path}" for path in actions["path"].to_pylist()))


if __name__ == "__main__":
    step, table, *rest = sys.argv[1:]
    if step == "files":
        files(table)
    else:
        (load if step == "load" else merge)(table, rest[0].split(","), rest[1], rest[2:])

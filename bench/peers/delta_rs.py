"""delta-rs: python delta_rs.py load <folder of LOAD files> <table> | merge <table> <change file>…"""

import glob
import os
import sys

import duckdb
from deltalake import DeltaTable, WriterProperties, write_deltalake

PROPERTIES = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=122_880)


def load(folder, table):
    files = sorted(glob.glob(f"{folder}/*.parquet"))
    for at, file in enumerate(files):
        rows = duckdb.sql(f"from read_parquet('{file}')").to_arrow_reader(122_880)
        write_deltalake(table, rows, mode="overwrite" if at == 0 else "append", writer_properties=PROPERTIES)


def merge(table, files):
    last = duckdb.sql(
        f"""select * exclude (seq, committed, nth) from (
              select *, row_number() over (partition by id order by seq desc) as nth from read_parquet({files!r}))
            where nth = 1"""
    ).to_arrow_table()
    low, high = duckdb.sql("select min(id), max(id) from last").fetchone()
    target = DeltaTable(table)
    values = {name: f"s.{name}" for name in last.column_names if name != "Op"}
    (
        target.merge(
            last,
            predicate=f"t.id = s.id and t.id >= {low} and t.id <= {high}",
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


if __name__ == "__main__":
    if sys.argv[1] == "load":
        load(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "merge":
        merge(sys.argv[2], sys.argv[3:])
    elif sys.argv[1] == "files":
        table = DeltaTable(sys.argv[2])
        print("\n".join(os.path.join(sys.argv[2], path) for path in table.get_add_actions(flatten=True)["path"].to_pylist()))

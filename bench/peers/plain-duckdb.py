"""Plain DuckDB, no commit: plain-duckdb.py load | merge <table folder> <keys, by commas> <partition column> <file>…, files <table folder>"""

import glob
import os
import sys

import duckdb

OPTIONS = "(format parquet, compression zstd, compression_level 1, row_group_size 122880)"


def files_of(table):
    return sorted(glob.glob(f"{table}/**/*.parquet", recursive=True))


def load(table, _, partition, files):
    os.makedirs(table)
    if partition:
        duckdb.sql(
            f"copy (from read_parquet({files!r})) to '{table}' (format parquet, compression zstd, compression_level 1, partition_by ({partition}))"
        )
        return
    for file in files:
        duckdb.sql(f"copy (from read_parquet('{file}')) to '{table}/{os.path.basename(file)}' {OPTIONS}")


def merge(table, keys, partition, changes):
    files = files_of(table)
    key, first = ", ".join(keys), keys[0]
    duckdb.sql(
        f"""create table last as select * exclude (seq, committed, nth) from (
              select *, row_number() over (partition by {key} order by seq desc) as nth from read_parquet({changes!r}))
            where nth = 1"""
    )
    low, high = duckdb.sql(f"select min({first}), max({first}) from last").fetchone()
    duckdb.sql(
        f"""create table hits as select filename, {key} from read_parquet({files!r}, filename = true, hive_partitioning = false)
            semi join last using ({key}) where {first} between {low!r} and {high!r}"""
    )
    dropped = f'"Op", {partition}' if partition else '"Op"'
    for (file,) in duckdb.sql("select distinct filename from hits").fetchall():
        temp = f"{file}.new"
        duckdb.sql(
            f"""copy (select * from read_parquet('{file}', hive_partitioning = false) anti join last using ({key})
                  union all by name select * exclude ({dropped}) from last semi join (from hits where filename = '{file}') h using ({key})
                  where "Op" <> 'D') to '{temp}' {OPTIONS}"""
        )
        os.replace(temp, file)
    new = f"select * exclude (\"Op\") from last anti join hits using ({key}) where \"Op\" <> 'D'"
    if duckdb.sql(f"select count(*) from ({new})").fetchone()[0] > 0:
        duckdb.sql(f"copy ({new}) to '{table}/new-{os.getpid()}.parquet' {OPTIONS}")


if __name__ == "__main__":
    step, table, *rest = sys.argv[1:]
    if step == "files":
        print("\n".join(files_of(table)))
    else:
        (load if step == "load" else merge)(table, rest[0].split(","), rest[1], rest[2:])

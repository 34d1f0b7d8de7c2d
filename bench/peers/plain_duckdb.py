"""Plain DuckDB, no commit: python plain_duckdb.py merge <table folder> <change file>… | copy <in folder> <out folder>"""

import glob
import os
import sys

import duckdb

OPTIONS = "(format parquet, compression zstd, compression_level 1, row_group_size 122880)"


def merge(folder, changes):
    files = sorted(glob.glob(f"{folder}/*.parquet"))
    duckdb.sql(
        f"""create table last as select * exclude (seq, committed, nth) from (
              select *, row_number() over (partition by id order by seq desc) as nth from read_parquet({changes!r}))
            where nth = 1"""
    )
    low, high = duckdb.sql("select min(id), max(id) from last").fetchone()
    hits = duckdb.sql(
        f"""create table hits as select filename, l.id from read_parquet({files!r}, filename = true) t, last l
            where t.id = l.id and t.id between {low} and {high}"""
    )
    for (file,) in duckdb.sql("select distinct filename from hits").fetchall():
        temp = f"{file}.new"
        duckdb.sql(
            f"""copy (select * from read_parquet('{file}') where id not in (select id from last)
                  union all by name select * exclude ("Op") from last semi join (from hits where filename = '{file}') h using (id)
                  where "Op" <> 'D') to '{temp}' {OPTIONS}"""
        )
        os.replace(temp, file)
    new = "select * exclude (\"Op\") from last anti join hits using (id) where \"Op\" <> 'D'"
    if duckdb.sql(f"select count(*) from ({new})").fetchone()[0] > 0:
        duckdb.sql(f"copy ({new}) to '{folder}/new-{os.getpid()}.parquet' {OPTIONS}")


def copy(source, target):
    os.makedirs(target)
    for file in sorted(glob.glob(f"{source}/*.parquet")):
        duckdb.sql(f"copy (from read_parquet('{file}')) to '{target}/{os.path.basename(file)}' {OPTIONS}")


if __name__ == "__main__":
    if sys.argv[1] == "merge":
        merge(sys.argv[2], sys.argv[3:])
    else:
        copy(sys.argv[2], sys.argv[3])

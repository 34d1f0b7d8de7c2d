"""The way of the jobs that dmscdc replaces, on Spark: original-spark.py load | merge <table> <keys, by commas> <partition column> <file>…, files <table>.

The whole table and the changes are ranked by key; the files that hold a key of the batch are written again from that, and the old ones
deleted. There is no commit: who reads meanwhile, or after a crash, sees rows twice or not at all.
"""

import glob
import os
import sys

from spark import last_changes, open_session


def files_of(table):
    return sorted(glob.glob(f"{table}/**/*.parquet", recursive=True))


def load(session, table, _, partition, files):
    writer = session.read.parquet(*files).write
    (writer.partitionBy(partition) if partition else writer).parquet(table)


def merge(session, table, keys, partition, files):
    last_changes(session, keys, files).createOrReplaceTempView("last")
    session.read.parquet(table).createOrReplaceTempView("lake")
    columns = ", ".join(name for name in session.table("last").columns if name != "Op")
    session.sql(
        f"""create temporary view ranked as select *, row_number() over (partition by {", ".join(keys)} order by source desc) as nth from (
              select {columns}, 'I' as Op, 0 as source, input_file_name() as file from lake
              union all select {columns}, Op, 1, null from last)"""
    )
    touched = session.sql("select distinct file from ranked where nth = 2").collect()
    old = [row.file.removeprefix("file://") for row in touched]
    session.sql("select file from ranked where nth = 2").distinct().createOrReplaceTempView("touched")
    rows = session.sql(
        f"""select {columns} from ranked left semi join (select file from touched union select null) t on ranked.file <=> t.file
            where nth = 1 and Op <> 'D'"""
    )
    writer = rows.coalesce(max(1, len(old))).write.mode("append")
    (writer.partitionBy(partition) if partition else writer).parquet(table)
    for path in old:
        os.remove(path)


def main(step, table, *rest):
    if step == "files":
        print("\n".join(files_of(table)))
        return
    session = open_session(delta=False)
    (load if step == "load" else merge)(session, table, rest[0].split(","), rest[1], list(rest[2:]))
    session.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])

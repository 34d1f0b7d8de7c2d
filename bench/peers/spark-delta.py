"""Delta Lake on Spark: spark-delta.py load | merge <table> <keys, by commas> <partition column> <file>…, files <table>."""

import sys
from urllib.parse import unquote, urlparse

from delta.tables import DeltaTable
from spark import last_changes, open_session


def load(session, table, _, partition, files):
    writer = session.read.parquet(*files).write.format("delta")
    (writer.partitionBy(partition) if partition else writer).save(table)


def merge(session, table, keys, partition, files):
    last = last_changes(session, keys, files)
    first = keys[0]
    low, high = last.selectExpr(f"min({first})", f"max({first})").first()
    same = " and ".join(f"t.{key} = s.{key}" for key in keys)
    predicate = f"{same} and t.{first} >= {low!r} and t.{first} <= {high!r}"
    if partition:
        touched = [row[0] for row in last.select(partition).distinct().collect()]
        predicate += f" and t.{partition} = s.{partition} and t.{partition} in ({', '.join(map(repr, touched))})"
    values = {name: f"s.{name}" for name in last.columns if name != "Op"}
    (
        DeltaTable.forPath(session, table)
        .alias("t")
        .merge(last.alias("s"), predicate)
        .whenMatchedDelete("s.Op = 'D'")
        .whenMatchedUpdate(set=values)
        .whenNotMatchedInsert("s.Op <> 'D'", values=values)
        .execute()
    )


def main(step, table, *rest):
    session = open_session(delta=True)
    if step == "files":
        paths = session.read.format("delta").load(table).inputFiles()
        print("\n".join(unquote(urlparse(path).path) for path in paths))
    else:
        (load if step == "load" else merge)(session, table, rest[0].split(","), rest[1], list(rest[2:]))
    session.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])

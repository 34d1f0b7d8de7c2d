"""Reads typed tables with Spark: in and out as engines.py, but the columns to filter are those of `probe`, by their least and greatest value."""

import decimal
import json
import pathlib
import sys

import pyspark.sql
from engines import sql_literal, text

SPARK_TYPES = {"byte": "tinyint", "short": "smallint", "long": "bigint"}


def main(jars):
    session = (
        pyspark.sql.SparkSession.builder.master("local[2]")
        .config("spark.jars", ",".join(str(jar) for jar in pathlib.Path(jars).glob("*.jar")))
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.databricks.delta.snapshotPartitions", "1")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "1g")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    for read in json.load(sys.stdin):
        frame = session.read.format("delta" if read["kind"] == "delta" else "parquet").load(read["path"])
        types = read["types"]
        shown_rows = frame.selectExpr("id", *(shown(name, lake) for name, lake in types.items())).collect()
        rows = [read_back(row, types) for row in shown_rows]
        text_rows = [{name: text(row[name], lake) for name, lake in {"id": "integer", **types}.items()} for row in rows]
        missed = list(misses(frame, rows, {name: types[name] for name in read["probe"]}))
        print(json.dumps({"rows": text_rows, "misses": missed}), flush=True)
    session.stop()


def shown(name, lake):
    """As text what does not come over as it is: a Python time has no year 1 in every zone, and PySpark gives `1E-10` two digits more."""
    if lake == "timestamp":
        return f"date_format(`{name}`, \"yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'\") as `{name}`"
    return f"cast(`{name}` as string) as `{name}`" if lake.startswith("decimal") else f"`{name}`"


def read_back(row, types):
    def value(name, shown_value):
        is_decimal = types.get(name, "").startswith("decimal") and shown_value is not None
        return decimal.Decimal(shown_value) if is_decimal else shown_value

    return {name: value(name, shown_value) for name, shown_value in row.asDict().items()}


def misses(frame, rows, types):
    for name, lake in types.items():
        values = [row[name] for row in rows if row[name] is not None and row[name] == row[name]]
        for value in (min(values), max(values)):
            expected = sorted(row["id"] for row in rows if row[name] == value)
            literal = sql_literal(value, lake, SPARK_TYPES, "cast({text} as {type})")
            found = sorted(row["id"] for row in frame.where(f"`{name}` = {literal}").select("id").collect())
            if found != expected:
                yield [name, text(value, lake), found, expected]


if __name__ == "__main__":
    main(sys.argv[1])

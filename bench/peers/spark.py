"""Spark on this machine's cores, for the peers that run on it. SPARK_JARS: the folder of Delta's jars."""

import os
import pathlib

from pyspark.sql import SparkSession


def open_session(*, delta):
    builder = (
        SparkSession.builder.master("local[*]")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    )
    if delta:
        jars = pathlib.Path(os.environ["SPARK_JARS"]).glob("*.jar")
        builder = (
            builder.config("spark.jars", ",".join(map(str, jars)))
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        )
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def last_changes(session, keys, files):
    """The last change of each key of the batch."""
    session.read.parquet(*files).createOrReplaceTempView("changes")
    return session.sql(
        f"""select * except (seq, committed, nth) from (
             select *, row_number() over (partition by {", ".join(keys)} order by seq desc) as nth from changes)
           where nth = 1"""
    )

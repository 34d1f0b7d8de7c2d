"""Writes typed tables by pyarrow. Standard input: one JSON list of `{path, columns: [{name, file, texts}], options}`, `file` and `texts` as in dms-types.ts."""

import datetime
import decimal
import json
import sys

import pyarrow
import pyarrow.parquet


def main():
    for wanted in json.load(sys.stdin):
        arrays = {column["name"]: array(column["file"], column["texts"]) for column in wanted["columns"]}
        pyarrow.parquet.write_table(pyarrow.table(arrays), wanted["path"], row_group_size=4, **wanted["options"])


def array(file, texts):
    kind = file["kind"]
    convert, arrow_type = {
        "boolean": lambda: (lambda text: text == "true", pyarrow.bool_()),
        "integer": lambda: (int, getattr(pyarrow, f"{'' if file['signed'] else 'u'}int{file['bits']}")()),
        "float": lambda: (float, pyarrow.float32()),
        "double": lambda: (float, pyarrow.float64()),
        "decimal": lambda: (decimal.Decimal, pyarrow.decimal128(file["precision"], file["scale"])),
        "date": lambda: (datetime.date.fromisoformat, pyarrow.date32()),
        "time": lambda: time_type(file["unit"]),
        "timestamp": lambda: timestamp_type(file["unit"], "UTC" if file["logical"] == "utc" else None),
        "string": lambda: (str, pyarrow.string()),
        "binary": lambda: (bytes.fromhex, pyarrow.binary()),
    }[kind]()
    return pyarrow.array([None if text is None else convert(text) for text in texts], arrow_type)


def time_type(unit):
    midnight = datetime.datetime.combine(datetime.date.min, datetime.time())
    if unit == "MILLIS":
        return lambda text: micros(datetime.datetime.combine(datetime.date.min, datetime.time.fromisoformat(text)) - midnight) // 1000, pyarrow.time32("ms")
    return datetime.time.fromisoformat, pyarrow.time64("us")


def timestamp_type(unit, zone):
    epoch = datetime.datetime(1970, 1, 1)
    step, name = (1000, "ms") if unit == "MILLIS" else (1, "us")
    return lambda text: micros(datetime.datetime.fromisoformat(text[:-1]) - epoch) // step, pyarrow.timestamp(name, zone)


def micros(span):
    return span // datetime.timedelta(microseconds=1)


if __name__ == "__main__":
    main()

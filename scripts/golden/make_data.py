#!/usr/bin/env python3
"""Parquet files as pyarrow writes them, and the same rows as JSON.

    pip install pyarrow
    python3 scripts/golden/make_data.py test/golden/fixtures/data

typed.parquet    every kind of column that metadata can hold, with nulls, lists and groups beside them; two rows a group; the note of
                 Hugging Face's datasets that names the classes of the integers in "label" and "grade"
<codec>.parquet  one text and one label column, compressed with snappy, gzip, brotli, zstd and lz4, dictionary-encoded and plain
rows.json        {file: [{column: value}, …]} of all of them: what a reader should give. Class numbers are names, -1 is null, integers that
                 float64 cannot hold are strings, dates ISO strings in UTC, NaN and null are null; lists and groups are left out

Two runs with one version of pyarrow write the same bytes.
"""
import datetime, json, os, sys
import pyarrow as pa
import pyarrow.parquet as pq

TEXTS = ["Where is my card?", "naïve café 🍄", "  kept to the letter \n", "\ufeffa byte order mark", "tab\tand \u2028 line separator"]
NAMES = ["card", "other", "never used"]
UTC = datetime.timezone.utc


def typed():
    columns = {
        "text": pa.array(TEXTS, pa.string()),
        "label": pa.array([0, 1, 0, 1, 0], pa.int64()),
        "grade": pa.array([1, -1, 0, None, 0], pa.int8()),
        "topic": pa.array(["a", "b", "a", None, "b"]).dictionary_encode(),
        "small": pa.array([1, -2, 3, None, 5], pa.int16()),
        "unsigned": pa.array([4294967295, 0, 1, None, 2], pa.uint32()),
        "large": pa.array([9007199254740991, 9007199254740993, -9223372036854775808, None, 0], pa.int64()),
        "score": pa.array([0.5, -0.25, float("nan"), None, 1e300], pa.float64()),
        "single": pa.array([0.5, 1.5, -2.0, None, 0.0], pa.float32()),
        "sure": pa.array([True, False, True, None, False], pa.bool_()),
        "day": pa.array([datetime.date(2024, 5, 3), datetime.date(1969, 12, 31), None, None, datetime.date(1970, 1, 1)]),
        "time": pa.array([datetime.datetime(2024, 5, 3, 1, 2, 3, 4000, UTC), None, None, None, None], pa.timestamp("us", "UTC")),
        "blob": pa.array([b"plain text", b"\xff\xfe", None, b"", b"x"], pa.binary()),
        "wide": pa.array(TEXTS, pa.large_string()),
        "tags": pa.array([["a"], [], None, ["b", "c"], ["d"]], pa.list_(pa.string())),
        "image": pa.array([{"bytes": b"\x00", "path": "p"}] * 5, pa.struct({"bytes": pa.binary(), "path": pa.string()})),
    }
    features = {
        "label": {"names": NAMES, "_type": "ClassLabel"},
        "grade": {"names": ["low", "high"], "id": None, "_type": "ClassLabel"},
        "text": {"dtype": "string", "_type": "Value"},
    }
    note = json.dumps({"info": {"features": features}}).encode()
    return pa.table(columns).replace_schema_metadata({"huggingface": note})


def value(name, cell):
    if name == "label":
        return NAMES[cell]
    if name == "grade":
        return None if cell in (None, -1) else ["low", "high"][cell]
    if isinstance(cell, datetime.datetime):
        return cell.strftime("%Y-%m-%dT%H:%M:%S.") + f"{cell.microsecond // 1000:03d}Z"
    if isinstance(cell, datetime.date):
        return cell.strftime("%Y-%m-%dT00:00:00.000Z")
    if isinstance(cell, bytes):
        try:
            return cell.decode()
        except UnicodeDecodeError:
            return {"bytes": list(cell)}
    if isinstance(cell, float) and cell != cell:
        return None
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) > 2**53 - 1:
        return str(cell)
    return cell


def main(folder):
    os.makedirs(folder, exist_ok=True)
    table = typed()
    pq.write_table(table, os.path.join(folder, "typed.parquet"), row_group_size=2, compression="snappy")
    rows = {"typed": [{k: value(k, c) for k, c in row.items() if k not in ("tags", "image")} for row in table.to_pylist()]}
    for i, codec in enumerate(["snappy", "gzip", "brotli", "zstd", "lz4"]):
        # Long and repetitive enough that the codecs really compress, and refer back.
        texts = [f"{codec} text {n} " + "and the same words again " * (n % 7) for n in range(20)]
        small = pa.table({"text": texts, "label": [["a", "b", "c"][n % 3] for n in range(20)]})
        pq.write_table(small, os.path.join(folder, f"{codec}.parquet"), compression=codec, use_dictionary=i % 2 == 0, data_page_version="2.0" if i > 2 else "1.0")
        rows[codec] = small.to_pylist()
    with open(os.path.join(folder, "rows.json"), "w") as file:
        json.dump(rows, file, ensure_ascii=True)
        file.write("\n")


main(sys.argv[1])

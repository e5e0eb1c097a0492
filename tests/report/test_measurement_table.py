"""Tables of measurements on disk."""

import csv
import importlib.util
import math

import numpy as np
import pytest
import soundfile as sf
from builders import speech

from diag.api.analyze import analyze_all
from diag.core.errors import BadInputError
from diag.report.measurement_table import check_table, write_table


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    sf.write(folder / "a.wav", speech(2.0, 1, 24000), 24000)
    sf.write(folder / "b.wav", np.roll(speech(2.0, 1, 24000), 500), 24000)
    (folder / "c.wav").write_text("no audio")
    return analyze_all([folder], reference=folder / "a.wav")


def test_csv_holds_every_measurement(results, tmp_path):
    write_table(tmp_path / "t.csv", results)
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines(keepends=True)))
    peaks = [(row["recording"], row["of"]) for row in rows if row["metric"] == "peak_dbfs"]
    assert peaks == [("a.wav", "recording"), ("b.wav", "recording")]
    assert {row["of"] for row in rows if row["metric"] == "skipped_s"} == {"pair"}
    (bands, _) = [row["value"] for row in rows if row["metric"] == "dullness_bands_db" and row["tier"] == "waveform"]
    assert [math.isfinite(float(item)) for item in bands.split(";")] == [True] * 4
    (refused,) = [row for row in rows if row["recording"] == "c.wav"]
    assert "Could not read" in refused["reason"]
    assert refused["metric"] == refused["value"] == ""


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")
def test_parquet_holds_the_same(results, tmp_path):
    import pandas as pd

    write_table(tmp_path / "t.parquet", results)
    frame = pd.read_parquet(tmp_path / "t.parquet")
    assert len(frame) == sum(len(list(result.rows())) for result in results)
    assert frame["value"].dtype == "float64"
    bands = frame[(frame["metric"] == "dullness_bands_db") & (frame["tier"] == "waveform")]["values"]
    assert [len(item) for item in bands] == [4, 4]


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is not None, reason="pyarrow is installed")
def test_parquet_without_its_library_says_what_to_do(tmp_path):
    with pytest.raises(BadInputError, match=r"pyarrow is not installed.*diag\[parquet\]"):
        check_table(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("name", "words"), [("t.xlsx", "write for example t.csv"), ("none/t.csv", "there is no folder"), ("t", "suffix")]
)
def test_tables_that_cannot_be_written(tmp_path, name, words):
    with pytest.raises(BadInputError, match=words):
        check_table(tmp_path / name)


def test_a_table_that_fails_to_be_written(results, tmp_path):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(BadInputError, match="name another file"):
        write_table(tmp_path / "t.csv", results)

"""docs/accuracy.csv: nothing is lost on the way, and the pages are made of it."""

from pathlib import Path

import pytest

from benchmarks.accuracy.page import TIERS, written
from benchmarks.accuracy.table import read_rows, write_rows

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROWS = [
    {"part": "a", "measure": "m", "tier": "blind", "condition": 'with, commas and "quotes"', "goal": "at least 99 %",
     "half": "development", "trials": 12, "found": "100.0 % (12 of 12)", "reached": True, "outside": []},
    {"part": "a", "measure": "m", "tier": "blind", "condition": 'with, commas and "quotes"', "goal": "at least 99 %",
     "half": "held-out", "trials": 3, "found": "33.3 % (1 of 3)", "reached": False, "outside": ["x 1", "y, 2"]},
    {"part": "b", "measure": "n", "tier": "profile", "condition": "one half", "goal": "", "half": "held-out",
     "trials": 1, "found": "–", "reached": None, "outside": []},
]  # fmt: skip


def test_rows_come_back_as_they_were(tmp_path):
    write_rows(ROWS, tmp_path / "a.csv")
    assert read_rows(tmp_path / "a.csv") == ROWS
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 3
    assert read_rows(tmp_path / "none.csv") == []


def test_the_committed_rows_are_written_as_they_are(tmp_path):
    write_rows(read_rows(), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == (DOCS / "accuracy.csv").read_bytes()


@pytest.mark.parametrize("tier", TIERS)
def test_the_page_shows_the_committed_rows(tier):
    rows = [row for row in read_rows() if row["tier"] == tier]
    lines = [line for line in written(rows, []).splitlines() if line.startswith("|")]
    page = (DOCS / "accuracy.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 8
    assert [line for line in lines if line not in page and "| 0 |" not in line] == [], "run `make ears`"

"""The rows of the accuracy table on disk: docs/accuracy.csv, one line per condition with both halves of the voices."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
TABLE = DOCS / "accuracy.csv"
HALVES = ("development", "held-out")
_OF_BOTH = ("part", "measure", "tier", "condition", "goal")
_OF_ONE = ("trials", "found", "reached", "outside")
_BETWEEN = " | "
_REACHED = {"yes": True, "no": False, "": None}
_WORD = {reached: word for word, reached in _REACHED.items()}


def read_rows(path: Path = TABLE) -> list[dict[str, Any]]:
    """Return the rows as `Board.to_json` gives them, each with its `part`; none where there is no file.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    if not path.is_file():
        return []
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file, strict=True):
            for half in HALVES:
                trials, found, reached, outside = (line[f"{half} {name}"] for name in _OF_ONE)
                if trials:
                    row: dict[str, Any] = {name: line[name] for name in _OF_BOTH}
                    row |= {"half": half, "trials": int(trials), "found": found, "reached": _REACHED[reached]}
                    rows.append(row | {"outside": outside.split(_BETWEEN) if outside else []})
    return rows


def write_rows(rows: Iterable[Mapping[str, Any]], path: Path = TABLE) -> None:
    """Write rows, in their order.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        both = {name: str(row[name]) for name in _OF_BOTH}
        line = lines.setdefault(tuple(both.values()), both)
        cells = (str(row["trials"]), row["found"], _WORD[row["reached"]], _BETWEEN.join(row["outside"]))
        line |= {f"{row['half']} {name}": cell for name, cell in zip(_OF_ONE, cells, strict=True)}
    columns = [*_OF_BOTH, *(f"{half} {name}" for half in HALVES for name in _OF_ONE)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines.values())

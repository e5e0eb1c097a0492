"""How right the measures are on known faults of every voice at hand: `make ears`.

Each part of the table runs in a process of its own, with its own seed, so that a part alone gives the same rows.
`--write` brings the rows of the parts that ran into docs/accuracy.csv and docs/accuracy.md; those of other parts stay
as they were. Exit code 1 where a goal is missed.

    python -m benchmarks.accuracy [--part NAME] [--write]
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 (threads are limited before it loads)

from benchmarks import mos_page  # noqa: E402
from diag.core.processes import cores  # noqa: E402

from .board import Board  # noqa: E402
from .page import written  # noqa: E402
from .table import DOCS, TABLE, read_rows, write_rows  # noqa: E402
from .voices import HALVES, voices  # noqa: E402

HERE = Path(__file__).resolve().parent
NO_PARTS = {"__main__", "__init__", "voices", "faults", "board", "page", "processing", "non_speech", "table"}


def parts() -> list[str]:
    """The modules of this folder that have rows to add, in order of name."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_PARTS)


def rows_of(part: str, seed: int) -> list[dict[str, object]]:
    """Run one part."""
    board = Board()
    random = np.random.default_rng([seed, zlib.crc32(part.encode())])
    start_s = time.perf_counter()
    importlib.import_module(f"{__package__}.{part}").run(board, voices(), random)
    print(f"{part}: {time.perf_counter() - start_s:.0f} s", flush=True)
    return [{"part": part, **row} for row in board.to_json()]


def with_parts_that_stand(rows: list[dict[str, object]], ran: Sequence[str], before: Path) -> list[dict[str, object]]:
    """The rows, and those of parts that did not run this time, in order of part."""
    stands = set(parts()) - set(ran)
    kept = [row for row in read_rows(before) if row["part"] in stands]
    return sorted([*rows, *kept], key=lambda row: str(row["part"]))


def main() -> int:
    """Print the table; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=parts(), help="only this one; may be given several times")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="bring docs/accuracy.csv and docs/accuracy.md up to date")
    chosen = parser.parse_args()
    for half in HALVES:
        mine = [voice for voice in voices() if voice.half == half]
        real = sum(voice.real for voice in mine)
        print(
            f"{half}: {len(mine)} recordings of {len({voice.speaker for voice in mine})} speakers, "
            f"{real} of them real or neural"
        )
    names: Sequence[str] = chosen.part or parts()
    with ProcessPoolExecutor(max_workers=min(len(names), cores())) as pool:
        rows = [row for part in pool.map(rows_of, names, [chosen.seed] * len(names)) for row in part]
    if chosen.write:
        rows = with_parts_that_stand(rows, names, TABLE)
        write_rows(rows)
        (DOCS / "accuracy.md").write_text(written(rows, voices()), encoding="utf-8")
        mos_page.write(rows, DOCS)
    missed = sum(row["reached"] is False for row in rows)
    print(f"\n{len(rows)} rows, {sum(row['reached'] is True for row in rows)} reached, {missed} missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

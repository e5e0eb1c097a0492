"""How right verdicts are on recordings with known faults and on healthy ones: `make accuracy`.

Faults in strengths from barely audible to gross, on real voices where there are some, over several backgrounds, go
through `diag.analyze` with their reference, alone, or against the profile of their voice. Thresholds are chosen on one
half of the voices and reported on the other. Exit code 1 where a planted fault above its stated strength was called
good, or a healthy recording an error.

    python -m benchmarks.accuracy [--size small|full|smoke] [--half development|held-out] [--only NAME] [--write]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 (threads are limited before it loads)

from diag.core.processes import cores  # noqa: E402

from . import page  # noqa: E402
from .trials import FAULTS_OF, SIZES, Record, Task, recordings, runner, tasks  # noqa: E402
from .voices import HALVES, HELD_OUT  # noqa: E402

DOCS = Path(__file__).resolve().parents[2] / "docs"
_TOLD_EVERY_S = 20.0


def main() -> int:
    """Run the trials and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="small", help="how many trials (default: small)")
    parser.add_argument("--half", choices=HALVES, default=HELD_OUT, help="which voices (default: held-out)")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this fault, process or group of trials")
    parser.add_argument("--background", help="only trials over this background")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop then, and write what there is")
    parser.add_argument("--misses", action="store_true", help="print each trial that went wrong as it comes")
    parser.add_argument("--write", action="store_true", help="write docs/accuracy.md")
    chosen = parser.parse_args()
    mine = [
        task for task in tasks(SIZES[chosen.size])
        if (not chosen.only or task.name in chosen.only or task.group.value in chosen.only)
        and (not chosen.background or task.background == chosen.background)
    ]  # fmt: skip
    if not mine:
        parser.error(f"nothing is called {' or '.join(chosen.only or [chosen.background])}")
    every = recordings(chosen.half)
    told = page.voices_in_words(every, chosen.half)
    print(f"{len(mine)} trials on {told}", flush=True)
    # In random order, so that a part of the trials stands for all of them.
    np.random.default_rng(chosen.seed).shuffle(mine)
    start_s = time.perf_counter()
    with ProcessPoolExecutor(max_workers=chosen.workers) as pool:
        results = pool.map(runner(chosen.half, chosen.seed), mine)
        records, tried = _counted(results, len(mine), last_s=start_s + 60 * chosen.minutes, misses=chosen.misses)
        pool.shutdown(wait=False, cancel_futures=True)
    command = f"make accuracy SIZE={chosen.size}"
    if tried < len(mine) or chosen.only:
        command += f", {tried} of {len(list(tasks(SIZES[chosen.size])))} trials of it"
    text = page.written(
        records, voices=told, command=command, seed=chosen.seed, minutes=(time.perf_counter() - start_s) / 60
    )
    print(text)
    if chosen.write:
        (DOCS / "accuracy.md").write_text(text, encoding="utf-8")
    return int(any(page.wrong_good(record) for record in records) or any(page.false_errors(records)))


def _counted(results: Iterable[Record | None], count: int, *, last_s: float, misses: bool) -> tuple[list[Record], int]:
    """Return the records and how many trials there were until `last_s`, and print the progress."""
    begin_s = told_s = time.perf_counter()
    records: list[Record] = []
    done = 0
    for done, record in enumerate(results, 1):
        now_s = time.perf_counter()
        if now_s - told_s > _TOLD_EVERY_S or done == count:
            told_s = now_s
            left_min = (now_s - begin_s) / done * (count - done) / 60
            print(f"{done} of {count} trials, about {left_min:.0f} min left", file=sys.stderr, flush=True)
        if record is not None:
            records.append(record)
            if misses and page.is_miss(record):
                print(_in_words(record.task), record.voice, record.codes, "GOOD" if record.good else "",
                      record.size, record.measured, record.events, flush=True)  # fmt: skip
        if now_s > last_s:
            break
    return records, done


def _in_words(task: Task) -> str:
    fault = FAULTS_OF.get(task.group, {}).get(task.name)
    strength = f" {task.strength:g}{' stated' if fault.is_stated(task.strength) else ''}" if fault else ""
    return f"{task.group}: {task.name}{strength}, {task.background}:"


if __name__ == "__main__":
    sys.exit(main())

"""Time and page size of `diag history` over many runs, which are made of the results of a saved one.

    python benchmarks/history_speed.py reports/runs/20261122-140500-healthy-7f3a --runs 1000 --takes 5

Prints wall time and CPU time of the table without its cache and with it, and the size of the page.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from diag.files.run_folders import RESULT_NAME


def make_runs(saved: Path, folder: Path, *, runs: int, takes: int) -> None:
    """Make run folders with a number of results each, an hour apart, in a folder that does not exist."""
    results = sorted(saved.glob(f"takes/[!.]*/{RESULT_NAME}"))
    facts = json.loads((saved / "run.json").read_text(encoding="utf-8"))
    for number in range(runs):
        run = folder / f"run-{number:06d}"
        for take in range(takes):
            place = run / "takes" / f"{take + 1:04d}"
            place.mkdir(parents=True)
            shutil.copy(results[(number + take) % len(results)], place)
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_767_225_600 + 3600 * number))
        (run / "run.json").write_text(json.dumps({**facts, "made": made}), encoding="utf-8")


def timed(*words: str) -> str:
    """Return wall and CPU time of one `diag history`."""
    begun_s, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-m", "diag", "history", *words], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return f"{time.perf_counter() - begun_s:.2f} s, of which CPU {cpu_s:.2f} s"


def main() -> None:
    """Make the runs and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a saved run, whose results are copied")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--takes", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, page = Path(temporary) / "runs", Path(temporary) / "history.html"
        make_runs(given.run, folder, runs=given.runs, takes=given.takes)
        for what in ("first", "again", "again"):
            print(f"{what}: {timed(str(folder))}")
        print(f"page: {timed(str(folder), '--html', str(page))}, {page.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

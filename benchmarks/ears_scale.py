"""How the measures scale: memory of long files, and how well many short files use all cores.

python -m benchmarks.ears_scale [--files 1000] [--minutes 60] [--hours-of-stereo 3]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import soundfile as sf

from benchmarks.ears_speed import COMMAND, RATE_HZ, child, sixty_seconds, told

SHORT_S = (3.0, 5.0)
"""Shortest and longest of the short files."""
ROUNDS = 3
EFFICIENCY_LIMIT = 90.0
GROWTH_LIMIT_MB = 30.0


def long_file(path: Path, minutes: int, *, rate_hz: int = RATE_HZ, channels: int = 1, lead_s: float = 0.0) -> None:
    """Minutes of the project's replies, in another order each minute, after some silence."""
    import soxr

    sound = soxr.resample(sixty_seconds(), RATE_HZ, rate_hz)
    rng = np.random.default_rng(1)
    with sf.SoundFile(path, "w", rate_hz, channels, "PCM_16") as file:
        file.write(np.zeros((round(lead_s * rate_hz), channels), np.float32))
        for _ in range(minutes):
            part = np.roll(sound, int(rng.integers(sound.size))) * np.float32(rng.uniform(0.5, 1.0))
            file.write(part[:, None] * np.linspace(1.0, 0.5, channels, dtype=np.float32))


def memory(folder: Path, minutes: int, hours_of_stereo: int) -> bool:
    """Peak memory of `diag analyze` for files of different lengths; whether it stays the same.

    Against a reference it is compared from the long file on: transforms of whole stretches keep tables for the last 16
    lengths that they met, which takes up to an hour to fill.
    """

    def peak_mb(count: int, *, pair: bool) -> float:
        path, late = folder / f"{count}.wav", folder / f"{count}-late.wav"
        long_file(path, count)
        words = [str(path)]
        if pair:
            long_file(late, count, lead_s=0.7)
            words = [str(late), "--reference", str(path)]
        cpu_s, mb = child(COMMAND, "analyze", *words)
        path.unlink()
        late.unlink(missing_ok=True)
        print(
            f"    {count} min {'against a reference' if pair else 'alone'}: {mb:.0f} MB, {cpu_s:.1f} s CPU", flush=True
        )
        return mb

    reached = True
    for pair, short, long in ((False, minutes // 6, minutes), (True, minutes, 2 * minutes)):
        grown = peak_mb(long, pair=pair) - peak_mb(short, pair=pair)
        name = "against a reference" if pair else "alone"
        reached &= told(f"memory that grows from {short} to {long} min, {name}", grown, GROWTH_LIMIT_MB, "MB")
    if hours_of_stereo:
        path = folder / "stereo.wav"
        long_file(path, 60 * hours_of_stereo, rate_hz=48000, channels=2)
        cpu_s, mb = child(COMMAND, "analyze", str(path))
        print(f"    {hours_of_stereo} h of 48 kHz stereo: {mb:.0f} MB, {cpu_s:.0f} s CPU", flush=True)
        path.unlink()
    return reached


@dataclass(frozen=True)
class Used:
    """A worker process, its CPU time in seconds, and its peak memory in MB, after one more file."""

    process: int
    cpu_s: float
    peak_mb: float


def measure(_given: None) -> Callable[[Path], Used]:
    """Return a function that measures a file in a worker process and returns what the process has used so far."""
    from diag.api.analyze import analyze

    def work(path: Path) -> Used:
        analyze(path)
        return Used(os.getpid(), time.process_time(), peak_mb_of_this_process())

    return work


def peak_mb_of_this_process() -> float:
    """Return the kernel's high-water mark of this process in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def fail(path: Path, reason: str) -> Used:
    """Stop the benchmark: every file must be measured."""
    raise RuntimeError(f"{path}: {reason}")


def short_files(folder: Path, files: int) -> list[Path]:
    """Write files of 3 to 5 s of the project's replies, and return their paths."""
    sound = sixty_seconds()
    rng = np.random.default_rng(1)
    paths = []
    for index in range(files):
        length = round(rng.uniform(*SHORT_S) * RATE_HZ)
        first = int(rng.integers(sound.size - length))
        paths.append(folder / f"{index:04d}.wav")
        sf.write(paths[-1], sound[first : first + length], RATE_HZ, subtype="PCM_16")
    return paths


def efficiency(folder: Path, files: int) -> bool:
    """Measure short files in one process per core, against the CPU time of one process over the number of cores.

    Other work on the machine makes times by the clock useless, so CPU times are compared: on an idle machine the work
    lasts as long as its workers and this process take together, over the number of cores, after the time that the
    server process takes to load what the workers share. The time by the clock is printed too.
    """
    from diag.api.analyze import analyze, preloaded
    from diag.api.process_pool import LocalWorkers, run_all
    from diag.core.processes import cores

    paths = short_files(folder, files)

    def alone_s() -> float:
        start = time.process_time()
        for path in paths:
            analyze(path)
        return time.process_time() - start

    for path in paths[:20]:
        analyze(path)
    shared = preloaded(False)
    shares, times_s = [], []
    before_s = alone_s()
    for _ in range(ROUNDS):
        begun_s, own_begun_s = time.perf_counter(), time.process_time()
        used = run_all(measure, None, paths, LocalWorkers(cores(), preload=shared), failed=fail)
        wall_s, own_s = time.perf_counter() - begun_s, time.process_time() - own_begun_s
        loading_s = child(f"import {', '.join(shared)}; print(0)")[0]
        last = {item.process: item for item in used}
        after_s = alone_s()
        # Other work on the machine slows every process down by turns: the mean of before and after.
        single_s, before_s = (before_s + after_s) / 2, after_s
        lasts_s = (sum(item.cpu_s for item in last.values()) + own_s) / cores() + loading_s
        shares.append(100 * single_s / cores() / lasts_s)
        times_s.append(100 * single_s / cores() / wall_s)
        print(f"    {files} files of {SHORT_S[0]:g} to {SHORT_S[1]:g} s, one process: {single_s:.1f} s CPU; "
              f"{cores()} workers: {' + '.join(f'{item.cpu_s:.1f}' for item in last.values())} s CPU, this process "
              f"{own_s:.1f} s, loading {loading_s:.1f} s; {wall_s:.1f} s by the clock, {times_s[-1]:.0f} % of the "
              f"ideal (load {os.getloadavg()[0]:.1f})", flush=True)  # fmt: skip
    peaks = ", ".join(f"{item.peak_mb:.0f}" for item in last.values())
    print(f"    peak memory: workers {peaks} MB each, this process {peak_mb_of_this_process():.0f} MB")
    return told(f"{files} short files, share of the ideal", median(shares), EFFICIENCY_LIMIT, "%", least=True)


def main() -> int:
    """Print the figures; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--hours-of-stereo", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        reached = [efficiency(Path(name), options.files)] if options.files else []
        reached.append(memory(Path(name), options.minutes, options.hours_of_stereo))
    return int(not all(reached))


if __name__ == "__main__":
    sys.exit(main())

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
from pathlib import Path

import numpy as np
import soundfile as sf

from benchmarks.ears_speed import COMMAND, RATE_HZ, child, sixty_seconds, told

SHORT_S = 3.0
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


def prepared(_given: None) -> Callable[[Path], tuple[int, float]]:
    """Measures a file in a process of the crew, and tells which process it is and how much CPU time it has used."""
    from diag.api.analyze import analyze

    def work(path: Path) -> tuple[int, float]:
        analyze(path)
        return os.getpid(), time.process_time()

    return work


def efficiency(folder: Path, files: int) -> bool:
    """Short files through all cores, against the CPU time that one process takes for them over the number of cores.

    On an idle machine the work lasts as long as its processes take on average, after the time to load what they share.
    """
    from diag.api.analyze import analyze, preloaded
    from diag.api.process_pool import through_all_cores
    from diag.core.processes import cores

    sound = sixty_seconds()
    paths = []
    for index in range(files):
        first = (index * 997 * 24) % (sound.size - round(SHORT_S * RATE_HZ))
        paths.append(folder / f"{index:04d}.wav")
        sf.write(paths[-1], sound[first : first + round(SHORT_S * RATE_HZ)], RATE_HZ, subtype="PCM_16")

    def alone_s() -> float:
        start = time.process_time()
        for path in paths:
            analyze(path)
        return time.process_time() - start

    for path in paths[:20]:
        analyze(path)
    before_s = alone_s()
    begun = time.perf_counter()
    shared = preloaded(False)
    used = through_all_cores(prepared, None, paths, lost=lambda _path, _code: (0, 0.0), preload=shared)
    wall_s = time.perf_counter() - begun
    loading_s = child(f"import {', '.join(shared)}; print(0)")[0]
    each_s = [max(taken for own, taken in used if own == process) for process in {process for process, _ in used}]
    lasts_s = sum(each_s) / cores() + loading_s
    # Other work on the machine slows every process down by turns: the mean of before and after.
    single_s = (before_s + alone_s()) / 2
    print(f"    {files} files of {SHORT_S:g} s, one process: {single_s:.1f} s CPU; {cores()} processes: "
          f"{' + '.join(f'{taken:.1f}' for taken in each_s)} s CPU, loading {loading_s:.1f} s; {wall_s:.1f} s by the "
          f"clock (load {os.getloadavg()[0]:.1f})")  # fmt: skip
    share = 100 * single_s / cores() / lasts_s
    return told(f"{files} short files, share of the ideal", share, EFFICIENCY_LIMIT, "%", least=True)


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

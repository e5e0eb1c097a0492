"""How fast the measures are: 60 s of 24 kHz mono on one core, beside other tools on the same file in the same run.

Times are CPU time (user and system), which other work on the machine does not change much.

    python -m benchmarks.ears_speed [--profile] [--no-peers]
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
for _threads in THREADS:
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 (threads are limited before it loads)

SECONDS = 60
RATE_HZ = 24000
BLIND_LIMIT_S, HOP_LIMIT_S, PAIR_LIMIT_S, WHOLE_LIMIT_S, MEMORY_LIMIT_MB = 0.150, 0.300, 0.400, 1.2, 120.0

_PEAK = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) / 1024)
"""
"""The kernel's own high-water mark of this program: the figure of getrusage is that of its parent where it is less."""
_BLIND_ALONE = f"""
import sys
from diag.measure.engine import measure_clip
from diag.files.audio_files import read_wav
measured = measure_clip(read_wav(sys.argv[1]))
assert any(item.value is not None for item in measured)
{_PEAK}"""
COMMAND = f"""
import sys
from diag.__main__ import call
assert call(sys.argv[1:]) in (0, 1)
{_PEAK}"""


def best_of(times: int, work: Callable[[], object]) -> float:
    """Shortest CPU time of some runs, in seconds: other processes do not count."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def sixty_seconds() -> np.ndarray:
    """The project's replies one after the other, with pauses."""
    from diag.files.audio_files import read_wav
    from diag.files.scenario_folders import built_in_folder

    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < SECONDS * RATE_HZ:
        for path in sorted(built_in_folder().glob("replies/*.wav")):
            parts += [read_wav(path).samples, np.zeros(RATE_HZ // 4, np.float32)]
    return np.concatenate(parts)[: SECONDS * RATE_HZ]


def child(code: str, *words: str) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of a program whose last line tells the latter."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, float(done.stdout.splitlines()[-1])


def told(name: str, value: float, limit: float, unit: str, more: str = "", *, least: bool = False) -> bool:
    """Print one goal with its limit; whether it was reached."""
    reached = value >= limit if least else value <= limit
    sign = ">=" if least else "<="
    print(
        f"{name:<56}{value:8.0f} {unit:<3} {sign} {limit:.0f} {unit:<3} {'reached' if reached else 'MISSED':<8}{more}",
        flush=True,
    )
    return reached


def goals(path: Path, samples: np.ndarray, *, profile: bool) -> Iterator[bool]:
    """Measure and print each goal."""
    from diag.core.clip import Clip
    from diag.measure.registry import MetricKind, all_metrics

    taps = [item for item in all_metrics() if item.kind is MetricKind.TAP]
    hops = [item for item in all_metrics() if item.kind is MetricKind.SEGMENT]
    silence = np.zeros(RATE_HZ // 5, np.float32)
    late = np.concatenate((silence, samples, silence))

    def clip(data: np.ndarray) -> Clip:
        return Clip(samples=data, sample_rate_hz=RATE_HZ, start_s=0.0)

    def blind(one: Clip) -> None:
        for item in taps:
            item.function(one)

    def hop(one: Clip, other: Clip) -> None:
        for item in hops:
            item.function(one, other)

    import scipy.fft  # noqa: F401 (loading it is part of the whole process, not of the measures)

    blind_s = best_of(7, lambda: blind(clip(samples)))
    yield told(f"{len(taps)} measures of a recording alone", 1000 * blind_s, 1000 * BLIND_LIMIT_S, "ms",
               f"{SECONDS / blind_s:.0f} x real time")  # fmt: skip

    taken = []
    for _ in range(5):
        # What the measures of the recording alone have worked out is there already.
        one, other = clip(samples), clip(late)
        blind(other)
        taken.append(best_of(1, partial(hop, one, other)))
    yield told(f"{len(hops)} measures of a pair, besides", 1000 * min(taken), 1000 * HOP_LIMIT_S, "ms",
               f"{SECONDS / min(taken):.0f} x real time")  # fmt: skip
    both_s = blind_s + min(taken)
    yield told("both together: a recording and its reference", 1000 * both_s, 1000 * PAIR_LIMIT_S, "ms")
    peaks = [child(_BLIND_ALONE, str(path))[1] for _ in range(3)]
    yield told("memory of a process that measures a recording alone", min(peaks), MEMORY_LIMIT_MB, "MB")
    runs = [child(COMMAND, "analyze", str(path)) for _ in range(5)]
    yield told("`diag analyze one.wav`, whole process", 1000 * min(run[0] for run in runs), 1000 * WHOLE_LIMIT_S, "ms",
               f"{min(run[1] for run in runs):.0f} MB")  # fmt: skip
    if profile:
        _profiled("a recording alone", lambda: blind(clip(samples)))
        _profiled("a pair", lambda: hop(clip(samples), clip(late)))


def _profiled(name: str, work: Callable[[], object]) -> None:
    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(work)
    print(f"\n{name}: where the time goes (the profiler slows small calls down)")
    pstats.Stats(profiler).sort_stats("tottime").print_stats(22)


def beside(path: Path, samples: np.ndarray) -> None:
    """Other tools on the same file, and how many times our blind measures' time they take."""
    from benchmarks.peers import peers
    from diag.files.audio_files import read_wav
    from diag.measure.engine import measure_clip

    ours_s = best_of(5, lambda: measure_clip(read_wav(path)))
    print(f"\n{'the same 60 s, read and measured':<44}{'CPU':>10}{'ours is':>14}")
    print(f"{'diag, all measures of a recording alone':<44}{ours_s:8.3f} s{'1.0 x':>14}")
    for name, seconds, reason in peers(path, samples, RATE_HZ):
        if seconds is None:
            print(f"{name:<44}{reason:>24}")
        else:
            print(f"{name:<44}{seconds:8.3f} s{seconds / ours_s:8.1f} x as fast", flush=True)


def main() -> int:
    """Print the table; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--no-peers", action="store_true", help="leave other tools out")
    options = parser.parse_args()
    from diag.core.clip import Clip
    from diag.files.audio_files import encode_wav

    samples = sixty_seconds()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sixty.wav"
        path.write_bytes(encode_wav(Clip(samples=samples, sample_rate_hz=RATE_HZ), pcm16=True))
        print(f"60 s of {RATE_HZ} Hz mono, CPU time, one thread")
        reached = list(goals(path, samples, profile=options.profile))
        if not options.no_peers:
            beside(path, samples)
    return int(not all(reached))


if __name__ == "__main__":
    sys.exit(main())

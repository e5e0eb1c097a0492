"""How fast the measures are: 60 s of 24 kHz mono on one core, beside other tools where they are installed.

python benchmarks/ears_speed.py
"""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402 (threads are limited before it loads)

SECONDS = 60
RATE_HZ = 24000
BLIND_LIMIT_S, HOP_LIMIT_S, MEMORY_LIMIT_MB = 0.150, 0.300, 120


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
    from diag.prompts import project_folder
    from diag.recordings import read_wav

    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < SECONDS * RATE_HZ:
        for path in sorted(project_folder().glob("replies/*.wav")):
            parts += [read_wav(path).samples, np.zeros(RATE_HZ // 4, np.float32)]
    return np.concatenate(parts)[: SECONDS * RATE_HZ]


def main() -> int:
    """Print times; 1 where a limit is missed."""
    samples = sixty_seconds()
    import scipy.fft  # noqa: F401 (not part of what is measured)

    from diag.clip import Clip
    from diag.registry import all_metrics

    taps = [item for item in all_metrics() if item.taps]
    hops = [item for item in all_metrics() if item.hops]
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    silence = np.zeros(RATE_HZ // 5, np.float32)
    late = np.concatenate((silence, samples, silence))

    def clip(data: np.ndarray) -> Clip:
        return Clip(samples=data, sample_rate_hz=RATE_HZ, start_s=0.0)

    def blind() -> None:
        one = clip(samples)
        for item in taps:
            item.function(one)

    blind_s = best_of(4, blind)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def hop() -> None:
        one, other = clip(samples), clip(late)
        for item in hops:
            item.function(one, other)

    hop_s = best_of(3, hop)
    for name, taken_s, limit_s in (
        (f"{len(taps)} measures of a recording alone", blind_s, BLIND_LIMIT_S),
        (f"{len(hops)} measures of a pair", hop_s, HOP_LIMIT_S),
    ):
        print(
            f"{name:<36}{1000 * taken_s:6.0f} ms CPU{SECONDS / taken_s:7.0f} x real time, limit {1000 * limit_s:.0f} ms"
        )
    print(f"{'memory':<36}{peak_mb:6.0f} MB, {before_mb:.0f} MB of it before any measure, limit {MEMORY_LIMIT_MB} MB")
    one = clip(samples)
    for item in taps:
        start = time.process_time()
        item.function(one)
        print(f"    {item.name:<22}{1000 * (time.process_time() - start):7.1f} ms")
    beside(samples, blind_s)
    return int(blind_s > BLIND_LIMIT_S or hop_s > HOP_LIMIT_S)


def beside(samples: np.ndarray, blind_s: float) -> None:
    """Other tools on the same sound, as multiples of all blind measures together."""
    if importlib.util.find_spec("librosa"):
        import librosa

        def features() -> None:
            for name in ("spectral_centroid", "spectral_rolloff", "spectral_bandwidth"):
                getattr(librosa.feature, name)(y=samples, sr=RATE_HZ)

        features()
        print(f"    librosa, three features   {best_of(2, features) / blind_s:6.1f} x our time")
    if shutil.which("ffmpeg"):
        from diag.clip import Clip
        from diag.recordings import encode_wav

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sixty.wav"
            path.write_bytes(encode_wav(Clip(samples=samples, sample_rate_hz=RATE_HZ), pcm16=True))
            for name in ("aspectralstats", "ebur128"):
                command = ["ffmpeg", "-v", "error", "-i", str(path), "-af", name, "-f", "null", "-"]
                start = time.perf_counter()
                subprocess.run(command, check=False, capture_output=True)
                print(f"    ffmpeg {name:<18}{(time.perf_counter() - start) / blind_s:6.1f} x our time")


if __name__ == "__main__":
    sys.exit(main())

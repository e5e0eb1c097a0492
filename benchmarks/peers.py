"""How long other tools take for the same sound, where they are installed: `make peers` installs them.

They do other things than our measures; their times say what is usual. Each is run on two seconds before it counts, so
that loading and compiling are left out.

    python -m benchmarks.peers recording.wav
"""

from __future__ import annotations

import importlib.util
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from diag.core.clip import Clip

NOT_INSTALLED = "not installed: `make peers`"
ENOUGH_S = 3.0
"""No further run counts once this much time was measured: the slow ones run once, the quick ones more often."""
TIMES = 5
WARM_S = 2.0
_BARE_DECODING = "ffmpeg, decoding alone"


def peers(path_wav: str | Path, samples: NDArray[np.float32], rate_hz: int) -> Iterator[tuple[str, float | None, str]]:
    """CPU seconds of each tool on one recording, warm, best of some runs.

    Parameters
    ----------
    path_wav : path
        The recording as a file, for tools that are programs of their own; their start and decoding count.
    samples : ndarray of float32, shape (n,)
        The same recording. A longer one than a minute is cut to it for the opinion scores.
    rate_hz : int

    Yields
    ------
    tuple of (str, float or None, str)
        Name, seconds of CPU time of all threads together, and why there are none.
    """
    for name, module, work in (
        ("librosa centroid, roll-off, bandwidth", "librosa", _librosa),
        ("PESQ, wide band", "pesq", _pesq),
        ("DNSMOS", "speechmos", _dnsmos),
        ("ViSQOL, audio mode", "visqol", _visqol),
    ):
        if importlib.util.find_spec(module) is None:
            yield name, None, NOT_INSTALLED
        else:
            work(samples[: round(WARM_S * rate_hz)], rate_hz)()
            yield name, _best(work(samples, rate_hz), _own_cpu_s), ""
    for filters in (None, "aspectralstats", "ebur128"):
        name = _BARE_DECODING if filters is None else f"ffmpeg {filters}"
        if shutil.which("ffmpeg") is None:
            yield name, None, NOT_INSTALLED
        else:
            yield name, _best(_ffmpeg(path_wav, filters), _children_cpu_s), ""


def _librosa(samples: NDArray[np.float32], rate_hz: int) -> Callable[[], object]:
    import librosa

    names = ("spectral_centroid", "spectral_rolloff", "spectral_bandwidth")
    return lambda: [getattr(librosa.feature, name)(y=samples, sr=rate_hz) for name in names]


def _pesq(samples: NDArray[np.float32], rate_hz: int) -> Callable[[], object]:
    from diag.api import opinion_scores as mos

    return lambda: mos.pesq_wb(_clip(samples, rate_hz), _clip(samples, rate_hz, gain=0.5))


def _dnsmos(samples: NDArray[np.float32], rate_hz: int) -> Callable[[], object]:
    from diag.api import opinion_scores as mos

    return lambda: mos.dnsmos(_clip(samples, rate_hz))


def _visqol(samples: NDArray[np.float32], rate_hz: int) -> Callable[[], object]:
    from diag.api import opinion_scores as mos

    return lambda: mos.visqol(_clip(samples, rate_hz), _clip(samples, rate_hz, gain=0.5))


def _clip(samples: NDArray[np.float32], rate_hz: int, gain: float = 1.0) -> Clip:
    from diag.api.opinion_scores import LONGEST_S
    from diag.core.clip import Clip

    return Clip(samples=samples[: round(LONGEST_S * rate_hz)] * np.float32(gain), sample_rate_hz=rate_hz)


def _ffmpeg(path_wav: str | Path, filters: str | None) -> Callable[[], object]:
    chosen = [] if filters is None else ["-af", filters]
    command = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-i", str(path_wav), *chosen, "-f", "null", "-"]
    return lambda: subprocess.run(command, check=True, capture_output=True, timeout=120)


def _best(work: Callable[[], object], clock_s: Callable[[], float]) -> float:
    taken: list[float] = []
    while len(taken) < TIMES and sum(taken) < ENOUGH_S:
        start_s = clock_s()
        work()
        taken.append(clock_s() - start_s)
    return min(taken)


def _own_cpu_s() -> float:
    return time.process_time()


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print the seconds of each tool on one recording."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    from diag.files.audio_files import read_wav

    clip = read_wav(sys.argv[1]).channel(0)
    for name, seconds, reason in peers(sys.argv[1], clip.samples, clip.sample_rate_hz):
        print(f"{name:<40}{reason if seconds is None else f'{seconds:8.3f} s CPU'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

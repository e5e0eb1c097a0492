"""Whole verdicts: known faults through `diag analyze` with a reference, by their root code, size and false extras.

Every fault is made in several strengths on several voices, over several backgrounds. A verdict is right where the root
finding of weight has the fault's code. A verdict that calls a planted fault a faithful copy is counted by itself: for a
diagnostic tool it is the worst mistake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from diag.api.analyze import analyze
from diag.core.clip import Clip
from diag.core.results import Severity
from diag.judge.recording_result import AnalysisResult

from . import additions
from .board import Board
from .faults import with_noise
from .processing import coded
from .voices import HALVES, Voice

Samples = NDArray[np.float64]
Random = np.random.Generator
SPEAKERS_OF_A_HALF = 6
SHORTEST_S = 3.5
BACKGROUNDS = ("clean", "noise at 30 dB", "noise at 20 dB", "Opus 24 kbit/s")


@dataclass(frozen=True)
class Fault:
    """A fault that can be planted.

    Parameters
    ----------
    codes : tuple of str
        Codes of the client's hop that name it; a merged segment takes them.
    strengths : tuple of float
        From weak to gross, above what the documentation says is found.
    make : callable
        From a reference, its rate, a strength and a generator to what came out.
    """

    codes: tuple[str, ...]
    strengths: tuple[float, ...]
    make: Callable[[Samples, int, float, Random], Samples]


def _place(x: Samples, hz: int, for_s: float, random: Random) -> int:
    """Return a loud place that leaves half a second of sound on either side."""
    margin = round(0.6 * hz)
    last = max(margin + 1, x.size - margin - round(for_s * hz))
    places = random.integers(margin, last, 40)
    power = [float(np.square(x[at : at + round(0.1 * hz)]).sum()) for at in places]
    return int(places[int(np.argmax(power))])


def _stall(x: Samples, hz: int, for_s: float, random: Random) -> Samples:
    at = _place(x, hz, 0.0, random)
    return np.concatenate([x[:at], np.zeros(round(for_s * hz)), x[at:]])


def _stalls(x: Samples, hz: int, count: float, random: Random) -> Samples:
    for _ in range(int(count)):
        x = _stall(x, hz, float(random.uniform(0.09, 0.35)), random)
    return x


def _skip(x: Samples, hz: int, for_s: float, random: Random) -> Samples:
    at = _place(x, hz, for_s, random)
    return np.concatenate([x[:at], x[at + round(for_s * hz) :]])


def _repeat(x: Samples, hz: int, for_s: float, random: Random) -> Samples:
    at = _place(x, hz, for_s, random) + round(for_s * hz)
    return np.concatenate([x[:at], x[max(0, at - round(for_s * hz)) :]])


def _head(x: Samples, hz: int, for_s: float, _: Random) -> Samples:
    return x[_first_sound(x) + round(for_s * hz) :]


def _tail(x: Samples, hz: int, for_s: float, _: Random) -> Samples:
    return x[: x.size - _first_sound(x[::-1]) - round(for_s * hz)]


def _first_sound(x: Samples) -> int:
    return int(np.argmax(np.abs(x) > 0.1 * np.abs(x).max()))


def _seams(x: Samples, hz: int, gap_s: float, random: Random) -> Samples:
    chunk = round(float(random.uniform(0.08, 0.25)) * hz)
    parts = [part for at in range(0, x.size, chunk) for part in (x[at : at + chunk], np.zeros(round(gap_s * hz)))]
    return np.concatenate(parts)


def _dropped(x: Samples, hz: int, share: float, random: Random) -> Samples:
    chunk = round(0.085 * hz)
    kept = [x[at : at + chunk] for at in range(0, x.size, chunk) if at == 0 or random.random() > share]
    return np.concatenate(kept)


def _overlap(x: Samples, hz: int, share: float, _: Random) -> Samples:
    chunk, step = round(0.2 * hz), round(0.2 * (1 - share) * hz)
    count = x.size // chunk
    out = np.zeros(step * count + chunk)
    for index in range(count):
        out[index * step : index * step + chunk] += x[index * chunk : (index + 1) * chunk]
    return out


def _other_after(x: Samples, hz: int, for_s: float, random: Random) -> Samples:
    other = x[::-1][: round(for_s * hz)] * 0.8
    return np.concatenate([x, np.zeros(round(0.2 * hz)), other, np.zeros(round(0.1 * hz))])


def _rate(x: Samples, hz: int, ratio: float, _: Random) -> Samples:
    return np.asarray(soxr.resample(x, hz * ratio, hz, quality="VHQ"))


def _dull(x: Samples, hz: int, edge_hz: float, _: Random) -> Samples:
    spectrum = np.fft.rfft(x)
    frequency = np.fft.rfftfreq(x.size, 1 / hz)
    return np.fft.irfft(spectrum / np.sqrt(1 + (frequency / edge_hz) ** 12), x.size)


def _quieter(x: Samples, _: int, change_db: float, __: Random) -> Samples:
    return x * 10 ** (change_db / 20)


def _from_maker(name: str) -> Callable[[Samples, int, float, Random], Samples]:
    maker = additions.FAULTS[name][0]

    def make(x: Samples, hz: int, strength: float, random: Random) -> Samples:
        voice = Voice("", "", HALVES[0], real=True, samples=x.astype(np.float32), rate_hz=hz)
        made = maker(voice, strength, random)
        scale = float(np.abs(x).max() / max(np.abs(made.reference).max(), 1e-9))
        return made.estimated * scale if name != "wrapped" else made.estimated

    return make


FAULTS: dict[str, Fault] = {
    "one stall": Fault(("PLY003",), (0.02, 0.1, 0.35, 0.7, 1.5, 4.0), _stall),
    "several stalls": Fault(("PLY003",), (2, 4, 8), _stalls),
    "silence at every chunk": Fault(("PLY003",), (0.003, 0.008), _seams),
    "one skip": Fault(("PLY011",), (0.05, 0.2, 0.5, 1.0), _skip),
    "chunks dropped": Fault(("PLY011",), (0.1, 0.3), _dropped),
    "beginning lost": Fault(("PLY011",), (0.1, 0.3, 1.0), _head),
    "end lost": Fault(("PLY011",), (0.1, 0.3, 1.0), _tail),
    "said twice": Fault(("PLY017",), (0.1, 0.4, 1.0), _repeat),
    "chunks overlap": Fault(("PLY019",), (0.15, 0.35), _overlap),
    "other speech after": Fault(("PLY014",), (0.6, 1.5), _other_after),
    "wrong rate": Fault(("PLY001",), (0.5, 2 / 3, 0.91875, 1.0884, 1.5, 2.0), _rate),
    "low-pass": Fault(("PLY002",), (3400, 4000, 6000), _dull),
    "quieter": Fault(("PLY013",), (-12, -20, -30), _quieter),
    "level step": Fault(("PLY013",), (-12, -20), _from_maker("level step")),
    "white noise": Fault(("PLY014",), (20, 10), _from_maker("white noise")),
    "hum": Fault(("PLY014",), (-25, -12), _from_maker("hum")),
    "tone": Fault(("PLY014",), (-25, -12), _from_maker("tone")),
    "overdrive": Fault(("PLY015",), (6, 12), _from_maker("overdrive")),
    "clipped": Fault(("PLY008", "PLY015"), (-12,), _from_maker("clipped")),
    "few bits": Fault(("PLY015",), (6, 5, 4), _from_maker("few bits")),
    "echo": Fault(("PLY012",), (-15, -8), _from_maker("echo")),
    "played twice": Fault(("PLY012",), (-1, 0), _from_maker("echo")),
}


def _over(background: str, x: Samples, hz: int, random: Random) -> tuple[Samples, int]:
    if background.startswith("noise"):
        return with_noise(x, float(background.split()[2]), random), hz
    if background.startswith("Opus"):
        out, hz = coded(x.astype(np.float32), hz, "opus", "-ar", "48000", "-c:a", "libopus", "-b:a", "24k")
        return out.astype(np.float64), hz
    return x, hz


def _roots(result: AnalysisResult) -> set[str]:
    return {
        item.code
        for item in result.findings
        if item.severity is not Severity.INFO and item.consequence_of is None and not item.code.startswith("REC")
    }


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Add the rows."""
    chosen: list[Voice] = []
    for half in HALVES:
        speakers: Counter[str] = Counter()
        mine = [voice for voice in every if voice.half == half and voice.real and voice.duration_s >= SHORTEST_S]
        for index in random.permutation(len(mine)):
            voice = mine[int(index)]
            if len(speakers) < SPEAKERS_OF_A_HALF and not speakers[voice.speaker]:
                speakers[voice.speaker] += 1
                chosen.append(voice)
    good: list[tuple[Voice, bool]] = []
    others: Counter[tuple[str, str]] = Counter()
    for background in BACKGROUNDS:
        for name, fault in FAULTS.items():
            trials, extras = [], []
            for voice in chosen:
                for strength in fault.strengths:
                    result = _judged(voice, fault, strength, background, random)
                    found = _roots(result)
                    right = bool(found & set(fault.codes))
                    trials.append((voice, right))
                    extras.append((voice, right and bool(found - set(fault.codes))))
                    good.append((voice, not found and not result.not_shown))
                    others.update((name, code) for code in found - set(fault.codes))
            board.found("verdicts", "waveform", f"{name}, {background}: root is right", trials, at_least=0.95)
            board.found("verdicts", "waveform", f"{name}, {background}: another root too", extras)
    board.found("verdicts", "waveform", "called a faithful copy", good, at_most=0.0)
    for (name, code), count in others.most_common(20):
        board.figure("verdicts", "waveform", f"{name} also raised {code}", half="both", trials=count, found=f"{count}")


def _judged(voice: Voice, fault: Fault, strength: float, background: str, random: Random) -> AnalysisResult:
    x = voice.samples.astype(np.float64)
    x *= 0.5 / np.abs(x).max()
    out, hz = _over(background, fault.make(x, voice.rate_hz, strength, random), voice.rate_hz, random)
    reference = Clip(samples=x.astype(np.float32), sample_rate_hz=voice.rate_hz)
    rounded = np.round(np.clip(out, -1, 1) * 32767) / 32767
    return analyze(Clip(samples=rounded.astype(np.float32), sample_rate_hz=hz), reference=reference)

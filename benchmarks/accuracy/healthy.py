"""False alarms of `diag analyze` on healthy recordings after ordinary processing, blind and with a reference.

What a recording shows before any processing is counted in the row "as it is" and in the rows over everything; rows over
what processing adds leave it out. Recordings of less than 16 kHz content at a higher rate are narrow: that this is
reported is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from diag.api.analyze import analyze
from diag.core.results import Severity

from .board import Board
from .faults import Random, as_clip, of_each
from .processing import Process, changing, keeping, processed
from .voices import HALVES, Voice

PER_SPEAKER = 1
FAULTY = {
    "klettres_english": "one wrong sample every 2048, as a sound card lost it",
    "klettres_low_german": "direct current at -28 to -34 dBFS",
    "ktuberling_walloon": "single leaps of up to 100 times the differences around them",
    "lyra_sample1": "nothing above 8 kHz at 48 kHz: through a speech codec of 16 kHz",
    "lyra_sample2": "nothing above 8 kHz at 48 kHz: through a speech codec of 16 kHz",
    "neural_tts_turn": "made at 16 kHz and brought to 24 kHz with images of -35 to -45 dB",
}
"""Speakers whose recordings have a fault to begin with, and how it shows in their samples: they are not healthy."""
NARROW_RATE_HZ = 16000


def alarms(voice: Voice, process: Process, random: Random, *, with_reference: bool) -> set[tuple[str, str]]:
    """Return the codes of the findings on a processed recording, each with its severity; information is left out."""
    samples, rate_hz = processed(process, voice.samples, voice.rate_hz, random)
    reference = voice.clip if with_reference else None
    found = analyze(as_clip(samples, rate_hz), reference=reference).findings
    kept = {(item.code, item.severity.value) for item in found if item.severity is not Severity.INFO}
    if voice.rate_hz <= NARROW_RATE_HZ:
        kept = {item for item in kept if item[0] != "REC006"}
    return kept


def rows(
    board: Board, every: Sequence[Voice], processes: dict[str, Process], random: Random, *, with_reference: bool
) -> None:
    """Rows of one way of judging: one for each process, and the totals."""
    tier = "waveform" if with_reference else "blind"
    most = 0.005 if with_reference else 0.02
    born = {voice.name: alarms(voice, processes["as it is"], random, with_reference=False) for voice in every}
    total: list[tuple[Voice, bool, bool, bool]] = []
    kinds: dict[str, Counter[str]] = {half: Counter() for half in HALVES}
    for name, process in processes.items():
        trials = []
        for voice in every:
            found = alarms(voice, process, random, with_reference=with_reference)
            failed = any(severity == Severity.ERROR.value for _, severity in found)
            added = {code for code, _ in found} - {code for code, _ in born[voice.name]}
            total.append((voice, bool(found), failed, bool(added)))
            trials.append((voice, bool(found)))
            kinds[voice.half].update(code for code, _ in found)
        board.found("findings", tier, f"healthy, {name}", trials)
    board.found("findings", tier, "healthy, everything, errors", [(v, bad) for v, _, bad, _ in total], at_most=0.0)
    board.found("findings", tier, "healthy, everything", [(v, any_) for v, any_, _, _ in total], at_most=most)
    board.found("findings", tier, "healthy, added by processing", [(v, a) for v, _, _, a in total], at_most=most)
    for half, counted in kinds.items():
        if counted:
            words = ", ".join(f"{code} {count}" for code, count in counted.most_common())
            board.figure("findings", tier, "healthy, by code", half=half, trials=len(total), found=words)


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Rows of the part."""
    some = [voice for voice in of_each(every, PER_SPEAKER) if voice.real and voice.speaker not in FAULTY]
    rows(board, some, keeping() | changing(), random, with_reference=False)
    rows(board, some, keeping(), random, with_reference=True)

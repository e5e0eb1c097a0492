"""Where a known reply begins in a recording, and how much of it comes back in the capture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diag.dsp.align import locate
from diag.dsp.echo import find_echo

from .board import Board
from .faults import Random, Samples, at_rate
from .voices import HALVES, Voice

TRIALS = 60
"""Of each condition and half."""
SNRS_DB = (60.0, 40.0, 30.0, 20.0)
LEVELS_DB = (-10.0, -20.0, -30.0, -40.0, -50.0)
DOUBLE_TALK_DB = (-10.0, -15.0, -20.0, -30.0, -40.0)
RATE_HZ = 24000
TEMPLATE_S = 1.0
BEFORE_S = 3.0


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Add the rows of this part."""
    onsets(board, every, random)
    echoes(board, every, random)


def _some(every: Sequence[Voice], random: Random) -> list[Voice]:
    picked = []
    for half in HALVES:
        mine = [voice for voice in every if voice.half == half]
        picked += [mine[place] for place in random.integers(0, len(mine), TRIALS)]
    return picked


def in_a_room(samples: Samples, random: Random) -> Samples:
    """With the tail of a small room: 20 reflections from 3 to 120 ms, falling by 60 dB in 0.3 s."""
    wet = np.concatenate([samples, np.zeros(round(0.15 * RATE_HZ))])
    for delay_s in random.uniform(0.003, 0.12, 20):
        late = round(delay_s * RATE_HZ)
        gain = 0.25 * float(random.choice([-1, 1])) * 10 ** (-3 * delay_s / 0.3)
        wet[late : late + samples.size] += gain * samples
    return wet


def onsets(board: Board, every: Sequence[Voice], random: Random) -> None:
    """The first second of a reply, soft consonants included, in a recording that begins with other sound."""
    for room in (False, True):
        for snr_db in SNRS_DB:
            trials = []
            for voice in _some(every, random):
                x = at_rate(voice.samples, voice.rate_hz, RATE_HZ).astype(np.float64)
                late = int(random.integers(round(0.05 * RATE_HZ), round(BEFORE_S * RATE_HZ)))
                wet = in_a_room(x, random) if room else x
                recording = np.concatenate([np.zeros(late), wet])
                recording += random.standard_normal(recording.size) * np.std(x) * 10 ** (-snr_db / 20)
                place = locate(x[: round(TEMPLATE_S * RATE_HZ)], recording.astype(np.float32), RATE_HZ)
                trials.append((voice, None if place is None else 1000 * (place.frame - late) / RATE_HZ))
            where = "room tail" if room else "direct"
            board.errors("ttfa_heard_s (onset)", "waveform", f"known second, {snr_db:g} dB, {where}", trials, unit="ms",
                         limit=0.1)  # fmt: skip


def echoes(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Level and delay of a reply that comes back, alone and under somebody who speaks."""
    conditions = [(level, False) for level in LEVELS_DB] + [(level, True) for level in DOUBLE_TALK_DB]
    for level_db, double in conditions:
        levels, delays = [], []
        for voice in _some(every, random):
            x = at_rate(voice.samples, voice.rate_hz, RATE_HZ).astype(np.float64)
            late = int(random.uniform(0.02, 0.4) * RATE_HZ)
            capture = np.zeros(x.size + RATE_HZ)
            capture[late : late + x.size] += 10 ** (level_db / 20) * x
            capture += random.standard_normal(capture.size) * np.std(x) * 10 ** ((level_db - 20) / 20)
            if double:
                capture += _other(every, voice, capture.size, random) * np.std(x)
            found = find_echo(x.astype(np.float32), RATE_HZ, capture.astype(np.float32), RATE_HZ)
            levels.append((voice, None if found is None or not found.distinct else found.level_db - level_db))
            delays.append((voice, None if found is None else 1000 * (found.delay_s - late / RATE_HZ)))
        condition = f"{level_db:g} dB, {'double talk at 0 dB' if double else 'single talk'}"
        share = 0.95 if double else 1.0
        if double and level_db < -20:
            board.found("echo_db", "waveform", f"{condition}: within 1 dB", _within(levels, 1.0))
            board.found("echo_db", "waveform", f"{condition}: delay within 0.1 ms", _within(delays, 0.1))
        else:
            board.errors("echo_db", "waveform", condition, levels, unit="dB", limit=1.0, share=share)
            board.errors("echo_db", "waveform", f"{condition}: delay", delays, unit="ms", limit=0.1, share=share)


def _within(errors: Sequence[tuple[Voice, float | None]], limit: float) -> list[tuple[Voice, bool]]:
    return [(voice, error is not None and abs(error) <= limit) for voice, error in errors]


def _other(every: Sequence[Voice], voice: Voice, size: int, random: Random) -> Samples:
    """Somebody else of the same half, at RMS 1, as long as asked for."""
    others = [other for other in every if other.half == voice.half and other.speaker != voice.speaker]
    other = others[int(random.integers(0, len(others)))]
    samples = at_rate(other.samples, other.rate_hz, RATE_HZ).astype(np.float64)
    return np.asarray(np.resize(samples / np.std(samples), size))

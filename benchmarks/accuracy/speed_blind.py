"""`rate_ratio` of a recording alone: how often a wrong speed is suspected, and a right one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from diag.dsp.blind_rate import model
from diag.dsp.spectrum import Sound
from diag.dsp.voice_features import speed_features
from diag.measure.metrics.blind_speed import suspected_speed

from .board import Board
from .faults import Random, as_clip, at_rate, with_noise
from .non_speech import non_speech
from .voices import HALVES, Voice

PIECE_S, LONGEST_S, PIECES_MOST = 8.0, 12.0, 3
LETTERS = "klettres_"
"""Speakers with this prefix say single letters, one after the other: no running speech, so it has no tempo."""
WAYS = ("as it is", "16 kHz stage", "telephone", "noise")


def pieces(every: Sequence[Voice]) -> Iterator[Voice]:
    """Recordings of one speaker joined to some 8 s: the measure asks for 4 s of speech."""
    by_speaker: dict[tuple[str, int], list[Voice]] = {}
    for voice in every:
        by_speaker.setdefault((voice.speaker, voice.rate_hz), []).append(voice)
    for (speaker, rate_hz), own in by_speaker.items():
        joined: list[NDArray[np.float32]] = []
        made = 0
        for voice in own:
            joined.append(voice.samples)
            done = voice is own[-1] or sum(part.size for part in joined) >= PIECE_S * rate_hz
            if done and made < PIECES_MOST:
                samples = np.concatenate(joined)[: round(LONGEST_S * rate_hz)]
                yield Voice(f"{speaker} {made}", speaker, voice.half, voice.real, samples, rate_hz)
                joined, made = [], made + 1


def changed(voice: Voice, way: str, random: Random) -> tuple[NDArray[np.floating], int]:
    """The piece through a narrow stage or with noise, and its rate."""
    if way == "16 kHz stage" and voice.rate_hz > 16000:
        return at_rate(voice.samples, voice.rate_hz, 16000), 16000
    if way == "telephone" and voice.rate_hz > 8000:
        return at_rate(voice.samples, voice.rate_hz, 8000), 8000
    if way == "noise":
        return with_noise(voice.samples, 35.0, random), voice.rate_hz
    return voice.samples, voice.rate_hz


SHARES = (0.01, 0.02, 0.05)


def at_false_alarms(board: Board, heard: dict[float, list[tuple[Voice, float]]]) -> None:
    """How many slow ones would be found, were the limit set where a share of the half's healthy ones is called slow."""
    for half in HALVES:
        healthy, *slow = (
            np.array([octaves for voice, octaves in heard[ratio] if voice.half == half]) for ratio in (1.0, 0.5, 2 / 3)
        )
        for ratio, octaves in zip((0.5, 2 / 3), slow, strict=True):
            for false in SHARES:
                share = float(np.mean(octaves < np.quantile(healthy, false)))
                last = false == SHARES[-1]
                board.figure(
                    "rate_ratio", "blind", f"played at {ratio:.3g}, limit moved to {100 * false:g} % false alarms",
                    half=half, trials=octaves.size, found=f"{100 * share:.1f} %",
                    goal="at least 85 %" if last else "", reached=share >= 0.85 if last else None,
                )  # fmt: skip


def run(board: Board, every: Sequence[Voice], random: Random) -> None:
    """Rows of the part."""
    said: dict[float, list[tuple[Voice, float | None]]] = {}
    heard: dict[float, list[tuple[Voice, float]]] = {}
    letters: list[tuple[Voice, bool]] = []
    for place, voice in enumerate(pieces(every)):
        samples, rate_hz = changed(voice, WAYS[place % len(WAYS)], random)
        for ratio in (0.5, 2 / 3, 0.75, 0.919, 1.0, 1.088, 1.5, 2.0):
            found = suspected_speed(as_clip(samples, round(rate_hz * ratio)))
            if found.missing is not None and found.confidence is None:
                continue  # less than 4 s of speech
            value = found.value if isinstance(found.value, float) else None
            if voice.speaker.startswith(LETTERS):
                letters += [(voice, value is not None)] if ratio == 1.0 else []
            else:
                said.setdefault(ratio, []).append((voice, value))
                features = speed_features(Sound(samples.astype(np.float32), round(rate_hz * ratio)))
                if features is not None:
                    heard.setdefault(ratio, []).append((voice, float(model().octaves(features))))
    for ratio, trials in sorted(said.items()):
        # 44.1 against 48 kHz lies inside what one recording cannot tell: any suspicion there is as false as at 1.
        healthy = 0.9 < ratio < 1.1
        goals = {"at_most": 0.02} if ratio == 1.0 else {} if healthy else {"at_least": 0.85} if ratio < 0.7 else {}
        name = f"played at {ratio:.3g}, {'called wrong' if healthy else 'suspected'}"
        board.found("rate_ratio", "blind", name, [(v, value is not None) for v, value in trials], **goals)
        if ratio < 0.7:
            off = [(v, 100 * (value / ratio - 1)) for v, value in trials if value is not None]
            board.errors("rate_ratio", "blind", f"played at {ratio:.3g}, ratio where suspected", off, unit="%",
                         limit=25.0, share=0.8)  # fmt: skip
    at_false_alarms(board, heard)
    other = [(sound, isinstance(suspected_speed(sound.clip).value, float)) for sound in non_speech()]
    board.found("rate_ratio", "blind", "music, tones, noise and other sound, called wrong", other, at_most=0.0)
    board.found("rate_ratio", "blind", "single letters, no running speech, called wrong", letters)

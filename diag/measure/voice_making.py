"""Make the profile of a voice from recordings, and check that they are long enough and agree with each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diag.core.clip import Clip
from diag.core.errors import BadInputError
from diag.core.results import Tier
from diag.dsp.band import content_edge
from diag.dsp.profile import (
    FRAMES_KEPT,
    LEAST_PROFILE_S,
    LEAST_SPEED_S,
    LEAST_TREBLE_S,
    MOST_APART_DB,
    Usual,
    VoiceProfile,
    distance_from_profile_db,
    joined,
    make_profile,
    own_distance_db,
    own_distance_spread_db,
    speech_s,
    speed_against_profile,
    treble_against_profile,
)
from diag.dsp.spectrum import Sound
from diag.dsp.voice_frames import voice_frames
from diag.measure.engine import measure_clip

PLENTY_S = 30.0
"""More speech than this hardly improves a profile."""
SHORTEST_S = 0.5
ODD_SPEED, ODD_TREBLE_DB, NARROW_SHARE = 0.06, 6.0, 0.85
"""A recording that differs more than this from the others is left out."""
_TOP_HZ = 11_400.0
"""Bandwidth that the highest treble band needs. Recordings may end above it."""
_PIECE_S = 6.0
_ENOUGH_S = 4.4
_MOST_PIECES = 24
_MOST_LEFT_OUT = 1 / 3
_PASSES = 3


@dataclass(frozen=True, kw_only=True)
class Given:
    """One recording that a profile was asked to be made from.

    Parameters
    ----------
    name : str
    speech_s : float
        Length of the sound in it.
    edge_hz : float or None
        Upper edge of its content.
    speed, treble_db : float or None
        Its speed and the treble that it lacks, relative to all the others; None if it has too little speech.
    left_out : str
        Why it was not used; empty if it was.
    """

    name: str
    speech_s: float
    edge_hz: float | None
    speed: float | None = None
    treble_db: float | None = None
    left_out: str = ""


@dataclass(frozen=True, kw_only=True)
class MadeVoice:
    """A profile and the recordings that it was asked to be made from."""

    profile: VoiceProfile
    recordings: tuple[Given, ...]

    @property
    def left_out(self) -> tuple[Given, ...]:
        """Recordings that were not used."""
        return tuple(item for item in self.recordings if item.left_out)


def voice_from_sounds(sounds: Mapping[str, Sound], name: str) -> MadeVoice:
    """Make the profile of one voice from named signals.

    Raises
    ------
    BadInputError
        As `make_voice`.
    """
    given = {label: _heard(label, sound) for label, sound in sounds.items()}
    given = {label: replace(item, left_out=_useless(item, given.values())) for label, item in given.items()}
    used = [label for label, item in given.items() if not item.left_out]
    _check_enough(name, [given[label].speech_s for label in used])
    for _ in range(_PASSES):
        seen = _against_others({label: sounds[label] for label in used}, given)
        odd = {label: words for label in used if (words := _odd(seen[label]))}
        if len(odd) > _MOST_LEFT_OUT * len(used):
            raise _disagreement(name, odd, used)
        given.update({label: replace(item.given, left_out=odd.get(label, "")) for label, item in seen.items()})
        used = [label for label in used if label not in odd]
        _check_enough(name, [given[label].speech_s for label in used])
        if not odd:
            break
    kept = {label: sounds[label] for label in used}
    profile = make_profile(name, list(kept.values()), used)
    assert profile is not None
    pieces = _pieces(kept.values())
    found = _against_others(pieces, {label: _heard(label, piece) for label, piece in pieces.items()})
    speeds = [item.given.speed - 1 for item in found.values() if item.given.speed is not None]
    trebles = [item.given.treble_db for item in found.values() if item.given.treble_db is not None]
    profile = replace(
        profile,
        speed_spread=_root_mean_square(speeds),
        treble_spread_db=_root_mean_square(trebles),
        distance_spread_db=own_distance_spread_db(profile, list(pieces.values())),
    )
    return MadeVoice(profile=profile, recordings=tuple(given.values()))


def usual_measures(clips: Iterable[Clip]) -> tuple[Usual, ...]:
    """Return what the recordings of a voice measure by themselves, for measures that have a value in each of them."""
    found: dict[str, list[float]] = {}
    count = 0
    for clip in clips:
        count += 1
        for item in measure_clip(clip):
            if item.tier is Tier.BLIND and isinstance(item.value, float):
                found.setdefault(item.metric, []).append(item.value)
    return tuple(
        Usual(metric, float(np.median(values)), min(values), max(values))
        for metric, values in found.items()
        if len(values) == count
    )


@dataclass(frozen=True)
class _Seen:
    """A recording compared with the others, and how much further it is from them than they are from each other."""

    given: Given
    apart_db: float


def _heard(label: str, sound: Sound) -> Given:
    return Given(name=label, speech_s=speech_s(sound.spectrum), edge_hz=content_edge(sound.spectrum))


def _useless(item: Given, every: Iterable[Given]) -> str:
    if item.speech_s < SHORTEST_S:
        return f"has only {item.speech_s:.1f} s of speech"
    edges = [other.edge_hz for other in every if other.edge_hz is not None and other.speech_s >= LEAST_TREBLE_S]
    if not edges or item.edge_hz is None or item.speech_s < LEAST_TREBLE_S:
        return ""
    usual = min(float(np.median(edges)), _TOP_HZ)
    if item.edge_hz < NARROW_SHARE * usual:
        return f"reaches only {item.edge_hz / 1000:.1f} kHz, the others {usual / 1000:.1f} kHz and more"
    return ""


def _against_others(sounds: Mapping[str, Sound], given: Mapping[str, Given]) -> dict[str, _Seen]:
    """Return each recording compared with all the others together."""
    known = {label: frames for label, sound in sounds.items() if (frames := voice_frames(sound.spectrum)) is not None}
    apart_db = own_distance_db(list(known.values()))
    found = {}
    for label, sound in sounds.items():
        rest = [other for other in known if other != label]
        seconds = sum(given[other].speech_s for other in rest)
        found[label] = _Seen(given[label], 0.0)
        if seconds < LEAST_PROFILE_S / 2 or given[label].speech_s < LEAST_TREBLE_S:
            continue
        others = VoiceProfile("", seconds, (), joined([known[other] for other in rest]).thinned(FRAMES_KEPT), apart_db)
        speed = speed_against_profile(others, sound) if given[label].speech_s >= LEAST_SPEED_S else None
        treble = treble_against_profile(others, sound)
        found[label] = _Seen(
            replace(given[label], speed=speed.ratio if speed else None, treble_db=treble.mean_db if treble else None),
            speed.apart_db if speed else distance_from_profile_db(others, sound),
        )
    return found


def _odd(seen: _Seen) -> str:
    """Return why a recording does not fit the others; empty if it does."""
    speed, treble = seen.given.speed, seen.given.treble_db
    if seen.apart_db > MOST_APART_DB:
        return "sounds like another voice than the others"
    if speed is not None and abs(speed - 1) > ODD_SPEED:
        return f"is {100 * abs(speed - 1):.0f} % {'slower' if speed < 1 else 'faster'} than the others"
    if treble is not None and abs(treble) > ODD_TREBLE_DB:
        return f"has {abs(treble):.0f} dB {'less' if treble > 0 else 'more'} treble than the others"
    return ""


def _check_enough(name: str, speech: Sequence[float]) -> None:
    if sum(speech) < LEAST_PROFILE_S:
        raise BadInputError(
            f"Could not make a profile of the voice {name}",
            seen=f"{sum(speech):.1f} s of speech in {len(speech)} usable recording{'s' if len(speech) != 1 else ''}",
            allowed=f"at least {LEAST_PROFILE_S:.0f} s, better {PLENTY_S:.0f} s",
            next_step="add recordings of the same voice",
        )


def _disagreement(name: str, odd: Mapping[str, str], used: Sequence[str]) -> BadInputError:
    named = "; ".join(f"{label} {words}" for label, words in list(odd.items())[:3])
    return BadInputError(
        f"Could not make a profile of the voice {name}",
        seen=f"{len(odd)} of {len(used)} recordings do not fit the others: {named}",
        allowed="recordings of one voice, made with the same equipment, at the right speed",
        next_step="use only recordings that are known to be good",
    )


def _pieces(sounds: Iterable[Sound]) -> dict[str, Sound]:
    """Return pieces with enough speech to measure speed: long recordings are cut, short ones of one rate are joined."""
    pieces: list[Sound] = []
    waiting: dict[float, Sound] = {}
    for sound in sounds:
        for start_s in np.arange(0.0, sound.duration_s, _PIECE_S):
            part = sound.cut(float(start_s), float(start_s) + _PIECE_S)
            before = waiting.pop(sound.rate_hz, None)
            part = part if before is None else Sound(np.concatenate((before.samples, part.samples)), sound.rate_hz)
            if speech_s(part.spectrum) >= _ENOUGH_S:
                pieces.append(part)
            else:
                waiting[sound.rate_hz] = part
    every = [*pieces, *(part for part in waiting.values() if speech_s(part.spectrum) >= LEAST_TREBLE_S)]
    step = max(1, -(-len(every) // _MOST_PIECES))
    return {str(index): piece for index, piece in enumerate(every[::step])}


def _root_mean_square(values: Sequence[float]) -> float | None:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) >= 2 else None

"""What several metrics ask of the same clip or pair, worked out once: spectra, matches, breaks.

Clips are immutable and told apart by identity, so results are kept beside them for as long as they live.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from diag.clip import Clip
from diag.dsp.continuity import Break, find_breaks
from diag.dsp.rate import Match, match_clips
from diag.dsp.spectrum import Sound, sound_of
from diag.dsp.speech_likeness import speech_likeness

T = TypeVar("T")

_kept: WeakKeyDictionary[Clip, dict[Any, Any]] = WeakKeyDictionary()
_pairs: WeakKeyDictionary[Clip, WeakKeyDictionary[Clip, dict[str, Any]]] = WeakKeyDictionary()


def remembered(clip: Clip, key: Any, compute: Callable[[], T]) -> T:
    """The result of `compute`, worked out once per clip and key."""
    kept = _kept.setdefault(clip, {})
    if key not in kept:
        kept[key] = compute()
    result: T = kept[key]
    return result


def _of_pair(reference: Clip, estimated: Clip, key: str, compute: Callable[[], T]) -> T:
    kept = _pairs.setdefault(reference, WeakKeyDictionary()).setdefault(estimated, {})
    if key not in kept:
        kept[key] = compute()
    result: T = kept[key]
    return result


def sound(clip: Clip) -> Sound:
    """The clip as a mono signal whose spectrum is worked out once."""
    return remembered(clip, "sound", lambda: sound_of(clip.samples, clip.sample_rate_hz))


NO_SPEECH = "no speech"


def not_speech(clip: Clip) -> str | None:
    """Return why a clip cannot be judged as a voice, beginning with `NO_SPEECH`; None where it is speech."""
    found = remembered(clip, "speech likeness", lambda: speech_likeness(sound(clip).spectrum))
    return None if found.reason is None else f"{NO_SPEECH}: {found.reason}"


def match(reference: Clip, estimated: Clip) -> Match:
    """Speed and delays of an estimated clip against its reference."""
    return _of_pair(reference, estimated, "match", lambda: match_clips(sound(reference), sound(estimated)))


def breaks(reference: Clip, estimated: Clip) -> tuple[Break, ...] | str:
    """Stalls, dropouts, skips and repeats of a pair, or why they could not be looked for."""
    found = match(reference, estimated)
    if found.reason is not None:
        return found.reason
    track, speed = found.track, found.rate_ratio
    if track is None or speed is None:
        return "time was stretched without pitch, so single breaks cannot be told from the stretch"
    return _of_pair(
        reference, estimated, "breaks", lambda: find_breaks(sound(reference), sound(estimated), track, speed)
    )

"""What several metrics ask of the same clip or pair, computed once: spectra, matches, breaks.

Clips are immutable and compared by identity, so results are kept for as long as their clip lives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from diag.core.clip import Clip
from diag.core.missing import Missing
from diag.dsp.continuity import Break, find_breaks
from diag.dsp.rate import Match, match_clips
from diag.dsp.spectrum import Sound, sound_of
from diag.dsp.track import DelayTrack
from diag.measure.reasons import STRETCHED

T = TypeVar("T")

_kept: WeakKeyDictionary[Clip, dict[Any, Any]] = WeakKeyDictionary()
_pairs: WeakKeyDictionary[Clip, WeakKeyDictionary[Clip, dict[str, Any]]] = WeakKeyDictionary()


def remembered(clip: Clip, key: Any, compute: Callable[[], T]) -> T:
    """Return the result of `compute`, computed once per clip and key."""
    kept = _kept.setdefault(clip, {})
    if key not in kept:
        kept[key] = compute()
    result: T = kept[key]
    return result


def of_pair(reference: Clip, estimated: Clip, key: str, compute: Callable[[], T]) -> T:
    """Return the result of `compute`, computed once per pair of clips and key."""
    kept = _pairs.setdefault(reference, WeakKeyDictionary()).setdefault(estimated, {})
    if key not in kept:
        kept[key] = compute()
    result: T = kept[key]
    return result


def sound(clip: Clip) -> Sound:
    """Return the clip as a mono signal whose spectrum is computed once."""
    return remembered(clip, "sound", lambda: sound_of(clip.samples, clip.sample_rate_hz))


def match(reference: Clip, estimated: Clip) -> Match:
    """Return speed and delays of an estimated clip against its reference."""
    return of_pair(reference, estimated, "match", lambda: match_clips(sound(reference), sound(estimated)))


@dataclass(frozen=True)
class Tracked:
    """A pair whose speed is known and whose delays could be followed.

    Parameters
    ----------
    rate_ratio : float
        Speed of the estimated clip.
    track : DelayTrack
        Delays in seconds of the reference.
    confidence : float
        0 to 1.
    polarity : int
        1 or -1.
    """

    rate_ratio: float
    track: DelayTrack
    confidence: float
    polarity: int


def tracked(reference: Clip, estimated: Clip) -> Tracked | Missing:
    """Return speed and delays of a pair, or why its delays could not be followed."""
    found = match(reference, estimated)
    if found.rate_ratio is None or found.track is None:
        return found.missing or STRETCHED
    return Tracked(found.rate_ratio, found.track, found.confidence, found.polarity)


def breaks(reference: Clip, estimated: Clip) -> tuple[Break, ...] | Missing:
    """Return stalls, dropouts, skips and repeats of a pair, or why they could not be looked for."""
    found = tracked(reference, estimated)
    if isinstance(found, Missing):
        return found
    return of_pair(
        reference,
        estimated,
        "breaks",
        lambda: find_breaks(sound(reference), sound(estimated), found.track, found.rate_ratio),
    )

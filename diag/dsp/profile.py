"""Voice profiles: how a voice sounds in good recordings, and the speed and treble of a recording against it.

With a profile, a recording without its input can be checked for a wrong speed or a loss of treble. Each window of it is
compared with the most similar windows of the profile, so that different words do not look like a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from diag.dsp.band import content_edge
from diag.dsp.dullness import BANDS_HZ, NYQUIST_SHARE, TrebleLoss
from diag.dsp.spectrum import HOP_S, Sound, Spectrum
from diag.dsp.voice_features import pitch_quantiles
from diag.dsp.voice_frames import (
    CENTRES_HZ,
    HALF_WIDTH_OCTAVES,
    SPEECH,
    VoiceFrames,
    bands_at_width,
    speed_of_width,
    voice_frames,
    width_near,
)

Array = NDArray[np.float64]

LEAST_PROFILE_S = 8.0
"""Least speech for a profile. With less, some sounds of the voice would be missing."""
LEAST_SPEED_S, LEAST_TREBLE_S = 2.5, 2.0
"""Least speech in a recording for a measure of its speed and of its treble. The speed of 98 healthy development
recordings with 2.5 to 8 s was off by at most 5.6 %, with 2.5 to 4 s no more than with more."""
LEAST_GROSS_SPEED_S, GROSS_SPEED = 1.5, 1.2
"""With at least the first and less than `LEAST_SPEED_S`, only a speed that is off by this factor or more is a measure:
others were off by up to 15 % (35 development recordings at five speeds)."""
WELL_WITHIN = 0.12
"""Largest error of speed at which treble is measured. A larger one shifts the bands too far against each other."""
FRAMES_KEPT = 1000
REACH_OCTAVES = 1.25
MOST_APART_DB = 0.8
"""Largest distance of a clip from the profile, in excess of that of the profile's own recordings, at which it counts as
that voice. Other clips of the voice stay below 0.4 dB, dull ones below 0.5 dB. Other voices have 0.7 dB or more (the
median is 1.2 dB)."""
LEAST_IDENTITY_S = 15.0
"""Least speech in a profile for a decision whether a clip is spoken by its voice. On the development voices of
`benchmarks/voice_identity.py`, only profiles with less took other words of the same voice for another one."""
OTHER_VOICE_DB = 1.1
"""Largest `voice_distance_db` of a clip that counts as the voice of the profile, at the voice's own speed. Chosen on
the development voices of `benchmarks/voice_identity.py`, which gives the rates of both halves."""
PITCH_DB_PER_OCTAVE = 2.0
"""Weight of a difference in pitch in `voice_distance_db`, chosen together with `OTHER_VOICE_DB` on the same voices.
Pitch alone differs by up to a third of an octave within one voice."""
_TILT_FROM_HZ, _TILTS_DB = 1000.0, (0.0, 1.0, 2.0, 3.0, 4.0)
"""Losses of treble that are undone to recognise a dull voice, in dB per octave. Steeper ones do not help, and let more
other voices pass."""
_LOUD_RANGE_DB = 25.0
_EDGE_SHARE = 0.9
_LEAST_BANDS = 12
_COARSE_OCTAVES, _FINE_OCTAVES, _FINE_STEPS, _CURVE = 1 / 16, 1 / 48, 6, 3
_COARSE_FRAMES, _FINE_FRAMES = 100, 250
_COARSE_KNOWN = 500
_ALIKE_FOR_SPEED, _ALIKE_FOR_TREBLE = 2, 8
_OUTLIER_DB = 4.0
_NOISE_MARGIN_DB, _NOISE_SLOPE_DB = 3.0, 6.0
_LEAST_WINDOWS = 10.0
_FURTHEST_DB = 40.0


@dataclass(frozen=True)
class Usual:
    """A measure of the recordings of a voice by themselves: its middle value and its extremes."""

    metric: str
    middle: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class VoiceSource:
    """Where the recordings of a profile came from, if a speech service was asked for them.

    Parameters
    ----------
    voice, model : str
        Names of the voice and of the model that spoke.
    endpoint : str
        "emulator", "gemini" or a URL.
    made : str
        When, as 2026-11-26T22:30:00Z.
    """

    voice: str
    model: str
    endpoint: str
    made: str


@dataclass(frozen=True, eq=False)
class VoiceProfile:
    """The profile of a voice.

    Parameters
    ----------
    name : str
        Name of the voice.
    duration_s : float
        Duration of the speech that it was made from.
    recordings : tuple of str
        Names of the recordings that it was made from.
    frames : VoiceFrames
        Levels of single windows.
    apart_db : float
        Mean distance of the windows of one of its recordings from those of the others.
    speed_spread, treble_spread_db : float or None
        Differences in speed and in treble between parts of its own recordings and the rest (root mean square); None if
        there was too little speech.
    pitch_octaves : float or None
        Median pitch, as log2 of Hz; None if it is not known.
    distance_spread_db : float or None
        `voice_distance_db` of parts of its own recordings from the rest (root mean square); None if there was too
        little speech.
    source : VoiceSource or None
        The speech service that was asked for the recordings; None if they are the user's own.
    sample : bytes
        Some seconds of the recordings to listen to, as FLAC; empty if there are none.
    usual : tuple of Usual
        What its recordings measure by themselves; empty for a profile of an older version.
    """

    name: str
    duration_s: float
    recordings: tuple[str, ...]
    frames: VoiceFrames
    apart_db: float
    speed_spread: float | None = None
    treble_spread_db: float | None = None
    pitch_octaves: float | None = None
    distance_spread_db: float | None = None
    source: VoiceSource | None = None
    sample: bytes = b""
    usual: tuple[Usual, ...] = ()


@dataclass(frozen=True)
class ProfileSpeed:
    """Speed of a recording relative to its voice, and its excess distance from the profile at that speed."""

    ratio: float
    apart_db: float


def speech_s(spectrum: Spectrum) -> float:
    """Return the seconds of sound in a clip."""
    return float(spectrum.active.sum()) * HOP_S


def make_profile(name: str, sounds: Sequence[Sound], names: Sequence[str] = ()) -> VoiceProfile | None:
    """Return a profile from recordings of one voice; None if they have less than 8 s of sound."""
    spectra = [sound.spectrum for sound in sounds]
    duration_s = sum(speech_s(spectrum) for spectrum in spectra)
    if duration_s < LEAST_PROFILE_S:
        return None
    known = [frames for spectrum in spectra if (frames := voice_frames(spectrum)) is not None]
    pitches = [pitch for sound in sounds if (pitch := _pitch_octaves(sound)) is not None]
    return VoiceProfile(
        name,
        duration_s,
        tuple(names),
        joined(known).thinned(FRAMES_KEPT),
        own_distance_db(known),
        pitch_octaves=float(np.median(pitches)) if pitches else None,
    )


def _pitch_octaves(sound: Sound) -> float | None:
    """Return the median pitch as log2 of Hz; None if too few windows are voiced."""
    quantiles = pitch_quantiles(sound.samples, sound.rate_hz, sound.spectrum)
    return None if quantiles is None else float(quantiles[1])


def joined(known: Sequence[VoiceFrames]) -> VoiceFrames:
    """Return the windows of several recordings as one set, with the median noise and the lowest Nyquist frequency."""
    return VoiceFrames(
        np.concatenate([item.bands_db for item in known]),
        np.concatenate([item.treble_db for item in known]),
        np.asarray(np.median([item.noise_db for item in known], axis=0)),
        min(item.top_hz for item in known),
    )


def own_distance_db(known: Sequence[VoiceFrames]) -> float:
    """Return the distance of the loud windows of a recording from those of the others, in dB.

    It is the median over the recordings, so that a recording of another voice has little influence. A single recording
    is split into halves.
    """
    if len(known) == 1:
        middle = known[0].count // 2
        whole = known[0]
        known = [VoiceFrames(whole.bands_db[part], whole.treble_db[part], whole.noise_db, whole.top_hz)
                 for part in (slice(0, middle), slice(middle, None))]  # fmt: skip
    distances = []
    part = [item.thinned(max(20, 4 * FRAMES_KEPT // len(known))) for item in known]
    for index, item in enumerate(known):
        others = joined([other for place, other in enumerate(part) if place != index]).thinned(FRAMES_KEPT)
        loud = _picked(item.bands_db[_loud(item.bands_db)])
        distances.append(_distance_db(loud, others.bands_db, np.ones(CENTRES_HZ.size, dtype=bool)))
    return float(np.median(distances))


def speed_against_profile(profile: VoiceProfile, sound: Sound) -> ProfileSpeed | None:
    """Return the speed at which a clip's windows are most like those of its voice; None for less than 1.5 s of sound.

    Bands below 5 kHz follow pitch and formants. Speeds within ±1.25 octaves are tried at 1/16, then at 1/48 octave,
    and a parabola through the best seven gives the place between.
    """
    spectrum = sound.spectrum
    if speech_s(spectrum) < LEAST_GROSS_SPEED_S:
        return None
    # Bands above the edge of the clip's content are left out, so that a low-pass does not look like another speed.
    edge_hz = content_edge(spectrum)
    top_hz = min(NYQUIST_SHARE * spectrum.nyquist_hz, np.inf if edge_hz is None else _EDGE_SHARE * edge_hz)
    loud = np.flatnonzero(spectrum.active & (spectrum.frame_level_dbfs > _loud_level(spectrum)))
    centres = ((loud * HOP_S + HOP_S) * sound.rate_hz).astype(np.int64)
    wide = np.arange(-REACH_OCTAVES, REACH_OCTAVES + 1e-9, _COARSE_OCTAVES)
    known = profile.frames.thinned(_COARSE_KNOWN)
    coarse, first = _distances(known, sound, _spread(centres, _COARSE_FRAMES), wide, top_hz)
    narrow = coarse[int(np.argmin(first))] + _FINE_OCTAVES * np.arange(-_FINE_STEPS, _FINE_STEPS + 1)
    fine, second = _distances(profile.frames, sound, _spread(centres, _FINE_FRAMES), narrow, top_hz)
    best = int(np.argmin(second))
    if not np.isfinite(second[best]):
        return None
    near = slice(max(0, best - _CURVE), best + _CURVE + 1)
    finite = np.isfinite(second[near])
    a, b, _ = (
        np.polyfit(fine[near][finite] - fine[best], second[near][finite], 2) if finite.sum() > 2 else (0.0, 0.0, 0.0)
    )
    shift = float(np.clip(-b / (2 * a), -_CURVE * _FINE_OCTAVES, _CURVE * _FINE_OCTAVES)) if a > 0 else 0.0
    return ProfileSpeed(float(2.0 ** (fine[best] + shift)), float(second[best]) - profile.apart_db)


def distance_from_profile_db(profile: VoiceProfile, sound: Sound) -> float:
    """Return the excess distance in dB of a clip from a profile at speed 1; infinity if the clip is silent."""
    frames = voice_frames(sound.spectrum)
    if frames is None:
        return float("inf")
    loud = _picked(frames.bands_db[_loud(frames.bands_db)])
    return _distance_db(loud, profile.frames.bands_db, np.ones(CENTRES_HZ.size, dtype=bool)) - profile.apart_db


def own_distance_spread_db(profile: VoiceProfile, pieces: Sequence[Sound]) -> float | None:
    """Return `voice_distance_db` of pieces of a voice from the others (root mean square); None for less than two."""
    known = [(piece, voice_frames(piece.spectrum), _pitch_octaves(piece)) for piece in pieces]
    found = []
    for place, piece in enumerate(pieces):
        rest = [(frames, pitch) for other, (_, frames, pitch) in enumerate(known) if other != place]
        frames = [item for item, _ in rest if item is not None]
        if not frames:
            continue
        pitches = [pitch for _, pitch in rest if pitch is not None]
        others = replace(
            profile,
            frames=joined(frames).thinned(FRAMES_KEPT),
            pitch_octaves=float(np.median(pitches)) if pitches else None,
        )
        distance_db = voice_distance_db(others, piece)
        if distance_db is not None:
            found.append(distance_db)
    return float(np.sqrt(np.mean(np.square(found)))) if len(found) > 1 else None


def voice_distance_db(profile: VoiceProfile, sound: Sound) -> float | None:
    """Return how far a clip is from a voice at the voice's own speed, in dB; None for less than 2 s of sound.

    It is the excess of the mean distance of the clip's windows from the profile over that of the profile's own
    recordings, plus `PITCH_DB_PER_OCTAVE` times the difference of the median pitch.

    A dull clip of the voice must not be taken for another voice. So bands above the edge of the clip's content are
    left out, and of five losses of treble above 1 kHz that are undone, that which brings the clip nearest counts.
    """
    frames = voice_frames(sound.spectrum)
    if frames is None or speech_s(sound.spectrum) < LEAST_TREBLE_S:
        return None
    edge_hz = content_edge(sound.spectrum)
    top_hz = min(NYQUIST_SHARE * sound.spectrum.nyquist_hz, np.inf if edge_hz is None else _EDGE_SHARE * edge_hz)
    upper = CENTRES_HZ * 2**HALF_WIDTH_OCTAVES
    valid = (upper < top_hz) & (upper < NYQUIST_SHARE * profile.frames.top_hz)
    if valid.sum() < _LEAST_BANDS:
        return None
    loud = _picked(frames.bands_db[_loud(frames.bands_db)])
    octaves = np.maximum(np.log2(CENTRES_HZ / _TILT_FROM_HZ), 0.0)
    distances = [_distance_db(loud + tilt * octaves, profile.frames.bands_db, valid) for tilt in _TILTS_DB]
    bands = min(distances) - profile.apart_db
    pitch = _pitch_octaves(sound)
    if pitch is None or profile.pitch_octaves is None:
        return bands
    return bands + PITCH_DB_PER_OCTAVE * abs(pitch - profile.pitch_octaves)


def _picked(bands_db: Array) -> Array:
    return bands_db[_spread(np.arange(bands_db.shape[0]), _FINE_FRAMES)]


def _loud_level(spectrum: Spectrum) -> float:
    return float(np.percentile(spectrum.frame_level_dbfs[spectrum.active], 95)) - _LOUD_RANGE_DB


def _loud(bands_db: Array) -> NDArray[np.bool_]:
    level = 10.0 * np.log10((10.0 ** (bands_db / 10.0)).sum(axis=1))
    return np.asarray(level > np.percentile(level, 95) - _LOUD_RANGE_DB)


def _spread(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return places if places.size <= most else places[np.linspace(0, places.size - 1, most).astype(int)]


def _distances(
    known: VoiceFrames, sound: Sound, centres: NDArray[np.int64], octaves: NDArray[np.float64], top_hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return speeds near the requested ones, and the distance from the profile in bands below `top_hz` at each."""
    widths = sorted({width_near(2.0**octave, sound.rate_hz) for octave in octaves}, reverse=True)
    speeds = [speed_of_width(width, sound.rate_hz) for width in widths]
    upper = CENTRES_HZ * 2**HALF_WIDTH_OCTAVES
    found = []
    for width, speed in zip(widths, speeds, strict=True):
        valid = (upper * speed < top_hz) & (upper < NYQUIST_SHARE * known.top_hz)
        near = valid.sum() >= _LEAST_BANDS
        found.append(_distance_db(bands_at_width(sound, centres, width), known.bands_db, valid) if near else np.inf)
    return np.log2(speeds), np.array(found)


def _distance_db(bands_db: Array, known_db: Array, valid: NDArray[np.bool_]) -> float:
    """Return the mean RMS distance per band of each window from the two most similar ones, at equal level."""
    x, y = bands_db[:, valid], known_db[:, valid]
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    squares = _squares(x, y)
    count = min(_ALIKE_FOR_SPEED, squares.shape[1])
    nearest = np.partition(squares, count - 1, axis=1)[:, :count]
    return float(np.sqrt(np.maximum(nearest, 0.0).mean(axis=1) / valid.sum()).mean())


def _squares(x: Array, y: Array) -> Array:
    return np.asarray((x * x).sum(axis=1)[:, None] - 2 * x @ y.T + (y * y).sum(axis=1)[None, :])


def treble_against_profile(profile: VoiceProfile, sound: Sound) -> TrebleLoss | None:
    """Return the loss of treble of a recording against its voice, per band; None for less than 2 s of sound.

    The expected level of a window above 3.5 kHz is the median of the eight windows of the profile that are most similar
    below 3 kHz. Windows whose expected level is below the noise of either are left out. A band is None above 0.95 of
    either Nyquist frequency, and if fewer than ten windows are left.
    """
    frames = voice_frames(sound.spectrum)
    if frames is None or speech_s(sound.spectrum) < LEAST_TREBLE_S:
        return None
    return treble_of_frames(profile.frames, frames.thinned(FRAMES_KEPT))


def treble_of_frames(known: VoiceFrames, frames: VoiceFrames) -> TrebleLoss:
    """Return the loss of treble of windows against the known windows of the voice, per band."""
    x, y = _timbre(frames), _timbre(known)
    squares = _squares(x, y)
    count = min(_ALIKE_FOR_TREBLE, squares.shape[1])
    nearest = np.argpartition(squares, count - 1, axis=1)[:, :count]
    against_speech = known.treble_db - known.bands_db[:, SPEECH].mean(axis=1, keepdims=True)
    expected = np.median(against_speech[nearest], axis=1) + frames.bands_db[:, SPEECH].mean(axis=1, keepdims=True)
    limit = NYQUIST_SHARE * min(frames.top_hz, known.top_hz)
    losses = [
        _loss(expected[:, band], frames.treble_db[:, band], float(frames.noise_db[band]), float(known.noise_db[band]))
        if high <= limit else None
        for band, (_, high) in enumerate(BANDS_HZ)
    ]  # fmt: skip
    return TrebleLoss(tuple(losses))


def _timbre(frames: VoiceFrames) -> Array:
    """Return the features by which windows are compared below 3 kHz: the shape, and the level as one more band."""
    bands = frames.bands_db[:, SPEECH]
    level = bands.mean(axis=1, keepdims=True)
    return np.concatenate((bands - level, level), axis=1)


def _loss(expected: Array, seen: Array, noise_db: float, known_noise_db: float) -> float | None:
    """Return the robust mean of the loss over the windows whose expected level is above the noise of both."""
    above = expected - max(noise_db, known_noise_db)
    weights = np.clip((above - _NOISE_MARGIN_DB) / _NOISE_SLOPE_DB, 0.0, 1.0)
    if weights.sum() < _LEAST_WINDOWS:
        return None
    with_noise = 10.0 * np.log10(10.0 ** (expected / 10.0) + 10.0 ** (noise_db / 10.0))
    missing = np.clip(with_noise - seen, -_FURTHEST_DB, _FURTHEST_DB)
    order = np.argsort(missing)
    sums = np.cumsum(weights[order])
    middle = float(missing[order][np.searchsorted(sums, sums[-1] / 2)])
    for _ in range(4):
        share = weights / np.maximum(1.0, np.abs(missing - middle) / _OUTLIER_DB)
        middle = float(np.average(missing, weights=share))
    return middle

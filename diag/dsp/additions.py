"""Measure everything that a segment adds to its input, in an order that keeps one fault from looking like another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diag.dsp.added_sound import (
    DC_WARN_DBFS,
    HUM_TOP_HZ,
    HUM_WARN_DB,
    NOISE_WARN_SNR_DB,
    TONE_WARN_DB,
    AddedNoise,
    Hum,
    Tone,
    added_dc_dbfs,
    added_hum,
    added_noise,
    added_tones,
)
from diag.dsp.aligned import AlignedPair
from diag.dsp.copies import (
    COPY_WARN_DB,
    ROOM_WARN_DB,
    Comb,
    Copy,
    Room,
    added_room,
    comb,
    impulse_response,
    second_copy,
    with_copy,
)
from diag.dsp.distortion import Distortion, Kind, distortion
from diag.dsp.level_change import LEVEL_CHANGE_WARN_DB, PUMPING_DB, LevelChange, level_change, with_steps
from diag.dsp.mirrored import ALIAS_GAIN_DB, ALIASING_WARN_DB, Mirrored, aliasing, images, strongest
from diag.dsp.tone_colour import UNCHANGED, ToneChange, tone_change

IMAGES_WARN_DB = -50.0
"""Level of images relative to the speech. Good resamplers stay below -62 dB; linear interpolation gives -28 to
-46 dB."""

IMAGES_COHERENCE = 0.3
"""Least coherence of images. Linear interpolation of 5 voices gave 0.75 and more, because nothing else lies above the
old Nyquist frequency. The treble that Opus synthesises there has a low coherence with the sound below."""
BENT_COPY_DB = -18.0
"""Least level of a second copy in distorted sound. The distortion products of a voice are as periodic as the voice, and
look like a weak copy."""
_PERIODIC = (Kind.CLIPPED, Kind.OVERDRIVE, Kind.COMPANDING, Kind.OTHER)
PLAIN_COPY_DB = -55.0
"""If the residual after subtracting the reference at one gain is below this level, no measure of added sound would
warn, because their warnings begin at -50 dB."""
NOTHING_DB = -100.0
"""Level if nothing of its kind was found. It is below the noise of 16-bit audio."""


@dataclass(frozen=True)
class Additions:
    """What a segment adds or changes. Each part is None if it could not be measured or is absent.

    Parameters
    ----------
    level : LevelChange or None
    noise : AddedNoise or None
    dc_dbfs : float
    hum : Hum or None
    tones : tuple of Tone
    distortion : Distortion or None
    aliasing : Mirrored or None
    images_about : tuple of Mirrored
        Images about each frequency at which they could be measured, also where none stand out.
    copy : Copy or None
    room : Room or None
    tone : ToneChange or None
    comb : Comb or None
    """

    level: LevelChange | None
    noise: AddedNoise | None
    dc_dbfs: float
    hum: Hum | None
    tones: tuple[Tone, ...]
    distortion: Distortion | None
    aliasing: Mirrored | None
    images_about: tuple[Mirrored, ...]
    copy: Copy | None
    room: Room | None
    tone: ToneChange | None
    comb: Comb | None = None

    @property
    def images(self) -> Mirrored | None:
        """The strongest images; None if none stand out."""
        return strongest(self.images_about)


def plain_copy(pair: AlignedPair) -> Additions | None:
    """Return the additions of a segment whose output is its input at one gain; None for any other segment.

    Parameters
    ----------
    pair : AlignedPair
        The whole of both signals at one delay (`shifted_pair`).

    Notes
    -----
    This case is handled first, because a reference that is itself noisy, distorted or doubled has the features that
    the other measures look for. They would report them for an exact copy of that reference too.
    """
    reference, estimated = (values.astype(np.float64) for values in (pair.reference, pair.estimated))
    power = float(reference @ reference)
    gain = float(reference @ estimated) / power if power > 0.0 else 0.0
    rest = estimated - gain * reference
    if gain <= 0.0 or float(rest @ rest) > 10 ** (PLAIN_COPY_DB / 10) * gain**2 * power:
        return None
    level = level_change(pair)
    if level is None or level.steps:
        return None
    return Additions(
        level=level,
        noise=AddedNoise(level_dbfs=-120.0, snr_db=-NOTHING_DB, residual_db=NOTHING_DB),
        dc_dbfs=added_dc_dbfs(pair),
        hum=None,
        tones=(),
        distortion=Distortion(NOTHING_DB, Kind.NONE, None),
        aliasing=None,
        images_about=(),
        copy=None,
        room=None,
        tone=UNCHANGED,
    )


def measure_additions(pair: AlignedPair) -> Additions:
    """Return everything in the estimated signal that is not the filtered reference.

    Notes
    -----
    Steps of level are measured first and applied to the reference, because they would disturb the correlations of the
    later measures. A second copy is measured next and added to the reference. Otherwise its speech would be measured as
    noise and its interference as pumping.
    """
    level, tone = level_change(pair), tone_change(pair)
    if level is not None and level.steps:
        pair = with_steps(pair, level)
        even = level_change(pair)
        level = replace(level, pumping_db=even.pumping_db) if even is not None else level
    response = impulse_response(pair)
    copy = second_copy(response) if response is not None else None
    room = added_room(response) if response is not None else None
    if copy is not None and room is not None and copy.level_db < room.level_db - 3.0:
        copy = None
    bent: Distortion | None = None
    if copy is not None and copy.level_db > COPY_WARN_DB - 10.0:
        bent = distortion(pair)
        if bent is not None and bent.kind in _PERIODIC and copy.level_db < max(BENT_COPY_DB, bent.level_db + 6.0):
            # The copy is the period of the voice in its distortion. Added to the reference, it would hide that.
            copy = None
        else:
            pair, bent = with_copy(pair, copy), None
            level = level if level is not None and level.steps else level_change(pair)
    hum = added_hum(pair)
    tones = tuple(tone for tone in added_tones(pair) if hum is None or not _harmonic(tone, hum))
    lines = [tone.frequency_hz for tone in tones]
    if hum is not None:
        lines += [hum.mains_hz * number for number in range(1, 9)]
    bent = distortion(pair) if bent is None else bent
    # Wrapped integers make jumps, whose spectrum is so wide that it would look like aliases and images.
    whole = bent is None or bent.kind is not Kind.WRAPPED
    return Additions(
        level=level,
        noise=added_noise(pair, lines),
        dc_dbfs=added_dc_dbfs(pair),
        hum=hum,
        tones=tones,
        distortion=bent,
        aliasing=aliasing(pair) if whole else None,
        images_about=images(pair) if whole else (),
        copy=copy,
        room=room,
        tone=tone,
        comb=comb(response) if response is not None and room is None else None,
    )


def _harmonic(tone: Tone, hum: Hum) -> bool:
    number = round(tone.frequency_hz / hum.mains_hz)
    return tone.frequency_hz < HUM_TOP_HZ or (number <= 20 and abs(tone.frequency_hz - number * hum.mains_hz) < 6.0)


def faults(additions: Additions) -> dict[str, float]:
    """Return the kinds of faults above their warning threshold, each with its size in its own unit.

    A fault that follows from another is left out: noise and pumping of distorted sound, pumping from an echo or a room.
    """
    found = {**_level_faults(additions), **_sound_faults(additions), **_mirror_faults(additions)}
    bent = additions.distortion
    if bent is not None and bent.kind is not Kind.NONE:
        found[str(bent.kind)] = bent.level_db
    if _copied(additions) and additions.copy is not None:
        found["echo" if additions.copy.echo else "played twice"] = additions.copy.level_db
    if additions.room is not None and additions.room.level_db > ROOM_WARN_DB:
        found["room"] = additions.room.level_db
    if Kind.WRAPPED in found:
        # Jumps of full scale add sound at all frequencies, so that other measures are not valid.
        return {name: size for name, size in found.items() if name in (Kind.WRAPPED, "level", "near-silent", "dc")}
    return found


def _copied(additions: Additions) -> bool:
    least_db = BENT_COPY_DB if _bent(additions) else COPY_WARN_DB
    return additions.copy is not None and additions.copy.level_db > least_db


def _bent(additions: Additions) -> bool:
    """Return whether the sound is distorted, or has the 8 bits of telephony, whose rounding adds noise."""
    bent = additions.distortion
    return bent is not None and (bent.kind is not Kind.NONE or bent.detail is not None)


def _level_faults(additions: Additions) -> dict[str, float]:
    level = additions.level
    if level is None:
        return {}
    if level.near_silent:
        return {"near-silent": level.estimated_dbfs}
    found = {"level step" if step.sudden else "level fade": step.change_db for step in level.steps}
    if not level.steps and abs(level.change_db) > LEVEL_CHANGE_WARN_DB:
        found["level"] = level.change_db
    noise, hum = additions.noise, additions.hum
    unsure = (noise is not None and noise.snr_db < 20.0) or (hum is not None and hum.relative_db > -25.0)
    explained = _bent(additions) or _copied(additions) or additions.room is not None or unsure
    if level.pumping_db > PUMPING_DB and not explained:
        found["pumping"] = level.pumping_db
    return found


def _sound_faults(additions: Additions) -> dict[str, float]:
    found: dict[str, float] = {}
    noise, hum = additions.noise, additions.hum
    room = additions.room is not None
    if noise is not None and noise.snr_db < NOISE_WARN_SNR_DB and not (_bent(additions) or room):
        found["noise"] = noise.snr_db
    if additions.dc_dbfs > DC_WARN_DBFS:
        found["dc"] = additions.dc_dbfs
    if hum is not None and hum.relative_db > HUM_WARN_DB and not room:
        found["hum"] = hum.relative_db
    if additions.tones and additions.tones[0].relative_db > TONE_WARN_DB:
        found["tone"] = additions.tones[0].relative_db
    return found


def _mirror_faults(additions: Additions) -> dict[str, float]:
    # Some harmonics from distortion fall on mirrored frequencies too.
    bent = additions.distortion
    least = 0.5 if bent is not None and bent.kind is not Kind.NONE else 0.0
    found: dict[str, float] = {}
    down, up = additions.aliasing, additions.images
    if down is not None and down.level_db > ALIASING_WARN_DB and down.gain_db > ALIAS_GAIN_DB:
        found["aliasing"] = down.level_db
    if up is not None and up.level_db > IMAGES_WARN_DB:
        found["images"] = up.level_db
    coherence = {"aliasing": down.coherence if down else 0.0, "images": up.coherence if up else 0.0}
    least_of = {"aliasing": least, "images": max(least, IMAGES_COHERENCE)}
    return {name: size for name, size in found.items() if coherence[name] > least_of[name]}

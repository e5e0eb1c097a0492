"""Bandwidth of a tap, and the images that a poor resampler adds above it."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.messages import Message, msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Tier, not_measured
from diag.dsp.band import (
    FAINTEST_IMAGE_DB,
    IMAGING_LIMIT,
    NYQUISTS_HZ,
    Imaging,
    content_edge,
    image_about,
    images_beyond,
    imaging,
)
from diag.dsp.rate import INPUT, OUTPUT
from diag.dsp.spectrum import Spectrum, centroid_hz, tilt_db_per_octave
from diag.measure.metrics.sounds import HEALTHY_RATIO, additions, remembered, sound, speed
from diag.measure.reasons import SILENT, too_short, wrong_speed
from diag.measure.registry import Group, metric

CLIP = msg("clip")
IN_DOUBT = Missing(MissingCode.UNFIT, msg("treble resembles a mirror image, and the added noise hides its phase"))
QUIET_SNR_DB = 40.0
"""What Opus leaves at 24 kbit/s is mostly fainter (12 of 14 development voices); noise that hides images is louder."""
NO_IMAGES = Missing(MissingCode.NOTHING_SUSPICIOUS, msg("no mirror images"))
TRANSITION = 1.025
"""Nyquist frequency of a stage divided by the measured edge. Good resamplers fade out below the Nyquist frequency (by 2
to 3.9 %, median 2.5 %, for stages of 8 to 22.05 kHz on the development voices)."""


def _too_little(spectrum: Spectrum) -> Missing:
    return too_short(msg("less than 0.3 s of sound")) if spectrum.active.any() else SILENT


def _no_images(spectrum: Spectrum, what: Message) -> Missing:
    if not spectrum.active.any():
        return Missing(MissingCode.SILENT, msg("the {name} is silent", name=what))
    return Missing(
        MissingCode.LOW_RATE, msg("the {what} has too little sound, or too low a rate, to look for images", what=what)
    )


@metric(
    "bandwidth_hz", unit="Hz", better="higher", tolerance=500.0,
    label="Bandwidth", group=Group.TREBLE, order=3, compared=True,
)  # fmt: skip
def bandwidth(clip: Clip) -> Reading:
    """Upper edge of the content.

    What
        The highest 100 Hz band whose level follows the speech and is at most 72 dB below the loudest band, plus 2.5 %
        for the roll-off of the filter. If there is no edge, it is half the sample rate. If a poor resampler filled the
        upper bands with images, it is the frequency about which they are mirrored.
    From – to
        The sound of the clip alone.
    Better is
        Higher, up to half the rate of the service's audio (12 kHz).
    Not measured when
        The clip is silent or has less than 0.3 s of sound.
    Reference
        Below 10 kHz is a warning, below 8.2 kHz an error; 4.2 kHz is telephone quality. Validated against stages of 8
        to 22.05 kHz.
    """
    spectrum = sound(clip).spectrum
    edge = content_edge(spectrum)
    if edge is None:
        return not_measured(_too_little(spectrum), Tier.BLIND)
    mirrored = _images(clip)
    if mirrored is not None and mirrored.weighed > IMAGING_LIMIT and mirrored.mirror_hz < edge:
        return Reading(value=mirrored.mirror_hz, tier=Tier.BLIND, confidence=mirrored.weighed)
    return Reading(value=min(TRANSITION * edge, spectrum.nyquist_hz), tier=Tier.BLIND)


@metric(
    "tilt_db_per_octave", unit="dB/oct", better="none", pool="mean",
    label="Spectral tilt", group=Group.TREBLE, order=9,
)  # fmt: skip
def tilt(clip: Clip) -> Reading:
    """Slope of the long-term spectrum from 300 Hz to 8 kHz.

    What
        Shows how dull or bright a voice is. It is never judged, because voices differ by 5 dB per octave.
    From – to
        The sound of the clip alone.
    Better is
        Neither.
    Not measured when
        The clip is silent, or its rate leaves less than four 1/3-octave bands.
    Reference
        Least-squares line through 1/3-octave levels.
    """
    spectrum = sound(clip).spectrum
    value = tilt_db_per_octave(spectrum)
    return not_measured(_too_little(spectrum), Tier.BLIND) if value is None else Reading(value=value, tier=Tier.BLIND)


@metric("centroid_hz", unit="Hz", better="none", pool="mean", label="Spectral centroid", group=Group.TREBLE, order=10)
def centroid(clip: Clip) -> Reading:
    """Spectral centroid.

    What
        Centre of gravity of the long-term magnitude spectrum above 60 Hz. It is shown but never judged.
    From – to
        The sound of the clip alone.
    Better is
        Neither.
    Not measured when
        The clip is silent.
    Reference
        Magnitude-weighted mean frequency.
    """
    spectrum = sound(clip).spectrum
    value = centroid_hz(spectrum)
    return not_measured(_too_little(spectrum), Tier.BLIND) if value is None else Reading(value=value, tier=Tier.BLIND)


def _images(clip: Clip) -> Imaging | None:
    """Return the strongest mirror images of a clip, computed once."""
    spectrum = sound(clip).spectrum
    return remembered(clip, "imaging", lambda: imaging(spectrum))


@metric("imaging", unit="1", better="lower", tolerance=0.05)
def imaging_of_tap(clip: Clip) -> Reading:
    """Mirror images of a poor resampler, by the clip alone.

    What
        Correlation of the fine structure below a common Nyquist frequency with its mirror image above. Linear
        interpolation and sample repetition leave images; a good resampler leaves only faint ones. The value is 0 if
        the images are more than 25 dB below the sound that they mirror, or more than 65 dB below the voice.
    From – to
        The sound of the clip alone.
    Better is
        Lower. Some synthetic voices already contain images, so compare a hop with its own input.
    Not measured when
        The clip is silent, or its sample rate is too low to look for images.
    Reference
        Limit 0.22: clean speech reaches 0.2, images without noise 0.8, with noise at -45 dB 0.25 and more.
    """
    spectrum = sound(clip).spectrum
    found = _images(clip)
    if found is None:
        return not_measured(_no_images(spectrum, CLIP), Tier.BLIND)
    return Reading(value=max(0.0, found.weighed), tier=Tier.BLIND)


@metric(
    "image_level_db", unit="dB", better="lower", tolerance=3.0,
    label="Level of resampling images", group=Group.TREBLE, order=7,
)  # fmt: skip
def image_level(clip: Clip) -> Reading:
    """Level of mirror images, relative to the voice.

    What
        Power from 10 % above the mirror frequency up to 55 % or 3 kHz more, relative to the power from 300 Hz to 4 kHz.
        Only windows with sound count, and the noise floor is subtracted.
    From – to
        The sound of the clip alone.
    Better is
        Lower: linear interpolation leaves -55 to -20 dB, ffmpeg's default resampler -60 dB and less.
    Not measured when
        No images are found, the clip is silent, or its sample rate is too low to look for images.
    Reference
        Images below -65 dB cannot be heard beside speech at a usual level.
    """
    found = _images(clip)
    if found is None:
        return not_measured(_no_images(sound(clip).spectrum, CLIP), Tier.BLIND)
    if found.correlation <= IMAGING_LIMIT:
        return not_measured(NO_IMAGES, Tier.BLIND)
    return Reading(value=found.level_db, tier=Tier.BLIND, confidence=found.correlation)


@metric("imaging", unit="1", better="lower", tolerance=0.05, label="Resampling images", group=Group.TREBLE, order=4)
def imaging_of_segment(reference: Clip, estimated: Clip) -> Reading:
    """Mirror images that a segment adds.

    What
        Mirror correlation of the output minus that of the input about the same frequency, the largest over all
        candidate frequencies. The faint images of a good resampler count as 0, as for a tap. Treble that resembles its
        mirror image but not in phase counts as 0 too, because codecs synthesise it. Above half the sample rate of the
        input only the segment can add sound: there it is enough that its level follows the mirrored sound.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is silent, its sample rate is too low to look for images, the speed differs by more than 0.5 % and
        nothing lies above half the sample rate of the input at that speed, or treble resembles its mirror image and
        added noise hides whether it is in phase.
    Reference
        Limit 0.22, as for a tap.
    """
    found = speed(reference, estimated)
    before, after = sound(reference).spectrum, sound(estimated).spectrum
    if not isinstance(found, Missing) and abs(found.by_pitch - 1.0) > HEALTHY_RATIO:
        beyond = images_beyond(after, found.by_pitch * before.nyquist_hz)
        return Reading(value=beyond) if beyond else not_measured(wrong_speed(found.by_pitch))
    if not before.active.any():
        return not_measured(_no_images(before, INPUT))
    if _images(estimated) is None:
        return not_measured(_no_images(after, OUTPUT))
    most, in_doubt = images_beyond(after, before.nyquist_hz), False
    for mirror_hz in NYQUISTS_HZ:
        images = image_about(after, mirror_hz)
        if images is None or images.weighed <= most:
            continue
        own = image_about(before, mirror_hz)
        added = images.weighed - (0.0 if own is None else own.weighed)
        if added > IMAGING_LIMIT and _out_of_phase(reference, estimated, mirror_hz):
            in_doubt = in_doubt or not _quiet(reference, estimated)
        else:
            most = max(most, added)
    return not_measured(IN_DOUBT) if in_doubt and most <= IMAGING_LIMIT else Reading(value=most)


def _out_of_phase(reference: Clip, estimated: Clip, mirror_hz: float) -> bool:
    """Return whether nothing above a frequency that can be heard has the phase of the mirrored input."""
    found = additions(reference, estimated)
    return not isinstance(found, Missing) and any(
        item.mirror_hz == mirror_hz and (item.coherence == 0.0 or item.level_db < FAINTEST_IMAGE_DB)
        for item in found.images_about
    )


def _quiet(reference: Clip, estimated: Clip) -> bool:
    """Return whether so little noise was added that it cannot hide the phase of images."""
    found = additions(reference, estimated)
    return not isinstance(found, Missing) and found.noise is not None and found.noise.snr_db > QUIET_SNR_DB

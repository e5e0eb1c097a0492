"""How far up the content of a tap reaches, and what a poor resampler adds above it."""

from __future__ import annotations

from diag.chain import Hop, Tap
from diag.clip import Clip
from diag.dsp.band import IMAGING_LIMIT, NYQUISTS_HZ, Imaging, content_edge, image_about, imaging
from diag.dsp.spectrum import centroid_hz, tilt_db_per_octave
from diag.metrics.sounds import match, remembered, sound
from diag.metrics.speed import HEALTHY_RATIO
from diag.registry import metric
from diag.results import Reading, Tier, not_measured

TAPS = tuple(Tap)
HOPS = (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER)
TRANSITION = 1.025
"""A stage's limit over the edge that is seen: good resamplers fade out below it (2 to 3.9 %, median 2.5 %, over stages
of 8 to 22.05 kHz of the development voices)."""
SILENT = "the clip is silent or has less than 0.3 s of sound"


@metric("bandwidth_hz", unit="Hz", better="higher", taps=TAPS, tolerance=500.0)
def bandwidth(clip: Clip) -> Reading:
    """Upper edge of the content.

    What
        The highest 100 Hz band that moves with the speech and is not fainter than 72 dB below the loudest, and 2.5 %
        for the fading of the filter that ends it; half the sample rate where there is no edge below it. Where a naive
        resampler filled the band with images, the frequency that they are mirrored about.
    From – to
        The sound of the clip alone.
    Better is
        Higher, up to half the rate of the service's audio (12 kHz).
    Not measured when
        The clip is silent or has less than 0.3 s of sound.
    Reference
        Below 10 kHz warns, below 8.2 kHz fails, 4.2 kHz is telephone; validated against stages of 8 to 22.05 kHz.
    """
    spectrum = sound(clip).spectrum
    edge = content_edge(spectrum)
    if edge is None:
        return not_measured(SILENT, Tier.BLIND)
    mirrored = _images(clip)
    if mirrored is not None and mirrored.weighed > IMAGING_LIMIT and mirrored.mirror_hz < edge:
        return Reading(value=mirrored.mirror_hz, tier=Tier.BLIND, confidence=mirrored.weighed)
    return Reading(value=min(TRANSITION * edge, spectrum.nyquist_hz), tier=Tier.BLIND)


@metric("tilt_db_per_octave", unit="dB/oct", better="none", taps=TAPS, pool="mean")
def tilt(clip: Clip) -> Reading:
    """Slope of the long-term spectrum from 300 Hz to 8 kHz.

    What
        Explains how dull or bright a voice is; never a verdict, since voices differ by 5 dB per octave.
    From – to
        The sound of the clip alone.
    Better is
        Neither.
    Not measured when
        The clip is silent, or its rate leaves less than four 1/3-octave bands.
    Reference
        Least-squares line through 1/3-octave levels.
    """
    value = tilt_db_per_octave(sound(clip).spectrum)
    return not_measured(SILENT, Tier.BLIND) if value is None else Reading(value=value, tier=Tier.BLIND)


@metric("centroid_hz", unit="Hz", better="none", taps=TAPS, pool="mean")
def centroid(clip: Clip) -> Reading:
    """Spectral centroid.

    What
        Centre of gravity of the long-term magnitude spectrum above 60 Hz; explains, never judges.
    From – to
        The sound of the clip alone.
    Better is
        Neither.
    Not measured when
        The clip is silent.
    Reference
        Magnitude-weighted mean frequency.
    """
    value = centroid_hz(sound(clip).spectrum)
    return not_measured(SILENT, Tier.BLIND) if value is None else Reading(value=value, tier=Tier.BLIND)


def _images(clip: Clip) -> Imaging | None:
    spectrum = sound(clip).spectrum
    return remembered(clip, "imaging", lambda: imaging(spectrum))


@metric("imaging", unit="1", better="lower", taps=TAPS, tolerance=0.05)
def imaging_of_tap(clip: Clip) -> Reading:
    """Mirror images of a naive resampler, by the clip alone.

    What
        Correlation of the fine structure below a usual Nyquist frequency with its mirror image above: linear
        interpolation and sample repeating leave images, proper resampling leaves only faint ones. 0 where the images
        lie more than 25 dB below what they mirror or 65 dB below the voice.
    From – to
        The sound of the clip alone.
    Better is
        Lower. Some synthetic voices are born with images: judge a hop by its own input.
    Not measured when
        The clip is silent, or its rate leaves no room above a candidate.
    Reference
        Limit 0.22: clean speech reaches 0.2, images without noise 0.8, with noise at -45 dB 0.25 and more.
    """
    found = _images(clip)
    if found is None:
        return not_measured("the clip is silent, too short, or of too low a rate", Tier.BLIND)
    return Reading(value=max(0.0, found.weighed), tier=Tier.BLIND)


@metric("image_level_db", unit="dB", better="lower", taps=TAPS, tolerance=3.0)
def image_level(clip: Clip) -> Reading:
    """Level of mirror images, against the voice.

    What
        Power from 10 % above the frequency that the spectrum is mirrored about, up to 55 % or 3 kHz more, against the
        power from 300 Hz to 4 kHz, over all that sounds and less the noise floor.
    From – to
        The sound of the clip alone.
    Better is
        Lower: linear interpolation leaves -55 to -20 dB, ffmpeg's default resampler -60 dB and less.
    Not measured when
        No images are found, the clip is silent, or its rate leaves no room above a candidate.
    Reference
        Images below -65 dB cannot be heard beside speech at a usual level.
    """
    found = _images(clip)
    if found is None:
        return not_measured("the clip is silent, too short, or of too low a rate", Tier.BLIND)
    if found.correlation <= IMAGING_LIMIT:
        return not_measured("no mirror images", Tier.BLIND)
    return Reading(value=found.level_db, tier=Tier.BLIND, confidence=found.correlation)


@metric("imaging", unit="1", better="lower", hops=HOPS, tolerance=0.05)
def imaging_of_hop(reference: Clip, estimated: Clip) -> Reading:
    """Mirror images that a hop adds.

    What
        The mirror correlation of the output less that of the input about the same frequency, the largest over all
        candidates. Images that a proper resampler leaves count as none, as for a tap.
    From – to
        Input tap – output tap.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is silent, its rate leaves no room above a candidate, or the speed differs by more than 0.5 %.
    Reference
        Limit 0.22, as for a tap.
    """
    found = match(reference, estimated)
    if found.rate_ratio is not None and abs(found.rate_ratio - 1.0) > HEALTHY_RATIO:
        return not_measured(f"the rate differs by {100 * (found.rate_ratio - 1):+.1f} %; see rate_ratio")
    before, after = sound(reference).spectrum, sound(estimated).spectrum
    if imaging(after) is None or not before.active.any():
        return not_measured("the output is silent, too short, or of too low a rate")
    most = 0.0
    for mirror_hz in NYQUISTS_HZ:
        images = image_about(after, mirror_hz)
        if images is not None and images.weighed > most:
            own = image_about(before, mirror_hz)
            most = max(most, images.weighed - (0.0 if own is None else own.weighed))
    return Reading(value=most)

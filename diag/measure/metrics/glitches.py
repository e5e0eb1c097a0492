"""Damaged samples and sound that is not speech on a single tap, and clicks that a segment adds."""

from __future__ import annotations

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, Spot, Tier, not_measured
from diag.dsp import clicks, gaps, glitches
from diag.dsp.spectrum import Sound
from diag.measure.metrics.sounds import remembered, sound, spliced, tracked
from diag.measure.reasons import SILENT, too_short
from diag.measure.registry import Group, metric

SHORTEST_S = 0.3
TOO_SHORT = too_short(msg("less than {shortest_s} s", shortest_s=SHORTEST_S))
LEAST_SOUND = too_short(msg("less than 0.5 s of sound"))
HIDDEN = Missing(MissingCode.UNFIT, msg("what a codec or noise added would hide a click"))
_SPOT_S = 0.3
LIMITED_HZ = 10.0
"""Times per second that a recording touches its highest value by single samples, from which on a limiter or clipped
treble is suspected. 238 healthy development recordings touch it less than 3 times per second. 11 of them driven 6 dB
into a limiter do 3 to 41 times, and clipped fricatives 12 to 43 times."""
MAYBE_CLIPPED = 0.5
"""Confidence of a clipping rate if it cannot be told from the work of a limiter."""


def _unfit(clip: Clip) -> Missing | None:
    if clip.duration_s < SHORTEST_S:
        return TOO_SHORT
    return None if sound(clip).spectrum.active.any() else SILENT


def _spots(frames: list[int], clip: Clip) -> tuple[Spot, ...]:
    times = [frame / clip.sample_rate_hz for frame in frames[:20]]
    # Near the start of the clip they are shorter, as their middle is the time that texts name.
    return tuple(Spot(Tap.HEARD, time - min(time, _SPOT_S), time + min(time, _SPOT_S)) for time in times)


@metric(
    "clipping_rate_hz", unit="1/s", better="lower", version=3, tolerance=0.1, pool="rate",
    label="Clipping per second", group=Group.GLITCHES, order=2, compared=True,
)  # fmt: skip
def clipping_rate(clip: Clip) -> Reading:
    """Flat tops per second.

    What
        Runs of at least three equal samples at the clip's own extremes (clipped and not changed since), or of two if
        there are many. If there are none: peaks that pile up at one level, a quarter of them plateaus (clipped, then
        filtered or resampled). Single samples that touch the extreme ten times per second do not count: a limiter
        leaves them, but clipped treble too. The confidence is then 0.5.
    From – to
        The samples of the clip alone, at any gain.
    Better is
        Lower; 0 is healthy. More than 5 is a warning in a recording alone, 10 more than at the input in a segment.
    Not measured when
        The clip is silent or shorter than 0.3 s, or does not vary as speech does (a square wave or a tone).
    Reference
        Clean speech has none. Clipping by 3 dB is found; after resampling, clipping by 6 dB in nearly every voice, by
        3 dB in half of the voices. Behind a high-pass filter of 300 Hz, as on a telephone line, it is not found.
    """
    unfit = _unfit(clip)
    if unfit:
        return not_measured(unfit, Tier.BLIND)
    samples = sound(clip).samples
    found = glitches.flat_tops(samples)
    if found.count == 0:
        found = glitches.piled_tops(samples, clip.sample_rate_hz)
    touched = glitches.held_tops(samples).shape[0] > max(2 * found.count, LIMITED_HZ * clip.duration_s)
    return Reading(
        value=found.count / clip.duration_s,
        tier=Tier.BLIND,
        confidence=MAYBE_CLIPPED if touched else None,
        spots=_spots(found.frames.tolist(), clip),
    )


@metric("click_rate_hz", unit="1/s", better="lower", tolerance=0.05, pool="rate")
def click_rate(clip: Clip) -> Reading:
    """Clicks per second.

    What
        Samples at which the fourth difference is far larger than in the milliseconds before and after, with the shape
        that a single wrong sample or step leaves.
    From – to
        The samples of the clip alone.
    Better is
        Lower; 0 is healthy. Pulse-excited synthetic voices have some clicks themselves.
    Not measured when
        The clip is silent or shorter than 0.3 s.
    Reference
        An impulse or a step explains 85 % of nine fourth differences, which are 6 times their neighbours and 0.8 of the
        peak; see the accuracy table.
    """
    unfit = _unfit(clip)
    if unfit:
        return not_measured(unfit, Tier.BLIND)
    found = clicks.clicks(sound(clip).samples, clip.sample_rate_hz)
    return Reading(value=found.count / clip.duration_s, tier=Tier.BLIND, spots=_spots(found.frames.tolist(), clip))


@metric(
    "click_rate_hz", unit="1/s", better="lower", tolerance=0.05, pool="rate",
    label="Clicks per second", group=Group.GLITCHES, order=1,
)  # fmt: skip
def added_click_rate(reference: Clip, estimated: Clip) -> Reading:
    """Clicks per second that a segment adds.

    What
        Jumps in the output that its input does not have: discontinuities between chunks, or single lost samples.
    From – to
        Input tap – output tap, after the speech is subtracted.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The output is not a copy of the input, or time was stretched; or what a codec or noise leaves after the
        subtraction would hide a click of 40 % of the peak for more than a quarter of the time, and none stands out.
    Reference
        Fourth difference of the remainder, 8 times its neighbours and 3 % of the peak; see the accuracy table.
    """
    own, other = spliced(reference, estimated)
    found = tracked(own, other)
    if isinstance(found, Missing):
        return not_measured(found)
    copy = sound(other)
    turned = Sound(copy.samples * found.polarity, copy.rate_hz)
    places = clicks.added_clicks(sound(own), turned, found.track, found.rate_ratio)
    length_s = sum(stretch.end_s - stretch.start_s for stretch in found.track.stretches)
    if places.hidden_share > clicks.MOST_HIDDEN and places.count == 0:
        return not_measured(HIDDEN)
    return Reading(
        value=places.count / max(length_s, 1e-3),
        confidence=found.confidence,
        spots=_spots(places.frames.tolist(), estimated) if other is estimated else (),
    )


def gaps_of(clip: Clip) -> list[tuple[int, int]]:
    """Return first sample and one past the last of each gap: runs of zeros, and gaps that hold only a noise floor."""
    samples = sound(clip).samples

    def compute() -> list[tuple[int, int]]:
        zeros = gaps.digital_gaps(samples, clip.sample_rate_hz)
        return sorted([*zeros, *gaps.noisy_gaps(samples, clip.sample_rate_hz)])

    return remembered(clip, "gaps", compute)


@metric("dropout_count", unit="1", better="lower", tolerance=0.5, pool="sum", compared=True)
def gap_count(clip: Clip) -> Reading:
    """Gaps cut into the sound of a tap, measured on the tap alone.

    What
        Runs of exact zeros of 2 ms to 1 s, and gaps of 3 to 260 ms that hold only a steady noise floor, with sound that
        is cut off abruptly at both edges. They appear when audio does not reach a player or a network in time.
    From – to
        The samples of the clip alone. If there is an input to compare with, the count of the hop is more accurate.
    Better is
        Lower; 0 is healthy.
    Not measured when
        The clip is silent or shorter than 0.3 s.
    Reference
        The 3 ms at both edges are within 12 to 18 dB of the active level and do not fade; see the accuracy table.
    """
    unfit = _unfit(clip)
    if unfit:
        return not_measured(unfit, Tier.BLIND)
    found = gaps_of(clip)
    spots = _spots([first for first, _ in found], clip)
    return Reading(value=float(len(found)), tier=Tier.BLIND, spots=spots)


@metric(
    "flatness", unit="1", better="lower", tolerance=0.02,
    label="Spectral flatness", group=Group.GLITCHES, order=3, compared=True,
)  # fmt: skip
def flatness(clip: Clip) -> Reading:
    """Spectral flatness, which shows whether the sound is noise.

    What
        Geometric mean divided by arithmetic mean of the spectrum, median over the loud windows: 0 for a tone, 1 for
        white noise. Speech whose bytes are read in the wrong order, or shifted by one byte, becomes noise.
    From – to
        The sound of the clip alone.
    Better is
        Lower. Speech stays below 0.02 and whispering below 0.15. Above 0.15 the bytes are probably misread, above 0.2
        certainly.
    Not measured when
        The clip is silent or shorter than 0.3 s.
    Reference
        Misread bytes gave 0.18 or more; see the accuracy table.
    """
    unfit = _unfit(clip)
    value = None if unfit else glitches.flatness(sound(clip).spectrum)
    return not_measured(unfit or SILENT, Tier.BLIND) if value is None else Reading(value=value, tier=Tier.BLIND)


@metric(
    "equal_pairs", unit="1", better="lower", tolerance=0.05, pool="mean",
    label="Samples equal in pairs", group=Group.GLITCHES, order=4, compared=True,
)  # fmt: skip
def equal_pairs(clip: Clip) -> Reading:
    """Share of equal sample pairs, which shows whether two channels are read as one.

    What
        Share of neighbouring pairs of samples that are equal (both channels the same) or of which one is zero (one
        channel silent).
    From – to
        The samples of the clip alone, before any resampling.
    Better is
        Lower; speech stays below 0.2, stereo read as mono gives 1.
    Not measured when
        The clip is silent or shorter than 0.3 s.
    Reference
        Clean speech reaches 0.13.
    """
    unfit = _unfit(clip)
    if unfit:
        return not_measured(unfit, Tier.BLIND)
    samples = sound(clip).samples
    return Reading(value=max(glitches.equal_pairs(samples), glitches.one_zero_pairs(samples)), tier=Tier.BLIND)


@metric(
    "tonality_db", unit="dB", better="lower", version=2, tolerance=3.0,
    label="Tonality", group=Group.GLITCHES, order=5, compared=True,
)  # fmt: skip
def tonality(clip: Clip) -> Reading:
    """Level of the steadiest frequency, which shows whether the sound is a stuck tone.

    What
        Level of the steadiest frequency above its neighbours throughout the clip. Only audible frequencies count: below
        14 kHz, at most 50 dB below the mean level and, below 200 Hz, above the threshold of hearing (ISO 226) where the
        speech has 65 dB SPL: mains hum of 50 Hz from -21 dB relative to the speech.
    From – to
        The sound of the clip alone.
    Better is
        Lower. A sustained tone in place of speech reaches 40 dB or more. Of 250 recordings of the development voices,
        half are below 10 dB and all are below 30 dB.
    Not measured when
        The clip is silent or has less than 0.5 s of sound.
    Reference
        10th percentile over time of each bin, relative to the median of the bins within 500 Hz.
    """
    unfit = _unfit(clip)
    value = None if unfit else glitches.tonality_db(sound(clip).spectrum)
    if value is None:
        return not_measured(unfit or LEAST_SOUND, Tier.BLIND)
    return Reading(value=value, tier=Tier.BLIND)

"""Speed, time scale, clock drift and delay of a segment against its own input."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, not_measured
from diag.measure.metrics.sounds import match, tracked
from diag.measure.reasons import too_short, wrong_speed
from diag.measure.registry import Group, metric

HEALTHY_RATIO = 0.005
"""Beyond half a percent the rate is wrong; below it is the drift of two clocks (200 ppm is a bad crystal)."""
DRIFT_SHORTEST_S = 2.0


@metric(
    "rate_ratio", unit="1", better="one", tolerance=0.002,
    label="Speed", group=Group.SPEED, order=1, headline="speed", tile=True,
)  # fmt: skip
def rate_ratio(reference: Clip, estimated: Clip) -> Reading:
    """Speed of the output relative to the input of a hop, by pitch and waveform.

    What
        1 is healthy; 0.667 is 24 kHz audio played as 16 kHz (1.5 times as long, a fifth deeper); 1.5 the reverse;
        0.333 is 48 kHz audio labelled 16 kHz.
    From – to
        Input tap – output tap, each at its declared sample rate.
    Better is
        Nearer to 1.
    Not measured when
        Either side is silent or has less than 0.25 s of sound, or no speed within ±1.8 octaves makes the output a copy
        of the input: other speech, even of the same voice, is refused.
    Reference
        Long-term spectra on a logarithmic axis give candidates; loudness over time picks; the slope of the
        delays of 160 ms windows refines to some ppm. Limits 0.5 % and 1 %.
    """
    found = match(reference, estimated)
    if found.rate_ratio is None:
        return Reading(missing=found.missing, confidence=found.confidence)
    return Reading(value=found.rate_ratio, confidence=found.confidence)


@metric(
    "time_ratio", unit="1", better="one", tolerance=0.002, label="Speed, from time alone", group=Group.SPEED, order=2
)
def time_ratio(reference: Clip, estimated: Clip) -> Reading:
    """Speed of the output relative to the input of a hop, by time alone.

    What
        The same as `rate_ratio` where a clock or a sample rate is wrong; it differs where something stretches time
        (a jitter buffer) or shifts pitch only.
    From – to
        Input tap – output tap, each at its declared sample rate.
    Better is
        Nearer to 1.
    Not measured when
        `rate_ratio` is not.
    Reference
        Slope of the delays where waveforms agree; else best fit of nine bands' loudness over time (fit above 0.86).
    """
    found = match(reference, estimated)
    if found.time_ratio is None:
        return Reading(missing=found.missing, confidence=found.confidence)
    return Reading(value=found.time_ratio, confidence=found.confidence)


@metric(
    "drift_ppm", unit="ppm", better="zero", tolerance=20.0, pool="mean",
    label="Clock drift", group=Group.SPEED, order=3,
)  # fmt: skip
def drift_ppm(reference: Clip, estimated: Clip) -> Reading:
    """Difference of the clocks at both ends of a hop, once the rate is right.

    What
        Parts per million by which the output runs fast (positive) or slow.
    From – to
        Input tap – output tap.
    Better is
        Nearer to 0. Crystals differ by up to 100 ppm: 1 ms in 10 s.
    Not measured when
        `rate_ratio` is not, or is off by more than 0.5 %, or the sound spans less than 2 s.
    Reference
        Weighted slope of window delays; its standard error is below 1 ppm for 10 s of speech.
    """
    found = tracked(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    if abs(found.rate_ratio - 1.0) > HEALTHY_RATIO:
        return not_measured(wrong_speed(found.rate_ratio))
    span_s = sum(stretch.end_s - stretch.start_s for stretch in found.track.stretches)
    if span_s < DRIFT_SHORTEST_S:
        return not_measured(too_short(f"{span_s:.1f} s of sound are too short for a drift"))
    return Reading(value=(found.rate_ratio - 1.0) * 1e6, confidence=found.confidence)


@metric(
    "hop_delay_s", unit="s", better="lower", tolerance=0.01, pool="first",
    label="Delay of the hop", group=Group.SPEED, order=4,
)  # fmt: skip
def hop_delay(reference: Clip, estimated: Clip) -> Reading:
    """Delay of a hop.

    What
        How much later a sound stands on the output tap than on the input tap, at its beginning.
    From – to
        First sound of the input – the same sound on the output; on the take's clock where both clips have a place on
        it, from the starts of the clips otherwise. The place of `received` is the arrival of its first chunk.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, or only one of the clips has a place on the clock.
    Reference
        Sub-sample peak of the normalised correlation.
    """
    found = tracked(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    if (reference.start_s is None) != (estimated.start_s is None):
        return not_measured(Missing(MissingCode.NO_CLOCK, "only one of the two recordings has a place on the clock"))
    first = found.track.stretches[0]
    output_s = (first.start_s + first.delay_s) / found.rate_ratio
    start_s = (estimated.start_s or 0.0) - (reference.start_s or 0.0)
    return Reading(value=start_s + output_s - first.start_s, confidence=found.confidence)

"""Speed, time scale, clock drift and delay of a segment, compared with its own input."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, not_measured
from diag.measure.metrics.sounds import HEALTHY_RATIO, compared, match, speed, tracked
from diag.measure.reasons import too_short, wrong_speed
from diag.measure.registry import Group, metric

DRIFT_SHORTEST_S = 2.0
CLOCKS_PPM = 300.0
"""More than two clocks differ: crystals are off by up to 100 ppm, so two of them by at most 200 ppm."""
PRECISE_SHARE = 0.05
"""Largest standard error of a drift beyond `CLOCKS_PPM`, as a share of it. A drift of 400 ppm has 1 ppm, also in noise
5 dB below speech and after Opus at 24 kbit/s. Comb filters and rooms look like drifts of up to 1300 ppm, with errors of
more than 6 %."""


@metric(
    "rate_ratio", unit="1", better="one", tolerance=0.002,
    label="Speed", group=Group.SPEED, order=1, headline="speed", tile=True,
)  # fmt: skip
def rate_ratio(reference: Clip, estimated: Clip) -> Reading:
    """Speed of the output relative to the input of a hop, by pitch and waveform.

    What
        1 is healthy. 0.667 is 24 kHz audio played as 16 kHz (1.5 times as long and 7 semitones deeper), 1.5 is the
        reverse, and 0.333 is 48 kHz audio labelled 16 kHz.
    From – to
        Input tap – output tap, each at its declared sample rate.
    Better is
        Nearer to 1.
    Not measured when
        Either side is silent or has less than 0.25 s of sound, or the output is not a copy of the input at any speed
        within ±1.8 octaves. Other speech is not measured, even if it is the same voice.
    Reference
        Long-term spectra on a logarithmic axis give candidates, loudness over time selects one, and the slope of the
        delays of 160 ms windows refines it to a few ppm. 0.5 % is a warning, 1 % an error.
    """
    found = speed(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    return Reading(value=found.by_pitch, confidence=found.confidence)


@metric(
    "time_ratio", unit="1", better="one", tolerance=0.002, label="Speed, from time alone", group=Group.SPEED, order=2
)
def time_ratio(reference: Clip, estimated: Clip) -> Reading:
    """Speed of the output relative to the input of a hop, by duration alone.

    What
        It equals `rate_ratio` if a clock or a sample rate is wrong. It differs if something only stretches time (a
        jitter buffer) or only shifts pitch.
    From – to
        Input tap – output tap, each at its declared sample rate.
    Better is
        Nearer to 1.
    Not measured when
        `rate_ratio` is not measured.
    Reference
        Slope of the delays if the waveforms match; otherwise the best fit of the loudness of nine bands over time (fit
        above 0.86).
    """
    found = speed(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    return Reading(value=found.by_time, confidence=found.confidence)


@metric(
    "drift_ppm", unit="ppm", better="zero", tolerance=20.0, pool="mean",
    label="Clock drift", group=Group.SPEED, order=3,
)  # fmt: skip
def drift_ppm(reference: Clip, estimated: Clip) -> Reading:
    """Difference between the clocks at both ends of a hop whose rate is right.

    What
        Parts per million by which the output runs fast (positive) or slow.
    From – to
        Input tap – output tap.
    Better is
        Nearer to 0. Crystals differ by up to 100 ppm: 1 ms in 10 s.
    Not measured when
        `rate_ratio` is not measured or is off by more than 0.5 %, the sound is shorter than 2 s, or its parts do not
        agree on a drift of more than 300 ppm.
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
        return not_measured(too_short(msg("{span_s:.1f} s of sound are too short to measure drift", span_s=span_s)))
    drift, error = found.rate_ratio - 1.0, match(reference, estimated).precision
    if abs(drift) * 1e6 > CLOCKS_PPM and (error is None or error > PRECISE_SHARE * abs(drift)):
        text = msg("its parts do not agree on a drift, as with a comb filter or a room")
        return not_measured(Missing(MissingCode.DISAGREE, text))
    return Reading(value=drift * 1e6, confidence=found.confidence)


@metric(
    "hop_delay_s", unit="s", better="lower", tolerance=0.01, pool="first",
    label="Delay of the hop", group=Group.SPEED, order=4, on_clock=True,
)  # fmt: skip
def hop_delay(reference: Clip, estimated: Clip) -> Reading:
    """Delay of a hop.

    What
        How much later the beginning of the sound appears on the output tap than on the input tap.
    From – to
        First sound of the input – the same sound in the output. Times are on the take's clock if both clips have a
        start time on it, otherwise from the start of each clip. `received` starts when its first chunk arrives.
    Better is
        Lower.
    Not measured when
        The output is not a copy of the input, or only one of the clips has a start time.
    Reference
        Sub-sample peak of the normalised correlation.
    """
    found = compared(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    if (reference.start_s is None) != (estimated.start_s is None):
        return not_measured(
            Missing(MissingCode.NO_CLOCK, msg("only one of the two recordings has a start time on the clock"))
        )
    first = found.pieces[0]
    start_s = (estimated.start_s or 0.0) - (reference.start_s or 0.0)
    return Reading(value=start_s + first.estimated_start_s - first.reference_start_s, confidence=first.confidence)

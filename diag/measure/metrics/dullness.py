"""Treble that a segment loses compared with its own input."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.messages import msg
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, not_measured
from diag.dsp.dullness import TrebleLoss, treble_loss
from diag.dsp.joins import Stretch
from diag.dsp.segment_events import Event, EventKind
from diag.measure.metrics.sounds import HEALTHY_RATIO, compared, of_pair, sound, speed, spliced, tracked
from diag.measure.reasons import wrong_speed
from diag.measure.registry import Group, metric

NO_BAND = Missing(MissingCode.LOW_RATE, msg("no band above 3.5 kHz exists on both taps with sound in the input"))
_AROUND_S = 0.02


def treble_of_pair(reference: Clip, estimated: Clip) -> tuple[float, TrebleLoss] | Missing:
    """Return the mean loss and the loss per band of a pair, or why it was not measured."""
    found = speed(reference, estimated)
    if isinstance(found, Missing):
        return found
    if abs(found.by_pitch - 1.0) > HEALTHY_RATIO:
        return wrong_speed(found.by_pitch)
    own, copy = spliced(reference, estimated)
    followed, whole = tracked(own, copy), compared(own, copy)
    if isinstance(followed, Missing):
        return followed
    events = () if isinstance(whole, Missing) else whole.events
    stretches = tuple(part for stretch in followed.track.stretches for part in _unbroken(stretch, events))
    loss = of_pair(own, copy, "treble", lambda: treble_loss(sound(own), sound(copy), stretches, followed.rate_ratio))
    return NO_BAND if loss.mean_db is None else (loss.mean_db, loss)


def _confidence(reference: Clip, estimated: Clip) -> float | None:
    found = speed(reference, estimated)
    return None if isinstance(found, Missing) else found.confidence


def _unbroken(stretch: Stretch, events: tuple[Event, ...]) -> list[Stretch]:
    """Return the stretch without its dropouts, because their hard edges add treble."""
    parts, start = [], stretch.start_s
    for event in events:
        place = event.reference_s
        if event.kind is EventKind.DROPOUT and start < place < stretch.end_s:
            parts.append(Stretch(start, place - _AROUND_S, stretch.delay_s, stretch.agreement))
            start = place + event.duration_s + _AROUND_S
    parts.append(Stretch(start, stretch.end_s, stretch.delay_s, stretch.agreement))
    return parts


@metric(
    "dullness_db", unit="dB", better="zero", tolerance=1.0, pool="mean",
    label="Treble lost", group=Group.TREBLE, order=1, headline="treble lost", tile=True,
)  # fmt: skip
def dullness(reference: Clip, estimated: Clip) -> Reading:
    """Treble that a hop loses: the mean of the bands of `dullness_bands_db`.

    What
        A positive value is duller than the input, a negative one brighter.
    From – to
        Input tap – output tap, window by window of the same sound.
    Better is
        Nearer to 0. Listeners notice 3 dB in a direct comparison and 5 dB without one (Monson: 5 dB in the 8 kHz
        octave).
    Not measured when
        The output is not a copy of the input, the rate differs by more than 0.5 %, or no band lies below 0.95 of both
        Nyquist frequencies and holds sound in the input.
    Reference
        3 dB is a warning, 5 dB an error. The loss of a band is capped at 60 dB.
    """
    found = treble_of_pair(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    return Reading(value=found[0], confidence=_confidence(reference, estimated))


@metric(
    "dullness_bands_db", unit="dB", better="zero", tolerance=1.0, pool="mean",
    label="Treble lost, by band", group=Group.TREBLE, order=2,
)  # fmt: skip
def dullness_bands(reference: Clip, estimated: Clip) -> Reading:
    """Treble that a hop loses, by band.

    What
        Loss at 3.5–5, 5–7, 7–9 and 9–10.8 kHz, after levels are matched from 0.3 to 3 kHz. A low-pass filter shows only
        in the upper bands; a shelving filter shows equally in all. None for a band that could not be compared.
    From – to
        Input tap – output tap, window by window of the same sound.
    Better is
        Nearer to 0.
    Not measured when
        As `dullness_db`.
    Reference
        Power of each band in windows where the input is loud in it, minus the noise in quiet windows.
    """
    found = treble_of_pair(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    return Reading(value=found[1].bands_db, confidence=_confidence(reference, estimated))

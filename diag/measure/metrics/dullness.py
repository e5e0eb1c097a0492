"""Lost treble of a segment against its own input."""

from __future__ import annotations

from diag.core.clip import Clip
from diag.core.missing import Missing, MissingCode
from diag.core.results import Reading, not_measured
from diag.dsp.continuity import Break, Kind
from diag.dsp.dullness import TrebleLoss, treble_loss
from diag.dsp.joins import Stretch
from diag.measure.metrics.sounds import breaks, match, of_pair, sound, tracked
from diag.measure.metrics.speed import HEALTHY_RATIO
from diag.measure.reasons import wrong_speed
from diag.measure.registry import Group, metric

NO_BAND = Missing(MissingCode.LOW_RATE, "no band above 3.5 kHz lies on both taps and holds sound in the input")
_AROUND_S = 0.02


def treble_of_pair(reference: Clip, estimated: Clip) -> tuple[float, TrebleLoss] | Missing:
    """Return the mean loss and the loss per band of a pair, or why it was not measured."""
    ratio = match(reference, estimated).rate_ratio
    if ratio is not None and abs(ratio - 1.0) > HEALTHY_RATIO:
        return wrong_speed(ratio)
    found, events = tracked(reference, estimated), breaks(reference, estimated)
    if isinstance(found, Missing):
        return found
    if isinstance(events, Missing):
        return events
    stretches = tuple(part for stretch in found.track.stretches for part in _unbroken(stretch, events))
    loss = of_pair(
        reference,
        estimated,
        "treble",
        lambda: treble_loss(sound(reference), sound(estimated), stretches, found.rate_ratio),
    )
    return NO_BAND if loss.mean_db is None else (loss.mean_db, loss)


def _unbroken(stretch: Stretch, events: tuple[Break, ...]) -> list[Stretch]:
    """The stretch without its dropouts: their edges splash over the treble."""
    parts, start = [], stretch.start_s
    for event in events:
        place = event.start_s - stretch.delay_s
        if event.kind is Kind.DROPOUT and start < place < stretch.end_s:
            parts.append(Stretch(start, place - _AROUND_S, stretch.delay_s, stretch.agreement))
            start = place + event.length_s + _AROUND_S
    parts.append(Stretch(start, stretch.end_s, stretch.delay_s, stretch.agreement))
    return parts


@metric(
    "dullness_db", unit="dB", better="zero", tolerance=1.0, pool="mean",
    label="Treble lost", group=Group.TREBLE, order=1, headline="treble lost", tile=True,
)  # fmt: skip
def dullness(reference: Clip, estimated: Clip) -> Reading:
    """Treble that a hop loses: the mean of the bands of `dullness_bands_db`.

    What
        Positive is duller than the input, negative brighter.
    From – to
        Input tap – output tap, window by window of the same sound.
    Better is
        Nearer to 0; 3 dB can be heard in comparison, 5 dB alone (Monson: 5 dB in the 8 kHz octave).
    Not measured when
        The output is not a copy of the input, the rate differs by more than 0.5 %, or no band lies below 0.95 of both
        Nyquist frequencies and holds sound in the input.
    Reference
        Limits 3 dB and 5 dB. Loss of a band is capped at 60 dB.
    """
    found = treble_of_pair(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    return Reading(value=found[0], confidence=match(reference, estimated).confidence)


@metric(
    "dullness_bands_db", unit="dB", better="zero", tolerance=1.0, pool="mean",
    label="Treble lost, by band", group=Group.TREBLE, order=2,
)  # fmt: skip
def dullness_bands(reference: Clip, estimated: Clip) -> Reading:
    """Treble that a hop loses, by band.

    What
        Loss at 3.5–5, 5–7, 7–9 and 9–10.8 kHz, level-matched from 0.3 to 3 kHz. A low-pass shows in the upper bands
        only, a shelf in all alike. None for a band that could not be compared.
    From – to
        Input tap – output tap, window by window of the same sound.
    Better is
        Nearer to 0.
    Not measured when
        As `dullness_db`.
    Reference
        Power in the input's loud windows of each band, less the noise of the quiet ones.
    """
    found = treble_of_pair(reference, estimated)
    if isinstance(found, Missing):
        return not_measured(found)
    return Reading(value=found[1].bands_db, confidence=match(reference, estimated).confidence)

"""Lost treble of a hop against its own input."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.clip import Clip
from diag.core.results import Reading, not_measured
from diag.dsp.continuity import Break, Kind
from diag.dsp.dullness import TrebleLoss, treble_loss
from diag.dsp.joins import Stretch
from diag.measure.metrics.sounds import breaks, match, remembered, sound
from diag.measure.metrics.speed import HEALTHY_RATIO
from diag.measure.registry import metric

HOPS = (Hop.MICROPHONE, Hop.SENDER, Hop.PLAYER, Hop.SPEAKER)
_AROUND_S = 0.02


def hop_treble(reference: Clip, estimated: Clip) -> TrebleLoss | str:
    """Loss per band of a pair, or why it was not measured."""
    found = match(reference, estimated)
    if found.reason is not None or found.rate_ratio is None:
        return found.reason or ""
    if abs(found.rate_ratio - 1.0) > HEALTHY_RATIO:
        return f"the rate differs by {100 * (found.rate_ratio - 1):+.1f} %; see rate_ratio"
    events = breaks(reference, estimated)
    if found.track is None or isinstance(events, str):
        return "time was stretched without pitch; see time_ratio"
    stretches = tuple(part for stretch in found.track.stretches for part in _unbroken(stretch, events))
    speed = found.rate_ratio
    loss = remembered(
        estimated, ("treble", id(reference)), lambda: treble_loss(sound(reference), sound(estimated), stretches, speed)
    )
    return loss if loss.mean_db is not None else "no band above 3.5 kHz lies on both taps and holds sound in the input"


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


@metric("dullness_db", unit="dB", better="zero", hops=HOPS, tolerance=1.0, pool="mean")
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
    loss = hop_treble(reference, estimated)
    if isinstance(loss, str) or loss.mean_db is None:
        return not_measured(loss if isinstance(loss, str) else "")
    return Reading(value=loss.mean_db, confidence=match(reference, estimated).confidence)


@metric("dullness_bands_db", unit="dB", better="zero", hops=HOPS, tolerance=1.0, pool="mean")
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
    loss = hop_treble(reference, estimated)
    if isinstance(loss, str):
        return not_measured(loss)
    return Reading(value=loss.bands_db, confidence=match(reference, estimated).confidence)

"""PLY005."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.registry import rule
from diag.judge.rules.figures import IMAGING_LIMIT, why_not, worst


@rule("PLY005", name="imaging", severity="warning", hop=Hop.PLAYER, explained_by=("SVC007",))
def imaging(measurements: Measurements) -> Verdict:
    """The player adds mirror images of the voice.

    What it shows
        Above a usual Nyquist frequency `played` mirrors what lies below it, and `received` does not.

    Why it matters
        Every s is accompanied by a beep or a metallic hiss.

    Evidence
        `imaging` of the player hop, the mirror correlation that it adds; clean audio stays below 0.15.

    Likely causes
        - Samples repeated or linearly interpolated up to the device's rate, instead of filtered.

    Remedy
        Use a band-limited resampler that keeps its state (soxr, libsamplerate, the browser's own).

    Does not prove
        That it is heard: images at high frequencies are faint. Where the voice's own treble is lost behind them
        (PLY002), that is told as the consequence: a naive resampler came up from a lower rate.
    """
    items = measurements.find("imaging", hop=Hop.PLAYER)
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "imaging"))
    value, item = found
    if value <= IMAGING_LIMIT:
        return clear()
    text = f"mirror correlation {value:.2f} added on the player hop, {IMAGING_LIMIT} is the limit"
    return raised(
        "The player adds mirror images of the voice, as a naive resampler does",
        evidence=[Evidence(text=text, metric="imaging", turn=item.turn, spots=item.spots)],
        likely_cause="samples are repeated or linearly interpolated up to the device's rate",
        remedy="use a band-limited resampler that keeps its state from chunk to chunk",
    )

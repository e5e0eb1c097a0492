"""Clicks: single jumps in the waveform of a segment's output."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.evidence import WrongRate, why_not, worst, wrong_rate
from diag.judge.limits import CLICKS_HZ
from diag.judge.registry import OnHop, Place, segment_rule

_DEVICE_CAUSES = (
    "the device's buffer underruns or overflows for an instant",
    "a sound server that resamples block by block without keeping its state",
)
_DEVICE_FIX = "increase the device's buffer, or open the device at its own sample rate"


@segment_rule(
    OnHop(
        code="MIC007",
        name="microphone-clicks",
        severity="warning",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=(
            "MIC002",
            "MIC004",
            "MIC009",
            "MIC010",
            "MIC011",
            "MIC014",
            "MIC015",
            "MIC018",
            "MIC008",
            "MIC017",
            "MIC012",
        ),
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
    OnHop(
        code="SND012",
        name="sender-clicks",
        severity="warning",
        hop=Hop.SENDER,
        who="sender",
        explained_by=(
            "SND003",
            "SND008",
            "SND010",
            "SND011",
            "SND014",
            "SND017",
            "SND018",
            "SND019",
            "SND013",
            "SND021",
            "SND015",
        ),
        causes=("a resampler or filter is restarted with every block", "blocks are joined with samples missing"),
        fix="keep the state of resampler and filters from block to block",
    ),
    OnHop(
        code="PLY004",
        name="chunk-clicks",
        severity="warning",
        hop=Hop.PLAYER,
        who="player",
        explained_by=(
            "PLY003",
            "PLY005",
            "PLY008",
            "PLY009",
            "PLY011",
            "PLY015",
            "PLY016",
            "PLY017",
            "SVC004",
            "PLY019",
            "PLY012",
            "PLY013",
        ),
        causes=(
            "a resampler or filter is restarted with every chunk",
            "chunks are joined with a byte or a sample missing",
        ),
        fix="keep the state of resampler and filters from chunk to chunk, and join chunks as bytes before decoding",
    ),
    OnHop(
        code="SPK006",
        name="speaker-clicks",
        severity="warning",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=(
            "SPK004",
            "SPK005",
            "SPK008",
            "SPK009",
            "SPK010",
            "SPK013",
            "SPK014",
            "SPK017",
            "SPK007",
            "SPK016",
            "SPK011",
        ),
        causes=_DEVICE_CAUSES,
        fix=_DEVICE_FIX,
    ),
)
def clicks_added(place: Place, measurements: Measurements) -> Verdict:
    """The {who} adds clicks.

    What it shows
        The waveform of {output} has single jumps that {input} does not have, more than one every five seconds.

    Why it matters
        Clicks at every chunk make the voice crackle.

    Evidence
        `click_rate_hz` of the segment, with each place to listen to.

    Does not prove
        That the clicks lie at chunk boundaries: listen to the places. Gaps and clipping make clicks too; those are then
        reported as the root cause.
    """
    if isinstance(wrong_rate(measurements, place.hop), WrongRate):
        return not_checked("the speed is wrong")
    items = measurements.find("click_rate_hz", hop=place.hop)
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "click_rate_hz"))
    rate_hz, item = found
    if rate_hz <= CLICKS_HZ:
        return clear()
    text = f"{rate_hz:.1f} clicks per second in {place.output} that {place.input} does not have"
    return raised(
        f"The {place.who} adds {rate_hz:.1f} clicks per second",
        evidence=[Evidence(text=text, metric="click_rate_hz", turn=item.turn, spots=item.spots)],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
    )

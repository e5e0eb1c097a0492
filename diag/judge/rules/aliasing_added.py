"""Aliasing: a segment that resamples to a lower rate without a low-pass filter."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.dsp.mirrored import ALIASING_FAIL_DB, ALIASING_WARN_DB
from diag.judge.evidence import why_not, worst
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        code="MIC015",
        name="microphone-aliasing",
        severity="warning",
        or_severity="error",
        hop=Hop.MICROPHONE,
        who="microphone",
        explained_by=("MIC009", "MIC008"),
        causes=(
            "the device or its driver resamples to a lower rate without a low-pass filter",
            "samples are dropped instead of low-pass filtered first",
        ),
        fix="open the microphone at its own sample rate and resample with a band-limited resampler",
    ),
    OnHop(
        code="SND018",
        name="sender-aliasing",
        severity="warning",
        or_severity="error",
        hop=Hop.SENDER,
        who="sender",
        explained_by=("SND003", "SND013"),
        causes=(
            "samples are dropped to reach the lower rate, such as two of every three to get from 48 to 16 kHz",
            "a resampler without a low-pass filter",
        ),
        fix="use a band-limited resampler before sending",
    ),
    OnHop(
        code="PLY016",
        name="aliasing",
        severity="warning",
        or_severity="error",
        hop=Hop.PLAYER,
        who="player",
        explained_by=("PLY009", "PLY005"),
        causes=("samples are dropped to reach a lower rate", "a resampler without a low-pass filter"),
        fix="use a band-limited resampler, or play at the sample rate of the reply",
    ),
    OnHop(
        code="SPK014",
        name="speaker-aliasing",
        severity="warning",
        or_severity="error",
        hop=Hop.SPEAKER,
        who="loudspeaker",
        explained_by=("SPK008", "SPK007"),
        causes=(
            "the device or the sound server resamples to a lower rate without a low-pass filter",
            "a resampler without a low-pass filter",
        ),
        fix="open the device at the sample rate of the sound, or set the sound server to a better resampler",
    ),
)
def aliasing_added(place: Place, measurements: Measurements) -> Verdict:
    """The {who} adds aliasing.

    What it shows
        Treble of {input} is folded back in {output}: it appears mirrored below half of a lower sample rate.

    Why it matters
        Every s whistles and lisps, and speech recognition suffers.

    Evidence
        `aliasing_db` of the segment.

    Does not prove
        Which resampler caused it.
    """
    items = measurements.find("aliasing_db", hop=place.hop)
    found = worst(items, lambda value: value)
    if found is None:
        return not_checked(why_not(items, "aliasing_db"))
    level_db, item = found
    if level_db <= ALIASING_WARN_DB:
        return clear()
    text = f"aliasing in {place.output}: {level_db:.0f} dB relative to the voice"
    return raised(
        f"The {place.who} resamples to a lower rate without a low-pass filter: treble is folded back (aliasing)",
        evidence=[Evidence(text=text, metric="aliasing_db", turn=item.turn, spots=item.spots)],
        likely_cause=place.on.causes[0],
        fix=place.on.fix,
        severity=Severity.ERROR if level_db > ALIASING_FAIL_DB else Severity.WARNING,
    )

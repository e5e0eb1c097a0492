"""Aliasing: a segment that resamples to a lower rate without a low-pass filter."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Measurements, Severity, Verdict
from diag.core.timeline import Timeline
from diag.dsp.mirrored import ALIASING_FAIL_DB, ALIASING_WARN_DB
from diag.judge.evidence import evidence_of, raised_at, unless_blurred, worst_fault
from diag.judge.registry import OnHop, Place, segment_rule


@segment_rule(
    OnHop(
        "MIC015",
        "microphone-aliasing",
        Hop.MICROPHONE,
        causes=(
            "the device or its driver resamples to a lower rate without a low-pass filter",
            "samples are dropped instead of low-pass filtered first",
        ),
        fix="open the microphone at its own sample rate and resample with a band-limited resampler",
    ),
    OnHop(
        "SND018",
        "sender-aliasing",
        Hop.SENDER,
        explained_by=("WEB008",),
        causes=(
            "samples are dropped to reach the lower rate, such as two of every three to get from 48 to 16 kHz",
            "a resampler without a low-pass filter",
        ),
        fix="use a band-limited resampler before sending",
    ),
    OnHop(
        "PLY016",
        "aliasing",
        Hop.PLAYER,
        explained_by=("WEB008",),
        causes=("samples are dropped to reach a lower rate", "a resampler without a low-pass filter"),
        fix="use a band-limited resampler, or play at the sample rate of the reply",
    ),
    OnHop(
        "SPK014",
        "speaker-aliasing",
        Hop.SPEAKER,
        causes=(
            "the device or the sound server resamples to a lower rate without a low-pass filter",
            "a resampler without a low-pass filter",
        ),
        fix="open the device at the sample rate of the sound, or set the sound server to a better resampler",
    ),
    explained_by=("bytes_misread", "images_added"),
    severity="warning",
    or_severity="error",
)
def aliasing_added(place: Place, measurements: Measurements, timeline: Timeline) -> Verdict:
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
    found = worst_fault(measurements, "aliasing_db", lambda level_db: level_db > ALIASING_WARN_DB, hop=place.hop)
    if isinstance(found, Verdict):
        return unless_blurred(found, place, measurements, timeline)
    level_db, item = found
    text = msg("aliasing in {output}: {level_db:.0f} dB relative to the voice", output=place.output, level_db=level_db)
    return raised_at(
        place,
        msg(
            "The {who} resamples to a lower rate without a low-pass filter: treble is folded back (aliasing)",
            who=place.who,
        ),
        evidence=[evidence_of(item, text)],
        severity=Severity.ERROR if level_db > ALIASING_FAIL_DB else Severity.WARNING,
    )

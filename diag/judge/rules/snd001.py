"""SND001."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.client_config import ClientConfig
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.core.units import mime_rate_hz
from diag.judge.registry import rule
from diag.judge.rules.figures import WrongRate, changed_sound, snapped_hz, wrong_rate


@rule(
    "SND001",
    name="send-rate-mismatch",
    severity="error",
    or_severity="warning",
    hop=Hop.SENDER,
    explained_by=("SND003",),
)
def send_rate_mismatch(measurements: Measurements, timeline: Timeline, config: ClientConfig) -> Verdict:
    """The audio that was sent does not have the sample rate that it was labelled with.

    What it shows
        Played at its declared rate, `sent` runs slower or faster than `captured`.

    Why it matters
        The service takes the label at its word: 48 kHz audio labelled 16 kHz reaches the model three times as long and
        an octave and a half deeper. It understands little, answers beside the point or not at all, and raises no error.

    Evidence
        `rate_ratio` of the sender hop, by pitch and by time; the MIME type of the batches.

    Likely causes
        - The capture device opened at another rate than the label says, with nothing resampling in between.
        - A resampler told the wrong input or output rate.

    Remedy
        Resample the captured audio to the declared rate, or declare the rate that it has.

    Does not prove
        Whether the label or the audio is the one that was meant. Differences below 1 % are a warning: clocks drift.
    """
    found = wrong_rate(measurements, Hop.SENDER)
    if not isinstance(found, WrongRate):
        return clear() if found is None else not_checked(found)
    batch = timeline.first("batch_sent")
    mime = str(batch.data.get("mime_type", "")) if batch else ""
    declared = mime_rate_hz(mime) or config.send.declared_rate_hz or config.send.sample_rate_hz
    content = snapped_hz(declared / found.ratio)
    return raised(
        f"{content} Hz audio was sent labelled {declared} Hz: the service hears it {changed_sound(found.ratio)}",
        evidence=[found.evidence, Evidence(text=f"batches were labelled {mime or 'without a type'}")],
        likely_cause=f"captured at {config.capture.sample_rate_hz} Hz and sent without resampling"
        if not config.send.resample
        else "the resampler before sending works with a wrong rate",
        remedy=f"resample from {content} to {declared} Hz before sending (`resample = true` in [send]), "
        f"or declare audio/pcm;rate={content}",
        severity=Severity.ERROR if found.error else Severity.WARNING,
    )

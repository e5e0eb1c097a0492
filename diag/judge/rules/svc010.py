"""SVC010."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.core.units import mime_rate_hz
from diag.judge.limits import LIVE_API_OUTPUT_HZ
from diag.judge.registry import rule


@rule("SVC010", name="reply-rate-label", severity="error", hop=Hop.SERVICE)
def reply_rate_label(timeline: Timeline) -> Verdict:
    """The reply is labelled with another sample rate than the Live API's.

    What it shows
        A chunk of audio declares a rate that is not 24000 Hz.

    Why it matters
        Clients that count on 24 kHz play it too slow or too fast; clients that read the label do so where it is wrong.

    Evidence
        The MIME types of the chunks.

    Likely causes
        - A gateway or proxy between client and service that resamples, or labels wrongly.
        - Another service, or a change of this one.

    Fix
        Take the gateway out of the way, or play at the declared rate if the voice is right at it.

    Does not prove
        That the label is wrong: audio without a reference does not tell its own rate.
    """
    types = sorted({str(event.data.get("mime_type", "")) for event in timeline.named("chunk_received")})
    if not types:
        return not_checked("no audio was received")
    other = [rate for mime in types if (rate := mime_rate_hz(mime)) not in (None, LIVE_API_OUTPUT_HZ)]
    if not other:
        return clear()
    return raised(
        f"The reply is labelled {', '.join(f'{rate} Hz' for rate in other)}; the Live API speaks at 24000 Hz",
        evidence=[Evidence(text=f"MIME types of the chunks: {', '.join(types)}")],
        likely_cause="something between the client and the service resamples or labels wrongly",
        fix="connect without the gateway or proxy in between, and compare",
    )

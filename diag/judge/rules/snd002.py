"""SND002."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.client_config import ClientConfig
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.core.units import mime_rate_hz
from diag.judge.registry import rule


@rule("SND002", name="send-rate-undeclared", severity="warning", hop=Hop.SENDER)
def send_rate_undeclared(timeline: Timeline, config: ClientConfig) -> Verdict:
    """The audio is sent without its sample rate.

    What it shows
        The MIME type of the batches has no `;rate=`.

    Why it matters
        The service has to guess; it takes 16 kHz. Anything else is understood worse, and no error tells.

    Evidence
        The MIME types of the batches.

    Likely causes
        - `audio/pcm` written by hand, or a framework that leaves the rate out.

    Remedy
        Declare it: `audio/pcm;rate=16000`, with the rate that the audio has.

    Does not prove
        That the guess is wrong: at 16 kHz it happens to be right.
    """
    types = sorted({str(event.data.get("mime_type", "")) for event in timeline.named("batch_sent")})
    if not types:
        return not_checked("nothing was sent")
    bare = [mime for mime in types if mime_rate_hz(mime) is None]
    if not bare:
        return clear()
    send = config.send
    rate_hz = send.sample_rate_hz if send.resample else config.capture.sample_rate_hz
    return raised(
        f"The audio is sent as `{bare[0]}`, without its sample rate",
        evidence=[Evidence(text=f"MIME types of the batches: {', '.join(types)}")],
        likely_cause="the MIME type is written without `;rate=`",
        remedy=f"declare audio/pcm;rate={rate_hz} (`declared_rate_hz = {rate_hz}` in [send])",
    )

"""SVC010: the reply is labelled with a sample rate other than 24 kHz."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import Timeline
from diag.core.units import LIVE_OUTPUT_RATE_HZ, mime_rate_hz
from diag.judge.registry import rule


@rule("SVC010", name="reply-rate-label", severity="error", hop=Hop.SERVICE)
def reply_rate_label(timeline: Timeline) -> Verdict:
    """The reply is labelled with a sample rate other than 24 kHz.

    What it shows
        A chunk of audio declares a rate that is not 24000 Hz, the output rate of the Live API.

    Why it matters
        If the label is right, clients that assume 24 kHz play the reply too slow or too fast. If it is wrong, clients
        that read the label play it at the wrong speed.

    Evidence
        The MIME types of the chunks.

    Likely causes
        - A gateway or proxy between client and service resamples, or writes a wrong label.
        - The endpoint is another service, or the Live API has changed.

    Fix
        Connect without the gateway, or play at the declared rate if the voice sounds right at it.

    Does not prove
        That the label is wrong: the true rate of audio cannot be measured without a reference.
    """
    types = sorted({str(event.data.get("mime_type", "")) for event in timeline.named("chunk_received")})
    if not types:
        return not_checked(msg("no audio was received"))
    rates = [mime_rate_hz(mime) for mime in types]
    other = [rate for rate in rates if rate not in (None, LIVE_OUTPUT_RATE_HZ)]
    if not other:
        return not_checked(msg("the reply carries no sample rate")) if None in rates else clear()
    return raised(
        msg(
            "The reply is labelled {names}; the Live API answers at 24000 Hz",
            names=", ".join(f"{rate} Hz" for rate in other),
        ),
        evidence=[Evidence(text=msg("MIME types of the chunks: {names}", names=", ".join(types)))],
        likely_cause=msg("a gateway or proxy between client and service resamples, or writes a wrong label"),
        fix=msg("connect without the gateway or proxy in between, and compare"),
    )

"""SND002: the audio is sent without its sample rate."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Severity, Verdict, clear, not_checked, raised
from diag.core.units import mime_rate_hz
from diag.judge.evidence import changed_sound
from diag.judge.registry import rule

ASSUMED_RATE_HZ = 16_000
"""Sample rate that the Live API assumes when none is declared."""


@rule("SND002", name="send-rate-undeclared", severity="warning", or_severity="error", hop=Hop.SENDER)
def send_rate_undeclared(observed: ObservedClient) -> Verdict:
    """The audio is sent without its sample rate.

    What it shows
        The MIME type of the batches has no `;rate=`.

    Why it matters
        The service has to guess and assumes 16 kHz. Audio of any other rate is recognised poorly, and there is no error
        message.

    Evidence
        The MIME types of the batches.

    Likely causes
        - The MIME type is written as plain `audio/pcm`, or a framework leaves the rate out.

    Fix
        Declare the rate that the audio has, for example `audio/pcm;rate=16000`.

    Does not prove
        That the assumed rate is wrong: for 16 kHz audio it is right.
    """
    types = observed.sent_mime_types
    if not types:
        return not_checked("nothing was sent, or its MIME type was not seen")
    bare = [mime for mime in types if mime_rate_hz(mime) is None]
    if not bare:
        return clear()
    rate_hz = observed.sent_rate_hz
    known = (
        f"audio/pcm;rate={rate_hz} (`declared_rate_hz = {rate_hz}` in [send])"
        if rate_hz
        else "the rate it has, as `audio/pcm;rate=16000`"
    )
    wrong = rate_hz is not None and rate_hz != ASSUMED_RATE_HZ
    heard = f"; it is {rate_hz} Hz audio, heard {changed_sound(ASSUMED_RATE_HZ / (rate_hz or 1))}" if wrong else ""
    return raised(
        f"The audio is sent as `{bare[0]}`, without its sample rate{heard}",
        evidence=[Evidence(text=f"MIME types of the batches: {', '.join(types)}")],
        likely_cause="the MIME type is written without `;rate=`",
        fix=msg("declare {known}", known=known),
        severity=Severity.ERROR if wrong else Severity.WARNING,
    )

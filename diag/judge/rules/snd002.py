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
        return not_checked(msg("nothing was sent, or its MIME type was not seen"))
    bare = [mime for mime in types if mime_rate_hz(mime) is None]
    if not bare:
        return clear()
    rate_hz = observed.sent_rate_hz
    wrong = rate_hz is not None and rate_hz != ASSUMED_RATE_HZ
    sound = changed_sound(ASSUMED_RATE_HZ / (rate_hz or 1))
    heard = msg("; it is {rate_hz} Hz audio, heard {sound}", rate_hz=rate_hz, sound=sound) if wrong else ""
    return raised(
        msg("The audio is sent as `{bare}`, without its sample rate{heard}", bare=bare[0], heard=heard),
        evidence=[Evidence(text=msg("MIME types of the batches: {types}", types=", ".join(types)))],
        likely_cause=msg("the MIME type is written without `;rate=`"),
        fix=msg("declare audio/pcm;rate={rate_hz} (`declared_rate_hz = {rate_hz}` in [send])", rate_hz=rate_hz)
        if rate_hz
        else msg("declare the rate it has, as `audio/pcm;rate=16000`"),
        severity=Severity.ERROR if wrong else Severity.WARNING,
    )

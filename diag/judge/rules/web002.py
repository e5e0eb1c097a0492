"""WEB002."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.page_facts import measured_rate_hz
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.units import LIVE_INPUT_RATE_HZ, mime_rate_hz
from diag.judge.evidence import PACE_FITS, evidence_of
from diag.judge.page_evidence import page_of, speed
from diag.judge.registry import rule


@rule("WEB002", name="capture-context-rate", severity="error", hop=Hop.SENDER)
def capture_context_rate(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The page captures at another sample rate than it declares.

    What it shows
        The audio context of the microphone has another rate than the audio that is sent, and its samples are sent as
        they are.

    Why it matters
        The service hears 48 kHz audio labelled 16 kHz three times as long and much deeper. It understands nothing, and
        reports no error.

    Evidence
        The rate of the context; the declared rate; the rate at which samples passed the page's WebSocket, by the clock;
        the measured speed of what was sent.

    Likely causes
        - The context of the microphone is made without a rate, so it runs at the rate of the sound card.
        - `sampleRate` was asked for in the constraints of getUserMedia, which Chromium does not follow.

    Fix
        Capture in a context of its own, `new AudioContext({ sampleRate: 16000 })`. The browser then converts the rate.

    Does not prove
        That the browser of another user runs its context at the same rate: without `sampleRate` it depends on the sound
        card.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    rate_hz = page.capture_rate_hz
    if rate_hz is None:
        return not_checked(msg("the microphone goes into no audio context, or into contexts of several rates"))
    sent = [item for item in page.sockets if item.direction == "sent"]
    stated = next((mime_rate_hz(item.mime_type) for item in sent if item.mime_type), None)
    declared_hz = stated or observed.sent_rate_hz or LIVE_INPUT_RATE_HZ
    measured = [hz for item in sent if (hz := measured_rate_hz(item)) is not None]
    wrong = speed(measurements, Hop.SENDER)
    passed_hz = measured[0] if measured else None
    fits = passed_hz is not None and abs(passed_hz / rate_hz - 1) <= PACE_FITS
    slow = wrong is not None and abs(wrong.ratio * rate_hz / declared_hz - 1) <= PACE_FITS
    if rate_hz == declared_hz:
        return clear()
    if not fits and not slow:
        known = passed_hz is not None or measurements.value("rate_ratio", hop=Hop.SENDER) is not None
        return clear() if known else not_checked(msg("nothing was sent from which the rate could be measured"))
    seen = [
        Evidence(
            text=msg(
                "the context of the microphone runs at {rate_hz} Hz; declared is {declared_hz} Hz",
                rate_hz=rate_hz,
                declared_hz=declared_hz,
            )
        )
    ]
    if passed_hz is not None:
        seen.append(
            Evidence(text=msg("{passed_hz:.0f} samples per second passed the page's WebSocket", passed_hz=passed_hz))
        )
    if wrong is not None:
        seen.append(
            evidence_of(wrong.item, msg("what was sent runs at {ratio:.3f} times its speed", ratio=wrong.ratio))
        )
    return raised(
        msg(
            "The page captures at {rate_hz} Hz and sends the samples as {declared_hz} Hz",
            rate_hz=rate_hz,
            declared_hz=declared_hz,
        ),
        evidence=seen,
        likely_cause=msg("the context of the microphone is made without a sample rate"),
        fix=msg(
            "make the context of the microphone with its rate: `new AudioContext({{ sampleRate: {declared_hz} }})`",
            declared_hz=declared_hz,
        ),
    )

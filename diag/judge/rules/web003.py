"""WEB003."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.judge.limits import TREBLE_WARNING_DB
from diag.judge.page_evidence import images_and_treble, page_of, worst_band
from diag.judge.registry import rule

SEVERAL = 3
"""From this number on, buffers are those of chunks and not a single sound."""


@rule("WEB003", name="buffer-rate", severity="warning", or_severity="error", hop=Hop.PLAYER, explained_by=("WEB001",))
def buffer_rate(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The page plays a buffer per chunk at another rate than that of its audio context.

    What it shows
        The reply is played by buffer sources whose buffers have another sample rate than the context.

    Why it matters
        The browser then converts each buffer by itself, by linear interpolation. This adds mirror images of the voice
        at high frequencies, takes treble away, and clicks where chunks meet. The same voice sounds smooth elsewhere
        and dull here.

    Evidence
        The rates of buffers and context, and the number of buffers; images, lost treble and clicks as they were
        measured.

    Likely causes
        - The context is made without a rate, so it runs at the 44.1 or 48 kHz of the sound card.

    Fix
        Make the context at the rate of the reply: `new AudioContext({ sampleRate: 24000 })`. The browser then converts
        its whole output with a good filter.

    Does not prove
        That everybody hears it. It is an error only where a band of the treble was measured to lose 3 dB or
        more.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    if not page.buffers:
        return (
            clear() if page.playing_contexts else not_checked(msg("the page played nothing through the Web Audio API"))
        )
    wrong = [item for item in page.buffers if item.rate_hz != item.context_rate_hz and item.count >= SEVERAL]
    if not wrong:
        return clear()
    worst = max(wrong, key=lambda item: item.frames)
    effects = list(images_and_treble(measurements))
    band = worst_band(measurements)
    dull = band is not None and band.loss_db >= TREBLE_WARNING_DB
    length_ms = 1000 * worst.frames / worst.count / worst.rate_hz
    return raised(
        msg(
            "The page plays {rate_hz} Hz buffers in a {context_rate_hz} Hz audio context: each chunk "
            "is converted by linear interpolation",
            rate_hz=worst.rate_hz,
            context_rate_hz=worst.context_rate_hz,
        ),
        evidence=[
            Evidence(
                text=msg(
                    "{count} buffers of {rate_hz} Hz, {length_ms:.0f} ms each, were started in a "
                    "context of {context_rate_hz} Hz",
                    count=worst.count,
                    rate_hz=worst.rate_hz,
                    length_ms=length_ms,
                    context_rate_hz=worst.context_rate_hz,
                )
            ),
            *effects,
        ],
        likely_cause=msg("the context is made without a sample rate"),
        fix=msg(
            "make the context at the rate of the buffers: `new AudioContext({{ sampleRate: {rate_hz} }})`",
            rate_hz=worst.rate_hz,
        ),
        severity=Severity.ERROR if dull else Severity.WARNING,
    )

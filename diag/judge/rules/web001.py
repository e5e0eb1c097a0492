"""WEB001."""

from __future__ import annotations

from collections.abc import Sequence

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.page_facts import PageContext, PageFacts
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.judge.evidence import changed_sound, evidence_of, listed, received_rate_hz, snapped_hz
from diag.judge.limits import PASSBAND_SHARE
from diag.judge.page_evidence import page_of, speed, worst_band
from diag.judge.registry import rule


@rule("WEB001", name="context-rate-mismatch", severity="error", hop=Hop.PLAYER)
def context_rate_mismatch(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The page plays the reply at another sample rate than it has.

    What it shows
        Audio buffers, or the audio context of a worklet, have another rate than the received audio, and nothing
        converts between the two. Or the reply passes a second audio context of a lower rate.

    Why it matters
        24 kHz audio in a 16 kHz context is 1.5 times as long and 7 semitones deeper. In a 48 kHz context it is
        twice as fast.

    Evidence
        The rate of the received audio; the rates of contexts and buffers; the measured speed of the reply.

    Likely causes
        - One context serves the microphone at 16 kHz and the reply as well.
        - The context is made without a rate, so it runs at the rate of the sound card.
        - One context hands the reply to another one as a stream, and that one has the rate of the microphone.
        - `createBuffer` is called with the rate of the microphone, or with that of the context.

    Fix
        Play in a context of its own, `new AudioContext({ sampleRate: 24000 })`, and make buffers with
        `createBuffer(1, frames, 24000)`.

    Does not prove
        Which line of the page is wrong. A page whose context differs from the received audio may convert the rate by
        itself: without a wrong speed, or buffers that hold the received samples unchanged, nothing is reported.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    reply_hz = received_rate_hz(observed)
    contexts = page.playing_contexts
    if not contexts or observed.received_mime_types is None:
        return not_checked(msg("no reply was received, or the page made no audio context that can play one"))
    narrow = min((context.rate_hz for context in page.relays), default=reply_hz)
    if narrow < reply_hz:
        return _relayed(page, measurements, reply_hz, narrow)
    fast = speed(measurements, Hop.PLAYER)
    heard_hz = None if fast is None else snapped_hz(reply_hz * fast.ratio)
    buffer_rates = {item.rate_hz for item in page.buffers}
    context_rates = {context.rate_hz for context in contexts}
    if fast is None or heard_hz not in buffer_rates | context_rates:
        if buffer_rates | context_rates <= {reply_hz} or measurements.value("rate_ratio", hop=Hop.PLAYER) is not None:
            return clear()
        return not_checked(msg("the rates differ, and whether the page converts them is not known without the speed"))
    if heard_hz in buffer_rates:
        what = msg("audio buffers are made at {heard_hz} Hz", heard_hz=heard_hz)
        fix = msg("make the buffers at the rate of the reply: `createBuffer(1, frames, {reply_hz})`", reply_hz=reply_hz)
    else:
        what = msg("the audio context runs at {heard_hz} Hz", heard_hz=heard_hz)
        fix = msg(
            "play the reply in a context of its own rate: `new AudioContext({{ sampleRate: {reply_hz} }})`",
            reply_hz=reply_hz,
        )
    rates = _rates(contexts)
    return raised(
        msg(
            "The page plays the {reply_hz} Hz reply as {heard_hz} Hz, because {what}: it is {sound}",
            reply_hz=reply_hz,
            heard_hz=heard_hz,
            what=what,
            sound=changed_sound(fast.ratio),
        ),
        evidence=[
            Evidence(text=msg("received at {reply_hz} Hz; {rates}", reply_hz=reply_hz, rates=rates)),
            evidence_of(fast.item, msg("the reply is heard at {ratio:.3f} times its speed", ratio=fast.ratio)),
        ],
        likely_cause=what,
        fix=fix,
    )


def _rates(contexts: Sequence[PageContext]) -> str:
    return listed([msg("context {number} at {hz} Hz", number=item.number, hz=item.rate_hz) for item in contexts])


def _relayed(page: PageFacts, measurements: Measurements, reply_hz: int, narrow_hz: int) -> Verdict:
    """Report a reply that passes a context whose rate is lower than its own."""
    rates = _rates(page.contexts)
    band = worst_band(measurements)
    lost = (
        []
        if band is None
        else [evidence_of(band.item, msg("up to {loss_db:.1f} dB of treble were lost", loss_db=band.loss_db))]
    )
    return raised(
        msg(
            "The page passes the {reply_hz} Hz reply through a second audio context of {narrow_hz} "
            "Hz, which cuts it off above {edge_khz:.1f} kHz",
            reply_hz=reply_hz,
            narrow_hz=narrow_hz,
            edge_khz=PASSBAND_SHARE * narrow_hz / 2000,
        ),
        evidence=[Evidence(text=msg("received at {reply_hz} Hz; {rates}", reply_hz=reply_hz, rates=rates)), *lost],
        likely_cause=msg("two audio contexts of different rates are connected by a stream"),
        fix=msg(
            "play the reply in one context: `new AudioContext({{ sampleRate: {reply_hz} }})`, and "
            "connect its player to `context.destination`",
            reply_hz=reply_hz,
        ),
    )

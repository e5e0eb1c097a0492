"""WEB009."""

from __future__ import annotations

from statistics import median

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.page_facts import PageFacts, PageSocket, measured_rate_hz
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds, mime_rate_hz
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule
from diag.judge.rules.snd004 import LIMIT_S

_ROUNDING_S = 0.001
SHORTEST_S = 0.01


@rule("WEB009", name="batch-size", severity="warning", hop=Hop.SENDER, explained_by=("WEB002",))
def batch_size(observed: ObservedClient) -> Verdict:
    """The page sends its audio in batches that are too long or too short.

    What it shows
        The messages of the page's own WebSocket hold more than 100 ms, or less than 10 ms of audio.

    Why it matters
        With long batches the last word waits until its batch is full. With very short ones, such as the 128 frames of
        a worklet, hundreds of messages a second keep the page's main thread busy.

    Evidence
        Number and length of the messages; the rate is the one that the messages state, that of the context, or that
        measured by the clock.

    Likely causes
        - The buffer of the worklet or the ScriptProcessorNode is too large, or none is used.

    Fix
        Collect 50 ms: 800 samples at 16 kHz.

    Does not prove
        That the service would answer sooner by this time: it waits for some silence first.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    sent = [item for item in page.sockets if item.direction == "sent"]
    if not sent:
        return not_checked(msg("the page sent no audio by a WebSocket"))
    socket = max(sent, key=lambda item: item.messages)
    rate_hz = _rate_hz(page, socket)
    if rate_hz is None:
        return not_checked(msg("the sample rate of what the page sends is not known"))
    length_s = median(socket.audio_bytes) / 2 / rate_hz
    if SHORTEST_S - _ROUNDING_S <= length_s <= LIMIT_S + _ROUNDING_S:
        return clear()
    size = msg("long") if length_s > LIMIT_S else msg("short")
    frames = round(0.05 * rate_hz)
    return raised(
        msg("The page sends batches of {length_s}, which is too {size}", length_s=format_seconds(length_s), size=size),
        evidence=[
            Evidence(
                text=msg(
                    "{messages} messages of {length_s} at {rate_hz:.0f} Hz",
                    messages=socket.messages,
                    length_s=format_seconds(length_s),
                    rate_hz=rate_hz,
                )
            )
        ],
        likely_cause=msg("the buffer before sending is too large")
        if size == "long"
        else msg("nothing is collected before sending"),
        fix=msg("collect 50 ms before sending: {frames} samples at {rate_hz:.0f} Hz", frames=frames, rate_hz=rate_hz),
    )


def _rate_hz(page: PageFacts, socket: PageSocket) -> float | None:
    stated = mime_rate_hz(socket.mime_type) if socket.mime_type else None
    return page.capture_rate_hz or stated or measured_rate_hz(socket)

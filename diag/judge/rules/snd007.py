"""SND007."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.results import Measurements, Verdict
from diag.judge.registry import rule
from diag.judge.rules.devices import less_treble


@rule("SND007", name="send-resampler-poor", severity="warning", hop=Hop.SENDER)
def send_resampler_poor(measurements: Measurements) -> Verdict:
    """The client loses treble of the prompt before it sends.

    What it shows
        At the right speed, `sent` lacks high frequencies that `captured` has, as far as its sample rate reaches.

    Why it matters
        The service understands less, and nothing tells the client.

    Evidence
        `dullness_db` and its bands on the sender hop, each against the same sound in `captured`.

    Likely causes
        - Linear or averaging resampling, or one that starts anew with every block.
        - A detour through 8 kHz, as for telephony.

    Remedy
        Use a proper resampler that keeps its state from block to block.

    Does not prove
        That it is the resampler: a filter of the client's own looks the same.
    """
    return less_treble(
        measurements,
        Hop.SENDER,
        who="sender",
        cause="a poor resampler, or a filter of the client's own",
        remedy="use a band-limited resampler that keeps its state from block to block",
    )

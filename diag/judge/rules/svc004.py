"""SVC004: the reply arrives in bursts with gaps longer than the player's buffer."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Measurements, Verdict, not_checked, raised
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, worst_fault
from diag.judge.registry import rule

MARGIN_S = 0.02
"""A shortage below one device block cannot be heard as a gap."""


@rule("SVC004", name="bursty-delivery", severity="warning", hop=Hop.SERVICE, explained_by=("SVC010",))
def bursty_delivery(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The reply arrives in bursts with gaps longer than the player's buffer.

    What it shows
        To play the reply without a gap, the player would have needed a larger buffer than its configured one.

    Why it matters
        The player underruns in the middle of a word, and a gap is heard.

    Evidence
        `buffer_needed_s`, the smallest buffer that would have been enough, and `prebuffer_ms`.

    Likely causes
        - The service or the network delivers unevenly, and at times slower than real time.
        - The buffer is too small for this network.

    Fix
        Set the buffer a little above `buffer_needed_s`. The reply then starts later by the length of the buffer.

    Does not prove
        That a gap was heard: a client may buffer more than its setting. PLY003 reports gaps that were played.
    """
    held_s = observed.prebuffer_s
    if held_s is None:
        return not_checked(msg("the size of the player's buffer is not known"))
    found = worst_fault(measurements, "buffer_needed_s", lambda needed_s: needed_s > held_s + MARGIN_S)
    if isinstance(found, Verdict):
        return found
    needed_s, item = found
    text = msg(
        "it needs a buffer of {needed_s}, and the player's buffer is {held_s}",
        needed_s=format_seconds(needed_s),
        held_s=format_seconds(held_s),
    )
    return raised(
        msg("The reply arrives in bursts: {text}", text=text),
        evidence=[evidence_of(item, text)],
        likely_cause=msg("the service or the network delivers unevenly"),
        fix=msg(
            "raise `prebuffer_ms` in [playback] from {held_s:.0f} to about {needed_s:.0f}",
            held_s=held_s * 1000,
            needed_s=needed_s * 1100 + 20,
        ),
    )

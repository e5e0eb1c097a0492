"""SND004: the client collects too much audio before it sends."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds
from diag.judge.registry import rule

LIMIT_S = 0.1
_ROUNDING_S = 0.001


@rule("SND004", name="batch-too-large", severity="warning", hop=Hop.SENDER, explained_by=("SND001", "SND022", "WEB009"))
def batch_too_large(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The client collects too much audio before it sends.

    What it shows
        Batches contain more than 100 ms.

    Why it matters
        The last word waits until its batch is full, which delays every reply by up to the length of a batch.

    Evidence
        The lengths of the batches at their declared rate; `batching_delay_s`, the delay that this caused in the take.

    Likely causes
        - The batch length was chosen for throughput, or computed for another sample rate.

    Fix
        Send batches of 20 to 50 ms.

    Does not prove
        That the service would answer sooner by this time: it waits for some silence first.
    """
    lengths = observed.batch_lengths_s
    if not lengths:
        return not_checked(msg("nothing was sent, or its batches were not seen"))
    longest_s = max(lengths)
    if longest_s <= LIMIT_S + _ROUNDING_S:
        return clear()
    cost_s = measurements.value("batching_delay_s")
    cost = (
        "" if cost_s is None else msg("; it delayed the end of the prompt by {cost_s}", cost_s=format_seconds(cost_s))
    )
    return raised(
        msg(
            "Batches contain {longest_s} of audio; send at most 100 ms at a time{cost}",
            longest_s=format_seconds(longest_s),
            cost=cost,
        ),
        evidence=[
            Evidence(
                text=msg(
                    "{batches} batches of up to {longest_s}{cost}",
                    batches=len(lengths),
                    longest_s=format_seconds(longest_s),
                    cost=cost,
                )
            )
        ],
        likely_cause=msg("the batch length is set too large"),
        fix=msg("send batches of 20 to 50 ms (`batch_ms = 50` in [send])"),
    )

"""TRN002: the reply stops late after the user interrupts it."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, numbers, turn_of
from diag.judge.registry import rule

LIMIT_S = 1.0
"""People who are interrupted stop within 0.2 to 0.4 s; Live services send `interrupted` after 0.3 to 0.8 s."""


@rule("TRN002", name="barge-in-slow", severity="warning", hop=Hop.SERVICE, explained_by=("PLY010", "SND004", "SND005"))
def barge_in_slow(measurements: Measurements, turns: tuple[Turn, ...]) -> Verdict:
    """The reply stops late after the user interrupts it.

    What it shows
        The service interrupted its reply, but the user heard it for more than 1 s after the own first word.

    Why it matters
        Both talk at once for so long. Users stop, or start again.

    Evidence
        `barge_in_delay_s`, with the parts before `interrupted` (`interrupt_delay_s`) and after it (`flush_delay_s`).

    Likely causes
        - A detector that needs a long stretch of speech (`prefixPaddingMs`, low start sensitivity).
        - Large batches or a slow connection on the way to the service.
        - A player that goes on (PLY010).

    Fix
        Set `startOfSpeechSensitivity` to `START_SENSITIVITY_HIGH` and `prefixPaddingMs` to 100 or less, send batches of
        20 to 50 ms, and empty the player's queue when `interrupted` comes.

    Does not prove
        Where the service loses the time.
    """
    tried = [turn for turn in turns if turn.barge_in]
    if not tried:
        return not_checked(msg("nobody interrupted a reply"))
    delays = [
        (value, item)
        for value, item in numbers(measurements.find("barge_in_delay_s"))
        if measurements.value("interrupt_delay_s", turn=item.turn) is not None
    ]
    if not delays:
        return not_checked(msg("no reply was interrupted, or the moment is not known"))
    delay_s, item = max(delays, key=lambda pair: pair[0])
    if delay_s <= LIMIT_S:
        return clear() if len(delays) == len(tried) else not_checked(msg("not every barge-in could be timed"))
    told_s = measurements.value("interrupt_delay_s", turn=item.turn)
    assert told_s is not None
    return raised(
        msg("The reply stops {delay_s} after the user begins to interrupt it", delay_s=format_seconds(delay_s)),
        evidence=[
            evidence_of(
                item, msg("{turn_of}: both talk for {delay_s}", turn_of=turn_of(item), delay_s=format_seconds(delay_s))
            ),
            Evidence(
                text=msg("`interrupted` came {told_s} after the user's first word", told_s=format_seconds(told_s)),
                metric="interrupt_delay_s",
                turn=item.turn,
            ),
        ],
        likely_cause=msg("the service needs long to notice the user")
        if told_s > LIMIT_S / 2
        else msg("the player goes on after `interrupted`"),
        fix=msg(
            "set `startOfSpeechSensitivity` to HIGH, `prefixPaddingMs` to 100 or less, and send batches of 20 to 50 ms"
        )
        if told_s > LIMIT_S / 2
        else msg("empty the player's queue when `interrupted` comes"),
    )

"""TRN001: the reply goes on although the user interrupts it."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.take import Turn
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, numbers, setting, turn_of
from diag.judge.registry import rule


@rule("TRN001", name="barge-in-ignored", severity="warning", hop=Hop.SERVICE,
      explained_by=("MIC001", "SND001", "SND003", "SND005", "CFG012", "SVC009"))  # fmt: skip
def barge_in_ignored(measurements: Measurements, observed: ObservedClient, turns: tuple[Turn, ...]) -> Verdict:
    """The reply goes on although the user interrupts it.

    What it shows
        The user spoke during the reply. The service sent no `interrupted`, and the reply was heard for at least 1.5 s
        more.

    Why it matters
        The user cannot stop a long or wrong answer, and both talk at once.

    Evidence
        `barge_in_delay_s` of the turn that interrupts, and that `interrupt_delay_s` has no value.

    Likely causes
        - The setup has `activityHandling: NO_INTERRUPTION`.
        - The client does not send audio while the reply is played (half duplex), or echo cancellation removes the user.
        - The detector's start sensitivity is low, or the speech is too short or too quiet for it.

    Fix
        Remove `activityHandling: NO_INTERRUPTION`, send audio during the reply, or set `startOfSpeechSensitivity` to
        `START_SENSITIVITY_HIGH`.

    Does not prove
        That the service heard the user: compare `sent` at that time.
    """
    tried = [turn for turn in turns if turn.barge_in]
    if not tried:
        return not_checked(msg("nobody interrupted a reply"))
    delays = [
        (value, item)
        for turn in tried
        for value, item in numbers(measurements.find("barge_in_delay_s", turn=turn.index))
    ]
    ignored = [
        (value, item) for value, item in delays if measurements.value("interrupt_delay_s", turn=item.turn) is None
    ]
    if not ignored:
        if len(delays) < len(tried):
            return not_checked(msg("a reply was over before it could be interrupted, or the moment is not known"))
        return clear()
    delay_s, item = max(ignored, key=lambda pair: pair[0])
    told = setting(observed, "realtimeInputConfig", "activityHandling")
    off = told == "NO_INTERRUPTION"
    evidence = [
        evidence_of(
            item,
            msg(
                "{turn_of}: the reply was heard for {delay_s} after the user's first word",
                turn_of=turn_of(item),
                delay_s=format_seconds(delay_s),
            ),
        )
    ]
    evidence.append(Evidence(text=msg("the service sent no `interrupted`")))
    if off:
        evidence.append(Evidence(text=msg("the setup has `activityHandling: NO_INTERRUPTION`")))
    return raised(
        msg("The reply goes on although the user interrupts it: for {delay_s}", delay_s=format_seconds(delay_s)),
        evidence=evidence,
        likely_cause=msg("the setup forbids interruptions")
        if off
        else msg("the service's detector did not take the user's sound for speech, or did not get it"),
        fix=msg("remove `activityHandling: NO_INTERRUPTION` from the setup")
        if off
        else msg("check that audio is sent while the reply is played, and set `startOfSpeechSensitivity` to HIGH"),
    )

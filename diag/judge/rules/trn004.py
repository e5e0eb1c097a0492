"""TRN004: the service notices late that the user has finished."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, numbers, setting, turn_of, why_not
from diag.judge.registry import rule

LIMIT_S = 1.5
"""Detectors wait for 0.5 to 0.8 s of silence by default; twice the longer value is too much for any pause."""


@rule(
    "TRN004", name="end-of-turn-slow", severity="warning", hop=Hop.SERVICE, explained_by=("SND005", "SND006", "SND008")
)
def end_of_turn_slow(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The service notices late that the user has finished.

    What it shows
        More than 1.5 s passed from the user's last word until the service took the turn as ended. The model begins to
        think only then.

    Why it matters
        Every reply comes later by this time.

    Evidence
        `end_of_turn_s`: the end of activity that the service reported, or `silenceDurationMs` in the setup together
        with a reply that comes no earlier.

    Likely causes
        - `silenceDurationMs` is long, or `endOfSpeechSensitivity` is low.
        - Noise at the microphone is taken for speech.

    Fix
        Set `silenceDurationMs` to 500 to 800, and `endOfSpeechSensitivity` to `END_SENSITIVITY_HIGH`.

    Does not prove
        That a shorter silence does no harm: users who pause are cut off (TRN005).
    """
    items = measurements.find("end_of_turn_s")
    found = numbers(items)
    if not found or len(found) < len(items):
        return not_checked(why_not(items, "end_of_turn_s"))
    known = [pair for pair in found if pair[1].confidence == 1.0 and pair[0] > LIMIT_S]
    slow = [pair for pair in found if pair[0] > LIMIT_S]
    silence_ms = setting(observed, "realtimeInputConfig", "automaticActivityDetection", "silenceDurationMs")
    asked_s = float(silence_ms) / 1000 if isinstance(silence_ms, int | float) else None
    asked = slow if asked_s is not None and asked_s > LIMIT_S else []
    if not known and not asked:
        if slow:
            return not_checked(msg("the service did not report when it noticed the end of the turn"))
        return clear()
    delay_s, item = max(known or asked, key=lambda pair: pair[0])
    evidence = [
        evidence_of(
            item,
            msg(
                "{turn_of}: its end was reported {delay_s} after the last word",
                turn_of=turn_of(item),
                delay_s=format_seconds(delay_s),
            ),
        )
        if known
        else evidence_of(
            item,
            msg(
                "{turn_of}: nothing came for {delay_s} after the last word",
                turn_of=turn_of(item),
                delay_s=format_seconds(delay_s),
            ),
        )
    ]
    if asked_s is not None:
        evidence.append(
            Evidence(
                text=msg(
                    "the setup asks for {asked_s} of silence (`silenceDurationMs`)", asked_s=format_seconds(asked_s)
                )
            )
        )
    late_s = delay_s if known else asked_s or delay_s
    by_setup = asked_s is not None and asked_s > LIMIT_S
    return raised(
        msg(
            "The setup makes the service wait for {asked_s} of silence before it takes the user's turn as ended",
            asked_s=format_seconds(asked_s),
        )
        if by_setup and asked_s is not None
        else msg("The service takes {late_s} to notice that the user has finished", late_s=format_seconds(late_s)),
        evidence=evidence,
        likely_cause=msg("`silenceDurationMs` is long")
        if by_setup
        else msg("the detector waits for a long silence, or hears noise as speech"),
        fix=msg("set `silenceDurationMs` to 500 to 800, and `endOfSpeechSensitivity` to `END_SENSITIVITY_HIGH`"),
    )

"""CFG006: the service did not accept the setup."""

from __future__ import annotations

import re
from collections.abc import Sequence

from diag.core.live_setup import camel, snake
from diag.core.messages import joined, msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of
from diag.judge.registry import rule
from diag.judge.setup_frame import FrameFault, Problem, field_faults

_FIELD = re.compile(r'[Uu]nknown name \\?"([^"\\]+)')
_QUERY = "Cannot bind query parameter"
_VALUE = re.compile(r"[Ii]nvalid value at '([^']+)'")


@rule("CFG006", name="setup-rejected", severity="error")
def setup_rejected(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The service did not accept the setup.

    What it shows
        The session was closed with 1007 because of the setup itself: it has an unknown field or an invalid argument.

    Why it matters
        Without a session there is no reply.

    Evidence
        Close code and reason, with the field if the reason names one. The faults of the setup that was sent: unknown
        names, names in the wrong place, wrong types.

    Likely causes
        - A field that only another API version has (`proactivity` and affective dialogue are v1alpha only).
        - A field in the wrong place, or a value that this model does not accept.
        - A query parameter in the address, such as `?model=`, which belongs into the setup.

    Fix
        Correct the places that the finding names; else remove the field, or ask for the API version that has it.
        `diag doctor --setup` judges the whole message and prints the corrected one.

    Does not prove
        Which field it is, if the reason only says "invalid argument". Remove fields one by one to find it.
    """
    found = closing_of("CFG006", timeline, observed)
    if isinstance(found, Verdict):
        return found
    field, value = _FIELD.search(found.reason), _VALUE.search(found.reason)
    what = msg("an argument is invalid")
    if field is not None and _QUERY in found.reason:
        what = msg("the address has a query parameter `{name}`, which it does not know", name=field.group(1))
    elif field is not None:
        what = msg("the field `{name}` is not known", name=field.group(1))
    elif value is not None:
        what = msg("the value of `{name}` has the wrong type", name=value.group(1))
    faults = [] if _QUERY in found.reason else _faults(observed, field or value)
    evidence = [found.evidence]
    evidence += [
        Evidence(text=msg("in the setup that was sent, {pointer}: {seen}", pointer=item.pointer, seen=item.seen))
        for item in faults[:3]
    ]
    return raised(
        msg("The service did not accept the setup: {what}", what=what),
        evidence=evidence,
        likely_cause=msg("a query parameter was added to the address, as other services want it")
        if _QUERY in found.reason
        else _cause(unknown=field is not None, faults=faults),
        fix=joined([msg("{place}: {fix}", place=item.pointer, fix=item.fix) for item in faults[:3]])
        if faults
        else _advice(field, found.reason),
        confidence=1.0 if field or value or faults else 0.7,
    )


def _faults(observed: ObservedClient, named: re.Match[str] | None) -> list[FrameFault]:
    """Return the faults of the setup that was sent which the reason can mean.

    A reason that names a place means faults at that place. Any other reason can only mean values, because the service
    names a field that it does not know. Saved takes of older releases hold the SDK's settings in place of the message,
    with fields of the generation config at the top; these cannot be judged.
    """
    if observed.setup is None:
        return []
    faults = field_faults(observed.setup, version=observed.api_version or "")
    if named is not None:
        name = re.sub(r"\[\d+\]$", "", named.group(1)).rpartition(".")[2]
        return [fault for fault in faults if snake(camel(fault.pointer.rpartition("/")[2])) == name]
    if any(fault.problem is Problem.WRONG_PLACE for fault in faults):
        return []
    return [fault for fault in faults if fault.problem in (Problem.WRONG_TYPE, Problem.WRONG_VALUE)]


def _cause(*, unknown: bool, faults: Sequence[FrameFault]) -> str:
    if faults:
        return faults[0].seen
    if unknown:
        return msg("the field belongs to another API version or another place")
    return msg("this model does not accept a value or a combination of values")


def _advice(field: re.Match[str] | None, reason: str) -> str:
    if field is not None and _QUERY in reason:
        return msg(
            "remove `{name}=` from the address: only `key` and `access_token` belong there, and everything else, such "
            "as the model, into the setup",
            name=field.group(1),
        )
    if field is not None and " at '" not in reason:
        return msg(
            'the first message of a session is {{"setup": {{…}}}} and has no other name beside it: put the fields of '
            "the setup inside, and remove `{name}`",
            name=field.group(1),
        )
    if field:
        return msg(
            "remove `{name}`, or use an API version that has it (v1alpha has the newest fields)", name=field.group(1)
        )
    return msg(
        "remove fields from the setup one by one, or use an API version that has it (v1alpha has the newest fields)"
    )

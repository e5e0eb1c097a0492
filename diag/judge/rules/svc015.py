"""SVC015: the service called a tool, but the client did not respond."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.judge.evidence import open_tool_calls
from diag.judge.registry import rule


@rule("SVC015", name="tool-call-unanswered", severity="error", hop=Hop.SENDER)
def tool_call_unanswered(timeline: Timeline) -> Verdict:
    """The service called a tool, but the client did not respond.

    What it shows
        A `toolCall` came and was not cancelled, but no `toolResponse` with its id was sent.

    Why it matters
        The model waits for the result of a blocking tool and says nothing until then.

    Evidence
        Names and ids of the calls; the responses that were sent.

    Likely causes
        - A tool is declared in the setup, but the client has no code that handles it.
        - The response has a wrong id, or the code of the tool failed.

    Fix
        Answer every call with `send_tool_response` and the call's id, even when the tool fails. Or do not declare the
        tool.

    Does not prove
        That a reply would have come otherwise: the tool may be declared as non-blocking.
    """
    if timeline.first(EventName.SESSION_OPEN) is None:
        return not_checked(msg("no session was opened"))
    waiting = open_tool_calls(timeline)
    if not waiting:
        return clear()
    asked = {
        str(call.get("id")) for event in timeline.named(EventName.TOOL_CALL) for call in event.data.get("calls") or ()
    }
    sent = (str(key) for event in timeline.named(EventName.TOOL_RESPONSE_SENT) for key in event.data.get("ids") or ())
    wrong = ", ".join(f"`{key}`" for key in dict.fromkeys(sent) if key not in asked)
    if wrong:
        return raised(
            msg("The client responded to a tool call with a wrong id: {wrong}", wrong=wrong),
            evidence=[Evidence(text=msg("calls without a response: {names}", names=", ".join(waiting)))],
            likely_cause=msg(
                "the response has the name of the function or an id of the client's own in place of the call's"
            ),
            fix=msg("copy `id` of each function call into its function response"),
        )
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(waiting.values()))
    return raised(
        msg("The service called {names}, but the client did not respond", names=names),
        evidence=[
            Evidence(
                text=msg(
                    "{count} of {calls} tool calls have no response: {names}",
                    count=len(waiting),
                    calls=sum(len(event.data.get("calls") or ()) for event in timeline.named(EventName.TOOL_CALL)),
                    names=", ".join(waiting),
                )
            )
        ],
        likely_cause=msg("a tool is declared in the setup, but the client has no code that handles it"),
        fix=msg("answer every tool call with its id, even when the tool fails, or do not declare the tool"),
    )

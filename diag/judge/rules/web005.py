"""WEB005."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule


@rule("WEB005", name="context-suspended", severity="error")
def context_suspended(observed: ObservedClient) -> Verdict:
    """An audio context of the page is suspended.

    What it shows
        The context that plays the reply, or that takes the microphone, was suspended until the end of the take.

    Why it matters
        A suspended context neither plays nor captures, and reports no error.

    Evidence
        The state of each context, and what the browser wrote about it to the console.

    Likely causes
        - The context is made before the first click; browsers then keep it suspended.
        - `suspend()` was called, and `resume()` was not.

    Fix
        Call `await context.resume()` in the handler of the click that starts the conversation.

    Does not prove
        That other browsers suspend it too: their rules for autoplay differ.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    contexts = [context for context in page.contexts if context.plays or context.captures]
    if not contexts:
        return not_checked(msg("the page made no audio context that plays or captures"))
    idle = [context for context in contexts if context.state == "suspended"]
    if not idle:
        return clear()
    worst = next((context for context in idle if context.plays), idle[0])
    role = msg("plays the reply") if worst.plays else msg("takes the microphone")
    said = [text for _, text in page.console if "AudioContext was not allowed to start" in text]
    return raised(
        msg("The audio context that {role} is suspended", role=role),
        evidence=[
            *(
                Evidence(
                    text=msg(
                        "context {number} ({rate_hz} Hz): suspended, {what}",
                        number=item.number,
                        rate_hz=item.rate_hz,
                        what=msg("ran before") if item.ran else msg("never ran"),
                    )
                )
                for item in idle
            ),
            *(Evidence(text=msg("console: {text}", text=text)) for text in said[:1]),
        ],
        likely_cause=msg("it was made before the first click, so the browser keeps it suspended")
        if said
        else msg("`suspend()` was called, or the context was made before the first click"),
        fix=msg("call `await context.resume()` in the handler of the click that starts the conversation"),
    )

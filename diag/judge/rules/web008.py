"""WEB008."""

from __future__ import annotations

from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule


@rule("WEB008", name="script-processor", severity="warning")
def script_processor(observed: ObservedClient) -> Verdict:
    """The page handles audio in a ScriptProcessorNode.

    What it shows
        The page made a `ScriptProcessorNode`.

    Why it matters
        It runs on the thread that draws the page, so whatever else the page does makes gaps, such as laying out a long
        list. It is deprecated; an `AudioWorkletNode` runs on a thread of its own.

    Evidence
        The number of such nodes and the length of their buffers; the load of the audio context.

    Likely causes
        - The page was made after an old example.

    Fix
        Move the code to a processor of an `AudioWorklet`: `context.audioWorklet.addModule(…)` and
        `new AudioWorkletNode(context, name)`.

    Does not prove
        That sound was lost in this take: lost sound has findings of its own.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    if not page.contexts:
        return not_checked("the page made no audio context")
    sizes = page.script_processors
    nodes = sum(context.nodes.get("ScriptProcessor", 0) for context in page.contexts)
    if not sizes and not nodes:
        return clear()
    lengths = ", ".join(str(size) for size in sorted(set(sizes)))
    of = f", with buffers of {lengths} frames" if sizes else ""
    return raised(
        "The page handles audio in a ScriptProcessorNode, on the thread that draws the page",
        evidence=[Evidence(text=f"{max(len(sizes), nodes)} ScriptProcessorNode{of}")],
        likely_cause="the page was made after an old example",
        fix="use an AudioWorklet: `await context.audioWorklet.addModule(…)` and `new AudioWorkletNode(context, name)`",
    )

"""WEB008."""

from __future__ import annotations

from collections.abc import Callable

from diag.core.chain import Hop
from diag.core.messages import Message, msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Measurements, Severity, Verdict, clear, not_checked, raised
from diag.core.units import format_seconds
from diag.judge.evidence import evidence_of, numbers
from diag.judge.limits import LEFT_OUT_S, REPEATED_S, SILENCE_INSERTED_S
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule

LOSSES: tuple[tuple[str, Hop, float, Callable[[str], Message]], ...] = (
    (
        "skipped_s",
        Hop.SENDER,
        LEFT_OUT_S,
        lambda length: msg("{length} of the voice are missing in what the page sends", length=length),
    ),
    (
        "inserted_silence_s",
        Hop.SENDER,
        SILENCE_INSERTED_S,
        lambda length: msg("{length} of silence are in what the page sends", length=length),
    ),
    (
        "inserted_silence_s",
        Hop.PLAYER,
        SILENCE_INSERTED_S,
        lambda length: msg("{length} of silence are in what the page plays", length=length),
    ),
    ("repeated_s", Hop.PLAYER, REPEATED_S, lambda length: msg("{length} of the reply are played twice", length=length)),
)
"""What a page that is busy does to the sound: metric, hop, limit, and how it is worded."""
BUSY_S = 0.05
"""Losses of less than this in all are no fault of the node: a page whose work delayed it lost 0.4 s and more of a turn,
and a busy machine costs any page a buffer of 5 to 20 ms."""


@rule("WEB008", name="script-processor", severity="info", or_severity="error")
def script_processor(measurements: Measurements, observed: ObservedClient) -> Verdict:
    """The page handles audio in a ScriptProcessorNode.

    What it shows
        The page made a `ScriptProcessorNode`. It is information, and an error where gaps of 50 ms or more in all were
        measured.

    Why it matters
        It runs on the thread that draws the page, so whatever else the page does makes gaps, such as laying out a long
        list. It is deprecated; an `AudioWorkletNode` runs on a thread of its own.

    Evidence
        The number of such nodes and the length of their buffers; the gaps that were measured.

    Likely causes
        - The page was made after an old example.

    Fix
        Move the code to a processor of an `AudioWorklet`: `context.audioWorklet.addModule(…)` and
        `new AudioWorkletNode(context, name)`.

    Does not prove
        That the page is too busy for it on every machine. Where no gap was measured, nothing was lost in this take.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    if not page.contexts:
        return not_checked(msg("the page made no audio context"))
    sizes = page.script_processors
    nodes = sum(context.nodes.get("ScriptProcessor", 0) for context in page.contexts)
    if not sizes and not nodes:
        return clear()
    lengths = ", ".join(str(size) for size in sorted(set(sizes)))
    of = msg(", with buffers of {lengths} frames", lengths=lengths) if sizes else ""
    found = [
        (value, evidence_of(item, words(format_seconds(value))))
        for metric, hop, limit_s, words in LOSSES
        for value, item in numbers(measurements.find(metric, hop=hop))
        if value >= limit_s
    ]
    lost = sum(value for value, _ in found) >= BUSY_S
    return raised(
        msg(
            "The page handles audio in a ScriptProcessorNode, on the thread that draws the page, and the sound has gaps"
        )
        if lost
        else msg("The page handles audio in a ScriptProcessorNode, on the thread that draws the page"),
        evidence=[
            Evidence(text=msg("{count} ScriptProcessorNode{of}", count=max(len(sizes), nodes), of=of)),
            *(item for _, item in found),
        ],
        likely_cause=msg("the page's other work delays it") if lost else msg("the page was made after an old example"),
        fix=msg(
            "use an AudioWorklet: `await context.audioWorklet.addModule(…)` and `new AudioWorkletNode(context, name)`"
        ),
        severity=Severity.ERROR if lost else Severity.INFO,
    )

"""WEB004."""

from __future__ import annotations

from diag.core.chain import Hop
from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Evidence, Verdict, clear, not_checked, raised
from diag.core.timeline import EventName, Timeline
from diag.judge.page_evidence import page_of
from diag.judge.registry import rule


@rule("WEB004", name="not-connected-to-destination", severity="error", hop=Hop.PLAYER)
def not_connected_to_destination(observed: ObservedClient, timeline: Timeline) -> Verdict:
    """Nothing that plays the reply is connected to the destination of its audio context.

    What it shows
        The service sent a reply, the page made nodes that can play it, and no path leads from any of them to an
        `AudioDestinationNode`.

    Why it matters
        The page receives the reply and nobody hears it. There is no error.

    Evidence
        The nodes and the connections of each audio context.

    Likely causes
        - `node.connect(context.destination)` is missing, or an analyser or gain node between them is not connected on.

    Fix
        Connect the last node: `player.connect(context.destination)`.

    Does not prove
        That the page has no other way to play: an audio element outside the Web Audio API is not seen here.
    """
    page = page_of(observed)
    if isinstance(page, Verdict):
        return page
    contexts = page.playing_contexts
    if not contexts:
        return not_checked(msg("the page made no node that can play a reply"))
    if any(context.sounds for context in (*contexts, *page.relays)):
        return clear()
    if timeline.first(EventName.CHUNK_RECEIVED) is None:
        return not_checked(msg("the service sent no audio, so the page had nothing to play"))
    if any("MediaStreamAudioDestination" in context.nodes for context in contexts):
        return not_checked(msg("the page hands the sound on as a stream, and where that goes is not seen"))
    nodes = sorted({name for context in contexts for name in context.nodes if name != "AudioDestination"})
    links = sorted({f"{first} → {second}" for context in contexts for first, second in context.links})
    return raised(
        msg("The page plays the reply into nodes that are not connected to the destination: nobody hears it"),
        evidence=[
            Evidence(text=msg("nodes: {names}", names=", ".join(nodes))),
            Evidence(text=msg("connections: {what}", what=", ".join(links) or msg("none"))),
        ],
        likely_cause=msg("`connect(context.destination)` is missing"),
        fix=msg("connect the node that plays: `player.connect(context.destination)`"),
    )

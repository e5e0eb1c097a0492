"""CFG007: the client sends audio in a field that the model no longer accepts."""

from __future__ import annotations

from diag.core.messages import msg
from diag.core.observed_client import ObservedClient
from diag.core.results import Verdict, raised
from diag.core.timeline import Timeline
from diag.judge.closings import closing_of
from diag.judge.registry import rule


@rule("CFG007", name="deprecated-media-chunks", severity="error")
def deprecated_media_chunks(timeline: Timeline, observed: ObservedClient) -> Verdict:
    """The client sends audio in a field that the model no longer accepts.

    What it shows
        The session was closed with 1007 "realtime_input.media_chunks is deprecated. Use audio, video, or text instead."

    Why it matters
        The session ends when the first batch of audio is sent.

    Evidence
        Close code and reason.

    Likely causes
        - The client calls `send_realtime_input(media=…)` or the old `send()`, which put audio into `media_chunks`.

    Fix
        Call `send_realtime_input(audio=types.Blob(data=…, mime_type="audio/pcm;rate=16000"))`.

    Does not prove
        That the audio itself is right: it was not checked.
    """
    found = closing_of("CFG007", timeline, observed)
    if isinstance(found, Verdict):
        return found
    return raised(
        msg("Audio was sent as `media_chunks`, which the model no longer accepts"),
        evidence=[found.evidence],
        likely_cause=msg("the client calls send_realtime_input(media=…) or the old send()"),
        fix=msg("send it with send_realtime_input(audio=…)"),
    )

"""Prebuilt voices that a session or a speech request can ask for by name, and the recorded speaker of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from diag.core.live_catalogue import HIGH_VOICES, LOW_VOICES
from diag.emulator.replies import Reply

SPEAKERS: Mapping[str, str] = {
    **{name.casefold(): "high" for name in HIGH_VOICES},
    **{name.casefold(): "low" for name in LOW_VOICES},
}
"""Speaker of each voice, by its name in lower case. The service's 14 female voices share one speaker, and its 16 male
voices the other."""
SENTENCE = "sentence"
"""Kind of a recording that speaks a requested text, and is no reply of a conversation."""


def replies_in(replies: Sequence[Reply], voice: str) -> tuple[Reply, ...]:
    """Return the replies of a conversation in the voice of this name.

    Without a name, or if no recording has a speaker (as in a folder of the user's own), return
    the replies that belong to no speaker.
    """
    speaking = [reply for reply in replies if reply.kind != SENTENCE]
    own = [reply for reply in speaking if reply.speaker and reply.speaker == SPEAKERS.get(voice.casefold())]
    return tuple(own or [reply for reply in speaking if not reply.speaker])


def sentences_in(replies: Sequence[Reply], voice: str) -> tuple[Reply, ...]:
    """Return the recordings that speak requested texts in the voice of this name; its replies if there are none."""
    speaker = SPEAKERS.get(voice.casefold())
    own = [reply for reply in replies if reply.kind == SENTENCE and speaker and reply.speaker == speaker]
    return tuple(own) or replies_in(replies, voice)

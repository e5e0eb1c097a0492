"""The chain a voice answer goes through: six taps, five hops, and who owns each hop."""

from __future__ import annotations

from enum import StrEnum


class Tap(StrEnum):
    """A joint of the chain where audio is recorded."""

    PROMPT = "prompt"
    CAPTURED = "captured"
    SENT = "sent"
    RECEIVED = "received"
    PLAYED = "played"
    HEARD = "heard"


class Hop(StrEnum):
    """A stretch of the chain between two taps."""

    MICROPHONE = "microphone"
    SENDER = "sender"
    SERVICE = "service"
    PLAYER = "player"
    SPEAKER = "speaker"

    @property
    def ends(self) -> tuple[Tap, Tap]:
        """The tap that goes in and the tap that comes out."""
        return _ENDS[self]

    @property
    def owner(self) -> str:
        """Who can mend a fault on this hop, in plain words."""
        return _OWNERS[self]


_TAPS = tuple(Tap)
_ENDS = {hop: (_TAPS[i], _TAPS[i + 1]) for i, hop in enumerate(Hop)}
_OWNERS = {
    Hop.MICROPHONE: "the operating system or the capture device",
    Hop.SENDER: "the client",
    Hop.SERVICE: "the Live API",
    Hop.PLAYER: "the client",
    Hop.SPEAKER: "the operating system or the playback device",
}

HEARD_PROMPT_CHANNEL = 0
HEARD_REPLY_CHANNEL = 1

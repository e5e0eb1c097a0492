"""The audio chain of a conversation: six taps, the five hops between them, and who owns each hop."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from diag.core.messages import Message, fixed_text, joined, msg


class Tap(StrEnum):
    """A point of the chain at which audio is recorded."""

    PROMPT = "prompt"
    CAPTURED = "captured"
    SENT = "sent"
    RECEIVED = "received"
    PLAYED = "played"
    HEARD = "heard"


class Hop(StrEnum):
    """The part of the chain between two neighbouring taps."""

    MICROPHONE = "microphone"
    SENDER = "sender"
    SERVICE = "service"
    PLAYER = "player"
    SPEAKER = "speaker"

    @property
    def ends(self) -> tuple[Tap, Tap]:
        """The tap at the input of the hop and the tap at its output."""
        return _ENDS[self]

    @property
    def segment(self) -> Segment:
        """The segment that consists of this hop alone."""
        return Segment(*self.ends)

    @property
    def owner(self) -> str:
        """Who can fix a fault on this hop, for example "the client"."""
        return _OWNERS[self]


PORTS = ("mouth", "microphone", "speaker", "ear")
"""Devices of a rig: the mouth speaks the prompt to the microphone, and the ear records what the speaker plays."""

_TAPS = tuple(Tap)
_ENDS = {hop: (_TAPS[i], _TAPS[i + 1]) for i, hop in enumerate(Hop)}
_OWNERS = {
    Hop.MICROPHONE: "the operating system or the capture device",
    Hop.SENDER: "the client",
    Hop.SERVICE: "the Live API",
    Hop.PLAYER: "the client",
    Hop.SPEAKER: "the operating system or the playback device",
}


@dataclass(frozen=True)
class Segment:
    """The part of the chain between two recorded taps: one hop, or several hops if the taps between were not recorded.

    Parameters
    ----------
    first, last : Tap
        Taps at the input and at the output; `last` comes later in the chain.

    Raises
    ------
    ValueError
        If `last` does not come after `first`.
    """

    first: Tap
    last: Tap

    def __post_init__(self) -> None:
        if _TAPS.index(self.last) <= _TAPS.index(self.first):
            raise ValueError(f"a segment cannot go from {self.first} to {self.last}")

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The hops that the segment covers, in the order of the chain."""
        return _hops_between(self.first, self.last)

    @property
    def merged(self) -> bool:
        """Whether the segment covers more than one hop."""
        return len(self.hops) > 1

    @property
    def comparable(self) -> bool:
        """Whether both ends carry the same sound. They do not if the service is between them: it sends other speech."""
        return Hop.SERVICE not in self.hops

    @property
    def hop(self) -> Hop:
        """The hop whose codes, wording and owner are used for a finding on this segment.

        For several hops it is the service if the segment covers it, otherwise the client's hop.
        """
        for owner in (Hop.SERVICE, Hop.SENDER, Hop.PLAYER):
            if owner in self.hops:
                return owner
        return self.hops[0]

    @property
    def covers(self) -> Message:
        """Names of the hops in words, for example "player" or "player and speaker together"."""
        *others, last = (fixed_text(hop.value) for hop in self.hops)
        return msg("{hops} and {last} together", hops=joined(others, ", "), last=last) if others else last

    def __str__(self) -> str:
        return f"{self.first.value} to {self.last.value}"


@cache
def _hops_between(first: Tap, last: Tap) -> tuple[Hop, ...]:
    return tuple(Hop)[_TAPS.index(first) : _TAPS.index(last)]


def segments_of(taps: Collection[Tap]) -> tuple[Segment, ...]:
    """Return one segment for each pair of neighbouring recorded taps, in the order of the chain.

    Parameters
    ----------
    taps : collection of Tap
        The taps that were recorded, in any order.
    """
    present = [tap for tap in Tap if tap in taps]
    return tuple(Segment(first, last) for first, last in itertools.pairwise(present))


HEARD_PROMPT_CHANNEL = 0
HEARD_REPLY_CHANNEL = 1

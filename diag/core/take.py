"""A take: everything that the judging side may know of one session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from diag.core.chain import Tap
from diag.core.clip import Clip
from diag.core.timeline import Timeline

if TYPE_CHECKING:
    from diag.core.client_config import ClientConfig

Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One prompt and its reply, and where both lie on the taps.

    Parameters
    ----------
    index : int
        0 for the first turn of the session.
    prompt_name : str
        Name in prompts.toml, or the stem of the user's own file.
    start_s, end_s : float
        The part of the take's clock that belongs to this turn.
    speech_start_s, speech_end_s : float or None
        When the prompt's speech began and ended as the mouth's device stamps tell it (the speech's place in the
        file is known from prompts.toml or was found in the file); None if the prompt was never spoken.
    prompt_spans : mapping of Tap to (start_frame, end_frame)
        Frames of `prompt`, `captured`, `sent`, `heard` that carry the prompt, with a margin.
    reply_spans : mapping of Tap to (start_frame, end_frame)
        Frames of `received` (exact), `played`, `heard` (with a margin) that carry the reply; a tap without a
        reply is left out.
    """

    index: int
    prompt_name: str
    start_s: float
    end_s: float
    speech_start_s: float | None = None
    speech_end_s: float | None = None
    prompt_spans: Mapping[Tap, Span] = field(default_factory=dict)
    reply_spans: Mapping[Tap, Span] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt_spans", MappingProxyType(dict(self.prompt_spans)))
        object.__setattr__(self, "reply_spans", MappingProxyType(dict(self.reply_spans)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Take:
    """One session of one or more turns, frozen.

    Parameters
    ----------
    id : str
        "0001" and so on within its run.
    scenario : str
        Name of the configuration; for people only, hidden from metrics and rules.
    config : ClientConfig
        What the client asked for and how it plays: nothing of the emulator, faults or expectations.
    environment : mapping
        Versions, platform, devices, audio backend, endpoint kind. JSON-ready.
    seed : int
        Seed of every random choice in the take.
    clips : mapping of Tap to Clip
        Taps that exist; each spans the whole session. `heard` has two channels where the rig records both sides
        (0 the prompt's, 1 the reply's).
    timeline : Timeline
        Events on the take's monotonic clock; 0 is the start of the take.
    turns : tuple of Turn
    """

    id: str
    scenario: str
    config: ClientConfig
    environment: Mapping[str, Any]
    seed: int
    clips: Mapping[Tap, Clip]
    timeline: Timeline
    turns: tuple[Turn, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", MappingProxyType(dict(self.environment)))
        object.__setattr__(self, "clips", MappingProxyType(dict(self.clips)))

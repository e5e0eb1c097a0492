"""A take: everything about one session that metrics and rules may read."""

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
    """One prompt and its reply, and where both are in the recordings of the taps.

    Parameters
    ----------
    index : int
        0 for the first turn of the session.
    prompt_name : str
        Name in prompts.toml, or the stem of the user's own file.
    start_s, end_s : float
        Start and end of this turn on the take's clock.
    speech_start_s, speech_end_s : float or None
        When the prompt's speech began and ended, on the take's clock, by the timestamps of the device that played it
        (where the speech is in the file comes from prompts.toml or was detected); None if the prompt was not played. In
        a session that was only watched on the wire, the times at which the speech found in `sent` passed.
    prompt_spans : mapping of Tap to (start_frame, end_frame)
        Frames of `prompt`, `captured`, `sent`, `heard` that carry the prompt, with a margin.
    reply_spans : mapping of Tap to (start_frame, end_frame)
        Frames of `received` (exact), `played`, `heard` (with a margin) that carry the reply. Taps without a reply
        have no entry. Of a reply that was interrupted, the part that was played.
    barge_in : bool
        The prompt was meant to interrupt the reply of the turn before.
    """

    index: int
    prompt_name: str
    start_s: float
    end_s: float
    speech_start_s: float | None = None
    speech_end_s: float | None = None
    prompt_spans: Mapping[Tap, Span] = field(default_factory=dict)
    reply_spans: Mapping[Tap, Span] = field(default_factory=dict)
    barge_in: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt_spans", MappingProxyType(dict(self.prompt_spans)))
        object.__setattr__(self, "reply_spans", MappingProxyType(dict(self.reply_spans)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Take:
    """One session of one or more turns, frozen.

    Parameters
    ----------
    id : str
        Number within the run, "0001" and so on.
    scenario : str
        Name of the configuration, for display only; metrics and rules cannot see it.
    config : ClientConfig
        Settings of the client, without those of the emulator, planted faults and expectations.
    environment : mapping
        Versions, platform, devices, audio backend, endpoint kind. JSON-ready.
    seed : int
        Seed of every random choice in the take.
    clips : mapping of Tap to Clip
        One clip per recorded tap; each spans the whole session. `heard` has two channels if both sides were recorded
        (0 for the prompt, 1 for the reply).
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

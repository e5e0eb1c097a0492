"""What happened when: events on one monotonic clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened.

    Parameters
    ----------
    t_s : float
        Seconds on the take's monotonic clock.
    name : str
        What happened; the vocabulary is in docs/architecture.md.
    source : str
        Who saw it: "audio", "client", "service" or "harness".
    data : mapping
        JSON-ready details.
    """

    t_s: float
    name: str
    source: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", MappingProxyType(dict(self.data)))

    def to_json(self) -> dict[str, Any]:
        """The event as one JSON object."""
        return {"t_s": self.t_s, "name": self.name, "source": self.source, "data": dict(self.data)}


@dataclass(frozen=True)
class Timeline:
    """Events in order of time."""

    events: tuple[Event, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(sorted(self.events, key=lambda event: event.t_s)))

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def named(self, *names: str, start_s: float = float("-inf"), end_s: float = float("inf")) -> tuple[Event, ...]:
        """Events of these names with start_s <= t_s < end_s, in order of time."""
        return tuple(event for event in self.events if event.name in names and start_s <= event.t_s < end_s)

    def first(self, *names: str, start_s: float = float("-inf"), end_s: float = float("inf")) -> Event | None:
        """The earliest event of these names in the span, or None."""
        return next(iter(self.named(*names, start_s=start_s, end_s=end_s)), None)

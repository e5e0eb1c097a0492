"""State of one turn of a conversation: whether its reply is awaited, arriving, complete, timed out or lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from diag.core.client_config import TurnConfig

SILENT_GRACE_S = 1.0
"""If the service completes a turn without content, wait this long in case the content comes late."""


class Phase(StrEnum):
    """State of a turn."""

    AWAITED = "awaited"
    COMING = "coming"
    COMPLETE = "complete"
    TIMED_OUT = "timed_out"
    LOST = "lost"


@dataclass(kw_only=True)
class TurnFollower:
    """Follow one turn: take its events, and return its phase at a given time.

    All times are in seconds on the same clock.

    Parameters
    ----------
    patience : TurnConfig
        How long to wait for the first content of the reply and for its end.
    """

    patience: TurnConfig
    prompt_ended_s: float | None = None
    _content_s: float | None = None
    _last_content_s: float | None = None
    _complete_s: float | None = None
    _lost: bool = False

    def prompt_ended(self, t_s: float) -> None:
        """Note that the last frame of the prompt was played at `t_s`."""
        self.prompt_ended_s = t_s

    def content(self, t_s: float) -> None:
        """Note that audio or text of a reply arrived at `t_s`."""
        self._content_s = t_s if self._content_s is None else self._content_s
        self._last_content_s = t_s
        self._complete_s = None

    def complete(self, t_s: float) -> None:
        """Note that the service reported its turn as complete at `t_s`."""
        self._complete_s = t_s

    def lost(self) -> None:
        """Note that the connection was lost."""
        self._lost = True

    @property
    def begun(self) -> bool:
        """Whether content of the reply has arrived."""
        return self._content_s is not None

    @property
    def last_s(self) -> float:
        """Time of the latest content or end of the reply; minus infinity if there was none."""
        return max(self._last_content_s or -math.inf, self._complete_s or -math.inf)

    def phase(self, t_s: float) -> Phase:
        """Return the phase of the turn at `t_s`; playout is not considered."""
        if self._lost:
            return Phase.LOST
        if self.prompt_ended_s is None:
            return Phase.AWAITED
        if self._answered_after_prompt():
            return self._phase_with_content(t_s)
        if self._complete_s is not None and self._complete_s >= self.prompt_ended_s and self._content_s is None:
            return Phase.TIMED_OUT if t_s - self._complete_s > SILENT_GRACE_S else Phase.AWAITED
        return Phase.TIMED_OUT if t_s - self.prompt_ended_s > self.patience.reply_timeout_s else Phase.AWAITED

    def _answered_after_prompt(self) -> bool:
        # A reply that was complete before the prompt ended answered a pause in the prompt; the reply to the whole
        # prompt comes later.
        if self._content_s is None or self.prompt_ended_s is None:
            return False
        return self._complete_s is None or self._complete_s >= self.prompt_ended_s

    def _phase_with_content(self, t_s: float) -> Phase:
        if self._complete_s is not None:
            return Phase.COMPLETE
        assert self._content_s is not None
        return Phase.TIMED_OUT if t_s - self._content_s > self.patience.reply_max_s else Phase.COMING

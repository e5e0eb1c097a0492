"""A profile: the settings under which sessions run, what they know, and what they share."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from diag.emulator.bank import Bank
from diag.emulator.settings import EmulatorSettings
from diag.emulator.truth import TruthLog

HANDLE_LIFE_S = 7200.0
"""Resumption handles are good for two hours."""
MAX_HANDLES = 10_000


@dataclass(kw_only=True)
class Remembered:
    """What a resumption handle stands for."""

    model: str
    turns: int
    elapsed_s: float
    open_session: int | None
    written_s: float


@dataclass(kw_only=True, eq=False)
class Profile:
    """One set of settings with its own sessions, numbers and handles.

    Parameters
    ----------
    name : str
        Part of the path that leads to it; empty for the one served at the root.
    transcript_dir : Path or None
        Where each session's frames and audio are kept.
    sessions : int
        Attempts so far.
    live : set of int
        Numbers of the sessions open now.
    handles, tokens : dict
        Given out and still good, oldest first.
    """

    name: str
    settings: EmulatorSettings
    seed: int
    bank: Bank
    truth: TruthLog
    transcript_dir: Path | None = None
    sessions: int = 0
    live: set[int] = field(default_factory=set)
    handles: dict[str, Remembered] = field(default_factory=dict)
    tokens: dict[str, None] = field(default_factory=dict)

    def next_session(self) -> int:
        """The number of a new session, from 1."""
        self.sessions += 1
        return self.sessions

    def note(self, event: str, *, t_s: float | None = None, **data: object) -> None:
        """Write a line of truth."""
        self.truth.write(self.name, event, t_s=t_s, **data)

    def accepts(self, key: str) -> bool:
        """Whether a key or token opens this profile."""
        return not self.settings.keys or key in self.settings.keys or key in self.tokens

    def new_token(self) -> str:
        """The name of an ephemeral token, which opens this profile from now on."""
        while len(self.tokens) >= MAX_HANDLES:
            self.tokens.pop(next(iter(self.tokens)))
        name = f"auth_tokens/{secrets.token_hex(32)}"
        self.tokens[name] = None
        return name

    def remember(self, handle: str, state: Remembered) -> None:
        """Keep a handle; the oldest gives way when there are too many."""
        while len(self.handles) >= MAX_HANDLES:
            self.handles.pop(next(iter(self.handles)))
        self.handles[handle] = state

    def recall(self, handle: str) -> Remembered | None:
        """What a handle stands for; None for one that is unknown or too old."""
        state = self.handles.get(handle)
        if state is None or time.perf_counter() - state.written_s > HANDLE_LIFE_S:
            return None
        return state


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """What the HTTP request said, before any WebSocket message.

    Parameters
    ----------
    version : str
        API version of the path.
    credential : str or None
        What was presented; never written anywhere.
    via : str
        Where it stood.
    agent : str
        The client's own name.
    firebase : bool
        By way of Firebase, whose model names have a form of their own.
    """

    version: str
    vertex: bool
    constrained: bool
    credential: str | None
    via: str
    agent: str
    firebase: bool = False

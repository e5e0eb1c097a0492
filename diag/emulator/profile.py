"""Profile of the emulator: settings, recordings and state that its sessions share."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from diag.emulator.bank import Bank
from diag.emulator.settings import EmulatorSettings
from diag.emulator.truth import TruthLog

HANDLE_LIFE_S = 7200.0
"""Resumption handles are valid for two hours."""
MAX_HANDLES = 10_000
"""Most handles, and most tokens, that a profile keeps."""


@dataclass(kw_only=True)
class Remembered:
    """State of a session that a resumption handle refers to.

    Parameters
    ----------
    elapsed_s : float
        Age of the session over all its connections.
    open_session : int or None
        Number of the connection's session while it is open; None once the handle may be used.
    written_s : float
        When the handle was made, on the `time.perf_counter` clock.
    """

    model: str
    turns: int
    elapsed_s: float
    open_session: int | None
    written_s: float


@dataclass(kw_only=True, eq=False)
class Profile:
    """One set of settings with its own sessions, session numbers and handles.

    Parameters
    ----------
    name : str
        Name in the path of the profile; empty for the profile served at the root.
    transcript_dir : Path or None
        Folder in which the frames and audio of each session are kept; None to keep none.
    sessions : int
        Number of session attempts so far.
    live : set of int
        Numbers of the open sessions.
    handles, tokens : dict
        Handles and tokens given to clients, oldest first.
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
        """Return the number of a new session, from 1."""
        self.sessions += 1
        return self.sessions

    def note(self, event: str, *, t_s: float | None = None, **data: object) -> None:
        """Write an event of this profile to the truth log."""
        self.truth.write(self.name, event, t_s=t_s, **data)

    def accepts(self, key: str) -> bool:
        """Return whether a key or token is accepted; without the setting `keys`, every one is."""
        return not self.settings.keys or key in self.settings.keys or key in self.tokens

    def new_token(self) -> str:
        """Return the name of a new ephemeral token, which is accepted from now on."""
        while len(self.tokens) >= MAX_HANDLES:
            self.tokens.pop(next(iter(self.tokens)))
        name = f"auth_tokens/{secrets.token_hex(32)}"
        self.tokens[name] = None
        return name

    def remember(self, handle: str, state: Remembered) -> None:
        """Store a handle; the oldest one is dropped when there are more than `MAX_HANDLES`."""
        while len(self.handles) >= MAX_HANDLES:
            self.handles.pop(next(iter(self.handles)))
        self.handles[handle] = state

    def recall(self, handle: str) -> Remembered | None:
        """Return the state that a handle refers to; None if it is unknown or too old."""
        state = self.handles.get(handle)
        if state is None or time.perf_counter() - state.written_s > HANDLE_LIFE_S:
            return None
        return state


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """Facts from the HTTP request that opened the WebSocket.

    Parameters
    ----------
    version : str
        API version in the path.
    vertex : bool
        The path is one of Vertex AI.
    constrained : bool
        The path is the one for ephemeral tokens.
    credential : str or None
        Key or token of the request; it is not logged.
    via : str
        Where in the request the key or token was found.
    agent : str
        User-Agent header of the client.
    firebase : bool
        The path is one of Firebase, which spells model names in its own way.
    """

    version: str
    vertex: bool
    constrained: bool
    credential: str | None
    via: str
    agent: str
    firebase: bool = False
